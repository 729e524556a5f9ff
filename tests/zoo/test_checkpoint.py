"""Loading is strict, hashed and bounded; saving is atomic and repeatable."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nlsr_cli.errors import ModelError, OptionError, UnknownModel, WeightsCorrupt, WeightsMismatch
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.zoo import EMBEDDED, describe, load_model, resolve, save_model, verify
from nlsr_cli.zoo.card import CardFacts, licence_of, multiply_adds, write_card
from nlsr_cli.zoo.header import MAX_HEADER_BYTES, read_header
from nlsr_cli.zoo.infer import expected_shapes
from nlsr_cli.zoo.source import check_digests

TINY = NLSNConfig(scale=2, n_feats=8, n_resblocks=9, n_hashes=2, chunk_size=16, reduction=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound tiny model of the published layout, with its config beside it and in its header."""
    torch.manual_seed(0)
    save_model(NLSN(TINY), tmp_path / "tiny", "---\nlicense: mit\n---\n")
    return tmp_path / "tiny"


def load(folder: Path) -> NLSN:
    return load_model(resolve(str(folder), None))


def resave(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Rewrite the weights with the library's own writer after `change`, without a config in the header."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_weights_load_and_run(name: str) -> None:
    model = load_model(resolve(name, None))
    assert not model.training
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    with torch.inference_mode():
        sr = model(torch.full((1, 3, 20, 20), 0.5))
    assert sr.shape[-1] == 20 * EMBEDDED[name].scale
    assert (sr - 0.5).abs().max() < 0.1, "a grey picture stays grey"
    assert all(finding.ok for finding in verify(resolve(name, None)))


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_mixin_reads_our_folders(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = NLSN.from_pretrained(EMBEDDED[name].folder)
    ours = load_model(resolve(name, None))
    assert theirs.config == ours.config
    torch.testing.assert_close(theirs.state_dict(), ours.state_dict(), rtol=0, atol=0)
    capsys.readouterr()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_one_changed_byte_in_an_embedded_file(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EMBEDDED["nlsn-lite-x4"].folder, tmp_path / "nlsn-lite-x4")
    monkeypatch.setattr("nlsr_cli.zoo.registry.weights_root", lambda: tmp_path)
    path = tmp_path / "nlsn-lite-x4" / file
    data = path.read_bytes()
    changed = data.replace(b'"n_hashes": 1', b'"n_hashes": 4') if file == "config.json" else data[:-1] + b"\x01"
    assert changed != data
    path.write_bytes(changed)
    source = resolve("nlsn-lite-x4", None)
    with pytest.raises(WeightsCorrupt, match="SHA-256 differs") as caught:
        load_model(source)
    assert "force-reinstall" in caught.value.hint
    assert next(finding.check for finding in verify(source) if not finding.ok) == f"{file} is unaltered"
    path.unlink()
    with pytest.raises(WeightsCorrupt, match="is missing from"):
        resolve("nlsn-lite-x4", None)


def test_a_file_that_is_exchanged_for_another_sound_one(folder: Path) -> None:
    source = replace(resolve(str(folder), None), sha256={"model.safetensors": "0" * 64})
    with pytest.raises(WeightsCorrupt, match="not the file that was published"):
        check_digests(source)


@pytest.mark.parametrize(
    "config", [TINY, replace(TINY, scale=3), replace(TINY, scale=4, upsampler="pixelshuffledirect")]
)
def test_save_and_load_round_trip(config: NLSNConfig, tmp_path: Path) -> None:
    model = NLSN(config)
    save_model(model, tmp_path / "a", "card")
    save_model(model, tmp_path / "b", "card")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), "the same model gives the same bytes"
    again = load(tmp_path / "a")
    assert again.config == config
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == expected_shapes(config)
    assert load_file(tmp_path / "a" / "model.safetensors").keys() == model.state_dict().keys()


def test_saving_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save_model(NLSN(TINY), tmp_path / "file", "card")


def test_a_failed_save_leaves_the_old_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        save_model(NLSN(TINY), folder, "another card")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_half_precision_storage_loads_as_float32(folder: Path) -> None:
    whole = load(folder)
    resave(folder, lambda tensors: tensors.update({name: tensor.half() for name, tensor in tensors.items()}))
    half = load(folder)
    assert {tensor.dtype for tensor in half.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(half.state_dict(), whole.state_dict(), rtol=1e-3, atol=1e-3)


def test_saving_in_half_precision(folder: Path) -> None:
    """Half the bytes, the same network but for rounding, sound to `verify`; never infinity where there was a number."""
    whole, size = load(folder), (folder / "model.safetensors").stat().st_size
    save_model(whole, folder, write_card(CardFacts("tiny", TINY, store="float16")), store="float16")
    assert (folder / "model.safetensors").stat().st_size < 0.8 * size  # the header of so small a model weighs much
    assert {entry.dtype for entry in read_header(folder / "model.safetensors").tensors.values()} == {"F16"}
    torch.testing.assert_close(load(folder).state_dict(), whole.state_dict(), rtol=1e-3, atol=1e-4)
    assert all(finding.ok for finding in verify(resolve(str(folder), None)))
    assert "holds float16 tensors" in (folder / "README.md").read_text()
    with torch.no_grad():
        whole.head[0].bias.fill_(1e6)
    with pytest.raises(ModelError, match=r"head\.0\.bias holds values too large for float16"):
        save_model(whole, folder, "card", store="float16")
    with pytest.raises(OptionError, match="unknown storage 'float61'"):
        save_model(whole, folder, "card", store="float61")


def test_weights_without_any_config(folder: Path) -> None:
    resave(folder, lambda _: None)
    (folder / "config.json").unlink()
    source = resolve(str(folder), None)
    assert source.network == replace(TINY, chunk_size=144, n_hashes=4, res_scale=0.1)
    assert "taken from the published model" in source.notes[0]
    direct = NLSN(replace(TINY, upsampler="pixelshuffledirect"))
    save_file(direct.state_dict(), folder / "model.safetensors")
    with pytest.raises(WeightsMismatch, match=r"no config\.json beside it") as caught:
        resolve(str(folder), None)
    assert "nlsr models convert" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("body.3.body.0.weight"), r"missing body\.3\.body\.0\.weight"),
        (lambda t: t.update(extra=torch.zeros(1)), "unexpected extra"),
        (lambda t: t.update({"head.0.bias": torch.zeros(9)}), r"head\.0\.bias \(9 where 8 is expected\)"),
        (lambda t: [t.pop(name) for name in list(t) if ".body." in name], "and 33 more"),
        (lambda t: t.update({"tail.1.bias": torch.zeros(3, dtype=torch.int64)}), r"tail\.1\.bias is stored as I64"),
        (lambda t: t.update({"tail.1.bias": torch.zeros(3, dtype=torch.bfloat16)}), "stored as BF16"),
    ],
)
def test_tensors_of_another_network(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any], said: str) -> None:
    resave(folder, change)
    with pytest.raises(WeightsMismatch, match=said):
        load(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(folder: Path, value: float) -> None:
    resave(folder, lambda tensors: tensors["tail.1.bias"].fill_(value))
    with pytest.raises(WeightsCorrupt, match=r"tail\.1\.bias holds NaN or infinity"):
        load(folder)


def test_a_config_that_asks_for_more_than_the_file_holds(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"n_feats": 1024, "n_resblocks": 256}))  # 19 GB, were it built
    with pytest.raises(WeightsMismatch, match="the tensors are not those of its config"):
        load(folder)


