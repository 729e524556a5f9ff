"""How much more memory a step may take that works on what strangers gave us. The standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import resource


@contextmanager
def granted(space: int) -> Iterator[None]:
    """Hold this process to `space` more bytes of address space than it has now: beyond them it meets a MemoryError, or
    what libraries make of it. Where there is no such limit (Windows, macOS) nothing is held.
    """
    if sys.platform == "win32":
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space() + space
    caps = [each for each in (before, most) if each != resource.RLIM_INFINITY]
    with suppress(OSError, ValueError):  # macOS knows this limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (min([wanted, *caps]), most))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (before, most))


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 1 << 30  # not Linux: of the size that Python with its libraries has there
    return pages * os.sysconf("SC_PAGE_SIZE")
