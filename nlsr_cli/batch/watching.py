"""Folders that are watched: which pictures in them are complete, and were not taken yet as they are now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nlsr_cli.batch.claims import place_of
from nlsr_cli.batch.inputs import Sources, find_sources, mode_of
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.passed import PassedOver
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.errors import DestinationClash, OptionError
from nlsr_cli.options import OutputOptions

# What browsers, copying programs and editors call a file until it is whole.
_UNFINISHED = {
    ".part", ".partial", ".filepart", ".crdownload", ".opdownload", ".download", ".tmp", ".temp", ".swp", ".aria2",
}  # fmt: skip

Look = tuple[int, int, int, int]  # what tells one state of a file from another: device, inode, size, time


class Watch:
    """Looks into folders again and again.

    A file is taken when two looks find it the same, so the time between them is how long it must have been left alone.
    It is taken once, whatever becomes of it, until it changes.

    Args:
        folders: the folders, each the root of a mirrored tree.
        output: where outputs go; that folder may lie in one of the others.

    Raises:
        OptionError: one is no folder, or outputs would go to one of them.
    """

    def __init__(self, folders: Sequence[str], output: OutputOptions) -> None:
        if output.place is None:
            raise OptionError("--watch needs a folder for the outputs", "For example: --watch -o enlarged")
        for folder in folders:
            if not Path(folder).is_dir():
                raise OptionError(f"--watch needs folders, and {folder} is not one", "Give folders that exist.")
            if os.path.realpath(folder) == os.path.realpath(output.place):
                hint = "Give another folder after -o; it may lie inside the one that is watched."
                raise OptionError(f"-o {output.place} is the folder that is watched", hint)
        self._folders = [Path(folder) for folder in folders]
        self._output = output
        self._seen: dict[Path, Look] = {}
        self._taken: dict[Path, Look] = {}
        self._troubles: set[tuple[Path, str]] = set()
        self._owners: dict[object, tuple[Path, Path]] = {}  # outputs and what they were made of, by their places
        self.passed = PassedOver()  # what the last look found and did not take

    def look(self) -> Sources:
        """Return the pictures that are ready now, and the folders that could not be read since this look."""
        there = [folder for folder in self._folders if folder.is_dir()]
        found = find_sources(there, self._output, listed=[])
        self.passed = found.passed
        now: dict[Path, Look] = {}
        ready = []
        for path, root in found.files:
            look = _look(path)
            if look is None or _is_unfinished(path.name) or self._owner(path) is not None:
                continue
            now[path] = look
            if self._seen.get(path) == look != self._taken.get(path):
                self._taken[path] = look
                ready.append((path, root))
        self._seen = now
        self._taken = {path: look for path, look in self._taken.items() if path in now}
        gone = [(folder, "it is not there") for folder in self._folders if folder not in there]
        troubles = [*gone, *found.unreadable]
        fresh = [trouble for trouble in troubles if trouble not in self._troubles]
        self._troubles = set(troubles)
        return Sources(ready, from_many=True, passed=found.passed, unreadable=fresh)

    def checked(self, plan: BatchPlan) -> BatchPlan:
        """Return a plan in which no job would replace what was made of another picture, which is still there."""
        jobs = []
        for job in plan.jobs:
            owner = self._owner(job.sink.path) if job.error is None else None
            if owner is not None and owner != job.source.path and mode_of(owner):
                reason = f"its output {job.sink.path} was made of {owner}"
                job = replace(job, error=DestinationClash(job.source.path, reason, "Rename one of the two."))  # noqa: PLW2901
            jobs.append(job)
        return replace(plan, jobs=tuple(jobs))

    def remember(self, outcome: Outcome) -> None:
        """Keep in mind whose an output is."""
        if outcome.output is not None:
            self._owners[place_of(outcome.output)] = outcome.output, outcome.source

    def _owner(self, path: Path) -> Path | None:
        """Return what an output was made of; None of any other file, even if it has got the number of one."""
        place = place_of(path)
        output, source = self._owners.get(place, (None, None))
        return source if output is not None and place_of(output) == place else None


def _look(path: Path) -> Look | None:
    """Return the state of a file; None where it has gone, or has nothing in it yet."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) if status.st_size else None


def _is_unfinished(name: str) -> bool:
    return name.startswith("~") or name.endswith("~") or Path(name).suffix.lower() in _UNFINISHED
