"""What a training run says: a bar on a terminal, a line at each validation, or JSON; through the one console."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nlsr_cli.console.printer import Console, duration, printable
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.training.events import Event, Finished, Paused, Progressed, Validated
    from nlsr_cli.training.run import Run
    from nlsr_cli.training.status import Status


class TrainingConsole(Console):
    """Prints for `nlsr train`."""

    @contextmanager
    def reading_progress(self) -> Iterator[Callable[[int, int], None]]:
        """Show how many photographs were read; give what takes the number read and the number in all."""
        yield lambda done, total: self.show(f"photograph {done}/{total}", done / max(total, 1), facts="read")

    def prepared(self, run: Run) -> None:
        """Say what the run learns from, on what, and what it begins with."""
        data, plan = run.data, run.plan
        for why, paths in data.passed_over:
            self.passed_over(paths, why)
        side = plan.recipe.patch * max(plan.scales)
        self.passed_over(data.small, ("photograph", f"too small for patches of {side} pixels"))
        self.passed_over([error.path for error in data.unreadable], ("file", "unreadable"))
        if self.speech.verbose:
            for error in data.unreadable:
                self.note(f"  {error.message}")
            for path in data.small:
                self.note(f"  {path}: too small")
        measured = f"{data.measured} {'held back' if data.held_out else 'others'} for validation"
        self.note(f"{counted(run.photographs, 'photograph')} ({run.megapixels:.2f} megapixels), {measured}")
        if plan.recipe.halves and run.halves < run.photographs:
            few = "none is" if not run.halves else f"only {run.halves} are"
            self.note(f"note: {few} large enough for --halves: at half size a photograph must still hold a patch")
        if data.shared:
            self.note(f"note: {data.shared} of these pictures are also trained on, so their scores flatter the model")
        if run.step == 0:
            self._beginning(run)
        self.note(f"{plan.model_name} on {run.placement}; bicubic interpolation reaches {run.bicubic:.2f} dB")
        if run.step:
            self.note(f"resuming after step {run.step}")
        if self.speech.as_json:
            self.json_line(_facts(run))

    def _beginning(self, run: Run) -> None:
        """Say what the weights are at the start, where that is not chance alone."""
        if run.origin is not None:
            self.note(f"from {run.origin.name}: {run.origin.taken}")
        if run.misfit is not None:
            self.note(f"note: {run.misfit} does not fit this network, which starts from scratch")

    @contextmanager
    def training_progress(self) -> Iterator[TrainingProgress]:
        """Show a bar over the budget: on a terminal only, and not with `--quiet`."""
        yield TrainingProgress(self)

    def training_event(self, event: Event) -> None:
        """Print what is worth a line, or every event as JSON."""
        from nlsr_cli.training.events import Finished, Interrupted, Paused, Resumed, Slowed, Validated

        if self.speech.as_json:
            self.json_line(_plain(event))
        if isinstance(event, Validated):
            self.note(_validated(event))
        elif isinstance(event, Slowed):
            self.note(f"note: steps are slower from step {event.step} on: no CUDA graph can be made ({event.reason})")
        elif isinstance(event, Paused):
            self.note(f"paused after step {event.step}; the run is saved")
            self.note(f"hint: {_how_to_go_on(event)}")
        elif isinstance(event, Resumed):
            self.note(f"continues after a pause of {duration(event.seconds)}")
        elif isinstance(event, Interrupted):
            self.note(f"interrupted after step {event.step}; the run is saved")
            self.note("hint: The same command with --resume continues from here.")
        elif isinstance(event, Finished):
            self.note(_finished(event))
            for each in event.models if not (self.speech.as_json or self.speech.quiet) else ():
                self.line(each.model)

    def series_run(self, out: str, number: int, runs: int, state: str) -> None:
        """Say what becomes of one of the runs of a series."""
        if self.speech.as_json:
            self.json_line({"event": "run", "out": out, "number": number, "runs": runs, "state": state})
        self.note(f"run {number} of {runs}, {out}: {state}")

    def status(self, folder: str, status: Status) -> None:
        """Print where a run stands: a line, or one JSON object."""
        if self.speech.as_json:
            end = (
                None
                if status.end is None
                else datetime.fromtimestamp(status.end).astimezone().isoformat("T", "seconds")
            )
            self.json_line({"event": "status", "out": folder, **asdict(status), "expected_end": end})
        else:
            self.line(f"{printable(folder)}: {_status(status)}")


class TrainingProgress:
    """Turns events into a bar over the budget, with loss, validation PSNR, speed and time left."""

    def __init__(self, console: TrainingConsole) -> None:
        self._console = console
        self._psnr = ""

    def on_event(self, event: Event) -> None:
        """Advance."""
        from nlsr_cli.training.events import Progressed, Validated

        if isinstance(event, Validated):
            self._psnr = f", {event.row.psnr:.2f} dB"
        elif isinstance(event, Progressed):
            self._update(event)

    def _update(self, event: Progressed) -> None:
        loss = "" if event.loss is None else f"loss {event.loss:.4f}"
        facts = f"{loss}{self._psnr}, {event.steps_per_second:.3g} steps/s".lstrip(", ")
        self._console.show(f"step {event.step}", event.share, event.left, facts)


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration(seconds)} left"


def _status(status: Status) -> str:
    best = "" if status.best_psnr is None else f"best {status.best_psnr:.2f} dB at step {status.best_step}, "
    end = "" if status.end is None else f", ends {datetime.fromtimestamp(status.end):%Y-%m-%d %H:%M}"
    return (
        f"{status.state}, step {status.step} ({status.share:.0%}), {status.steps_per_second:.3g} steps/s, "
        f"{status.patches_per_second:.3g} patches/s, {best}bicubic {status.bicubic_psnr:.2f} dB{end}"
    )


def _validated(event: Validated) -> str:
    row = event.row
    left = f", {_left(event.left)}" if event.left else ""
    found = f"{' (best)' if event.best else ''}{', exported' if event.models else ''}"
    return (
        f"step {row.step} ({event.share:.0%}): loss {row.loss:.5f}, validation {row.psnr:.2f} dB{found}, "
        f"{row.steps_per_second:.3g} steps/s{left}"
    )


def _how_to_go_on(event: Paused) -> str:
    if event.file is not None:
        return f"Remove {event.file} to continue."
    return f"The same signal continues it: kill -USR1 {os.getpid()}"


def _finished(event: Finished) -> str:
    scores = [
        f"{f'x{each.scale} ' if len(event.models) > 1 else ''}{each.psnr:.2f} dB"
        f"{'' if each.ssim is None else f', SSIM {each.ssim:.4f}'}"
        for each in event.models
    ]
    return (
        f"{counted(event.step, 'step')} in {duration(event.seconds)}; "
        f"best validation score at step {event.best_step}: {'; '.join(scores)}"
    )


def _facts(run: Run) -> dict[str, Any]:
    """Return what was prepared as one JSON object."""
    return {
        "event": "prepared",
        "photographs": run.photographs,
        "megapixels": round(run.megapixels, 3),
        "validation": run.data.measured,
        "shared": run.data.shared,
        "unreadable": [error.message for error in run.data.unreadable],
        "small": [str(path) for path in run.data.small],
        "device": str(run.placement.device),
        "precision": run.placement.precision,
        "bicubic_psnr": round(run.bicubic, 4),
        "init": asdict(run.origin) if run.origin else None,
        "step": run.step,
    }


def _plain(event: Event) -> dict[str, Any]:
    """Return an event as one flat JSON object."""
    values = asdict(event)
    values |= values.pop("row", {})
    for each in values.get("models", ()):
        each["model"] = str(each["model"])
    if values.get("file") is not None:
        values["file"] = str(values["file"])
    return {"event": type(event).__name__.lower(), **values}
