"""`nlsr train`: a model of one's own from a folder of photographs."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nlsr_cli.console import Speech
from nlsr_cli.console.training import TrainingConsole
from nlsr_cli.errors import ExitCode, NlsrError, OptionError
from nlsr_cli.options import ComputeOptions, parse_network_scale
from nlsr_cli.training.plan import DEFAULT_MINUTES, Plan
from nlsr_cli.training.recipe import Budget, Recipe
from nlsr_cli.training.series import Given, read_series
from nlsr_cli.training.status import read_status

_SPEECH = ("as_json", "quiet", "verbose")
_WITH_STATUS = ("status", *_SPEECH)
_WITH_SERIES = ("series", "data", "out", "validation", "recursive", "offline", "device", "precision", "minutes",
                "background", *_SPEECH)  # fmt: skip


def train(
    context: typer.Context,
    data: Annotated[
        list[str] | None, typer.Argument(metavar="[DATA]...", help="Folders and files with photographs.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Folder of the run, with state, log, curve and model.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Size of the network: lite, base or full (as published).")] = "lite",
    scale: Annotated[
        str,
        typer.Option(
            "--scale", "-s", metavar="N", help="Factor of enlargement; 2,3,4 trains one body with three tails."
        ),
    ] = "4",
    minutes: Annotated[
        float | None, typer.Option(help="Budget in minutes of wall time, validation included. [default: 60]")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Budget in steps instead of minutes; the run is the same on any machine.")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="Folder of validation pictures. [default: every 20th photograph, held back]")
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders.")] = False,
    init: Annotated[
        str | None, typer.Option(help="Model to start from, as for upscale --model; its scale may differ.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    every: Annotated[
        float | None,
        typer.Option(help="Minutes between validations; steps with --steps. [default: a 40th of the budget]"),
    ] = None,
    device: Annotated[str, typer.Option("--device", "-d", help="Device: auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto, fp32 or bf16. auto: bf16 if the device supports it, else fp32.")
    ] = "auto",
    patch: Annotated[int, typer.Option(help="Side of a patch in low-resolution pixels.")] = Recipe.patch,
    batch: Annotated[int, typer.Option(help="Patches per step.")] = Recipe.batch,
    rate: Annotated[float, typer.Option(help="Peak learning rate of Adam: head, tail, biases.")] = Recipe.rate,
    matrix_rate: Annotated[
        float, typer.Option(help="Peak learning rate of Muon: kernels of the body.")
    ] = Recipe.matrix_rate,
    warmup: Annotated[
        float, typer.Option(help="Share of the budget for the warm-up of the learning rates.")
    ] = Recipe.warmup,
    average: Annotated[float, typer.Option(help="Decay of the average of the weights, per step.")] = Recipe.average,
    clip: Annotated[float, typer.Option(help="Largest norm of the gradient; 0 never clips.")] = Recipe.clip,
    focus: Annotated[
        float, typer.Option(help="How strongly patches with detail are preferred; 0: not at all.")
    ] = Recipe.focus,
    halves: Annotated[float, typer.Option(help="Share of patches from photographs at half size.")] = Recipe.halves,
    attention_from: Annotated[
        float, typer.Option(help="Share of the budget after which attention is trained.")
    ] = Recipe.attention_from,
    loss: Annotated[str, typer.Option(help="Loss function: l1 or l2.")] = Recipe.loss,
    fourier: Annotated[float, typer.Option(help="Weight of the spectral error in the loss.")] = Recipe.fourier,
    degrade: Annotated[
        str,
        typer.Option(
            metavar="STEPS",
            help="Damage patches as in evaluate --degrade, also with shift; ranges: noise:0-16,jpeg:30-90.",
        ),
    ] = Recipe.degrade,
    damaged: Annotated[float, typer.Option(help="Share of patches that --degrade damages.")] = Recipe.damaged,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = Recipe.seed,
    name: Annotated[str | None, typer.Option(help="Name of the exported model. [default: own-PRESET-xN]")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the exported model, such as cc-by-4.0.")] = "unknown",
    store: Annotated[
        str, typer.Option(help="Type of the stored weights: float32, or float16, which halves the file.")
    ] = "float32",
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network for --init.")] = False,
    series: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="TOML file of runs to train one after the other; --out is where they lie."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Give way to all other processes (lowest priority).")
    ] = False,
    status: Annotated[
        str | None, typer.Option(metavar="OUT", help="Train nothing, but say where the run in OUT stands.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per event.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name each file that is skipped.")] = False,
) -> None:
    """Train a model on photographs.

    Random patches of them, reduced bicubically, are enlarged and compared with the originals. The weights with the best
    validation score are written to OUT/model, or with several scales to OUT/model-x2 and so on, at the end and whenever
    the score has risen by 0.02 dB. Ctrl-C saves the run; the same command with --resume goes on as if nothing had
    happened. While a file OUT/pause exists the run waits; SIGUSR1 makes it wait too, and a second one go on.

    Example: nlsr train photographs --out run --minutes 90
    """
    console = TrainingConsole(Speech(quiet=quiet, verbose=verbose, as_json=as_json))
    with console.guarded():
        if status is not None:
            _refuse_others(context, "--status", _WITH_STATUS)
            console.status(status, read_status(Path(status)))
            return
        if background:
            _give_way(console)
        if series is not None:
            _refuse_others(context, "--series", _WITH_SERIES)
            compute = {name: given for name, given in (("device", device), ("precision", precision)) if given != "auto"}
            given = Given(out or "", tuple(data or ()), validation, recursive, offline, minutes=minutes, **compute)
            raise typer.Exit(int(_train_series(console, Path(series), given)))
        plan = Plan(
            data=tuple(data or ()),
            out=out or "",
            preset=preset,
            scales=tuple(parse_network_scale(each) for each in scale.split(",")),
            recipe=Recipe(
                patch=patch,
                batch=batch,
                rate=rate,
                matrix_rate=matrix_rate,
                warmup=warmup,
                average=average,
                clip=clip,
                focus=focus,
                halves=halves,
                attention_from=attention_from,
                loss=loss,
                fourier=fourier,
                degrade=degrade,
                damaged=damaged,
                seed=seed,
            ),
            budget=Budget(steps, DEFAULT_MINUTES if steps is None and minutes is None else minutes),
            validation=validation,
            recursive=recursive,
            init=init,
            offline=offline,
            compute=ComputeOptions(device, precision),
            every=every,
            name=name,
            licence=licence,
            store=store,
            resume=resume,
        )
        with _told_to_pause() as pause:  # from the beginning: where nobody takes the signal it ends the process
            code = _train(console, plan, pause)
    raise typer.Exit(int(code))


def _refuse_others(context: typer.Context, mode: str, allowed: Collection[str]) -> None:
    """Refuse options that would have no effect beside `mode`.

    Raises:
        OptionError: one was given that is not among the `allowed`, which are names of parameters.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name != "DEFAULT" and parameter.name not in allowed:
            given = "photographs" if parameter.name == "data" else max(parameter.opts, key=len)
            raise OptionError(f"{given} cannot be given with {mode}", "Leave one of them.")


