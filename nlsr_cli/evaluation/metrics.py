"""How near an enlarged picture is to the truth: PSNR and SSIM on luma, as the field publishes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nlsr_cli.images import Pixels

Luma = npt.NDArray[np.float64]

PEAK = 255.0
WINDOW = 11  # pixels along a side of SSIM's window
_SIGMA = 1.5
_STABILITY = ((0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2)  # C1 and C2, from K1 = 0.01 and K2 = 0.03
_BAND_ROWS = 256  # of SSIM's map that are computed at once, so that large pictures need no more memory than small ones


@dataclass(frozen=True)
class Score:
    """PSNR and SSIM on luma, and PSNR over the three colours.

    PSNR is in dB, and infinite where nothing differs. SSIM is None where a picture is too small for its window, `rgb`
    where luma alone was compared.
    """

    psnr: float
    ssim: float | None
    rgb: float | None = None


def score(sr: Pixels, hr: Pixels, scale: int) -> Score:
    """Compare (h, w, 1 or 3) uint8 RGB or grey with the truth of the same shape, a border of `scale` pixels cut off.

    Raises:
        ValueError: the shapes differ, or the border leaves nothing (see `is_scorable`).
    """
    if sr.shape[:2] != hr.shape[:2]:
        raise ValueError(f"{sr.shape} and {hr.shape} cannot be compared")
    if not is_scorable(hr.shape[0], hr.shape[1], scale):
        raise ValueError(f"a border of {scale} pixels leaves nothing of {hr.shape}")
    inside = (slice(scale, -scale), slice(scale, -scale))
    colours = psnr(sr[inside].astype(np.float64), hr[inside].astype(np.float64))
    return replace(score_luma(luma(sr), luma(hr), scale), rgb=colours)


def score_luma(found: Luma, truth: Luma, scale: int) -> Score:
    """Compare two Y channels (h, w), a border of `scale` pixels cut off; something must be left."""
    inside = (slice(scale, -scale), slice(scale, -scale))
    found, truth = found[inside], truth[inside]
    return Score(psnr(found, truth), ssim(found, truth) if min(truth.shape) >= WINDOW else None)


def mean_score(scores: Sequence[Score]) -> Score | None:
    """Return the mean of scores, that of SSIM over those that have one; None where there is not one score."""
    if not scores:
        return None
    similar = [each.ssim for each in scores if each.ssim is not None]
    colours = [each.rgb for each in scores if each.rgb is not None]
    return Score(
        float(np.mean([each.psnr for each in scores])),
        float(np.mean(similar)) if similar else None,
        float(np.mean(colours)) if colours else None,
    )


def is_scorable(height: int, width: int, scale: int) -> bool:
    """Tell whether anything is left of (height, width) pixels without their border."""
    return min(height, width) > 2 * scale


def luma(pixels: Pixels) -> Luma:
    """Return Y of YCbCr, (h, w) from 16 to 235, of (h, w, 3) uint8 RGB or (h, w, 1) grey; it is not rounded.

    The weights are those of ITU-R BT.601 as MATLAB's rgb2ycbcr has them, on which the field's figures rest.
    """
    weights = np.array([65.481, 128.553, 24.966]) / 255
    if pixels.shape[2] == 1:
        weights = weights.sum(keepdims=True)
    return 16.0 + pixels.astype(np.float64) @ weights


def psnr(found: Luma, truth: Luma) -> float:
    """Return the peak signal-to-noise ratio in dB of arrays of one shape with a peak of 255."""
    error = float(np.mean(np.square(found - truth)))
    return float("inf") if error == 0 else 10 * float(np.log10(PEAK**2 / error))


def ssim(found: Luma, truth: Luma) -> float:
    """Return the mean structural similarity of (h, w) arrays of at least 11x11 with a peak of 255.

    As in Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity"
    (IEEE Transactions on Image Processing 13(4), 2004): a Gaussian window of 11x11 with a standard deviation of 1.5,
    only where it lies wholly inside, at the size that the pictures have.

    Raises:
        ValueError: the arrays are smaller than the window.
    """
    if min(truth.shape) < WINDOW:
        raise ValueError(f"{truth.shape} is smaller than SSIM's window of {WINDOW}")
    total = 0.0
    for rows in _bands(truth.shape[0]):
        total += float(_similarity(found[rows], truth[rows]).sum())
    places: int = (truth.shape[0] - WINDOW + 1) * (truth.shape[1] - WINDOW + 1)
    return total / places


def _bands(height: int) -> Iterator[slice]:
    """Cut rows into bands that overlap by what a window needs, so that each place of the window is in one of them."""
    for top in range(0, height - WINDOW + 1, _BAND_ROWS):
        yield slice(top, min(top + _BAND_ROWS + WINDOW - 1, height))


def _similarity(x: Luma, y: Luma) -> Luma:
    """Return the map of structural similarity, (h - 10, w - 10)."""
    c1, c2 = _STABILITY
    mean_x, mean_y = _blur(x), _blur(y)
    both, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = _blur(x * y) - both
    variances = _blur(x**2 + y**2) - squares  # of both together: the two are only ever added
    return ((2 * both + c1) * (2 * covariance + c2)) / ((squares + c1) * (variances + c2))


def _blur(x: Luma) -> Luma:
    """Return the Gaussian-weighted mean in every window that lies wholly inside: (h, w) -> (h - 10, w - 10)."""
    weights = np.exp(-np.square(np.arange(WINDOW) - WINDOW // 2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    height, width = x.shape[0] - WINDOW + 1, x.shape[1] - WINDOW + 1
    down = sum((weight * x[at : at + height] for at, weight in enumerate(weights)), start=np.zeros(()))
    return sum((weight * down[:, at : at + width] for at, weight in enumerate(weights)), start=np.zeros(()))
