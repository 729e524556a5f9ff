"""Opening what strangers gave us: regular files only, and never more of them than was asked for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe would make us wait for ever, a device would never end.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    # Without O_NONBLOCK the opening itself waits for the other end of a pipe; for regular files it changes nothing.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_start(path: Path, limit: int) -> bytes:
    """Return the first `limit` bytes of a regular file, or all of it where it is shorter.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return file.read(limit)


def is_present(path: Path) -> bool:
    """Say whether the name exists, even as a link that leads nowhere: such a file was meant to be read.

    Raises:
        OSError: the folder may not be searched.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
