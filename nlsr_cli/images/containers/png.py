"""The chunks of a PNG (Portable Network Graphics, Third Edition, W3C 2025, clause 5)."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple

from nlsr_cli.images.parts import HEAD, TRAILER, Part, loose

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
ANIMATION = (b"acTL", b"fcTL", b"fdAT")
SAMPLES = (b"IDAT", b"fdAT")


class Chunk(NamedTuple):
    """One chunk of the file `data`: where it begins, and how long it says that its body is."""

    name: bytes
    data: bytes
    start: int
    length: int

    @property
    def body(self) -> bytes:
        """Return the content, as far as the file has it."""
        return self.data[self.start + 8 : self.start + 8 + self.length]

    @property
    def end(self) -> int:
        """Return the place behind the checksum, which is behind the file where the chunk is cut off."""
        return self.start + 12 + self.length

    @property
    def whole(self) -> bool:
        """Say whether the file has all of it."""
        return self.end <= len(self.data)

    @property
    def sound(self) -> bool:
        """Say whether it is whole and its checksum is right."""
        stated = self.data[self.end - 4 : self.end]
        return self.whole and int.from_bytes(stated, "big") == zlib.crc32(self.body, zlib.crc32(self.name))


def chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to the end chunk; a file that is cut off ends early."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        found = Chunk(name, data, at, length)
        yield found
        if name == b"IEND":
            return
        at = found.end


def parts(data: bytes, found: Iterable[Chunk]) -> Iterator[Part]:
    """Yield the signature, the chunks that were found, and what lies behind the end: every byte of the file."""
    yield Part("signature", 0, min(len(SIGNATURE), len(data)))
    at = len(SIGNATURE)
    for each in found:
        size = 0 if each.name in SAMPLES else min(each.length, HEAD)  # of samples there may be very many
        at = min(each.end, len(data))
        head = each.data[each.start + 8 : each.start + 8 + size]
        yield Part(sys.intern(each.name.decode("latin-1")), each.start, at - each.start, head)
    yield from loose(TRAILER, data, at)


def without(data: bytes, names: Collection[bytes], found: Iterable[Chunk] | None = None) -> bytes:
    """Return the file without the chunks of these names, and without what lies behind its end. Its chunks may have been
    `found` before.
    """
    view, pieces = memoryview(data), []
    begin = end = 0
    for each in chunks(data) if found is None else found:
        if each.name in names:
            pieces.append(view[begin : each.start])
            begin = end = each.end
        else:
            end = each.end
    return b"".join((*pieces, view[begin:end])) if pieces or end < len(data) else data


def head(data: bytes, found: Iterable[Chunk]) -> bytes:
    """Return what stands before the samples of a file but texts and animation, and an empty chunk of samples; a file
    without samples as it is. Its chunks were `found` before.
    """
    first = next((each.start for each in found if each.name == b"IDAT"), None)
    if first is None:
        return data
    before = takewhile(lambda each: each.name != b"IDAT", found)
    return without(data[:first], (*TEXTS, *ANIMATION), before) + chunk(b"IDAT", b"")


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
