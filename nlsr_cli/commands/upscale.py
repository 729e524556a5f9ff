"""`nlsr upscale`: pictures in, larger pictures out."""

from __future__ import annotations

import glob
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nlsr_cli.commands import choices, sharing_choices
from nlsr_cli.commands.foreseeing import foresee
from nlsr_cli.commands.running import run_once, run_watching
from nlsr_cli.console import Speech
from nlsr_cli.console.batch import BatchConsole
from nlsr_cli.errors import ImageError, OptionError
from nlsr_cli.keywords import existing_of, options_of, shard_of, workers_of
from nlsr_cli.options import (
    DEFAULT_FLOOR,
    DEFAULT_MAX_PIXELS,
    STREAM,
    OutputOptions,
)
from nlsr_cli.workers import RAY

if TYPE_CHECKING:
    from nlsr_cli.batch.inputs import Sources
    from nlsr_cli.workers import Workers


def upscale(
    inputs: choices.Inputs = None,
    output: choices.Output = None,
    scale: choices.UpscaleScale = None,
    width: choices.Width = None,
    height: choices.Height = None,
    short_side: choices.ShortSide = None,
    long_side: choices.LongSide = None,
    megapixels: choices.Megapixels = None,
    fit: choices.Fit = "contain",
    model: choices.Model = None,
    device: choices.UpscaleDevice = "auto",
    precision: choices.UpscalePrecision = "auto",
    max_memory: choices.MaxMemory = None,
    tile: choices.Tile = "auto",
    overlap: choices.Overlap = 16,
    ensemble: choices.UpscaleEnsemble = False,
    strength: choices.Strength = 1.0,
    deblock: choices.UpscaleDeblock = "auto",
    denoise: choices.Denoise = "auto",
    wrap: choices.Wrap = "",
    alpha: choices.Alpha = "model",
    floor: choices.Floor = DEFAULT_FLOOR,
    recursive: choices.UpscaleRecursive = False,
    files_from: choices.FilesFrom = None,
    null: choices.Null = False,
    shard: sharing_choices.Division = None,
    workers: sharing_choices.Workers = None,
    engine: sharing_choices.Engine = "local",
    address: sharing_choices.Address = None,
    watch: choices.Watch = False,
    interval: choices.Interval = None,
    page: choices.Page = None,
    format_: choices.Format = None,
    suffix: choices.Suffix = None,
    quality: choices.Quality = 95,
    lossless: choices.Lossless = False,
    pyramid: choices.Pyramid = False,
    background: choices.Backdrop = "white",
    strip: choices.Strip = False,
    no_provenance: choices.NoProvenance = False,
    overwrite: choices.Overwrite = False,
    skip_existing: choices.SkipExisting = False,
    resume: choices.UpscaleResume = None,
    max_pixels: choices.UpscaleMaxPixels = DEFAULT_MAX_PIXELS,
    offline: choices.Offline = False,
    compare: choices.Compare = False,
    open_: choices.Open = False,
    dry_run: choices.DryRun = False,
    as_json: choices.UpscaleJson = False,
    quiet: choices.OnlyErrors = False,
    verbose: choices.UpscaleVerbose = False,
) -> None:
    """Enlarge pictures.

    Example: nlsr upscale photo.jpg --scale 4
    """
    given = dict(locals())  # by their names, under which Python takes them too
    console = BatchConsole(Speech(quiet=quiet, verbose=verbose, as_json=as_json))
    with console.guarded():
        _check_watch(watch, interval, dry_run=dry_run, opens=open_, files_from=files_from, output=output, shard=shard)
        many = _gather(inputs or [], files_from, null=null)
        if output is None and files_from is None:
            _check_second(inputs or [])
        existing = existing_of(given, streams=output == STREAM, gathers=lambda: many)
        if output == "-":
            _check_stream(as_json=as_json, dry_run=dry_run, opens=open_)
        if open_ and dry_run:
            raise OptionError("--open and --dry-run cannot be combined", "Omit one of them.")
        if compare:
            streams = STREAM in (output, *(inputs or []))
            _check_compare(streams, {"--dry-run": dry_run, "--watch": watch, "--fit stretch": fit == "stretch"})
        asked = workers_of(given)
        _check_engine(asked, dry_run=dry_run)
        options = options_of({**given, "device": asked.first})
        target = OutputOptions(output, _format(format_), suffix, existing, recursive, shard_of(shard))
        if output == "-":
            console.leave_output()
        from nlsr_cli.api import hired
        from nlsr_cli.isolation.decoder import Decoder

        with hired(options, asked) as (own, crew), Decoder() as decoder:
            sources: list[str] | Sources = inputs or []
            if files_from is not None:
                sources = _listed(console, inputs or [], files_from, target, null=null)
            if watch:
                code = run_watching(console, inputs or [], target, own, decoder, crew, interval)
            elif dry_run and isinstance(crew, Sequence):  # as `_check_engine` has made sure
                code = foresee(console, sources, target, own, decoder, crew)
            else:
                code = run_once(console, sources, target, own, decoder, crew, opens=open_, compares=compare)
    raise typer.Exit(int(code))


