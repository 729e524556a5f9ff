"""Pausing runs of other processes, so that a machine can be measured. No torch."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from nlsr_cli.errors import OptionError, RunFolderError
from nlsr_cli.files import remove
from nlsr_cli.training.status import PAUSE_NAME, PAUSED, is_held, read_status

ANSWER_SECONDS = 120.0  # for a step and a save, and for a run that still reads its photographs
POLL_SECONDS = 0.1


@contextmanager
def paused(folders: Sequence[Path], patience: float = ANSWER_SECONDS) -> Iterator[None]:
    """Have the runs in `folders` wait, all of them, until what is inside is done, however it ends.

    Raises:
        OptionError: nothing trains in one of them, or somebody else lets it wait.
        RunFolderError: one does not answer within `patience` seconds, or cannot be written.
    """
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(_asked(folder))
        end = time.monotonic() + patience
        for folder in folders:
            _await(folder, end, patience)
        yield


@contextmanager
def _asked(folder: Path) -> Iterator[None]:
    """Let the file be there that asks the run in `folder` to pause."""
    if is_held(folder) is False:
        raise OptionError(f"no run is training in {folder}, so there is nothing to pause", "Omit --pause.")
    file = folder / PAUSE_NAME
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666))
    except FileExistsError as exc:
        raise OptionError(
            f"{file} exists already: another process is pausing this run", f"If none is, remove it: rm {file}"
        ) from exc
    except OSError as exc:
        reason = f"cannot be written: {exc.strerror or exc}"
        raise RunFolderError(folder, reason, "Check its permissions.") from exc
    try:
        yield
    finally:
        remove(file)


def _await(folder: Path, end: float, patience: float) -> None:
    while not _waits(folder):
        if is_held(folder) is False:
            return  # it has ended meanwhile
        if time.monotonic() > end:
            raise RunFolderError(
                folder,
                f"the run has not paused within {patience:.0f} s",
                f"See what it is doing: nlsr train --status {shlex.quote(str(folder))}",
            )
        time.sleep(POLL_SECONDS)


def _waits(folder: Path) -> bool:
    try:
        return read_status(folder).state == PAUSED
    except RunFolderError:  # it has not begun to train
        return False
