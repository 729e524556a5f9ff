"""Which files are read and where each output goes: all decided, and all errors found, before the first pixel."""

from __future__ import annotations

import difflib
import os
import shlex
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from nlsr_cli.batch.book import look_into
from nlsr_cli.batch.claims import check_target, refuse_clashes
from nlsr_cli.batch.division import is_mine, to_plan
from nlsr_cli.batch.inputs import Sources, find_sources, mode_of, nothing_found
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.sink import FileSink, Sink, StandardOutput
from nlsr_cli.batch.source import FileSource, StandardInput
from nlsr_cli.books.archive import SUFFIX, is_book, other_archive
from nlsr_cli.errors import (
    ImageError,
    ImageReadError,
    ImageWriteError,
    MissingInput,
    NlsrError,
    OptionError,
    UnknownChoice,
    nearest,
)
from nlsr_cli.images import check_frames, check_options, check_size
from nlsr_cli.images.formats import WRITABLE, format_of_suffix, is_read_only, kept_format, writing_of
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import STREAM, OutputOptions, UpscaleOptions
from nlsr_cli.storing import FOLDER_HINT, NO_FOLDER
from nlsr_cli.upscaling.route import Aim

_ALIKE = 0.75  # of a name, from which on another one may be meant
_VIDEOS = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"})


@dataclass(frozen=True)
class BatchPlan:
    """All jobs of one call, in order, and the sources that they come from."""

    jobs: tuple[Job, ...]
    sources: Sources = field(default_factory=Sources)

    @property
    def work(self) -> list[Job]:
        """Return the jobs that will be computed."""
        return [job for job in self.jobs if job.error is None and not job.skip]

    @property
    def scales(self) -> tuple[int, ...]:
        """Return the scales of the networks that the work is known to need, each once."""
        stages = (scale for job in self.work if job.foreseen for scale in job.foreseen.stages)
        return tuple(dict.fromkeys(stages))


def plan_batch(
    inputs: Sequence[str | Path] | Sources,
    output: OutputOptions,
    options: UpscaleOptions | None = None,
    *,
    aim: Aim,
    decoder: Decoder | None = None,
) -> BatchPlan:
    """Plan one job per input picture; everything wrong with single files is inside the jobs.

    Args:
        inputs: files, folders, glob patterns, or "-" for standard input; or what was found of them already.
        output: where outputs go.
        options: those of all jobs.
        aim: the sizes that pictures are to have, and the scales of the networks.
        decoder: what reads the headers; one for this call, if none is given.

    Raises:
        OptionError: the inputs and the target do not fit each other.
        NlsrError: the process that decodes pictures cannot be started.
    """
    if decoder is None:
        with Decoder() as own:
            return plan_batch(inputs, output, options, aim=aim, decoder=own)
    options = options or UpscaleOptions()
    if output.format is not None and output.format not in WRITABLE:
        raise UnknownChoice("format", output.format, WRITABLE)
    if isinstance(inputs, Sources):
        found = inputs
    elif any(each == STREAM for each in inputs):  # the text: a file may be called so too
        return BatchPlan((_stream_job(inputs, output, options),))
    else:
        found = find_sources(inputs, output)
        if not (found.files or found.passed.earlier or found.unreadable):
            raise nothing_found(found)  # to do nothing must not look like having done all
    single = len(found.files) == 1 and not found.from_many
    folder, file = _target(output, single)
    jobs = [
        (_book_job if is_book(source) else _job)(source, root, folder, file, output, options, aim, decoder)
        for source, root in to_plan(found.files, output)
    ]
    blocked = [
        _failed(path, None, ImageReadError(path, f"the folder cannot be read: {why}")) for path, why in found.unreadable
    ]
    mine = {source for source, root in found.files if is_mine(output.shard, source, root)}
    checked = refuse_clashes(jobs, [source for source, _ in found.files])
    return BatchPlan((*blocked, *(job for job in checked if job.source.path in mine)), found)


