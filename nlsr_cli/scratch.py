"""Arrays in files without names: what is large takes space on a disk instead of memory.

Such an array is a shared mapping of its file. The pages that were touched count as memory of this process until
`relax` gives them back; what they hold stays in the file, and in whatever memory the system has left for that.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli.errors import ScratchFull
from nlsr_cli.files import PART_PREFIX

LEAST = 1 << 25  # bytes of the smallest array that lies in a file
BAND = 1 << 20  # samples that are worked on at once
_RELAX = 1 << 24  # touched bytes after which pages are given back
_SAMPLE = 8  # bytes of a sample of a band that is worked on, in what is read and what is written together

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)
_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_fresh = 0  # bytes touched since pages were given back


def renounce() -> None:
    """Let all arrays of this process be made in memory, for good: it may write no files."""
    global LEAST  # noqa: PLW0603 - it is what the whole process does
    LEAST = sys.maxsize


@contextmanager
def placed(folder: Path | None) -> Iterator[None]:
    """Let arrays that are made inside lie in a folder; None is that of the system for temporary files."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def empty(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array of any content: in memory if it is small, otherwise in a file.

    The file has its whole size at once, so that a disk is full now or never.

    Raises:
        ScratchFull: the file cannot be made.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if resident(size):
        return np.empty(shape, dtype)
    folder = _folder.get() or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=PART_PREFIX) as file:
            return mapped(file.fileno(), shape, dtype)
    except (OSError, ValueError) as exc:
        raise ScratchFull(folder, size, full=getattr(exc, "errno", None) == errno.ENOSPC) from exc


def mapped(descriptor: int, shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array that lies in an open file, which gets the size that is needed.

    Raises:
        OSError: there is no room for it.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    os.ftruncate(descriptor, size)
    mapping = mmap.mmap(descriptor, size)
    _mappings.add(mapping)
    return np.frombuffer(mapping, dtype).reshape(shape)


def check(size: int) -> None:
    """Refuse work that takes so many bytes of files where there is no room for them, before it is begun.

    Raises:
        ScratchFull: there is none.
    """
    folder = _folder.get() or Path(tempfile.gettempdir())
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # who cannot ask is told when a file is made
        return
    if free < size:
        raise ScratchFull(folder, size, full=True)


def resident(size: int) -> int:
    """Return how many bytes of memory an array of so many bytes takes: none where it lies in a file."""
    return size if size < LEAST else 0


def relax() -> None:
    """Give the memory of all arrays that lie in files back to the system. What they hold stays."""
    global _fresh  # noqa: PLW0603 - it is of the whole process, as the mappings are
    _fresh = 0
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapping in list(_mappings):
            mapping.madvise(mmap.MADV_DONTNEED)


def touched(size: int) -> None:
    """Count bytes of arrays, which may lie in files, that were just read or written, and `relax` when they are many."""
    global _fresh  # noqa: PLW0603 - it is of the whole process, as the mappings are
    _fresh += size
    if _fresh >= _RELAX:
        relax()


def bands(shape: Sequence[int], samples: int | None = None) -> Iterator[slice]:
    """Yield the rows of an array in bands of about so many samples, BAND if none are given; `relax` now and then."""
    across = prod(shape[1:])
    step = max(1, (samples or BAND) // across)
    for top in range(0, shape[0], step):
        yield slice(top, min(top + step, shape[0]))
        touched(step * across * _SAMPLE)


def strips(array: npt.NDArray[Any], top: int, bottom: int) -> Iterator[slice]:
    """Yield the rows of a part of an array, which is not as wide, in bands; `relax` now and then.

    Whole rows count as touched: systems map a file in pieces that are larger than a part of a row.
    """
    width = prod(array.shape[1:]) * array.itemsize
    step = max(1, _RELAX // max(1, width))
    for first in range(top, bottom, step):
        last = min(first + step, bottom)
        yield slice(first, last)
        touched((last - first) * width)