def _check_watch(
    watch: bool,
    interval: float | None,
    *,
    dry_run: bool,
    opens: bool,
    files_from: str | None,
    output: str | None,
    shard: str | None,
) -> None:
    """Refuse what makes no sense for folders that are watched, or without them."""
    if interval is not None and not watch:
        raise OptionError(
            "--interval needs --watch", "For example: nlsr upscale inbox --watch --interval 10 -o enlarged"
        )
    others = {
        "--shard": shard is not None,
        "--dry-run": dry_run,
        "--open": opens,
        "--files-from": files_from is not None,
        "-o -": output == STREAM,
    }
    clash = next((option for option, given in others.items() if given), None)
    if watch and clash is not None:
        raise OptionError(f"--watch and {clash} cannot be combined", "Omit one of them.")


def _check_engine(asked: Workers, *, dry_run: bool) -> None:
    """Refuse to ask a cluster what it would do: time and memory are told by this machine."""
    if dry_run and asked.engine == RAY:
        raise OptionError(
            "--dry-run and --engine ray cannot be combined", "Omit --engine: this machine tells the plan."
        )


def _check_compare(streams: bool, others: dict[str, bool]) -> None:
    """Refuse to compare what is no file, or has no result of the same shape."""
    clash = next((option for option, given in others.items() if given), None)
    if clash is not None:
        raise OptionError(f"--compare and {clash} cannot be combined", "Omit one of them.")
    if streams:
        raise OptionError("--compare needs files as input and output", "Give files, or omit --compare.")


def _check_stream(*, as_json: bool, dry_run: bool, opens: bool) -> None:
    """Refuse to write a picture to standard output where something else is printed there, or somebody looks at it."""
    if opens:
        raise OptionError("--open needs a file, and -o - writes none", "Give a file after -o, or omit --open.")
    if as_json:
        raise OptionError("--json and -o - both need standard output", "Give a file after -o, or omit --json.")
    if not dry_run and sys.stdout is not None and sys.stdout.isatty():
        raise OptionError(
            "a picture cannot be printed to a terminal", "Redirect standard output to a file or pipe it to a program."
        )


def _format(name: str | None) -> str | None:
    """Return the format that an option names."""
    if not name:
        return None
    from nlsr_cli.images.formats import parse_format  # which loads Pillow, and so only where it is asked

    return parse_format(name)


def _gather(inputs: list[str], files_from: str | None, *, null: bool) -> bool:
    """Tell whether there may be many inputs: a folder, a pattern or a list is among them.

    Raises:
        OptionError: there is no input, or the options for a list contradict each other.
    """
    from nlsr_cli.batch.inputs import gathers

    if null and files_from is None:
        raise OptionError(
            "--null needs a list", "For example: find . -name '*.png' -print0 | nlsr upscale --files-from - -0"
        )
    if files_from == STREAM and STREAM in inputs:
        raise OptionError("standard input cannot be a picture and a list", "Give the list as a file.")
    if not inputs and files_from is None:
        raise OptionError("missing argument 'INPUT'", "Try: nlsr upscale --help")
    return files_from is not None or gathers(inputs)


def _check_second(inputs: list[str]) -> None:
    """Refuse a second name that was to be the output: it is not there, or nlsr has made it.

    Raises:
        OptionError: it is one of these.
    """
    from nlsr_cli.images import read_provenance

    if len(inputs) != 2 or STREAM in inputs or not os.path.lexists(inputs[0]) or glob.has_magic(inputs[1]):
        return
    hint = f"For the output, write: {shlex.join(['nlsr', 'upscale', inputs[0], '-o', inputs[1]])}"
    if not os.path.lexists(inputs[1]) and "://" not in inputs[1]:
        raise OptionError(f"{inputs[1]}: does not exist", hint)
    made = {}
    if Path(inputs[1]).is_file():
        with suppress(ImageError):  # which is told when its turn comes
            made = read_provenance(inputs[1])
    if made:
        raise OptionError(f"{inputs[1]}: was made by nlsr, and is named as an input", f"{hint} --overwrite")


def _listed(console: BatchConsole, inputs: list[str], files_from: str, target: OutputOptions, *, null: bool) -> Sources:
    """Return the pictures that are named as inputs and in a list; that there are none is no error, but told."""
    from nlsr_cli.batch.inputs import find_sources
    from nlsr_cli.batch.lists import read_list

    found = find_sources(inputs, target, listed=read_list(files_from, null=null))
    if not found.files and not found.unreadable:
        console.note("the list is empty: nothing to do")
    return found
