"""The process that draws the bar: `python -I -S ticker.py`, told what to draw on its standard input.

It draws by itself, ten times a second, whatever the process that has started it does: loading torch stops all threads
of that one for half a second and more. It loads next to nothing, because its first frame comes before anything else is
there. A line of its input is `show`, `hide` or the end; it answers `hide` and the end with one byte, once nothing of
the bar is left on the screen.

The cursor stays at the beginning of the line, and what a frame leaves behind is erased to the end of the screen: so
nothing remains where a narrower window has folded the line, or Ctrl-C has written into it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

INTERVAL = 0.1  # seconds between frames
SEPARATOR = "\t"
ERASE = "\x1b[J"  # from the cursor to the end of the screen
UNICODE, ASCII = ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━", "─", "…"), ("-\\|/", "#", ".", "...")
LONGEST_BAR, SHORTEST_BAR = 40, 8


class Status:
    """What is drawn: a `label`, the `share` that is done from 0 to 1, the seconds `left`, and `facts` beside them.

    None stands for what is not known; without `left`, the time since the start is drawn.
    """

    def __init__(self, label: str = "", share: float | None = None, left: float | None = None, facts: str = "") -> None:
        self.label = label
        self.share = share
        self.left = left
        self.facts = facts

    def after(self, seconds: float) -> Status:
        """Return what is true some seconds later, if all goes as expected."""
        if self.left is None:
            return self
        left = max(self.left - seconds, 0.0)
        share = self.share
        if share is not None and self.left > 0:
            share = 1 - (1 - share) * left / self.left
        return Status(self.label, share, left, self.facts)

    def encoded(self) -> str:
        """Return it as a line of the ticker's input, without the end."""
        numbers = ("" if number is None else f"{number:.4f}" for number in (self.share, self.left))
        return SEPARATOR.join(("show", self.label, *numbers, self.facts))

    @classmethod
    def decoded(cls, line: str) -> Status:
        """Return what a line says."""
        _, label, share, left, facts = line.split(SEPARATOR)
        return cls(label, float(share) if share else None, float(left) if left else None, facts)


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them: `0:07`, `12:30`, `3:05:00`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def shortened(text: str, room: int, ellipsis: str) -> str:
    """Return a text that takes at most `room` columns."""
    if cells(text) <= room:
        return text
    while text and cells(text) + len(ellipsis) > room:
        text = text[:-1]
    return f"{text.rstrip()}{ellipsis}" if text else ""


def frame(status: Status, *, tick: int, elapsed: float, width: int, plain: bool) -> str:
    """Return one line of fewer than `width` columns: what has no room is left out, the label last of all.

    Args:
        status: what to draw.
        tick: the number of the frame.
        elapsed: seconds since the start.
        width: columns of the terminal.
        plain: whether it shows ASCII only.
    """
    spinner, full, empty, ellipsis = ASCII if plain else UNICODE
    room = width - 1
    share = "" if status.share is None else f"{min(max(status.share, 0), 1) * 100:.0f} %"
    time_ = clock(elapsed) if status.left is None else f"{clock(status.left)} left"
    tail = "  ".join(filter(None, (share, time_)))
    head = f"{spinner[tick % len(spinner)]} "
    for facts in (status.facts, ""):
        end = "  ".join(filter(None, (facts, tail)))
        label = status.label if facts else shortened(status.label, room - len(head) - cells(end) - 2, ellipsis)
        spare = room - cells(head + label + end) - 2
        if spare < 0:
            continue
        length = min(spare - 2, LONGEST_BAR)
        if status.share is None or length < SHORTEST_BAR:
            return f"{head}{label}  {end}"
        done = round(length * min(max(status.share, 0), 1))
        return f"{head}{label}  {full * done}{empty * (length - done)}  {end}"
    return shortened(f"{head}{share}", room, "")


class Ticker:
    """Draws on the terminal behind `descriptor` until it is told to end."""

    def __init__(self, descriptor: int, *, plain: bool) -> None:
        self._descriptor = descriptor
        self._plain = plain
        self._start = time.monotonic()
        self._told = self._start  # when the status came
        self._status: Status | None = None
        self._drawn = False
        self._tick = 0
        self._lock = threading.RLock()  # a signal may come while a frame is drawn

    def tell(self, line: str) -> bool:
        """Heed a line of the input, and say whether it asks for an answer."""
        with self._lock:
            if line.startswith("show"):
                self._status, self._told = Status.decoded(line), time.monotonic()
                return False
            self._status = None
            self._erase()
            return True

    def draw(self) -> None:
        """Draw one frame, where there is something to draw and nobody else has the terminal."""
        with self._lock:
            self._tick += 1
            if self._status is None or not self._is_ours():
                return
            status, now = self._status, time.monotonic()
            shown = status.after(now - self._told)
            width = columns(self._descriptor)
            text = frame(shown, tick=self._tick, elapsed=now - self._start, width=width, plain=self._plain)
            self._drawn = True
            self._write(f"\r{text}{ERASE}\r")

    def give_way(self) -> None:
        """Leave the terminal to the shell when the user stops the program."""
        with self._lock:
            self._erase()

    def _erase(self) -> None:
        if self._drawn and self._is_ours():
            self._write(f"\r{ERASE}")
        self._drawn = False

    def _write(self, text: str) -> None:
        data = text.encode("ascii" if self._plain else "utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # the terminal has gone
            os._exit(0)

    def _is_ours(self) -> bool:
        """Tell whether this process is not in the background, where a shell has the terminal."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except (OSError, AttributeError):  # it is nobody's, or there are no groups
            return True


def columns(descriptor: int) -> int:
    """Return the width of a terminal, which may change at any time."""
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80


def main() -> None:
    """Draw on standard error what standard input says, until that ends."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the end comes from whoever has started it, after its last words
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    ticker = Ticker(2, plain=sys.argv[1] == "ascii")
    over = threading.Event()

    def listen() -> None:
        try:
            for line in os.fdopen(0, encoding="utf-8", errors="replace", newline="\n"):
                if ticker.tell(line.rstrip("\n")):
                    os.write(1, b".")
        except OSError:  # nobody waits for the answer
            pass
        ticker.tell("end")
        over.set()

    if hasattr(signal, "SIGTSTP"):

        def stop(signum: int, frame: object) -> None:
            ticker.give_way()
            os.kill(os.getpid(), signal.SIGSTOP)

        signal.signal(signal.SIGTSTP, stop)
    ticker.tell(Status(sys.argv[2]).encoded())
    ticker.draw()
    threading.Thread(target=listen, daemon=True).start()
    while not over.wait(INTERVAL):
        ticker.draw()
    os._exit(0)


if __name__ == "__main__":
    main()
