"""IPTC-IIM records, and Photoshop's resource blocks, in which most files keep them (IIM 4.2; Photoshop file format).

Records are carried as bytes. What becomes of all else that stands in the blocks is told by `photoshop`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SIGNATURE = b"8BIM"
SIGNATURES = (
    SIGNATURE,
    b"MeSa",
    b"AgHg",
    b"PHUT",
    b"DCSR",
)  # others are those of PhotoDeluxe, ImageReady and Lightroom
RECORDS = 0x0404
TAG_MARKER = 0x1C  # with which every IIM dataset begins
MAX_RESOURCES = 4096
DAMAGED_NOTE = "The IPTC metadata is damaged and is left out."


def resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and data of each resource in a block; one that makes no sense is the end."""
    at = 0
    for _ in range(MAX_RESOURCES):
        if block[at : at + 4] not in SIGNATURES or at + 7 > len(block):
            return
        (number,) = struct.unpack_from(">H", block, at + 4)
        name = 1 + block[at + 6]
        start = at + 6 + name + name % 2 + 4
        if start > len(block):
            return
        (length,) = struct.unpack_from(">I", block, start - 4)
        if start + length > len(block):
            return
        yield number, block[start : start + length]
        at = start + length + length % 2


def wrapped(records: bytes) -> bytes:
    """Return a block of resources that holds nothing but the given records."""
    return SIGNATURE + struct.pack(">HHI", RECORDS, 0, len(records)) + records + bytes(len(records) % 2)


def records_of(block: bytes) -> bytes | None:
    """Return the IIM records in a block of resources, or in bytes that are records already; None where there are none.

    Padding behind the records is cut off.
    """
    if block[:1] == bytes((TAG_MARKER,)):
        return block[: _length(block)] or None
    block = block.removeprefix(b"Photoshop 3.0\0")
    found = next((data for number, data in resources(block) if number == RECORDS), b"")
    return found[: _length(found)] or None


def _length(records: bytes) -> int:
    """Return the bytes up to which IIM datasets follow each other (IIM 4.2, chapter 3: 0x1C, two numbers, a size)."""
    at = 0
    while at + 5 <= len(records) and records[at] == TAG_MARKER:
        (size,) = struct.unpack_from(">H", records, at + 3)
        start = at + 5
        if size & 0x8000:  # an extended dataset: this is the size of the size
            width = size & 0x7FFF
            if width > 4:
                break
            size = int.from_bytes(records[start : start + width], "big")
            start += width
        if start + size > len(records):
            break
        at = start + size
    return at


def from_tag(payload: bytes, *, longs_swapped: bool) -> bytes | None:
    """Return the records in a TIFF's tag 33723, of which old writers count four bytes as one number.

    `longs_swapped` says that they are such numbers, and that the file's byte order is not that of the records.
    """
    if longs_swapped and payload[:1] != bytes((TAG_MARKER,)):
        count = len(payload) // 4
        payload = struct.pack(f">{count}I", *struct.unpack(f"<{count}I", payload))
    return records_of(payload)
