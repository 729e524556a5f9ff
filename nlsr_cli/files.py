"""Writing files so that each is there whole or not at all, whatever happens meanwhile. The standard library only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

_PARTS = ".nlsr-*.part"


def part_beside(path: Path) -> Path:
    """Return a temporary name in the folder of `path`: the last step of writing is then a change of names.

    It does not contain the name itself, which may be as long as the file system allows.
    """
    return path.with_name(f".nlsr-{secrets.token_hex(8)}.part")


def is_part(name: str) -> bool:
    """Tell whether a file of this name is a temporary one of ours."""
    return fnmatchcase(name, _PARTS)


def remove_parts(folder: Path) -> None:
    """Remove what processes that were killed have left in a folder in which nobody else writes."""
    with suppress(OSError):
        for part in folder.glob(_PARTS):
            part.unlink()


def write_new(part: Path, data: bytes) -> None:
    """Write a file that is not there yet, and force it to the disk. Its mode is what the umask gives.

    Raises:
        OSError: it exists, or cannot be written; what was begun is left to the caller to remove.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(part, flags, 0o666), "wb") as file:
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
