"""Pictures between two processes: values as JSON of bounded size, and the raw bytes of arrays and long texts after it.

Nothing that arrives is executed, and nothing is allocated before it was checked: a decoder that a hostile file has
taken over can send what it likes, and gets no further than a picture of wrong pixels. That is why it is not pickle.

A message is eight bytes with the length of its JSON, little-endian; the JSON; then, in the order in which they are
named there, the bytes of arrays, of byte strings and of long texts. A dataclass is an object of its fields. How each of
them travels is declared with `record`, never read from annotations: these are for readers and type checkers, and what
they are at run time differs between versions of Python and NumPy.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import prod
from numbers import Integral, Real
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.isolation.pipe import read, read_into, write

MAX_JSON = 32 << 20  # bytes: ten thousand frames with their metadata take a tenth of it
LONG = 4096  # characters of a text that goes as bytes
SAMPLES = {np.dtype(kind).str: np.dtype(kind) for kind in ("u1", "u2", "f4", "i1", "i2", "i4")}


class WireError(Exception):
    """What arrived is no message of the kind that was expected, or claims more than was agreed."""


def send(stream: BinaryIO, value: object) -> None:
    """Write one dataclass that `record` has declared to a stream.

    Raises:
        TypeError: it holds something that does not travel.
        ValueError: its texts and numbers take more than MAX_JSON bytes.
        OSError: the other end is gone.
    """
    pieces: list[memoryview] = []
    text = json.dumps(either(_RECORDS).encode(value, pieces), separators=(",", ":")).encode()
    if len(text) > MAX_JSON:
        raise ValueError(f"a message of {len(text)} bytes")
    for piece in (memoryview(struct.pack("<Q", len(text)) + text), *pieces):
        write(stream, piece)


def receive(stream: BinaryIO, kinds: Sequence[type], limit: int) -> object:
    """Return the next dataclass of a stream, which must be of one of `kinds` and take at most `limit` bytes of arrays.

    Raises:
        EOFError: the stream has ended.
        WireError: what arrived is something else.
    """
    length = int(struct.unpack("<Q", read(stream, 8))[0])
    if length > MAX_JSON:
        raise WireError(f"a message of {length} bytes")
    try:
        node = json.loads(read(stream, length))
    except (ValueError, RecursionError) as exc:
        raise WireError("not valid JSON") from exc
    return either({kind: _RECORDS[kind] for kind in kinds}).decode(node, _Body(stream, limit))


class Kind(Protocol):
    """How the values of one kind travel."""

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return the JSON of a value and append its bytes to `pieces`; raise TypeError where it is of another kind."""

    def decode(self, node: object, body: _Body) -> object:
        """Return the value whose JSON is `node` and whose bytes come next; raise WireError where there is none."""


class _Flag:
    def encode(self, value: object, pieces: list[memoryview]) -> object:
        if not isinstance(value, bool):
            raise _other(value, "true or false")
        return value

    def decode(self, node: object, body: _Body) -> object:
        if type(node) is not bool:
            raise WireError("neither true nor false")
        return node


@dataclass(frozen=True)
class _Number:
    kinds: tuple[type, ...]

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        if type(value) is not bool and isinstance(value, Integral):
            return int(value)
        if type(value) is not bool and isinstance(value, Real) and float in self.kinds:
            return float(value)
        raise _other(value, "a number")

    def decode(self, node: object, body: _Body) -> object:
        if type(node) not in self.kinds:
            raise WireError("not a number of this kind")
        return node


class _Text:
    def encode(self, value: object, pieces: list[memoryview]) -> object:
        if not isinstance(value, str):
            raise _other(value, "a text")
        return str(value) if len(value) <= LONG else _append(value.encode("utf-8", "surrogatepass"), pieces)

    def decode(self, node: object, body: _Body) -> object:
        if isinstance(node, str):
            return node
        try:
            return body.take(node).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as exc:
            raise WireError("a text that is not UTF-8") from exc


class _Bytes:
    def encode(self, value: object, pieces: list[memoryview]) -> object:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise _other(value, "bytes")
        return _append(value, pieces)

    def decode(self, node: object, body: _Body) -> object:
        return bytes(body.take(node))


class _Array:
    def encode(self, value: object, pieces: list[memoryview]) -> object:
        if not isinstance(value, np.ndarray) or value.dtype.str not in SAMPLES:
            raise _other(value, "an array of samples")
        _append(np.ascontiguousarray(value).data, pieces)
        return [value.dtype.str, *value.shape]

    def decode(self, node: object, body: _Body) -> object:
        if not isinstance(node, list) or not 2 <= len(node) <= 4 or node[0] not in list(SAMPLES):
            raise WireError("not an array of samples")
        dtype, shape = SAMPLES[node[0]], node[1:]
        if not all(type(side) is int and 0 < side < 2**31 for side in shape):
            raise WireError("an array with an invalid shape")
        return body.fill(tuple(shape), dtype)


FLAG, WHOLE, NUMBER = _Flag(), _Number((int,)), _Number((int, float))
TEXT, BYTES, ARRAY = _Text(), _Bytes(), _Array()


