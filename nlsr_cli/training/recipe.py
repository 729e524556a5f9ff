"""How a network is trained: the choices of a run, checked once when they are built. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from nlsr_cli.errors import OptionError, UnknownChoice

LOSSES = ("l1", "l2")
MOST_STEPS = 10**9
MOST_MINUTES = 10**6
_BOUNDS: dict[str, tuple[float, float]] = {
    "patch": (8, 1024),
    "batch": (1, 4096),
    "rate": (0, 1),
    "matrix_rate": (0, 1),
    "warmup": (0, 0.5),
    "average": (0, 0.99999),
    "clip": (0, 1e6),
    "focus": (0, 4),
    "halves": (0, 1),
    "attention_from": (0, 1),
    "fourier": (0, 10),
    "damaged": (0, 1),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True)
class Recipe:
    """The choices of a training run. The defaults are those of the embedded models.

    Raises:
        OptionError: a value is out of its range.
    """

    patch: int = 48  # low-resolution pixels on a side
    batch: int = 16  # patches per step
    rate: float = 1e-3  # peak learning rate of Adam: head, tail and biases
    matrix_rate: float = 5e-3  # peak learning rate of Muon: the kernels of the body
    warmup: float = 0.02  # share of the budget in which the rates rise from zero
    average: float = 0.999  # decay of the exponential moving average of the weights, per step
    clip: float = 1.0  # largest norm of the gradient; 0 never clips
    focus: float = 1.0  # patches are drawn with a chance proportional to their detail to this power
    halves: float = 0.5  # share of the patches that come from photographs at half their size, which are sharper
    attention_from: float = 0.0  # share of the budget from which on the attention layers take part
    loss: str = "l1"  # mean absolute error, or l2, the mean squared error
    fourier: float = 0.05  # weight of the mean absolute error of the spectrum, beside it
    degrade: str = ""  # what patches go through, as `nlsr evaluate --degrade`; nothing where empty
    damaged: float = 0.6  # share of the patches that do
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            if not low <= getattr(self, name) <= high:  # also false for NaN
                raise OptionError(f"{option(name)} must be from {low:.10g} to {high:.10g}, not {getattr(self, name)}")
        if self.loss not in LOSSES:
            raise UnknownChoice("loss", self.loss, LOSSES)

    def clean(self, batch: int) -> int:
        """Return how many patches of a batch are clean where all damaged ones have the same damage, and come last."""
        return batch - round(self.damaged * batch) if self.degrade else batch


@dataclass(frozen=True)
class Budget:
    """How long a run takes: a number of steps, or minutes of wall time. The schedule fits whichever is given.

    Raises:
        OptionError: none or both are given, or one is not positive or beyond all reason.
    """

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise OptionError("give either --steps or --minutes", "For example: --minutes 60")
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise OptionError(f"--steps must be from 1 to {MOST_STEPS}, not {str(self.steps)[:40]}")
        if self.minutes is not None and not 0 < self.minutes <= MOST_MINUTES:
            raise OptionError(f"--minutes must be positive and at most {MOST_MINUTES}, not {self.minutes:g}")

    def progress(self, step: int, seconds: float) -> float:
        """Return the share of the budget that is used up after `step` steps and `seconds` of training."""
        used = step / self.steps if self.steps is not None else seconds / (60 * (self.minutes or 1))
        return min(1.0, used)


def option(name: str) -> str:
    """Return how a choice is written on the command line."""
    return f"--{name.replace('_', '-')}"