def test_every_truncation_is_noticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    for size in (0, 4, 8, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(WeightsCorrupt):
            load(folder)
    path.write_bytes(data + b"\0")
    with pytest.raises(WeightsCorrupt, match="longer than its tensors"):
        load(folder)


def framed(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape: list[Any], begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HOSTILE = {
    "a header of 2^63 bytes": framed({}, length=2**63),
    "a header beyond the file": framed({}, length=1000),
    "a header over the bound": framed(b"{" + b" " * MAX_HEADER_BYTES + b"}"),
    "nested without end": framed(b'{"a":' + b"[" * 200_000),
    "a number of 5000 digits": framed(b'{"a":' + b"9" * 5000 + b"}"),
    "not UTF-8": framed(b'{"\xff": 1}'),
    "a list": framed([1]),
    "a name twice": framed(b'{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":1}', bytes(4)),
    "too many tensors": framed({str(index): 0 for index in range(10_001)}),
    "overlapping tensors": framed({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    "a gap": framed({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, bytes(12)),
    "offsets beyond the file": framed({"a": entry([10**9], 0, 4 * 10**9)}, bytes(4)),
    "a shape that does not fit its bytes": framed({"a": entry([10**9, 10**9], 0, 4)}, bytes(4)),
    "a negative size": framed({"a": entry([-1], 0, -4)}),
    "a size that is no number": framed({"a": entry(["1"], 0, 4)}, bytes(4)),
    "a true size": framed({"a": entry([True], 0, 4)}, bytes(4)),
    "a hundred dimensions": framed({"a": entry([1] * 100, 0, 4)}, bytes(4)),
    "backward offsets": framed({"a": entry([0], 4, 4)}, bytes(2)),
    "an unknown type": framed({"a": entry([1], 0, 4, dtype="F99")}, bytes(4)),
    "a type that is a list": framed({"a": entry([1], 0, 4, dtype=["F32"])}, bytes(4)),
    "an entry that is a number": framed({"a": 3}),
    "metadata that is no map": framed({"__metadata__": [1]}),
    "a zip archive": b"PK\x03\x04" + bytes(100),
    "a pickle": pickle.dumps({"a": 1}),
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "a git pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_weights_files(data: bytes, folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsCorrupt) as caught:
        load(folder)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        read_header(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        read_header(tmp_path)


def test_verification_of_a_local_model(folder: Path) -> None:
    findings = verify(resolve(str(folder), None))
    assert [finding.ok for finding in findings] == [True] * 4
    assert "no published SHA-256" in findings[0].detail
    resave(folder, lambda tensors: tensors["tail.1.bias"].fill_(float("nan")))
    assert [finding.ok for finding in verify(resolve(str(folder), None))] == [True, True, True, False]


def test_model_cards() -> None:
    for model in EMBEDDED.values():
        card = (model.folder / "README.md").read_text()
        assert licence_of(card) == model.licence
        assert f"| Set5 | {model.psnr:.2f} | {model.ssim:.4f} |" in card
        assert f"{model.parameters / 1e6:.2f} M parameters" in card
        assert ("BSDS500" in card) == (model.licence == "research-only")  # pictures that are for research only
        assert ("PHOTOGRAPHS.md" in card) == (model.licence != "research-only")
    assert round(multiply_adds(describe(resolve("lite", 4)).config) / 1e6, 2) == 0.33
    card = write_card(CardFacts("a", TINY, licence="mit"))
    assert licence_of(card) == "mit"
    assert "pipeline_tag: image-to-image" in card
    assert licence_of("no front matter") is None
    assert licence_of("---\nlicense: mit\n") is None
