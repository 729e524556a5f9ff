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
import tempfile
from contextlib import suppress
from pathlib import Path

from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.files import lock
from nlsr_cli.serving.job import ID, Job
from nlsr_cli.serving.refusals import DiskFull
from nlsr_cli.storing import writing

RESERVE = 64 << 20  # bytes that stay free on the disk: what is accepted must be able to be finished
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
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="nlsr-serve-")) if folder is None else folder.resolve()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
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
        return path if path.is_file() else None

    def save(self, job: Job) -> None:
        """Write what is known of a job, whole or not at all, and force it to the disk.

        Raises:
            ImageWriteError: the disk does not take it.
        """
        with writing(self._of(job.id) / _RECORD, overwrite=True) as part:
            part.append(json.dumps(job.stored()).encode())
            part.commit()

    def remove(self, name: str) -> None:
        """Forget a job, its record first: what is left of a folder that cannot be removed is no job."""
        with suppress(OSError):
            (self._of(name) / _RECORD).unlink()
        shutil.rmtree(self._of(name), ignore_errors=True)

    def found(self) -> list[Job]:
        """Return the jobs that an earlier server has accepted, the oldest first; remove what it had not."""
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
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return job if job.id == name and self.upload(name).is_file() else None

    def _of(self, name: str) -> Path:
        if not ID.fullmatch(name):
            raise NlsrError(f"'{name[:40]}' is no name of a job")
        return self.folder / name
