"""Pictures that are bare arrays of samples: their shapes and types, checked, and given back in kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import check_pixels
from nlsr_cli.images.picture import DTYPES, Metadata, Picture

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
TYPES = "uint8, uint16, float16, float32 or float64"
NAME = "array"


def read_array(array: npt.NDArray[Any], *, max_pixels: int) -> Picture:
    """Return the picture of an array, (h, w) or (h, w, c) with c of 1 grey, 2 grey and alpha, 3 RGB or 4 RGBA.

    Samples are uint8, uint16, or floating point where 0 is black and 1 is white; colours are those of sRGB. What is not
    in float32 is computed in it. The array stays as it is.

    Raises:
        ImageReadError: it has another shape or type, no pixels, or more than `max_pixels` pixels.
    """
    samples = array[:, :, None] if array.ndim == 2 else array
    if samples.ndim != 3 or samples.shape[2] not in MODES:
        hint = "Give one picture as (h, w), (h, w, 3) or (h, w, 4)."
        if samples.ndim == 3 and samples.shape[0] in MODES:
            hint = "Put the channels last: array.transpose(1, 2, 0)."
        elif samples.ndim == 4:
            hint = "Give the pictures of a batch one by one."
        raise ImageReadError(NAME, f"has the shape {array.shape}, which is not that of a picture", hint)
    if 0 in samples.shape:
        raise ImageReadError(NAME, f"has no pixels: its shape is {array.shape}")
    check_pixels((samples.shape[0], samples.shape[1]), NAME, max_pixels)
    kind = np.dtype(np.float32) if samples.dtype.kind == "f" else samples.dtype.newbyteorder("=")
    if kind not in DTYPES or samples.dtype.itemsize > 8:
        hint = "Scale it to 0 to 1 as float32, or convert it: array.astype(numpy.uint8)"
        raise ImageReadError(NAME, f"has samples of type {array.dtype}, not {TYPES}", hint)
    channels = samples.shape[2]
    plain = np.array(samples, kind, order="C")
    colours = channels - 1 if channels in (2, 4) else channels
    alpha = np.ascontiguousarray(plain[:, :, -1]) if colours != channels else None
    color = np.ascontiguousarray(plain[:, :, :colours])
    return Picture(color, alpha, Metadata("PNG", MODES[channels]))


def samples_of(picture: Picture) -> npt.NDArray[Any]:
    """Return the samples of a picture as (h, w, c), alpha behind the colours."""
    if picture.alpha is None:
        return picture.color
    return np.concatenate((picture.color, picture.alpha[:, :, None]), axis=2)


def array_of(picture: Picture, like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an enlarged picture as an array of the type and the number of axes of the one that was read."""
    samples = samples_of(picture)
    return np.ascontiguousarray(samples[:, :, 0] if like.ndim == 2 else samples).astype(like.dtype, copy=False)
