"""The blocks of a GIF (CompuServe, "Graphics Interchange Format, Version 89a").

Zeros between blocks are passed over. Other bytes that begin no block are passed over before the first image and end the
file behind it, as in browsers, where a file may lack its end mark and go on with something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nlsr_cli.images.parts import GAP, HEAD, TRAILER, Part, loose

SCREEN = 13  # bytes of the signature and the logical screen descriptor
EXTENSION, IMAGE, END = 0x21, 0x2C, 0x3B
COMMENT, CONTROL, TEXT, APPLICATION = 0xFE, 0xF9, 0x01, 0xFF
TABLE, INTERLACED = 0x80, 0x40  # flags
IDENTIFIER = 11  # bytes: eight for the application, three for its authentication
STRAY = re.compile(rb"[^!,;]+")


def table_size(flags: int) -> int:
    """Return the bytes of the colour table that the flags of a screen or an image announce."""
    return 3 << (flags & 7) + 1 if flags & TABLE else 0


class Block(NamedTuple):
    """One block of the file `data`: an image, an extension of some `label`, the end mark, or stray bytes.

    `chain` is where its sub-blocks begin, `end` the place behind it, which is the end of the data where it is cut off.
    """

    kind: int
    data: bytes
    start: int
    chain: int
    end: int
    label: int = 0

    @property
    def whole(self) -> bool:
        """Say whether the file has all of it: its sub-blocks end with an empty one."""
        return self.chain < self.end and self.data[self.end - 1] == 0

    @property
    def content(self) -> bytes:
        """Return its sub-blocks, joined."""
        return b"".join(_sub_blocks(self.data, self.chain, self.end))

    @property
    def identifier(self) -> bytes:
        """Return who an application extension is of; nothing of other blocks."""
        if self.label != APPLICATION or self.data[self.chain : self.chain + 1] != bytes([IDENTIFIER]):
            return b""
        return self.data[self.chain + 1 : min(self.chain + 1 + IDENTIFIER, self.end)]


def blocks(data: bytes) -> Iterator[Block]:
    """Yield the blocks behind the screen's colour table, in their order, and the stray bytes before the first image."""
    if len(data) < SCREEN:
        return
    at, images = SCREEN + table_size(data[10]), 0
    while at < len(data):
        kind = data[at]
        if kind == END:
            yield Block(END, data, at, at + 1, at + 1)
            return
        if kind == EXTENSION and at + 1 < len(data):
            found = Block(kind, data, at, at + 2, _behind(data, at + 2), data[at + 1])
        elif kind == IMAGE and at + 10 <= len(data):
            chain = min(at + 11 + table_size(data[at + 9]), len(data))
            found, images = Block(kind, data, at, chain, _behind(data, chain)), images + 1
        else:
            found = _stray(data, at)
            if images and data.count(0, at, found.end) < found.end - at:
                return
        yield found
        at = found.end


def _stray(data: bytes, at: int) -> Block:
    """Return the bytes from a place on that begin no block: an introducer whose block is cut off counts as one."""
    found = STRAY.match(data, at)
    end = found.end() if found else len(data)
    return Block(0, data, at, end, end)


def _behind(data: bytes, at: int) -> int:
    """Return the place behind a chain of sub-blocks; where it is cut off, that is the end of the data."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def _sub_blocks(data: bytes, at: int, end: int) -> Iterator[bytes]:
    while at < end and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def chain(content: bytes) -> bytes:
    """Return bytes as a chain of sub-blocks."""
    pieces = (content[at : at + 255] for at in range(0, len(content), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def parts(data: bytes, found: Iterable[Block]) -> Iterator[Part]:
    """Yield the screen descriptor, its colour table, the blocks that were found, and what lies behind the end: every
    byte of the file.

    An extension is named by its label ("0xFE"), that of an application by its identifier; `head` begins with the first
    sub-block, an image with its descriptor.
    """
    yield Part("screen", 0, min(SCREEN, len(data)), data[:SCREEN])
    at = min(SCREEN + (table_size(data[10]) if len(data) >= SCREEN else 0), len(data))
    if at > SCREEN:
        yield Part("colour table", SCREEN, at - SCREEN)
    for each in found:
        at = each.end
        if each.kind == 0:
            yield from loose(GAP, data, each.start, each.end)
        else:
            begin = each.chain if each.kind == EXTENSION else each.start
            yield Part(_name(each), each.start, each.end - each.start, data[begin : min(each.end, begin + HEAD)])
    yield from loose(TRAILER, data, at)


def _name(block: Block) -> str:
    if block.kind != EXTENSION:
        return "image" if block.kind == IMAGE else "end"
    return block.identifier.decode("latin-1") or f"0x{block.label:02X}"