def _stream_job(inputs: Sequence[str | Path], output: OutputOptions, options: UpscaleOptions) -> Job:
    if output.shard is not None:
        raise OptionError("--shard divides files, and standard input ('-') is none", "Omit it, or name files.")
    if len(inputs) > 1:
        raise OptionError("standard input ('-') cannot be mixed with other inputs")
    if output.target is None:
        raise OptionError("standard input needs an output", "Add -o FILE, or -o - for standard output.")
    job = Job(StandardInput(), _sink(output.place, output), _asked(output.place, output, options), options=options)
    return check_target(job, output)


def _sink(file: Path | None, output: OutputOptions, root: Path | None = None) -> Sink:
    """Return a file as a sink; None is standard output."""
    return StandardOutput() if file is None else FileSink(file, root, overwrite=output.existing == "overwrite")


def _failed(source: Path, file: Path | None, error: NlsrError) -> Job:
    """Return a job that is none; where its output would lie is told if it was named."""
    return Job(FileSource(source), FileSink(file or source), error=error)


def _target(output: OutputOptions, single: bool) -> tuple[Path | None, Path | None]:
    """Return (folder, file): where `-o` puts outputs; both None for beside the inputs, or for standard output."""
    if output.streams and not single:
        raise OptionError("-o - (standard output) takes exactly one input picture")
    target = output.place
    if target is None:
        return None, None
    kind = mode_of(target)
    if output.names_folder or stat.S_ISDIR(kind) or (not kind and not target.suffix):
        return target, None
    if single:
        return None, target
    if kind or format_of_suffix(target):
        raise OptionError(f"-o {target} is a file, but there are several inputs", "Give a folder after -o.")
    return target, None


def _asked(file: Path | None, output: OutputOptions, options: UpscaleOptions) -> str:
    """Return the format that is asked for, as `_asked_format` does.

    Raises:
        OptionError: as there, or it does not go with what else is asked.
    """
    asked = _asked_format(file, output)
    try:
        if asked:
            check_options(asked, options.encode, file or Path())
            if output.streams and writing_of(asked).tiled:
                raise OptionError(f"standard output takes one file, and {NO_FOLDER}", FOLDER_HINT)
    except ImageWriteError as error:
        raise OptionError(error.reason, error.hint) from error
    return asked


def _asked_format(file: Path | None, output: OutputOptions) -> str:
    """Return the format that `--format` or the ending of a named output asks for; "" leaves it to the source.

    Raises:
        OptionError: the ending names no format, or another one: it would mislead whoever opens the file.
    """
    if file is None:
        return output.format or ""
    named = format_of_suffix(file)
    if output.format is not None:
        if named not in (None, output.format):
            reason = f"-o {file} is named as {named}, but --format says {output.format}"
            raise OptionError(reason, "Omit one of them.")
        return output.format
    if named is None:
        if file.suffix.lower() == SUFFIX:
            raise OptionError(
                f"-o {file}: only comic books are written as {SUFFIX}", f"For example: -o {file.stem}.png"
            )
        known = [suffix for suffixes in WRITABLE.values() for suffix in suffixes]
        if not file.suffix:
            raise OptionError(f"-o {file} has no ending that names a format", f"For example: -o {file}.png")
        if is_read_only(file):
            raise OptionError(f"-o {file}: nlsr reads this format and does not write it", "For example: .png or .jpg")
        hint = nearest(file.suffix, known)
        if file.suffix.lower() in _VIDEOS:
            hint = "Write pictures, and make a video of them: docs/recipes.md"
        raise OptionError(f"-o {file}: unknown ending '{file.suffix}'", hint)
    return named


