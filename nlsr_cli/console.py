"""Everything that nlsr says. The only place that prints: results to stdout, talk to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.errors import ExitCode, NlsrError
from nlsr_cli.options import STREAM

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress, TaskID

    from nlsr_cli.evaluation import PictureScore, Score, Summary
    from nlsr_cli.upscaling.batch import Outcome, Report
    from nlsr_cli.upscaling.planning import Job


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
        self.results = True  # off when stdout carries a picture
        self._bar: Progress | None = None
        self._last_hint = ""

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

        with suppress(OSError):  # a standard error that is closed or full leaves nobody to tell
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
        self._say(f"error: {error.message}", "bold red")
        if error.hint and error.hint != self._last_hint:  # the same advice once, not for each of a thousand files
            self._say(f"hint: {error.hint}")
        self._last_hint = error.hint

    def note(self, text: str) -> None:
        """Print something that the user should know, unless `--quiet`."""
        if not self.speech.quiet:
            self._say(text, "dim")

    def passed_over(self, files: Sequence[Path], why: str) -> None:
        """Say which files or folders were passed over, and why."""
        if files:
            names = ", ".join(file.name for file in files[:5]) + (", …" if len(files) > 5 else "")
            self.note(f"passed over {len(files)} {why}: {names}")

    # ---- results, on stdout

    def line(self, text: object) -> None:
        """Print one result line; the bytes of a path come out as they are on disk."""
        try:
            data = os.fsencode(str(text))
        except UnicodeEncodeError:  # no path of this file system, or a text in a locale that cannot say it
            data = printable(text).encode("ascii", "backslashreplace")
        self._write(data + b"\n")

    def json_line(self, value: dict[str, Any]) -> None:
        """Print one JSON object on a line of its own."""
        self._write(json.dumps(value).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        if sys.stdout is None:  # closed by the caller, who wants no results
            return
        bar = self._bar if sys.stdout.isatty() else None  # on one terminal, the bar and the results share the line
        if bar is not None:
            bar.stop()
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # the reader has seen enough, as in `| head -1`; the work goes on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as exc:
            raise NlsrError(
                f"standard output cannot be written: {exc.strerror}", "Finished files are complete."
            ) from exc
        if bar is not None:
            bar.start()

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
        out.print(table)

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print names and values, one pair a line, as a result."""
        listed = [(name, printable(value)) for name, value in pairs]
        width = max((len(name) for name, _ in listed), default=0)
        for name, value in listed:
            self.line(f"{name:<{width}}  {value}")

    # ---- a batch

    def outcome(self, outcome: Outcome) -> None:
        """Print what became of one file: its output on stdout, the rest on stderr."""
        if outcome.error is not None:
            self.error(outcome.error)
        elif outcome.status == "skipped":
            self.note(f"{outcome.source}: skipped, {outcome.output} exists already")
        else:
            if outcome.input_size and outcome.output_size:
                sizes = f"{size_text(outcome.input_size)} → {size_text(outcome.output_size)}"
                self.note(f"{_named(outcome.source)}: {sizes} in {outcome.seconds:.1f} s{self._detail(outcome)}")
            for note in outcome.notes:
                self.note(f"  note: {note}")
        if not self.results:
            return
        if self.speech.as_json:
            self.json_line(outcome.as_json())
        elif outcome.status == "done" and not self.speech.quiet:
            self.line(outcome.output)

    def _detail(self, outcome: Outcome) -> str:
        if not self.speech.verbose or outcome.tile_size is None:
            return ""
        tiles = f"{outcome.tiles} {_plural(outcome.tiles, 'tile')} of {size_text(outcome.tile_size)}"
        return f" ({tiles}, {outcome.precision}{', mean of 8 passes' if outcome.ensemble else ''})"

    def report(self, report: Report) -> None:
        """Print the sum of a batch."""
        if report.interrupted:
            counted = f"{report.done} of {report.planned} done"
            self.note(f"interrupted: {counted}; finished files are whole, no partial file was left")
            self.note("hint: The same command with --skip-existing goes on from here.")
        elif report.done + report.skipped + report.failed > 1:
            parts = [f"{report.done} done"]
            parts += [f"{report.skipped} skipped"] if report.skipped else []
            parts += [f"{report.failed} failed"] if report.failed else []
            self.note(f"{', '.join(parts)} in {report.seconds:.1f} s")
        if self.speech.as_json and self.results:
            self.json_line(report.as_json())

    @contextmanager
    def batch_progress(self, jobs: Sequence[Job]) -> Iterator[BatchProgress]:
        """Show a bar while a batch runs: on a terminal only, and not with `--quiet`."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("{task.fields[files]}{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("tile {task.fields[tiles]}"),
            *([TextColumn("{task.fields[rate]}")] if self._err.width >= 80 else []),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._err,
            transient=True,
            disable=self.speech.quiet or not self._err.is_terminal,
        )
        with self._shown(progress):
            yield BatchProgress(progress, jobs)

    @contextmanager
    def _shown(self, progress: Progress) -> Iterator[None]:
        """Show a bar, known to what prints results, which may share its screen."""
        with progress:
            self._bar = None if progress.disable else progress
            try:
                yield
            finally:
                self._bar = None

    # ---- an evaluation

    @contextmanager
    def evaluation_progress(self, pictures: int) -> Iterator[Callable[[], None]]:
        """Show a bar while pictures are scored, and give what advances it by one; on a terminal, without `--quiet`."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        progress = Progress(
            TextColumn("pictures"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._err,
            transient=True,
            disable=self.speech.quiet or not self._err.is_terminal,
        )
        task = progress.add_task("", total=pictures)
        with self._shown(progress):
            yield lambda: progress.advance(task)

    def picture_score(self, picture: PictureScore) -> None:
        """Print what has to be said of one picture at once: its error, its notes, its line of `--json`."""
        if picture.error is not None:
            self.error(picture.error)
        for note in picture.notes:
            self.note(f"{picture.name}: {note}")
        if self.speech.as_json:
            self.json_line(picture.as_json())

    def evaluation(self, summary: Summary) -> None:
        """Print all scores as a table that says how they were measured, or their sum as JSON."""
        if self.speech.as_json:
            self.json_line(summary.as_json())
        elif summary.done:
            self.line(_measured(summary))
            self.line(summary.protocol)
            compared = summary.mean_bicubic is not None
            columns = ("picture", "size", "PSNR", "SSIM", *(("bicubic", "SSIM", "gain") if compared else ()), "s/MP")
            rows = [
                (p.name, size_text(p.size), *_score_cells(p.score, p.bicubic), _rate(p.seconds_per_megapixel))
                for p in summary.done
                if p.size
            ]
            mean = _score_cells(summary.mean, summary.mean_bicubic)
            self.table(columns, [*rows, ("mean", "", *mean, _rate(summary.seconds_per_megapixel))])
        if summary.interrupted:
            self.note(f"interrupted: {len(summary.pictures)} of {summary.planned} pictures")
        elif len(summary.done) < len(summary.pictures):
            self.note(f"{len(summary.done)} scored, {len(summary.pictures) - len(summary.done)} failed")


