"""Cutting a picture into overlapping tiles, and joining the enlarged tiles again: pure geometry, no network.

Sizes are always (height, width). Positions are in input pixels unless a scale is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise, product
from math import isqrt

import numpy as np
import numpy.typing as npt

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.options import TileOptions

Floats = npt.NDArray[np.float32]
OnRow = Callable[[int, "Floats | None"], None]  # (row of tiles, the strip that the next row needs; None after the last)

# The outer part of an overlap that is thrown away, because there the network saw the tile's border instead of the
# picture; the rest is a linear ramp. How near tiles come to the whole picture: docs/performance.md, "Tiles".
_MARGIN_SHARE = 0.25

# Features (pixels times channels) of a tile of automatic size: enough that overlaps cost little, and few enough that a
# tile of the smallest network is done in a second or two. Just above a picture of 512x512, and a quarter of one of
# 1024x1024 with its overlap: from there on, pictures of all sizes have tiles, and take memory, of nearly one size.
_TILE_FEATURES = 13 * 2**20
_WRAP = 16  # pixels, at least, that a texture goes on by at its other side
LEAST_SIDE = 64  # pixels; smaller tiles would spend most of their time on overlaps
_TILE_COST = 2000  # pixels that could be computed in the time that a tile takes besides


@dataclass(frozen=True)
class Axis:
    """One direction of a plan: tiles of equal `size` that start at `starts` and cover [0, length)."""

    length: int
    size: int
    starts: tuple[int, ...]

    def weights(self, scale: int) -> list[Floats]:
        """Return one weight vector (size * scale,) per tile; over every enlarged pixel they sum to one."""
        ramps = [self._ramp(index, scale) for index in range(len(self.starts))]
        total = np.zeros(self.length * scale, np.float64)
        for start, ramp in zip(self.starts, ramps, strict=True):
            total[start * scale : start * scale + len(ramp)] += ramp
        return [
            (ramp / total[start * scale : start * scale + len(ramp)]).astype(np.float32)
            for start, ramp in zip(self.starts, ramps, strict=True)
        ]

    def most_of(self, place: int) -> int:
        """Return the number of the tile that counts most at a place, the first of equals."""
        shares = [
            float(weights[place - start]) if start <= place < start + self.size else -1.0
            for start, weights in zip(self.starts, self.weights(1), strict=True)
        ]
        return shares.index(max(shares))

    def bounds(self, scale: int) -> list[int]:
        """Return where the final part of every enlarged tile begins, and where the last one ends."""
        return [start * scale for start in self.starts] + [self.length * scale]

    def _ramp(self, index: int, scale: int) -> npt.NDArray[np.float64]:
        """Return an unnormalised trapezoid: flat at the picture's border, falling where a neighbour takes over."""
        ramp = np.ones(self.size * scale)
        if index > 0:
            rise = _rise((self.starts[index - 1] + self.size - self.starts[index]) * scale)
            ramp[: len(rise)] *= rise
        if index + 1 < len(self.starts):
            rise = _rise((self.starts[index] + self.size - self.starts[index + 1]) * scale)
            ramp[len(ramp) - len(rise) :] *= rise[::-1]
        return ramp


def _rise(overlap: int) -> npt.NDArray[np.float64]:
    """Return `overlap` weights that go from nothing to one and, added to their mirror image, make one."""
    margin = int(overlap * _MARGIN_SHARE)
    ramp = overlap - 2 * margin
    return np.concatenate([np.zeros(margin), (np.arange(ramp) + 0.5) / max(ramp, 1), np.ones(margin)])


