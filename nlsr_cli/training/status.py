"""Where a run stands, for whoever looks from outside: a small file that it writes and anybody may read. No torch."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from nlsr_cli.errors import OptionError, RunFolderError
from nlsr_cli.files import lock

LOCK_NAME, STATUS_NAME, PAUSE_NAME = ".lock", "status.json", "pause"
RUNNING, PAUSED, INTERRUPTED, FINISHED = "running", "paused", "interrupted", "finished"
STATES = (RUNNING, PAUSED, INTERRUPTED, FINISHED)


@dataclass(frozen=True)
class Status:
    """Where a run stands. `share` of its budget from 0 to 1; `seconds` that it took; PSNR in dB on its validation.

    `best_psnr` and `best_step` are None before the first validation; `left` is in seconds, None where nothing tells;
    `written` is the time of the clock, in seconds since 1970, at which all this was so.
    """

    state: str
    step: int
    share: float
    seconds: float
    steps_per_second: float
    patches_per_second: float
    best_psnr: float | None
    best_step: int | None
    bicubic_psnr: float
    left: float | None
    written: float

    @property
    def end(self) -> float | None:
        """Return the time of the clock, in seconds since 1970, at which a running run is expected to end."""
        return None if self.state != RUNNING or self.left is None else self.written + self.left

    def encode(self) -> bytes:
        """Return the content of status.json."""
        return (json.dumps(asdict(self)) + "\n").encode()


def read_status(folder: Path) -> Status:
    """Return where the run in `folder` stands, whether its process lives or not. Nothing in it is changed.

    Raises:
        OptionError: there is no run that tells.
        RunFolderError: what it tells cannot be read.
    """
    held = is_held(folder)
    if not os.path.lexists(folder / STATUS_NAME):
        if held:
            raise RunFolderError(folder, "the run is still reading its photographs", "Ask again in a moment.")
        raise OptionError(f"{folder} holds no run with a status", "Name the folder given as --out.")
    status = _decoded(folder)
    if held is False and status.state != FINISHED:
        return replace(status, state=INTERRUPTED)  # killed, perhaps: then it had no time to say so
    if held and status.state in (INTERRUPTED, FINISHED):
        return replace(status, state=RUNNING)  # it goes on, and reads its photographs
    return status


def is_held(folder: Path) -> bool | None:
    """Tell whether a process trains in `folder`; None where locks do not work."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise RunFolderError(folder, f"cannot be read: {exc.strerror or exc}", "Check its permissions.") from exc
    try:
        free = lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return None if free is None else not free


def _decoded(folder: Path) -> Status:
    damaged = RunFolderError(
        folder, f"{STATUS_NAME} is damaged", "Continue the run with --resume: this writes it again."
    )
    try:
        values = json.loads((folder / STATUS_NAME).read_bytes())
    except OSError as exc:
        reason = f"{STATUS_NAME} cannot be read: {exc.strerror or exc}"
        raise RunFolderError(folder, reason, "Check its permissions.") from exc
    except ValueError as exc:
        raise damaged from exc
    if not isinstance(values, dict) or set(values) != {each.name for each in fields(Status)} or not _sound(values):
        raise damaged
    return Status(**values)


def _sound(values: dict[str, Any]) -> bool:
    """Tell whether all values are of their kind, as those of a file that somebody made need not be."""
    optional = ("best_psnr", "best_step", "left")
    return values["state"] in STATES and all(
        (isinstance(value, int | float) and not isinstance(value, bool)) or (value is None and name in optional)
        for name, value in values.items()
        if name != "state"
    )
