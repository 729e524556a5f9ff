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
    DEFAULT_FLOOR,
    DEFAULT_MAX_PIXELS,
    ComputeOptions,
    EncodeOptions,
    OutputOptions,
    TileOptions,
    UpscaleOptions,
    parse_amount,
    parse_memory,
)
from nlsr_cli.sizes import SizeOptions, parse_scale

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.engines.local import Batch
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.route import Route
    from nlsr_cli.zoo import ModelSet


def upscale(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Pictures, folders, patterns, or - for standard input.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="File or folder to write, or - for standard output. [default: beside the input]"
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            "-s",
            metavar="N",
            help="Factor of enlargement, 1 to 16: 4, 2.5, 150%. [default: the model's, or 4]",
        ),
    ] = None,
    width: Annotated[int | None, typer.Option(help="Width of the output, instead of --scale.")] = None,
    height: Annotated[int | None, typer.Option(help="Height of the output; with --width, a box.")] = None,
    short_side: Annotated[int | None, typer.Option(help="Shorter side of the output.")] = None,
    long_side: Annotated[int | None, typer.Option(help="Longer side of the output.")] = None,
    megapixels: Annotated[float | None, typer.Option(help="Size of the output in millions of pixels.")] = None,
    fit: Annotated[
        str,
        typer.Option(
            help="How to fill the box of --width and --height: contain (fit inside), cover (fill it), or stretch."
        ),
    ] = "contain",
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Family, name, folder, .safetensors file or Hub id owner/repo[@revision]."),
    ] = None,
    device: Annotated[str, typer.Option("--device", "-d", help="Device: auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        str,
        typer.Option(help="auto, fp32, fp16 or bf16. auto: fp16 on CUDA, bf16 on CPUs with bf16 hardware, else fp32."),
    ] = "auto",
    max_memory: Annotated[
        str | None,
        typer.Option(help="Memory for a picture and its tiles, such as 800M or 2G. [default: 3/4 of what is free]"),
    ] = None,
    tile: Annotated[str, typer.Option(help="Tile side in input pixels; 0 is the whole picture at once.")] = "auto",
    overlap: Annotated[int, typer.Option(help="Input pixels that neighbouring tiles share.")] = 16,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Average 8 passes, turned and mirrored: a little better, 8 times slower.")
    ] = False,
    strength: Annotated[
        float, typer.Option(help="Share of the network's result, 0 to 1; the rest is bicubic interpolation.")
    ] = 1.0,
    deblock: Annotated[
        str,
        typer.Option(metavar="AMOUNT", help="How strongly to remove traces of JPEG compression: auto, or 0 to 1."),
    ] = "auto",
    denoise: Annotated[
        str, typer.Option(metavar="AMOUNT", help="How strongly to remove noise: auto, or 0 to 1.")
    ] = "auto",
    wrap: Annotated[str, typer.Option(help="x, y or xy: treat opposite edges as joined, for textures that tile.")] = "",
    alpha: Annotated[str, typer.Option(help="How to enlarge transparency: model or lanczos.")] = "model",
    floor: Annotated[
        float,
        typer.Option(help="Least PSNR in dB between the source and the result reduced again; 0 accepts all results."),
    ] = DEFAULT_FLOOR,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into subfolders and mirror them.")] = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="Output format: png, jpeg, webp, tiff, bmp, avif, gif, jxl or qoi. [default: the input's]",
        ),
    ] = None,
    suffix: Annotated[
        str | None,
        typer.Option(help="Suffix of output names; {scale}, {width} and {height} are replaced. [default: _x{scale}]"),
    ] = None,
    quality: Annotated[int, typer.Option(help="Quality of JPEG, WebP, AVIF and JPEG XL, 1 to 100.")] = 95,
    lossless: Annotated[bool, typer.Option("--lossless", help="Write WebP and JPEG XL without loss.")] = False,
    background: Annotated[
        str, typer.Option(help="Background of transparent pictures in formats without alpha.")
    ] = "white",
    strip: Annotated[
        bool,
        typer.Option(
            "--strip",
            help="Leave out all metadata but the colour profile, HDR code points and the value of missing data.",
        ),
    ] = False,
    no_provenance: Annotated[
        bool, typer.Option("--no-provenance", help="Do not record in the picture how it was made.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Keep outputs that exist.")] = False,
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Keep finished outputs; redo those whose input or options changed. [default: folders, patterns]",
        ),
    ] = None,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger inputs.")] = DEFAULT_MAX_PIXELS,
    offline: Annotated[bool, typer.Option("--offline", help="Never ask the network for a model.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop; no picture is decoded.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file, and a summary.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print more about each file.")] = False,
) -> None:
    """Enlarge pictures.

    Example: nlsr upscale photo.jpg --scale 4
    """
    console = BatchConsole(Speech(quiet=quiet, verbose=verbose, as_json=as_json))
    with console.guarded():
        existing = _existing(inputs, output, overwrite=overwrite, skip_existing=skip_existing, resume=resume)
        if output == "-" and as_json:
            raise OptionError("--json and -o - both need standard output", "Give a file after -o, or omit --json.")
        if output == "-" and not dry_run and sys.stdout is not None and sys.stdout.isatty():
            raise OptionError(
                "a picture cannot be printed to a terminal",
                "Redirect standard output to a file or pipe it to a program.",
            )
        options = UpscaleOptions(
            model=model,
            scale=None if scale is None else parse_scale(scale),
            offline=offline,
            compute=ComputeOptions(device, precision),
            tile=TileOptions.parse(tile, overlap),
            max_memory=None if max_memory is None else parse_memory(max_memory),
            encode=EncodeOptions(quality, lossless, background, strip, not no_provenance),
            max_pixels=max_pixels,
            ensemble=ensemble,
            alpha=alpha,
            strength=strength,
            wrap=wrap,
            floor=floor,
            deblock=parse_amount(deblock, "--deblock"),
            denoise=parse_amount(denoise, "--denoise"),
            size=SizeOptions(None, width, height, short_side, long_side, megapixels, fit),
        )
        target = OutputOptions(
            target=output,
            format=_format(format_),
            suffix=suffix,
            existing=existing,
            recursive=recursive,
        )
        if output == "-":
            console.leave_output()
        from nlsr_cli.isolation.decoder import Decoder

        with Decoder() as decoder:
            code = (_dry_run if dry_run else _upscale)(console, inputs, target, options, decoder)
    raise typer.Exit(int(code))


