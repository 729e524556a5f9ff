"""A comic book as a folder of jobs: its pages come from the archive and go, one by one, to a hidden folder beside the
output. There they have a ledger as in any other folder, so that an interrupted book continues with the page it was at.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nlsr_cli.batch.inputs import HEAD_BYTES, picture_suffixes
from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.passed import is_apple_double, is_system_folder
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.batch.source import Held
from nlsr_cli.books.archive import Archive
from nlsr_cli.errors import ImageReadError, ImageWriteError, NlsrError
from nlsr_cli.files import lock, remove_parts
from nlsr_cli.images.formats import format_of
from nlsr_cli.images.loading import load
from nlsr_cli.upscaling.rows_folder import folders_of_rows

if TYPE_CHECKING:
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.route import Aim, Route

_PREFIX, _SUFFIX = ".nlsr-", ".pages"
_LOCK_NAME, _NOTES_SUFFIX = ".nlsr-lock", ".notes"
_PLACES = 8  # processes that may work on one book at once
_DIGITS = 12


@dataclass(frozen=True)
class Contents:
    """What a plan knows of a book: how many pages it has, and of the first that can be read, its pixels and its way."""

    pages: int
    first: int
    route: Route

    @property
    def pixels(self) -> int:
        """Return about how many pixels all pages have."""
        return self.pages * self.first


@dataclass(frozen=True)
class PageSource:
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
            return Contents(len(pages), header.height * header.width, aim.route(header.height, header.width))
    raise none_readable(book, len(pages), trouble)


def none_readable(book: Path, pages: int, first: NlsrError | None) -> ImageReadError:
    """Return the error for a book of which no page can be enlarged; `first` is what is wrong with the first one."""
    why = f"; the first: {first.message}" if first is not None else ""
    return ImageReadError(book, f"none of its {pages} pages can be enlarged{why}", first.hint if first else "")


class Workplace:
    """The hidden folder beside an output in which the pages of a book are finished.

    Another process on the same book has one of its own. What it holds stays for the next call until `discard`.

    Args:
        target: the output.

    Raises:
        ImageWriteError: it cannot be made.
    """

    def __init__(self, target: Path) -> None:
        digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:_DIGITS]
        self._lock: int | None = None
        try:
            for number in range(_PLACES):
                self.folder = target.with_name(f"{_PREFIX}{digest}-{number}{_SUFFIX}")
                if self._taken():
                    self._forget_untold()
                    return
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise ImageWriteError(target, f"the folder for its pages cannot be made: {reason}") from exc
        raise ImageWriteError(target, f"{_PLACES} other processes are making it", "Wait until they are done.")

    def _taken(self) -> bool:
        """Make the folder, or take the one that is there, unless another process works in it.

        Raises:
            OSError: it cannot be made, or something else has its name.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        for _ in range(_PLACES):
            self.folder.mkdir(parents=True, exist_ok=True)
            status = self.folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
                raise NotADirectoryError(errno.ENOTDIR, f"{self.folder} is not a folder of this user")
            with suppress(FileNotFoundError):  # it was removed by who held it before, in between
                descriptor = os.open(self.folder / _LOCK_NAME, flags, 0o600)
                if lock(descriptor) is False:
                    os.close(descriptor)
                    return False
                self._lock = descriptor
                if os.path.samestat(os.fstat(descriptor), (self.folder / _LOCK_NAME).stat()):
                    return True
                self._release()
        return False

    def _forget_untold(self) -> None:
        """Remove pages of which it is not known what is to be said: a process was killed before it could keep that.

        Raises:
            OSError: one cannot be removed.
        """
        for path in list(self.folder.iterdir()):
            if re.fullmatch(r"\d{5}", path.name) and self.notes(path) is None:
                path.unlink()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def sink(self, number: int, *, overwrite: bool) -> FileSink:
        """Return where a page goes."""
        return FileSink(self.folder / f"{number:05}", self.folder.parent, overwrite)

    def keep_notes(self, page: Path, notes: Sequence[str]) -> None:
        """Keep what is to be said of a page with it: the call that binds the book may be another one."""
        page.with_suffix(_NOTES_SUFFIX).write_text(json.dumps(list(notes)), "utf-8")

    def notes(self, page: Path) -> tuple[str, ...] | None:
        """Return what was kept of a page, None where nothing was."""
        with suppress(OSError, ValueError):
            found = json.loads(page.with_suffix(_NOTES_SUFFIX).read_text("utf-8"))
            return tuple(str(note) for note in found) if isinstance(found, list) else None
        return None

    def close(self) -> None:
        """Leave the pages to whoever comes next; where there are none, the folder goes."""
        with suppress(OSError):
            if self._lock is not None and {entry.name for entry in os.scandir(self.folder)} <= {
                _LOCK_NAME,
                LEDGER_NAME,
            }:
                self.discard()
        self._release()

    def discard(self) -> None:
        """Remove the pages; what is not of nlsr stays."""
        with suppress(OSError):
            remove_parts(self.folder)
            for entry in list(os.scandir(self.folder)):
                if entry.name == LEDGER_NAME or re.fullmatch(r"\d{5}(\.notes)?", entry.name):
                    Path(entry.path).unlink()
            for folder in (folder for folders in folders_of_rows(self.folder).values() for folder in folders):
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()
        if os.name == "nt":  # where nobody removes what is open
            self._release()
        with suppress(OSError):
            (self.folder / _LOCK_NAME).unlink()  # last, and while it is locked: others look whether it is still there
            self.folder.rmdir()
        self._release()
