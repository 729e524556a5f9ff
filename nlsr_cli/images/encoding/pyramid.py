"""A picture and its reduced copies, each with half the sides of the one before, made band by band in one pass.

All copies grow at once: what is held of each is a band, so that memory follows from the width alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli.images import nodata
from nlsr_cli.images.encoding.bands import Bands, Shape, cut
from nlsr_cli.images.picture import Pixels

Halve = Callable[[Pixels], Pixels]
STRIP = 1 << 18  # samples that are halved at once: what is in between stays in the cache of a processor


def shapes_of(shape: Shape, least: int) -> list[Shape]:
    """Return the shape of a picture and of its reduced copies, down to the first with no side over `least` pixels."""
    shapes = [shape]
    while max(shapes[-1][:2]) > least:
        height, width, channels = shapes[-1]
        shapes.append((-(-height // 2), -(-width // 2), channels))
    return shapes


def pyramid(
    bands: Bands, shape: Shape, dtype: npt.DTypeLike, rows: int, levels: int, halve: Halve
) -> Iterator[tuple[int, Pixels]]:
    """Yield the bands of a picture and of its reduced copies, each with the number of its copy; 0 is the picture.

    Of each copy they come from the top down, with `rows` rows, an even number, but for the last one. A band that was
    taken may be overwritten as soon as the next one is asked for.

    Raises:
        ValueError: the bands do not add up to the picture.
    """
    halves: list[list[Pixels]] = [[] for _ in range(levels)]
    left = shape[0]
    for band in cut(bands, shape, dtype, rows):
        left -= len(band)
        yield 0, band
        made, last = band, not left
        for level in range(1, levels):
            halves[level].append(halve(made))
            if len(halves[level]) < 2 and not last:
                break
            made, halves[level] = np.concatenate(halves[level]), []
            yield level, made


def halving(*, alpha: bool, missing: str | None = None) -> Halve:
    """Return what makes (h, w, c) half as large, rounded up, by the mean of every four pixels.

    Where a side is odd, its last row or column counts twice. Alpha, the last channel if there is one, weighs the
    colours, so that those of transparent pixels do not show. Nor do pixels without data, whose value is `missing`;
    where they are the most of four, there is no data in the copy either.
    """
    if alpha:
        return lambda band: _by_strips(band, _halved_with_alpha)
    if missing is not None:
        return lambda band: _by_strips(band, lambda strip: _halved_with_missing(strip, missing))
    return lambda band: _by_strips(band, _halved)


def _by_strips(band: Pixels, halve: Halve) -> Pixels:
    rows = max(2, STRIP // (band.shape[1] * band.shape[2]) // 2 * 2)
    return np.concatenate([halve(band[top : top + rows]) for top in range(0, len(band), rows)])


def _halved(band: Pixels) -> Pixels:
    even = _even(band)
    if band.dtype.kind == "f":
        quarters = even * band.dtype.type(0.25)  # first, because a sum of four may be beyond what the type holds
        upright = quarters[0::2] + quarters[1::2]
        mean: Pixels = upright[:, 0::2] + upright[:, 1::2]
        return mean
    sums = np.add(even[0::2], even[1::2], dtype=np.uint32 if band.dtype.itemsize > 1 else np.uint16)
    out = np.empty((sums.shape[0], sums.shape[1] // 2, sums.shape[2]), band.dtype)
    for channel in range(out.shape[2]):  # one by one: the innermost of NumPy's loops is the longer for it
        layer = sums[:, 0::2, channel] + sums[:, 1::2, channel]
        layer += 2
        layer >>= 2
        out[..., channel] = layer
    return out


def _even(band: Pixels) -> Pixels:
    """Return pixels whose sides are even, with the last row or column twice where they were not."""
    height, width = band.shape[:2]
    if height % 2 or width % 2:
        return np.pad(band, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return band


def _halved_with_alpha(band: Pixels) -> Pixels:
    mean = _halved(band)
    clear = band[..., -1] != _opaque(band.dtype)
    if clear.any():
        mean[..., :-1] = _weighed(band[..., :-1], band[..., -1], mean[..., :-1])
    return mean


def _halved_with_missing(band: Pixels, missing: str) -> Pixels:
    mask = nodata.mask_of(band, nodata.level_of(missing, band.dtype))
    share = np.where(mask, 0, _opaque(band.dtype)).astype(band.dtype)
    mean = _halved(np.where(mask[..., None], band.dtype.type(0), band))
    if mask.any():
        mean = _weighed(band, share, mean)
    return nodata.restore(mean, _halved(share[..., None])[..., 0], missing, masked=True)[0]


def _opaque(dtype: np.dtype[Any]) -> int:
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _weighed(colors: Pixels, weights: Pixels, otherwise: Pixels) -> Pixels:
    """Return the weighed mean of every four pixels, and what is given where all of them weigh nothing."""
    shares = _even(weights[..., None]).astype(np.float64)
    visible = np.where(shares > 0, _even(colors), 0)  # what is not seen may be infinite
    products = visible * shares
    total, sums = (
        each[0::2, 0::2] + each[0::2, 1::2] + each[1::2, 0::2] + each[1::2, 1::2] for each in (shares, products)
    )
    mean = sums / np.where(total > 0, total, 1)
    rounded = mean if colors.dtype.kind == "f" else np.rint(mean)
    return np.where(total > 0, rounded, otherwise).astype(colors.dtype)
