"""`nlsr train`: a model of one's own from a folder of photographs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nlsr_cli.commands import choices, train_choices
from nlsr_cli.commands.signals import told_to_pause, told_to_stop
from nlsr_cli.console import Speech
from nlsr_cli.console.training import TrainingConsole
from nlsr_cli.errors import ExitCode, NlsrError, OptionError
from nlsr_cli.options import parse_network_scale
from nlsr_cli.training.recipe import Recipe

if TYPE_CHECKING:
    from nlsr_cli.training.plan import Plan
    from nlsr_cli.training.series import Given

_SPEECH = ("as_json", "quiet", "verbose")
_WITH_STATUS = ("status", *_SPEECH)
_WITH_SERIES = ("series", "data", "out", "validation", "recursive", "offline", "device", "precision", "minutes",
                "background", *_SPEECH)  # fmt: skip


def train(
    context: typer.Context,
    data: train_choices.Photographs = None,
    out: train_choices.Out = None,
    preset: train_choices.Preset = "lite",
    scale: train_choices.TrainScale = "4",
    minutes: train_choices.Minutes = None,
    steps: train_choices.Steps = None,
    validation: train_choices.Validation = None,
    recursive: train_choices.TrainRecursive = False,
    init: train_choices.Init = None,
    resume: train_choices.TrainResume = False,
    every: train_choices.Every = None,
    device: choices.Device = "auto",
    precision: train_choices.TrainPrecision = "auto",
    patch: train_choices.Patch = Recipe.patch,
    batch: train_choices.Batch = Recipe.batch,
    rate: train_choices.Rate = Recipe.rate,
    matrix_rate: train_choices.MatrixRate = Recipe.matrix_rate,
    warmup: train_choices.Warmup = Recipe.warmup,
    average: train_choices.Average = Recipe.average,
    clip: train_choices.Clip = Recipe.clip,
    focus: train_choices.Focus = Recipe.focus,
    halves: train_choices.Halves = Recipe.halves,
    attention_from: train_choices.AttentionFrom = Recipe.attention_from,
    loss: train_choices.Loss = Recipe.loss,
    fourier: train_choices.Fourier = Recipe.fourier,
    degrade: train_choices.TrainDegrade = Recipe.degrade,
    damaged: train_choices.Damaged = Recipe.damaged,
    seed: train_choices.Seed = Recipe.seed,
    name: train_choices.Name = None,
    licence: train_choices.Licence = "unknown",
    store: train_choices.Store = "float32",
    offline: train_choices.TrainOffline = False,
    series: train_choices.Series = None,
    background: train_choices.Background = False,
    status: train_choices.Status = None,
    as_json: train_choices.TrainJson = False,
    quiet: choices.OnlyErrors = False,
    verbose: train_choices.TrainVerbose = False,
) -> None:
    """Train a model on photographs.

    Training reduces random patches bicubically, enlarges them and compares the results with the originals. It writes
    the weights with the best validation score to OUT/model, or with several scales to OUT/model-x2 and so on, at the
    end and whenever the score has risen by 0.02 dB. Ctrl-C saves the run; the same command with --resume continues it
    as if nothing had happened. While a file OUT/pause exists, the run waits. SIGUSR1 pauses it too, and a second
    SIGUSR1 continues it.

    Example: nlsr train photographs --out run --minutes 90
    """
    console = TrainingConsole(Speech(quiet=quiet, verbose=verbose, as_json=as_json))
    with console.guarded():
        if status is not None:
            _refuse_others(context, "--status", _WITH_STATUS)
            from nlsr_cli.training.status import read_status

            console.status(status, read_status(Path(status)))
            return
        if background:
            _give_way(console)
        if series is not None:
            _refuse_others(context, "--series", _WITH_SERIES)
            from nlsr_cli.training.series import Given

            compute = {name: given for name, given in (("device", device), ("precision", precision)) if given != "auto"}
            given = Given(out or "", tuple(data or ()), validation, recursive, offline, minutes=minutes, **compute)
            raise typer.Exit(int(_train_series(console, Path(series), given)))
        plan = _plan(context.params)
        with told_to_pause() as pause:  # from the beginning: where nobody takes the signal it ends the process
            code = _train(console, plan, pause)
    raise typer.Exit(int(code))


def _plan(given: Mapping[str, Any]) -> Plan:
    """Return the plan that the command line makes, whose words are `given` by the names of the parameters."""
    from nlsr_cli.training.plan import DEFAULT_MINUTES, Plan

    minutes = DEFAULT_MINUTES if given["steps"] is None and given["minutes"] is None else given["minutes"]
    scales = tuple(parse_network_scale(each) for each in given["scale"].split(","))
    data, out = tuple(given["data"] or ()), given["out"] or ""
    return Plan.of({**given, "data": data, "out": out, "scales": scales, "minutes": minutes})


def _refuse_others(context: typer.Context, mode: str, allowed: Collection[str]) -> None:
    """Refuse options that would have no effect beside `mode`.

    Raises:
        OptionError: one was given that is not among the `allowed`, which are names of parameters.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name != "DEFAULT" and parameter.name not in allowed:
            given = "photographs" if parameter.name == "data" else max(parameter.opts, key=len)
            raise OptionError(f"{given} cannot be given with {mode}", "Omit one of them.")


def _give_way(console: TrainingConsole) -> None:
    from nlsr_cli.training.background import give_way

    kept = give_way()  # before torch starts threads, which inherit it
    if kept:
        console.note(f"note: {kept}")


def _train_series(console: TrainingConsole, file: Path, given: Given) -> ExitCode:
    """Train the runs of a series; one that fails does not stop those that do not need it."""
    from nlsr_cli.training.series import check, read_series

    entries = read_series(file, given)
    from nlsr_cli.training.photos import Album

    check(entries)
    album, lost = Album(), set()
    with told_to_pause() as pause:
        for index, entry in enumerate(entries):
            out = entry.plan.out
            say = partial(console.series_run, out, index + 1, len(entries))
            if entry.finished:
                say("finished before")
                continue
            if entry.after in lost:
                say(f"left out, as {entry.after} failed")
                lost.add(out)
                continue
            say("goes on" if entry.begun else "begins")
            album.keep = any(not each.finished for each in entries[index + 1 :])
            try:
                code = _train(console, replace(entry.plan, resume=entry.begun), pause, album.read)
            except NlsrError as error:
                console.error(error)
                say("failed")
                lost.add(out)
                continue
            if code is not ExitCode.OK:
                return code
    return ExitCode.PARTIAL if lost else ExitCode.OK


def _train(
    console: TrainingConsole, plan: Plan, pause: Callable[[], bool], read: Callable[[Path], Any] | None = None
) -> ExitCode:
    from nlsr_cli.training.events import Interrupted
    from nlsr_cli.training.memory import keep_freed_memory, search_kernels
    from nlsr_cli.training.photos import read_photograph
    from nlsr_cli.training.run import prepare

    keep_freed_memory()  # here, because it is the whole process's
    search_kernels()  # likewise

    def stopping() -> None:
        with suppress(RuntimeError):  # where the signal came in the middle of saying something else
            console.note("stopping after this step; press again to stop at once and keep only what was saved before")

    with console.reading_progress() as on_photo:
        run = prepare(plan, on_photo, read or read_photograph)
    with run:
        console.prepared(run)
        with console.training_progress() as progress, told_to_stop(on_first=stopping) as stop:
            for event in run.train(stop, pause):
                progress.on_event(event)
                console.training_event(event)
                if isinstance(event, Interrupted):
                    return ExitCode.INTERRUPTED
    return ExitCode.OK