def _format(name: str | None) -> str | None:
    """Return the format that an option names."""
    if not name:
        return None
    from nlsr_cli.images.formats import parse_format  # which loads Pillow, and so only where it is asked

    return parse_format(name)


def _existing(
    inputs: list[str], output: str | None, *, overwrite: bool, skip_existing: bool, resume: bool | None
) -> str:
    """Return what happens to outputs that exist: folders and patterns are taken up again unless something else is said.

    Raises:
        OptionError: two things are said, or there is nowhere to keep a ledger.
    """
    from nlsr_cli.batch.inputs import gathers

    asked = {"--overwrite": overwrite, "--skip-existing": skip_existing, "--resume": bool(resume)}
    given = [name for name, there in asked.items() if there]
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)} exclude each other")
    if resume and output == "-":
        raise OptionError("--resume needs a file as output", "Give a file after -o, or omit --resume.")
    if overwrite or skip_existing:
        return "overwrite" if overwrite else "skip"
    return "resume" if resume or (resume is None and output != "-" and gathers(inputs)) else "error"


def _plan(
    console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions, decoder: Decoder
) -> tuple[Batch, ModelSet]:
    """Return what is to be done, and the models that there are for it."""
    decoder.start()  # first, so that it loads while this process does
    from nlsr_cli.api import find_set, plan_files

    models = find_set(options)
    batch = plan_files(inputs, target, options, models, decoder)
    for note in dict.fromkeys(note for source in models.sources(batch.plan.scales) for note in source.notes):
        console.note(f"note: {note}")
    for why, paths in batch.plan.sources.passed.by_choice():
        console.passed_over(paths, why)
    return batch, models


