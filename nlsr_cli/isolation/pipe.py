"""Bytes through a pipe, of which one call may take or give only some."""

from __future__ import annotations

import io
from typing import BinaryIO, cast


def write(stream: BinaryIO, view: memoryview) -> None:
    """Write all of some bytes.

    Raises:
        OSError: the other end is gone.
    """
    while view.nbytes:
        view = view[stream.write(view) :]


def read(stream: BinaryIO, count: int) -> bytearray:
    """Return the next `count` bytes.

    Raises:
        EOFError: the stream ends before.
    """
    data = bytearray(count)
    read_into(stream, memoryview(data))
    return data


def read_into(stream: BinaryIO, view: memoryview) -> None:
    """Fill a view of bytes with those that come next.

    Raises:
        EOFError: the stream ends before.
    """
    while view.nbytes:
        got = cast("io.RawIOBase", stream).readinto(view)
        if not got:
            raise EOFError("the other end has closed the stream")
        view = view[got:]
