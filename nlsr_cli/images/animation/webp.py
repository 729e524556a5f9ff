"""Animated WebP (RFC 9649, clauses 2.7.1.1 and 2.7.1.2): what it says of its frames, and one made of single pictures.

libwebp, through Pillow, lays the frames on each other; a file is put together here, because libwebp's own way merges
frames that look alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images.animation.frames import MAX_FRAMES, Frame, FrameIndex
from nlsr_cli.images.containers import riff
from nlsr_cli.images.picture import Pixels

ANIMATION, XMP, EXIF, ALPHA, ICC = 0x02, 0x04, 0x08, 0x10, 0x20  # flags of VP8X
REPLACE = 0x02  # flag of a frame: it is not blended, and stays
BITSTREAMS = (b"ALPH", b"VP8 ", b"VP8L")
MAX_LOOP, MAX_DURATION = 0xFFFF, 0xFFFFFF
MAX_FILE = 2**32 - 10


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one RIFF chunk."""
    return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def read_index(data: bytes, chunks: Iterable[riff.Chunk]) -> FrameIndex | None:
    """Return the frames of an animated WebP with these chunks, or None where it has one only.

    Raises:
        EOFError: it is cut off.
        ValueError, struct.error, IndexError: it makes no sense.
    """
    if data[12:16] != b"VP8X" or not data[20] & ANIMATION:
        return None
    width, height = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
    if riff.stated_end(data) > len(data):
        raise EOFError("cut off")
    frames: list[Frame] = []
    loop, lossless = 1, True
    for found in chunks:
        body = found.body
        if len(body) < found.length:
            raise EOFError("cut off")
        if found.name == b"ANIM":
            loop = int.from_bytes(body[4:6], "little")
        elif found.name == b"ANMF":
            left, top, across, down, duration = (int.from_bytes(body[at : at + 3], "little") for at in range(0, 15, 3))
            coded = [inner.name for inner in riff.inner(found) if inner.name in BITSTREAMS]
            if not coded:
                raise EOFError("a frame is missing")
            lossless = lossless and coded[0] == b"VP8L"
            frames.append(Frame(2 * top, 2 * left, down + 1, across + 1, float(duration)))
            if len(frames) > MAX_FRAMES:
                break
    return FrameIndex(height, width, tuple(frames), loop, lossless) if len(frames) > 1 else None


def canvases(image: Image.Image, index: FrameIndex) -> Iterator[tuple[Pixels, Pixels | None]]:
    """Yield each frame of an opened file as the whole canvas: (h, w, 3), and alpha (h, w) or None.

    Raises:
        OSError, EOFError: a frame does not decode.
    """
    for number in range(len(index.frames)):
        image.seek(number)
        image.load()
        samples = np.array(image, np.uint8)
        yield samples[..., :3], samples[..., 3] if image.mode == "RGBA" else None


def animated(
    pictures: Sequence[tuple[bytes, int, int, int, int]], durations: Sequence[int], loop: int, *, alpha: bool
) -> bytes:
    """Return an animation of WebP files.

    `pictures` are (file, top, left, height, width) with even top and left: the first covers the canvas and has the
    metadata, the others replace their area, or nothing if the file is empty. `durations` are in milliseconds.

    Raises:
        ValueError: it would be larger than a WebP can be.
    """
    first, _, _, height, width = pictures[0]
    carried = {each.name: each.body for each in riff.chunks(first) if each.name in (b"ICCP", b"EXIF", b"XMP ")}
    present = {b"ICCP": ICC, b"EXIF": EXIF, b"XMP ": XMP}
    still = any(not data for data, *_ in pictures)  # blended with a transparent pixel, which needs the flag for alpha
    flags = ANIMATION | (ALPHA if alpha or still else 0) | sum(present[name] for name in carried)
    parts = [chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))]
    parts += [chunk(b"ICCP", carried[b"ICCP"])] if b"ICCP" in carried else []
    parts.append(chunk(b"ANIM", bytes(4) + struct.pack("<H", loop)))
    for (data, top, left, down, across), duration in zip(pictures, durations, strict=True):
        place = b"".join(map(_three, (left // 2, top // 2, across - 1, down - 1, duration)))
        inside = riff.chunks(data or _nothing())
        coded = b"".join(chunk(each.name, each.body) for each in inside if each.name in BITSTREAMS)
        parts.append(chunk(b"ANMF", place + bytes([REPLACE if data else 0]) + coded))
    parts += [chunk(name, carried[name]) for name in (b"EXIF", b"XMP ") if name in carried]
    size = 4 + sum(map(len, parts))
    if size > MAX_FILE:
        raise ValueError("the file would be larger than 4 GiB")
    return b"".join((b"RIFF", struct.pack("<I", size), b"WEBP", *parts))


def _nothing() -> bytes:
    """Return the WebP of one transparent pixel."""
    buffer = BytesIO()
    Image.new("RGBA", (1, 1)).save(buffer, "WEBP", lossless=True, exact=True)
    return buffer.getvalue()
