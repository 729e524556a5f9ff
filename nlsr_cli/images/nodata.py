"""Pixels that hold no data: fill values of measurements, which are no colours, and must not be mixed with any.

A TIFF may name one value for them (GDAL_NODATA, tag 42113). In floating point NaN, the infinities, and values near the
ends of the type are such fill values whether or not a tag says so. They are masked as transparent pixels are, by alpha,
so that colours grow into them before a picture is enlarged, and are fill values again where it is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.metadata.georeference import number_of
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.picture import Pixels

Mask = npt.NDArray[np.bool_]

# The least of the common fill values is that of netCDF for floats, 9.96921e36; no measure comes near it.
LEAST_FILL = 9e36


def level_of(text: str | None, dtype: np.dtype[Any]) -> np.generic | None:
    """Return the value that a text names as a sample of a type; None where it has no such sample."""
    value = number_of(text)
    if value is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            level: np.generic = dtype.type(value)
        return level if np.isfinite(level) or not np.isfinite(value) else None
    fits = value == round(value) if np.isfinite(value) else False
    return dtype.type(int(value)) if fits and 0 <= value <= np.iinfo(dtype).max else None


def hide(decoded: Decoded, stated: str | None, *, index: npt.NDArray[np.uint8] | None = None) -> Decoded:
    """Return a picture in which alpha is 0 and colour black wherever there is no data, with a note if that is anywhere,
    or if the value that stands for it cannot be that of the output.

    Args:
        decoded: grey, RGB or CMYK of any type.
        stated: what the file says the value of such pixels is, in the levels of `decoded`, or of `index`.
        index: (h, w): the samples of a palette, where there is one.
    """
    hiding = Hiding(stated)
    color, alpha = hiding.hide(decoded.color, decoded.alpha, index=index)
    notes = [*decoded.notes, *hiding.notes]
    return replace(decoded, color=color, alpha=alpha, notes=notes, nodata=hiding.text, masked=hiding.masked)


class Hiding:
    """What `hide` does, for a picture that comes band by band; what is said of it is known behind the last band.

    `text` is the value of missing data that the output can have, `count` the pixels without data so far, and `masked`
    says that alpha marks those and nothing else.

    Args:
        stated: what the file says the value of such pixels is.
    """

    def __init__(self, stated: str | None) -> None:
        self.stated = stated
        self.text: str | None = None
        self.count = 0
        self.masked = False
        self._lost: list[str] = []

    def hide(
        self, color: Pixels, alpha: Pixels | None, *, index: npt.NDArray[np.uint8] | None = None
    ) -> tuple[Pixels, Pixels | None]:
        """Return the next band, (h, w, c), and its alpha, (h, w), which stays None where nothing is hidden."""
        samples = color if index is None else index[..., None]
        level = level_of(self.stated, samples.dtype)
        mask = mask_of(samples, level)
        returns = index is None and color.shape[2] < 4
        self.text = self.text or (_text(color, level, self.stated, mask) if returns else None)
        lost = not returns and self.stated is not None
        self._lost = [left_out(self.stated or "", palette=index is not None)] if lost else []
        if not mask.any():
            return color, alpha
        self.count += int(mask.sum())
        self.masked = returns and alpha is None
        opaque = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
        clean = color.copy()
        clean[mask] = 0
        return clean, np.where(mask, 0, opaque if alpha is None else alpha).astype(color.dtype)

    @property
    def notes(self) -> list[str]:
        """Return what is to be said of all bands so far."""
        if not self.count:
            return self._lost
        many = self.count != 1
        noun = f"{self.count} pixel{'s hold' if many else ' holds'} no data"
        seen = "they are transparent, and " if self._lost else ""
        whose = f"{'their' if many else 'its'} value is not mixed into other pixels."
        return [f"{noun} ({self.text or self.stated}); {seen}{whose}", *self._lost]


def left_out(stated: str, *, palette: bool) -> str:
    """Return the note on a value of missing data that means nothing in the output, and why."""
    why = "it is a palette index, and the output has no palette" if palette else "the samples are converted"
    return f"The no-data value ({stated}) is left out: {why}."


def restore(color: Pixels, alpha: Pixels | None, nodata: str, *, masked: bool) -> tuple[Pixels, Pixels | None]:
    """Return (h, w, c) with the fill value wherever there is no data, and nowhere else, and alpha (h, w).

    `masked` says that alpha is nothing but the mask, and has done its work. Where colours have come to be the fill
    value, they are moved by the least step.
    """
    level = level_of(nodata, color.dtype)
    if level is None:
        return color, alpha
    opaque = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
    made = color.copy()
    for rows in scratch.bands(made.shape):
        band = made[rows]
        clash = (band == level).all(axis=2)
        band[..., 0][clash] = _beside(level, color.dtype)
        if alpha is not None:
            share = alpha[rows]
            band[share < opaque / 2 if masked else share == 0] = level
    return made, None if masked else alpha


def _beside(level: np.generic, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - a sample of any type
    if dtype.kind == "f":
        return np.nextafter(level, dtype.type(0 if level else 1))
    return dtype.type(int(level) + 1 if int(level) < np.iinfo(dtype).max else int(level) - 1)


def mask_of(samples: Pixels, level: np.generic | None) -> Mask:
    """Return where there is no data.

    A value that may as well be a colour must be that of all channels; one that cannot be is none in any.
    """
    mask = np.zeros(samples.shape[:2], np.bool_)
    colour = samples.dtype.kind != "f" or level is None or 0 <= float(level) <= 1
    for rows in scratch.bands(samples.shape):
        band, part = samples[rows], mask[rows]
        if level is not None:
            equal = band == level
            part |= equal.all(axis=2) if colour else equal.any(axis=2)
        if samples.dtype.kind == "f":
            part |= ~(np.abs(band) < LEAST_FILL).all(axis=2)  # which NaN is not either
    return mask


def _text(color: Pixels, level: np.generic | None, stated: str | None, mask: Mask) -> str | None:
    """Return what is to stand where there is no data: as the file says, or what stands there if float32 holds it."""
    if color.dtype.kind != "f":
        return stated if level is not None else None
    if level is not None and level_of(stated, np.dtype(np.float32)) is not None:
        return stated
    if stated is None and mask.any():
        pixel = color[np.unravel_index(int(mask.argmax()), mask.shape)]
        fill = pixel[~(np.abs(pixel) < LEAST_FILL)][0]
        with np.errstate(over="ignore"):
            narrow = np.float32(fill)
        if np.isfinite(narrow) or not np.isfinite(fill):
            return str(narrow)
    return "nan" if mask.any() else None
