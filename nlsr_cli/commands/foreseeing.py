"""`nlsr upscale --dry-run`: what would become of each picture, and what it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nlsr_cli.commands.running import plan
from nlsr_cli.console import size_text
from nlsr_cli.console.printer import bytes_text, duration
from nlsr_cli.errors import ExitCode, NlsrError
from nlsr_cli.options import ComputeOptions, OutputOptions, UpscaleOptions

if TYPE_CHECKING:
    from nlsr_cli.batch.forecast import Forecast, Forecaster
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome, Report
    from nlsr_cli.console.batch import BatchConsole
    from nlsr_cli.engines.engine import Engine
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.route import Route
    from nlsr_cli.zoo import ModelSet

_FORESEEN = {"planned": "would be written", "skipped": "would be skipped", "failed": "would fail"}
_PLANNED = {"planned": "would write", "skipped": "would skip", "failed": "would fail"}  # as `--json` has it


def foresee(
    console: BatchConsole,
    inputs: list[str] | Sources,
    target: OutputOptions,
    options: UpscaleOptions,
    decoder: Decoder,
    devices: Sequence[str],
) -> ExitCode:
    """Print what would become of each picture, and the sum; no picture is decoded."""
    from nlsr_cli.api import build_enlarger
    from nlsr_cli.batch.forecast import Forecaster
    from nlsr_cli.batch.outcome import Report

    batch, models = plan(console, inputs, target, options, decoder, devices)
    if options.compute != ComputeOptions():
        from nlsr_cli.upscaling.device import place

        place(options.compute)  # what this machine lacks is told now; it takes a second, as torch must load
    report = Report(total=len(batch.plan.jobs), passed=batch.plan.sources.passed)
    outcomes = [_outcome(batch, job, models, options) for job in batch.plan.jobs]
    coming = [job for job, outcome in zip(batch.plan.jobs, outcomes, strict=True) if outcome.status == "planned"]
    forecaster = Forecaster(coming, lambda asked: build_enlarger(asked, models), decoder)
    seconds: list[float | None] = []
    for job, outcome in zip(batch.plan.jobs, outcomes, strict=True):
        told = _forecast(outcome, job, forecaster) if outcome.status == "planned" else outcome
        report.add(told)
        _say(console, job, told)
        if told.forecast is not None:
            seconds.append(told.forecast.seconds)
    console.not_taken(batch.plan.sources.passed)
    _say_sum(console, report, seconds, sum(device.startswith("cuda") for device in devices) or 1)
    return report.exit_code


def _outcome(batch: Engine, job: Job, models: ModelSet, options: UpscaleOptions) -> Outcome:
    """Return what would become of a job."""
    from nlsr_cli.batch.outcome import Outcome, Pages

    task = batch.foresee(job)
    verdict, error = task.verdict, task.error
    if error is not None:
        outcome = Outcome(job.source.path, None, "failed", error=error)
    else:
        done = verdict.action == "skip"
        outcome = Outcome(job.source.path, job.sink.path, "skipped" if done else "planned", reason=verdict.reason)
        if job.route is not None:
            outcome = _with_sizes(outcome, job.route, models, options)
    pages = None if job.book is None else Pages(job.book.pages)
    return replace(outcome, frames=job.frames, ensemble=options.ensemble, pages=pages)


def _with_sizes(outcome: Outcome, route: Route, models: ModelSet, options: UpscaleOptions) -> Outcome:
    """Return what will become of a picture with what its route says: sizes, and the tiles of all stages."""
    from nlsr_cli.upscaling.tiles import plan_for, wrap_padding

    rows, columns = wrap_padding(options.wrap, options.tile)
    tiles = 0
    for index, scale in enumerate(route.stages):
        height, width = route.before(index)
        network = models.source(scale).network
        tiles += len(plan_for(network, options.tile, height + 2 * rows, width + 2 * columns))
    return replace(
        outcome, input_size=route.start, output_size=route.size, tiles=tiles, stages=route.stages, notes=route.notes
    )


def _forecast(outcome: Outcome, job: Job, forecaster: Forecaster) -> Outcome:
    """Return an outcome with what the picture will take, or as one that will fail for what is lacking."""
    from nlsr_cli.batch.outcome import as_ours

    try:
        return replace(outcome, forecast=forecaster.of(job))
    except NlsrError as error:
        return replace(outcome, status="failed", output=None, error=as_ours(error, job.source.path))


def _say(console: BatchConsole, job: Job, outcome: Outcome) -> None:
    kind = job.format if job.book is None else job.book.kind
    if console.speech.as_json:
        console.json_line({**outcome.as_json(), "status": _PLANNED[outcome.status], "format": kind})
    elif outcome.error is not None:
        console.error(outcome.error)
    else:
        sizes = ""
        if outcome.input_size and outcome.output_size:
            sizes = f"  {size_text(outcome.input_size)} → {size_text(outcome.output_size)}, tiles: {outcome.tiles}"
            sizes += f", frames: {outcome.frames}" if outcome.frames > 1 else ""
        sizes += f", pages: {outcome.pages.total}" if outcome.pages else ""
        console.line(f"{_FORESEEN[outcome.status]}: {job.source.path} → {job.sink.path}  {kind}{sizes}")
        if outcome.forecast is not None:
            console.line(f"  {_forecast_text(outcome.forecast)}")
        for note in outcome.notes:
            console.note(f"  note: {note}")


def _forecast_text(forecast: Forecast) -> str:
    """Say what a picture will take."""
    time = "" if forecast.seconds is None else f"about {duration(forecast.seconds)}, "
    scratch = f", up to {bytes_text(forecast.scratch)} of scratch" if forecast.scratch else ""
    memory = f"up to {bytes_text(forecast.memory)} of memory"
    return f"{time}{memory}{scratch}, about {bytes_text(forecast.output)} of output"


def _say_sum(console: BatchConsole, report: Report, seconds: list[float | None], gpus: int) -> None:
    """Print the sum; pictures that processors share take as long together, those of several GPUs less."""
    if console.speech.as_json:
        console.json_line(report.as_json())
    elif report.total > 1:
        counts = {"planned": report.planned, "skipped": report.skipped, "failed": report.failed}
        text = ", ".join(f"{count} {_FORESEEN[status]}" for status, count in counts.items() if count)
        known = [each for each in seconds if each is not None]
        console.note(f"{text}; all together about {duration(sum(known) / gpus)}" if known else text)
