"""Where two pictures differ most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images import Pixels

SIDE, COUNT = 160, 6  # pixels of a crop, and how many there are at most: two rows of three, or three of two
LEAST = 0.5  # levels: what differs less on average, no eye finds
GAIN = 8  # times: how much a picture of differences is amplified
_CELL = 16  # pixels: crops begin at multiples of it


class Place(NamedTuple):
    """A box of pixels, and by how many levels (0 to 255) the samples in it differ on average."""

    top: int
    left: int
    height: int
    width: int
    levels: float


def largest_differences(a: Pixels, b: Pixels) -> tuple[Place, ...]:
    """Return the boxes in which (h, w, 3) uint8 of one shape differ most, the largest first; none overlaps another."""
    height, width = a.shape[:2]
    cells = _cells(a, b)
    down, across = min(SIDE // _CELL, len(cells)), min(SIDE // _CELL, cells.shape[1])
    sums = np.lib.stride_tricks.sliding_window_view(cells, (down, across)).sum(axis=(2, 3))
    places: list[Place] = []
    while len(places) < COUNT:
        row, column = np.unravel_index(int(np.argmax(sums)), sums.shape)
        top, left = min(int(row) * _CELL, max(0, height - SIDE)), min(int(column) * _CELL, max(0, width - SIDE))
        box = slice(top, top + SIDE), slice(left, left + SIDE)
        levels = float(_distance(a[box], b[box]).mean())
        if sums[row, column] < 0 or levels < LEAST:
            break
        tall, wide = a[box].shape[:2]
        places.append(Place(top, left, tall, wide, round(levels, 2)))
        # What the last row or column of cells lacks was taken from the one before it, so one more is out.
        sums[max(0, row - down) : row + down + 1, max(0, column - across) : column + across + 1] = -1
    return tuple(sorted(places, key=lambda place: -place.levels))


def amplified(a: Pixels, b: Pixels) -> Pixels:
    """Return the absolute difference of (h, w, 3) uint8, `GAIN` times as large, clipped at white."""
    made: Pixels = np.minimum(_distance(a, b).astype(np.int32) * GAIN, 255).astype(np.uint8)
    return made


def _distance(a: Pixels, b: Pixels) -> npt.NDArray[np.uint8]:
    made: npt.NDArray[np.uint8] = np.maximum(a, b) - np.minimum(a, b)
    return made


def _cells(a: Pixels, b: Pixels) -> npt.NDArray[np.int64]:
    """Return the sums of differences in each cell of a grid; what the last ones lack counts as no difference."""
    height, width = a.shape[:2]
    starts = np.arange(0, width, _CELL)
    made = np.zeros((-(-height // _CELL), len(starts)), np.int64)
    step = max(1, scratch.BAND // (_CELL * width * 3)) * _CELL
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        sums = np.add.reduceat(_distance(a[rows], b[rows]).sum(axis=2, dtype=np.int64), starts, axis=1)
        heights = np.arange(0, rows.stop - rows.start, _CELL)
        made[top // _CELL : top // _CELL + len(heights)] = np.add.reduceat(sums, heights, axis=0)
        scratch.relax()
    return made
