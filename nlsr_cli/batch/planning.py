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

from nlsr_cli.batch import comic, paged
from nlsr_cli.batch.book import Contents
from nlsr_cli.batch.claims import check_target, refuse_clashes
from nlsr_cli.batch.division import is_mine, to_plan
from nlsr_cli.batch.inputs import Sources, find_sources, mode_of, nothing_found
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.sink import FileSink, Sink, StandardOutput
from nlsr_cli.batch.source import FileSource, PageSource, StandardInput
from nlsr_cli.batch.targets import asked_of, target_of
from nlsr_cli.books.archive import SUFFIX, is_book, other_archive
from nlsr_cli.errors import (
    ImageError,
    ImageReadError,
    ImageWriteError,
    MissingInput,
    NlsrError,
    OptionError,
    UnknownChoice,
)
from nlsr_cli.images import check_frames, check_options, check_size
from nlsr_cli.images.formats import WRITABLE, format_of_suffix, kept_format, writing_of
from nlsr_cli.images.formats.tiff import TIFF
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import STREAM, OutputOptions, UpscaleOptions
from nlsr_cli.storing import NO_FOLDER
from nlsr_cli.upscaling.route import Aim, Route

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
    def by_kind(self) -> tuple[list[Job], list[Job]]:
        """Return these jobs as pictures and as books."""
        work = self.work
        return [job for job in work if job.book is None], [job for job in work if job.book is not None]

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
    planner = _Planner(output, options, aim, decoder, *target_of(output, single))
    jobs = [planner.job(source, root) for source, root in to_plan(found.files, output)]
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
    source = StandardInput() if options.page is None else PageSource(StandardInput(), options.page)
    job = Job(source, _sink(output.place, output), asked_of(output.place, output, options), options=options)
    return check_target(job, output)


def _sink(file: Path | None, output: OutputOptions, root: Path | None = None) -> Sink:
    """Return a file as a sink; None is standard output."""
    return StandardOutput() if file is None else FileSink(file, root, overwrite=output.existing == "overwrite")


def _failed(source: Path, file: Path | None, error: NlsrError) -> Job:
    """Return a job that is none; where its output would lie is told if it was named."""
    return Job(FileSource(source), FileSink(file or source), error=error)


