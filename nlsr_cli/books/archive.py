"""Comic books as files: ZIP archives (CBZ), which come from strangers and are read under limits."""

from __future__ import annotations

import errno
import io
import lzma
import re
import shlex
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nlsr_cli.errors import ImageReadError

SUFFIX = ".cbz"
SUFFIXES = (SUFFIX, ".cbr", ".cb7", ".cbt")  # of comic books; those of RAR, 7z and tar hold ZIP archives now and then
_ZIP = b"PK\x03\x04"
MAX_FILES = 10_000
MAX_FILE = 2**28  # bytes of one file in a book, which is in memory at some time
MAX_GROWTH, ALLOWANCE = 100, 2**30  # a book holds no more bytes than so many times its own, and these
_MAX_READ = 2**23  # bytes read at once: those of the list of files, which could fill any memory
_PIECE = 2**20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1
_SEPARATOR, _ABSOLUTE = re.compile(r"[/\\]"), re.compile(r"(?:[A-Za-z]:)?[/\\]")
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError),
)
DAMAGED_HINT = "Get the book again, or save what can be read: zip -FF book.cbz --out saved.cbz"


def is_book(path: Path) -> bool:
    """Tell whether a path is that of a comic book that can be read: by its ending, and unless that is .cbz, by content.

    Pipes and devices are never opened.
    """
    suffix = path.suffix.lower()
    with suppress(OSError, ValueError):
        if suffix in SUFFIXES and stat.S_ISREG(path.stat().st_mode):
            return suffix == SUFFIX or _head(path).startswith(_ZIP)
    return False


def other_archive(path: Path) -> ImageReadError | None:
    """Return the error for a file of pages that other programs can read, with the way to a CBZ; None for any other."""
    head = b""
    with suppress(OSError, ValueError):
        head = _head(path) if stat.S_ISREG(path.stat().st_mode) else b""
    book, name = shlex.quote(path.with_suffix(SUFFIX).name), shlex.quote(path.name)
    bind = f"&& (cd pages && zip -r ../{book} .)"
    if head.startswith(b"%PDF"):
        return ImageReadError(path, "is a PDF document", f"Extract its pictures: pdfimages -all {name} page")
    if head.startswith(b"Rar!"):
        return ImageReadError(path, "is a RAR archive", f"Turn it into a CBZ: unar -o pages {name} {bind}")
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return ImageReadError(path, "is a 7z archive", f"Turn it into a CBZ: 7z x -opages {name} {bind}")
    if path.suffix.lower() == ".cbt" and head[257:262] == b"ustar":
        return ImageReadError(
            path, "is a tar archive", f"Turn it into a CBZ: mkdir pages && tar -xf {name} -C pages {bind}"
        )
    if head.startswith(_ZIP):
        hint = "Give it the ending .cbz if it is a comic book, or unpack it: unzip " + name
        return ImageReadError(path, "is a ZIP archive (or an office document)", hint)
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


class _Bounded(io.FileIO):
    """A file of which only so much can be read at once: an archive may claim that its list of files is endless."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes.

        Raises:
            BadZipFile: they are too many.
        """
        if size is not None and size > _MAX_READ:
            raise zipfile.BadZipFile("its list of files is too long")
        return super().read(_MAX_READ if size is None or size < 0 else size) or b""


class Archive:
    """An open book; a context manager. Every error names the book.

    Args:
        path: of the book.

    Raises:
        ImageReadError: it is no ZIP archive, is damaged, or is not to be trusted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._reading():
            self._file = _Bounded(path)
            try:
                self._zip = zipfile.ZipFile(self._file)
            except BaseException:
                self._file.close()
                raise
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._zip.close()
        self._file.close()

    @property
    def files(self) -> list[zipfile.ZipInfo]:
        """Return all that is in it, folders too, in the order of the archive."""
        return self._zip.infolist()

    @property
    def comment(self) -> bytes:
        """Return the comment of the archive."""
        return self._zip.comment

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file.

        Raises:
            ImageReadError: it is damaged.
        """
        with self._reading(name), self._zip.open(name) as file:
            left = self._zip.getinfo(name).file_size
            while piece := file.read(_PIECE):
                left -= len(piece)
                yield piece
            if left:
                raise zipfile.BadZipFile(f"{left} bytes are missing")

    def read(self, name: str) -> bytes:
        """Return the content of a file, which has at most `MAX_FILE` bytes.

        Raises:
            ImageReadError: it is damaged.
        """
        return b"".join(self.pieces(name))

    def head(self, name: str, count: int) -> bytes:
        """Return the first bytes of a file.

        Raises:
            ImageReadError: they are damaged.
        """
        with self._reading(name), self._zip.open(name) as file:
            return file.read(count)

    def verify(self) -> None:
        """Read everything once: what is found only after hours of work costs them.

        Raises:
            ImageReadError: a file does not match its checksum, or cannot be unpacked.
        """
        for info in self.files:
            for _ in self.pieces(info.filename):
                pass

    @contextmanager
    def _reading(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except _BROKEN as exc:
            if isinstance(exc, OSError) and exc.strerror and exc.errno != errno.EINVAL:  # of a place before the file
                raise ImageReadError(self.path, f"cannot be read: {exc.strerror.lower()}") from exc
            what = f"its file {name} is damaged" if name else "is not a whole ZIP archive"
            raise ImageReadError(self.path, f"{what}: {exc}", DAMAGED_HINT) from exc

    def _check(self) -> None:
        """Refuse what no honest book is."""
        infos = self.files
        if len(infos) > MAX_FILES:
            raise self._refused(f"holds {len(infos)} files, more than {MAX_FILES}", "Split it into several books.")
        for info in infos:
            self._check_file(info)
        twice = [name for name, count in Counter(info.filename for info in infos).items() if count > 1]
        if twice:
            raise self._refused(
                f"holds several files named {twice[0]}", "Unpack it, rename one of them, and zip it again."
            )
        total = sum(info.file_size for info in infos)
        most = MAX_GROWTH * self.path.stat().st_size + ALLOWANCE
        if total > most:
            raise self._refused(f"would unpack to {total} bytes, more than the {most} allowed for its size")

    def _check_file(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        if not name or "\0" in info.orig_filename or _ABSOLUTE.match(name) or ".." in _SEPARATOR.split(name):
            raise self._refused(f"its file '{info.orig_filename}' has a name that leads out of the book")
        if info.flag_bits & _ENCRYPTED:
            raise self._refused("is encrypted", "Unpack it with its password, and zip it again without one.")
        if info.compress_type not in _METHODS:
            hint = "Unpack it, and zip it again."
            raise self._refused(
                f"its file {name} is compressed by method {info.compress_type}, which nlsr does not know", hint
            )
        if info.file_size > MAX_FILE:
            raise self._refused(f"its file {name} has {info.file_size} bytes, more than {MAX_FILE}")

    def _refused(self, reason: str, hint: str = "Unpack it if you trust it, and upscale the folder.") -> ImageReadError:
        return ImageReadError(self.path, reason, hint)
