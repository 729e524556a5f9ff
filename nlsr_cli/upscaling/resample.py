"""From what the networks made to the picture of the size that is asked: reduced, blended, rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.images import Pixels, bicubic_rows, resize_lanczos


def deep(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which samples are kept on the way to `dtype`: 8 bit would be rounded more than once."""
    return np.dtype(np.uint16) if dtype.kind == "u" else np.dtype(np.float32)


def white(dtype: np.dtype[Any]) -> float:
    """Return the value of white: the highest level, or one."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def is_grey(pixels: Pixels) -> bool:
    """Tell whether (h, w, 3) has three equal channels everywhere.

    In 8 bits they may differ by a level that is no tint: codecs that store luma and chroma leave that of grey.
    """
    if pixels.shape[2] != 3:
        return False
    most, total = (1 if pixels.dtype == np.uint8 else 0), np.zeros(2)
    for row in pixels:
        apart = row[:, 1:].astype(np.float32) - row[:, :1]
        if np.abs(apart).max() > most:
            return False
        total += apart.sum(axis=0)
    return bool((np.abs(total) < 0.5 * pixels.shape[0] * pixels.shape[1]).all())


def split(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Return what of float pixels lies in [0, 1], as networks have learned, and the rest; None is nothing."""
    if pixels.dtype.kind == "u" or (pixels.min() >= 0 and pixels.max() <= 1):
        return pixels, None
    inside, rest = scratch.empty(pixels.shape, pixels.dtype), scratch.empty(pixels.shape, pixels.dtype)
    for rows in scratch.bands(pixels.shape):
        np.clip(pixels[rows], 0, 1, out=inside[rows])
        np.subtract(pixels[rows], inside[rows], out=rest[rows])
    return inside, rest


def continued(pixels: Pixels, pad: Sequence[int]) -> Pixels:
    """Return (h, w, ...) with so many rows and columns more on each side, which go on at the other side."""
    if not any(pad):
        return pixels
    down, across = (np.arange(-more, side + more) % side for more, side in zip(pad, pixels.shape[:2], strict=True))
    wide = scratch.empty((len(down), len(across), *pixels.shape[2:]), pixels.dtype)
    for rows in scratch.bands(wide.shape):
        wide[rows] = pixels[down[rows, None], across]
    return wide


def cropped(pixels: Pixels, pad: Sequence[int]) -> Pixels:
    """Return (h, w, ...) without so many rows and columns on each side; a copy, so that the whole is not held."""
    if not any(pad):
        return pixels
    (rows, columns), (height, width) = pad, pixels.shape[:2]
    inner = pixels[rows : height - rows, columns : width - columns]
    return repeated(inner, inner.shape)


def repeated(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Return pixels of another shape, along whose longer axes what has a length of one is repeated."""
    made = scratch.empty(shape, pixels.dtype)
    wide = np.broadcast_to(pixels, shape)
    for rows in scratch.bands(shape):
        made[rows] = wide[rows]
    return made


def finish(made: Pixels, source: Pixels, size: tuple[int, int], *, strength: float, wrap: str) -> Pixels:
    """Bring what networks made of `source` to `size` and to its type; `made` may be changed.

    Where it is larger it is reduced by Lanczos interpolation with antialiasing. With a `strength` t under one the
    result is b + t (n - b) of the network's n and the bicubic b.

    Args:
        made: (h', w', c), of the type of `source` or of `deep` of that.
        source: (h, w, c).
        size: (height, width).
        strength: in (0, 1].
        wrap: "", "x", "y" or "xy": where the picture goes on at its other side.
    """
    made = resize_lanczos(made, *size, wrap=wrap)
    if made.dtype.kind == "f" and source.dtype.kind == "f":
        np.clip(made, 0, 1, out=made)  # the kernel overshoots; what is beyond white is added later, as it was
    if strength < 1:
        _blend(made, source, strength, wrap)
    return made if made.dtype == source.dtype else rounded(made, source.dtype)


def rounded(pixels: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Return integer samples with the white of another type, rounded to the nearest level of it, halves up."""
    if pixels.dtype == dtype:
        return pixels
    step = int(white(pixels.dtype)) // int(white(dtype))  # 257 from 16 to 8 bit
    out = scratch.empty(pixels.shape, dtype)
    for rows in scratch.bands(pixels.shape):
        out[rows] = (pixels[rows].astype(np.uint32) + step // 2) // step
    return out


def _blend(made: Pixels, source: Pixels, strength: float, wrap: str) -> None:
    """Replace n by b + t (n - b), in bands."""
    full = white(made.dtype)
    for rows in scratch.bands(made.shape):
        soft = bicubic_rows(source, made.shape[0], made.shape[1], rows, wrap=wrap) * (full / white(source.dtype))
        np.clip(soft, 0, full, out=soft)
        soft += strength * (made[rows] - soft)
        made[rows] = soft if made.dtype.kind == "f" else np.floor(soft + 0.5)
