"""Writing files so that each is there whole or not at all, whatever happens meanwhile. The standard library only."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

PART_PREFIX, PART_SUFFIX = ".nlsr-", ".part"  # of the names of what is not finished
_PARTS = f"{PART_PREFIX}*{PART_SUFFIX}"
_OLD = 24 * 3600.0  # seconds: where nothing tells whether a part is being written, one of this age is not
_PATIENCE = 0.25  # seconds: those who hold such a lock do so for a moment; who holds it longer is no process of ours


def part_beside(path: Path) -> Path:
    """Return a temporary name in the folder of `path`: the last step of writing is then a change of names.

    It does not contain the name itself, which may be as long as the file system allows.
    """
    return path.with_name(f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}")


def is_part(name: str) -> bool:
    """Tell whether a file of this name is a temporary one of ours."""
    return fnmatchcase(name, _PARTS)


def remove_parts(folder: Path) -> None:
    """Remove what processes that were killed have left in a folder in which nobody else writes."""
    with suppress(OSError):
        for part in folder.glob(_PARTS):
            part.unlink()


@contextmanager
def writing_in(folder: Path) -> Iterator[None]:
    """Tell `remove_dead_parts` in other processes that parts in `folder` are alive, until they have their names.

    The lock is on the folder itself (on Windows on a file in it, which goes with the last who has it open), shared by
    all who write there, and ends with the process. Where it cannot be had (some network mounts, or somebody keeps the
    folder for himself) the work goes on without.
    """
    descriptor = _opened(folder)
    try:
        if descriptor is not None:
            lock(descriptor, shared=True, patience=_PATIENCE)
        yield
    finally:
        if descriptor is not None:
            _close(descriptor, folder)


def remove_dead_parts(folder: Path) -> int:
    """Remove what processes that were killed have left in a folder where others may write; return how many.

    As long as anybody writes there, none is removed. Where no lock can tell, those that are older than a day are.
    """
    descriptor = _opened(folder)
    removed = 0
    try:
        held = None if descriptor is None else lock(descriptor)
        if held is False:
            return 0
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if is_part(entry.name) and (
                    entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
                ):
                    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    if held or age > _OLD:
                        remove_part(Path(entry.path))
                        removed += 1
    finally:
        if descriptor is not None:
            _close(descriptor, folder)
    return removed


def remove_part(path: Path) -> None:
    """Remove a temporary file, a folder in which names were tried, or one of tiles: files, also in numbered folders.

    Raises:
        OSError: it holds more than that, so it is not ours, or it cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for each in path.iterdir():
        if each.is_symlink() or not (each.is_dir() and each.name.isdigit()):
            each.unlink()
            continue
        for below in each.iterdir():
            below.unlink()
        each.rmdir()
    path.rmdir()


def lock(descriptor: int, *, shared: bool = False, patience: float = 0.0) -> bool | None:
    """Lock an open file until it is closed: True if it is locked, False if others keep it, None where nobody can.

    Other processes are asked for `patience` seconds at most, so that nobody who keeps a lock can stop us.
    """
    end = time.monotonic() + patience
    while (held := _try_lock(descriptor, shared=shared)) is False and time.monotonic() < end:
        time.sleep(0.01)
    return held


if sys.platform == "win32":
    import msvcrt

    # Far behind the content, because a lock keeps others from reading what it covers. A byte is locked for one process
    # alone: whoever shares takes any one of them, and whoever does not takes all.
    _FIRST, _PLACES = 2**30, 64
    _FOLDER_LOCK = ".nlsr-lock"

    def _opened(folder: Path) -> int | None:
        """Return a descriptor of a file in a folder, which has none of its own; None where it cannot be made."""
        try:
            return os.open(folder / _FOLDER_LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOINHERIT", 0))
        except (OSError, ValueError):
            return None

    def _close(descriptor: int, folder: Path) -> None:
        """Close it, and remove the file, which succeeds once nobody has it open."""
        os.close(descriptor)
        with suppress(OSError):
            (folder / _FOLDER_LOCK).unlink()

    def _try_lock(descriptor: int, *, shared: bool) -> bool | None:
        start = secrets.randbelow(_PLACES)  # two who share seldom try the same byte
        places = [((start + step) % _PLACES, 1) for step in range(_PLACES)] if shared else [(0, _PLACES)]
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        try:
            return any(_lock_bytes(descriptor, _FIRST + place, count) for place, count in places)
        except OSError:
            return None
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)

    def _lock_bytes(descriptor: int, first: int, count: int) -> bool:
        os.lseek(descriptor, first, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, count)
        except PermissionError:  # another process has one of them
            return False
        return True

else:
    import fcntl

    def _opened(folder: Path) -> int | None:
        """Return a descriptor of a folder, or None where it has none."""
        try:
            return os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
        except (OSError, ValueError):
            return None

    def _close(descriptor: int, folder: Path) -> None:
        del folder
        os.close(descriptor)

    def _try_lock(descriptor: int, *, shared: bool) -> bool | None:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # such as of a network mount that has none
            return None
        return True


def open_new(part: Path) -> BinaryIO:
    """Open a file that is not there yet for writing, and reading back. Its mode is what the umask gives.

    Raises:
        OSError: it exists, or cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.fdopen(os.open(part, flags, 0o666), "w+b")


def write_new(part: Path, data: bytes) -> None:
    """Write a file that is not there yet, and force it to the disk.

    Raises:
        OSError: it exists, or cannot be written; what was begun is left to the caller to remove.
    """
    with open_new(part) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_files(contents: Mapping[Path, bytes]) -> None:
    """Write files in place of those that are there: all are complete on the disk before the first takes its name.

    A symbolic link is replaced, not followed. Each file is replaced in one step, so that a reader sees the old one or
    the new one; the files together are not, so a power cut between two of them leaves some old and some new.

    Raises:
        OSError: one cannot be written; nothing temporary is left behind.
    """
    parts = {path: part_beside(path) for path in contents}
    try:
        for path, part in parts.items():
            write_new(part, contents[path])
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            remove(part)


def remove(path: Path) -> None:
    """Remove a file if it is there, even where an interruption arrives just now."""
    try:
        path.unlink(missing_ok=True)
    except KeyboardInterrupt:
        path.unlink(missing_ok=True)
        raise
