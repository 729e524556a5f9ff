"""How far a batch is whose pictures are shared among workers: one bar for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.console.batch import BatchConsole, cost_of, name_of
from nlsr_cli.console.estimate import FILE_PIXELS, Cost
from nlsr_cli.engines.watcher import Watcher

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.upscaling.progress import Step

_TELLING = 3.0  # seconds of work that say how long the rest takes: libraries have warmed up by then
_SHOWN = 4  # pictures that the bar names


class SharedProgress(Watcher):
    """Shows how many pictures are done, which ones are being enlarged, and the time that is left.

    Args:
        console: what has the bar.
        jobs: those that are to be computed.
        existing: what happens to outputs that are there, as of `OutputOptions`.
        begin: called when the first picture is begun.
    """

    def __init__(
        self, console: BatchConsole, jobs: Sequence[Job], existing: str, begin: Callable[[Job], None] | None = None
    ) -> None:
        self._console = console
        self._works = Works([cost_of(job, existing) for job in jobs])
        self._numbers = {job.sink.path: number for number, job in enumerate(jobs)}
        self._begin = begin
        self._hands: dict[Path, str] = {}  # names of what is being enlarged, by their outputs
        self._done = 0
        self._share = 0.0

    def on_loading(self) -> None:
        """Show that the first worker loads its networks."""
        self._console.show("loading")

    def on_waiting(self, job: Job) -> None:
        """Show which picture another process has."""
        self._console.show(f"{self._counts()} another process has {name_of(job)}")

    def on_begun(self, job: Job) -> None:
        """Show it among those that are being enlarged."""
        if self._begin is not None:
            self._begin(job)
            self._begin = None
        self._works.begin(time.monotonic())
        self._hands[job.sink.path] = name_of(job)
        self._show()

    def on_advanced(self, job: Job, step: Step) -> None:
        """Count what is done of it."""
        self._works.advance(self._numbers[job.sink.path], step.work / max(step.total_work, 1))
        self._show()

    def on_finished(self, job: Job) -> None:
        """Count it."""
        self._works.finish(self._numbers[job.sink.path], worked=self._hands.pop(job.sink.path, None) is not None)
        self._done += 1
        self._show()

    def on_trouble(self, text: str) -> None:
        """Say it."""
        self._console.note(f"note: {text}")

    def _counts(self) -> str:
        return f"{self._done}/{len(self._numbers)}"

    def _show(self) -> None:
        names = list(self._hands.values())
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        elapsed, left = self._works.times(time.monotonic())
        if left is not None:
            self._share = max(self._share, elapsed / max(elapsed + left, 1e-6))
        label = f"{self._counts()} {', '.join(names[:_SHOWN])}{more}"
        self._console.show(label, None if left is None else self._share, left, "")


class Works:
    """How much there is to do, and how much is done: what is left takes as long as what was done took for as much.

    Args:
        costs: of all pictures; None where nothing is known, which is taken for the mean of the others, and a work of 0
            where a picture most likely needs none.
    """

    def __init__(self, costs: Sequence[Cost | None]) -> None:
        known = [each.work + FILE_PIXELS for each in costs if each is not None and each.work]
        usual = sum(known) / len(known) if known else float(FILE_PIXELS)
        self._works = [usual if each is None else each.work and each.work + FILE_PIXELS for each in costs]
        self._shares = [0.0] * len(costs)  # done of each
        self._done = 0.0
        self._left = sum(self._works)
        self._start: float | None = None

    def begin(self, now: float) -> None:
        """Count from the first picture that is begun."""
        if self._start is None:
            self._start = now

    def advance(self, number: int, share: float) -> None:
        """Count a picture as done to some part; one that begins anew elsewhere counts for less again."""
        change = (share - self._shares[number]) * self._works[number]
        self._shares[number] = share
        self._done += change
        self._left -= change

    def finish(self, number: int, *, worked: bool) -> None:
        """Count a picture as done; one that needed no work says nothing of the others."""
        if worked:
            self.advance(number, 1.0)
        else:
            self._left -= self._works[number] * (1 - self._shares[number])

    def times(self, now: float) -> tuple[float, float | None]:
        """Return the seconds since the first picture was begun, and those that are left; None before that is known."""
        elapsed = 0.0 if self._start is None else now - self._start
        if elapsed < _TELLING or self._done <= 0:
            return elapsed, None
        return elapsed, max(self._left, 0.0) * elapsed / self._done
