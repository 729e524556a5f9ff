"""The process in which strangers' files are decoded, as its parent sees it: how it starts, how long it may take, how it
ended. The standard library only, so that it can be started before anything else is loaded.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from nlsr_cli.errors import NlsrError

# The child looks where this process looks, in the same order: it finds the same package, never one beside the pictures.
BOOT = "import sys; sys.path[:] = sys.argv[1:]; from nlsr_cli.isolation.worker import main; main()"
# One thread for arithmetic and one heap: more would reserve address space for each core, and start later.
# Blocks of the size of a few rows go back to the system at once: kept for later, they add up to far more than is used.
SPARE = {
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
}
TICK, LONGEST_TICK = 0.5, 2.0  # seconds that the clock of a decoder waits, and that a machine under load makes of them
MOMENT = 2.0  # seconds in which a process that has closed its end of a pipe will have ended

DAMAGED_HINT = "The file is damaged or malicious: fetch or export it again."
CHANGED_HINT = "Wait until it is written, and try again."
SMALL_HINT = "Close other programs, or convert it to a smaller or simpler file first."


class Clock:
    """A context that ends a process after `seconds`, which wakes whoever reads from it; `expired` says that it did.

    It counts the time for which this process was awake, a tick after the other: where one lasted far longer, the
    machine slept or the process was stopped, and so, most likely, was the other one.
    """

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self.expired = False
        self._child = child
        self._left = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _count(self) -> None:
        before = time.monotonic()
        while not self._over.wait(min(TICK, max(self._left, 0.0))):
            now = time.monotonic()
            self._left -= min(now - before, LONGEST_TICK)
            before = now
            if self._left <= 0:
                self.expired = True
                self._child.kill()
                return


def spawn(command: Sequence[str] | None = None) -> subprocess.Popen[bytes]:
    """Start the worker, or `command` instead, with pipes to its standard streams.

    Raises:
        NlsrError: it cannot be started.
    """
    if command is None and not sys.executable:
        raise NlsrError(
            "pictures are decoded in a separate process, but Python does not know its own path",
            "Run nlsr with an ordinary Python, or set sys.executable.",
        )
    isolated = ["-I"] if sys.flags.isolated else []
    windows = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(  # noqa: S603 - this very Python, or what the caller names
            command or [sys.executable, *isolated, "-c", BOOT, *(each for each in sys.path if isinstance(each, str))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("NLSR_DEBUG") else subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **SPARE},
            start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the child
            creationflags=windows,
        )
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        hint = "Pictures are decoded in a separate process: allow more processes, or free memory."
        raise NlsrError(f"the process that decodes pictures cannot be started: {reason}", hint) from exc


def end(child: subprocess.Popen[bytes], patience: float = 0.0) -> int:
    """End a process that does not end by itself within `patience` seconds; return its exit code."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(patience)
    child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    return child.wait()


def cause_of(code: int, expired: bool, seconds: float) -> tuple[str, str]:
    """Return why a decoder ended without an answer, and a hint."""
    if expired or code == -int(getattr(signal, "SIGXCPU", 1 << 16)):
        return f"its decoder took longer than {seconds:.0f} s", DAMAGED_HINT
    if code == -int(getattr(signal, "SIGKILL", 1 << 16)):
        return "its decoder was killed, most likely because memory ran out", SMALL_HINT
    if code == -int(getattr(signal, "SIGBUS", 1 << 16)):
        return "was cut short while it was read", CHANGED_HINT
    if code < 0:
        return f"its decoder crashed ({_signal_name(-code)})", DAMAGED_HINT
    return f"its decoder crashed (exit code {code})", DAMAGED_HINT


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
