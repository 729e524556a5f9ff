"""Small picture files for the tests, written by Pillow or byte by byte where Pillow cannot write them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images import Metadata, Picture, native_formats
from nlsr_cli.images.formats import parse, writing_of
from nlsr_cli.images.metadata.statements import Statements, portable
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import Accounted
from nlsr_cli.options import DEFAULT_MAX_PIXELS

# Formats of which a file is written that can be read again; a DeepZoom is a folder of tiles.
SINGLE = tuple(name for name in native_formats().writable if not writing_of(name).tiled)


def gradient(height: int = 12, width: int = 16, channels: int = 3) -> np.ndarray:
    """Return soft 8-bit colours (h, w, c), which lossy formats keep well."""
    rows, columns = np.mgrid[0:height, 0:width]
    layers = [60 + 8 * columns, 40 + 10 * rows, 200 - 4 * rows - 3 * columns, 255 - 12 * rows]
    return np.stack(layers[:channels], axis=-1).astype(np.uint8)


def picture(channels: int = 3, *, alpha: bool = False, deep: bool = False, **metadata: object) -> Picture:
    """Return a small picture with the given metadata fields."""
    color = gradient(channels=channels)
    if deep:
        color = color.astype(np.uint16) * 257 + 3
    layer = np.linspace(0, 255, color.shape[0] * color.shape[1]).reshape(color.shape[:2]).astype(color.dtype)
    given = {"format": "PNG", "mode": "RGB", **metadata}
    return Picture(color, layer if alpha else None, Metadata(**given))


def saved(image: Image.Image, fmt: str = "PNG", **options: object) -> bytes:
    """Return the file that Pillow makes of a picture."""
    buffer = BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def parsed(fmt: str, data: bytes) -> Parsed:
    """Return a file of a format."""
    return parse(data, fmt, "-", DEFAULT_MAX_PIXELS)


def account_of(fmt: str, data: bytes) -> tuple[Accounted, ...]:
    """Return the fate of every part of a file."""
    return parsed(fmt, data).account


def losses(fmt: str, data: bytes) -> tuple[str, ...]:
    """Return a note for each kind of part of a file that is left out."""
    return parsed(fmt, data).losses


def statements(fmt: str, data: bytes) -> Statements:
    """Return what a file says in words."""
    return portable(parsed(fmt, data).found)


def png(height: int, width: int, depth: int, kind: int, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of raw scan lines, each of which must begin with its filter byte, with extra chunks before them."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in parts)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Return one PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_png_chunk(data: bytes, name: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk, right behind its header."""
    return data[:33] + png_chunk(name, body) + data[33:]


def tiff(order: str, tags: dict[int, tuple[int, int, bytes]], data: bytes) -> bytes:
    """Return an uncompressed one-strip TIFF; the samples lie at offset 8. Tags are (type, count, payload)."""
    start = 8 + len(data) + len(data) % 2
    entries = {**tags, 273: (4, 1, struct.pack(order + "I", 8)), 279: (4, 1, struct.pack(order + "I", len(data)))}
    tail_start = start + 2 + 12 * len(entries) + 4
    rows, tail = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, count, payload) in sorted(entries.items()):
        rows += struct.pack(order + "HHI", tag, kind, count)
        if len(payload) <= 4:
            rows += payload.ljust(4, b"\0")
        else:
            rows += struct.pack(order + "I", tail_start + len(tail))
            tail += payload + bytes(len(payload) % 2)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", start) + data + bytes(len(data) % 2) + rows + bytes(4) + tail


def shorts(order: str, *values: int) -> tuple[int, int, bytes]:
    """Return a TIFF entry of 16-bit numbers."""
    return 3, len(values), struct.pack(f"{order}{len(values)}H", *values)


def plain_tiff(
    order: str, bits: tuple[int, ...], photometric: int, data: bytes, **more: int | tuple[int, ...]
) -> bytes:
    """Return a 4 x 2 TIFF of the given sample layout; `t339=3` adds tag 339 (sample format) with the value 3 for every
    sample; other tags get one value.
    """
    tags = {256: shorts(order, 4), 257: shorts(order, 2), 258: shorts(order, *bits), 259: shorts(order, 1)}
    tags |= {262: shorts(order, photometric), 277: shorts(order, len(bits)), 278: shorts(order, 2)}
    for name, value in more.items():
        values = value if isinstance(value, tuple) else [value] * (len(bits) if name == "t339" else 1)
        tags[int(name[1:])] = shorts(order, *values)
    return tiff(order, tags, data)


MAKER_NOTE = b"Maker\0note with its own offsets"


def camera_exif(orientation: int = 1, order: str = "<", *, thumbnail: bool = True) -> bytes:
    """Return the EXIF block of an imaginary camera: IFD0, Exif with a maker note, GPS, Interoperability, thumbnail."""

    def short(value: int) -> tuple[int, int, bytes]:
        return 3, 1, struct.pack(order + "H", value)

    def ascii_(text: str) -> tuple[int, int, bytes]:
        return 2, len(text) + 1, text.encode() + b"\0"

    def fractions(*pairs: tuple[int, int]) -> tuple[int, int, bytes]:
        return 5, len(pairs), b"".join(struct.pack(order + "II", *pair) for pair in pairs)

    ifds = [
        {271: ascii_("Imaginary"), 272: ascii_("Camera 1"), 274: short(orientation), 315: ascii_("A. Person")}
        | {282: fractions((72, 1)), 283: fractions((72, 1)), 296: short(2), 33432: ascii_("(c) nobody")}
        | {0x8769: None, 0x8825: None},
        {0x829A: fractions((1, 250)), 0x9000: (7, 4, b"0232"), 0x927C: (7, len(MAKER_NOTE), MAKER_NOTE)}
        | {0xA002: short(16), 0xA003: short(12), 0xA005: None},
        {0: (1, 4, bytes((2, 3, 0, 0))), 1: ascii_("N"), 2: fractions((47, 1), (22, 1), (30, 1))},
        {1: ascii_("R98"), 2: (7, 4, b"0100")},
        {513: (4, 1, b"THMB"), 514: (4, 1, struct.pack(order + "I", 9))},
    ]
    starts, at = [], 8
    for ifd in ifds:
        starts.append(at)
        at += 6 + 12 * len(ifd) + sum(len(e[2]) + len(e[2]) % 2 for e in ifd.values() if e and len(e[2]) > 4)
    children = {0x8769: starts[1], 0x8825: starts[2], 0xA005: starts[3]}
    ifds[4][513] = (4, 1, struct.pack(order + "I", at))
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for place, (start, ifd) in enumerate(zip(starts, ifds, strict=True)):
        rows, tail, tail_start = struct.pack(order + "H", len(ifd)), b"", start + 6 + 12 * len(ifd)
        for tag, entry in sorted(ifd.items()):
            kind, count, payload = entry or (4, 1, struct.pack(order + "I", children[tag]))
            rows += struct.pack(order + "HHI", tag, kind, count)
            rows += payload.ljust(4, b"\0") if len(payload) <= 4 else struct.pack(order + "I", tail_start + len(tail))
            tail += payload + bytes(len(payload) % 2) if len(payload) > 4 else b""
        following = starts[4] if place == 0 and thumbnail else 0
        block += rows + struct.pack(order + "I", following) + tail
    return block + b"THUMBNAIL"
