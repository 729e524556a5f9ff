"""Strips and tiles of a TIFF that are picture files of their own: JPEG 2000, JPEG XL, PNG and WebP.

libtiff, which decodes the others, does not know them in every build. Each becomes samples of the kind and the size that
the tags promise, or the file is refused. JPEG XR is left alone: jxrlib, its only decoder, reads beyond the end of data
that is cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.depth.extra import codecs
from nlsr_cli.images.depth.layout import COMPRESSION, Grid, Layout, grid_of, number
from nlsr_cli.images.picture import Pixels

# By compression: imagecodecs' name of the decoder.
DECODERS = {
    33005: "jpeg2k",  # Aperio, RGB; 33003 is YCbCr without saying so
    34712: "jpeg2k",
    34933: "png",
    50001: "webp",
    50002: "jpegxl",
    52546: "jpegxl",
}


def decode_segments(data: bytes, block: tiff.Block, layout: Layout) -> Pixels:
    """Return the samples (h, w, samples) of a file whose grid `check_segments` has accepted.

    Raises:
        MissingExtra: imagecodecs is not installed.
        ValueError: a strip or tile does not match the tags.
        Exception: whatever the decoders raise.
    """
    decode = getattr(codecs(), f"{DECODERS[number(block, COMPRESSION, 1)]}_decode")
    grid = grid_of(block, layout)
    dtype = np.dtype(np.uint8 if layout.bits == 8 else np.uint16)
    made = np.empty((layout.height, layout.width, layout.samples), dtype)
    for index, (plane, top, left) in enumerate(grid.places(layout)):
        start, length = int(grid.starts[index]), int(grid.counts[index])
        part = decode(data[start : start + length])
        target = made[top : top + grid.rows, left : left + grid.columns]
        target = target[..., plane : plane + 1] if layout.planar else target
        target[...] = _fitting(part, target.shape, dtype, grid)
    return made


def _fitting(part: Pixels, shape: tuple[int, ...], dtype: np.dtype[Any], grid: Grid) -> Pixels:
    """Return the samples of one segment, without what a tile has beyond the border of the picture.

    A WebP is RGB, whatever it was made of, and without alpha where all of it is opaque.
    """
    part = part if part.ndim == 3 else part[..., None]
    height, width, samples = shape
    if part.dtype != dtype or part.shape[0] < height or part.shape[1] < width:
        raise ValueError("a strip or tile does not match the tags")
    if part.shape[0] > grid.rows or part.shape[1] > grid.columns:
        raise ValueError("a strip or tile is larger than the tags say")
    part = part[:height, :width]
    if part.shape[2] == 3 and samples == 4:
        part = np.concatenate((part, np.full_like(part[..., :1], 255)), axis=2)
    if part.shape[2] != samples:
        raise ValueError("the channels of a strip or tile do not match the tags")
    return part
