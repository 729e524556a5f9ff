"""What became of every file of a batch, and of all together. No torch, no pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.errors import ExitCode, ImageError, ImageWriteError, MissingInput, NlsrError

if TYPE_CHECKING:
    from nlsr_cli.batch.forecast import Forecast
    from nlsr_cli.batch.passed import PassedOver
    from nlsr_cli.upscaling.checks import Agreement
    from nlsr_cli.upscaling.restoration import Restoration


@dataclass(frozen=True)
class Pages:
    """What became of the pages of a book. `kept` are those that could not be enlarged and are in it as they were."""

    total: int
    enlarged: int = 0
    kept: tuple[tuple[str, NlsrError], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        kept = [{"page": page, "error": error.as_json()} for page, error in self.kept]
        return {"total": self.total, "enlarged": self.enlarged, "kept": kept}


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `status` is done, planned, skipped or failed. Sizes are (height, width) of each frame.

    `name` is what messages call the source. `tile_bytes` is what a tile was expected to take, `memory` what it might
    have taken. `stages` are the scales of the networks that the picture ran through. `agreement` is how well the
    result, reduced again, matches its source.
    `restoration` is what was told of the damage to its pixels. `pages` are those of a comic book.
    `forecast` is what it will take, where that was foreseen.
    `reason` says why a file was skipped; `resumed_rows` counts the rows of tiles that an earlier call had finished.
    """

    source: Path
    output: Path | None
    status: str
    name: str = ""
    input_size: tuple[int, int] | None = None
    output_size: tuple[int, int] | None = None
    frames: int = 1
    pages: Pages | None = None
    seconds: float = 0.0
    tiles: int = 0
    tile_size: tuple[int, int] | None = None
    tile_bytes: int | None = None
    memory: int | None = None
    precision: str | None = None
    ensemble: bool = False
    stages: tuple[int, ...] = ()
    agreement: Agreement | None = None
    reason: str = ""
    resumed_rows: int = 0
    restoration: Restoration | None = None
    forecast: Forecast | None = None
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
            "frames": self.frames,
            "pages": self.pages and self.pages.as_json(),
            "seconds": round(self.seconds, 3),
            "tiles": self.tiles,
            "tile_size": _size(self.tile_size),
            "tile_bytes": self.tile_bytes,
            "memory_bytes": self.memory,
            "precision": self.precision,
            "ensemble": self.ensemble,
            "stages": list(self.stages),
            "agreement_db": self.agreement and {"all": self.agreement.psnr, "worst": self.agreement.worst},
            "restoration": self.restoration and self.restoration.as_json(),
            "reason": self.reason or None,
            "resumed_rows": self.resumed_rows,
            "forecast": self.forecast and self.forecast.as_json(),
            "notes": list(self.notes),
            "error": error and error.as_json(),
        }


def _size(size: tuple[int, int] | None) -> dict[str, int] | None:
    return size and {"height": size[0], "width": size[1]}


@dataclass
class Report:
    """The sum of all outcomes, and the exit code that follows. `total` counts the files that there were.

    `planned` counts those that a dry run would write, and is 0 of any other; `missing` those of the failed ones that do
    not exist; `incomplete` the books that are done but for some pages.
    """

    done: int = 0
    planned: int = 0
    skipped: int = 0
    failed: int = 0
    missing: int = 0
    incomplete: int = 0
    total: int = 0
    passed: PassedOver | None = None  # what was found and not taken
    interrupted: bool = False
    existing: str = "error"  # what happened to outputs that were there, as of `OutputOptions`
    rows_kept: int = 0  # of the picture that was interrupted
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.missing += isinstance(outcome.error, MissingInput)
        self.incomplete += outcome.pages is not None and bool(outcome.pages.kept)

    @property
    def exit_code(self) -> ExitCode:
        """0 all done or skipped, 1 nothing done, 2 no file exists, 3 some files or pages failed, 130 interrupted."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if not self.failed:
            return ExitCode.PARTIAL if self.incomplete else ExitCode.OK
        if self.done + self.planned + self.skipped:
            return ExitCode.PARTIAL
        return ExitCode.USAGE if self.missing == self.failed else ExitCode.ERROR

    def as_json(self) -> dict[str, Any]:
        """Return the sum as plain values, for the last line of `--json`."""
        return {
            "summary": {
                "done": self.done,
                "planned": self.planned,
                "skipped": self.skipped,
                "failed": self.failed,
                "interrupted": self.interrupted,
                "seconds": round(self.seconds, 3),
                "exit_code": int(self.exit_code),
                "passed_over": self.passed and self.passed.as_json(),
            }
        }


def as_ours(error: Exception, source: Path) -> NlsrError:
    """Return an error of one file as one of ours, which names the file and knows what to say."""
    if isinstance(error, NlsrError):
        if not isinstance(error, ImageError):  # these name it already
            error.message = f"{source}: {error.message}"
        return error
    if isinstance(error, MemoryError):
        hint = "Close other programs, or cut the picture into parts."
        ours: NlsrError = ImageWriteError(source, "the enlarged picture does not fit in memory", hint)
    else:
        ours = NlsrError(f"{source}: unexpected {type(error).__name__}: {error}", "Please report it with NLSR_DEBUG=1.")
    ours.__cause__ = error
    return ours
