"""How damaged a picture is, told from its pixels: the strength of a JPEG's quantisation, and of noise.

Compression: a decoded JPEG remembers its quantisation. On the grid of its blocks, each DCT coefficient lies near a
multiple of its step (Fan and de Queiroz, "Identification of Bitmap Compression History: JPEG Detection and Quantizer
Estimation", IEEE Transactions on Image Processing 12(2), 2003). The grid is where neighbouring pixels differ more than
elsewhere; the quality is the one whose table, as the IJG's library scales it, explains most coefficients.

Noise: patches of a picture lie near a few directions of their space, and noise fills all of it alike. The smallest
eigenvalues of the covariance of patches are its variance (Chen, Zhu, Heng, "An Efficient Statistical Method for Image
Noise Level Estimation", ICCV 2015). Patches of three colours have room for that; those of a grey picture have not, so
nothing is said of its noise. What all colours share, as the grain of film, is not seen either.

Of large pictures only windows are looked at, spread evenly: the same picture gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.picture import Pixels

Reals = npt.NDArray[np.floating]

SIDE = 8  # pixels on the side of a JPEG's block
WINDOW, MOST_WINDOWS = 20 * SIDE, 8  # pixels on a side, and windows in each direction
MOST_BLOCKS = 4096  # that are looked at: enough for a tenth of a level, and as fast for any picture
LEAST_BLOCKS = 48  # under these nothing can be told
FEW_BLOCKS = 512  # that are looked at to find the grid
MOST_VALUES = 1024  # of one coefficient, which are compared with the steps of all qualities
NEAR_ZERO = 0.5  # levels
CANDIDATES = 3
SURE = 0.35  # of 20 clean photographs none explains more than 0.15 of its coefficients, of their JPEGs none under 0.6
PATCH, MOST_PATCHES = 5, 20_000
FLAT = 0.02  # share of patches of one colour from which on a picture is drawn, not photographed
LEAST_NOISE = 2.6  # levels; clean photographs come to 2.5 where they are all texture

# Quantisation of luma that the IJG's library scales (ITU-T T.81, annex K.1), row by row.
LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)


@dataclass(frozen=True)
class Estimate:
    """What was told of a picture.

    `quality` is that of the JPEG which it went through, 1 to 100, or None where there is no sign of one; `noise` is the
    standard deviation in levels of 8 bits.
    """

    quality: float | None
    noise: float


def table_of(quality: float) -> Reals:
    """Return the quantisation of luma, (8, 8), of a quality from 1 to 100, as the IJG's library has it."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip(np.floor((LUMA_TABLE * scale + 50) / 100), 1, 255))


def quality_of(table: Reals) -> int:
    """Return the quality, 1 to 100, whose table is nearest to a quantisation of luma, (8, 8), from whatever program."""
    distances = [np.abs(np.log(table_of(quality) / table)).mean() for quality in range(1, 101)]
    return int(np.argmin(distances)) + 1


def jpeg_quality(picture: jpeg.Jpeg) -> int | None:
    """Return the quality, 1 to 100, of a JPEG by its table for the first component; None where it has none."""
    table = jpeg.quantisation(picture)
    return None if table is None else quality_of(np.array(table, np.float32).reshape(SIDE, SIDE))


def windows_of(pixels: Pixels) -> list[Pixels]:
    """Return a picture, or windows of a large one that begin on the grid of blocks which begins in its corner."""
    height, width = pixels.shape[:2]
    if height * width <= (WINDOW * MOST_WINDOWS) ** 2:
        return [pixels]
    return [pixels[top : top + WINDOW, left : left + WINDOW] for top in _origins(height) for left in _origins(width)]


