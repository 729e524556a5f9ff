"""Transparency: colours that grow into transparent areas, and pictures laid on a background."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from nlsr_cli.errors import OptionError
from nlsr_cli.images.picture import Pixels

Floats = npt.NDArray[np.float32]

BAND = 1 << 20  # pixels worked on at once where a picture is processed in rows, to keep temporaries small


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
    height, width, _ = color.shape
    result = np.empty_like(color)
    rows = max(1, BAND // width)
    for top in range(0, height, rows):
        band = slice(top, top + rows)
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
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return color
    opaque = np.iinfo(alpha.dtype).max if alpha.dtype.kind == "u" else 1
    weight: Floats = alpha.astype(np.float32) / np.float32(opaque)
    coarse = _filled(*_halved(color.astype(np.float32), weight))
    spread = _doubled(coarse, *alpha.shape)
    result: Pixels = color.copy()
    filled = spread[hidden]
    result[hidden] = filled if color.dtype.kind == "f" else np.rint(filled).astype(color.dtype)
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
    low, high = alpha, alpha
    for axis, name in enumerate("yx"):
        reach = max(1, -(-alpha.shape[axis] // resized.shape[axis]))  # pixels that one output stands for
        low = _extreme(low, axis, reach, np.minimum, name in wrap)
        high = _extreme(high, axis, reach, np.maximum, name in wrap)
    flat = low == high
    columns = ((np.arange(resized.shape[1]) + 0.5) * alpha.shape[1] / resized.shape[1]).astype(np.intp)
    step = max(1, BAND // resized.shape[1])
    for top in range(0, resized.shape[0], step):
        band = resized[top : top + step]
        rows = ((np.arange(top, top + len(band)) + 0.5) * alpha.shape[0] / resized.shape[0]).astype(np.intp)
        np.copyto(band, alpha[rows[:, None], columns], where=flat[rows[:, None], columns])


def _extreme(values: Pixels, axis: int, reach: int, choose: np.ufunc, wrap: bool) -> Pixels:
    """Return the least or the greatest of the values up to `reach` away along an axis."""
    places = np.arange(-reach, values.shape[axis] + reach)
    wide = values.take(places, axis=axis, mode="wrap" if wrap else "clip")
    result = values
    for shift in range(2 * reach + 1):
        result = choose(result, wide.take(np.arange(shift, shift + values.shape[axis]), axis=axis))
    return result


def _halved(color: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Return the weighted mean of every 2x2 block and its weight, which saturates at 1. Odd edges get empty pixels."""
    height, width, channels = color.shape
    padding = (height % 2, width % 2)
    weight = np.pad(weight, ((0, padding[0]), (0, padding[1])))
    weighted = np.pad(color, ((0, padding[0]), (0, padding[1]), (0, 0))) * weight[..., None]
    rows, columns = weight.shape[0] // 2, weight.shape[1] // 2
    total = weight.reshape(rows, 2, columns, 2).sum(axis=(1, 3))
    summed = weighted.reshape(rows, 2, columns, 2, channels).sum(axis=(1, 3))
    mean = summed / np.where(total > 0, total, 1)[..., None]
    return mean.astype(np.float32), np.minimum(total, 1).astype(np.float32)


def _filled(color: Floats, weight: Floats) -> Floats:
    """Return `color` with what its weights lack of 1 taken from the levels above. Some weight must be above 0."""
    if weight.min() >= 1 or weight.size == 1:
        return color
    above: Floats = _doubled(_filled(*_halved(color, weight)), *weight.shape)
    return np.asarray(above + (color - above) * weight[..., None], np.float32)


def _doubled(color: Floats, height: int, width: int) -> Floats:
    """Return `color` at twice its size, bilinearly between pixel centres, cut to (height, width)."""
    tall = _doubled_rows(color, height)
    wide: Floats = _doubled_rows(tall.swapaxes(0, 1), width).swapaxes(0, 1)
    return wide


def _doubled_rows(color: Floats, rows: int) -> Floats:
    before = np.concatenate((color[:1], color[:-1]))
    after = np.concatenate((color[1:], color[-1:]))
    result = np.empty((2 * len(color), *color.shape[1:]), np.float32)
    result[0::2] = 0.75 * color + 0.25 * before
    result[1::2] = 0.75 * color + 0.25 * after
    return result[:rows]


def straight(color: Pixels, alpha: Pixels) -> Pixels:
    """Return colours with the alpha divided out that was multiplied into them; where it is 0, they stay."""
    result = np.empty_like(color)
    rows = max(1, BAND // color.shape[1])
    white = 1.0 if color.dtype == np.float32 else float(np.iinfo(color.dtype).max)
    for top in range(0, len(color), rows):
        band = slice(top, top + rows)
        weight = np.where(alpha[band] > 0, alpha[band], white)[..., None].astype(np.float64)
        values = color[band] * (white / weight)
        result[band] = values if color.dtype == np.float32 else np.rint(np.minimum(values, white))
    return result
