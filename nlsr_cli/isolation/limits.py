"""What a process that decodes strangers' files may take: address space, processor time, files. Where there is no
`resource` module (Windows), the parent's clock is the only limit.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path
from time import process_time

from nlsr_cli.images.decoder_noise import MAX_PRINTED

if sys.platform != "win32":
    import fcntl
    import resource

# Address space beside what is taken already. A float picture with alpha and what its profile holds beyond sRGB takes 28
# bytes a pixel, and conversions work on copies of double precision; libraries reserve much that they never touch.
SPACE, SPACE_PER_PROCESSOR, SPACE_PER_PIXEL = 1 << 30, 16 << 20, 128
OPEN_FILES = 64
GRACE = 5  # seconds of processor time beyond those of the parent's clock, which is to speak first


def confine() -> None:
    """Give up, for good, what no decoder needs: core dumps, files of any size, many open files; and be the first whom
    the kernel ends when memory runs out.
    """
    sys.dont_write_bytecode = True
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if sys.platform != "win32":
        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_FSIZE, MAX_PRINTED)  # what libtiff prints is caught in a file
        _lower(resource.RLIMIT_NOFILE, OPEN_FILES)


def space_for(file_bytes: int, pixels: int) -> int:
    """Return the bytes of address space that decoding a file of `file_bytes` into `pixels` pixels may take."""
    processors = os.cpu_count() or 1  # decoders of AVIF start a thread on each
    return SPACE + processors * SPACE_PER_PROCESSOR + 2 * file_bytes + pixels * SPACE_PER_PIXEL


@contextmanager
def watched(requests: int, seconds: float) -> Iterator[None]:
    """Let this process end when `seconds` of processor time are spent inside, or when nobody is at the other end of the
    pipe `requests` any more, on which nothing arrives meanwhile: even where a decoder never comes back.
    """
    if sys.platform == "win32":
        yield
        return
    spent, most = ceil(process_time() + seconds) + GRACE, resource.getrlimit(resource.RLIMIT_CPU)[1]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (spent if most == resource.RLIM_INFINITY else min(spent, most), most))
    flags = fcntl.fcntl(requests, fcntl.F_GETFL)
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # ends the process; the kernel sends it when the pipe is closed
    fcntl.fcntl(requests, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(requests, fcntl.F_SETFL, flags | os.O_ASYNC)
    try:
        if select.select([requests], [], [], 0)[0]:  # closed before anybody watched
            raise EOFError("nobody waits for the answer")
        yield
    finally:
        fcntl.fcntl(requests, fcntl.F_SETFL, flags)


def _lower(which: int, value: int) -> None:
    most = resource.getrlimit(which)[1]
    if most != resource.RLIM_INFINITY:
        value = min(value, most)
    with suppress(OSError, ValueError):
        resource.setrlimit(which, (value, value))
