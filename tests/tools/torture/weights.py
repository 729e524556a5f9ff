"""Mutated checkpoints: safetensors, config.json, and pickles that would run a program if anybody let them."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.zoo.checkpoint import encode_weights
from tests.tools.torture.mutate import PLAIN

SETTINGS = {"scale": 2, "n_feats": 8, "n_resblocks": 1, "n_hashes": 2, "chunk_size": 16, "res_scale": 1.0}
NUMBERS = (0, 1, -1, 2**15, 2**31, 2**53, 2**63, 2**64, 10**30, 0.5, 1e308, -0.0)
NONSENSE: tuple[Any, ...] = (
    None,
    True,
    "",
    "x" * 5000,
    "../../etc/passwd",
    [],
    {},
    [[[[]]]],
    "\u202e\x1b[31m",
    {"a": []},
)


@dataclass
class Checkpoint:
    """One damaged checkpoint: its files by name, and the damage. `pickled` goes through convert, the rest is loaded."""

    damage: str
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def pickled(self) -> str:
        """Return the name of the pickled file, "" where there is none."""
        return next((name for name in self.files if name.endswith(".pt")), "")


@lru_cache(maxsize=2)
def network(upsampler: str = "pixelshuffledirect") -> NLSN:
    """Return a small random network, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return NLSN(NLSNConfig.from_dict({**SETTINGS, "upsampler": upsampler})).eval()


@lru_cache(maxsize=1)
def sound() -> dict[str, bytes]:
    """Return the files of a sound model."""
    config = json.dumps(asdict(network().config), indent=2) + "\n"
    return {"config.json": config.encode(), "model.safetensors": encode_weights(network().state_dict(), config)}