class BatchProgress:
    """Turns finished tiles into a bar over all pixels of a batch, with rate and time left."""

    def __init__(self, progress: Progress, jobs: Sequence[Job]) -> None:
        self._progress = progress
        self._pixels = [job.header.height * job.header.width if job.header else 0 for job in jobs]
        self._number = 0
        self._start = time.monotonic()
        total = sum(self._pixels) or 1
        self._task: TaskID = progress.add_task("", total=total, files="", tiles="", rate="")

    def on_start(self, job: Job) -> None:
        """Begin the next file."""
        self._number += 1
        files = f"{self._number}/{len(self._pixels)} " if len(self._pixels) > 1 else ""
        name = printable(_named(job.source).name)
        self._progress.update(self._task, description=name, files=files, tiles="", completed=self._before)

    @property
    def _before(self) -> int:
        return sum(self._pixels[: self._number - 1])

    def on_tile(self, done: int, total: int) -> None:
        """Advance within the current file."""
        pixels = self._before + self._pixels[self._number - 1] * done / total
        rate = pixels / max(time.monotonic() - self._start, 1e-3)
        self._progress.update(self._task, completed=pixels, tiles=f"{done}/{total}", rate=f"{rate / 1e6:.2f} MP/s")


def _measured(summary: Summary) -> str:
    """Return what was measured, and where."""
    settings = summary.settings
    place = f" on {settings['device']} in {settings['precision']}" if "device" in settings else ""
    return f"{settings['model']}, {summary.scale}x{place}{', mean of 8 passes' if settings.get('ensemble') else ''}"


def _score_cells(score: Score | None, bicubic: Score | None) -> list[str]:
    """Return a score as cells of a table; with that of bicubic interpolation beside it, the difference too."""
    if score is None:
        return []
    cells = [f"{score.psnr:.2f}", _similarity(score.ssim)]
    if bicubic is None:
        return cells
    same = score.psnr == bicubic.psnr  # infinities have no difference
    gain = 0.0 if same else score.psnr - bicubic.psnr
    return [*cells, f"{bicubic.psnr:.2f}", _similarity(bicubic.ssim), f"{gain:+.2f}"]


def _similarity(ssim: float | None) -> str:
    return "-" if ssim is None else f"{ssim:.4f}"


def _rate(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"


def _unexpected(error: Exception, hint: str) -> NlsrError:
    ours = NlsrError(f"unexpected {type(error).__name__}: {error}", hint)
    ours.__cause__ = error
    return ours


def _named(source: Path) -> Path:
    """Return what a source is called: `-` is what people type, not what they read."""
    return Path("standard input") if source is STREAM else source


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
