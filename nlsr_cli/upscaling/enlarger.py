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
from nlsr_cli.upscaling.checks import Agreement, check_agreement, check_finite
from nlsr_cli.upscaling.device import Placement, place
from nlsr_cli.upscaling.memory import SHARE, free_memory, held_bytes
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
        self.aim = Aim(asked, self.networks.scales, bicubic=strength == 0)
        self.tile = tile or TileOptions()
        self.ensemble = ensemble
        self.max_memory = max_memory
        self.alpha = alpha
        self.strength = strength
        self.wrap = wrap
        self.floor = floor
        self.restorer = restorer or Restorer()
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
        works = self._works(
            self.route(height, width), self.placement, np.zeros((1, 1, 3), np.uint8), 3 * height * width
        )
        if not works:
            raise ValueError(f"{width}×{height} pixels need no network")
        return works[0].plan

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
        check_finite(picture)
        placement = self.placement_for(picture.depth)
        route = self.route(picture.height, picture.width)
        color, alpha, excess = picture.color, picture.alpha, picture.excess
        works = self._works(route, placement, color, held_bytes(picture, route.size))
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
        return replace(self._enlarged(made, route, works, rows, agreement), restoration=restoration)

    def _enlarged(
        self, made: Picture, route: Route, works: Sequence[Work], rows: Rows | None, agreement: Agreement | None
    ) -> Enlarged:
        """Return what was made, with how it came about."""
        events = (
            *route.notes,
            *(event for work in works for event in work.runner.events),
            *(rows.notes if rows else ()),
        )
        last = works[-1] if works else None
        return Enlarged(
            made,
            tiles=sum(len(work.plan) for work in works),
            tile_size=last.tile_size if last else None,
            tile_bytes=last.tile_bytes if last else 0,
            memory=last.budget if last else None,
            precision=last.precision if last else None,
            events=tuple(dict.fromkeys(events)),
            ensemble=self.ensemble and bool(works),
            stages=tuple(work.scale for work in works),
            agreement=agreement,
            resumed_rows=rows.taken if rows else 0,
        )

    def placement_for(self, depth: int) -> Placement:
        """Return the device and the precision for pictures of `depth` bits: float32 for more than 8, unless chosen."""
        deep = depth > 8 and self._chosen_precision == "auto"
        return self.placement.in_float32() if deep else self.placement

    def enlarge(self, pixels: Pixels) -> Pixels:
        """Enlarge bare pixels: (h, w, 1 or 3) uint8, uint16 or float32 -> (height, width, 1 or 3) of the same dtype."""
        route = self.route(*pixels.shape[:2])
        works = self._works(route, self.placement, pixels, pixels.nbytes)
        progress = Progress(works)
        return completed(self._enlarge(pixels, route, works, progress, "colour"))

    def _stage(self, scale: int) -> Stage:
        if scale not in self._stages:
            model = self.networks.load(scale)
            self._stages[scale] = Stage(model, self.placement.device, tile=self.tile, ensemble=self.ensemble)
        return self._stages[scale]

    def _works(self, route: Route, placement: Placement, pixels: Pixels, held: int) -> list[Work]:
        """Return what each stage does with arrays of the type and channels of `pixels`; nothing where none has a part.

        `held` are the bytes of what is there before and after: the picture as it was read, and alpha that is ready.
        """
        works: list[Work] = []
        channels, kept = pixels.shape[2], deep(pixels.dtype)
        pad = wrap_padding(self.wrap, self.tile)
        whole = route.reached == route.size and self.strength == 1
        for index, scale in enumerate(route.stages):
            stage, last = self._stage(scale), index == len(route.stages) - 1
            dtype = pixels.dtype if last and whole else kept
            height, width = (side + 2 * more for side, more in zip(route.before(index), pad, strict=True))
            beside = scratch.resident(height * width * channels * scale**2 * dtype.itemsize)
            if index > 0 or any(pad):  # what the stage is given is not the picture itself
                beside += scratch.resident(height * width * channels * kept.itemsize)
            if last and not whole:  # reduced in two passes, the second one to the picture's own type
                sizes = (prod(route.reached), prod(route.size), prod(route.size))
                beside = max(beside, sum(scratch.resident(size * channels * kept.itemsize) for size in sizes))
            budget = self._budget(held, beside)
            plan = stage.plan((height, width), placement.precision, budget, self.max_memory)
            runner = stage.runner(placement, plan, (height, width))
            name = f"stage {index + 1} of {len(route.stages)}"
            works.append(Work(name, stage, plan, runner, placement.precision, dtype, pad, budget))
        return works

    def _budget(self, held: int, beside: int) -> int | None:
        """Return the bytes that a tile may take beside what is held and what is still to be made; None if unknown."""
        if self.max_memory is not None:
            return self.max_memory - held - beside
        free = free_memory(self.placement.device)
        if free is None:
            return None
        on_device = self.placement.device.type == "cpu"  # elsewhere pictures lie in another memory than tiles
        return int(SHARE * free) - (beside if on_device else 0)

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
