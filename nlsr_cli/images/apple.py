"""PNG as Xcode leaves it for Apple's devices: a CgBI chunk first, deflated rows without the wrapping of zlib, blue
before red, and colours with alpha multiplied in. It is known from the files, as Apple has published nothing of it.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from nlsr_cli.images.containers import png
from nlsr_cli.images.modes import Decoded

MARK = b"CgBI"
ZLIB_HEADER = b"\x78\x01"
PIECE = 1 << 20  # bytes unpacked at once
SLACK = 1 << 16  # bytes beyond those of the rows: an interlaced picture has a filter byte for each row of each pass
NOTE = "The file is in a form for Apple devices; premultiplied alpha is read as straight alpha."


def as_standard(data: bytes) -> bytes:
    """Return such a file with samples that any decoder of PNG unpacks, but in their own order and still multiplied; any
    other PNG as it is.

    Raises:
        ValueError, struct.error: there are more samples than the picture needs.
        zlib.error: they are damaged.
    """
    if data[12:16] != MARK:
        return data
    sound = png.without(data, (MARK,))
    width, height = struct.unpack_from(">II", sound, len(png.SIGNATURE) + 8)
    first, packed = len(sound), b""
    for chunk in png.chunks(sound):
        if chunk.name == b"IDAT":
            first, packed = min(first, chunk.start), packed + chunk.body
    checked = ZLIB_HEADER + packed + _checksum(packed, height * (4 * width + 8) + SLACK)
    others = png.without(png.SIGNATURE + sound[first:], (b"IDAT",))[len(png.SIGNATURE) :]
    return b"".join((sound[:first], png.chunk(b"IDAT", checked), others))


def _checksum(packed: bytes, most: int) -> bytes:
    """Return the checksum with which zlib ends a stream of at most so many bytes; nothing for one that is cut off."""
    check, count, unpacker = 1, 0, zlib.decompressobj(-zlib.MAX_WBITS)
    while packed and not unpacker.eof:
        rows = unpacker.decompress(packed, PIECE)
        check, count, packed = zlib.adler32(rows, check), count + len(rows), unpacker.unconsumed_tail
        if count > most:
            raise ValueError("there are more samples than the picture needs")
    return check.to_bytes(4, "big") if unpacker.eof else b""


def as_seen(decoded: Decoded) -> Decoded:
    """Return the picture with red before blue, and with alpha divided out of its colours; where it is 0, they stay."""
    color = decoded.color[..., ::-1]
    if decoded.alpha is None:
        return Decoded(np.ascontiguousarray(color), None, [*decoded.notes, NOTE.partition(";")[0] + "."])
    weight = np.where(decoded.alpha > 0, decoded.alpha, 255).astype(np.float32)[..., None]
    straight = np.minimum(np.rint(color * (np.float32(255) / weight)), 255).astype(np.uint8)
    return Decoded(straight, decoded.alpha, [*decoded.notes, NOTE])
