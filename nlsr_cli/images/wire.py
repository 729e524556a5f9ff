"""Pictures between two processes: every field of a dataclass, as JSON of bounded size and the raw bytes of its arrays.

Nothing that arrives is executed, and nothing is allocated before it was checked: a decoder that a hostile file has
taken over can send what it likes, and gets no further than a picture of wrong pixels. That is why it is not pickle.

A message is eight bytes with the length of its JSON, little-endian; the JSON; then, in the order in which they are
named there, the bytes of arrays, of byte strings and of long texts. A dataclass is {"is": name, "of": {field: value}}.
"""

from __future__ import annotations

import io
import json
import struct
import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from math import prod
from numbers import Integral, Real
from typing import Any, BinaryIO, Literal, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

MAX_JSON = 32 << 20  # bytes: ten thousand frames with their metadata take a tenth of it
LONG = 4096  # characters of a text that goes as bytes
SAMPLES = {np.dtype(kind).str: np.dtype(kind) for kind in ("u1", "u2", "f4", "i1", "i2", "i4")}


class WireError(Exception):
    """What arrived is no message of the kind that was expected, or claims more than was agreed."""


def send(stream: BinaryIO, value: object) -> None:
    """Write one dataclass to a stream.

    Raises:
        TypeError: it holds something that does not travel.
        ValueError: its texts and numbers take more than MAX_JSON bytes.
        OSError: the other end is gone.
    """
    pieces: list[memoryview] = []
    text = json.dumps(_encode(value, pieces), separators=(",", ":")).encode()
    if len(text) > MAX_JSON:
        raise ValueError(f"a message of {len(text)} bytes")
    for piece in (memoryview(struct.pack("<Q", len(text)) + text), *pieces):
        _write(stream, piece)


def receive(stream: BinaryIO, kinds: Sequence[type], limit: int) -> object:
    """Return the next dataclass of a stream, which must be of one of `kinds` and take at most `limit` bytes of arrays.

    Raises:
        EOFError: the stream has ended.
        WireError: what arrived is something else.
    """
    length = int(struct.unpack("<Q", _read(stream, 8))[0])
    if length > MAX_JSON:
        raise WireError(f"a message of {length} bytes")
    try:
        node = json.loads(_read(stream, length))
    except (ValueError, RecursionError) as exc:
        raise WireError("no sound JSON") from exc
    return _Reader(stream, limit).decode(_chosen(tuple(kinds), node), node)


def _encode(value: object, pieces: list[memoryview]) -> object:  # noqa: PLR0911 - one line per kind
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) <= LONG:
            return str(value)
        return {"text": _append(value.encode("utf-8", "surrogatepass"), pieces)}
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": _append(value, pieces)}
    if isinstance(value, np.ndarray):
        _append(np.ascontiguousarray(value).data, pieces)
        return {"array": [value.dtype.str, *value.shape]}
    if isinstance(value, (tuple, list)):
        return [_encode(each, pieces) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        values = {each.name: _encode(getattr(value, each.name), pieces) for each in fields(value)}
        return {"is": type(value).__name__, "of": values}
    raise TypeError(f"{type(value).__name__} does not travel")


def _append(data: bytes | bytearray | memoryview, pieces: list[memoryview]) -> int:
    view = memoryview(data).cast("B") if len(data) else memoryview(b"")
    pieces.append(view)
    return view.nbytes


def _write(stream: BinaryIO, view: memoryview) -> None:
    while view.nbytes:
        view = view[stream.write(view) :]


def _read(stream: BinaryIO, count: int) -> bytearray:
    data = bytearray(count)
    _fill(stream, memoryview(data))
    return data


def _fill(stream: BinaryIO, view: memoryview) -> None:
    while view.nbytes:
        count = cast("io.RawIOBase", stream).readinto(view)
        if not count:
            raise EOFError("the other end has closed the stream")
        view = view[count:]


@cache
def _annotations(kind: type) -> dict[str, object]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


class _Reader:
    """Builds values as their annotations ask for, and takes no more than `limit` bytes beside the JSON."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def decode(self, kind: object, node: object) -> object:
        """Return the value that `node` stands for, if it is one of `kind`, which is an annotation."""
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return self.decode(_chosen(get_args(kind), node), node)
        if origin is tuple:
            return self._tuple(get_args(kind), node)
        if origin is np.ndarray:
            return self._array(_member(node, "array"))
        if isinstance(kind, type) and is_dataclass(kind):
            return self._dataclass(kind, node)
        return self._plain(kind, node)

    def _plain(self, kind: object, node: object) -> object:
        if kind is bytes:
            return bytes(_read(self._stream, self._take(_member(node, "bytes"))))
        if kind is str and not isinstance(node, str):
            return self._text(_member(node, "text"))
        if get_origin(kind) is Literal:
            fits = node in get_args(kind)
        else:
            fits = type(node) is kind or (kind is float and type(node) is int)
        if not fits:
            raise WireError("a value of another kind")
        return node

    def _dataclass(self, kind: type, node: object) -> object:
        annotations, values = _annotations(kind), _member(node, "of")
        if not isinstance(values, dict) or values.keys() != annotations.keys() or _name(node) != kind.__name__:
            raise WireError(f"no {kind.__name__}")
        try:
            return kind(**{name: self.decode(hint, values[name]) for name, hint in annotations.items()})
        except ValueError as exc:  # what the class itself asks of its fields
            raise WireError(str(exc)) from exc

    def _tuple(self, kinds: tuple[object, ...], node: object) -> tuple[object, ...]:
        if not isinstance(node, list):
            raise WireError("no list")
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            kinds = (kinds[0],) * len(node)
        if len(kinds) != len(node):
            raise WireError("a list of another length")
        return tuple(self.decode(kind, each) for kind, each in zip(kinds, node, strict=True))

    def _array(self, described: object) -> npt.NDArray[Any]:
        if not isinstance(described, list) or not 2 <= len(described) <= 4 or described[0] not in list(SAMPLES):
            raise WireError("no array of samples")
        dtype, shape = SAMPLES[described[0]], described[1:]
        if not all(type(side) is int and 0 < side < 2**31 for side in shape):
            raise WireError("an array without a sound shape")
        self._take(prod(shape) * dtype.itemsize)
        array = np.empty(shape, dtype)
        _fill(self._stream, memoryview(array.data).cast("B"))
        return array

    def _text(self, count: object) -> str:
        try:
            return _read(self._stream, self._take(count)).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as exc:
            raise WireError("a text that is none") from exc

    def _take(self, count: object) -> int:
        if type(count) is not int or not 0 <= count <= self._left:
            raise WireError(f"{count} bytes where {self._left} are left")
        self._left -= count
        return count


def _chosen(kinds: tuple[object, ...], node: object) -> object:
    """Return the member of a union that a value can only be."""
    for kind in kinds:
        if isinstance(node, dict):
            fits = _name(node) == getattr(kind, "__name__", "")
        elif isinstance(node, list):
            fits = get_origin(kind) is tuple
        else:
            fits = type(node) is kind or (kind is float and type(node) is int)
        if fits:
            return kind
    raise WireError("a value of another kind")


def _name(node: object) -> object:
    """Return the name of the class whose value an object of JSON stands for."""
    if not isinstance(node, dict):
        return None
    return node.get("is") or {"bytes": "bytes", "text": "str", "array": "ndarray"}.get(next(iter(node), ""))


def _member(node: object, name: str) -> object:
    if not isinstance(node, dict) or name not in node:
        raise WireError(f"no {name}")
    return node[name]
