"""A JPEG XL file: a bare codestream, or a container of boxes around it (ISO/IEC 18181-2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from nlsr_cli.images.containers.isobmff import boxes
from nlsr_cli.images.depth import extra
from nlsr_cli.images.jpegxl.header import ALPHA, CHANNELS, SIGNATURE, ImageHeader
from nlsr_cli.images.parts import TRAILER, Part

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
FTYP = struct.pack(">I4s4sI4s", 20, b"ftyp", b"jxl ", 0, b"jxl ")
MAX_UNPACKED = 16 << 20  # bytes of EXIF or XMP that were compressed by Brotli
HEAD = 64
PADDING = "padding"


@dataclass(frozen=True)
class Contents:
    """The codestream of a file, its EXIF (a TIFF structure) and XMP; `was_jpeg` if it can become that JPEG again."""

    stream: bytes
    exif: bytes | None = None
    xmp: bytes | None = None
    was_jpeg: bool = False


def open_file(data: bytes) -> Contents:
    """Return what a file holds.

    Raises:
        ValueError: it holds no codestream, or too many boxes.
    """
    if data.startswith(SIGNATURE):
        return Contents(data)
    found: dict[str, bytes] = {}
    pieces = []
    for box in boxes(data, 0, len(data)):
        body = data[box.body : box.stop]
        if box.name == "jxlc":
            pieces.append(body)
        elif box.name == "jxlp":
            pieces.append(body[4:])
        elif box.name == "brob":
            found.setdefault(body[:4].decode("latin-1"), _unpacked(body) if body[:4] in (b"Exif", b"xml ") else b"")
        else:
            found.setdefault(box.name, body)
    stream = b"".join(pieces)
    if not stream.startswith(SIGNATURE):
        raise ValueError("no codestream")
    block = found.get("Exif", b"")
    exif = block[4 + int.from_bytes(block[:4], "big") :] or None
    return Contents(stream, exif, found.get("xml ") or None, "jbrd" in found)


def _unpacked(body: bytes) -> bytes:
    """Return what a brob box holds, or nothing where it is damaged or grows without end."""
    library = extra.codecs()
    try:
        return bytes(library.brotli_decode(body[4:], out=bytearray(MAX_UNPACKED)))
    except library.BrotliError:
        return b""


def make_file(data: bytes, stream: bytes, exif: bytes | None, xmp: bytes | None) -> bytes:
    """Return the file of a codestream with EXIF and XMP; what `data`, the encoder's own file, says of the level of
    features that its codestream needs is kept.
    """
    levels = b"".join(
        data[box.start : box.stop]
        for box in (() if data.startswith(SIGNATURE) else boxes(data, 0, len(data)))
        if box.name == "jxll"
    )
    if not (levels or exif or xmp):
        return stream
    words = b"" if exif is None else _box(b"Exif", bytes(4) + exif)
    words += b"" if xmp is None else _box(b"xml ", xmp)
    return CONTAINER + FTYP + levels + words + _box(b"jxlc", stream)


def _box(name: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, name) + body
    return struct.pack(">I4sQ", 1, name, len(body) + 16) + body


def parts(data: bytes, header: ImageHeader | None) -> Iterator[Part]:
    """Yield the parts of a file: its boxes by their names ("brob xml " where compressed), the codestream, and what the
    header of that lists beside colour and alpha ("channel depth").
    """
    at = 0
    if not data.startswith(SIGNATURE):
        try:
            for box in boxes(data, 0, len(data)):
                head = data[box.body : min(box.stop, box.body + HEAD)]
                name = f"brob {head[:4].decode('latin-1')}" if box.name == "brob" else box.name
                yield Part(name, box.start, box.stop - box.start, head)
                at = box.stop
        except ValueError:
            pass  # what follows is stray data
        if at < len(data):
            name = TRAILER if data[at:].strip(b"\0") else PADDING
            yield Part(name, at, len(data) - at, data[at : at + HEAD])
    else:
        yield Part("codestream", 0, len(data), data[:HEAD])
    yield from () if header is None else _channels(header)


def _channels(header: ImageHeader) -> Iterator[Part]:
    alphas = 0
    for channel in header.extra:
        alphas += channel.kind == ALPHA
        if channel.kind != ALPHA or alphas > 1:
            kind = CHANNELS[channel.kind] if channel.kind < len(CHANNELS) else str(channel.kind)
            yield Part(f"channel {kind}", 0, 0)
    if header.preview:
        yield Part("preview", 0, 0)