class choice:  # noqa: N801 - these are used as functions are: they declare how a field travels
    """One of the values given, such as the members of an enumeration; its place among them travels."""

    def __init__(self, *values: object) -> None:
        self._values = values

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return the place of a value."""
        if value not in self._values:
            raise _other(value, f"one of {self._values}")
        return self._values.index(value)

    def decode(self, node: object, body: _Body) -> object:
        """Return the value at a place."""
        if type(node) is not int or not 0 <= node < len(self._values):
            raise WireError("not one of the choices")
        return self._values[node]


class maybe:  # noqa: N801
    """A value of a kind, or None."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return the JSON of a value, null for None."""
        return None if value is None else self._kind.encode(value, pieces)

    def decode(self, node: object, body: _Body) -> object:
        """Return a value, None for null."""
        return None if node is None else self._kind.decode(node, body)


class many:  # noqa: N801
    """A tuple of any length, all of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return a list."""
        if not isinstance(value, (tuple, list)):
            raise _other(value, "a tuple")
        return [self._kind.encode(each, pieces) for each in value]

    def decode(self, node: object, body: _Body) -> object:
        """Return a tuple."""
        if not isinstance(node, list):
            raise WireError("no list")
        return tuple(self._kind.decode(each, body) for each in node)


class row:  # noqa: N801
    """A tuple of a fixed length, each place with its own kind."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return a list."""
        if not isinstance(value, (tuple, list)) or len(value) != len(self._kinds):
            raise _other(value, f"a tuple of {len(self._kinds)}")
        return [kind.encode(each, pieces) for kind, each in zip(self._kinds, value, strict=True)]

    def decode(self, node: object, body: _Body) -> object:
        """Return a tuple."""
        if not isinstance(node, list) or len(node) != len(self._kinds):
            raise WireError("a list of the wrong length")
        return tuple(kind.decode(each, body) for kind, each in zip(self._kinds, node, strict=True))


class either:  # noqa: N801
    """A value of one of several types, each of its own kind: the name of the type travels with it."""

    def __init__(self, kinds: Mapping[type, Kind]) -> None:
        self._kinds = kinds

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return {"is": name, "of": value}."""
        if type(value) not in self._kinds:
            raise _other(value, f"one of {', '.join(made.__name__ for made in self._kinds)}")
        return {"is": type(value).__name__, "of": self._kinds[type(value)].encode(value, pieces)}

    def decode(self, node: object, body: _Body) -> object:
        """Return a value of the type that is named."""
        if isinstance(node, dict) and node.keys() == {"is", "of"}:
            for made, kind in self._kinds.items():
                if node["is"] == made.__name__:
                    return kind.decode(node["of"], body)
        raise WireError(f"none of {', '.join(made.__name__ for made in self._kinds)}")


class record:  # noqa: N801
    """A dataclass, with the kind of each of its fields; from then on it can be sent and received.

    Raises:
        TypeError: a field of the class is not declared, or what is declared is none of its fields.
    """

    def __init__(self, made: type, /, **kinds: Kind) -> None:
        if odd := {each.name for each in fields(made)} ^ kinds.keys():
            names = ", ".join(sorted(odd))
            raise TypeError(f"declare how each field of {made.__name__} travels, and nothing else: {names}")
        self._made, self._kinds = made, kinds
        _RECORDS[made] = self

    def encode(self, value: object, pieces: list[memoryview]) -> object:
        """Return {field: value}."""
        if type(value) is not self._made:
            raise _other(value, self._made.__name__)
        node = {}
        for name, kind in self._kinds.items():
            try:
                node[name] = kind.encode(getattr(value, name), pieces)
            except TypeError as exc:
                raise TypeError(f"{self._made.__name__}.{name}: {exc}") from exc
        return node

    def decode(self, node: object, body: _Body) -> object:
        """Return a dataclass whose fields are all there, of their kinds, and as the class itself wants them."""
        if not isinstance(node, dict) or node.keys() != self._kinds.keys():
            raise WireError(f"no {self._made.__name__}")
        try:
            return self._made(**{name: kind.decode(node[name], body) for name, kind in self._kinds.items()})
        except ValueError as exc:  # what the class itself asks of its fields
            raise WireError(str(exc)) from exc


_RECORDS: dict[type, record] = {}


class _Body:
    """The bytes after the JSON of a message, of which no more than `limit` are taken."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream, self._left = stream, limit

    def take(self, count: object) -> bytearray:
        """Return the next `count` bytes, if that is a number and so many are allowed."""
        return read(self._stream, self._allowed(count))

    def fill(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return the next array, in a file if it is large, if so many bytes are allowed."""
        self._allowed(prod(shape) * dtype.itemsize)
        made = scratch.empty(shape, dtype)
        for part in scratch.bands(shape):
            read_into(self._stream, made[part].data.cast("B"))
        return made

    def _allowed(self, count: object) -> int:
        if type(count) is not int or not 0 <= count <= self._left:
            raise WireError(f"{count} bytes where {self._left} are left")
        self._left -= count
        return count


def _other(value: object, wanted: str) -> TypeError:
    return TypeError(f"{type(value).__name__} does not travel as {wanted}")


def _append(data: bytes | bytearray | memoryview, pieces: list[memoryview]) -> int:
    pieces.append(memoryview(data).cast("B") if len(data) else memoryview(b""))
    return pieces[-1].nbytes
