"""What the way to sRGB and back loses of a picture in a wider space: kept beside the picture, added when it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.color import spaces
from nlsr_cli.images.picture import Pixels

Excess = npt.NDArray[Any]

SIGNED = {np.dtype(np.uint8): np.int16, np.dtype(np.uint16): np.int32, np.dtype(np.float32): np.float32}
# What rounding alone may lose, by dtype: one level of 8 bits; of 16 bits and of floating point, a sixteenth of that.
ROUNDING = {np.dtype(np.uint8): 1.0, np.dtype(np.uint16): 16.0, np.dtype(np.float32): 1 / 4096}


def excess_of(stored: Pixels, srgb: Pixels, icc: bytes) -> Excess | None:
    """Return `stored` less what becomes of it, as `srgb`, in the space of an invertible RGB profile again: (h, w, 3).

    It is signed, in the levels of `stored`; None where no value is larger than what rounding loses.
    """
    result = scratch.empty(stored.shape, SIGNED[stored.dtype])
    largest = 0.0
    for band in scratch.bands(stored.shape):
        part = result[band]
        part[:] = lost(stored[band], srgb[band], icc)
        largest = max(largest, float(part.max()), -float(part.min()))
    return result if largest > ROUNDING[stored.dtype] else None


def lost(stored: Pixels, srgb: Pixels, icc: bytes) -> Excess:
    """Return the excess of a band, whatever its size: rounding alone makes some."""
    signed: Any = SIGNED[stored.dtype]
    difference: Excess = np.subtract(stored, spaces.from_srgb(srgb, icc), dtype=signed, casting="unsafe")
    return difference


def add_excess(pixels: Pixels, excess: Excess) -> None:
    """Add an excess to pixels of the same shape, in place; integers are clipped."""
    whole = np.issubdtype(pixels.dtype, np.integer)
    white = np.iinfo(pixels.dtype).max if whole else None
    for rows in scratch.bands(pixels.shape):
        part = pixels[rows]
        total = part + excess[rows]
        part[:] = np.clip(total, 0, white) if whole else total


def weighed(excess: Excess, alpha: Pixels) -> Excess:
    """Return the excess of a picture that is laid on a background which has none, with straight `alpha` (h, w)."""
    white = 1 if alpha.dtype == np.float32 else np.iinfo(alpha.dtype).max
    shares = excess * (alpha / np.float32(white))[..., None]
    rounded: Excess = (shares if excess.dtype == np.float32 else np.rint(shares)).astype(excess.dtype)
    return rounded
