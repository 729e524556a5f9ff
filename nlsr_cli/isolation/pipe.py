"""Bytes through a pipe, of which one call may take or give only some."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Literal, cast


def taken(descriptor: int, mode: Literal["rb", "wb"]) -> BinaryIO:
    """Take a standard stream of a child away from libraries that may read or print, and return it."""
    kept = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)
    return cast("BinaryIO", os.fdopen(kept, mode, buffering=0))


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
