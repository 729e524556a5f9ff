"""One network on a device: pixels in, enlarged pixels out, tile by tile."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nlsr_cli import scratch
from nlsr_cli.errors import OptionError
from nlsr_cli.images import Pixels
from nlsr_cli.upscaling.device import processor_name
from nlsr_cli.upscaling.memory import pixels_within, tile_bytes
from nlsr_cli.upscaling.needs import Need
from nlsr_cli.upscaling.runner import TileRunner
from nlsr_cli.upscaling.tiles import Floats, Tile, TilePlan, plan_for, stitch
from nlsr_cli.version import __version__

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN, NLSNConfig
    from nlsr_cli.options import TileOptions
    from nlsr_cli.upscaling.device import Placement
    from nlsr_cli.upscaling.spool import Layer

_LUMA = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601
_CUDA_BATCH_FEATURES = 2**24  # features (pixels x channels) that fill a GPU; smaller tiles travel together
_SMALLER_TILES = "memory is short: tiles are smaller than usual"


@dataclass(frozen=True)
class Work:
    """What a stage is to do with one array: its `name` ("stage 1 of 2"), its tiles, who runs them, what comes out.

    `pad` are the pixels, (rows, columns), by which the picture goes on at its other side around it. `budget` are the
    bytes that a tile might take, None where nobody can tell. `told` is what the network is told of the damage. `need`
    is what is held beside its tiles.
    """

    name: str
    stage: Stage
    plan: TilePlan
    runner: TileRunner
    precision: str
    dtype: np.dtype[Any]
    pad: tuple[int, int] = (0, 0)
    budget: int | None = None
    told: tuple[float, ...] = ()
    need: Need = field(default_factory=Need)

    @property
    def scale(self) -> int:
        """Return how many times it enlarges."""
        return self.stage.scale

    @property
    def tile_size(self) -> tuple[int, int]:
        """Return (height, width) of its tiles."""
        return self.plan.tile

    @property
    def tile_bytes(self) -> int:
        """Return what one of its tiles is expected to take."""
        return self.stage.tile_bytes(self.plan, self.precision)


class Stage:
    """A network, moved to its device, that enlarges arrays of pixels as its `Work` says.

    Args:
        model: the network.
        device: where it runs.
        tile: how pictures are cut.
        ensemble: whether eight passes are averaged.
    """

    def __init__(self, model: NLSN, device: torch.device, *, tile: TileOptions, ensemble: bool) -> None:
        self.config: NLSNConfig = model.config
        self.tile = tile
        self.ensemble = ensemble
        self._device = device
        self._model = model.eval().to(device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from the stubs

    @property
    def scale(self) -> int:
        """Return the enlargement factor."""
        return self.config.scale

    def tile_bytes(self, plan: TilePlan, precision: str) -> int:
        """Return what a tile of a plan is expected to take."""
        return tile_bytes(self.config, plan.rows.size * plan.columns.size, precision)

    def plan(self, size: tuple[int, int], precision: str, budget: int | None, allowed: int | None) -> TilePlan:
        """Return the tiles that pixels of a size, (height, width), are cut into.

        Args:
            size: of the pixels that the network is given.
            precision: that it runs in.
            budget: the bytes that a tile may take; None is any number.
            allowed: what the caller allows for everything; None where nothing is asked, and tiles just get smaller.

        Raises:
            OptionError: the overlap does not fit, or what is allowed holds not even the smallest tile.
        """
        most = None if budget is None else pixels_within(self.config, budget, precision)
        plan = plan_for(self.config, self.tile, *size, most=most)
        needed = self.tile_bytes(plan, precision)
        if allowed is not None and needed > (budget or 0):
            least = -(-(needed + allowed - (budget or 0)) // 2**20)
            raise OptionError(
                f"{size[1]}×{size[0]} pixels in tiles of {plan.columns.size}×{plan.rows.size} take {least} MiB, "
                "more than --max-memory",
                f"Allow {least} MiB."
                if self.tile.size is None
                else f"Raise it to {least} MiB, or choose a smaller --tile.",
            )
        return plan

    def runner(self, placement: Placement, plan: TilePlan, size: tuple[int, int]) -> TileRunner:
        """Return who runs the tiles of a plan for pixels of a size; it says where they are smaller than usual."""
        model = self.network()  # moved, if another stage has the same network elsewhere by now
        runner = TileRunner(model, self.scale, placement, overlap=self.tile.overlap, ensemble=self.ensemble)
        if plan != plan_for(self.config, self.tile, *size):
            runner.events.append(_SMALLER_TILES)
        return runner

    def network(self) -> NLSN:
        """Return the network, on its device."""
        return self._model.to(self._device)

    def tile_around(self, pixels: Pixels, plan: TilePlan, pixel: tuple[int, int]) -> tuple[Tile, Floats]:
        """Return the tile that counts most for a pixel, (row, column), and what the network gets of it, (h, w, 3)."""
        at = [axis.most_of(place) for axis, place in zip((plan.rows, plan.columns), pixel, strict=True)]
        tile = Tile(plan.rows.starts[at[0]], plan.columns.starts[at[1]], *plan.tile)
        return tile, np.ascontiguousarray(_cut(pixels, tile))

    def facts(self, precision: str) -> dict[str, Any]:
        """Return what pixels follow from besides job and plan: kept rows that were made otherwise are not mixed in."""
        return {
            "nlsr": __version__,
            "torch": torch.__version__,
            "processor": processor_name(self._device),
            "threads": torch.get_num_threads(),
            "precision": precision,
        }

    def run(self, pixels: Pixels, work: Work, kept: Layer | None = None) -> Generator[int, None, Pixels]:
        """Enlarge (h, w, 1 or 3) to (s h, s w, 1 or 3) of the dtype of `work`, and yield after each tile: the number 1.

        Rows of tiles that are finished are kept in `kept`; those that are there are taken from it, and their tiles
        yielded at once.

        Float pixels are in [0, 1], and what comes of them is. Grey is enlarged as a picture of three equal channels,
        and is the luma of what becomes of it.

        Raises:
            OutOfMemory: not even the smallest tile fits.
            NlsrError: the network gives non-finite values.
        """
        height, width, channels = pixels.shape
        shape = height * self.scale, width * self.scale, channels
        if kept is None:
            out, first, above = scratch.empty(shape, work.dtype), 0, None
        else:
            out, first, above, told = kept.load(shape, work.dtype)
            work.runner.events += told
        if first:
            yield first * len(work.plan.columns.starts)

        def on_row(row: int, strip: Floats | None) -> None:
            if kept is not None:
                kept.keep(row, out, strip, work.runner.events)
            scratch.relax()

        parts = self._parts(pixels, work, first)
        for row, column, block in stitch(work.plan, self.scale, parts, first=first, above=above, on_row=on_row):
            for rows in scratch.strips(out, row, row + block.shape[0]):
                part = block[rows.start - row : rows.stop - row]
                out[rows, column : column + part.shape[1]] = _levels(part, channels, out.dtype)
            del block, part  # a part of a tile, all of which would be held while the next one is computed
            yield 1
        return out

    def _parts(self, pixels: Pixels, work: Work, first: int) -> Iterator[Floats]:
        """Return the enlarged tiles in order, (s height, s width, 3) each, as they come, from the row `first` on.

        They travel in the same company as from the beginning on, because a GPU may compute others otherwise.
        """
        batch, skipped = self._batch_size(work.plan), first * len(work.plan.columns.starts)
        tiles = islice(work.plan, skipped - skipped % batch, None)
        groups = iter(lambda: list(islice(tiles, batch)), [])
        batches = (np.stack([_cut(pixels, tile) for tile in group]) for group in groups)
        parts = work.runner.run_all(batches, work.told)
        return islice(parts, skipped % batch, None)

    def _batch_size(self, plan: TilePlan) -> int:
        """Return how many tiles go to the device together: one on a CPU, which is full with one."""
        if self._device.type == "cpu":
            return 1
        return max(1, _CUDA_BATCH_FEATURES // (plan.rows.size * plan.columns.size * self.config.n_feats))


def _cut(pixels: Pixels, tile: Tile) -> Floats:
    """Return one tile as (h, w, 3) float32 in [0, 1]; grey is repeated."""
    levels = np.empty((tile.height, tile.width, pixels.shape[2]), np.float32)
    for rows in scratch.strips(pixels, tile.top, tile.top + tile.height):
        part = pixels[rows, tile.left : tile.left + tile.width]
        levels[rows.start - tile.top : rows.stop - tile.top] = part
    if pixels.dtype.kind == "u":
        levels /= np.float32(np.iinfo(pixels.dtype).max)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _levels(block: Floats, channels: int, dtype: np.dtype[Any]) -> Pixels:
    """Return (h, w, 3) in [0, 1] as samples of a type, (h, w, channels); one channel is the luma of the three."""
    values = torch.from_numpy(block)
    values = values @ _LUMA[:, None] if channels == 1 else values
    if dtype.kind == "f":
        return np.asarray(values.clamp(0, 1).numpy())
    white = np.iinfo(dtype).max
    values = values.mul(white).round_().clamp_(0, white)
    return np.asarray(values.to(torch.uint8).numpy() if dtype == np.uint8 else values.numpy().astype(dtype))
