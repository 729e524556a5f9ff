"""The small JPEG inside EXIF data, that file managers show (CIPA DC-008-2019, 4.5.8: the second directory)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.picture import Pixels

SIDE = 160  # pixels on the longer side, as cameras make them
QUALITY = 80
OVERSAMPLED = 8  # pixels looked at for each of the thumbnail, per axis: more do not show
JPEG_OFFSET, JPEG_LENGTH, COMPRESSION, JPEG = 513, 514, 259, 6


def has_thumbnail(block: bytes) -> bool:
    """Say whether an EXIF block has a thumbnail: a second directory that points to a JPEG."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return False
    try:
        rows = _rows(block, order, _next(block, order))
        offset, length = (next(iter(_number(block, order, rows[tag]))) for tag in (JPEG_OFFSET, JPEG_LENGTH))
    except (struct.error, ValueError, KeyError):
        return False
    return length > 0 and 8 <= offset <= len(block)


def _next(block: bytes, order: str) -> int:
    """Return the place of the second directory.

    Raises:
        ValueError, struct.error: there is none.
    """
    (first,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    (following,) = struct.unpack_from(order + "I", block, first + 2 + 12 * count)
    if following in (0, first):
        raise ValueError("no second directory")
    return int(following)


def _rows(block: bytes, order: str, start: int) -> dict[int, int]:
    (count,) = struct.unpack_from(order + "H", block, start)
    places = range(start + 2, start + 2 + 12 * min(count, tiff.MAX_ENTRIES), 12)
    return {struct.unpack_from(order + "H", block, place)[0]: place for place in places}


def _number(block: bytes, order: str, row: int) -> tuple[int, ...]:
    (kind,) = struct.unpack_from(order + "H", block, row + 2)
    return struct.unpack_from(order + ("H" if kind == tiff.SHORT else "I"), block, row + 8)


def looked_at(shape: Sequence[int]) -> tuple[slice, slice]:
    """Return the rows and the columns of a picture (h, w, ...) that a thumbnail is made of."""
    step = max(1, max(shape[:2]) // (SIDE * OVERSAMPLED))
    rows, columns = (slice(min(step // 2, side - 1), None, step) for side in shape[:2])
    return rows, columns


def make_thumbnail(color: Pixels, alpha: Pixels | None, size: tuple[int, int]) -> bytes:
    """Return the JPEG of a small copy of a picture of a size, (height, width), on white where it is transparent.

    The same pixels give the same bytes.

    Args:
        color: those pixels of it that `looked_at` names, (h, w, 1 or 3) in sRGB encoding.
        alpha: of the same ones, (h, w).
        size: of the whole picture.
    """
    small = _eight(color)
    if alpha is not None:
        share = _eight(alpha)[..., None].astype(np.uint32)
        small = ((small * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(small[..., 0] if small.shape[2] == 1 else small))
    factor = min(1.0, SIDE / max(size))
    height, width = (max(1, round(side * factor)) for side in size)
    buffer = BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _eight(samples: Pixels) -> Pixels:
    if samples.dtype == np.uint16:
        samples = (samples.astype(np.uint32) + 128) // 257
    if samples.dtype == np.float32:
        samples = np.rint(np.nan_to_num(samples, nan=0.0).clip(0, 1) * 255)
    return samples.astype(np.uint8, copy=False)


def with_thumbnail(block: bytes, jpeg: bytes) -> bytes:
    """Return a sound EXIF block that has no second directory with one that holds this JPEG."""
    order = "<" if block[:2] == b"II" else ">"
    block += bytes(len(block) % 2)
    (first,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, first)
    pointer = first + 2 + 12 * count
    start = len(block)
    picture = start + 2 + 3 * 12 + 4
    directory = struct.pack(order + "H", 3)
    directory += struct.pack(order + "HHIHH", COMPRESSION, tiff.SHORT, 1, JPEG, 0)
    directory += struct.pack(order + "HHII", JPEG_OFFSET, tiff.LONG, 1, picture)
    directory += struct.pack(order + "HHII", JPEG_LENGTH, tiff.LONG, 1, len(jpeg)) + bytes(4)
    linked = block[:pointer] + struct.pack(order + "I", start) + block[pointer + 4 :]
    return linked + directory + jpeg
