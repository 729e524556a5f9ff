"""What a batch says: a bar on a terminal, a line or an object of JSON for each file, and the sum."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.console.estimate import Cost, Estimate, in_order
from nlsr_cli.console.printer import Console, size_text
from nlsr_cli.engines.watcher import Watcher
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome, Report
    from nlsr_cli.batch.task import Task
    from nlsr_cli.upscaling.progress import Step


class BatchConsole(Console):
    """Prints for `nlsr upscale`."""

    def outcome(self, outcome: Outcome) -> None:
        """Print what became of one file: its output on stdout, the rest on stderr."""
        if outcome.error is not None:
            self.error(outcome.error)
        elif outcome.status == "skipped":
            self.note(f"{outcome.name}: skipped, {outcome.reason}: {outcome.output}")
        else:
            self._done(outcome)
            for note in outcome.notes:
                self.note(f"  note: {note}")
            if outcome.comparison is not None:
                self.note(f"  before and after: {outcome.comparison}")
        if not self.results:
            return
        if self.speech.as_json:
            self.json_line(outcome.as_json())
        elif outcome.status == "done" and not self.speech.quiet:
            self.line(outcome.output)

    def _done(self, outcome: Outcome) -> None:
        if outcome.input_size and outcome.output_size:
            sizes = f"{size_text(outcome.input_size)} → {size_text(outcome.output_size)}"
            sizes += f", {outcome.frames} frames" if outcome.frames > 1 else ""
            self.note(f"{outcome.name}: {sizes} in {outcome.seconds:.1f} s{self._detail(outcome)}")
        elif outcome.pages is not None:
            for _, error in outcome.pages.kept:
                self.error(error)
            kept = f", {len(outcome.pages.kept)} kept as they were" if outcome.pages.kept else ""
            pages = f"{counted(outcome.pages.enlarged, 'page')} enlarged{kept}"
            self.note(f"{outcome.name}: {pages} in {outcome.seconds:.1f} s")

    def _detail(self, outcome: Outcome) -> str:
        if not self.speech.verbose or outcome.tile_size is None:
            return ""
        tiles = f"{counted(outcome.tiles, 'tile')} of {size_text(outcome.tile_size)}"
        memory = f", about {(outcome.tile_bytes or 0) / 2**20:.0f} MiB a tile"
        memory += f" of {outcome.memory / 2**20:.0f}" if outcome.memory else ""
        if outcome.agreement is not None:
            memory += f"; reduced again, it agrees with the input to {outcome.agreement.psnr:.1f} dB"
        return f" ({tiles}, {outcome.precision}{', mean of 8 passes' if outcome.ensemble else ''}{memory})"

    def report(self, report: Report) -> None:
        """Print the sum of a batch, and what it passed over."""
        if report.passed is not None:
            self.not_taken(report.passed)
        if report.interrupted:
            sum_ = f"{report.done} of {report.total} done{f', {report.failed} failed' if report.failed else ''}"
            self.note(f"interrupted: {sum_}; finished files are whole, no partial file was left")
            if report.rows_kept:
                self.note(f"{counted(report.rows_kept, 'finished row')} of tiles of the last picture are kept")
            self.note(f"hint: {_how_to_go_on(report)}")
        elif report.done + report.skipped + report.failed > 1:
            parts = [f"{report.done} done"]
            parts += [f"{report.skipped} skipped"] if report.skipped else []
            parts += [f"{report.failed} failed"] if report.failed else []
            self.note(f"{', '.join(parts)} in {report.seconds:.1f} s")
        if self.speech.as_json and self.results:
            self.json_line(report.as_json())


class BatchProgress(Watcher):
    """Shows how far a batch is, with the time that is left.

    Args:
        console: what has the bar.
        jobs: those that are to be computed, in order.
        existing: what happens to outputs that are there, as of `OutputOptions`.
        begin: called when the first picture is begun.
    """

    def __init__(
        self, console: BatchConsole, jobs: Sequence[Job], existing: str, begin: Callable[[Job], None] | None = None
    ) -> None:
        self._console = console
        self._numbers = {job.sink.path: number for number, job in enumerate(jobs)}  # in order
        self._estimate = Estimate([cost_of(job, existing) for job in jobs])
        self._begin = begin
        self._number = -1
        self._label = ""
        self._share = 0.0
        self._start = self._before = 0.0  # of the first picture, and when the last step was done

    def on_loading(self) -> None:
        """Show that networks are loaded."""
        self._console.show("loading")

    def on_reading(self, job: Job) -> None:
        """Show which picture is read."""
        self._console.show(f"{self._place(job)}reading {name_of(job)}")

    def on_order(self, jobs: Sequence[Job]) -> None:
        """Take what is left in another order."""
        left = [number for job in jobs if (number := self._numbers.get(job.sink.path)) is not None]
        self._estimate.reorder(left)
        places = {number: place for place, number in enumerate(in_order(len(self._numbers), left))}
        self._numbers = {path: places[number] for path, number in self._numbers.items()}
        self._number = -1

    def on_waiting(self, job: Job) -> None:
        """Show which picture another process has."""
        self._console.show(f"{self._place(job)}another process has {name_of(job)}")

    def on_start(self, task: Task) -> None:
        """Begin a picture."""
        number, now = self._numbers[task.job.sink.path], time.monotonic()
        if number != self._number + 1 or number == 0:  # what was passed over meanwhile says nothing of the others
            self._before = now
        if not self._start:
            self._start = now
            if self._begin is not None:
                self._begin(task.job)
        self._number = number
        self._estimate.start(number)
        self._label = f"{self._place(task.job)}{name_of(task.job)}"
        self._show("")

    def on_step(self, step: Step) -> None:
        """Advance within the picture."""
        now = time.monotonic()
        self._estimate.step(step.work, step.total_work, now - self._before)
        self._before = now
        self._show(f"tile {step.done}/{step.total}")

    def on_writing(self, job: Job) -> None:
        """Show which picture is written."""
        self._label = f"{self._place(job)}writing {name_of(job)}"
        self._show("")

    def _place(self, job: Job) -> str:
        return f"{self._numbers[job.sink.path] + 1}/{len(self._numbers)} " if len(self._numbers) > 1 else ""

    def _show(self, facts: str) -> None:
        left, elapsed = self._estimate.left, time.monotonic() - self._start
        if left is not None:
            self._share = max(self._share, elapsed / max(elapsed + left, 1e-6))
        self._console.show(self._label, None if left is None else self._share, left, facts)


def cost_of(job: Job, existing: str) -> Cost | None:
    """Return what a picture will take, as far as its header tells; None where there is none."""
    from nlsr_cli.images.formats import writing_of  # which has been loaded for the plan

    header, route = job.header, job.foreseen
    if route is None:
        return None
    if existing == "resume" and job.sink.on_disk and job.sink.path.exists():
        return Cost(0)
    work = route.given
    if job.book is not None:  # as if all its pages had the size of the first
        return Cost(job.book.pages * work)
    if header is None:
        return None
    layers = 2 if header.has_alpha and job.options.alpha == "model" else 1
    return Cost(job.frames * layers * work, writing_of(job.format).pace * job.frames * prod(route.size) / 1e6)


def name_of(job: Job) -> str:
    """Return what the bar calls a job."""
    return Path(job.source.name).name


def _how_to_go_on(report: Report) -> str:
    """Say what does the rest of an interrupted batch."""
    if report.existing == "overwrite":
        return "The same command starts again; without --overwrite, a folder continues from here."
    if not (report.done or report.rows_kept):
        return "Nothing was finished, so the same command starts again."
    if report.existing == "error" and report.done:
        return "The same command with --skip-existing continues from here."
    return "The same command continues from here."
