"""The directory of a file of several JPEGs: Multi-Picture Format (CIPA DC-007-2009), an APP2 segment of the first."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = b"MPF\0"
VERSION, COUNT, ENTRIES = 0xB000, 0xB001, 0xB002
UNDEFINED, LONG = 7, 4
MAX_PICTURES = 1024
# Types of pictures (CIPA DC-007, table 4): the lower three bytes of their attributes.
PRIMARY, PANORAMA, DISPARITY, MULTI_ANGLE = 0x030000, 0x020001, 0x020002, 0x020003
PREVIEWS = range(0x010001, 0x010100)  # "large thumbnails", in the size of a screen


@dataclass(frozen=True)
class Entry:
    """One picture of the directory: its type, and where in the file it begins."""

    kind: int
    start: int


def parse(body: bytes, at: int) -> tuple[Entry, ...]:
    """Return the pictures that the content of an MPF segment lists; `at` is where that content stands in the file.

    The list is empty where it makes no sense.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(body[4:8])
    if order is None:
        return ()
    try:
        (first,) = struct.unpack_from(order + "I", body, 8)
        (count,) = struct.unpack_from(order + "H", body, 4 + first)
        for row in range(4 + first + 2, 4 + first + 2 + 12 * count, 12):
            tag, _, size, place = struct.unpack_from(order + "HHII", body, row)
            if tag == ENTRIES:
                rows = range(4 + place, 4 + place + 16 * min(size // 16, MAX_PICTURES), 16)
                return tuple(_entry(struct.unpack_from(order + "III", body, each), at + 4) for each in rows)
    except struct.error:
        pass
    return ()


def _entry(numbers: tuple[int, ...], base: int) -> Entry:
    attributes, _, offset = numbers
    return Entry(attributes & 0xFFFFFF, base + offset if offset else 0)


def content(sizes: Sequence[int], offset: int) -> bytes:
    """Return the content of an MPF segment for a primary picture and others of type "undefined" right behind it.

    `sizes` are the bytes of the pictures; `offset` is where the place behind "MPF" and its zero will stand in the file:
    offsets count from there.
    """
    rows, at = b"", sizes[0] - offset
    for number, size in enumerate(sizes):
        rows += struct.pack(">IIIHH", 0 if number else PRIMARY, size, at if number else 0, 0, 0)
        at += size if number else 0
    listing = 8 + 2 + 3 * 12 + 4
    directory = struct.pack(">HHHI4s", 3, VERSION, UNDEFINED, 4, b"0100")
    directory += struct.pack(">HHII", COUNT, LONG, 1, len(sizes))
    directory += struct.pack(">HHII", ENTRIES, UNDEFINED, len(rows), listing) + bytes(4)
    return HEAD + b"MM\0*" + struct.pack(">I", 8) + directory + rows
