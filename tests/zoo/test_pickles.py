"""Checkpoints made to harm: small files that claim to be large, and three hundred damaged ones."""

from __future__ import annotations

import random
import resource
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from nlsr_cli.errors import NlsrError, WeightsCorrupt, WeightsMismatch
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.zoo.convert import convert
from nlsr_cli.zoo.infer import expected_shapes

SMALL = NLSNConfig(scale=2, n_feats=4, n_resblocks=0, reduction=2)
LARGER = NLSNConfig(scale=2, n_feats=64, n_resblocks=8)


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(NLSN(SMALL).state_dict())


def one_number(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.full((1,), -0.4488, dtype=torch.float16).expand(shape)


def shared() -> dict[str, torch.Tensor]:
    """Every tensor of a network, all of them views of the same storage."""
    shapes = expected_shapes(LARGER)
    storage = torch.full((1,), -0.4488).repeat(max(torch.Size(shape).numel() for shape in shapes.values()))
    return {name: storage[: torch.Size(shape).numel()].view(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "content",
    [
        {"head.0.weight": one_number((2**24,))},
        {"head.0.weight": one_number((2**61,))},
        {name: one_number(shape) for name, shape in expected_shapes(LARGER).items()},
        shared(),
    ],
    ids=["one tensor", "beyond any memory", "a whole network", "shared storage"],
)
def test_tensors_larger_than_their_file(content: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(WeightsCorrupt, match="its tensors would take"):
        convert(tmp_path / "model.pt", tmp_path / "out")


def test_numbers_are_converted_only_when_the_shapes_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("converted before the shapes were checked")

    torch.save({"head.0.weight": torch.zeros(9, dtype=torch.float16)}, tmp_path / "model.pt")
    monkeypatch.setattr(torch.Tensor, "to", refuse)
    monkeypatch.setattr(torch.Tensor, "float", refuse)
    with pytest.raises(WeightsMismatch):
        convert(tmp_path / "model.pt", tmp_path / "out")


@pytest.mark.parametrize(
    "value", [torch.zeros(3, device="meta"), torch.zeros(3, dtype=torch.complex64)], ids=["no storage", "complex"]
)
def test_tensors_of_other_kinds(value: torch.Tensor, tmp_path: Path) -> None:
    torch.save({"head.0.weight": value}, tmp_path / "model.pt")
    with pytest.raises((WeightsMismatch, WeightsCorrupt)):
        convert(tmp_path / "model.pt", tmp_path / "out")


def test_a_parameter_with_attributes_of_its_own(tmp_path: Path) -> None:
    value: Any = torch.nn.Parameter(torch.zeros(3))
    value.detach = value.is_floating_point = value.shape_of = 3
    torch.save({"head.0.weight": value}, tmp_path / "model.pt")
    with pytest.raises((WeightsMismatch, WeightsCorrupt)):
        convert(tmp_path / "model.pt", tmp_path / "out")


def test_archive_entries_that_share_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data/0", bytes(10_000))
        first = archive.infolist()[0]
        for index in range(1, 4):
            entry = zipfile.ZipInfo(f"model/data/{index}")
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
            archive.filelist.append(entry)
    with pytest.raises(WeightsCorrupt, match="claims more bytes than it has"):
        convert(path, tmp_path / "out")


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def doubled() -> bytes:
    """Return a pickle that encodes a text as hexadecimal digits, and those again: 64 GiB by 30 steps."""
    steps = b"".join(text("hex") + b"\x86R" for _ in range(30))
    return (
        b"\x80\x02}"
        + text("x")
        + b"c_codecs\nencode\n" * 31
        + text("a" * 64)
        + text("latin1")
        + b"\x86R"
        + steps
        + b"s."
    )


def counted() -> bytes:
    """Return a pickle that asks for 64 GiB of zeros by their number."""
    return (
        b"\x80\x02}" + text("x") + b"c__builtin__\nbytearray\n\x8a\x05" + (1 << 36).to_bytes(5, "little") + b"\x85Rs."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize("bomb", [doubled, counted])
def test_pickles_that_grow_without_end(bomb: Any, tmp_path: Path) -> None:
    """torch lets them call what makes bytes, so that a file of a kilobyte takes what memory there is."""
    path = tmp_path / "model.pt"
    torch.save(state(), path)
    with zipfile.ZipFile(path) as sound:
        entries = {name: sound.read(name) for name in sound.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, bomb() if name.endswith("data.pkl") else data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsCorrupt, match="takes far more memory to read than its"):
        convert(path, tmp_path / "out")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 << 20  # KiB
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def broken_directory(data: bytes) -> bytes:
    """Damage the first entry of a zip archive's directory, and leave its end record as it is."""
    start = data.index(b"PK\x01\x02")
    return data[:start] + b"XX" + data[start + 2 :]


def unreadable_names(data: bytes) -> bytes:
    """Mark a name in the directory as UTF-8, and make it something else."""
    start = data.index(b"PK\x01\x02")
    (flags,) = struct.unpack_from("<H", data, start + 8)
    return (
        data[: start + 8]
        + struct.pack("<H", flags | 0x800)
        + data[start + 10 : start + 46]
        + b"\xff"
        + data[start + 47 :]
    )


@pytest.mark.parametrize(
    "damage",
    [
        broken_directory,
        unreadable_names,
        lambda _: b"\x80\x02X\x05",
        lambda _: b"\x80\x02N.",
        lambda _: b"PK\x05\x06" + bytes(18),
    ],
    ids=["directory", "names", "pickle that breaks off", "None", "empty archive"],
)
def test_damage_that_each_reader_meets_in_its_own_way(damage: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(state(), path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(NlsrError) as caught:
        convert(path, tmp_path / "out")
    assert "\n" not in caught.value.message


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut, overwrite or repeat some of `data`; most often where its structure is, not in the numbers."""
    if dice.random() < 0.2:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    ends = [range(min(600, len(data))), range(max(0, len(data) - 1500), len(data)), range(len(data))]
    for _ in range(dice.choice((1, 1, 2, 8))):
        changed[dice.choice(dice.choice(ends))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return bytes(changed)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_damage_never_ends_in_a_foreign_error(zipped: bool, tmp_path: Path) -> None:
    path, dice = tmp_path / "model.pt", random.Random(6)
    torch.save(state(), path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    said = []
    for _ in range(150):
        path.write_bytes(mutated(data, dice))
        try:
            convert(path, tmp_path / "out", overwrite=True)
        except NlsrError as exc:
            said.append(exc.message + exc.hint)
    assert len(said) > 30
    assert "\n" not in "".join(said)
