"""The jobs of a server on disk: a folder for each, with the upload, what is known of it, and the result.

    STATE/0123456789abcdef0123456789abcdef/job.json    once it is accepted
                                           upload
                                           result/     what was made

Names come from here alone, and no client has a say in them. What is in the folder STATE and has no such name is not
touched.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.files import lock
from nlsr_cli.serving.job import ID, Job
from nlsr_cli.serving.refusals import DiskFull
from nlsr_cli.storing import writing

RESERVE = 64 << 20  # bytes that stay free on the disk: what is accepted must be able to be finished
_PRIVATE = "nlsr-serve-"
_ABANDONED = 60.0  # seconds after which a private folder that nobody has locked is one whose server was killed
_LOCK, _RECORD, _UPLOAD, _RESULT = "nlsr-serve.lock", "job.json", "upload", "result"


class Store:
    """The folder of one server, which no other one may use meanwhile.

    Args:
        folder: where it is; None is a new one that `close` removes.

    Raises:
        OptionError: it cannot be used, or another server has it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.is_kept = folder is not None
        self._change = threading.Lock()
        self._lent: Counter[str] = Counter()
        self._forgotten: set[str] = set()  # of those that are lent
        try:
            self.folder = _private() if folder is None else folder.resolve()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name != "nt" and self.folder.stat().st_mode & stat.S_IWOTH:
                hint = f"Take that away: chmod o-w {folder}"
                raise OptionError(f"--state {folder} can be changed by every user of this machine", hint)
            self._lock = _opened(self.folder, os.O_CREAT)
        except OSError as exc:
            raise OptionError(f"--state {folder} cannot be used: {exc.strerror}", "Choose another folder.") from exc
        if lock(self._lock) is False:
            os.close(self._lock)
            raise OptionError(f"--state {folder} is used by another server", "Choose another folder, or end that one.")

    def close(self) -> None:
        """Let others have the folder; remove it if it is a private one."""
        os.close(self._lock)
        if not self.is_kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self, expected: int) -> str:
        """Make a folder for an upload of about `expected` bytes, and return its name, which nobody can guess.

        Raises:
            DiskFull: the disk has too little room.
        """
        if shutil.disk_usage(self.folder).free < expected + RESERVE:
            raise DiskFull("the disk of the server is full", "Try again later.")
        name = secrets.token_hex(16)
        self._of(name).mkdir(mode=0o700)
        return name

    def upload(self, name: str) -> Path:
        """Return where the upload of a job lies."""
        return self._of(name) / _UPLOAD

    def results(self, name: str) -> Path:
        """Return the folder for the result of a job."""
        return self._of(name) / _RESULT

    def result(self, job: Job) -> Path | None:
        """Return the file that was made; None where it is not there."""
        if job.result is None:
            return None
        path = self.results(job.id) / f"{_UPLOAD}{job.result.suffix}{job.result.ending}"
        return path if _is_own(path) else None

    def save(self, job: Job) -> None:
        """Write what is known of a job, whole or not at all, and force it to the disk.

        Raises:
            ImageWriteError: the disk does not take it.
        """
        with writing(self._of(job.id) / _RECORD, overwrite=True) as part:
            part.append(json.dumps(job.stored()).encode())
            part.commit()

    def remove(self, name: str) -> None:
        """Forget a job, its record first: what is left of a folder that cannot be removed is no job.

        Files that are lent go when they are given back.
        """
        with suppress(OSError):
            (self._of(name) / _RECORD).unlink()
        with self._change:
            if self._lent[name]:
                self._forgotten.add(name)
                return
        shutil.rmtree(self._of(name), ignore_errors=True)

    @contextmanager
    def lent(self, name: str) -> Iterator[None]:
        """Keep the files of a job meanwhile, even if it is forgotten: a download that has begun is finished."""
        with self._change:
            self._lent[name] += 1
        try:
            yield
        finally:
            with self._change:
                self._lent[name] -= 1
                over = not self._lent[name]
                if over:
                    del self._lent[name]
                forgotten = over and name in self._forgotten
                self._forgotten -= {name} if over else set()
            if forgotten:
                self.remove(name)

    def found(self) -> list[Job]:
        """Return the jobs that an earlier server has accepted, the oldest first; remove what it had not.

        Raises:
            OptionError: what is there cannot be read.
        """
        jobs = []
        for entry in list(os.scandir(self.folder)):
            if not ID.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            job = self._read(entry.name)
            if job is None or job.direct:  # half an upload, or one whose client has gone with that server
                self.remove(entry.name)
            else:
                jobs.append(job)
        return sorted(jobs, key=lambda job: job.created)

    def _read(self, name: str) -> Job | None:
        try:
            job = Job.restored(json.loads((self._of(name) / _RECORD).read_bytes()))
        except (FileNotFoundError, IsADirectoryError, KeyError, TypeError, ValueError, RecursionError):
            return None
        except OSError as exc:  # it may well be a job: to remove it would lose what was accepted
            hint = "Start the server as the user who did before, or choose another folder."
            raise OptionError(f"--state {self.folder} cannot be read: {exc.strerror}", hint) from exc
        return job if job.id == name and _is_own(self.upload(name)) else None

    def _of(self, name: str) -> Path:
        if not ID.fullmatch(name):
            raise NlsrError(f"'{name[:40]}' is no name of a job")
        return self.folder / name


def _private() -> Path:
    """Return a new folder for one server, and remove those of servers that were killed."""
    for entry in list(os.scandir(tempfile.gettempdir())):
        if entry.name.startswith(_PRIVATE) and entry.is_dir(follow_symlinks=False):
            with suppress(OSError):  # that of another user, or one that is just being made or removed
                _remove_abandoned(Path(entry.path))
    return Path(tempfile.mkdtemp(prefix=_PRIVATE))


def _remove_abandoned(folder: Path) -> None:
    if time.time() - folder.stat().st_mtime < _ABANDONED:  # its server may be about to lock it
        return
    held = _opened(folder)
    try:
        if lock(held):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


def _opened(folder: Path, more: int = 0) -> int:
    """Return the open file that says who has a folder; it is never one that a link leads to."""
    return os.open(folder / _LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | more, 0o600)


def _is_own(path: Path) -> bool:
    """Tell whether a file is there, and not a link to one that lies elsewhere."""
    return path.is_file() and not path.is_symlink()
