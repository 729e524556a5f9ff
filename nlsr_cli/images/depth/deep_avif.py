"""AVIF of 10 and 12 bits: a picture by one library in the container of another, which knows profile, EXIF and XMP.

Both are libavif, so that the boxes of the two files stand in the same order (ISO/IEC 14496-12, ISO/IEC 23008-12).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from nlsr_cli.images.depth.extra import codecs
from nlsr_cli.images.picture import Pixels

SPEED = 6  # libavif's own choice; it is twenty times as fast as that of imagecodecs
PICTURE_PROPERTIES = (b"ispe", b"pixi", b"av1C", b"colrnclx")  # size, depth, decoder, colour numbers
UNSUITABLE = "the containers of two versions of libavif do not match"

Box = tuple[bytes, int, int]  # name, where it begins, where it ends


def avif(samples: Pixels, bits: int, quality: int, model: bytes) -> bytes:
    """Return an AVIF of uint16 samples (h, w, 1 to 4) in `bits` bits, with what `model` says beside its own picture.

    `model` is an AVIF of 8 bits with the same channels, subsampled as little, of any size.

    Raises:
        MissingExtra: imagecodecs is not installed.
        ValueError: the two libraries lay out files differently.
    """
    table = np.rint(np.arange(65536) * ((2**bits - 1) / 65535)).astype(np.uint16)
    levels = np.take(table, samples)
    data: bytes = codecs().avif_encode(
        levels[..., 0] if levels.shape[2] == 1 else levels,
        level=quality,
        speed=SPEED,
        bitspersample=bits,
        pixelformat="yuv400" if levels.shape[2] < 3 else "yuv444",
        numthreads=1,  # with more, the bytes depend on how many
    )
    return _transplanted(data, model)


def _transplanted(data: bytes, model: bytes) -> bytes:
    """Return `model` with the picture, and with it the properties and the coded data, of `data`."""
    meta = bytearray(model[slice(*_place(model, b"meta"))])
    theirs, ours = _properties(data, *_place(data, b"meta")), _properties(bytes(meta), 0, len(meta))
    if [(name, end - start) for name, start, end in theirs] != [(name, end - start) for name, start, end in ours]:
        raise ValueError(UNSUITABLE)
    for (_, start, _), (_, first, last) in zip(ours, theirs, strict=True):
        meta[start : start + last - first] = data[first:last]
    pieces = {**_items(model), **_items(data)}
    head = data[slice(*_place(data, b"ftyp"))]
    offset = len(head) + len(meta) + 8
    body = b""
    for at, number in _extents(bytes(meta), 0, len(meta)):
        struct.pack_into(">II", meta, at, offset + len(body), len(pieces[number]))
        body += pieces[number]
    return head + bytes(meta) + struct.pack(">I4s", len(body) + 8, b"mdat") + body


def _items(data: bytes) -> dict[int, bytes]:
    """Return the data of each item by its number: 1 is the picture, 2 its alpha, the rest is metadata."""
    found = {}
    for at, number in _extents(data, *_place(data, b"meta")):
        offset, length = struct.unpack_from(">II", data, at)
        found[number] = data[offset : offset + length]
    return found


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size < 8:
            raise ValueError(UNSUITABLE)
        yield name, start, start + size
        start += size


def _place(data: bytes, name: bytes) -> tuple[int, int]:
    return _inside(data, 0, len(data), name, 0)


def _inside(data: bytes, start: int, end: int, name: bytes, head: int = 8) -> tuple[int, int]:
    """Return where a box in the box from `start` to `end` begins and ends; `head` is the length of the outer header."""
    found = next((box for box in _boxes(data, start + head, end) if box[0] == name), None)
    if found is None:
        raise ValueError(UNSUITABLE)
    return found[1], found[2]


def _properties(data: bytes, start: int, end: int) -> list[Box]:
    """Return the properties in a meta box that describe coded pictures rather than what is said of them."""
    inner = _inside(data, *_inside(data, start, end, b"iprp", 12), b"ipco")
    found = list(_boxes(data, inner[0] + 8, inner[1]))
    named = [
        (name + data[first + 8 : first + 12] if name == b"colr" else name, first, last) for name, first, last in found
    ]
    return [box for box in named if box[0] in PICTURE_PROPERTIES]


def _extents(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the offset and length of each item stand in the iloc of a meta box, and the item's number."""
    first, last = _inside(data, start, end, b"iloc", 12)
    version, sizes, count = struct.unpack_from(">IHH", data, first + 8)
    if (version, sizes, last - first) != (0, 0x4400, 16 + 14 * count):  # one extent each, in 32 bits
        raise ValueError(UNSUITABLE)
    rows = range(first + 16, last, 14)
    return [(at + 6, struct.unpack_from(">H", data, at)[0]) for at in rows]
