"""Commands on real pseudo-terminals, and what a terminal shows of the bytes that they have written."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyte

NLSR = [sys.executable, "-m", "nlsr_cli"]
BAR = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏━"  # what only a bar is made of


@dataclass
class Recording:
    """What a command has written to its terminal: bytes and the seconds since its start."""

    columns: int
    code: int = 0
    parts: list[tuple[float, bytes]] = field(default_factory=list)
    piped: bytes = b""

    @property
    def said(self) -> str:
        return b"".join(part for _, part in self.parts).decode("utf-8", "replace")

    def screen(self) -> list[str]:
        """Return the lines that a terminal of this width shows in the end, from the top to the last one with text."""
        shown = pyte.Screen(self.columns, 40)
        stream = pyte.ByteStream(shown)
        for _, part in self.parts:
            stream.feed(part)
        lines = [line.rstrip() for line in shown.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def frames(self) -> list[str]:
        """Return what was drawn of the bar, frame by frame."""
        return [part.split("\x1b[J")[0] for part in self.said.split("\r") if part[:1] and part[0] in BAR]


def resize(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))


def record(
    command: Sequence[object],
    *,
    columns: int = 80,
    environment: dict[str, str] | None = None,
    piped: bool = False,
    seconds: float = 120.0,
    meanwhile: Callable[[int, Recording], object] | None = None,
) -> Recording:
    """Run a command on a terminal of its own, with its output in a pipe if `piped`; `meanwhile` may type or resize."""
    main, terminal = pty.openpty()
    resize(main, columns)
    told = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    told |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(environment or {})}

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which background jobs ignore

    recording, start = Recording(columns), time.monotonic()
    with subprocess.Popen(
        [*map(str, command)],
        stdin=terminal,
        stdout=subprocess.PIPE if piped else terminal,
        stderr=terminal,
        env=told,
        preexec_fn=own_terminal,  # noqa: PLW1509 - a session of its own is what a terminal needs
    ) as process:
        os.close(terminal)
        while time.monotonic() - start < seconds:
            if select.select([main], [], [], 0.05)[0]:
                try:
                    part = os.read(main, 65536)
                except OSError:  # how Linux says that the other side is closed
                    break
                recording.parts.append((time.monotonic() - start, part))
            if meanwhile is not None and meanwhile(main, recording):
                meanwhile = None
        else:
            process.kill()
        if process.stdout is not None:
            recording.piped = process.stdout.read()
        recording.code = process.wait(30)
    os.close(main)
    return recording
