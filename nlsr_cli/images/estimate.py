"""How damaged a picture is, told from its pixels: the strength of a JPEG's quantisation, and of noise.

Compression: a decoded JPEG remembers its quantisation. On the grid of its blocks, each DCT coefficient lies near a
multiple of its step (Fan and de Queiroz, "Identification of Bitmap Compression History: JPEG Detection and Quantizer
Estimation", IEEE Transactions on Image Processing 12(2), 2003). The grid is where neighbouring pixels differ more than
elsewhere; the quality is the one whose table, as the IJG's library scales it, explains most coefficients.

Noise: patches of a picture lie near a few directions of their space, and noise fills all of it alike. The smallest
eigenvalues of the covariance of patches are its variance (Chen, Zhu, Heng, "An Efficient Statistical Method for Image
Noise Level Estimation", ICCV 2015). Patches of three colours have room for that; those of a grey picture have not, so
nothing is said of its noise. What all colours share, as the grain of film, is not seen either.

Pictures are looked at in a bounded number of blocks, spread evenly: the same picture gives the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.picture import Pixels

Reals = npt.NDArray[np.float64]

SIDE = 8  # pixels on the side of a JPEG's block
MOST_BLOCKS = 4096  # that are looked at: enough for a tenth of a level, and as fast for any picture
LEAST_BLOCKS = 48  # under these nothing can be told
FEW_BLOCKS = 512  # that are looked at to find the grid
NEAR_ZERO = 0.5  # levels
CANDIDATES = 3
SURE = 0.35  # of 20 clean photographs none explains more than 0.15 of its coefficients, of their JPEGs none under 0.6
PATCH, MOST_PATCHES = 5, 20_000
FLAT = 0.02  # share of patches of one colour from which on a picture is drawn, not photographed
LEAST_NOISE = 2.2  # levels; clean photographs come to 1.9 where they are all texture

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
    np.float64,
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


def quality_of(table: Reals) -> float:
    """Return the quality, 1 to 100, whose table is nearest to a quantisation of luma, (8, 8), from whatever program."""
    distances = [np.abs(np.log(table_of(quality) / table)).mean() for quality in range(1, 101)]
    return float(np.argmin(distances) + 1)


def luma_of(pixels: Pixels) -> Reals:
    """Return the luma of a JPEG (JFIF), (h, w) in levels of 8 bits, of (h, w, 1 or 3) samples of any depth."""
    values = pixels.astype(np.float64)
    if pixels.dtype.kind == "u":
        values *= 255 / np.iinfo(pixels.dtype).max
    else:
        values = values.clip(0, 1) * 255
    return np.asarray(values[..., 0] if pixels.shape[2] == 1 else values @ np.array([0.299, 0.587, 0.114]))


def _places(luma: Reals) -> list[tuple[int, int]]:
    """Return where the grid of blocks most probably begins, (top, left) from 0 to 7, the best first.

    On the grid of a JPEG most of the coefficients are zero, but for the rounding of its pixels.
    """
    zeros = {}
    for top in range(SIDE):
        for left in range(SIDE):
            coefficients = _DCT @ _blocks(luma, top, left, FEW_BLOCKS) @ _DCT.T
            zeros[top, left] = float((np.abs(coefficients[:, _MIDDLE]) < NEAR_ZERO).mean())
    return sorted(zeros, key=lambda place: -zeros[place])[:CANDIDATES]


def _blocks(luma: Reals, top: int, left: int, most: int) -> Reals:
    """Return blocks of the grid that begins at a place, (n, 8, 8), at most so many, spread evenly."""
    rows, columns = (luma.shape[0] - top) // SIDE, (luma.shape[1] - left) // SIDE
    inside = luma[top : top + rows * SIDE, left : left + columns * SIDE]
    blocks = inside.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    step = max(1, -(-len(blocks) // most))
    return blocks[step // 2 :: step]


def _dct() -> Reals:
    """Return the matrix (8, 8) of the orthonormal DCT-II, as a JPEG has it."""
    k, n = np.mgrid[:SIDE, :SIDE]
    basis = np.cos(np.pi * (2 * n + 1) * k / (2 * SIDE)) / 2
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)


_DCT = _dct()
_MIDDLE = np.add.outer(np.arange(SIDE), np.arange(SIDE)) >= 3
_QUALITIES = np.array([*range(5, 96)], np.float64)


def estimate_quality(luma: Reals) -> tuple[float | None, float]:
    """Return the quality of the JPEG that a picture went through, or None, and how sure it is (0 to 1)."""
    if min(luma.shape) < 4 * SIDE:
        return None, 0.0
    found = 0.0, 0.0
    for top, left in _places(luma):
        blocks = _blocks(luma, top, left, MOST_BLOCKS)
        if len(blocks) < LEAST_BLOCKS:
            continue
        coefficients = _DCT @ blocks @ _DCT.T  # (n, 8, 8)
        scores = [_explained(coefficients, table_of(quality)) for quality in _QUALITIES]
        found = max(found, (max(scores), float(_QUALITIES[int(np.argmax(scores))])))
    return found[1], found[0]


_ZIGZAG = [(u, v) for u in range(5) for v in range(5) if 0 < u + v < 5]  # where photographs have anything left


def _explained(coefficients: Reals, table: Reals) -> float:
    """Return how near coefficients are to multiples of their steps: 1 is exactly, 0 is by chance."""
    total = weight = 0.0
    for u, v in _ZIGZAG:
        step = table[u, v]
        if step < 3:  # rounding to whole levels hides it
            continue
        values = coefficients[:, u, v]
        # Those at zero are explained by any step, and so are values that are all the same, as in ramps and drawings.
        values = np.unique(np.round(values[np.abs(values) > 0.6 * step], 2))
        if len(values) >= 8:
            total += float(np.cos(2 * np.pi * values / step).sum())
            weight += len(values)
    return total / weight if weight >= 64 else 0.0


def estimate_noise(pixels: Pixels) -> float:
    """Return the standard deviation of noise in levels of 8 bits, of (h, w, 3) samples of any depth; 0 of (h, w, 1)."""
    height, width, channels = pixels.shape
    if channels == 1 or min(height, width) < 2 * PATCH:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (PATCH, PATCH), axis=(0, 1))  # (h', w', 3, 5, 5)
    rows, columns = windows.shape[:2]
    places = np.arange(0, rows * columns, max(1, rows * columns // MOST_PATCHES))
    patches = windows[places // columns, places % columns].reshape(len(places), -1).astype(np.float64)
    patches *= 255 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 255
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


def estimate(pixels: Pixels) -> Estimate:
    """Return what is told of a picture, (h, w, 1 or 3) samples of any depth; what is unsure is left unsaid."""
    quality, sure = estimate_quality(luma_of(pixels))
    noise = estimate_noise(pixels)
    return Estimate(quality if sure >= SURE else None, noise if noise >= LEAST_NOISE else 0.0)
