"""Which process does which picture, where several work on one folder: who begins one claims it, and others keep away.

A claim is a file beside the output, made in one step that only one process can win. Its holder locks it, so that on the
same machine its end is seen at once, however it came; and touches it from time to time, so that others see that it
lives where locks do not reach them. A claim that is lost or taken for dead in error costs a picture that is computed
twice, never a wrong file: `Keeper.store` sees to that.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from nlsr_cli.files import lock, open_new, part_beside, remove

BEAT = 10.0  # seconds between two touches
STALE = 60.0  # seconds: a claim that was not touched for so long is dead, where no lock can tell
_PATIENCE = 0.25  # seconds that somebody who only looks may hold the lock
_TRIES = 8
_DIGITS = 16
_LONGEST = 4096  # bytes of a claim that are read
_PREFIX, _SUFFIX = ".nlsr-", ".claim"
PERMIT_SUFFIX = ".permit"  # of files without which workers elsewhere finish nothing
_TOLD: dict[str, type] = {"output": str, "host": str, "process": int, "since": float}  # what a claim says to others
_CAREFUL = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Claim:
    """An output that this process makes; as long as its file is not made, others do not know of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def path(self) -> Path:
        """Return the file."""
        return self._path

    def make(self, output: str) -> bool:
        """Make the file, which says who makes `output`; return False where there is one.

        Raises:
            OSError: none can be made.
        """
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _CAREFUL, 0o666)
        except FileExistsError:
            return False
        lock(self._descriptor, patience=_PATIENCE)
        values = {"output": output, "host": platform.node(), "process": os.getpid(), "since": time.time()}
        os.write(self._descriptor, json.dumps({**values, "kernel": _kernel()}).encode())
        return True

    def beat(self) -> None:
        """Say that its holder lives."""
        with suppress(OSError):
            if self._descriptor is not None and _is_at(self._descriptor, self._path):
                os.utime(self._path)

    def release(self) -> None:
        """Let others have it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _drop(descriptor, self._path)


class Claims:
    """The claims of this process, touched by a thread as long as it has any."""

    def __init__(self) -> None:
        self._held: set[Claim] = set()
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, target: Path) -> Claim | None:
        """Return a claim on an output; None where another process has it."""
        path = claim_of(target)
        claim = self._held_from_now(Claim(path))  # first, so that an interruption leaves no file behind
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(_TRIES):
                if claim.make(target.name):
                    return claim
                if not _is_free(path):
                    break
        except OSError:  # who can make no file here is told so when the output is to be written
            return claim
        self.release(claim)
        return None

    def permit(self, folder: Path, holder: str) -> Claim:
        """Return a claim on no output, but on being asked: as long as its file is in the folder, a worker on whatever
        machine may finish what it has.

        Raises:
            OSError: it cannot be made.
        """
        claim = self._held_from_now(Claim(folder / f"{_PREFIX}{secrets.token_hex(8)}{PERMIT_SUFFIX}"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            claim.make(holder)
        except OSError:
            self.release(claim)
            raise
        return claim

    def release(self, claim: Claim) -> None:
        """Let others have what a claim is on."""
        with self._mutex:
            self._held.discard(claim)
            claim.release()

    def close(self) -> None:
        """Release all."""
        self._over.set()
        with self._mutex:
            while self._held:
                self._held.pop().release()

    def _held_from_now(self, claim: Claim) -> Claim:
        with self._mutex:
            self._held.add(claim)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="nlsr-beat", daemon=True)
                self._thread.start()
        return claim

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with self._mutex:
                for claim in self._held:
                    claim.beat()


def claim_of(target: Path) -> Path:
    """Return the file that says who makes an output."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:_DIGITS]
    return target.with_name(f"{_PREFIX}{digest}{_SUFFIX}")


def claims_in(folder: Path, suffixes: tuple[str, ...] = (_SUFFIX,)) -> list[Path]:
    """Return the claims in a folder; none where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        return [Path(each.path) for each in entries if each.name.startswith(_PREFIX) and each.name.endswith(suffixes)]
    return []


def remove_dead_claims(folder: Path) -> None:
    """Remove the claims and permits in a folder whose holders are gone."""
    for path in claims_in(folder, (_SUFFIX, PERMIT_SUFFIX)):
        with suppress(OSError):
            _is_free(path)


def holders_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what the claims in a folder say whose holders live: "output", "host", "process" and "since".

    Nothing is written, so that ages are by the clock of this machine.
    """
    for path in claims_in(folder):
        with suppress(OSError):
            descriptor = _opened(path)
            try:
                said = _said(descriptor)
                told = {name: said[name] for name, kind in _TOLD.items() if isinstance(said.get(name), kind)}
                if len(told) == len(_TOLD) and not _is_dead(descriptor, time.time, lock(descriptor)):
                    yield told
            finally:
                os.close(descriptor)


def _is_free(path: Path) -> bool:
    """Tell whether a claim is gone; one whose holder is gone is removed.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        descriptor = _opened(path)
    except FileNotFoundError:
        return True
    locked = lock(descriptor)
    if _is_at(descriptor, path) and (locked is False or not _is_dead(descriptor, lambda: _now(path), locked)):
        os.close(descriptor)
        return False
    _drop(descriptor, path)
    return True


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | _CAREFUL)  # some network mounts lock only what may be written
    except PermissionError:  # it is that of another user
        return os.open(path, os.O_RDONLY | _CAREFUL)


def _is_dead(descriptor: int, now: Callable[[], float], locked: bool | None) -> bool:
    """Tell whether the holder of a claim is gone by `now`; `locked` is whether its lock could be had.

    Where the lock of another machine does not reach, this one gets it though the holder lives.
    """
    if locked is False:
        return False
    if locked and _said(descriptor).get("kernel") == _kernel():
        return True
    return now() - os.fstat(descriptor).st_mtime > STALE


def _said(descriptor: int) -> dict[str, Any]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        values: Any = json.loads(os.read(descriptor, _LONGEST))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _now(path: Path) -> float:
    """Return the time by the clock of the file system, with which the times of claims can be compared."""
    part = part_beside(path)
    try:
        with open_new(part) as file:
            return os.fstat(file.fileno()).st_mtime
    finally:
        remove(part)


@cache
def _kernel() -> str:
    """Return what those processes have in common whose locks reach each other: a boot of a machine."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{platform.node()} {uuid.getnode():x}"


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _drop(descriptor: int, path: Path) -> None:
    """Close a claim, and remove it if it is still there: first that, so that nobody finds it without a holder."""
    if os.name != "nt":
        if _is_at(descriptor, path):
            remove(path)
        os.close(descriptor)
        return
    there = _is_at(descriptor, path)
    os.close(descriptor)
    if there:
        with suppress(OSError):  # nobody removes what is open there: another process may look at it just now
            path.unlink()
