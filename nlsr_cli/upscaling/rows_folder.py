"""The folders in which finished rows lie: `.nlsr-OUTPUT-KEY.rows` beside an output, each of one process at a time."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from nlsr_cli.files import lock, remove_parts

_NAME_DIGITS, _KEY_DIGITS = 12, 24
_TRIES = 8
_PREFIX, _SUFFIX = ".nlsr-", ".rows"


def folders_of_rows(folder: Path) -> dict[str, list[Path]]:
    """Return the folders of rows that lie in a folder, by what begins the names of those of one output."""
    found: dict[str, list[Path]] = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX) and entry.is_dir(follow_symlinks=False):
                found.setdefault(entry.name[: len(_PREFIX) + _NAME_DIGITS + 1], []).append(Path(entry.path))
    return found


def stem_of(target: Path) -> str:
    """Return what the names of all folders of rows of one output begin with."""
    return f"{_PREFIX}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:_NAME_DIGITS]}-"


def folder_for(target: Path, key: str) -> Path:
    """Return the folder in which the rows of an output lie that follow from what `key` says."""
    digits = hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS]
    return target.with_name(f"{stem_of(target)}{digits}{_SUFFIX}")


def locked(folder: Path) -> int | None:
    """Make a folder if it is not there, and return a descriptor that holds its lock; None where there are no locks.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be made.
    """
    for _ in range(_TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, "a link has taken their place")
        try:
            descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except PermissionError:  # Windows opens no folders
            return None
        if lock(descriptor) is False:
            os.close(descriptor)
            raise BlockingIOError
        with suppress(OSError):
            if os.fstat(descriptor).st_ino == folder.stat().st_ino:
                return descriptor
        os.close(descriptor)  # it was removed by who held it before, in between
    raise BlockingIOError


def remove_dead(folder: Path) -> None:
    """Remove a folder of rows that no process holds."""
    with suppress(OSError):
        held = locked(folder)
        remove_folder(folder)
        if held is not None:
            os.close(held)


def remove_folder(folder: Path) -> None:
    """Remove a folder of rows; if it holds anything else, that stays."""
    with suppress(OSError):
        remove_parts(folder)
        for path in folder.iterdir():
            if path.suffix in (".row", ".strip", ".pixels"):
                path.unlink()
        folder.rmdir()
