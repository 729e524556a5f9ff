"""Running the network on tiles, guarded: a tile that cannot be right or does not fit is done again, another way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nlsr_cli.errors import OutOfMemory, ResultRejected
from nlsr_cli.upscaling.checks import fault_of
from nlsr_cli.upscaling.device import Placement, is_out_of_memory
from nlsr_cli.upscaling.flat import keep_flat_colours
from nlsr_cli.upscaling.tiles import Floats, plan_tiles, stitch

# Under this side a tile costs no memory worth saving: if it does not fit, nothing will.
_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class _Turn:
    """One way to turn or mirror: rows and columns may change places, then any of the two axes may be reversed."""

    transposed: bool
    reversed_axes: tuple[int, ...]

    def apply(self, x: Tensor) -> Tensor:
        """Return (b, c, h, w) turned, (b, c, w, h) where it lies on its side; channels-last, as networks want it."""
        turned = x.transpose(2, 3) if self.transposed else x
        return turned.flip(self.reversed_axes).contiguous(memory_format=torch.channels_last)

    def undo(self, x: Tensor) -> Tensor:
        """Return what `apply` turned upright again."""
        upright = x.flip(self.reversed_axes)
        return upright.transpose(2, 3) if self.transposed else upright


# All but the upright one, which needs no turning.
_TURNS = [_Turn(transposed, axes) for transposed in (False, True) for axes in ((), (2,), (3,), (2, 3))][1:]


class _Begun:
    """A batch of enlarged tiles (b, s h, s w, 3), float32, on its way from the device."""

    def __init__(self, sr: Tensor) -> None:
        self._arrived: torch.cuda.Event | None = None
        if sr.device.type == "cuda":  # into memory that the GPU writes itself, while this thread goes on
            self._host = torch.empty(sr.shape, dtype=sr.dtype, pin_memory=True)
            self._host.copy_(sr, non_blocking=True)
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record(torch.cuda.current_stream(sr.device))
        else:
            self._host = sr.cpu()

    def fetch(self) -> Floats:
        """Wait for it, and return it."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return np.ascontiguousarray(self._host.numpy())


def _to_device(lr: Floats, device: torch.device) -> Tensor:
    """Return tiles (b, h, w, 3) as (b, 3, h, w) on a device; a GPU fetches them itself."""
    host = torch.from_numpy(lr)
    if device.type == "cuda":
        host = host.pin_memory()
    return host.permute(0, 3, 1, 2).to(device, non_blocking=True)


def _with_flat_colours(lr: Floats, sr: Floats) -> Floats:
    """Return enlarged tiles (b, s h, s w, 3) with the colours of lr, (b, h, w, 3), where these are one all around."""
    low, high = (torch.from_numpy(tiles).permute(0, 3, 1, 2) for tiles in (lr, sr))
    return np.ascontiguousarray(keep_flat_colours(low, high).permute(0, 2, 3, 1).numpy())


