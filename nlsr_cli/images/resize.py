"""Bicubic interpolation as the field computes it: with antialiasing, in the way of MATLAB's imresize.

Every published figure of super-resolution is measured on pictures that were reduced like this, and other libraries'
"bicubic" is another function. The kernel is that of R. Keys, "Cubic Convolution Interpolation for Digital Image
Processing" (IEEE Transactions on Acoustics, Speech, and Signal Processing 29(6), 1981), with a = -1/2. Versions of
imresize differ at borders: this is the one that repeats the border's pixels, because the benchmarks' reduced files were
made by it (Set5's come out equal in every value). Later ones mirror the picture instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

# uint8, uint16 or float32
Sample = TypeVar("Sample", bound=np.generic)
Reals = npt.NDArray[np.floating[Any]]

_RADIUS = 2  # of Keys' kernel, in samples
_BLOCK = 16  # output positions in one matrix product: few products, and few zeros in their matrices
_BAND = 1 << 21  # samples that are held in floating point at once


def resize_bicubic(pixels: npt.NDArray[Sample], height: int, width: int) -> npt.NDArray[Sample]:
    """Resize (h, w, c) uint8, uint16 or float32 to (height, width, c) of the same dtype, by any factors.

    The kernel is widened where the picture shrinks, its weights sum to one, and the pixels of borders go on beyond
    them. Integers are rounded, halves up, after each of the two dimensions, and the one that shrinks most comes first:
    both as MATLAB does it. Floats are neither rounded nor clipped. Pixels that have the size already are returned as
    they are, not copied.

    Raises:
        ValueError: the array is none of these, or a size is not positive.
    """
    if pixels.ndim != 3 or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise ValueError(f"pixels must be (h, w, c) uint8, uint16 or float32, not {pixels.shape} {pixels.dtype}")
    if height < 1 or width < 1:
        raise ValueError(f"a picture cannot be resized to {height} by {width} pixels")
    if height * pixels.shape[1] <= width * pixels.shape[0]:
        return _resize_columns(_resize_rows(pixels, height), width)
    return _resize_rows(_resize_columns(pixels, width), height)


def reduce_bicubic(pixels: npt.NDArray[Sample], scale: int) -> npt.NDArray[Sample]:
    """Reduce (h, w, c) to (h / scale, w / scale, c): the low resolution of a picture in training and evaluation.

    Raises:
        ValueError: a side is not a multiple of `scale` (see `crop_to_multiple`).
    """
    height, width = pixels.shape[:2]
    if height % scale or width % scale:
        raise ValueError(f"{height} by {width} pixels are not multiples of {scale}: crop them first")
    return resize_bicubic(pixels, height // scale, width // scale)


def crop_to_multiple(pixels: npt.NDArray[Sample], scale: int) -> npt.NDArray[Sample]:
    """Return the view of (h, w, ...) that begins at the top left and has multiples of `scale` as sides."""
    height, width = pixels.shape[:2]
    return pixels[: height - height % scale, : width - width % scale]


@dataclass(frozen=True)
class _Block:
    """What a run of output positions is made of: `weights` (stop - start, taken) times the inputs from `first` on."""

    start: int
    stop: int
    first: int
    weights: Reals

    @property
    def taken(self) -> slice:
        """Return the inputs that the weights are for."""
        return slice(self.first, self.first + self.weights.shape[1])


def _blocks(length: int, size: int, dtype: npt.DTypeLike) -> Iterator[_Block]:
    """Cut the resizing of `length` samples to `size` into matrix products, from the first output to the last."""
    scale = size / length
    stretch = max(1.0, 1 / scale)  # the kernel covers as many inputs as an output stands for: antialiasing
    taps = np.arange(int(np.ceil(2 * _RADIUS * stretch)) + 2)
    for start in range(0, size, _BLOCK):
        positions = np.arange(start, min(start + _BLOCK, size))
        centres = (positions + 0.5) / scale - 0.5
        places = np.floor(centres - _RADIUS * stretch).astype(np.int64)[:, None] + taps  # (outputs, taps)
        weights = _keys((centres[:, None] - places) / stretch)
        weights /= weights.sum(axis=1, keepdims=True)
        places = np.clip(places, 0, length - 1)  # beyond the border, its own pixels go on
        first, last = int(places.min()), int(places.max())
        matrix = np.zeros((len(positions), last - first + 1))
        np.add.at(matrix, (np.arange(len(positions))[:, None], places - first), weights)
        yield _Block(start, start + len(positions), first, matrix.astype(dtype))


def _keys(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Keys' cubic convolution kernel, which is nothing beyond two samples."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < _RADIUS, far, 0))


def _working_dtype(dtype: npt.DTypeLike) -> type[np.float32 | np.float64]:
    """Return what sums are made in: float32 is exact to a hundredth of a level, except of 65536 levels."""
    return np.float64 if dtype == np.uint16 else np.float32


def _resize_rows(pixels: npt.NDArray[Sample], height: int) -> npt.NDArray[Sample]:
    """Resize (h, w, c) to (height, w, c), a few output rows at a time."""
    length, width, channels = pixels.shape
    if height == length:
        return pixels
    working = _working_dtype(pixels.dtype)
    out = np.empty((height, width, channels), pixels.dtype)
    for block in _blocks(length, height, working):
        rows: Reals = pixels[block.taken].reshape(-1, width * channels).astype(working)
        _store(block.weights @ rows, out[block.start : block.stop].reshape(-1, width * channels))
    return out


def _resize_columns(pixels: npt.NDArray[Sample], width: int) -> npt.NDArray[Sample]:
    """Resize (h, w, c) to (h, width, c), in bands of rows that are turned so that products run along rows."""
    height, length, channels = pixels.shape
    if width == length:
        return pixels
    working = _working_dtype(pixels.dtype)
    blocks = list(_blocks(length, width, working))
    out = np.empty((height, width, channels), pixels.dtype)
    step = max(1, _BAND // (max(length, width) * channels))
    for top in range(0, height, step):
        band = pixels[top : top + step]
        turned: Reals = band.transpose(1, 2, 0).reshape(length, -1).astype(working)  # (w, c rows)
        for block in blocks:
            made = np.empty((block.stop - block.start, turned.shape[1]), pixels.dtype)
            _store(block.weights @ turned[block.taken], made)
            target = out[top : top + step, block.start : block.stop]
            target[:] = made.reshape(-1, channels, len(band)).transpose(2, 0, 1)  # (rows, outputs, c)
    return out


def _store(values: Reals, out: npt.NDArray[Any]) -> None:
    """Write values of floating point into `out`, which has levels where it is an array of integers."""
    if np.issubdtype(out.dtype, np.integer):
        values += 0.5
        np.clip(values, 0, np.iinfo(out.dtype).max, out=values)
    out[:] = values  # integers drop the fraction: halves went up
