"""Cutting a picture into overlapping tiles, and joining the enlarged tiles again: pure geometry, no network.

Sizes are always (height, width). Positions are in input pixels unless a scale is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.options import TileOptions

Floats = npt.NDArray[np.float32]

# The outer part of an overlap that is thrown away, because there the network saw the tile's border instead of the
# picture; the rest is a linear ramp. Measured on photographs: README, "Limits".
_MARGIN_SHARE = 0.25

_TILE_MEMORY = 2**31  # bytes that one tile of automatic size may take
_LARGEST_AUTO_TILE = 512  # past this, larger tiles change the time per pixel by less than the noise


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

    def row_tiles(self, row: int) -> list[Tile]:
        """Return the tiles of one row of the grid, from left to right."""
        return [Tile(self.rows.starts[row], left, self.rows.size, self.columns.size) for left in self.columns.starts]

    def __iter__(self) -> Iterator[Tile]:
        for row in range(len(self.rows.starts)):
            yield from self.row_tiles(row)


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


def automatic_tile(config: NLSNConfig) -> int:
    """Return the tile side of `--tile auto`, in input pixels, a multiple of 16.

    It depends on the network alone, never on what happens to be free: the same picture must give the same bytes.
    """
    features = 12 * config.n_feats  # live copies in an attention layer, measured
    if config.upsampler == "pixelshuffle":
        features += 2 * config.scale**2 * config.n_feats  # the tail's features at full resolution
    side = int((_TILE_MEMORY / (4 * features)) ** 0.5)
    return max(64, min(side, _LARGEST_AUTO_TILE) // 16 * 16)


def plan_for(config: NLSNConfig, options: TileOptions, height: int, width: int) -> TilePlan:
    """Return the tiles that a network takes a (height, width) picture in, as `options` ask.

    Raises:
        OptionError: the overlap does not fit into tiles of automatic size.
    """
    size = automatic_tile(config) if options.size is None else options.size
    if options.size is None and 2 * options.overlap >= size:
        raise OptionError(
            f"--overlap {options.overlap} is too large for the automatic tile of {size}",
            f"The overlap must stay under half the tile: at most {(size - 1) // 2} here.",
        )
    return plan_tiles(height, width, size=size, overlap=options.overlap, minimum=config.min_side)


def stitch(
    plan: TilePlan,
    scale: int,
    enlarge: Callable[[Sequence[Tile]], Sequence[Floats]],
    emit: Callable[[int, Floats], None],
) -> None:
    """Enlarge every tile and hand the joined picture on, from top to bottom, as soon as its rows are final.

    `enlarge` turns a row of tiles into arrays (height * scale, width * scale, channels). `emit` gets the first output
    row's number and a band (rows, width * scale, channels), weighted and summed. Only one row of tiles is held at a
    time, whatever the size of the picture.
    """
    vertical, horizontal = plan.rows.weights(scale), plan.columns.weights(scale)
    ends = [start * scale for start in plan.rows.starts[1:]] + [plan.rows.length * scale]
    carry: Floats | None = None  # what earlier rows of tiles have added below the last emitted row
    for row, (start, end) in enumerate(zip(plan.rows.starts, ends, strict=True)):
        band = _join_row(plan, scale, enlarge(plan.row_tiles(row)), horizontal)
        band *= vertical[row][:, None, None]
        if carry is not None:
            band[: len(carry)] += carry
        done = end - start * scale
        emit(start * scale, band[:done])
        carry = band[done:].copy() if done < len(band) else None


def _join_row(plan: TilePlan, scale: int, parts: Sequence[Floats], weights: Sequence[Floats]) -> Floats:
    """Blend a row of enlarged tiles horizontally into (height * scale, picture width * scale, channels)."""
    height, _, channels = parts[0].shape
    band = np.zeros((height, plan.columns.length * scale, channels), np.float32)
    for left, part, weight in zip(plan.columns.starts, parts, weights, strict=True):
        band[:, left * scale : left * scale + part.shape[1]] += part * weight[None, :, None]
    return band