@lru_cache(maxsize=2)
def sound_pickle(*, zipped: bool = True) -> bytes:
    """Return a checkpoint as training programs save it, in the format of today or in that before torch 1.6."""
    buffer = io.BytesIO()
    torch.save(network("pixelshuffle").state_dict(), buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def checkpoint(rng: random.Random, canary: Path) -> Checkpoint:
    """Return a damaged checkpoint; whatever of it is executed creates the file `canary`."""
    name = rng.choice(list(KINDS))
    return KINDS[name](rng, canary)


# safetensors and config.json


def _damaged_weights(rng: random.Random, canary: Path) -> Checkpoint:
    name = rng.choice(list(PLAIN))
    data = sound()["model.safetensors"]
    # Mostly in the header: behind it there are only numbers.
    (length,) = struct.unpack_from("<Q", data)
    head, rest = data[: 8 + length], data[8 + length :]
    other = sound()["config.json"]
    data = PLAIN[name](head, rng, other) + rest if rng.random() < 0.7 else PLAIN[name](data, rng, other)
    return Checkpoint(f"weights: {name}", {**_with_config(rng), "model.safetensors": data})


def _edited_header(rng: random.Random, canary: Path) -> Checkpoint:
    data = sound()["model.safetensors"]
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    for _ in range(rng.choice((1, 1, 3))):
        what, name = rng.choice(list(_EDITS)), rng.choice(names)
        _EDITS[what](header, name, rng)
    text = json.dumps(header).encode()
    if rng.random() < 0.1:
        text = text.replace(b"{", b"{" * 1, 1)[:-1] + b',"deep":' + b"[" * 20000 + b"]" * 20000 + b"}"
    size = rng.choice((len(text),) * 8 + (0, 2**20, 2**40, 2**63, 2**64 - 1))
    return Checkpoint(
        f"header: {what}",
        {**_with_config(rng), "model.safetensors": struct.pack("<Q", size) + text + data[8 + length :]},
    )


def _edit_shape(header: dict[str, Any], name: str, rng: random.Random) -> None:
    if isinstance(header.get(name), dict) and isinstance(header[name].get("shape"), list):
        header[name]["shape"] = [rng.choice(NUMBERS) for _ in range(rng.choice((0, 1, 4, 9, 300)))]


def _edit_offsets(header: dict[str, Any], name: str, rng: random.Random) -> None:
    if isinstance(header.get(name), dict):
        header[name]["data_offsets"] = [rng.choice(NUMBERS), rng.choice(NUMBERS)]


def _edit_type(header: dict[str, Any], name: str, rng: random.Random) -> None:
    if isinstance(header.get(name), dict):
        header[name]["dtype"] = rng.choice(("F64", "BF16", "I64", "BOOL", "F8_E4M3", "F128", *NONSENSE[:4]))


def _edit_name(header: dict[str, Any], name: str, rng: random.Random) -> None:
    if name in header:
        header[rng.choice(("x" * 100000, "\x1b[2J", "../..", "", "body.0", name + "2"))] = header.pop(name)


def _edit_entry(header: dict[str, Any], name: str, rng: random.Random) -> None:
    header[rng.choice((name, "__metadata__"))] = rng.choice(NONSENSE)


def _edit_config(header: dict[str, Any], name: str, rng: random.Random) -> None:
    header["__metadata__"] = {"nlsr_config": _bad_config(rng).decode("latin-1")}


_EDITS: dict[str, Callable[[dict[str, Any], str, random.Random], None]] = {
    "shape": _edit_shape,
    "offsets": _edit_offsets,
    "type": _edit_type,
    "name": _edit_name,
    "entry": _edit_entry,
    "config": _edit_config,
}


def _with_config(rng: random.Random) -> dict[str, bytes]:
    return {"config.json": sound()["config.json"]} if rng.random() < 0.5 else {}


def _edited_config(rng: random.Random, canary: Path) -> Checkpoint:
    return Checkpoint("config", {**sound(), "config.json": _bad_config(rng)})


def _bad_config(rng: random.Random) -> bytes:
    values: dict[str, Any] = asdict(network().config)
    for _ in range(rng.choice((1, 2))):
        key = rng.choice([*values, "unknown", "__class__"])
        values[key] = rng.choice((*NUMBERS, *NONSENSE))
    text = json.dumps(values).encode()
    kind = rng.random()
    if kind < 0.2:
        return PLAIN[rng.choice(list(PLAIN))](text, rng, text)
    if kind < 0.3:
        deep = b"[" * 50000 + b"]" * 50000
        return rng.choice((deep, b'{"a":' * 20000, b"1e999", b"NaN", b"", b"\xff\xfe{\0}\0", b"0" * 70000))
    return text


def _poisoned(rng: random.Random, canary: Path) -> Checkpoint:
    """Change numbers alone: the file is sound, and what comes out of the network may be nothing that is a picture."""
    data = bytearray(sound()["model.safetensors"])
    (length,) = struct.unpack_from("<Q", data)
    for _ in range(rng.choice((1, 10, 200))):
        at = 8 + length + 4 * rng.randrange((len(data) - 8 - length) // 4)
        data[at : at + 4] = struct.pack("<f", rng.choice((1e38, -1e38, 1e-45, 3e38, 65504.0, 1e10)))
    if rng.random() < 0.2:
        data[-4:] = struct.pack("<f", rng.choice((float("nan"), float("inf"))))
    return Checkpoint("poisoned numbers", {**sound(), "model.safetensors": bytes(data)})


# pickles


class Bomb:
    """Unpickled by Python itself, it calls what it was given."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._what = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._what


def _bombs(canary: Path) -> list[Bomb]:
    import subprocess

    code = f"open({str(canary)!r}, 'w').close()"
    return [
        Bomb(os.system, f"touch {canary}"),
        Bomb(eval, code),
        Bomb(exec, code),
        Bomb(subprocess.getoutput, f"touch {canary}"),
        Bomb(open, str(canary), "w"),
        Bomb(Path.touch, canary),
        Bomb(torch.save, {}, str(canary)),
        Bomb(torch.load, str(canary)),
        Bomb(os.popen, f"touch {canary}"),
        Bomb(bytearray, 2**40),
        Bomb(torch._utils._rebuild_tensor_v2, None, 0, (2**30, 2**10), (1, 1), False, {}),
    ]


def _bombed(rng: random.Random, canary: Path) -> Checkpoint:
    bomb = rng.choice(_bombs(canary))
    state: dict[Any, Any] = dict(network("pixelshuffle").state_dict())
    place = rng.randrange(5)
    if place == 0:
        state["head.0.weight"] = bomb
    loaded: Any = [state, bomb, {"params": state, "x": bomb}, [bomb] * 3, {bomb: 1}][place]
    kind = rng.randrange(3)
    if kind == 0:
        data = pickle.dumps(loaded, protocol=rng.choice((0, 2, 4)))
    else:
        buffer = io.BytesIO()
        torch.save(loaded, buffer, _use_new_zipfile_serialization=kind == 1)
        data = buffer.getvalue()
    if rng.random() < 0.2:
        data = PLAIN[rng.choice(list(PLAIN))](data, rng, data)
    return Checkpoint("bomb", {rng.choice(("model.pt", "model.pt", "weights.pt")): data})


def _damaged_pickle(rng: random.Random, canary: Path) -> Checkpoint:
    data = sound_pickle(zipped=rng.random() < 0.5)
    name = rng.choice(list(PLAIN))
    return Checkpoint(f"pickle: {name}", {"model.pt": PLAIN[name](data, rng, sound_pickle(zipped=False))})


def _damaged_archive(rng: random.Random, canary: Path) -> Checkpoint:
    """Put other things into the archive: a bomb instead of the list of tensors, packed data, names that climb."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound_pickle())) as old, zipfile.ZipFile(buffer, "w") as new:
        how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        for item in old.infolist():
            data = old.read(item)
            if item.filename.endswith("data.pkl"):
                data = PLAIN[rng.choice(list(PLAIN))](data, rng, pickle.dumps(rng.choice(_bombs(canary)), protocol=2))
            name = item.filename if rng.random() < 0.97 else f"../../{canary}{len(new.namelist())}"
            new.writestr(name, data if rng.random() < 0.97 else bytes(2**20), how)
    return Checkpoint("archive", {"model.pt": buffer.getvalue()})


KINDS: dict[str, Callable[[random.Random, Path], Checkpoint]] = {
    "weights": _damaged_weights,
    "header": _edited_header,
    "config": _edited_config,
    "poisoned": _poisoned,
    "bombed": _bombed,
    "pickle": _damaged_pickle,
    "archive": _damaged_archive,
}