class TileRunner:
    """Enlarges batches of equal tiles on one device: (b, h, w, 3) float32 in [0, 1] -> (b, s h, s w, 3) float32.

    With `ensemble`, a tile goes through the network in each of the eight ways to turn and mirror it, one after the
    other, and the mean of what comes back, turned upright again, is the result (the geometric self-ensemble of Lim et
    al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR Workshops 2017).

    What had to be done differently from the plan is kept in `events`, one sentence each, to be told to the user. `told`
    is what the network is told of the damage in the tiles; nothing where it is empty.
    """

    def __init__(
        self, model: nn.Module, scale: int, placement: Placement, *, overlap: int, ensemble: bool = False
    ) -> None:
        self._model = model
        self._scale = scale
        self._placement = placement
        self._overlap = overlap
        self._ensemble = ensemble
        self._ahead = 1 if placement.device.type == "cuda" else 0  # batches begun before the first of them is fetched
        self.events: list[str] = []

    def run_all(self, batches: Iterable[Floats], told: tuple[float, ...] = ()) -> Iterator[Floats]:
        """Enlarge batches of tiles, and yield the tiles in order.

        A GPU has the next batch before what it made of the last one is fetched: it does not wait for pictures to be
        cut, joined and rounded.

        Raises:
            OutOfMemory, ResultRejected: as `run`.
        """
        begun: deque[tuple[Floats, _Begun | None]] = deque()
        for lr in batches:
            begun.append((lr, self._begin(lr, told)))
            if len(begun) > self._ahead:
                yield from self._end(*begun.popleft(), told)
        while begun:
            yield from self._end(*begun.popleft(), told)

    def run(self, lr: Floats, told: tuple[float, ...] = ()) -> Floats:
        """Enlarge a batch of tiles.

        Raises:
            OutOfMemory: not even the smallest tile fits.
            ResultRejected: what the network gives is implausible in float32 too.
        """
        return self._end(lr, self._begin(lr, told), told)

    def _begin(self, lr: Floats, told: tuple[float, ...]) -> _Begun | None:
        """Start the network; None if memory ran out."""
        try:
            with self._placement.context():
                batch = _to_device(lr, self._placement.device)  # (b, 3, h, w), channels-last
                sr = self._average(batch, told) if self._ensemble else self._pass(batch, told).float()
                return _Begun(sr.permute(0, 2, 3, 1))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside of the handler, where the exception no longer holds the tensors of the failed attempt.
        if self._placement.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _end(self, lr: Floats, begun: _Begun | None, told: tuple[float, ...]) -> Floats:
        """Fetch what was begun, and do again what did not work."""
        if begun is None and self._ahead:
            begun = self._begin(lr, told)  # now that the batch before it is gone
        if begun is None:
            return self._run_smaller(lr, told)
        sr = begun.fetch()
        faults = [fault_of(lr[i], tile) for i, tile in enumerate(sr)]
        sr = _with_flat_colours(lr, sr)  # now that what the network gave has been looked at
        if not any(faults):
            return sr
        return np.stack([self._redo(lr[i], fault, told) if fault else sr[i] for i, fault in enumerate(faults)])

    def _pass(self, lr: Tensor, told: tuple[float, ...]) -> Tensor:
        """Return what the network makes of (b, 3, h, w)."""
        sr: Tensor = self._model(lr, degradation=lr.new_tensor([told])) if told else self._model(lr)
        return sr

    def _average(self, lr: Tensor, told: tuple[float, ...]) -> Tensor:
        """Return the mean of eight passes over (b, 3, h, w), in float32; only the sum is kept between them."""
        total = self._pass(lr, told).to(torch.float32, copy=True)  # (b, 3, s h, s w)
        for turn in _TURNS:
            total += turn.undo(self._pass(turn.apply(lr), told)).float()
        return total.div_(len(_TURNS) + 1)

    def _redo(self, tile: Floats, fault: str, told: tuple[float, ...]) -> Floats:
        """Run one tile (h, w, 3) in float32, because what half precision gave cannot be right."""
        height, width, _ = tile.shape
        if self._placement.precision == "fp32":
            raise ResultRejected(
                f"the network {fault}, even in float32",
                "The weights are probably damaged or badly trained: try nlsr models verify, or another --model.",
            )
        self.events.append(f"a tile of {width}×{height} pixels {fault} in {self._placement.precision}: redone in fp32")
        precise = self._placement.in_float32()
        runner = TileRunner(self._model, self._scale, precise, overlap=self._overlap, ensemble=self._ensemble)
        sr: Floats = runner.run(tile[None], told)[0]
        self.events += runner.events
        return sr

    def _run_smaller(self, lr: Floats, told: tuple[float, ...]) -> Floats:
        """Do again what did not fit: a batch tile by tile, a tile in halves."""
        if len(lr) > 1:
            return np.concatenate([self.run(lr[i : i + 1], told) for i in range(len(lr))])
        height, width = lr.shape[1:3]
        side = max(height, width)
        overlap = min(self._overlap, side // 8)
        half = -(-side // 2) + overlap
        if side <= _SMALLEST_SIDE or half >= side:
            raise OutOfMemory(side, str(self._placement.device))
        self.events.append(f"a tile of {width}×{height} pixels did not fit in memory: redone in tiles of {half}")
        sr = np.empty((1, height * self._scale, width * self._scale, 3), np.float32)

        plan = plan_tiles(height, width, size=half, overlap=overlap)
        parts = (self.run(lr[:, t.top : t.top + t.height, t.left : t.left + t.width], told)[0] for t in plan)
        for row, column, block in stitch(plan, self._scale, parts):
            sr[0, row : row + block.shape[0], column : column + block.shape[1]] = block
        return sr
