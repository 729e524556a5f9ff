"""Where a photograph has something to teach: how likely each part of it is to be drawn as a patch.

Much of a photograph is sky and blur, where bicubic interpolation is right already: the loss of such patches is small,
and so is what is learnt from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images import Pixels, resize_bicubic

SIDE = 24  # positions on a side of a field: fine enough to follow a horizon, coarse enough for a short list
FLOOR = 0.5  # grey levels that are added to every detail, so that no part is never drawn

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fields:
    """Rectangles of top left corners of patches, each with its weight; together they hold every corner once."""

    tops: Integers
    lefts: Integers
    rows: Integers
    columns: Integers
    weights: Reals


def fields_of(hr: Pixels, lr: Pixels, patch: int, focus: float) -> Fields:
    """Cut the corners of all patches of a photograph into fields of at most 24 by 24, in low-resolution pixels.

    The weight of a field is its number of corners times its detail to the power of `focus`. Detail is what bicubic
    enlargement misses: its mean absolute error, in grey levels, over all pixels of the field's patches.

    Args:
        hr: (s h, s w, 3) uint8.
        lr: its reduction, (h, w, 3) uint8, with at least `patch` pixels on a side.
    """
    height, width = lr.shape[:2]
    tops = np.arange(0, height - patch + 1, SIDE, dtype=np.int64)
    lefts = np.arange(0, width - patch + 1, SIDE, dtype=np.int64)
    rows = np.minimum(SIDE, height - patch + 1 - tops)
    columns = np.minimum(SIDE, width - patch + 1 - lefts)
    weights = (rows[:, None] * columns[None]).astype(np.float64)  # (field rows, field columns)
    if focus:
        bottoms, rights = tops + rows + patch - 1, lefts + columns + patch - 1
        weights *= (_means(_missed(hr, lr), tops, bottoms, lefts, rights) + FLOOR) ** focus
    top, left = np.meshgrid(tops, lefts, indexing="ij")  # (field rows, field columns)
    row, column = np.meshgrid(rows, columns, indexing="ij")
    return Fields(top.ravel(), left.ravel(), row.ravel(), column.ravel(), weights.ravel())


def _missed(hr: Pixels, lr: Pixels) -> Reals:
    """Return the mean absolute error of bicubic enlargement in each low-resolution pixel, (h, w), in grey levels."""
    height, width = lr.shape[:2]
    scale = hr.shape[0] // height
    error = np.abs(np.subtract(hr, resize_bicubic(lr, *hr.shape[:2]), dtype=np.int16))  # (s h, s w, 3)
    rows = error.reshape(height, scale, -1).sum(axis=1, dtype=np.int32)  # (h, s w 3)
    return np.asarray(rows.reshape(height, width, -1).sum(axis=2) / (3 * scale**2))


def _means(values: Reals, tops: Integers, bottoms: Integers, lefts: Integers, rights: Integers) -> Reals:
    """Return the means of `values` over all rectangles of rows `tops` to `bottoms` and columns `lefts` to `rights`."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    inside = sums[bottoms][:, rights] - sums[tops][:, rights] - sums[bottoms][:, lefts] + sums[tops][:, lefts]
    return np.asarray(inside / ((bottoms - tops)[:, None] * (rights - lefts)[None]))