@dataclass(frozen=True)
class _Planner:
    """Plans the jobs of one call: `folder` or `file` is where `-o` puts outputs, both None for beside the inputs."""

    output: OutputOptions
    options: UpscaleOptions
    aim: Aim
    decoder: Decoder
    folder: Path | None
    file: Path | None

    def job(self, path: Path, root: Path) -> Job:
        """Return the job of one input; `root` is the folder that its place in a mirrored tree is relative to.

        Raises:
            OptionError: the output that is named is of no format, or of another kind than the input.
        """
        if is_book(path):
            return self._comic(path, root)
        asked = asked_of(self.file, self.output, self.options)  # first: a wrong ending is the caller's mistake
        page, whole = self.options.page, FileSource(path)
        source = whole if page is None else PageSource(whole, page)
        if stat.S_ISFIFO(mode_of(path)):
            return self._pipe(source, asked)
        try:
            if not os.path.lexists(path):  # said here, because a refusal of the decoder has no kind
                raise MissingInput(path, _meant(path))
            if page is None and asked in ("", TIFF.name):
                book = paged.look_into(whole, self.aim.route, self.decoder, self.options.max_pixels)
                if book is not None:
                    return self._bound(whole, root, book)
            return self._picture(source, root, asked)
        except ImageReadError as error:
            return _failed(path, self.file, other_archive(path) or error)
        except OptionError as error:
            return _failed(path, self.file, ImageWriteError(path, error.message, error.hint))

    def _pipe(self, source: FileSource | PageSource, asked: str) -> Job:
        """Return the job of what can be read only once: nothing is known before the job itself reads it."""
        if self.output.target is None or self.folder is not None:
            hint = "Add -o FILE, or -o - for standard output."
            return _failed(
                source.path, None, ImageReadError(source.path, "is a pipe, so its output needs a name", hint)
            )
        return check_target(Job(source, _sink(self.file, self.output), asked, options=self.options), self.output)

    def _picture(self, source: FileSource | PageSource, root: Path, asked: str) -> Job:
        """Return the job of a picture.

        Raises:
            ImageReadError: its header cannot be read.
            OptionError: it cannot have the size that is asked for.
        """
        held = source.path if isinstance(source, FileSource) else source.hold(self.options.max_pixels)
        header = self.decoder.probe(held, name=source.name, max_pixels=self.options.max_pixels)
        route = self.aim.route(header.height, header.width)
        format_ = asked or kept_format(header.format, header.frames)[0]
        sink = self._sink(source, root, route, _ending(source.path, format_))
        job = Job(source, sink, format_, header, route=route, options=self.options)
        try:
            if job.moves:
                frames, height, width = header.frames, header.height, header.width
                check_frames(frames, height, width, source.name, self.options.max_pixels)
            check_options(format_, self.options.encode, sink.path)
            check_size(format_, *route.size, sink.path)
            # Of one channel: the rest is asked when it is known.
            sink.check(prod(route.size), writing_of(format_).least_share)
        except ImageError as error:
            return replace(job, error=error)
        return check_target(job, self.output)

    def _comic(self, path: Path, root: Path) -> Job:
        """Return the job of a comic book; `--format` is that of its pages, and the size of the first one names it.

        Raises:
            OptionError: the output that is named is no comic book.
        """
        file, format_ = self.file, self.output.format
        if format_ is not None and writing_of(format_).tiled:
            raise OptionError("the pages of a comic book are files, and " + NO_FOLDER, "For example: --format png")
        if file is not None and file.suffix.lower() != SUFFIX:
            raise OptionError(f"-o {file}: a comic book is written as {SUFFIX}", f"For example: -o {file.stem}{SUFFIX}")
        if self.options.page is not None:
            unpacked = f"To take one of its pages, unpack it first: unzip -d pages {shlex.quote(str(path))}"
            return _failed(path, file, ImageReadError(path, "is a comic book, and --page is for TIFF", unpacked))
        if self.output.streams:
            return _failed(path, file, ImageWriteError(path, "a book needs a file as output", "Give a file after -o."))
        try:
            book = comic.look_into(path, self.aim, self.decoder, self.options.max_pixels)
        except ImageReadError as error:
            return _failed(path, file, error)
        except OptionError as error:
            return _failed(path, file, ImageWriteError(path, error.message, error.hint))
        return self._bound(FileSource(path), root, book)

    def _bound(self, source: FileSource, root: Path, book: Contents) -> Job:
        """Return the job of what comes in pages and goes out in pages."""
        tiff = book.kind == TIFF.name
        ending = _ending(source.path, TIFF.name) if tiff else SUFFIX
        sink = self._sink(source, root, book.route, ending)
        format_ = TIFF.name if tiff else self.output.format or ""
        job = Job(source, sink, format_, options=self.options, book=book)
        try:
            sink.check(prod(book.route.size) if tiff else 0, writing_of(TIFF.name).least_share)
        except ImageError as error:
            return replace(job, error=error)
        return check_target(job, self.output)

    def _sink(self, source: FileSource | PageSource, root: Path, route: Route, ending: str) -> Sink:
        """Return where an output goes, which is named after its source and the size that it comes to."""
        if self.output.streams:
            return _sink(None, self.output)
        path = source.path
        stem = path.stem if isinstance(source, FileSource) else f"{path.stem}_page{source.number}"
        suffix = self.output.suffix_for(self.aim.sizes, route.scale, route.size, path)
        return _sink(
            self.file or _beside(path, root, self.folder) / f"{stem}{suffix}{ending}", self.output, self.folder
        )


def _beside(source: Path, root: Path, folder: Path | None) -> Path:
    """Return where the output of a source goes: beside it, or to the same place below the folder of outputs."""
    return folder / source.parent.relative_to(root) if folder else source.parent


def _ending(source: Path, format_: str) -> str:
    """Return the ending of an output; the source's own is kept where it names the right format."""
    return source.suffix if format_of_suffix(source) == format_ else WRITABLE[format_][0]


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
