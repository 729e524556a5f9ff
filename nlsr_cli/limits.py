"""How much more memory a step may take that works on what strangers gave us, and what processes take at rest. The
standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import resource

# Bytes that `--max-memory` sets aside on a CPU, measured: the process that computes, with its networks and the bands it
# works on, beside pictures and tiles; the one that decodes, while it reads a few rows at a time; and that at rest.
MAIN, DECODER, RESTING = 352 << 20, 208 << 20, 48 << 20


@contextmanager
def granted(space: int, memory: int | None = None) -> Iterator[None]:
    """Hold this process to `space` more bytes of address space than it has now, and to `memory` more bytes that it can
    write to: beyond them it meets a MemoryError, or what libraries make of it. Where there is no such limit (Windows,
    macOS) nothing is held.
    """
    with ExitStack() as stack:
        if sys.platform != "win32":
            stack.enter_context(_held(resource.RLIMIT_AS, 0, space))
            if memory is not None:  # Linux counts what is only reserved as address space, and not as data
                stack.enter_context(_held(resource.RLIMIT_DATA, 5, memory))
        yield


@contextmanager
def _held(limit: int, field: int, more: int) -> Iterator[None]:
    """Hold this process to so many more bytes than a field of /proc/self/statm says, by a limit of resources."""
    before, most = resource.getrlimit(limit)
    caps = [each for each in (before, most) if each != resource.RLIM_INFINITY]
    with suppress(OSError, ValueError):  # macOS knows these limits and refuses to set them
        resource.setrlimit(limit, (min([_taken(field) + more, *caps]), most))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (before, most))


def _taken(field: int) -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[field])
    except (OSError, ValueError):
        return 1 << 30  # not Linux: of the size that Python with its libraries has there
    return pages * os.sysconf("SC_PAGE_SIZE")
