"""The IDAT chunks of a PNG (Portable Network Graphics, Third Edition, W3C 2025, clauses 9 and 10)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers.png import chunk
from nlsr_cli.images.encoding.bands import Bands, Shape, cut, in_order

Bytes = npt.NDArray[np.uint8]

SUB, UP, AVERAGE, PAETH = 1, 2, 3, 4
BLOCK = 1 << 17  # bytes that are filtered at once: with all that is in between, they stay in the cache of a processor
CHUNK = 1 << 16  # bytes of a chunk, from which on it is written
WINDOW, MEMORY = 15, 9  # of zlib: the largest


def sample_chunks(bands: Bands, shape: Shape, dtype: npt.DTypeLike) -> Iterator[bytes]:
    """Yield the chunks that hold the samples of a picture, uint8 or uint16 (h, w, 1 to 4).

    Raises:
        ValueError: the bands do not add up to the picture.
    """
    step = shape[2] * np.dtype(dtype).itemsize
    size = shape[1] * step
    deep = np.dtype(dtype).itemsize > 1  # of 8 bits, the mean makes lettering larger by a tenth
    # Runs alone, without a search for longer repeats: on an enlarged photograph a fifth of the time of level 6, and as
    # small. Pictures that repeat themselves exactly become larger, but what the network enlarges hardly does.
    packer = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, WINDOW, MEMORY, zlib.Z_RLE)
    packed = b""
    for differences in in_order(
        lambda rows: filtered(rows[1:], rows[:-1], step, mean=deep), _with_rows_above(bands, shape, dtype, size)
    ):
        packed += packer.compress(differences.data)
        if len(packed) >= CHUNK:
            yield chunk(b"IDAT", packed)
            packed = b""
    yield chunk(b"IDAT", packed + packer.flush())


def _with_rows_above(bands: Bands, shape: Shape, dtype: npt.DTypeLike, size: int) -> Iterator[Bytes]:
    """Yield the bytes of blocks of rows, `size` of each, behind those of the row above them, which is 0 at the top."""
    above = np.zeros((1, size), np.uint8)
    for band in cut(bands, shape, dtype, max(1, BLOCK // size)):
        ordered = np.ascontiguousarray(band if band.dtype == np.uint8 else band.astype(">u2"))
        block = np.concatenate((above, ordered.view(np.uint8).reshape(len(band), size)))
        above = block[-1:]
        yield block


def filtered(rows: Bytes, above: Bytes, step: int, *, mean: bool) -> Bytes:
    """Return rows (h, bytes) as differences, each row behind the number of its filter, (h, 1 + bytes).

    `above` are the rows above each of them, `step` the bytes of a pixel. Of the filters the one counts whose
    differences are smallest in sum, as libpng has it. The mean of left and above is a candidate where `mean` says so.
    """
    out = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    out[:, 0], out[:, 1:] = PAETH, _paeth(rows, above, step)
    least = _sizes(out[:, 1:])
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    candidates = [(UP, rows - above), (SUB, rows - left), (0, rows)]
    if mean:  # rounded down, in eight bits
        candidates.insert(0, (AVERAGE, rows - (left & above) - ((left ^ above) >> 1)))
    for number, differences in candidates:
        sizes = _sizes(differences)
        better = sizes <= least  # of equals the plainest: zeros behind a zero are one run with those of the next row
        if better.any():
            out[better, 0], out[better, 1:] = number, differences[better]
            least = np.minimum(least, sizes)
    return out


def _sizes(differences: Bytes) -> npt.NDArray[np.uint64]:
    """Return the sum of each row, where 255 is one below zero."""
    distances = np.minimum(differences, np.negative(differences))
    return np.asarray(np.add.reduce(distances, axis=1, dtype=np.uint64))


def _paeth(rows: Bytes, above: Bytes, step: int) -> Bytes:
    """Return the differences from whichever of left (a), above (b) and above left (c) is nearest to a + b - c.

    All of it is done in bytes, which a processor takes by the dozen: a + b - c lies between a and b only where c does,
    and elsewhere c is never the nearest.
    """
    out = rows - above  # which is all for the first pixel
    a, b, c = rows[:, :-step], above[:, step:], above[:, :-step]
    to_a = np.maximum(b, c)
    to_a -= np.minimum(b, c)
    to_b = np.maximum(a, c)
    to_b -= np.minimum(a, c)
    nearest = np.minimum(to_a, to_b)
    to_c = np.maximum(to_a, to_b)
    to_c -= nearest
    corner = to_c < nearest
    corner &= c > np.minimum(a, b)
    corner &= c < np.maximum(a, b)
    predicted = _chosen(corner, c, _chosen(to_a <= to_b, a, b))
    np.subtract(rows[:, step:], predicted, out=out[:, step:])
    return out


def _chosen(wanted: npt.NDArray[np.bool_], yes: Bytes, no: Bytes) -> Bytes:
    """Return what `numpy.where` does, in a tenth of its time."""
    mask = np.negative(wanted.view(np.uint8))
    result: Bytes = yes ^ no
    result &= mask
    result ^= no
    return result
