"""A TIFF of several pages as jobs: each page is one, and what came of them is one TIFF again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.batch.book import Contents
from nlsr_cli.batch.source import BytesSource, FileSource, PageSource, StandardInput
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Pages
from nlsr_cli.images.encoding.tiff_binding import bound
from nlsr_cli.images.formats.tiff import TIFF

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.storing import Pieces
    from nlsr_cli.upscaling.route import Route

Whole = FileSource | BytesSource  # what can be read more than once


def look_into(source: Whole, route: Callable[[int, int], Route], decoder: Decoder, max_pixels: int) -> Contents | None:
    """Return what a plan needs to know of a TIFF of several pages; None of any other file.

    Args:
        source: where it comes from.
        route: the way of a picture of a height and width.
        decoder: what reads the header of the first page.
        max_pixels: the pixels that a page may have.

    Raises:
        ImageReadError: it cannot be read, or has more pages than are counted.
        OptionError: its first page cannot have the size that is asked for.
    """
    with Pages(source.hold(max_pixels), source.name) as pages:
        count, counted = pages.count, pages.counted
        first = PageSource(source, 1, "bound", pages.leaf(1))
    if count == 1:
        return None
    if not counted:
        split = f"Take one with --page, or split the file first: tiffsplit {shlex.quote(source.path.name)}"
        raise ImageReadError(source.name, f"has more than {count} pages", split)
    header = decoder.probe(first.hold(max_pixels), name=first.name, max_pixels=max_pixels)
    return Contents("TIFF", count, header.height * header.width, route(header.height, header.width))


def arrived(job: Job, route: Callable[[int, int], Route], decoder: Decoder) -> Job:
    """Return the job of a stream with all that comes, where that may be a TIFF of several pages; any other as it is.

    Raises:
        NlsrError: as `look_into`, or the stream cannot be read.
    """
    source, pixels = job.source, job.options.max_pixels
    page = source if isinstance(source, PageSource) else None
    stream = source if page is None else page.file
    if job.error is not None or job.skip or stream.ends or not isinstance(stream, FileSource | StandardInput):
        return job
    if page is None and job.format not in ("", TIFF.name):
        return job
    data = stream.hold(pixels)
    if isinstance(data, Path):  # it is a file by now
        return job
    here = BytesSource(data, stream.name, stream.path)
    if page is not None:
        return replace(job, source=replace(page, file=here))
    book = look_into(here, route, decoder, pixels)
    return replace(job, source=here, book=book, format=job.format if book is None else TIFF.name)


class PagedTiff:
    """The open TIFF of a job, whose pages are to be bound; a context manager.

    Args:
        job: its job.
        content: the SHA-256 of the file.

    Raises:
        ImageReadError: it cannot be read.
    """

    keeps = False  # a page as it was would have to be written in another byte order and layout

    def __init__(self, job: Job, content: str) -> None:
        source = job.source
        if not isinstance(source, Whole):
            raise TypeError(f"{source.name} has no pages")
        self._file = Pages(source.hold(job.options.max_pixels), source.name)
        leaves = self._file.leaves
        self.pages = {
            f"page {number}": PageSource(source, number, "bound", leaf, content)
            for number, leaf in enumerate(leaves, 1)
        }

    def __enter__(self) -> PagedTiff:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)

    def bound(self, outcomes: Mapping[str, Outcome]) -> Pieces:
        """Yield the enlarged pages as one file, and return notes on what lies between the pages of the source."""
        yield from bound([each.output for each in outcomes.values() if each.output is not None])
        return self._file.losses
