"""The time of a run: what it took, how fast it is, and what is left of its budget. No torch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from nlsr_cli.training.recipe import Budget


class Clock:
    """Counts training, validation and saving, but neither reading nor breaks.

    `seconds` is what the run took before, and `speed` how many steps a second it did last.
    """

    def __init__(self, budget: Budget, seconds: float, speed: float) -> None:
        self._budget, self._before, self._last_speed = budget, seconds, speed
        self._busy, self._steps = 0.0, 0  # of training alone, since the last lap
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return how long the run took."""
        return self._before + time.perf_counter() - self._started

    def share(self, step: int) -> float:
        """Return the share of the budget that is used up after so many steps."""
        return self._budget.progress(step, self.seconds)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Count what is inside as a step of training."""
        begun = time.perf_counter()
        yield
        self._busy += time.perf_counter() - begun
        self._steps += 1

    def leave_out(self, begun: float) -> float:
        """Count nothing of the time since `begun`, by `time.perf_counter`; return how long that was."""
        waited = time.perf_counter() - begun
        self._started += waited
        return waited

    def lap(self) -> float:
        """Return the steps a second since the last lap, and begin another one."""
        self._last_speed = self.speed
        self._busy, self._steps = 0.0, 0
        return self._last_speed

    @property
    def speed(self) -> float:
        """Return the steps a second since the last lap; 0 at its beginning."""
        return self._steps / self._busy if self._busy else 0.0

    @property
    def pace(self) -> float:
        """Return the speed to reckon with: at the beginning of a lap that of the one before."""
        return self.speed or self._last_speed

    def left(self, step: int) -> float | None:
        """Return the seconds that are left after so many steps, if anything tells."""
        if self._budget.minutes is not None:
            return max(0.0, 60 * self._budget.minutes - self.seconds)
        pace = self.pace
        return ((self._budget.steps or 0) - step) / pace if pace else None
