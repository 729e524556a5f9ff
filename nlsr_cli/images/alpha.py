"""Transparency: colours that grow into transparent areas, and pictures laid on a background."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from nlsr_cli import scratch
from nlsr_cli.errors import OptionError
from nlsr_cli.images.picture import Pixels

Floats = npt.NDArray[np.float32]


def parse_background(text: str) -> tuple[int, int, int]:
    """Return the sRGB values of a colour given by name, #rgb, #rrggbb, rgb() or hsl().

    Raises:
        OptionError: it is no colour, or not an opaque one.
    """
    try:
        values = ImageColor.getrgb(text)
    except ValueError as exc:
        raise OptionError(f"'{text}' is not a colour", "Use a name such as white, or #rrggbb.") from exc
    if len(values) == 4 and values[3] != 255:
        raise OptionError(f"the background '{text}' is not opaque", "Use a colour without alpha, such as #rrggbb.")
    if not _within_bounds(text):
        raise OptionError(f"a value in '{text}' is too large", "Numbers go up to 255, percentages to 100, hues to 360.")
    return values[0], values[1], values[2]


def _within_bounds(text: str) -> bool:
    """Say whether the arguments of a colour function are in range, of which Pillow makes other colours if not."""
    name, _, arguments = text.lower().partition("(")
    values = re.findall(r"(\d+(?:\.\d+)?)\s*(%?)", arguments)
    limits = [100 if percent else 255 if name.startswith("rgb") else 360 for _, percent in values]
    return all(float(value) <= limit for (value, _), limit in zip(values, limits, strict=True))


def composite(color: Pixels, alpha: Pixels, background: tuple[int, ...]) -> Pixels:
    """Return `color` (h, w, c) laid on `background`, of c 8-bit values, with straight `alpha` (h, w)."""
    result = scratch.empty(color.shape, color.dtype)
    for band in scratch.bands(color.shape):
        laid = _laid if np.issubdtype(color.dtype, np.integer) else _laid_floats
        result[band] = laid(color[band], alpha[band, :, None], background)
    return result


def _laid(color: Pixels, alpha: Pixels, background: tuple[int, ...]) -> Pixels:
    full = int(np.iinfo(color.dtype).max)
    ground, weight = np.array(background, np.uint32) * (full // 255), alpha.astype(np.uint32)
    # The sum stays below 2**32 even with 16 bit: full * full + full // 2.
    total: Pixels = (color * weight + ground * (full - weight) + full // 2) // full
    return total


def _laid_floats(color: Pixels, alpha: Pixels, background: tuple[int, ...]) -> Pixels:
    ground = np.array(background, np.float32) / 255
    total: Pixels = color * alpha + ground * (1 - alpha)
    return total


def bleed_colors(color: Pixels, alpha: Pixels) -> Pixels:
    """Return `color` (h, w, c) with smoothly extrapolated colours where `alpha` (h, w) is 0.

    The colours of invisible pixels are arbitrary, and a network would drag them over the edge. Pixels with alpha above
    0 stay exactly as they are; without invisible or without visible ones the picture returns unchanged. The method is
    the push-pull pyramid of Gortler et al., "The Lumigraph", SIGGRAPH 1996: O(h * w).
    """
    if not any((alpha[rows] == 0).any() for rows in scratch.bands(alpha.shape)) or not alpha.any():
        return color
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    coarse = _filled(*_halved(color, alpha, opaque))
    result: Pixels = scratch.empty(color.shape, color.dtype)
    for rows in scratch.bands(color.shape):
        hidden = alpha[rows] == 0
        result[rows] = color[rows]
        if hidden.any():
            filled = _doubled(coarse, rows, color.shape[1])[hidden]
            result[rows][hidden] = filled if color.dtype.kind == "f" else np.rint(filled).astype(color.dtype)
    return result


def keep_flat(resized: Pixels, alpha: Pixels, *, wrap: str = "") -> None:
    """Give every pixel of `resized` (H, W) the exact value of `alpha` (h, w) where that is one value all around.

    Around is: in the pixel of `alpha` that it lies in and in those beside it. What is opaque stays opaque and what is
    invisible stays invisible, whatever ringing an edge has sent there.

    Args:
        resized: `alpha` at another size; it is changed.
        alpha: of the same dtype.
        wrap: "", "x", "y" or "xy": where the picture goes on at its other side.
    """
    # pixels that one output stands for
    down, across = (max(1, -(-was // now)) for was, now in zip(alpha.shape, resized.shape, strict=True))
    around = _places(np.arange(-across, alpha.shape[1] + across), alpha.shape[1], wrap="x" in wrap)
    columns = ((np.arange(resized.shape[1]) + 0.5) * alpha.shape[1] / resized.shape[1]).astype(np.intp)
    for band in scratch.bands(resized.shape):
        rows = ((np.arange(band.start, band.stop) + 0.5) * alpha.shape[0] / resized.shape[0]).astype(np.intp)
        first, last = int(rows[0]), int(rows[-1])
        near = _places(np.arange(first - down, last + down + 1), alpha.shape[0], wrap="y" in wrap)
        wide = alpha[near[:, None], around]
        low, high = (
            _extreme(_extreme(wide, 0, down, choose), 1, across, choose) for choose in (np.minimum, np.maximum)
        )
        flat = (low == high)[rows[:, None] - first, columns]
        np.copyto(resized[band], alpha[rows[:, None], columns], where=flat)


def _places(places: npt.NDArray[np.intp], length: int, *, wrap: bool) -> npt.NDArray[np.intp]:
    """Return places that may lie beyond a side as places on it: at its other end, or at its border."""
    inside: npt.NDArray[np.intp] = places % length if wrap else places.clip(0, length - 1)
    return inside


def _extreme(values: Pixels, axis: int, reach: int, choose: np.ufunc) -> Pixels:
    """Return the least or the greatest of the values up to `reach` away along an axis, of all that have so many."""
    length = values.shape[axis] - 2 * reach
    turned = values.swapaxes(0, axis)
    result = turned[:length]
    for shift in range(1, 2 * reach + 1):
        result = choose(result, turned[shift : shift + length])
    return result.swapaxes(0, axis)


def _halved(color: Pixels, weight: Pixels, full: float) -> tuple[Floats, Floats]:
    """Return the weighted mean of every 2x2 block and its weight, which saturates at 1. Odd edges get empty pixels.

    A weight of `full` is 1.
    """
    height, width, channels = color.shape
    rows, columns = -(-height // 2), -(-width // 2)
    mean = scratch.empty((rows, columns, channels), np.float32)
    total = scratch.empty((rows, columns), np.float32)
    for band in scratch.bands((rows, 4 * columns, channels)):
        taken = slice(2 * band.start, 2 * band.stop)
        padding = (0, 2 * (band.stop - band.start) - len(color[taken])), (0, width % 2)
        shares = np.pad(weight[taken].astype(np.float32) / np.float32(full), padding)
        weighted = np.pad(color[taken].astype(np.float32), (*padding, (0, 0))) * shares[..., None]
        count = shares.reshape(-1, 2, columns, 2).sum(axis=(1, 3))
        summed = weighted.reshape(-1, 2, columns, 2, channels).sum(axis=(1, 3))
        mean[band] = summed / np.where(count > 0, count, 1)[..., None]
        total[band] = np.minimum(count, 1)
    return mean, total


def _filled(color: Floats, weight: Floats) -> Floats:
    """Fill in what the weights of `color` lack of 1 from the levels above. Some weight must be above 0."""
    if weight.min() >= 1 or weight.size == 1:
        return color
    above = _filled(*_halved(color, weight, 1))
    for rows in scratch.bands(color.shape):
        base = _doubled(above, rows, color.shape[1])
        color[rows] = base + (color[rows] - base) * weight[rows][..., None]
    return color


def _doubled(color: Floats, rows: slice, width: int) -> Floats:
    """Return some rows of `color` at twice its size, bilinearly between pixel centres, cut to a width."""
    near, far = _neighbours(np.arange(rows.start, rows.stop), len(color))
    tall: Floats = 0.75 * color[near] + 0.25 * color[far]
    near, far = _neighbours(np.arange(width), color.shape[1])
    wide: Floats = 0.75 * tall[:, near] + 0.25 * tall[:, far]
    return wide


def _neighbours(places: npt.NDArray[np.intp], length: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the samples that places of twice their number lie in, and those beside them on the nearer side."""
    near = places // 2
    return near, _places(near + np.where(places % 2, 1, -1), length, wrap=False)


def straight(color: Pixels, alpha: Pixels) -> Pixels:
    """Return colours with the alpha divided out that was multiplied into them; where it is 0, they stay."""
    result = scratch.empty(color.shape, color.dtype)
    white = 1.0 if color.dtype == np.float32 else float(np.iinfo(color.dtype).max)
    for band in scratch.bands(color.shape):
        weight = np.where(alpha[band] > 0, alpha[band], white)[..., None].astype(np.float64)
        values = color[band] * (white / weight)
        result[band] = values if color.dtype == np.float32 else np.rint(np.minimum(values, white))
    return result
