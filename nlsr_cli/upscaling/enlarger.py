"""Models on a device that turn pictures into pictures of the size that is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.images import Picture, Pixels, bleed_colors, keep_flat, resize_bicubic, resize_gain_map, resize_lanczos
from nlsr_cli.options import DEFAULT_FLOOR, ComputeOptions, TileOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.checks import check_agreement, check_finite
from nlsr_cli.upscaling.device import Placement, place
from nlsr_cli.upscaling.memory import budget_for
from nlsr_cli.upscaling.needs import Demand, Extent, Need, arrays, beside, of_interpolation, of_stage
from nlsr_cli.upscaling.progress import Enlarged, OnTile, Progress, Steps, completed
from nlsr_cli.upscaling.resample import continued, cropped, deep, finish, is_grey, repeated, split
from nlsr_cli.upscaling.restoration import Restoration, Restorer
from nlsr_cli.upscaling.route import Aim, Networks, Route, networks_of
from nlsr_cli.upscaling.spool import Rows
from nlsr_cli.upscaling.stage import Stage, Work
from nlsr_cli.upscaling.tiles import TilePlan, wrap_padding

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN


class Enlarger:
    """NLSNs on a device, ready to enlarge any number of pictures.

    Args:
        model: the network, networks by their scale, or what loads them when they are needed; they are moved to the
            device.
        compute: device and precision.
        tile: how pictures are cut.
        ensemble: whether eight passes are averaged: slower by as much, and a little nearer to the truth.
        max_memory: bytes for a picture and its tiles; None is three quarters of what the device has free.
        reserved: those of them, in the memory of the processor, that something else takes.
        sizes: the size that pictures are to have; None is the scale of the network.
        alpha: "model" or "lanczos": what enlarges transparency.
        strength: from 0 to 1: how much of what the network makes, beside bicubic interpolation.
        wrap: "", "x", "y" or "xy": where pictures go on at their other side.
        restorer: what networks that can be told of damage are told; None is what every picture seems to have.
        floor: the least PSNR in dB with which a result that is reduced again must match its source, everywhere; 0 asks
            for none, as for networks that are not trained.

    Raises:
        OptionError: this machine lacks the device, or the device lacks the precision.
    """

    def __init__(
        self,
        model: NLSN | Mapping[int, NLSN] | Networks,
        *,
        compute: ComputeOptions | None = None,
        tile: TileOptions | None = None,
        ensemble: bool = False,
        max_memory: int | None = None,
        reserved: int = 0,
        sizes: SizeOptions | None = None,
        alpha: str = "model",
        strength: float = 1.0,
        wrap: str = "",
        floor: float = DEFAULT_FLOOR,
        restorer: Restorer | None = None,
    ) -> None:
        compute = compute or ComputeOptions()
        self.placement = place(compute)
        self.networks = networks_of(model)
        asked = sizes if sizes is not None and sizes.given else SizeOptions(scale=self.networks.default)
        self.restorer = restorer or Restorer()
        self.aim = Aim(asked, self.networks.scales, bicubic=strength == 0, restoring=self.restorer.asks)
        self.tile = tile or TileOptions()
        self.ensemble = ensemble
        self.max_memory = max_memory
        self.reserved = reserved if self.placement.device.type == "cpu" else 0
        self.alpha = alpha
        self.strength = strength
        self.wrap = wrap
        self.floor = floor
        self._chosen_precision = compute.precision
        self._stages: dict[int, Stage] = {}

    @property
    def scale(self) -> float | None:
        """Return the factor that is asked; None where it depends on the picture."""
        return self.aim.sizes.scale

    def load(self, scales: Iterable[int]) -> None:
        """Load networks ahead that would be loaded when a picture needs them.

        Raises:
            ModelError: one does not load.
        """
        for scale in scales:
            self._stage(scale)

    def route(self, height: int, width: int) -> Route:
        """Return the way of a picture of this size.

        Raises:
            OptionError: its target is more than 16 times as large.
        """
        return self.aim.route(height, width)

    def plan(self, height: int, width: int) -> TilePlan:
        """Return the tiles that the first network cuts an 8-bit picture of this size into.

        Raises:
            OptionError: the overlap does not fit, or `max_memory` holds not even the smallest tile.
            ValueError: such a picture runs through no network.
        """
        extent = Extent((height, width), 3, np.dtype(np.uint8))
        works = self._works(self.route(height, width), self.placement, extent, arrays(extent.held))
        if not works:
            raise ValueError(f"{width}×{height} pixels need no network")
        return works[0].plan

    def demand(self, extent: Extent) -> Demand:
        """Return what a picture will take.

        Raises:
            OptionError: as `plan`, or its target is more than 16 times as large.
        """
        route = self.route(*extent.size)
        held = beside(extent, route.size)
        works = self._works(route, self.placement_for(8 * extent.dtype.itemsize), extent, held)
        if not works:
            need = held + of_interpolation(route, extent)
            return Demand(need.memory, need.scratch, prod(route.size))
        layers = 2 if extent.alpha and self.alpha == "model" else 1
        passes = layers * (8 if self.ensemble else 1)
        return Demand(
            max(work.need.memory + work.tile_bytes for work in works),
            max(work.need.scratch for work in works),
            passes * sum(work.plan.cost for work in works),
        )

    def upscale(
        self, picture: Picture, on_tile: OnTile | None = None, *, restoration: Restoration | None = None
    ) -> Enlarged:
        """Enlarge colour and alpha, keep depth and greyness, and carry the metadata along; see `steps`."""
        return completed(self.steps(picture, restoration=restoration), on_tile)

    def restoration(self, picture: Picture) -> Restoration | None:
        """Return what the first network is told of a picture's damage; None if it can be told nothing, or is none."""
        stages = self.route(picture.height, picture.width).stages
        return self.restorer.restoration(picture, self._stage(stages[0]).config) if stages else None

    def steps(
        self, picture: Picture, rows: Rows | None = None, restoration: Restoration | None = None
    ) -> Steps[Enlarged]:
        """Enlarge a picture tile by tile: yield how far it is, and return what came of it.

        Colours are first bled into fully transparent pixels, so that no background shines through at an alpha edge.
        Pictures of 16 bit and of floats run in float32 unless a precision was asked for. Floats outside of [0, 1], and
        the `excess` of a picture, are enlarged bicubically. What networks make is kept in 16 bit (floats in float32)
        until it has its size, and rounded once. The first network is told the damage to the colours: `restoration`, or
        what the restorer finds; alpha has none. Rows of tiles that are finished are kept in `rows`, and those that are
        there are taken from it.

        Raises:
            OptionError: the target is more than 16 times as large.
            OutOfMemory: not even the smallest tile fits.
            ResultRejected: what the network gives is implausible, or does not match the picture.
            NlsrError: the picture holds non-finite values.
        """
        route, works, _ = self._prepared(picture)
        color, alpha, excess = picture.color, picture.alpha, picture.excess
        moving = alpha is not None and bool(alpha.min() != alpha.max())
        layers = 2 if moving and self.alpha == "model" else 1
        progress = Progress(works, layers, rows)
        if alpha is not None and moving:
            source = alpha
            alpha = yield from self._enlarge_alpha(source, route, works, progress)
            if route.size != source.shape:  # else nobody's neighbour, and what is hidden stays as it is
                color, excess = self._bleed(color, source), None if excess is None else self._bleed(excess, source)
            if works:
                check_agreement(source[:, :, None], alpha[:, :, None], self.floor)
        elif alpha is not None:
            alpha = repeated(alpha[:1, :1], route.size)
        given = color
        restoration = restoration or self.restoration(picture)
        if works and restoration is not None:
            works[0] = replace(works[0], told=restoration.told)
        color = yield from self._enlarge(given, route, works, progress, "colour")
        if picture.metadata.masked:  # measurements: beyond what was measured nothing is known
            np.clip(color, given.min(axis=(0, 1)), given.max(axis=(0, 1)), out=color)
        agreement = check_agreement(given, color, self.floor) if works else None
        if excess is not None:
            excess = self._interpolated(excess, route)
        gain_map = picture.gain_map
        if gain_map is not None:
            gain_map = resize_gain_map(gain_map, (picture.height, picture.width), route.size, wrap=self.wrap)
        made = replace(picture, color=color, alpha=alpha, excess=excess, gain_map=gain_map)
        enlarged = Enlarged.by(made, works, route.notes, rows)
        averaged = self.ensemble and bool(works)
        return replace(enlarged, ensemble=averaged, agreement=agreement, restoration=restoration)

    def first_given(self, picture: Picture) -> tuple[Pixels, Work, Placement] | None:
        """Return what the first network is given of a picture's colours, (h, w, c), with its work on them and where it
        runs; None where no network has a part.

        Raises:
            OptionError, NlsrError: as `steps`.
        """
        route, works, placement = self._prepared(picture)
        if not works:
            return None
        color, alpha, restoration = picture.color, picture.alpha, self.restoration(picture)
        if alpha is not None and alpha.min() != alpha.max() and route.size != alpha.shape:
            color = self._bleed(color, alpha)
        told = restoration.told if restoration is not None else ()
        return continued(split(color)[0], works[0].pad), replace(works[0], told=told), placement

    def _prepared(self, picture: Picture) -> tuple[Route, list[Work], Placement]:
        """Return the way of a picture, what each network does with its colours, and where they run."""
        check_finite(picture)
        route, placement = self.route(picture.height, picture.width), self.placement_for(picture.depth)
        extent = Extent.of(picture)
        return route, self._works(route, placement, extent, beside(extent, route.size)), placement

    def placement_for(self, depth: int) -> Placement:
        """Return the device and the precision for pictures of `depth` bits: float32 for more than 8, unless chosen."""
        deep = depth > 8 and self._chosen_precision == "auto"
        return self.placement.in_float32() if deep else self.placement

    def enlarge(self, pixels: Pixels) -> Pixels:
        """Enlarge bare pixels: (h, w, 1 or 3) uint8, uint16 or float32 -> (height, width, 1 or 3) of the same dtype."""
        route = self.route(*pixels.shape[:2])
        extent = Extent((pixels.shape[0], pixels.shape[1]), pixels.shape[2], pixels.dtype)
        works = self._works(route, self.placement, extent, Need(pixels.nbytes))
        progress = Progress(works)
        return completed(self._enlarge(pixels, route, works, progress, "colour"))

    def _stage(self, scale: int) -> Stage:
        if scale not in self._stages:
            model = self.networks.load(scale)
            self._stages[scale] = Stage(model, self.placement.device, tile=self.tile, ensemble=self.ensemble)
        return self._stages[scale]

    def _works(self, route: Route, placement: Placement, extent: Extent, held: Need) -> list[Work]:
        """Return what each stage does with the colours of a picture; nothing where none has a part.

        `held` is what is there before and after: the picture as it was read, and alpha that is ready.
        """
        works: list[Work] = []
        pad = wrap_padding(self.wrap, self.tile)
        whole = route.reached == route.size and self.strength == 1
        for index, scale in enumerate(route.stages):
            stage, last = self._stage(scale), index == len(route.stages) - 1
            need = of_stage(route, index, extent, pad, whole=whole)
            allowed = None if self.max_memory is None else self.max_memory - self.reserved
            budget = budget_for(self.placement.device, allowed, held.memory, need.memory)
            size = (route.before(index)[0] + 2 * pad[0], route.before(index)[1] + 2 * pad[1])
            plan = stage.plan(size, placement.precision, budget, self.max_memory)
            runner = stage.runner(placement, plan, size)
            name = f"stage {index + 1} of {len(route.stages)}"
            dtype = extent.dtype if last and whole else deep(extent.dtype)
            works.append(Work(name, stage, plan, runner, placement.precision, dtype, pad, budget, need=held + need))
        return works

    def _enlarge(
        self, pixels: Pixels, route: Route, works: Sequence[Work], progress: Progress, layer: str
    ) -> Steps[Pixels]:
        """Bring (h, w, c) to its size: through the stages, or by interpolation where no network has a part in it."""
        if not works:
            return self._interpolated(pixels, route)
        if is_grey(pixels):  # in three channels: a network would tint what has no colour
            one = yield from self._enlarge(pixels[:, :, :1], route, works, progress, layer)
            return repeated(one, (*one.shape[:2], 3))
        inside, rest = split(pixels)
        made = inside
        for work in works:
            made = yield from self._run(made, work, progress, f"{work.name}, {layer}")
        made = finish(made, inside, route.size, strength=self.strength, wrap=self.wrap)
        if rest is not None:
            beyond = resize_bicubic(rest, *route.size, wrap=self.wrap)
            for rows in scratch.bands(made.shape):
                made[rows] += beyond[rows]
        return made

    def _run(self, pixels: Pixels, work: Work, progress: Progress, name: str) -> Steps[Pixels]:
        """Run one stage on one layer, which `name` tells apart from all others of the picture, tile by tile."""
        steps = work.stage.run(continued(pixels, work.pad), work, progress.layer(work, name))
        made: Pixels
        while True:
            try:
                tiles = next(steps)
            except StopIteration as finished:
                made = finished.value
                return cropped(made, [side * work.scale for side in work.pad])
            yield progress.advance(work, tiles)

    def _enlarge_alpha(self, alpha: Pixels, route: Route, works: Sequence[Work], progress: Progress) -> Steps[Pixels]:
        """Bring (h, w) to its size; what is of one value around a pixel keeps exactly that value."""
        if self.alpha == "model":
            made = yield from self._enlarge(alpha[:, :, None], route, works, progress, "alpha")
        else:
            made = resize_lanczos(alpha[:, :, None], *route.size, wrap=self.wrap)
        if made.dtype.kind == "f":  # integers have ends of their own
            np.clip(made, alpha.min(), alpha.max(), out=made)
        if made.shape[:2] != alpha.shape:
            keep_flat(made[:, :, 0], alpha, wrap=self.wrap)
        return made[:, :, 0]

    def _interpolated(self, pixels: Pixels, route: Route) -> Pixels:
        """Return (h, w, c) at its size: reduced by Lanczos, or enlarged bicubically."""
        resize = resize_bicubic if route.scale > 1 else resize_lanczos
        return resize(pixels, *route.size, wrap=self.wrap)

    def _bleed(self, color: Pixels, alpha: Pixels) -> Pixels:
        """Return `color` with the colours of visible pixels bled into invisible ones, across the seams of a texture."""
        pad = wrap_padding(self.wrap, self.tile)
        return cropped(bleed_colors(continued(color, pad), continued(alpha, pad)), pad)
