"""What a training run tells of itself while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nlsr_cli.training.saved import Row


@dataclass(frozen=True)
class Progressed:
    """Where the run is. `share` of the budget from 0 to 1; `loss` is the last known; `left` in seconds, if known."""

    step: int
    share: float
    loss: float | None
    rate: float  # the learning rates' share of their peaks
    steps_per_second: float
    left: float | None


@dataclass(frozen=True)
class Exported:
    """The network of one scale, in the folder `model`, with its scores on the validation pictures."""

    scale: int
    psnr: float
    ssim: float | None
    model: Path


@dataclass(frozen=True)
class Validated:
    """A validation was done and saved; `best` tells whether it is the best so far.

    `models` are those that were exported because of it: they can be used while the run goes on.
    """

    row: Row
    best: bool
    share: float
    left: float | None
    models: tuple[Exported, ...] = ()


@dataclass(frozen=True)
class Slowed:
    """From step `step` on, every step launches its kernels one by one: no CUDA graph could be made, for `reason`."""

    step: int
    reason: str


@dataclass(frozen=True)
class Paused:
    """The run was saved after `step` steps and waits, because of `file` where there is one, else of a signal."""

    step: int
    file: Path | None


@dataclass(frozen=True)
class Resumed:
    """The run continues after a pause of `seconds`, which its budget does not count."""

    step: int
    seconds: float


@dataclass(frozen=True)
class Interrupted:
    """The run was stopped after `step` steps and saved."""

    step: int


@dataclass(frozen=True)
class Finished:
    """The run is done: the averaged weights of `best_step` are exported, one network for every scale."""

    step: int
    seconds: float
    best_step: int
    models: tuple[Exported, ...]


Event = Progressed | Validated | Slowed | Paused | Resumed | Interrupted | Finished
