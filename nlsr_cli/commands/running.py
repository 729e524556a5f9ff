"""How `nlsr upscale` plans and runs a batch, once or again and again."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.commands import opening
from nlsr_cli.commands.comparing import Comparing
from nlsr_cli.console.batch import BatchProgress
from nlsr_cli.console.shared import SharedProgress
from nlsr_cli.errors import ExitCode, MissingInput, NlsrError, OptionError
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.api import Crew
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome, Report
    from nlsr_cli.batch.watching import Watch
    from nlsr_cli.console.batch import BatchConsole
    from nlsr_cli.engines.engine import Engine
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.options import OutputOptions, UpscaleOptions
    from nlsr_cli.zoo import ModelSet

INTERVAL = 2.0  # seconds between two looks at folders that are watched


def plan(
    console: BatchConsole,
    inputs: list[str] | Sources,
    target: OutputOptions,
    options: UpscaleOptions,
    decoder: Decoder,
    crew: Crew,
) -> tuple[Engine, ModelSet]:
    """Return what is to be done, and the models that there are for it."""
    decoder.start()  # first, so that it loads while this process does
    from nlsr_cli.api import find_set, plan_files

    models = find_set(options)
    batch = plan_files(inputs, target, options, models, decoder, crew)
    for note in dict.fromkeys(note for source in models.sources(batch.plan.scales) for note in source.notes):
        console.note(f"note: {note}")
    for why, paths in batch.plan.sources.passed.by_choice():
        console.passed_over(paths, why)
    if target.shard is not None and not batch.plan.jobs:
        console.note(f"none of {counted(len(batch.plan.sources.files), 'picture')} is in shard {target.shard}")
    return batch, models


class Runner:
    """Runs batches, and tells the console; what is loaded for the first one serves all.

    Args:
        console: says what happens.
        models: those that there are.
        report: counts.
        comparing: makes a page for each result, if it is asked for.
    """

    def __init__(
        self, console: BatchConsole, models: ModelSet, report: Report, comparing: Comparing | None = None
    ) -> None:
        self._console = console
        self._models = models
        self._comparing = comparing
        self.report = report
        self.results: list[Path] = []  # what is there now, whether it was written or stood there already
        self._last: Engine | None = None
        self._told = False

    def run(self, batch: Engine, watch: Watch | None = None) -> None:
        """Run a batch to its end, or until it is interrupted, which the report says then."""
        if self._last is not None:
            batch.take_over(self._last)
        self._last = batch
        left = len(batch.plan.jobs)
        self.report.total += left
        shows = SharedProgress if batch.shares else BatchProgress
        progress = shows(self._console, batch.plan.work, self.report.existing, lambda job: self._tell(batch, job))
        try:
            for outcome in batch.run(progress):
                left -= 1
                if watch is not None and isinstance(outcome.error, MissingInput):  # it was moved on, as files are
                    self.report.total -= 1
                    continue
                outcome = self._compared(outcome)  # noqa: PLW2901 - the same, with its page
                self.report.add(outcome)
                self._console.outcome(outcome)
                if watch is not None:
                    watch.remember(outcome)
                elif outcome.output is not None:
                    self.results.append(outcome.comparison or outcome.output)
        except KeyboardInterrupt:
            self.report.rows_kept = batch.rows_kept
            self.report.interrupted = bool(left) or watch is None
            if watch is not None:
                raise

    def _compared(self, outcome: Outcome) -> Outcome:
        """Return what became of a file, with the page of its result where one was made."""
        if self._comparing is None or outcome.status != "done":
            return outcome
        try:
            return self._comparing.with_page(outcome)
        except NlsrError as error:
            self._console.error(error)
            self.report.unseen += 1
            return outcome

    def _tell(self, batch: Engine, job: Job) -> None:
        """Say once which models run where: when there is work indeed, for which they are loaded."""
        if self._told:
            return
        self._told = True
        sources = self._models.sources(batch.plan.scales if job.foreseen else self._models.scales)
        known = job.foreseen is not None or len(sources) == 1  # else one of them, when the picture has been read
        names = (", " if known else " or ").join(source.name for source in sources) or "interpolation"
        where = batch.where(job.header.depth if job.header else 8, networks=bool(sources))
        self._console.note(f"{names} on {where}")

    def close(self) -> None:
        """Let go of what was loaded."""
        if self._last is not None:
            self._last.close()


def run_once(
    console: BatchConsole,
    inputs: list[str] | Sources,
    target: OutputOptions,
    options: UpscaleOptions,
    decoder: Decoder,
    crew: Crew,
    *,
    opens: bool,
    compares: bool,
) -> ExitCode:
    """Plan a batch, run it, print the sum, and open what was written if that is asked."""
    from nlsr_cli.batch.outcome import Report

    start = time.perf_counter()
    batch, models = plan(console, inputs, target, options, decoder, crew)
    report = Report(existing=target.existing, passed=batch.plan.sources.passed)
    runner = Runner(console, models, report, Comparing(decoder, options, target.existing) if compares else None)
    with closing(runner):
        runner.run(batch)
    report.seconds = time.perf_counter() - start
    console.report(report)
    if opens and runner.results and not report.interrupted:
        trouble = opening.show(opening.place_of(runner.results))
        if trouble:
            console.note(f"note: {trouble}")
    return report.exit_code


def run_watching(
    console: BatchConsole,
    folders: list[str],
    target: OutputOptions,
    options: UpscaleOptions,
    decoder: Decoder,
    crew: Crew,
    interval: float | None,
) -> ExitCode:
    """Enlarge what comes into folders until the process is told to end, and print the sum.

    That it is told so is how it ends, and no interruption, unless a picture was cut off.

    Raises:
        OptionError: the folders cannot be watched.
    """
    from nlsr_cli.api import plan_files
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.batch.outcome import Report
    from nlsr_cli.batch.watching import Watch

    interval = INTERVAL if interval is None else interval
    if not 0.1 <= interval <= 3600:
        raise OptionError(f"--interval must be from 0.1 to 3600 seconds, not {interval:g}")
    start = time.perf_counter()
    watch = Watch(folders, target)
    batch, models = plan(
        console, Sources(from_many=True), target, options, decoder, crew
    )  # what is wrong is told at once
    runner = Runner(console, models, Report(existing=target.existing))
    try:
        console.note(f"watching {', '.join(folders)} every {interval:g} s; Ctrl-C ends it")
        while True:
            console.show(f"watching {', '.join(folders)}")
            sources = watch.look()
            if sources.files or sources.unreadable:
                batch = plan_files(sources, target, options, models, decoder, crew)
                batch.plan = watch.checked(batch.plan)
                runner.run(batch, watch)
            time.sleep(interval)
    except KeyboardInterrupt:
        pass
    finally:
        runner.close()
    report = runner.report
    report.passed, report.seconds = watch.passed, time.perf_counter() - start
    if not report.interrupted:
        console.note("stopped watching")
    console.report(report)
    return report.exit_code
