"""What goes on: a bar on a terminal, lines on one that cannot move its cursor, nothing elsewhere.

The bar is begun before the command line is read, and before anything heavy is loaded. There is one for each process;
whoever prints on its terminal makes it give way first, which the outlets of `streams` do.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from nlsr_cli.console.ticker import Status, clock

SLOW = frozenset({"upscale", "evaluate", "train", "bench"})  # the commands that load torch
QUICK = frozenset({"inspect", "models", "doctor"})
_ENDS = frozenset({"-h", "--help", "--version", "-q", "--quiet", "--install-completion", "--show-completion"})
_FIRST = "loading"  # whatever is to come, it begins with that
_PAUSE = 30.0  # seconds between two lines of the same kind on a terminal that cannot move its cursor


class Bar:
    """Shows nothing: for pipes, files and `--quiet`. What shows something is derived from it."""

    def show(self, status: Status) -> None:
        """Show a status from now on."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Give way to what is printed inside."""
        yield

    def close(self) -> None:
        """Leave nothing on the screen, and show nothing any more."""


class LiveBar(Bar):
    """A line that is drawn again and again by a process of its own.

    Raises:
        OSError: the process cannot be started.
    """

    def __init__(self, *, plain: bool) -> None:
        # On Windows it is out of reach of Ctrl-C then, which it ignores elsewhere.
        group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        ticker = Path(__file__).with_name("ticker.py")
        self._child: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-I", "-S", str(ticker), "ascii" if plain else "unicode", _FIRST],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            creationflags=group,
        )
        self._status: Status | None = Status(_FIRST)
        self._owed = 0  # answers that have not been read yet, as an interruption came before
        self._lock = threading.RLock()

    def show(self, status: Status) -> None:
        """Show a status from now on."""
        with self._lock:
            self._status = status
            self._tell(status.encoded())

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Erase the bar, and draw it again after what is printed inside."""
        with self._lock:
            self._hide()
            try:
                yield
            finally:
                if self._status is not None:
                    self._tell(self._status.encoded())

    def close(self) -> None:
        """Erase the bar, and end the process that draws it."""
        with self._lock:
            self._hide()
            child, self._child, self._status = self._child, None, None
            if child is None or child.stdin is None or child.stdout is None:
                return
            child.stdin.close()
            child.stdout.close()
            with suppress(subprocess.TimeoutExpired):
                child.wait(1)

    def _hide(self) -> None:
        """Have the bar erased, and wait until it is."""
        child = self._child
        if child is None or child.stdout is None:
            return
        self._owed += 1
        self._tell("hide")
        while self._owed > 0:
            self._owed = self._owed - 1 if child.stdout.read(1) else 0

    def _tell(self, line: str) -> None:
        """Send a line. A process that is dead draws nothing, which is no reason to stop."""
        if self._child is not None and self._child.stdin is not None:
            with suppress(OSError):
                self._child.stdin.write(line.encode("utf-8", "replace") + b"\n")


class Lines(Bar):
    """Prints a line when something else begins, and now and then how far it is."""

    def __init__(self) -> None:
        self._label = ""
        self._last = time.monotonic()
        self.show(Status(_FIRST))

    def show(self, status: Status) -> None:
        """Print a line if it has news."""
        now = time.monotonic()
        if status.label != self._label:
            text = status.label
        elif status.share is not None and status.left is not None and now - self._last >= _PAUSE:
            text = f"{status.label}: {status.share * 100:.0f} %, {clock(status.left)} left"
        else:
            return
        self._label, self._last = status.label, now
        with suppress(OSError):
            os.write(2, f"{text}\n".encode("ascii", "backslashreplace"))


_NONE = Bar()
_shown: list[Bar] = []  # one at most: a process has one terminal


def current() -> Bar:
    """Return the bar of this process."""
    return _shown[0] if _shown else _NONE


def begin(words: Sequence[str]) -> None:
    """Show that something goes on, where the words after `nlsr` and the terminal ask for that."""
    kind = kind_of(words, os.environ, terminal=_is_terminal(2), piped=_is_pipe(1))
    with suppress(OSError):
        if kind == "live":
            _shown.append(LiveBar(plain="utf" not in (getattr(sys.stderr, "encoding", None) or "").lower()))
        elif kind == "lines":
            _shown.append(Lines())


def end() -> None:
    """Leave nothing of the bar on the screen."""
    while _shown:
        _shown.pop().close()


def kind_of(words: Sequence[str], environment: Mapping[str, str], *, terminal: bool, piped: bool) -> str:
    """Return what shows what goes on: "live", "lines" or "".

    Args:
        words: those after `nlsr`.
        environment: the environment variables.
        terminal: whether standard error is one.
        piped: whether standard output is a pipe: what reads it may print to the same terminal, where nobody can make
            the bar give way. A picture (`-o -`) is not printed.
    """
    if not terminal or not _takes_time(words) or environment.get("_NLSR_COMPLETE"):
        return ""
    dumb = environment.get("TERM", "" if os.name != "nt" else "windows") in ("", "dumb", "unknown")
    return "lines" if dumb or (piped and not _gives_picture(words)) or not sys.executable else "live"


def _takes_time(words: Sequence[str]) -> bool:
    if not words or _ENDS & set(words) or words[0] in QUICK:
        return False
    return words[0] in SLOW or words[0].startswith("-") or os.path.lexists(words[0]) or bool(set("*?[") & set(words[0]))


def _gives_picture(words: Sequence[str]) -> bool:
    return any(pair in (("-o", "-"), ("--output", "-")) for pair in pairwise(words)) or bool(
        {"-o-", "--output=-"} & set(words)
    )


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
