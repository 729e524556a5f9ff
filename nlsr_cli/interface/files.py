"""Picture files from Python: one, or many, with the options of the command line by name or as an object."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.api import build_enlarger, hired, models_of, plan_files, planned
from nlsr_cli.errors import OptionError
from nlsr_cli.keywords import (
    FILES,
    FOLDERS,
    MACHINE,
    NAMING,
    PICTURE,
    check_names,
    existing_of,
    options_of,
    read_text,
    shard_of,
    workers_of,
)
from nlsr_cli.options import STREAM, OutputOptions, UpscaleOptions

if TYPE_CHECKING:
    from typing import Unpack

    from nlsr_cli.api import FilePath, Model
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.keywords import AllOptions, FolderOptions
    from nlsr_cli.upscaling.progress import OnTile
    from nlsr_cli.workers import Workers
    from nlsr_cli.zoo import ModelSet


def upscale_files(
    sources: Sequence[FilePath],
    output: OutputOptions | FilePath | None = None,
    options: UpscaleOptions | None = None,
    *,
    model: Model = None,
    on_tile: OnTile | None = None,
    **settings: Unpack[FolderOptions],
) -> Iterator[Outcome]:
    """Enlarge files, folders and patterns, and yield the outcome of each file as it is finished.

    What is wrong with one file is in its outcome (`status` "failed", `error`) and does not stop the others. With
    `workers`, several devices, or `engine="ray"` for a Ray cluster, processes share the work, and outcomes come as they
    have them.

    Args:
        sources: paths and patterns.
        output: a file or a folder; None is beside each input. `OutputOptions` say all that is asked of outputs.
        options: what is asked of the pixels, in place of keywords.
        model: what `--model` takes, a network, or networks by their scale.
        on_tile: called with the numbers of tiles done and in all of each picture.
        settings: the options of the command line, by name.

    Raises:
        OptionError: an option is unknown or makes no sense, or the sources and the output do not fit each other.
        ModelError: the model is unknown, cannot be fetched, or is damaged.
    """
    from nlsr_cli.engines.watcher import TileCounter
    from nlsr_cli.isolation.decoder import Decoder

    check_names(settings, PICTURE | MACHINE | FILES | FOLDERS)
    given, workers = _shared(options, settings)
    paths = [os.fspath(source) for source in sources]
    target = output if isinstance(output, OutputOptions) else output_of(paths, output, settings)
    with hired(_asked(options, model, given), workers) as (asked, crew), Decoder() as decoder:
        decoder.start()  # it loads while this process looks for the models
        batch = plan_files(paths, target, asked, models_of(model, asked), decoder, crew)
        with closing(batch):
            yield from batch.run(None if on_tile is None else TileCounter(on_tile))


def upscale_file(
    source: FilePath,
    output: FilePath | None = None,
    options: UpscaleOptions | None = None,
    *,
    model: Model = None,
    on_tile: OnTile | None = None,
    **settings: Unpack[AllOptions],
) -> Outcome:
    """Enlarge one picture and return its outcome; `output` None is NAME_x4.EXT beside it.

    `options` are what is asked of the pixels, in place of keywords; see `upscale_files` for the others.

    Raises:
        NlsrError: the picture cannot be read, enlarged or written; nothing was left behind.
    """
    from nlsr_cli.isolation.decoder import Decoder

    check_names(settings, PICTURE | MACHINE | FILES)
    asked = _asked(options, model, settings)
    with Decoder() as decoder:
        decoder.start()
        return enlarge_file(source, output, settings, asked, models_of(model, asked), decoder, on_tile=on_tile)


def enlarge_file(
    source: FilePath,
    output: FilePath | None,
    settings: Mapping[str, object],
    options: UpscaleOptions,
    models: ModelSet,
    decoder: Decoder,
    *,
    on_tile: OnTile | None = None,
    turn: AbstractContextManager[object] | None = None,
) -> Outcome:
    """Enlarge one picture file with `models`; `turn` is held while they compute, `settings` speak of the output.

    Raises:
        NlsrError: as `upscale_file`.
    """
    from nlsr_cli.batch.inputs import gathers
    from nlsr_cli.batch.paged import arrived
    from nlsr_cli.batch.planning import BatchPlan
    from nlsr_cli.batch.process import process
    from nlsr_cli.engines.books import Bookbinder

    path = os.fspath(source)
    if gathers([path]):
        what = "a folder" if Path(path).is_dir() else "a pattern"
        raise OptionError(f"{path} is {what}", "Use upscale_files for folders and patterns.")
    target = output_of([path], output, settings)
    plan, keeper, stamp = planned([path], target, options, models, decoder)
    if keeper.decides_late:
        keeper.clean()
    enlarger = build_enlarger(options, models)

    def run(jobs: BatchPlan, keeper: Keeper | None, on_tile: OnTile | None) -> Generator[Outcome]:
        for each in jobs.jobs:
            yield process(each, enlarger, decoder, keeper=keeper, stamp=stamp, on_tile=on_tile, turn=turn)

    job = arrived(plan.jobs[0], enlarger.route, decoder)
    if job.book is None or job.error is not None or job.skip:
        (outcome,) = run(BatchPlan((job,)), keeper, on_tile)
    else:
        binder = Bookbinder(run, keeper, decoder)
        outcome = binder.make(binder.look(job), on_tile or (lambda done, total: None))
    if outcome.error is not None:
        raise outcome.error
    return outcome


def output_of(sources: Sequence[str | Path], output: FilePath | None, settings: Mapping[str, object]) -> OutputOptions:
    """Return what keywords ask of outputs.

    Raises:
        OptionError: a value makes no sense.
    """
    from nlsr_cli.batch.inputs import gathers
    from nlsr_cli.images.formats import parse_format

    target = None if output is None else os.fspath(output)
    existing = existing_of(settings, streams=target == STREAM, gathers=lambda: gathers(sources))
    names = {name: read_text(settings.get(name), name) for name in ("format", "suffix")}
    wanted = names["format"]
    recursive, shard = bool(settings.get("recursive")), shard_of(settings.get("shard"))
    return OutputOptions(target, parse_format(wanted) if wanted else None, names["suffix"], existing, recursive, shard)


def _shared(options: UpscaleOptions | None, settings: Mapping[str, object]) -> tuple[dict[str, object], Workers]:
    """Return the settings with one device that stands for all, and what they ask of workers.

    Raises:
        OptionError: they make no sense.
    """
    if options is not None and "device" not in settings:
        return dict(settings), workers_of({**settings, "device": options.compute.device})
    workers = workers_of(settings)
    return {**settings, **({"device": workers.first} if "device" in settings else {})}, workers


def _asked(options: UpscaleOptions | None, model: Model, settings: Mapping[str, object]) -> UpscaleOptions:
    """Return the options that an object or keywords ask for.

    Raises:
        OptionError: both say something of the pixels.
    """
    if options is None:
        return options_of({**settings, "model": model if isinstance(model, (str, os.PathLike)) else None})
    both = [*(name for name in settings if name not in NAMING), *(["model"] if isinstance(model, str) else [])]
    if both:
        raise OptionError(f"options and {both[0]} cannot be combined", "Put it into the UpscaleOptions, or omit them.")
    return options
