"""The folder of a run: state.pt to go on from, log.csv and curve.png to look at, model/ to use; for one at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlsr_cli.errors import OptionError, RunFolderError
from nlsr_cli.files import is_part, lock, part_beside, remove, remove_parts, replace_files
from nlsr_cli.options import SCALES
from nlsr_cli.training.curve import draw_curve
from nlsr_cli.training.saved import Saved, damaged, read_saved
from nlsr_cli.training.status import LOCK_NAME, PAUSE_NAME, PAUSED, RUNNING, STATUS_NAME, Status, read_status
from nlsr_cli.zoo.source import RUN_MODEL, RUN_STATE, run_model

LOG_NAME, CURVE_NAME = "log.csv", "curve.png"
_PATIENCE = 0.25  # seconds: who looks whether a run is going on holds its lock for a moment
RESUME_HINT = "Continue it with --resume, or choose another folder."


class RunFolder:
    """The folder `path`, held by this process alone until `close` or its death.

    Raises:
        OptionError: it holds a run and `resume` is not given, or holds none and it is.
        RunFolderError: it cannot be written, or another process holds it.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        self.path = path
        names = (RUN_STATE, LOG_NAME, CURVE_NAME, RUN_MODEL, *map(run_model, SCALES))
        taken = [name for name in names if os.path.lexists(path / name)]
        if resume and RUN_STATE not in taken:
            hint = "Start a new run in another folder." if taken else "Omit --resume to start one."
            raise OptionError(f"{path} holds no run to continue", hint)
        if taken and not resume:
            hint = RESUME_HINT if RUN_STATE in taken else "Choose another folder."
            raise OptionError(f"{path} already holds {taken[0]} of a run", hint)
        if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112 - which raises nothing
            raise RunFolderError(path, "is not a folder", "Choose another folder.")
        stranger = None if resume else _stranger(path)
        if stranger is not None:
            raise OptionError(
                f"{path} holds other files, such as {stranger}", "Name a new or empty folder after --out."
            )
        self._lock: int | None = None
        self._made: list[Path] = []  # by this object, the innermost last
        try:
            self._make()
            self._lock = _locked(path / LOCK_NAME)
        except OSError as exc:
            self._unmake()
            raise self._unwritable(exc) from exc
        if self._lock is None:
            raise RunFolderError(path, "another process is training here", "Wait for it, or choose another folder.")
        for each in (path, *map(self.model_of, (None, *SCALES))):
            remove_parts(each)  # of a process that was killed while it wrote
        self._correct_status()

    @property
    def model(self) -> Path:
        """Return the folder of the exported model."""
        return self.path / RUN_MODEL

    def model_of(self, scale: int | None) -> Path:
        """Return the folder of the exported model; of one scale, where there are several."""
        return self.model if scale is None else self.path / run_model(scale)

    @property
    def pause_file(self) -> Path | None:
        """Return the file that asks the run to pause, if it is there."""
        path = self.path / PAUSE_NAME
        return path if os.path.lexists(path) else None

    def write_status(self, status: Status) -> None:
        """Write where the run stands. Not forced to the disk: after a power cut the state is what counts.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        path = self.path / STATUS_NAME
        part = part_beside(path)
        try:
            part.write_bytes(status.encode())
            part.replace(path)
        except OSError as exc:
            raise self._unwritable(exc) from exc
        finally:
            remove(part)

    def _correct_status(self) -> None:
        """Take back what a process that was killed while it paused has left: this one only begins."""
        with suppress(OptionError, RunFolderError):  # there is none, or a damaged one that will be written again
            status = read_status(self.path)
            if status.state == PAUSED:
                self.write_status(replace(status, state=RUNNING))

    def close(self) -> None:
        """Let other processes have the folder; where it was made for nothing it is removed, and so is the lock."""
        if self._lock is None:
            return
        unused = not os.path.lexists(self.path / RUN_STATE)
        if unused:
            with suppress(OSError):  # while it is held: afterwards it may be another process's
                (self.path / STATUS_NAME).unlink(missing_ok=True)
                (self.path / LOCK_NAME).unlink()
        os.close(self._lock)
        self._lock = None
        if unused and os.name == "nt":  # where nobody can remove what anybody has open
            with suppress(OSError):
                (self.path / LOCK_NAME).unlink()
        self._unmake()

    def _make(self) -> None:
        missing = [each for each in (self.path, *self.path.parents) if not os.path.lexists(each)]
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            self._made.append(each)
        self.path.mkdir(exist_ok=True)

    def _unmake(self) -> None:
        """Remove the folders that were made, as far as they are empty."""
        with suppress(OSError):
            while self._made:
                self._made.pop().rmdir()

    def save(self, saved: Saved, title: str) -> None:
        """Write state, log and curve, all of the same moment.

        Raises:
            TrainingDiverged: a value of the state is not finite; what was saved before is untouched.
            RunFolderError: the folder cannot be written.
        """
        state = saved.encode()
        contents = {}
        if saved.rows:
            points = [(row.step, row.loss, row.psnr) for row in saved.rows]
            contents = {LOG_NAME: saved.log(), CURVE_NAME: draw_curve(points, title)}
        contents[RUN_STATE] = state  # the last: what was killed before it is done again, and logged again
        try:
            replace_files({self.path / name: data for name, data in contents.items()})
        except OSError as exc:
            raise self._unwritable(exc) from exc

    def load(self, choices: Mapping[str, Any]) -> Saved:
        """Read the state of a run that was begun with the same `choices`; its tensors are on the CPU.

        Raises:
            OptionError: it was begun with others; the message names them.
            RunFolderError: the state cannot be read, or is damaged.
        """
        saved = read_saved(self.path)
        try:
            self._agree(saved.choices, choices)
        except (KeyError, TypeError, AttributeError, RuntimeError) as exc:
            raise damaged(self.path) from exc
        return saved

    def _agree(self, saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        others = [name for name in asked if name not in saved or saved[name] != asked[name]]
        if not others:
            return
        told = [f"{name.replace('_', '-')} was {_brief(saved.get(name))}, not {_brief(asked[name])}" for name in others]
        raise OptionError(
            f"{self.path} was started with other options: {'; '.join(told)}",
            "Repeat the first command with --resume. The budget cannot change either: the schedule depends on it.",
        )

    def _unwritable(self, exc: OSError) -> RunFolderError:
        return RunFolderError(
            self.path, f"cannot be written: {exc.strerror or exc}", "Check its permissions and the free space."
        )


def _locked(path: Path) -> int | None:
    """Return a descriptor that holds a lock which ends with the process, or None where another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    # None, as on some network mounts, is no refusal: a run there is worth more than the guard.
    if lock(descriptor, patience=_PATIENCE) is False:
        os.close(descriptor)
        return None
    return descriptor


def _brief(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:80]


def _stranger(path: Path) -> str | None:
    """Return the name of something in a folder that no run has left there, if there is any."""
    try:
        names = sorted(each.name for each in path.iterdir())
    except OSError:
        return None  # there is no folder, or what is wrong with it is told when it is written
    ours = (LOCK_NAME, STATUS_NAME, PAUSE_NAME)  # the last may be there before the run is
    return next((name for name in names if name not in ours and not is_part(name)), None)
