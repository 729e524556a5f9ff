"""A model on a device that turns pictures into enlarged pictures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.images import Picture, Pixels, bleed_colors
from nlsr_cli.nlsn import NLSNConfig
from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.upscaling.device import Placement, place
from nlsr_cli.upscaling.memory import SHARE, free_memory, pixels_within, tile_bytes
from nlsr_cli.upscaling.runner import TileRunner
from nlsr_cli.upscaling.tiles import Floats, Tile, TilePlan, plan_for, stitch

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN

T = TypeVar("T")
OnTile = Callable[[int, int], None]  # (tiles done, tiles in all)

_LUMA = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601
_CUDA_BATCH_FEATURES = 2**24  # features (pixels x channels) that fill a GPU; smaller tiles travel together


@dataclass(frozen=True)
class Enlarged:
    """An enlarged picture and how it came about: the plan's tiles, and what went differently from the plan.

    `tile_bytes` is what a tile was expected to take, `memory` what it might have taken; None where nobody can tell.
    """

    picture: Picture
    tiles: int
    tile_size: tuple[int, int]  # (height, width)
    tile_bytes: int
    memory: int | None
    precision: str
    events: tuple[str, ...]
    ensemble: bool = False  # whether it is the mean of eight passes


class Upscaler:
    """An NLSN on a device, ready to enlarge any number of pictures.

    Args:
        model: the network; it is moved to the device.
        compute: device and precision.
        tile: how pictures are cut.
        ensemble: whether eight passes are averaged: slower by as much, and a little nearer to the truth.
        max_memory: bytes for a picture and its tiles; None is three quarters of what the device has free.

    Raises:
        OptionError: this machine lacks the device, or the device lacks the precision.
    """

    def __init__(
        self,
        model: NLSN,
        *,
        compute: ComputeOptions | None = None,
        tile: TileOptions | None = None,
        ensemble: bool = False,
        max_memory: int | None = None,
    ) -> None:
        compute = compute or ComputeOptions()
        self.placement = place(compute)
        self.config: NLSNConfig = model.config
        self.tile = tile or TileOptions()
        self.ensemble = ensemble
        self.max_memory = max_memory
        self._chosen_precision = compute.precision
        self._model = model.eval().to(self.placement.device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from the stubs

    @property
    def scale(self) -> int:
        """Return the enlargement factor."""
        return self.config.scale

    def plan(self, height: int, width: int) -> TilePlan:
        """Return the tiles that a picture of this size is cut into.

        Raises:
            OptionError: the overlap does not fit, or `max_memory` holds not even the smallest tile.
        """
        budget = self._budget(height, width)
        return self._plan(height, width, self.placement.precision, budget)

    def _plan(self, height: int, width: int, precision: str, budget: int | None) -> TilePlan:
        most = None if budget is None else pixels_within(self.config, budget, precision)
        plan = plan_for(self.config, self.tile, height, width, most=most)
        rows, columns = plan.rows.size, plan.columns.size
        needed = tile_bytes(self.config, rows * columns, precision)
        if self.max_memory is not None and needed > (budget or 0):
            least = -(-(needed + self.max_memory - (budget or 0)) // 2**20)
            raise OptionError(
                f"{width}×{height} pixels in tiles of {columns}×{rows} take {least} MiB, more than --max-memory",
                f"Allow {least} MiB." if self.tile.size is None else f"Allow {least} MiB, or choose a smaller --tile.",
            )
        return plan

    def _budget(self, height: int, width: int) -> int | None:
        """Return the bytes that a tile may take beside a picture of this size; None where nobody can tell."""
        if self.max_memory is not None:
            return self.max_memory - 3 * height * width * (1 + self.scale**2)
        free = free_memory(self.placement.device)
        return None if free is None else int(SHARE * free)

    def upscale(self, picture: Picture, on_tile: OnTile | None = None) -> Enlarged:
        """Enlarge colour and alpha, keep depth and greyness, and carry the metadata along; see `steps`."""
        return _result(self.steps(picture), on_tile)

    def steps(self, picture: Picture) -> Generator[tuple[int, int], None, Enlarged]:
        """Enlarge a picture tile by tile: yield the numbers of tiles done and in all, and return what came of it.

        Colours are first bled into fully transparent pixels, so that no background shines through at an alpha edge.
        A 16-bit picture runs in float32 unless a precision was asked for.

        Raises:
            OutOfMemory: not even the smallest tile fits.
            NlsrError: the network gives non-finite values.
        """
        placement = self.placement
        if picture.depth == 16 and self._chosen_precision == "auto":
            placement = placement.in_float32()
        size = (picture.height, picture.width)
        budget = self._budget(*size)
        plan = self._plan(*size, placement.precision, budget)
        runner = self._runner(placement)
        if plan != plan_for(self.config, self.tile, *size):
            runner.events.append("memory has no room for tiles of the usual size: they are smaller")
        moving_alpha = picture.alpha is not None and picture.alpha.min() != picture.alpha.max()
        done, total = 0, len(plan) * (2 if moving_alpha else 1)
        color, alpha = picture.color, picture.alpha
        if alpha is not None and moving_alpha:
            alpha = (yield from self._enlarge(alpha[:, :, None], plan, runner, done, total))[:, :, 0]
            done = len(plan)
            color = bleed_colors(color, picture.alpha)  # type: ignore[arg-type]
        elif alpha is not None:
            alpha = np.full((picture.height * self.scale, picture.width * self.scale), alpha.flat[0], alpha.dtype)
        color = yield from self._enlarge(color, plan, runner, done, total)
        return Enlarged(
            replace(picture, color=color, alpha=alpha),
            tiles=len(plan),
            tile_size=(plan.rows.size, plan.columns.size),
            tile_bytes=tile_bytes(self.config, plan.rows.size * plan.columns.size, placement.precision),
            memory=budget,
            precision=placement.precision,
            events=tuple(dict.fromkeys(runner.events)),
            ensemble=self.ensemble,
        )

    def enlarge(self, pixels: Pixels) -> Pixels:
        """Enlarge bare pixels: (h, w, 1 or 3) uint8 or uint16 -> (s h, s w, 1 or 3) of the same dtype."""
        plan = self.plan(*pixels.shape[:2])
        return _result(self._enlarge(pixels, plan, self._runner(self.placement), 0, len(plan)))

    def _runner(self, placement: Placement) -> TileRunner:
        return TileRunner(self._model, self.scale, placement, overlap=self.tile.overlap, ensemble=self.ensemble)

    def _enlarge(
        self, pixels: Pixels, plan: TilePlan, runner: TileRunner, done: int, total: int
    ) -> Generator[tuple[int, int], None, Pixels]:
        height, width, channels = pixels.shape
        out = np.empty((height * self.scale, width * self.scale, channels), pixels.dtype)
        for row, column, block in stitch(plan, self.scale, self._parts(pixels, plan, runner)):
            out[row : row + block.shape[0], column : column + block.shape[1]] = _levels(block, channels, out.dtype)
            del block  # a part of a tile, all of which would be held while the next one is computed
            done += 1
            yield done, total
        return out

    def _parts(self, pixels: Pixels, plan: TilePlan, runner: TileRunner) -> Iterator[Floats]:
        """Return the enlarged tiles in order, (s height, s width, 3) each, as they come."""
        tiles, batch = iter(plan), self._batch_size(plan)
        groups = iter(lambda: list(islice(tiles, batch)), [])
        return runner.run_all(np.stack([_cut(pixels, tile) for tile in group]) for group in groups)

    def _batch_size(self, plan: TilePlan) -> int:
        """Return how many tiles go to the device together: one on a CPU, which is full with one."""
        if self.placement.device.type == "cpu":
            return 1
        return max(1, _CUDA_BATCH_FEATURES // (plan.rows.size * plan.columns.size * self.config.n_feats))


def _result(steps: Generator[tuple[int, int], None, T], on_tile: OnTile | None = None) -> T:
    """Take all steps, tell of each, and return what they came to."""
    while True:
        try:
            done, total = next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)
        if on_tile is not None:
            on_tile(done, total)


def _cut(pixels: Pixels, tile: Tile) -> Floats:
    """Return one tile as (h, w, 3) float32 in [0, 1]; grey is repeated."""
    box = pixels[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
    levels = box.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _levels(block: Floats, channels: int, dtype: np.dtype[Any]) -> Pixels:
    """Return (h, w, 3) in [0, 1] as integers, (h, w, channels); one channel is the luma of the three."""
    white = np.iinfo(dtype).max
    values = torch.from_numpy(block)
    values = values @ _LUMA[:, None] if channels == 1 else values
    values = values.mul(white).round_().clamp_(0, white)
    return np.asarray(values.to(torch.uint8).numpy() if dtype == np.uint8 else values.numpy().astype(dtype))
