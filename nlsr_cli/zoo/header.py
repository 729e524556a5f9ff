"""The header of a safetensors file, read and bounded by ourselves before anything is allocated or torch is loaded.

The format (https://github.com/huggingface/safetensors): eight bytes with the length of the header, little-endian; the
header, a JSON object name -> {dtype, shape, data_offsets}; the tensors, without gaps, in one buffer.
"""

from __future__ import annotations

import json
import os
import shlex
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from nlsr_cli.errors import ModelError, UnknownModel, WeightsCorrupt
from nlsr_cli.zoo.files import open_regular

MAX_HEADER_BYTES = 4 * 2**20  # the published 44 M model needs 20 kB, the largest one that NLSNConfig allows 150 kB
MAX_TENSORS = 10_000
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

CONVERT_HINT = "If you trust its origin, convert it once: nlsr models convert {path} FOLDER"

# What lies under a weights file's name when a download or a rename went wrong: first bytes, what it is, what to do.
_IMPOSTORS = (
    (b"PK\x03\x04", "a pickled PyTorch checkpoint, not safetensors", CONVERT_HINT),
    (b"\x80", "a pickled Python object, not safetensors", CONVERT_HINT),
    (b"version https://git-lfs", "a Git LFS pointer, not the weights", "Fetch the file itself: git lfs pull"),
    (b"<", "a web page, not weights", "Download the file again, with a token where the site asks for one."),
)


@dataclass(frozen=True)
class TensorEntry:
    """Where one tensor lies: `start` and `end` count bytes from the beginning of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a safetensors file says it holds, checked against the size of the file in bytes."""

    path: Path
    size: int
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by name."""
        return {name: entry.shape for name, entry in self.tensors.items()}

    def read_vector(self, name: str) -> tuple[float, ...]:
        """Return the values of a small float tensor, or () where there is none of that name, size or type."""
        entry = self.tensors.get(name)
        code = {"F32": "f", "F16": "e", "F64": "d"}.get(entry.dtype) if entry else None
        if entry is None or code is None or prod(entry.shape) > 4096:
            return ()
        try:
            with open_regular(self.path) as file:
                file.seek(entry.start)
                return struct.unpack(f"<{prod(entry.shape)}{code}", file.read(entry.end - entry.start))
        except (OSError, struct.error) as exc:  # it was sound a moment ago, when its header was read
            raise ModelError(f"{self.path} cannot be read any more", "Check that nothing else writes to it.") from exc


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file: its size, its offsets, its types, one tensor per byte.

    Raises:
        UnknownModel: there is no such file.
        ModelError: it cannot be read.
        WeightsCorrupt: it is truncated, altered, hostile, or something else under that name.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(64)
            length = _header_length(path, start, size)
            file.seek(8)
            text = file.read(length)
    except FileNotFoundError as exc:
        raise UnknownModel(f"no weights file {path}", "Check the path.") from exc
    except OSError as exc:
        raise ModelError(f"{path} cannot be read: {exc.strerror}", "Check the path and its permissions.") from exc
    entries = _parse(path, text)
    metadata = _metadata(path, entries.pop("__metadata__", {}))
    tensors = {name: _entry(path, name, value, 8 + length) for name, value in entries.items()}
    _check_layout(path, tensors, 8 + length, size)
    return Header(path, size, tensors, metadata)


def encode_header(tensors: Mapping[str, tuple[str, tuple[int, ...]]], metadata: Mapping[str, str]) -> bytes:
    """Return the bytes before the tensors, which follow in the order of `tensors` (name -> dtype, shape).

    The same content gives the same bytes; the library's own writer shuffles the metadata, which would change the hash.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + prod(shape) * DTYPE_BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format asks for tensors aligned to eight bytes
    return struct.pack("<Q", len(text)) + text


def _corrupt(path: Path, reason: str, hint: str = "Download or copy the file again.") -> WeightsCorrupt:
    return WeightsCorrupt(f"{path}: {reason}", hint)


def _header_length(path: Path, start: bytes, size: int) -> int:
    for magic, what, hint in _IMPOSTORS:
        # Eight bytes of length never begin like these: a header of 60 or 80 bytes would still have "{" at byte 8.
        if start.startswith(magic) and start[8:9] != b"{":
            raise _corrupt(path, f"this is {what}", hint.format(path=shlex.quote(str(path))))
    if len(start) < 8:
        raise _corrupt(path, f"too short for a safetensors file ({size} bytes)")
    length = int(struct.unpack("<Q", start[:8])[0])
    if length > MAX_HEADER_BYTES:
        raise _corrupt(path, f"not a safetensors file: its header would take {length} bytes")
    if 8 + length > size:
        raise _corrupt(path, f"truncated: the header ends at byte {8 + length}, the file at byte {size}")
    return length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name appears twice")
    return values


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as exc:
        raise _corrupt(path, "the safetensors header is not valid JSON") from exc
    if not isinstance(values, dict) or len(values) > MAX_TENSORS:
        raise _corrupt(path, f"the safetensors header is not an object of at most {MAX_TENSORS} tensors")
    return values


def _metadata(path: Path, values: object) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise _corrupt(path, "the metadata in the safetensors header is not a map of strings")
    return values


def _sizes(values: object, longest: int) -> tuple[int, ...] | None:
    if not isinstance(values, list) or len(values) > longest:
        return None
    return tuple(values) if all(type(value) is int and value >= 0 for value in values) else None


def _entry(path: Path, name: str, value: object, data_start: int) -> TensorEntry:
    fields = value if isinstance(value, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), _sizes(fields.get("shape"), 8), _sizes(fields.get("data_offsets"), 2)
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise _corrupt(path, f"tensor {name[:80]!r} has an unknown type", "")
    if shape is None or offsets is None or len(offsets) != 2:
        raise _corrupt(path, f"tensor {name[:80]!r} has an invalid shape or offsets")
    begin, end = offsets
    if end - begin != prod(shape) * DTYPE_BYTES[dtype]:
        raise _corrupt(path, f"tensor {name[:80]!r} does not take the bytes that its shape needs")
    return TensorEntry(dtype, shape, data_start + begin, data_start + end)


def _check_layout(path: Path, tensors: Mapping[str, TensorEntry], data_start: int, size: int) -> None:
    """Refuse gaps, overlaps and a file that is shorter or longer than its tensors."""
    reached = data_start
    for name, entry in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if entry.start != reached:
            raise _corrupt(path, f"tensor {name[:80]!r} overlaps another or leaves a gap")
        reached = entry.end
    if reached != size:
        state = "truncated" if reached > size else "longer than its tensors"
        raise _corrupt(path, f"{state}: the tensors end at byte {reached}, the file at byte {size}")
