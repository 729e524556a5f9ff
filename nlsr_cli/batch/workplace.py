"""The pages of a book as a folder of jobs: they go, one by one, to a hidden folder beside the output. There they have a
ledger as in any other folder, so that an interrupted book continues with the page it was at.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.sink import FileSink, Sink
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.files import lock, remove_parts
from nlsr_cli.upscaling.rows_folder import folders_of_rows

_PREFIX, _SUFFIX = ".nlsr-", ".pages"
_LOCK_NAME, _NOTES_SUFFIX = ".nlsr-lock", ".notes"
_PLACES = 8  # processes that may work on one book at once
_DIGITS = 12


@contextmanager
def workplace_of(sink: Sink) -> Iterator[Workplace]:
    """Lend the place where the pages of an output are finished; those of one that is no file go to a temporary folder.

    Raises:
        ImageWriteError: it cannot be made.
        OSError: there is no temporary folder.
    """
    if sink.on_disk:
        place = Workplace(sink.path)
        try:
            yield place
        finally:
            place.close()
        return
    with tempfile.TemporaryDirectory(prefix="nlsr-") as folder:
        place = Workplace(Path(folder) / "output")
        try:
            yield place
        finally:
            place.close()


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
