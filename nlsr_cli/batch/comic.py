"""A comic book as jobs: its pages come from the archive, and everything else in it stays as it was."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nlsr_cli.batch.book import Contents, none_readable
from nlsr_cli.batch.inputs import HEAD_BYTES, picture_suffixes
from nlsr_cli.batch.passed import is_apple_double, is_system_folder
from nlsr_cli.batch.source import Held
from nlsr_cli.books.archive import Archive
from nlsr_cli.books.binding import Replacement, bind
from nlsr_cli.books.comic_info import NAME, Measures, says_sizes, with_sizes
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.formats import WRITABLE, format_of, format_of_suffix, writing_of
from nlsr_cli.images.loading import load
from nlsr_cli.sizes import MAX_SCALE

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.storing import Pieces
    from nlsr_cli.upscaling.route import Aim


@dataclass(frozen=True)
class MemberSource:
    """A page in a book, read when it is wanted."""

    book: Path
    member: str
    ends: bool = True

    @property
    def path(self) -> Path:
        """Return the path as if the book were a folder."""
        return self.book / self.member

    @property
    def name(self) -> str:
        """Return the same, letter by letter."""
        return f"{self.book}/{self.member}"

    def hold(self, max_pixels: int) -> Held:
        """Return the bytes of what is a picture by its first ones."""
        with Archive(self.book) as archive:
            return load(archive.read(self.member), self.name, max_pixels).data


def pages_of(archive: Archive) -> list[str]:
    """Return the names of the pages of a book, in the order of the archive.

    Pages are pictures by their ending or content. Hidden files, and what systems keep for themselves, are none.

    Raises:
        ImageReadError: a file is damaged, or none is a picture.
    """
    pages = []
    for info in archive.files:
        *folders, name = PurePosixPath(info.filename).parts
        hidden = name.startswith(".") or is_apple_double(name) or any(map(is_system_folder, folders))
        if info.is_dir() or hidden or stat.S_ISLNK(info.external_attr >> 16) or not info.file_size:
            continue
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in picture_suffixes() or format_of(archive.head(info.filename, HEAD_BYTES)):
            pages.append(info.filename)
    if not pages:
        raise ImageReadError(archive.path, "holds no pictures", "To see what it holds: unzip -l " + archive.path.name)
    return pages


def reading_orders(pages: Sequence[str]) -> list[list[str]]:
    """Return the orders in which readers may number pages: by name with numbers as such, by name, as in the archive."""

    def natural(name: str) -> list[tuple[int, str]]:
        parts = re.findall(r"\d+|\D+", name.casefold())
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]

    return [sorted(pages, key=natural), sorted(pages), list(pages)]


def look_into(book: Path, aim: Aim, decoder: Decoder, max_pixels: int) -> Contents:
    """Return what a plan needs to know of a book.

    Raises:
        ImageReadError: it is no sound archive, or none of its pages has a header that can be read.
        OptionError: its first page cannot have the size that is asked for.
    """
    trouble: ImageReadError | None = None
    with Archive(book) as archive:
        pages = pages_of(archive)
        for page in reading_orders(pages)[0]:
            try:
                header = decoder.probe(archive.read(page), name=f"{book}/{page}", max_pixels=max_pixels)
            except ImageReadError as error:
                trouble = trouble or error
                continue
            return Contents("CBZ", len(pages), header.height * header.width, aim.route(header.height, header.width))
    raise none_readable(book, len(pages), trouble)


class ComicBook:
    """The open comic book of a job; a context manager.

    Args:
        job: its job.
        decoder: what reads the headers of pages.

    Raises:
        ImageReadError: it is no sound archive, or holds no pages.
    """

    keeps = True

    def __init__(self, job: Job, decoder: Decoder) -> None:
        self._job, self._decoder = job, decoder
        self._archive = Archive(job.source.path)
        try:
            self._archive.verify()
            pages = pages_of(self._archive)
        except BaseException:
            self._archive.close()
            raise
        self.pages = {page: MemberSource(job.source.path, page) for page in pages}

    def __enter__(self) -> ComicBook:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def bound(self, outcomes: Mapping[str, Outcome]) -> Pieces:
        """Yield the book with its enlarged pages, and return notes."""
        replacements = _replacements(self._archive, outcomes)
        notes = tuple(self._with_comic_info(replacements))
        return (*notes, *(yield from bind(self._archive, replacements)))

    def _with_comic_info(self, replacements: dict[str, Replacement]) -> Iterator[str]:
        """Let the sizes in ComicInfo.xml follow the pages; yield a note where they cannot."""
        archive, book = self._archive, self._job.source.name
        name = next((info.filename for info in archive.files if info.filename.lower() == NAME.lower()), None)
        data = archive.read(name) if name is not None else b""
        if name is None or not says_sizes(data):
            return
        before, after = {}, {}
        for page, new in replacements.items():
            before[page] = self._measured(archive.read(page), f"{book}/{page}")
            after[page] = self._measured(new.read(), f"{book}/{new.name}")
        written = with_sizes(data, reading_orders(list(self.pages)), before, after)
        if written is None:
            yield f"The page sizes in {name} are not those of the pages, so they stay as they were."
        else:
            replacements[name] = Replacement(written, name, compress=True)

    def _measured(self, data: bytes, name: str) -> Measures:
        header = self._decoder.probe(data, name=name, max_pixels=self._job.options.max_pixels * MAX_SCALE**2)
        return Measures(header.width, header.height, len(data))


def _replacements(archive: Archive, outcomes: Mapping[str, Outcome]) -> dict[str, Replacement]:
    """Return the enlarged pages with their names, which change with the format and are never those of other files."""
    taken = {info.filename for info in archive.files}
    found = {}
    for page, outcome in outcomes.items():
        if outcome.output is None:
            continue
        with outcome.output.open("rb") as file:
            format_ = format_of(file.read(HEAD_BYTES)) or ""
        name, writing = page, writing_of(format_)
        if format_of_suffix(Path(page)) != format_:
            ending = WRITABLE[format_][0]
            name = page.removesuffix(PurePosixPath(page).suffix) + ending
            name = page + ending if name in taken else name
        taken.add(name)
        found[page] = Replacement(outcome.output, name, compress=writing.least_share >= 1)
    return found
