"""Animations made byte by byte, so that what is read is compared with what was meant and with nobody's writer."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from tests.images.files import png_chunk

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
PALETTE = [RED, GREEN, BLUE, WHITE]


def gif_frame(
    numbers: list[list[int]],
    *,
    at: tuple[int, int] = (0, 0),
    delay: int = 4,
    disposal: int = 0,
    key: int | None = None,
    palette: list[tuple[int, int, int]] | None = None,
    size: tuple[int, int] | None = None,
    interlaced: bool = False,
) -> bytes:
    """Return one frame of a GIF: its control block, descriptor, palette and codes. `at` is (top, left)."""
    rows = np.array(numbers, np.uint8)
    height, width = size or rows.shape
    if interlaced:
        order = [row for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for row in range(start, height, step)]
        rows = rows[order]
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | (key is not None), delay, key or 0, 0)
    flags = (0x40 if interlaced else 0) | (0x81 if palette else 0)
    table = bytes(value for color in palette or [] for value in color)
    head = b"," + struct.pack("<HHHHB", at[1], at[0], width, height, flags) + table
    return control + head + b"\x08" + _lzw(rows.tobytes())


def _lzw(numbers: bytes) -> bytes:
    """Return numbers as codes of 9 bits that never grow, because the table is cleared in time; in sub-blocks."""
    codes = [code for at in range(0, len(numbers), 200) for code in (256, *numbers[at : at + 200])] + [257]
    bits = sum(code << 9 * place for place, code in enumerate(codes))
    data = bits.to_bytes((9 * len(codes) + 7) // 8, "little")
    pieces = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def gif(size: tuple[int, int], *frames: bytes, loop: int | None = None, palette: bool = True) -> bytes:
    """Return a GIF of a canvas of (height, width)."""
    head = b"GIF89a" + struct.pack("<HHBBB", size[1], size[0], 0x81 if palette else 0, 1, 0)
    table = bytes(value for color in PALETTE for value in color) if palette else b""
    again = b"" if loop is None else b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0"
    return head + table + again + b"".join(frames) + b";"


def apng(
    default: np.ndarray | None,
    frames: list[tuple[np.ndarray, dict]],
    *chunks: tuple[bytes, bytes],
    plays: int = 0,
    depth: int = 8,
    kind: int = 6,
    count: int | None = None,
) -> bytes:
    """Return an APNG; `default` is a picture that is not part of the animation. Frames are arrays (h, w, c) with
    top, left, num, den, dispose and blend.
    """
    first = frames[0][0] if default is None else default
    parts = [(b"IHDR", struct.pack(">IIBBBBB", first.shape[1], first.shape[0], depth, kind, 0, 0, 0)), *chunks]
    parts.append((b"acTL", struct.pack(">II", len(frames) if count is None else count, plays)))
    sequence = 0
    if default is not None:
        parts.append((b"IDAT", _scan_lines(default)))
    for number, (pixels, settings) in enumerate(frames):
        given = {"top": 0, "left": 0, "num": 1, "den": 25, "dispose": 0, "blend": 0, **settings}
        place = (pixels.shape[1], pixels.shape[0], given["left"], given["top"], given["num"], given["den"])
        control = struct.pack(">IIIIIHHBB", sequence, *place, given["dispose"], given["blend"])
        sequence += 1
        parts.append((b"fcTL", control))
        if number == 0 and default is None:
            parts.append((b"IDAT", _scan_lines(pixels)))
        else:
            parts.append((b"fdAT", struct.pack(">I", sequence) + _scan_lines(pixels)))
            sequence += 1
    parts.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in parts)


def _scan_lines(pixels: np.ndarray) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels))


def webp(size: tuple[int, int], frames: list[tuple[Image.Image, dict]], *, loop: int = 0, alpha: bool = True) -> bytes:
    """Return an animated WebP of lossless frames with top, left, duration, clear and blend."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)

    def three(value: int) -> bytes:
        return value.to_bytes(3, "little")

    head = chunk(b"VP8X", bytes([0x12 if alpha else 2, 0, 0, 0]) + three(size[1] - 1) + three(size[0] - 1))
    body = head + chunk(b"ANIM", bytes(4) + struct.pack("<H", loop))
    body = bytearray(body)
    for image, settings in frames:
        given = {"top": 0, "left": 0, "duration": 40, "clear": False, "blend": True, **settings}
        buffer = BytesIO()
        image.save(buffer, "WEBP", lossless=True, exact=True)
        coded = buffer.getvalue()[12:]
        if coded[:4] == b"VP8X":
            coded = coded[18:]
        place = three(given["left"] // 2) + three(given["top"] // 2) + three(image.width - 1) + three(image.height - 1)
        flags = bytes([given["clear"] | (0 if given["blend"] else 2)])
        body += chunk(b"ANMF", place + three(given["duration"]) + flags + coded)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + bytes(body)
