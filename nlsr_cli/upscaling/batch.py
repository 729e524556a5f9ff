"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.errors import ExitCode, ImageReadError, ImageWriteError, NlsrError
from nlsr_cli.images import check_size, encode_picture, read_picture, read_stream, write_picture
from nlsr_cli.options import FORMAT_SUFFIXES, STREAM
from nlsr_cli.upscaling.planning import BatchPlan, Job, kept_format

if TYPE_CHECKING:
    from nlsr_cli.images import Picture
    from nlsr_cli.options import EncodeOptions
    from nlsr_cli.upscaling.upscaler import Enlarged, OnTile, Upscaler


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `status` is done, skipped or failed; sizes are (height, width)."""

    source: Path
    output: Path | None
    status: str
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    seconds: float = 0.0
    tiles: int = 0
    tile_size: tuple[int, int] | None = None
    precision: str | None = None
    ensemble: bool = False
    notes: tuple[str, ...] = ()
    error: NlsrError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as plain values, for one line of `--json`."""
        error = self.error
        return {
            "source": str(self.source),
            "output": None if self.output is None else str(self.output),
            "status": self.status,
            "input_size": _size(self.input_size),
            "output_size": _size(self.output_size),
            "seconds": round(self.seconds, 3),
            "tiles": self.tiles,
            "tile_size": _size(self.tile_size),
            "precision": self.precision,
            "ensemble": self.ensemble,
            "notes": list(self.notes),
            "error": error and {"type": type(error).__name__, "message": error.message, "hint": error.hint},
        }


def _size(size: tuple[int, int] | None) -> dict[str, int] | None:
    return size and {"height": size[0], "width": size[1]}


@dataclass
class Report:
    """The sum of all outcomes, and the exit code that follows."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    planned: int = 0
    interrupted: bool = False
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)

    @property
    def exit_code(self) -> ExitCode:
        """0 all done or skipped, 1 nothing done, 3 some files failed, 130 interrupted."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if not self.failed:
            return ExitCode.OK
        return ExitCode.PARTIAL if self.done + self.skipped else ExitCode.ERROR

    def as_json(self) -> dict[str, Any]:
        """Return the sum as plain values, for the last line of `--json`."""
        return {
            "summary": {
                "done": self.done,
                "skipped": self.skipped,
                "failed": self.failed,
                "interrupted": self.interrupted,
                "seconds": round(self.seconds, 3),
                "exit_code": int(self.exit_code),
            }
        }


class Batch:
    """Runs a plan with one upscaler.

    Args:
        plan: the jobs.
        upscaler: called once, when the first picture needs it, so that a plan without work loads no network.
        encode: how outputs are encoded.
        overwrite: whether an output that exists is replaced; without it, one that appears meanwhile is kept too.
        max_pixels: the largest input, in pixels.
    """

    def __init__(
        self,
        plan: BatchPlan,
        upscaler: Callable[[], Upscaler],
        *,
        encode: EncodeOptions,
        overwrite: bool,
        max_pixels: int,
    ) -> None:
        self.plan = plan
        self._make_upscaler = upscaler
        self._upscaler: Upscaler | None = None
        self._encode = encode
        self._overwrite = overwrite
        self._max_pixels = max_pixels

    @property
    def upscaler(self) -> Upscaler:
        """Return the upscaler, which is made when it is first asked for.

        Raises:
            ModelError: the model does not load.
            OptionError: this machine lacks the device, or the device lacks the precision.
        """
        if self._upscaler is None:
            self._upscaler = self._make_upscaler()
        return self._upscaler

    def run(self, *, on_start: Callable[[Job], None] | None = None, on_tile: OnTile | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the others as they finish.

        Only errors of single files become outcomes. What would fail for every file alike, a model that does not load,
        is raised.
        """
        for job in self.plan.jobs:
            if job.error is not None:
                yield Outcome(job.source, None, "failed", error=job.error)
            elif job.skip:
                yield Outcome(job.source, job.target, "skipped", notes=("the output exists already",))
        for job in self.plan.work:
            upscaler = self.upscaler  # here, because a model that does not load is no file's own error
            if on_start is not None:
                on_start(job)
            yield self._run_one(job, upscaler, on_tile)

    def _run_one(self, job: Job, upscaler: Upscaler, on_tile: OnTile | None) -> Outcome:
        start = time.perf_counter()
        try:
            outcome = self._process(job, upscaler, on_tile)
        except Exception as exc:  # noqa: BLE001 - a bug met by one picture must not lose the rest of the folder
            outcome = Outcome(job.source, None, "failed", error=as_ours(exc, job.source))
        return replace(outcome, seconds=time.perf_counter() - start)

    def _process(self, job: Job, upscaler: Upscaler, on_tile: OnTile | None) -> Outcome:
        stream = job.source is STREAM
        content = self._read_standard_input() if stream else job.source
        picture = read_picture(content, name="standard input" if stream else None, max_pixels=self._max_pixels)
        format_ = job.format or kept_format(picture.metadata.format)
        if job.header is None:  # a stream: the sizes of files were checked by the plan
            scale = upscaler.scale
            check_size(format_, picture.height * scale, picture.width * scale, job.target)
        enlarged = upscaler.upscale(picture, on_tile)
        written = self._write(job.target, format_, enlarged)
        return Outcome(
            source=job.source,
            output=job.target,
            status="done",
            input_size=(picture.height, picture.width),
            output_size=(enlarged.picture.height, enlarged.picture.width),
            tiles=enlarged.tiles,
            tile_size=enlarged.tile_size,
            precision=enlarged.precision,
            ensemble=enlarged.ensemble,
            notes=tuple(dict.fromkeys((*picture.notes, *enlarged.events, *written, *self._choices(picture, format_)))),
        )

    def _read_standard_input(self) -> bytes:
        if sys.stdin is None:
            raise ImageReadError("standard input", "is closed")
        return read_stream(sys.stdin.buffer, name="standard input", max_pixels=self._max_pixels)

    def _choices(self, picture: Picture, format_: str) -> list[str]:
        """Say what the output's format makes of the input's and of `lossless`."""
        notes = []
        if picture.metadata.format not in FORMAT_SUFFIXES:
            notes.append(f"{picture.metadata.format} is not written; the output is {format_}.")
        if self._encode.lossless and format_ in ("JPEG", "AVIF"):
            notes.append(f"{format_} is written with loss, whatever --lossless says.")
        return notes

    def _write(self, target: Path, format_: str, enlarged: Enlarged) -> tuple[str, ...]:
        if target is not STREAM:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise ImageWriteError(target.parent, f"the folder cannot be made: {exc.strerror}") from exc
            return write_picture(
                enlarged.picture, target, format=format_, options=self._encode, overwrite=self._overwrite
            )
        data, notes = encode_picture(enlarged.picture, format=format_, options=self._encode, name="standard output")
        if sys.stdout is None:
            raise ImageWriteError("standard output", "is closed")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as exc:
            raise ImageWriteError("standard output", f"cannot be written: {exc.strerror}") from exc
        return notes


def as_ours(error: Exception, source: Path) -> NlsrError:
    """Return an error of one file as one of ours, which knows what to say."""
    if isinstance(error, NlsrError):
        return error
    if isinstance(error, MemoryError):
        hint = "Close other programs, or cut the picture into parts."
        ours: NlsrError = ImageWriteError(source, "the enlarged picture does not fit in memory", hint)
    else:
        ours = NlsrError(f"{source}: unexpected {type(error).__name__}: {error}", "Please report it with NLSR_DEBUG=1.")
    ours.__cause__ = error
    return ours
