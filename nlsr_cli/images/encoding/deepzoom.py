"""The tiles of a DeepZoom (Microsoft, Deep Zoom file format): each copy of a picture in overlapping squares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.encoding.bands import Bands, Shape, in_order
from nlsr_cli.images.encoding.pyramid import Halve, pyramid, shapes_of
from nlsr_cli.images.picture import Pixels
from nlsr_cli.storing import Tile

TILE, OVERLAP = 254, 1  # pixels: with those that it shares, a tile has 256 of a side

Encode = Callable[[Pixels], bytes]


def tiles(
    bands: Bands, shape: Shape, dtype: npt.DTypeLike, halve: Halve, encode: Encode, suffix: str
) -> Iterator[Tile]:
    """Yield the tiles of a picture and of its reduced copies, down to a single pixel: `LEVEL/COLUMN_ROW.suffix`.

    Level 0 is the smallest copy. Rows and columns of tiles are counted from the top left.

    Raises:
        ValueError: the bands do not add up to the picture.
    """
    shapes = shapes_of(shape, 1)
    found = pyramid(bands, shape, dtype, TILE, len(shapes), halve)
    bounds = [height for height, _, _ in shapes]
    cuts = (
        (f"{len(shapes) - 1 - level}/{column}_{row}.{suffix}", tile)
        for level, row, pixels in _overlapping(found, bounds)
        for column, tile in enumerate(_across(pixels))
    )
    yield from in_order(lambda each: Tile(each[0], encode(each[1])), cuts)


def _across(pixels: Pixels) -> Iterator[Pixels]:
    """Yield copies of the tiles of a row."""
    for left in range(0, pixels.shape[1], TILE):
        yield pixels[:, max(0, left - OVERLAP) : left + TILE + OVERLAP].copy()


def _overlapping(found: Iterable[tuple[int, Pixels]], left: list[int]) -> Iterator[tuple[int, int, Pixels]]:
    """Yield the bands of all copies with the rows that they share with their neighbours, and each with its number.

    `left` are the rows of each copy that are yet to come.
    """
    waiting: list[Pixels | None] = [None for _ in left]
    numbers = [0 for _ in left]
    for level, band in found:
        left[level] -= len(band)
        held, ready = waiting[level], band
        if held is not None:
            yield level, numbers[level], np.concatenate((held, band[:OVERLAP]))
            numbers[level] += 1
            ready = np.concatenate((held[-OVERLAP:], band))
        if left[level]:
            waiting[level] = ready.copy()
        else:
            yield level, numbers[level], ready
