"""Large picture files: their bytes lie on the disk, and come into memory where they are looked at."""

from __future__ import annotations

import mmap
import os
import re
import weakref
from collections.abc import Iterator
from typing import Any

from nlsr_cli.errors import ImageReadError

NEAR = 1 << 16  # bytes that the kernel brings into memory with the one that is looked at
MOST = 1 << 25  # bytes that may be in memory before they are given back
WINDOW = 1 << 24  # bytes that are searched at once


class Mapped(mmap.mmap):
    """The bytes of a file, for whatever reads `bytes`: slices are bytes, and it has the methods that readers call.

    Args:
        file: the descriptor of an open file that has at least one byte; a copy of it stays open as long as this is
            there.
    """

    def __new__(cls, file: int) -> Mapped:
        """Map a file for reading."""
        made = super().__new__(cls, file, 0, access=mmap.ACCESS_READ)
        made._file, made._begun, made._near = os.dup(file), state(file), 0
        weakref.finalize(made, os.close, made._file)
        return made

    _file: int
    _begun: tuple[int, int]
    _near: int

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - as of bytes
        found = super().__getitem__(place)
        self._near += NEAR + (len(found) if isinstance(found, bytes) else 0)
        if self._near > MOST:
            self.relax()
        return found

    def relax(self) -> None:
        """Give the memory back that it takes."""
        self._near = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            self.madvise(mmap.MADV_DONTNEED)

    def windows(self, start: int = 0, end: int | None = None, size: int = WINDOW) -> Iterator[bytes]:
        """Yield the bytes between two places, piece by piece."""
        end = len(self) if end is None else min(end, len(self))
        for at in range(start, end, size):
            yield self[at : min(at + size, end)]

    def __contains__(self, wanted: object) -> bool:
        if not isinstance(wanted, bytes):
            raise TypeError(f"a file holds bytes, not {type(wanted).__name__}")
        beyond = len(wanted) - 1
        return any(wanted in self[at : at + WINDOW + beyond] for at in range(0, len(self), WINDOW))

    def startswith(self, prefix: bytes | tuple[bytes, ...], start: int = 0) -> bool:
        """Say whether one of these stands at a place."""
        wanted = prefix if isinstance(prefix, tuple) else (prefix,)
        return any(self[start : start + len(each)] == each for each in wanted)

    def count(self, byte: bytes | int, start: int = 0, end: int | None = None) -> int:
        """Return how often a byte stands between two places."""
        return sum(piece.count(byte) for piece in self.windows(start, end))

    def index(self, wanted: bytes, start: int = 0) -> int:
        """Return the place where something stands first; raise ValueError where it does not."""
        at = self.find(wanted, start)
        if at < 0:
            raise ValueError("not found")
        return at

    @property
    def has_changed(self) -> bool:
        """Say whether the length of the file, or the time of its last change, is another than when it was mapped."""
        return state(self._file) != self._begun


def changed(label: str) -> ImageReadError:
    """Return the error of a file that was changed while it was read."""
    return ImageReadError(label, "was changed while it was read", "Wait until it is written, and try again.")


def search(pattern: re.Pattern[bytes], data: bytes | Mapped, at: int) -> re.Match[bytes] | None:
    """Return where a pattern of two bytes is found first, at a place or behind it."""
    if not isinstance(data, Mapped):
        return pattern.search(data, at)
    while at < len(data):
        if (found := pattern.search(data, at, at + WINDOW + 1)) is not None:
            return found
        at += WINDOW
        data.relax()
    return None


def state(file: int) -> tuple[int, int]:
    """Return what tells that the file of a descriptor was changed: its length, and the time of its last change."""
    status = os.fstat(file)
    return status.st_size, status.st_mtime_ns
