"""`nlsr upscale`: pictures in, larger pictures out."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from nlsr_cli.console import Speech, size_text
from nlsr_cli.console.batch import BatchConsole
from nlsr_cli.errors import ExitCode, OptionError
from nlsr_cli.options import (
    DEFAULT_MAX_PIXELS,
    ComputeOptions,
    EncodeOptions,
    OutputOptions,
    TileOptions,
    UpscaleOptions,
    parse_format,
    parse_memory,
    parse_scale,
)

if TYPE_CHECKING:
    from nlsr_cli.upscaling.batch import Batch
    from nlsr_cli.zoo import ModelSource


def upscale(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Pictures, folders, patterns, or - for standard input.")
    ],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="File or folder to write, or - for standard output. [default: beside]"),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option("--scale", "-s", metavar="N", help="How many times larger. [default: the model's own, or 4]"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Family, name, folder, .safetensors file or Hub id owner/repo[@revision]."),
    ] = None,
    device: Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        str,
        typer.Option(help="auto, fp32, fp16 or bf16. auto: fp16 on CUDA, bf16 on a CPU that has it, else fp32."),
    ] = "auto",
    max_memory: Annotated[
        str | None,
        typer.Option(help="For a picture and its tiles, such as 800M or 2G. [default: 3/4 of what is free]"),
    ] = None,
    tile: Annotated[str, typer.Option(help="Tile side in input pixels; 0 is the whole picture at once.")] = "auto",
    overlap: Annotated[int, typer.Option(help="Input pixels that neighbouring tiles share.")] = 16,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Average 8 passes, turned and mirrored: a little better, 8 times slower.")
    ] = False,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders; mirror them.")] = False,
    format_: Annotated[
        str | None, typer.Option("--format", "-f", help="png, jpeg, webp, tiff, bmp or avif. [default: the input's]")
    ] = None,
    suffix: Annotated[
        str | None, typer.Option(help="What the output's name adds; {scale} is replaced. [default: _x{scale}]")
    ] = None,
    quality: Annotated[int, typer.Option(help="Of JPEG, WebP and AVIF, 1 to 100.")] = 95,
    lossless: Annotated[bool, typer.Option("--lossless", help="Write WebP without loss.")] = False,
    background: Annotated[
        str, typer.Option(help="Colour under transparent pictures where the format has no alpha.")
    ] = "white",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Keep outputs that exist.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger inputs.")] = DEFAULT_MAX_PIXELS,
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network for a model.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop; only headers are read.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file, and a summary.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more about each file.")] = False,
) -> None:
    """Enlarge pictures.

    Example: nlsr upscale photo.jpg --scale 4
    """
    console = BatchConsole(Speech(quiet=quiet, verbose=verbose, as_json=as_json))
    with console.guarded():
        if overwrite and skip_existing:
            raise OptionError("--overwrite and --skip-existing exclude each other")
        if output == "-" and as_json:
            raise OptionError(
                "--json and -o - both need standard output", "Give a file after -o, or leave --json away."
            )
        if output == "-" and not dry_run and sys.stdout is not None and sys.stdout.isatty():
            raise OptionError("a picture is nothing for a terminal", "Send standard output to a file or a program.")
        options = UpscaleOptions(
            model=model,
            scale=None if scale is None else parse_scale(scale),
            offline=offline,
            compute=ComputeOptions(device, precision),
            tile=TileOptions.parse(tile, overlap),
            max_memory=None if max_memory is None else parse_memory(max_memory),
            encode=EncodeOptions(quality, lossless, background),
            max_pixels=max_pixels,
            ensemble=ensemble,
        )
        target = OutputOptions(
            target=output,
            format=parse_format(format_) if format_ else None,
            suffix=suffix,
            existing="overwrite" if overwrite else "skip" if skip_existing else "error",
            recursive=recursive,
        )
        console.results = output != "-"
        code = _dry_run(console, inputs, target, options) if dry_run else _upscale(console, inputs, target, options)
    raise typer.Exit(int(code))


def _plan(
    console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions
) -> tuple[Batch, ModelSource]:
    from nlsr_cli.api import find_model, plan_files

    source = find_model(options)
    for note in source.notes:
        console.note(f"note: {note}")
    batch = plan_files(inputs, target, options, source)
    for why, paths in batch.plan.sources.passed_over():
        console.passed_over(paths, why)
    return batch, source


def _upscale(console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions) -> ExitCode:
    from nlsr_cli.upscaling.outcome import Report

    start = time.perf_counter()
    batch, source = _plan(console, inputs, target, options)
    report = Report(planned=len(batch.plan.jobs))
    if batch.plan.work:
        console.note(f"{source.name} on {batch.upscaler.placement}")
    with console.batch_progress(batch.plan.work) as progress:
        try:
            for outcome in batch.run(on_start=progress.on_start, on_tile=progress.on_tile):
                report.add(outcome)
                console.outcome(outcome)
        except KeyboardInterrupt:
            report.interrupted = True
    report.seconds = time.perf_counter() - start
    console.report(report)
    return report.exit_code


def _dry_run(console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions) -> ExitCode:
    from nlsr_cli.upscaling.outcome import Outcome, Report
    from nlsr_cli.upscaling.tiles import plan_for

    batch, source = _plan(console, inputs, target, options)
    if options.compute != ComputeOptions():
        from nlsr_cli.upscaling.device import place

        place(options.compute)  # what this machine lacks is told now; it takes a second, as torch must load
    report = Report()
    for job in batch.plan.jobs:
        if job.error is not None:
            outcome = Outcome(job.source, None, "failed", error=job.error)
        else:
            outcome = Outcome(job.source, job.target, "skipped" if job.skip else "done")
            if job.header is not None:
                size = (job.header.height, job.header.width)
                tiles = plan_for(source.network, options.tile, *size)
                enlarged = (size[0] * source.scale, size[1] * source.scale)
                outcome = replace(outcome, input_size=size, output_size=enlarged, tiles=len(tiles))
            outcome = replace(outcome, ensemble=options.ensemble)
        report.add(outcome)
        if console.speech.as_json:
            console.json_line({**outcome.as_json(), "status": _PLANNED[outcome.status], "format": job.format})
        elif outcome.error is not None:
            console.error(outcome.error)
        else:
            sizes = ""
            if outcome.input_size and outcome.output_size:
                sizes = f"  {size_text(outcome.input_size)} → {size_text(outcome.output_size)}, tiles: {outcome.tiles}"
            console.line(f"{_PLANNED[outcome.status]}: {job.source} → {job.target}  {job.format}{sizes}")
    if console.speech.as_json:
        console.json_line(report.as_json())
    elif len(batch.plan.jobs) > 1:
        counts = {"write": report.done, "skip": report.skipped, "fail": report.failed}
        console.note(", ".join(f"{count} would {verb}" for verb, count in counts.items() if count))
    return report.exit_code


_PLANNED = {"done": "would write", "skipped": "would skip", "failed": "would fail"}
