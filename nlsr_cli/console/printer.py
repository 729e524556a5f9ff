"""Everything that nlsr says. The only place that prints: results to stdout, talk to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.console.bar import current, end
from nlsr_cli.console.streams import outlet_of
from nlsr_cli.console.ticker import Status
from nlsr_cli.errors import ExitCode, NlsrError
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

    from nlsr_cli.batch.passed import PassedOver

JSON_SCHEMA = (
    1  # of every line of JSON: a new number means that keys were removed, renamed or changed (docs/contract.md)
)
_TYPES = 20  # that a line lists


def printable(text: object) -> str:
    """Return text that any terminal takes: control characters and undecodable bytes of file names are escaped."""
    return "".join(c if c.isprintable() else _escaped(c) for c in str(text))


def _escaped(character: str) -> str:
    """Return a control character as Python writes it, and a byte that is no text (PEP 383) as \\xNN."""
    byte = ord(character) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode()


def size_text(size: tuple[int, int]) -> str:
    """Return (height, width) the way people write it, width first."""
    return f"{size[1]}×{size[0]}"


def bytes_text(count: int) -> str:
    """Return a number of bytes with three digits or more: `512 MiB`, `3.25 GiB`, `120 GiB`."""
    gigabytes = count / 2**30
    if gigabytes < 1:
        return f"{-(-count // 2**20)} MiB"
    return f"{gigabytes:.{2 if gigabytes < 10 else 1 if gigabytes < 100 else 0}f} GiB"


def duration(seconds: float) -> str:
    """Return seconds as people say them: `42 s`, `12 min`, `3 h 05 min`, `1,200 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02d} min" if hours < 100 else f"{hours / 24:,.0f} days"


@dataclass(frozen=True)
class Speech:
    """How much is said: `quiet` leaves errors, `verbose` adds settings, `as_json` turns results into JSON lines."""

    quiet: bool = False
    verbose: bool = False
    as_json: bool = False


class Console:
    """Prints for one command."""

    def __init__(self, speech: Speech | None = None) -> None:
        self.speech = speech or Speech()
        self.results = True
        self._last_hint = ""
        if self.speech.quiet:
            end()

    def leave_output(self) -> None:
        """Print no results: standard output carries a picture, and whoever writes that is to know where it fails."""
        self.results = False
        outlet = outlet_of(sys.stdout)
        if outlet is not None:
            outlet.strict = True

    @cached_property
    def _err(self) -> RichConsole:
        """Standard error; made when something is said, because `--version` says nothing there."""
        return self._rich(stderr=True)

    @staticmethod
    def _rich(*, stderr: bool) -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)

    def _say(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._err.print(Text(printable(text), style))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn our errors and Ctrl-C into what the user sees and the shell gets."""
        import typer

        try:
            Path.cwd()  # torch ends the process without a word where there is none
            yield
        except NlsrError as error:
            self.error(error)
            raise typer.Exit(int(error.exit_code)) from error
        except typer.Exit:
            raise
        except FileNotFoundError as error:
            self.error(_unexpected(error, "The current folder may be gone: change to another one."))
            raise typer.Exit(int(ExitCode.ERROR)) from error
        except Exception as error:  # the last border: whatever it is, it ends in one line
            self.error(_unexpected(error, "Please report it with what NLSR_DEBUG=1 shows."))
            raise typer.Exit(int(ExitCode.ERROR)) from error
        except KeyboardInterrupt as error:
            self.note("interrupted")
            raise typer.Exit(int(ExitCode.INTERRUPTED)) from error

    # ---- errors and talk, on stderr

    def error(self, error: NlsrError) -> None:
        """Print one red line and one hint line; with NLSR_DEBUG=1 the traceback as well."""
        if os.environ.get("NLSR_DEBUG") == "1":
            import traceback

            sys.stderr.write("".join(traceback.format_exception(error)))
            self._last_hint = error.hint  # the traceback ends in it
        self._say(f"error: {error.message}", "bold red")
        if error.hint and error.hint != self._last_hint:  # the same advice once, not for each of a thousand files
            self._say(f"hint: {error.hint}")
        self._last_hint = error.hint

    def note(self, text: str) -> None:
        """Print something that the user should know, unless `--quiet`."""
        if not self.speech.quiet:
            self._say(text, "dim")

    def passed_over(self, files: Sequence[Path], reason: tuple[str, str]) -> None:
        """Say which files or folders were skipped: what one is called, and why."""
        if files:
            noun, why = reason
            names = ", ".join(file.name for file in files[:5]) + (", …" if len(files) > 5 else "")
            self.note(f"skipped {counted(len(files), noun)} ({why}): {names}")

    def not_taken(self, passed: PassedOver) -> None:
        """Say which types of files were passed over and how often, and what belongs to a NAS or system."""
        types = passed.types()
        parts = [f"{count} {ending or 'without an ending'}" for ending, count in list(types.items())[:_TYPES]]
        if len(types) > _TYPES:
            others = list(types.values())[_TYPES:]
            parts.append(f"{sum(others)} of {counted(len(others), 'other type')}")
        if passed.system:
            names = sorted({path.name for path in passed.system})
            named = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            parts.append(f"{len(passed.system)} of a NAS or the system ({named})")
        if parts:
            self.note(f"skipped: {', '.join(parts)}")

    # ---- results, on stdout

    def line(self, text: object) -> None:
        """Print one result line; the bytes of a path come out as they are on disk, whatever the encoding."""
        self._write((os.fsencode(text) if isinstance(text, os.PathLike) else _encoded(str(text))) + b"\n")

    def json_line(self, value: dict[str, Any]) -> None:
        """Print one JSON object on a line of its own, which says what schema it follows."""
        self._write(json.dumps({"schema": JSON_SCHEMA, **value}).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        if sys.stdout is None:  # closed by the caller, who wants no results
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table as a result."""
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))  # never markup: cells come from strangers
        out = self._rich(stderr=False)
        if not out.is_terminal:  # a pipe has no width to fit into
            out.width = 1000
        with out.capture() as printed:
            out.print(table)
        self._write(_encoded(printed.get()))

    def show(self, label: str, share: float | None = None, left: float | None = None, facts: str = "") -> None:
        """Show what goes on, on the bar: see `ticker.Status`."""
        current().show(Status(printable(label), share, left, facts))

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names and values, one pair a line, as a result."""
        listed = [(name, printable(value)) for name, value in pairs]
        width = max((len(name) for name, _ in listed), default=0)
        for name, value in listed:
            self.line(f"{name:<{width}}  {value}")


def _encoded(text: str) -> bytes:
    """Return text in the encoding of standard output, bytes of paths in it as they are on disk (PEP 383).

    Where the encoding cannot say all of it, what it cannot say is escaped.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace")


def _unexpected(error: Exception, hint: str) -> NlsrError:
    ours = NlsrError(f"unexpected {type(error).__name__}: {error}", hint)
    ours.__cause__ = error
    return ours
