"""What a batch says: a bar on a terminal, a line or an object of JSON for each file, and the sum."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console, printable, size_text
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome, Report


class BatchConsole(Console):
    """Prints for `nlsr upscale`."""

    def outcome(self, outcome: Outcome) -> None:
        """Print what became of one file: its output on stdout, the rest on stderr."""
        if outcome.error is not None:
            self.error(outcome.error)
        elif outcome.status == "skipped":
            self.note(f"{outcome.name}: skipped, {outcome.reason}: {outcome.output}")
        else:
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
            for note in outcome.notes:
                self.note(f"  note: {note}")
        if not self.results:
            return
        if self.speech.as_json:
            self.json_line(outcome.as_json())
        elif outcome.status == "done" and not self.speech.quiet:
            self.line(outcome.output)

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

    @contextmanager
    def batch_progress(self, jobs: Sequence[Job]) -> Iterator[BatchProgress]:
        """Show a bar while a batch runs: on a terminal only, and not with `--quiet`."""
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        columns = [
            TextColumn("{task.fields[files]}{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("tile {task.fields[tiles]}"),
            *([TextColumn("{task.fields[rate]}")] if self._err.width >= 80 else []),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
        ]
        with self._progress(*columns) as progress:
            yield BatchProgress(progress, jobs)


class BatchProgress:
    """Turns finished tiles into a bar over all pixels of a batch, with rate and time left."""

    def __init__(self, progress: Progress, jobs: Sequence[Job]) -> None:
        self._progress = progress
        self._ends = list(
            accumulate((job.pixels for job in jobs), initial=0)
        )  # of each job, behind the beginning of the first
        self._numbers = {id(job): number for number, job in enumerate(jobs)}
        self._number = 0
        self._behind = 0  # where the file that was begun last ends
        self._skipped = 0  # pixels that nobody had to compute, which say nothing of the speed
        self._start = time.monotonic()
        total = self._ends[-1] or 1
        self._task: TaskID = progress.add_task("", total=total, files="", tiles="", rate="")

    def on_start(self, job: Job) -> None:
        """Begin a file; those before it are done, or had no work."""
        self._number = self._numbers[id(job)]
        start = self._ends[self._number]
        self._skipped += start - self._behind
        self._behind = self._ends[self._number + 1]
        files = f"{self._number + 1}/{len(self._numbers)} " if len(self._numbers) > 1 else ""
        name = printable(Path(job.source.name).name)
        self._progress.update(self._task, description=name, files=files, tiles="", completed=start)

    def on_tile(self, done: int, total: int) -> None:
        """Advance within the current file."""
        start, end = self._ends[self._number], self._ends[self._number + 1]
        pixels = start + (end - start) * done / total
        rate = (pixels - self._skipped) / max(time.monotonic() - self._start, 1e-3)
        self._progress.update(self._task, completed=pixels, tiles=f"{done}/{total}", rate=f"{rate / 1e6:.2f} MP/s")


def _how_to_go_on(report: Report) -> str:
    """Say what does the rest of an interrupted batch."""
    if report.existing == "overwrite":
        return "The same command starts again; without --overwrite, a folder continues from here."
    if report.existing == "error" and report.done:
        return "The same command with --skip-existing continues from here."
    return "The same command continues from here."