@dataclass(frozen=True)
class Tile:
    """A box in input pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class TilePlan:
    """A grid of equal tiles over a picture."""

    rows: Axis
    columns: Axis

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    @property
    def tile(self) -> tuple[int, int]:
        """Return (height, width) of its tiles."""
        return self.rows.size, self.columns.size

    @property
    def cost(self) -> int:
        """Return the work of all tiles, in pixels."""
        return len(self) * (self.rows.size * self.columns.size + _TILE_COST)

    def __iter__(self) -> Iterator[Tile]:
        for top, left in product(self.rows.starts, self.columns.starts):
            yield Tile(top, left, self.rows.size, self.columns.size)


def plan_axis(length: int, *, size: int, overlap: int, minimum: int = 1) -> Axis:
    """Cover `length` with the fewest tiles of at most `size`, equal in size, overlapping by at least `overlap`.

    `size` 0 means one tile. Tiles shrink together rather than leaving a sliver at the end, but never under `minimum`
    (or `length`, where that is smaller).
    """
    size = max(size, minimum)
    if 2 * overlap >= size:
        overlap = (size - 1) // 2
    if size >= length or length <= minimum:
        return Axis(length, length, (0,))
    count = -(-(length - overlap) // (size - overlap))
    even = -(-(length + (count - 1) * overlap) // count)
    even = min(max(even, minimum), length)
    starts = tuple(round(index * (length - even) / (count - 1)) for index in range(count))
    return Axis(length, even, starts)


def plan_tiles(height: int, width: int, *, size: int, overlap: int, minimum: int = 1) -> TilePlan:
    """Plan the tiles of a (height, width) picture; `size` 0 means the whole picture at once.

    `minimum` is the smallest side that the network takes without padding (`NLSNConfig.min_side`).
    """
    if size == 0:
        size = max(height, width)
    rows = plan_axis(height, size=size, overlap=overlap, minimum=minimum)
    columns = plan_axis(width, size=size, overlap=overlap, minimum=minimum)
    return TilePlan(rows, columns)


def plan_for(config: NLSNConfig, options: TileOptions, height: int, width: int, *, most: int | None = None) -> TilePlan:
    """Return the tiles that a network takes a (height, width) picture in, as `options` ask.

    Automatic tiles depend on the network and the picture alone, never on how fast or full the machine is, so that the
    same picture gives the same bytes; only where memory does not hold such a tile they are smaller.

    Args:
        most: the pixels of the largest tile that memory holds; None is any number.

    Raises:
        OptionError: the overlap does not fit into tiles of automatic size.
    """
    if options.size is not None:
        return plan_tiles(height, width, size=options.size, overlap=options.overlap, minimum=config.min_side)
    largest = max(LEAST_SIDE**2, _TILE_FEATURES // config.n_feats)
    side = isqrt(largest)
    if 2 * options.overlap >= side:
        raise OptionError(
            f"--overlap {options.overlap} is too large for automatic tiles of {side}",
            f"The overlap must stay under half the tile: at most {(side - 1) // 2} here.",
        )
    pixels = largest if most is None else max(LEAST_SIDE**2, min(largest, most))
    return cheapest_plan(height, width, pixels=pixels, overlap=options.overlap, minimum=config.min_side)


def wrap_padding(wrap: str, options: TileOptions) -> tuple[int, int]:
    """Return by how many (rows, columns) a picture goes on at its other side, along the axes in `wrap`.

    Measured with textures that were rolled: from 8 pixels on the seam differs no more than attention, which looks
    further than any border, makes other pixels differ.
    """
    more = max(_WRAP, options.overlap)
    return more * ("y" in wrap), more * ("x" in wrap)


def cheapest_plan(height: int, width: int, *, pixels: int, overlap: int, minimum: int) -> TilePlan:
    """Return the grid of tiles of at most `pixels` each that computes the fewest pixels, those of overlaps twice.

    Where a side of `LEAST_SIDE` or `minimum` leaves no choice, a tile may be larger.
    """
    shared = min(overlap, (LEAST_SIDE - 1) // 2)
    counts = range(1, max(2, -(-(height - shared) // (LEAST_SIDE - shared)) + 1))
    highest = max(LEAST_SIDE, pixels // LEAST_SIDE)

    def plans() -> Iterator[TilePlan]:
        for size in (-(-(height + (count - 1) * shared) // count) for count in counts):
            if size <= highest:
                rows = plan_axis(height, size=size, overlap=overlap, minimum=minimum)
                across = max(LEAST_SIDE, pixels // size)
                yield TilePlan(rows, plan_axis(width, size=across, overlap=overlap, minimum=minimum))

    return min(plans(), key=lambda plan: plan.cost)


def stitch(
    plan: TilePlan,
    scale: int,
    parts: Iterable[Floats],
    *,
    first: int = 0,
    above: Floats | None = None,
    on_row: OnRow | None = None,
) -> Iterator[tuple[int, int, Floats]]:
    """Join enlarged tiles, and yield every block of the picture as soon as it is final, one for each tile.

    Beside the tile at hand only what its neighbours overlap is held: a strip of its left neighbour, and a strip of the
    row above, as wide as the picture and as high as the overlap.

    Args:
        plan: the tiles.
        scale: how many times they were enlarged.
        parts: the enlarged tiles in the order of the plan, (height * scale, width * scale, channels); they are changed.
        first: the row of tiles to begin with, where those above are done already; `parts` begin there too.
        above: the strip that `on_row` was given after the row before `first`.
        on_row: called with each row of tiles when all its blocks have been taken, and with the strip below it, which
            the next row overwrites.

    Yields:
        The first row and the first column of a block in the enlarged picture, and the block.
    """
    vertical, horizontal = plan.rows.weights(scale), plan.columns.weights(scale)
    tops, lefts = plan.rows.bounds(scale), plan.columns.bounds(scale)
    parts = iter(parts)
    highs = [plan.rows.size * scale - (bottom - top) for top, bottom in pairwise(tops)]  # of the strips below
    strip: Floats | None = None  # above and below in one array: a tile reads its columns before it writes them
    # `above` is what rows of tiles above have added below their last final row.
    for row, (top, bottom) in islice(enumerate(pairwise(tops)), first, None):
        beside: Floats | None = None  # what tiles on the left have added right of their last final column
        for column, (left, right) in enumerate(pairwise(lefts)):
            part = next(parts)
            _weigh(part, vertical[row])
            _weigh(part.swapaxes(0, 1), horizontal[column])
            if beside is not None:
                part[:, : beside.shape[1]] += beside
            beside = part[:, right - left :].copy()
            block = part[:, : right - left]
            if above is not None:
                block[: len(above)] += above[:, left:right]
            if row + 1 < len(plan.rows.starts):
                if strip is None:
                    strip = np.empty((max(highs), lefts[-1], part.shape[2]), np.float32)
                strip[: highs[row], left:right] = block[bottom - top :]
            yield top, left, block[: bottom - top]
            del part, block  # or they would be held while the next tile is computed
        above = None if strip is None or row + 1 == len(plan.rows.starts) else strip[: highs[row]]
        if on_row is not None:
            on_row(row, above)


def _weigh(part: Floats, weights: Floats) -> None:
    """Multiply the rows of `part` by their weights; most of them are one, and are left alone."""
    (ones,) = np.nonzero(weights == 1)
    head, tail = (int(ones[0]), int(ones[-1]) + 1) if len(ones) else (len(weights), len(weights))
    for rows in (slice(head), slice(tail, None)):
        part[rows] *= weights[rows, None, None]
