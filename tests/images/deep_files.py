"""Files of deep samples, built byte by byte: what the library under test reads is not what it wrote."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np

from tests.images.files import png

COMPRESSORS = {
    "none": (1, bytes),
    "lzw": (5, imagecodecs.lzw_encode),
    "deflate": (8, zlib.compress),
    "old deflate": (32946, zlib.compress),
    "packbits": (32773, None),
    "zstd": (50000, imagecodecs.zstd_encode),
}
KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG colour types by number of channels


def samples(channels: int, dtype: type = np.uint16, height: int = 21, width: int = 18) -> np.ndarray:
    """Return samples (h, w, c) in which every bit matters: smooth, with noise below it."""
    rows, columns = np.mgrid[0:height, 0:width]
    layers = [rows / height, columns / width, (rows + columns) / (height + width), 0.2 + 0.6 * columns / width]
    noise = np.random.default_rng(channels).random((height, width, channels)) * 0.01
    values = np.stack([layers[at % 4] for at in range(channels)], axis=-1) * 0.98 + noise
    return np.rint(values * 65535).astype(dtype) if dtype == np.uint16 else values.astype(dtype)


def deep_png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of 16-bit samples (h, w, c)."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(height, width, 16, KINDS[channels], rows, *chunks)


def deep_tiff(
    pixels: np.ndarray,
    photometric: int,
    *,
    order: str = "<",
    compression: str = "none",
    rows: int = 8,
    tile: int | None = None,
    planar: bool = False,
    big: bool = False,
    extra: tuple[int, ...] = (),
    more: dict[int, tuple[str, tuple[int, ...]]] | None = None,
) -> bytes:
    """Return a TIFF of samples (h, w, c) in strips of `rows` rows, or in square tiles.

    `extra` are the kinds of extra samples; `more` are further tags, as struct codes and values.
    """
    height, width, channels = pixels.shape
    code, compress = COMPRESSORS[compression]
    planes = [pixels[..., at : at + 1] for at in range(channels)] if planar else [pixels]
    segments = [part.astype(part.dtype.newbyteorder(order)) for plane in planes for part in _cut(plane, rows, tile)]
    packed = [compress(part.tobytes()) if compress else _packbits(part) for part in segments]
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (pixels.dtype.itemsize * 8,) * channels),
        259: ("H", (code,)),
        262: ("H", (photometric,)),
        277: ("H", (channels,)),
        284: ("H", (2 if planar else 1,)),
        339: ("H", (kind,) * channels),
    }
    data = bytearray(16 if big else 8)
    places = []
    for segment in packed:
        places.append(len(data))
        data += segment + bytes(len(segment) % 2)
    lengths = tuple(len(segment) for segment in packed)
    if tile is None:
        tags |= {273: ("I", tuple(places)), 278: ("I", (rows,)), 279: ("I", lengths)}
    else:
        tags |= {322: ("I", (tile,)), 323: ("I", (tile,)), 324: ("I", tuple(places)), 325: ("I", lengths)}
    if extra:
        tags[338] = ("H", extra)
    return _with_tags(data, {**tags, **(more or {})}, order, big=big)


def _cut(plane: np.ndarray, rows: int, tile: int | None) -> list[np.ndarray]:
    height, width, _ = plane.shape
    if tile is None:
        return [plane[top : top + rows] for top in range(0, height, rows)]
    padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
    corners = [(top, left) for top in range(0, height, tile) for left in range(0, width, tile)]
    return [padded[top : top + tile, left : left + tile] for top, left in corners]


def _packbits(part: np.ndarray) -> bytes:
    """Pack row by row, as TIFF 6.0 section 9 demands."""
    return b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in part)


def _with_tags(data: bytearray, tags: dict[int, tuple[str, tuple[int, ...]]], order: str, *, big: bool) -> bytes:
    start, kinds = len(data), {"B": 1, "H": 3, "I": 4, "Q": 16}
    counter, row, field = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    head = struct.calcsize("<" + counter)
    tail_start = start + head + len(tags) * (struct.calcsize("<" + row) + field) + field
    table, tail = struct.pack(order + counter, len(tags)), b""
    for tag, (code, values) in sorted(tags.items()):
        payload = struct.pack(f"{order}{len(values)}{code}", *values)
        table += struct.pack(order + row, tag, kinds[code], len(values))
        if len(payload) <= field:
            table += payload.ljust(field, b"\0")
        else:
            table += struct.pack(order + ("Q" if big else "I"), tail_start + len(tail))
            tail += payload + bytes(len(payload) % 2)
    mark = b"II" if order == "<" else b"MM"
    first = struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start)
    data[: len(mark + first)] = mark + first
    return bytes(data) + table + bytes(field) + tail
