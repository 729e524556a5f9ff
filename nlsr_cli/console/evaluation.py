"""What an evaluation says: a bar on a terminal, a table that says how was measured, or JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console, size_text

if TYPE_CHECKING:
    from nlsr_cli.evaluation import PictureScore, Score, Summary


class EvaluationConsole(Console):
    """Prints for `nlsr evaluate`."""

    @contextmanager
    def evaluation_progress(self, pictures: int) -> Iterator[Callable[[], None]]:
        """Show how many pictures are scored, and give what counts one."""
        start, done = time.monotonic(), 0

        def advance() -> None:
            nonlocal done
            done += 1
            left = (time.monotonic() - start) * (pictures - done) / done
            self.show(f"picture {min(done + 1, pictures)}/{pictures}", done / pictures, left)

        self.show(f"picture 1/{pictures}")
        yield advance

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
        if summary.passed is not None:
            self.not_taken(summary.passed)
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
            worst = summary.worst
            if worst is not None:
                self.line(f"smallest gain over bicubic: {worst.gain:+.2f} dB ({worst.name})")
        if summary.interrupted:
            self.note(f"interrupted: {len(summary.pictures)} of {summary.planned} pictures")
        elif len(summary.done) < len(summary.pictures):
            self.note(f"{len(summary.done)} scored, {len(summary.pictures) - len(summary.done)} failed")


def _measured(summary: Summary) -> str:
    """Return what was measured, and where."""
    settings = summary.settings
    place = f" on {settings['device']} in {settings['precision']}" if "device" in settings else ""
    damaged = f", pictures damaged by {settings['degrade']}" if settings.get("degrade") else ""
    passes = ", mean of 8 passes" if settings.get("ensemble") else ""
    return f"{settings['model']}, {summary.scale}x{place}{passes}{damaged}"


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
