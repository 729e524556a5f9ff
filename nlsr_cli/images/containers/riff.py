"""The chunks of a WebP file (RFC 9649, clauses 2.3 to 2.7), which is a RIFF file."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

from nlsr_cli.images.parts import GAP, HEAD, TRAILER, Part, loose

HEADER = 12  # bytes: "RIFF", a size, "WEBP"
FRAME_HEADER = 16  # bytes of an ANMF chunk before the chunks in it


class Chunk(NamedTuple):
    """One chunk of the file `data`: where its body begins, and how long it says that this is."""

    name: bytes
    data: bytes
    start: int
    length: int

    @property
    def body(self) -> bytes:
        """Return the content, as far as the file has it."""
        return self.data[self.start : self.start + self.length]

    @property
    def end(self) -> int:
        """Return the place behind the content, which is behind the file where the chunk is cut off."""
        return self.start + self.length


def stated_end(data: bytes) -> int:
    """Return the place where the file says that it ends, which is behind the data where that is cut off."""
    return 8 + int.from_bytes(data[4:8], "little")


def chunks(data: bytes, at: int = HEADER, end: int | None = None) -> Iterator[Chunk]:
    """Yield the chunks that begin between two places, which are those of the whole file unless given."""
    end = min(stated_end(data) if end is None else end, len(data))
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        yield Chunk(name, data, at + 8, length)
        at += 8 + length + length % 2


def inner(frame: Chunk) -> Iterator[Chunk]:
    """Yield the chunks in an ANMF chunk."""
    return chunks(frame.data, frame.start + FRAME_HEADER, frame.end)


def parts(data: bytes, found: Iterable[Chunk]) -> Iterator[Part]:
    """Yield the header, the chunks that were found, of a frame its header and the chunks in it ("ANMF/VP8L"), and what
    lies behind the end: every byte of the file.
    """
    yield Part("file header", 0, min(HEADER, len(data)))
    at = yield from _parts(found, data, HEADER, min(stated_end(data), len(data)))
    yield from loose(TRAILER, data, at)


def _parts(found: Iterable[Chunk], data: bytes, at: int, end: int, inside: str = "") -> Generator[Part, None, int]:
    """Yield the parts between two places; return the place behind the last of them."""
    for each in found:
        first, last = each.start - 8, min(each.end, end)
        at = min(each.end + each.length % 2, end)
        name = inside + each.name.decode("latin-1")
        if name == "ANMF":
            begin = min(each.start + FRAME_HEADER, last)
            yield Part("ANMF", first, begin - first)
            begin = yield from _parts(chunks(data, begin, last), data, begin, last, "ANMF/")
            yield from loose(GAP, data, begin, at)
        else:
            yield Part(name, first, at - first, data[each.start : min(last, each.start + HEAD)])
    return at
