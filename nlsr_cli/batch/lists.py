"""Lists of file names, from a file or from standard input, as other programs write them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nlsr_cli.errors import OptionError
from nlsr_cli.options import STREAM

_MOST = 2**28  # bytes: millions of names


def read_list(place: str, *, null: bool) -> list[Path]:
    """Return the names in a file, or in standard input for "-", byte for byte; empty ones are left out.

    Args:
        place: the file that holds the list.
        null: names end with a NUL byte, as `find -print0` writes them, and may hold anything else; otherwise with a
            line feed, or with carriage return and line feed.

    Raises:
        OptionError: the list cannot be read, or holds NUL bytes where lines were expected.
    """
    called = "standard input" if place == STREAM else place
    data = _content(place, called)
    if null:
        names = data.split(b"\0")
    elif b"\0" in data:
        raise OptionError(f"the list in {called} holds NUL bytes", "Add -0 for names as find -print0 writes them.")
    else:
        names = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return [Path(os.fsdecode(name)) for name in names if name]


def _content(place: str, called: str) -> bytes:
    try:
        if place != STREAM:
            with Path(place).open("rb") as file:
                data = file.read(_MOST + 1)
        elif sys.stdin is None:
            raise OptionError("the list in standard input cannot be read: it is closed")
        else:
            data = sys.stdin.buffer.read(_MOST + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        hint = "For names from standard input, write: --files-from -"
        raise OptionError(f"the list in {called} cannot be read: {reason.lower()}", hint) from exc
    if len(data) > _MOST:
        raise OptionError(f"the list in {called} is longer than {_MOST} bytes", "Cut it into several lists.")
    return data
