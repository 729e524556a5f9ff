"""Interpolation as the field computes it: bicubic and Lanczos with antialiasing, in the way of MATLAB's imresize.

Every published figure of super-resolution is measured on pictures that were reduced like this, and other libraries'
"bicubic" is another function. The kernels are that of R. Keys, "Cubic Convolution Interpolation for Digital Image
Processing" (IEEE Transactions on Acoustics, Speech, and Signal Processing 29(6), 1981), with a = -1/2, and the sinc
that C. E. Duchon windowed with its own main lobe ("Lanczos Filtering in One and Two Dimensions", Journal of Applied
Meteorology 18(8), 1979), with three lobes. Versions of imresize differ at borders: this is the one that repeats the
border's pixels, because the benchmarks' reduced files were made by it (Set5's come out equal in every value). Later
ones mirror the picture instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch

# uint8, uint16, int16, int32 or float32
Sample = TypeVar("Sample", bound=np.generic)
Reals = npt.NDArray[np.floating[Any]]

_TYPES = (np.uint8, np.uint16, np.int16, np.int32, np.float32)
_BLOCK = 16  # output positions in one matrix product: few products, and few zeros in their matrices
_BAND = 1 << 21  # samples that are held in floating point at once


@dataclass(frozen=True)
class Kernel:
    """What pixels are weighed with: a function of their distance in samples, which is nothing beyond `radius`."""

    weigh: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    radius: int


def _keys(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Keys' cubic convolution kernel, which is nothing beyond two samples."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _windowed_sinc(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sinc with three lobes, windowed by the main lobe of one that is three times as wide."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


BICUBIC = Kernel(_keys, 2)
LANCZOS = Kernel(_windowed_sinc, 3)


def resize_bicubic(pixels: npt.NDArray[Sample], height: int, width: int, *, wrap: str = "") -> npt.NDArray[Sample]:
    """Resize (h, w, c) uint8, uint16, int16, int32 or float32 to (height, width, c) of the same dtype, by any factors.

    The kernel is widened where the picture shrinks, its weights sum to one, and the pixels of borders go on beyond
    them; along the axes in `wrap` ("x", "y" or "xy") the picture goes on at its other side instead. Integers are
    rounded, halves up, after each of the two dimensions, and the one that shrinks most comes first: both as MATLAB does
    it. Floats are neither rounded nor clipped. Pixels that have the size already are returned as they are, not copied.

    Raises:
        ValueError: the array is none of these, or a size is not positive.
    """
    return _resize(pixels, height, width, BICUBIC, wrap)


def resize_lanczos(pixels: npt.NDArray[Sample], height: int, width: int, *, wrap: str = "") -> npt.NDArray[Sample]:
    """Resize as `resize_bicubic` does, with Lanczos' kernel of three lobes: sharper, and with a little more ringing.

    Raises:
        ValueError: as `resize_bicubic`.
    """
    return _resize(pixels, height, width, LANCZOS, wrap)


def bicubic_rows(
    pixels: npt.NDArray[Sample], height: int, width: int, rows: slice, *, wrap: str = ""
) -> Reals:  # (rows, width, c)
    """Return some rows of a resized picture, without resizing the rest of it: not rounded, not clipped.

    Raises:
        ValueError: as `resize_bicubic`.
    """
    _check(pixels, height, width)
    working = _working_dtype(pixels.dtype)
    length, before, channels = pixels.shape
    made: list[Reals] = []
    for block in _blocks(length, height, working, BICUBIC, wrap="y" in wrap, rows=rows):
        taken: Reals = pixels[block.taken].reshape(-1, before * channels).astype(working)
        made.append((block.weights @ taken).reshape(-1, before, channels))
    tall = np.concatenate(made)
    turned = tall.transpose(1, 2, 0).reshape(before, -1)  # (w, c rows)
    wide: list[Reals] = [
        block.weights @ turned[block.taken] for block in _all_blocks(before, width, working, BICUBIC, "x" in wrap)
    ]
    across: Reals = np.concatenate(wide).reshape(width, channels, len(tall))
    return np.moveaxis(across, 2, 0)


def _resize(pixels: npt.NDArray[Sample], height: int, width: int, kernel: Kernel, wrap: str) -> npt.NDArray[Sample]:
    _check(pixels, height, width)
    if height * pixels.shape[1] <= width * pixels.shape[0]:
        return _resize_columns(_resize_rows(pixels, height, kernel, "y" in wrap), width, kernel, "x" in wrap)
    return _resize_rows(_resize_columns(pixels, width, kernel, "x" in wrap), height, kernel, "y" in wrap)


def _check(pixels: npt.NDArray[Any], height: int, width: int) -> None:
    if pixels.ndim != 3 or 0 in pixels.shape or pixels.dtype not in _TYPES:
        known = "uint8, uint16, int16, int32 or float32"
        raise ValueError(f"pixels must be (h, w, c) {known}, not {pixels.shape} {pixels.dtype}")
    if height < 1 or width < 1:
        raise ValueError(f"a picture cannot be resized to {height} by {width} pixels")


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
    """What a run of output positions is made of: `weights` (stop - start, taken) times the inputs `taken`."""

    start: int
    stop: int
    taken: slice | npt.NDArray[np.int64]
    weights: Reals


def _blocks(
    length: int, size: int, dtype: npt.DTypeLike, kernel: Kernel, wrap: bool, rows: slice | None = None
) -> Iterator[_Block]:
    """Cut the resizing of `length` samples to `size` into matrix products, from the first output to the last.

    With `rows` only those outputs are made.
    """
    begin, end, _ = (rows or slice(None)).indices(size)
    scale = size / length
    stretch = max(1.0, 1 / scale)  # the kernel covers as many inputs as an output stands for: antialiasing
    taps = np.arange(int(np.ceil(2 * kernel.radius * stretch)) + 2)
    for start in range(begin, end, _BLOCK):
        positions = np.arange(start, min(start + _BLOCK, end))
        centres = (positions + 0.5) / scale - 0.5
        places = np.floor(centres - kernel.radius * stretch).astype(np.int64)[:, None] + taps  # (outputs, taps)
        weights = kernel.weigh((centres[:, None] - places) / stretch)
        weights /= weights.sum(axis=1, keepdims=True)
        if not wrap:
            places = np.clip(places, 0, length - 1)  # beyond the border, its own pixels go on
        first, last = int(places.min()), int(places.max())
        matrix = np.zeros((len(positions), last - first + 1))
        np.add.at(matrix, (np.arange(len(positions))[:, None], places - first), weights)
        inside = first >= 0 and last < length
        taken = slice(first, last + 1) if inside else np.arange(first, last + 1) % length
        yield _Block(start, start + len(positions), taken, matrix.astype(dtype))


@lru_cache(maxsize=32)  # the photographs of a training set, and the pictures of a folder, share their sizes
def _all_blocks(length: int, size: int, dtype: str, kernel: Kernel, wrap: bool) -> tuple[_Block, ...]:
    """Return the whole resizing of `length` samples to `size`, as matrix products."""
    return tuple(_blocks(length, size, dtype, kernel, wrap))


def _working_dtype(dtype: npt.DTypeLike) -> str:
    """Return what sums are made in: float32 is exact to a hundredth of a level, except of 65536 levels and more."""
    return "float32" if dtype in (np.uint8, np.float32) else "float64"


def _resize_rows(pixels: npt.NDArray[Sample], height: int, kernel: Kernel, wrap: bool) -> npt.NDArray[Sample]:
    """Resize (h, w, c) to (height, w, c), a few output rows at a time."""
    length, width, channels = pixels.shape
    if height == length:
        return pixels
    working = _working_dtype(pixels.dtype)
    out = scratch.empty((height, width, channels), pixels.dtype)
    for block in _all_blocks(length, height, working, kernel, wrap):
        rows: Reals = pixels[block.taken].reshape(-1, width * channels).astype(working)
        _store(block.weights @ rows, out[block.start : block.stop].reshape(-1, width * channels))
        scratch.touched(rows.nbytes)
    return out


def _resize_columns(pixels: npt.NDArray[Sample], width: int, kernel: Kernel, wrap: bool) -> npt.NDArray[Sample]:
    """Resize (h, w, c) to (h, width, c), in bands of rows that are turned so that products run along rows."""
    height, length, channels = pixels.shape
    if width == length:
        return pixels
    working = _working_dtype(pixels.dtype)
    blocks = _all_blocks(length, width, working, kernel, wrap)
    out = scratch.empty((height, width, channels), pixels.dtype)
    for rows in scratch.bands((height, max(length, width), channels), _BAND):
        band = pixels[rows]
        turned: Reals = band.transpose(1, 2, 0).reshape(length, -1).astype(working)  # (w, c rows)
        for block in blocks:
            made = np.empty((block.stop - block.start, turned.shape[1]), pixels.dtype)
            _store(block.weights @ turned[block.taken], made)
            target = out[rows, block.start : block.stop]
            target[:] = made.reshape(-1, channels, len(band)).transpose(2, 0, 1)  # (rows, outputs, c)
    return out


def _store(values: Reals, out: npt.NDArray[Any]) -> None:
    """Write values of floating point into `out`, which has levels where it is an array of integers."""
    if np.issubdtype(out.dtype, np.integer):
        levels = np.iinfo(out.dtype)
        values += 0.5
        if levels.min < 0:
            np.floor(values, out=values)  # to drop the fraction of what is below zero would round it up
        np.clip(values, levels.min, levels.max, out=values)
    out[:] = values  # integers drop the fraction: halves went up