def _upscale(
    console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions, decoder: Decoder
) -> ExitCode:
    from nlsr_cli.batch.outcome import Report

    start = time.perf_counter()
    batch, models = _plan(console, inputs, target, options, decoder)
    report = Report(total=len(batch.plan.jobs), existing=target.existing, passed=batch.plan.sources.passed)
    with console.batch_progress(batch.plan.work) as progress:

        def on_start(job: Job) -> None:
            if not told:  # when there is work indeed, for which the model is loaded
                sources = models.sources(batch.plan.scales if job.route else models.scales)
                known = job.route is not None or len(sources) == 1  # else one of them, when the picture has been read
                names = (", " if known else " or ").join(source.name for source in sources) or "interpolation"
                placement = batch.upscaler.placement_for(job.header.depth if job.header else 8)
                told.append(f"{names} on {placement if sources else placement.device}")
                console.note(told[0])
            progress.on_start(job)

        told: list[str] = []
        try:
            for outcome in batch.run(on_start=on_start, on_tile=progress.on_tile):
                report.add(outcome)
                console.outcome(outcome)
        except KeyboardInterrupt:
            report.interrupted, report.rows_kept = True, batch.rows_kept
    report.seconds = time.perf_counter() - start
    console.report(report)
    return report.exit_code


def _dry_run(
    console: BatchConsole, inputs: list[str], target: OutputOptions, options: UpscaleOptions, decoder: Decoder
) -> ExitCode:
    from nlsr_cli.batch.outcome import Outcome, Report

    batch, models = _plan(console, inputs, target, options, decoder)
    if options.compute != ComputeOptions():
        from nlsr_cli.upscaling.device import place

        place(options.compute)  # what this machine lacks is told now; it takes a second, as torch must load
    report = Report(total=len(batch.plan.jobs), passed=batch.plan.sources.passed)
    for job in batch.plan.jobs:
        verdict, error = batch.foresee(job)
        if error is not None:
            outcome = Outcome(job.source.path, None, "failed", error=error)
        else:
            done = verdict.action == "skip"
            outcome = Outcome(job.source.path, job.sink.path, "skipped" if done else "planned", reason=verdict.reason)
            if job.route is not None:
                outcome = _foreseen(outcome, job.route, models, options)
            frames = job.header.frames if job.header is not None and job.moves else 1
            outcome = replace(outcome, frames=frames)
            outcome = replace(outcome, ensemble=options.ensemble)
        report.add(outcome)
        _print_foreseen(console, job, outcome)
    console.not_taken(batch.plan.sources.passed)
    if console.speech.as_json:
        console.json_line(report.as_json())
    elif len(batch.plan.jobs) > 1:
        counts = {"planned": report.planned, "skipped": report.skipped, "failed": report.failed}
        console.note(", ".join(f"{count} {_FORESEEN[status]}" for status, count in counts.items() if count))
    return report.exit_code


def _print_foreseen(console: BatchConsole, job: Job, outcome: Outcome) -> None:
    if console.speech.as_json:
        console.json_line({**outcome.as_json(), "status": _PLANNED[outcome.status], "format": job.format})
    elif outcome.error is not None:
        console.error(outcome.error)
    else:
        sizes = ""
        if outcome.input_size and outcome.output_size:
            sizes = f"  {size_text(outcome.input_size)} → {size_text(outcome.output_size)}, tiles: {outcome.tiles}"
            sizes += f", frames: {outcome.frames}" if outcome.frames > 1 else ""
        console.line(f"{_FORESEEN[outcome.status]}: {job.source.path} → {job.sink.path}  {job.format}{sizes}")
        for note in outcome.notes:
            console.note(f"  note: {note}")


def _foreseen(outcome: Outcome, route: Route, models: ModelSet, options: UpscaleOptions) -> Outcome:
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


_FORESEEN = {"planned": "would be written", "skipped": "would be skipped", "failed": "would fail"}
_PLANNED = {"planned": "would write", "skipped": "would skip", "failed": "would fail"}  # as `--json` has it
