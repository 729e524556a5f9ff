"""What a result must be before anyone gets it: plausible in every tile, and as a whole the picture that it was made of.

Enlarging adds detail, but what a patch of some pixels is on average it leaves alone. So the result is reduced to an
eighth of its source's size and compared with the source, reduced to the same. Detail, noise and whatever was clipped
hardly count there, while a tile that is black, shifted, of another place or of another colour does. The comparison is
made window by window, or one bad tile among hundreds would drown in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.errors import NlsrError, ResultRejected
from nlsr_cli.images import Picture, Pixels
from nlsr_cli.upscaling.tiles import Floats

BEYOND = 4.0  # white is 1: sharp noise drives the embedded models to -1.5 and 3, damaged networks go to thousands
DETAIL, FLAT = 4 / 255, 0.5 / 255  # ranges of values: this much in the source must not become this little
PATCH = 8  # pixels of the source on a side of what is averaged
WINDOW = 8  # patches on a side of a window
BEST = 100.0  # dB; what is equal is given this

_Means = npt.NDArray[np.float64]


def check_finite(picture: Picture) -> None:
    """Raise NlsrError if a picture holds NaN or infinite samples."""
    for samples in (picture.color, picture.alpha, picture.excess):
        if samples is None or samples.dtype.kind != "f":
            continue
        if not all(np.isfinite(samples[rows]).all() for rows in scratch.bands(samples.shape)):
            raise NlsrError(
                "the picture has samples that are not finite", "Replace its NaN and infinite values, then try again."
            )


def fault_of(lr: Floats, sr: Floats) -> str:
    """Return what is wrong with an enlarged tile (s h, s w, 3) of (h, w, 3), both with white as 1; "" if nothing is."""
    low, high = float(sr.min()), float(sr.max())  # NaN if there is any
    if not math.isfinite(low) or not math.isfinite(high):
        return "gave values that are not finite"
    if low < -BEYOND or high > 1 + BEYOND:
        return "gave values far beyond black and white"
    if high - low < FLAT and float(lr.max()) - float(lr.min()) > DETAIL:
        return "gave one colour where the picture has detail"
    return ""


@dataclass(frozen=True)
class Agreement:
    """How well a result, reduced again, matches its source: PSNR in dB, at most 100, of all and of the worst window,
    and the (row, column) of the source at which that window begins.
    """

    psnr: float
    worst: float
    place: tuple[int, int]


def agreement(source: Pixels, result: Pixels) -> Agreement:
    """Compare (h, w, c) with what was made of it, (H, W, c) of the same dtype and of any size.

    The peak is the white of integers; of floats it is 1, or the largest value where the picture goes beyond.

    A patch at the border that is cut off counts as far as it has pixels, in a window that is whole where the picture is
    large enough: few pixels of good detail differ more on average than many. What is smaller than one patch counts as
    the part of one that it is. Along a side that became shorter patches are larger, because interpolation averages too.
    """
    size = source.shape[:2]
    high, wide = (math.ceil(PATCH * max(1.0, was / now)) for was, now in zip(size, result.shape[:2], strict=True))
    integer = np.issubdtype(source.dtype, np.integer)
    peak = float(np.iinfo(source.dtype).max) if integer else max(1.0, -float(source.min()), float(source.max()))
    down, across = _counts(size[0], high), _counts(size[1], wide)
    errors: dict[tuple[int, int], float] = {}
    total, counted, seen = 0.0, 0.0, 0
    for windows in _grouped(_windows(len(down)), scratch.BAND // (WINDOW * result.shape[1] * result.shape[2])):
        rows = slice(windows[0], min(windows[-1] + WINDOW, len(down)))
        counts = np.outer(down[rows], across)
        before, after = (patch_means(pixels, size, (high, wide), rows) for pixels in (source, result))
        squared = (((after - before) / peak) ** 2).mean(axis=2) * counts
        for row, column in product(windows, _windows(len(across))):
            box = slice(row - rows.start, row - rows.start + WINDOW), slice(column, column + WINDOW)
            errors[row, column] = float(squared[box].sum() / max(float(counts[box].sum()), PATCH**2))
        new = slice(seen - rows.start, None)  # the last window may begin before the one above it ends
        total, counted, seen = total + float(squared[new].sum()), counted + float(counts[new].sum()), rows.stop
        scratch.relax()
    row, column = max(errors, key=lambda place: _bad(errors[place]))
    return Agreement(_psnr(total / max(counted, PATCH**2)), _psnr(errors[row, column]), (row * high, column * wide))


def _counts(length: int, patch: int) -> _Means:
    """Return how many pixels of a side lie in each patch."""
    return np.array([min(patch, length - start) for start in range(0, length, patch)], np.float64)


def _windows(patches: int) -> list[int]:
    """Return the patches at which windows begin: the last one ends with the picture, and is whole if any can be."""
    last = max(0, patches - WINDOW)
    return [*range(0, last, WINDOW), last]


def _grouped(windows: list[int], most: int) -> Iterator[list[int]]:
    """Yield so many at once, at least one."""
    step = max(1, most)
    yield from (windows[first : first + step] for first in range(0, len(windows), step))


def check_agreement(source: Pixels, result: Pixels, floor: float) -> Agreement:
    """Return the agreement of a result with its source.

    Raises:
        ResultRejected: it is under `floor` dB in some window.
    """
    found = agreement(source, result)
    if floor and not found.worst >= floor:
        row, column = found.place
        raise ResultRejected(
            f"the result does not match the picture: around row {row}, column {column}, reduced again, it agrees "
            f"to {found.worst:.1f} dB, and --floor asks for {floor:g}",
            "Try another --model, or --precision fp32; --floor 0 accepts the result as it is.",
        )
    return found


def patch_means(
    pixels: npt.NDArray[Any],
    size: tuple[int, int],
    patch: tuple[int, int] = (PATCH, PATCH),
    rows: slice = slice(None),
) -> _Means:
    """Return the means over the patches that a source of (height, width) is cut into, in levels: (rows, columns, c).

    Where the picture is of another size its patches have borders between pixels, which then count in part. `rows` are
    those of patches that are wanted.
    """
    tall = _averaged(pixels, size[0], patch[0], rows)  # (rows, w, c)
    means: _Means = _averaged(tall.transpose(1, 0, 2), size[1], patch[1]).transpose(1, 0, 2)
    return means


def _averaged(pixels: npt.NDArray[Any], length: int, patch: int, wanted: slice = slice(None)) -> _Means:
    """Return (patches, w, c) weighted means of the rows of (h, w, c), which stand for `length` rows of the source."""
    height, width, channels = pixels.shape
    patches = _patches(length, height, patch)[wanted]
    made = np.empty((len(patches), width, channels))
    for index, (first, weights) in enumerate(patches):
        rows = pixels[first : first + len(weights)].reshape(len(weights), -1)
        kind = np.float64 if rows.dtype == np.float64 else np.float32
        made[index] = (weights.astype(kind) @ rows.astype(kind)).reshape(width, channels)
    return made


@lru_cache(maxsize=4)  # those of rows and columns, before and after
def _patches(length: int, size: int, patch: int) -> tuple[tuple[int, npt.NDArray[np.float64]], ...]:
    """Return the first row of each patch in a result of `size` rows and the weight of each of its rows: together one.

    `length` are the rows of the source.
    """
    made = []
    for start in range(0, length, patch):
        top, bottom = start * size / length, min(start + patch, length) * size / length
        first, last = int(top), min(math.ceil(bottom - 1e-9), size)
        weights = np.diff(np.arange(first, last + 1).clip(top, bottom))
        made.append((first, weights / weights.sum()))
    return tuple(made)


def _psnr(error: float) -> float:
    """Return the PSNR of a mean squared error with a peak of 1."""
    return round(min(BEST, -10 * math.log10(error)), 3) if error > 0 else (BEST if error == 0 else math.nan)


def _bad(error: float) -> float:
    return math.inf if math.isnan(error) else error
