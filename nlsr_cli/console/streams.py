"""Standard output and standard error, which take everything: what they cannot show is replaced, and where nobody reads
any more, or the device is full, the rest goes nowhere. No work is lost for it, and the exit code tells.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

from nlsr_cli.console.bar import current
from nlsr_cli.errors import ExitCode

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Outlet(io.RawIOBase):
    """A standard stream in front of `raw`. Writing to it raises nothing, but for a picture: see `strict`.

    The bar makes way for what is written to a terminal.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self.strict = False  # whether whoever writes is to know that it failed
        self.trouble: OSError | None = None
        self._raw = raw
        self._terminal = raw.isatty()

    def writable(self) -> bool:
        """Say that it is."""
        return True

    def isatty(self) -> bool:
        """Say whether a terminal is behind it."""
        return self._terminal

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._raw.fileno()

    def write(self, data: ReadableBuffer, /) -> int | None:
        """Write what can be written; once something could not, drop it.

        Raises:
            OSError: it could not, for the first time, and the stream is `strict`.
        """
        if self.trouble is None:
            try:
                if not self._terminal:
                    return self._raw.write(data)
                with current().aside():
                    return self._raw.write(data)
            except OSError as exc:
                self.trouble = exc
                if self.strict:
                    raise
        return memoryview(data).nbytes

    @property
    def broken(self) -> bool:
        """Tell whether its reader has gone; Windows says of a pipe without one that the argument is invalid."""
        gone = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)
        return self.trouble is not None and self.trouble.errno in gone


def take_streams() -> None:
    """Put outlets in the place of this process's standard streams, as far as the caller has not closed them."""
    sys.stdout, sys.stderr = _taken(sys.stdout), _taken(sys.stderr)


def _taken(stream: TextIO) -> TextIO:
    """Return a stream of the same encoding before an outlet. The one that was there stays open: Python keeps it too."""
    if not isinstance(stream, io.TextIOWrapper):  # closed, or somebody's own
        return stream
    stream.flush()
    outlet = Outlet(cast("io.RawIOBase", getattr(stream.buffer, "raw", stream.buffer)))  # bare with python -u
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering or stream.write_through,
    )


def outlet_of(stream: TextIO) -> Outlet | None:
    """Return the outlet of a standard stream; None where it has none, as it was closed or is somebody's own."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Outlet) else None


def last_word(code: int) -> int:
    """Write what is left, and return the exit code of a process that would end with `code`.

    A reader that has gone ends others by SIGPIPE, which shells tell as 141; a device that is full is an error, told in
    one line. Where something else has failed, its code stays, but for a picture that nobody took.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    out, err = outlet_of(sys.stdout), outlet_of(sys.stderr)
    if out is not None and out.broken and (code == ExitCode.OK or out.strict):
        return ExitCode.BROKEN_PIPE
    if out is not None and out.trouble is not None and not out.strict and not out.broken:
        if sys.stderr is not None:
            sys.stderr.write(f"error: standard output cannot be written: {out.trouble.strerror}\n")
            sys.stderr.write("hint: The work itself is done: send the results elsewhere.\n")
            sys.stderr.flush()
        code = code or ExitCode.ERROR
    if code == ExitCode.OK and err is not None and err.trouble is not None:
        return ExitCode.BROKEN_PIPE if err.broken else ExitCode.ERROR
    return code