def _origins(side: int) -> list[int]:
    count = min(MOST_WINDOWS, max(1, side // WINDOW))
    return [(side - WINDOW) * index // max(1, count - 1) // SIDE * SIDE if count > 1 else 0 for index in range(count)]


def levels_of(pixels: Pixels) -> Reals:
    """Return samples of any depth in levels of 8 bits, of the same shape; floats are clipped."""
    values = pixels.astype(np.float32)
    if pixels.dtype.kind == "u":
        return np.asarray(values * np.float32(255 / np.iinfo(pixels.dtype).max))
    return np.asarray(values.clip(0, 1) * 255)


def luma_of(pixels: Pixels) -> Reals:
    """Return the luma of a JPEG (JFIF), (h, w) in levels of 8 bits, of (h, w, 1 or 3) samples of any depth."""
    values = levels_of(pixels)
    return np.asarray(values[..., 0] if pixels.shape[2] == 1 else values @ np.array([0.299, 0.587, 0.114], np.float32))


def _places(lumas: Sequence[Reals]) -> list[tuple[int, int]]:
    """Return where the grid of blocks most probably begins, (top, left) from 0 to 7, the best first.

    On the grid of a JPEG most of the coefficients are zero, but for the rounding of its pixels.
    """
    zeros = {}
    for top in range(SIDE):
        for left in range(SIDE):
            coefficients = _blocks(lumas, top, left, FEW_BLOCKS) @ _DCT[:, _MIDDLE]
            zeros[top, left] = float((np.abs(coefficients) < NEAR_ZERO).mean()) if coefficients.size else 0.0
    return sorted(zeros, key=lambda place: -zeros[place])[:CANDIDATES]


def _blocks(lumas: Sequence[Reals], top: int, left: int, most: int) -> Reals:
    """Return blocks of the grid that begins at a place, (n, 64), about so many at most, spread evenly."""
    found = []
    for luma in lumas:
        rows, columns = (luma.shape[0] - top) // SIDE, (luma.shape[1] - left) // SIDE
        inside = luma[top : top + rows * SIDE, left : left + columns * SIDE]
        blocks = inside.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)  # a view
        numbers = np.arange(rows * columns)[:: max(1, -(-rows * columns * len(lumas) // most))]
        found.append(blocks[numbers // max(1, columns), numbers % max(1, columns)].reshape(-1, SIDE**2))
    return np.concatenate(found)


def _dct() -> Reals:
    """Return the matrix (64, 64) that a block, as a row, is multiplied by: the orthonormal DCT-II of a JPEG."""
    k, n = np.mgrid[:SIDE, :SIDE]
    basis = np.cos(np.pi * (2 * n + 1) * k / (2 * SIDE)) / 2
    basis[0] /= np.sqrt(2)
    return np.kron(basis, basis).T.astype(np.float32)


_DCT = _dct()
_MIDDLE = np.flatnonzero(np.add.outer(np.arange(SIDE), np.arange(SIDE)).ravel() >= 3)
# Each quality twice, because a picture may lie on its side by now.
_QUALITIES = np.array([*range(5, 96)] * 2, np.float64)
_FREQUENCIES = [(u, v) for u in range(5) for v in range(5) if 0 < u + v < 5]  # where photographs have anything left
_LEAST_STEP = 3  # rounding to whole levels hides smaller ones
_LEAST_VALUES, _LEAST_IN_ALL = 8, 64
_LEAST_MULTIPLES = 24  # of all steps together: the blocks of a smooth ramp are alike, and lie near a few


@cache  # not at import: whoever only reads or writes pictures has no need of it
def _steps() -> Reals:
    """Return the steps of each of the qualities at each of the frequencies, (qualities, n)."""
    tables = [table_of(quality) for quality in _QUALITIES[: len(_QUALITIES) // 2]]
    return np.array([[table[each] for each in _FREQUENCIES] for table in [*tables, *(table.T for table in tables)]])


def estimate_quality(lumas: Sequence[Reals]) -> tuple[float | None, float]:
    """Return the quality of the JPEG that a picture went through, or None, and how sure it is (0 to 1).

    Args:
        lumas: the luma of its windows, (h, w) each.
    """
    if min(lumas[0].shape) < 4 * SIDE:
        return None, 0.0
    found = 0.0, 0.0
    for top, left in _places(lumas):
        blocks = _blocks(lumas, top, left, MOST_BLOCKS)
        if len(blocks) < LEAST_BLOCKS:
            continue
        scores = _explained(blocks @ _DCT[:, [SIDE * u + v for u, v in _FREQUENCIES]])
        found = max(found, (float(scores.max()), float(_QUALITIES[int(scores.argmax())])))
    return found[1], found[0]


def _explained(coefficients: Reals) -> Reals:
    """Return how near coefficients, (blocks, n), are to multiples of the steps of each quality: 1 is on them all."""
    total, weight, multiples = (np.zeros(len(_QUALITIES)) for _ in range(3))
    for column, steps in zip(coefficients.T, _steps().T, strict=True):
        # Equal values, as in ramps and drawings, count once.
        values = np.unique(np.round(column, 2))
        values = values[:: max(1, -(-len(values) // MOST_VALUES))].astype(np.float32)
        for step in np.unique(steps[steps >= _LEAST_STEP]):
            away = values[np.abs(values) > 0.6 * step]  # those at zero are explained by any step
            if len(away) >= _LEAST_VALUES:
                of_step = steps == step
                total[of_step] += float(np.cos(away * np.float32(2 * np.pi / step)).sum())
                weight[of_step] += len(away)
                multiples[of_step] += len(np.unique(np.rint(away / step)))
    sure = (weight >= _LEAST_IN_ALL) & (multiples >= _LEAST_MULTIPLES)
    return np.where(sure, total / np.maximum(weight, 1), 0.0)


def estimate_noise(windows: Sequence[Pixels]) -> float:
    """Return the standard deviation of noise in levels of 8 bits.

    Args:
        windows: of one picture, (h, w, 3) samples of any depth; of grey ones, (h, w, 1), nothing is known: 0.
    """
    height, width, channels = windows[0].shape
    if channels == 1 or min(height, width) < 2 * PATCH:
        return 0.0
    patches = np.concatenate([_patches(window, MOST_PATCHES // len(windows)) for window in windows]).astype(np.float64)
    middle = patches[(patches.min(axis=1) > 2) & (patches.max(axis=1) < 253)]  # noise is cut off at black and white
    if len(middle) and (np.ptp(middle.reshape(len(middle), channels, -1), axis=2).max(axis=1) == 0).mean() > FLAT:
        return 0.0  # noise leaves no place of one colour
    patches -= patches.mean(axis=0)
    variances = np.linalg.eigvalsh(patches.T @ patches / len(patches)).clip(0)  # rising
    # The largest number of them whose mean is no more than their median: no direction of the picture is among them.
    counts = np.arange(1, len(variances) + 1)
    means, medians = variances.cumsum() / counts, np.array([np.median(variances[:count]) for count in counts])
    pure = int(counts[medians >= means].max())
    return float(np.sqrt(means[pure - 1]))


def _patches(window: Pixels, most: int) -> Reals:
    """Return patches of a window as rows, (n, 75) in levels of 8 bits, about so many at most, spread evenly."""
    views = np.lib.stride_tricks.sliding_window_view(window, (PATCH, PATCH), axis=(0, 1))  # (h', w', 3, 5, 5)
    rows, columns = views.shape[:2]
    places = np.arange(0, rows * columns, max(1, rows * columns // most))
    patches = views[places // columns, places % columns]
    return levels_of(patches.reshape(len(places), -1))


def estimate(pixels: Pixels) -> Estimate:
    """Return what is told of a picture, (h, w, 1 or 3) samples of any depth; what is unsure is left unsaid."""
    windows = [window.copy() for window in windows_of(pixels)]
    scratch.relax()  # they lie apart in the file of a large picture, and each has touched more than itself
    quality, sure = estimate_quality([luma_of(window) for window in windows])
    noise = estimate_noise(windows)
    return Estimate(quality if sure >= SURE else None, noise if noise >= LEAST_NOISE else 0.0)