def _give_way(console: TrainingConsole) -> None:
    from nlsr_cli.training.background import give_way

    kept = give_way()  # before torch starts threads, which inherit it
    if kept:
        console.note(f"note: {kept}")


def _train_series(console: TrainingConsole, file: Path, given: Given) -> ExitCode:
    """Train the runs of a series; one that fails does not stop those that do not need it."""
    entries = read_series(file, given)
    from nlsr_cli.training.photos import Album
    from nlsr_cli.training.series import check

    check(entries)
    album, lost = Album(), set()
    with _told_to_pause() as pause:
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
    with console.reading_progress() as on_photo:
        run = prepare(plan, on_photo, read or read_photograph)
    with run:
        console.prepared(run)
        with console.training_progress() as progress, _told_to_stop(console) as stop:
            for event in run.train(stop, pause):
                progress.on_event(event)
                console.training_event(event)
                if isinstance(event, Interrupted):
                    return ExitCode.INTERRUPTED
    return ExitCode.OK


@contextmanager
def _told_to_pause() -> Iterator[Callable[[], bool]]:
    """Give what tells whether SIGUSR1 came, where there is one; a second one takes it back."""
    told = [False]

    def turn(number: int, frame: object) -> None:
        told[0] = not told[0]

    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGUSR1, turn)
    try:
        yield lambda: told[0]
    finally:
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def _told_to_stop(console: TrainingConsole) -> Iterator[Callable[[], bool]]:
    """Give what tells whether Ctrl-C or a polite kill came: a step must be finished before its state can be saved.

    A second one ends the process at once, with what was saved before.
    """
    told: list[int] = []
    before: dict[int, Any] = {}

    def remember(number: int, frame: object) -> None:
        told.append(number)
        for each in before:
            signal.signal(each, signal.default_int_handler)
        with suppress(RuntimeError):  # where the signal came in the middle of saying something else
            console.note("stopping after this step; press again to stop at once with what was saved before")

    ours = threading.current_thread() is threading.main_thread()  # signals come to no other
    for name in ("SIGINT", "SIGTERM", "SIGHUP") if ours else ():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            before[number] = signal.signal(number, remember)
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