def _job(
    source: Path,
    root: Path,
    folder: Path | None,
    file: Path | None,
    output: OutputOptions,
    options: UpscaleOptions,
    aim: Aim,
    decoder: Decoder,
) -> Job:
    asked = _asked(file, output, options)  # first, because a wrong ending is the caller's mistake, not this picture's
    if stat.S_ISFIFO(mode_of(source)):  # it can be read only once, so nothing is known before the job itself reads it
        if output.target is None or folder is not None:
            hint = "Add -o FILE, or -o - for standard output."
            return _failed(source, None, ImageReadError(source, "is a pipe, so its output needs a name", hint))
        return check_target(Job(FileSource(source), _sink(file, output), asked, options=options), output)
    try:
        if not os.path.lexists(source):  # said here, because a refusal of the decoder has no kind
            raise MissingInput(source, _meant(source))
        header = decoder.probe(source, max_pixels=options.max_pixels)
    except ImageReadError as error:
        return _failed(source, file, other_archive(source) or error)
    try:
        route = aim.route(header.height, header.width)
    except OptionError as error:
        return _failed(source, file, ImageWriteError(source, error.message, error.hint))
    format_ = asked or kept_format(header.format, header.frames)[0]
    if output.streams:
        sink = _sink(None, output)
    else:
        name = _name(source, format_, output.suffix_for(aim.sizes, route.scale, route.size, source))
        target = file or _beside(source, root, folder) / name
        sink = _sink(target, output, folder)
    job = Job(FileSource(source), sink, format_, header, route=route, options=options)
    try:
        if job.moves:
            check_frames(header.frames, header.height, header.width, str(source), options.max_pixels)
        check_options(format_, options.encode, sink.path)
        check_size(format_, *route.size, sink.path)
        # Of one channel: the rest is asked when it is known.
        sink.check(prod(route.size), writing_of(format_).least_share)
    except ImageError as error:
        return replace(job, error=error)
    return check_target(job, output)


def _book_job(
    source: Path,
    root: Path,
    folder: Path | None,
    file: Path | None,
    output: OutputOptions,
    options: UpscaleOptions,
    aim: Aim,
    decoder: Decoder,
) -> Job:
    """Return the job of a comic book; `--format` is that of its pages, and the size of the first one names it.

    Raises:
        OptionError: the output that is named is no comic book.
    """
    if output.format is not None and writing_of(output.format).tiled:
        raise OptionError("the pages of a comic book are files, and " + NO_FOLDER, "For example: --format png")
    if file is not None and file.suffix.lower() != SUFFIX:
        raise OptionError(f"-o {file}: a comic book is written as {SUFFIX}", f"For example: -o {file.stem}{SUFFIX}")
    if output.streams:
        return _failed(source, file, ImageWriteError(source, "a book needs a file as output", "Give a file after -o."))
    try:
        contents = look_into(source, aim, decoder, options.max_pixels)
    except ImageReadError as error:
        return _failed(source, file, error)
    except OptionError as error:
        return _failed(source, file, ImageWriteError(source, error.message, error.hint))
    suffix = output.suffix_for(aim.sizes, contents.route.scale, contents.route.size, source)
    sink = _sink(file or _beside(source, root, folder) / f"{source.stem}{suffix}{SUFFIX}", output, folder)
    job = Job(FileSource(source), sink, output.format or "", options=options, book=contents)
    return check_target(job, output)


def _beside(source: Path, root: Path, folder: Path | None) -> Path:
    """Return where the output of a source goes: beside it, or to the same place below the folder of outputs."""
    return folder / source.parent.relative_to(root) if folder else source.parent


def _name(source: Path, format_: str, suffix: str) -> str:
    """Return NAME + suffix + ending; the source's own ending is kept where it names the right format."""
    ending = source.suffix if format_of_suffix(source) == format_ else WRITABLE[format_][0]
    return f"{source.stem}{suffix}{ending}"


def _meant(missing: Path) -> str:
    """Return what a name that does not exist may have been meant for: a file of nearly that name, or an output."""
    if str(missing).startswith(("http:/", "https:/")):  # of the two slashes a path has kept one
        return f"Fetch it first: curl -sO {shlex.quote(str(missing).replace(':/', '://', 1))}"
    names: list[str] = []
    with suppress(OSError):
        names = [path.name for path in missing.parent.iterdir()]
    close = difflib.get_close_matches(missing.name, names, n=1, cutoff=_ALIKE)
    if close:
        return f"Did you mean {missing.with_name(close[0])}?"
    return f"To name it as the output, write: -o {missing}" if format_of_suffix(missing) else ""
