"""The lines of a call in the ledgers of the folders that its outputs go to: what is done, what failed, with what."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import time
from typing import Any

from nlsr_cli.batch.fingerprint import different, origin_of
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.ledger import FAILED
from nlsr_cli.batch.ledgers import SHARD, WITHDRAWN, Ledgers, declared, ledgers_in, origin_at, shard_of
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.shards import Shard

_LONGEST = 4096  # characters of a message that a ledger keeps


class Bookkeeping:
    """Keeps the ledgers of a call.

    Args:
        jobs: all that will be asked about, where they are known: of their folders, no other lines are kept.
        home: where outputs go of which no more is known; None is beside their inputs.
        shard: whose ledgers are written; None is the common one.
        enters: whether any is written at all.
    """

    def __init__(self, jobs: Iterable[Job], *, home: Path | None, shard: Shard | None, enters: bool) -> None:
        self.enters = enters
        self._home = home
        self._shard = shard
        self._jobs: dict[tuple[Path, str], Job] = {}
        names: defaultdict[Path, set[str]] = defaultdict(set)
        for job in jobs:
            self._jobs[job.source.path, job.source.name] = job
            if job.error is None and job.sink.on_disk:
                names[job.sink.path.parent].add(job.sink.path.name)
        self._ledgers = {folder: Ledgers(folder, each, shard) for folder, each in names.items()}
        self._untold: list[tuple[Job, NlsrError, float]] = []  # failures for which there is no folder yet
        self._failures: dict[str, float] | None = None  # those in all ledgers, once they are asked for

    @property
    def folders(self) -> list[Path]:
        """Return the folders that outputs go to."""
        return list(self._ledgers)

    def of(self, folder: Path) -> Ledgers:
        """Return the ledgers of a folder: of one that no job has named, with all that they hold."""
        return self._ledgers.get(folder) or self._ledgers.setdefault(folder, Ledgers(folder, _All(), self._shard))

    def enter(self, folder: Path, values: Mapping[str, Any], state: str) -> tuple[str, ...]:
        """Add a line; what keeps it from being added does not keep the picture from being written, but is told."""
        ledger = self.of(folder)
        try:
            ledger.add({"state": state, **values, "time": time()})
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            return (f"the ledger {ledger.path} cannot be written ({reason}): --resume will not know this output.",)
        self.tell()
        return ()

    def job_of(self, outcome: Outcome) -> Job | None:
        """Return the job that an outcome is of, if it is entered anywhere."""
        job = self._jobs.get((outcome.source, outcome.name))
        return job if job is not None and self.enters and job.sink.on_disk else None

    def fail(self, job: Job, error: NlsrError) -> None:
        """Enter a picture that failed; where that cannot be written, the failure is told all the same.

        No folder is made for it: as long as nothing is written there, there is nothing to tell others of.
        """
        self._untold.append((job, error, time()))
        self.tell()

    def tell(self) -> None:
        """Enter the failures for which there is a folder by now."""
        waiting, self._untold = self._untold, []
        for job, error, moment in waiting:
            known = job.sink.path != job.source.path  # else not even a name for the output was found
            places = [job.sink.path.parent if known else self._home or job.source.path.parent, self._home]
            folder = next((place for place in places if place is not None and place.is_dir()), None)
            if folder is None:
                self._untold.append((job, error, moment))
                continue
            values = {
                "state": FAILED,
                "output": os.path.relpath(job.sink.path, folder) if known else None,
                "source": str(job.source.path),
                "origin": origin_of(folder, job.source),
                "error": _told(error),
                "time": moment,
            }
            with suppress(OSError):
                self._at(folder).add(values)

    def failed_at(self, job: Job) -> float:
        """Return when a job failed before this call, in seconds since 1970; 0 if no ledger says that it did."""
        if self._failures is None:
            self._failures = {}
            for ledgers in (*self._ledgers.values(), *([self._at(self._home)] if self._home else [])):
                self._failures |= ledgers.failures()
        folder = job.sink.path.parent
        return self._failures.get(origin_at(folder, origin_of(folder, job.source)), 0.0)

    def _at(self, folder: Path) -> Ledgers:
        return self._ledgers.get(folder) or Ledgers(folder, (), self._shard)


class _All:
    """Every name."""

    def __contains__(self, name: object) -> bool:
        return True


def _told(error: NlsrError) -> dict[str, str]:
    return {"type": type(error).__name__, "message": error.message[:_LONGEST], "hint": error.hint[:_LONGEST]}


class Declaration:
    """What all pictures of a shard are made with, said in its ledger before the first: all shards must say the same.

    Args:
        folders: those at the top of the trees that outputs go to.
        shard: the shard.
        values: what it says: "options", and "weights" by scale.
        pictures: how many it has.
    """

    def __init__(self, folders: Iterable[Path], shard: Shard, values: Mapping[str, Any], pictures: int) -> None:
        self._folders = list(folders)
        self._shard = shard
        self._values = values
        self._line = {"shard": str(shard), "pictures": pictures, **values}

    def check(self) -> None:
        """Refuse to work if another shard says something else.

        Raises:
            OptionError: one does.
        """
        for folder in self._folders:
            for name in ledgers_in(folder):
                other = shard_of(name)
                if other is None or other.count != self._shard.count or other == self._shard:
                    continue
                said = declared(folder / name)
                if said is not None and (differs := self._difference(said)):
                    hint = (
                        "Give all shards the same options, or this one another folder. To make all pictures again, "
                        "give all shards --overwrite."
                    )
                    raise OptionError(f"--shard {other} was started in {folder} with {differs}", hint)

    def make(self, *, again: bool) -> None:
        """Say it, and look once more whether all agree, as two shards may have begun at once.

        `again` says that what is there is replaced, whatever others say.

        Raises:
            OptionError: as `check`.
        """
        for folder in self._folders:
            self._add(folder, SHARD)
        if again:
            return
        try:
            self.check()
        except OptionError:
            for folder in self._folders:
                self._add(folder, WITHDRAWN)
            raise

    def _add(self, folder: Path, state: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            Ledgers(folder, (), self._shard).add({"state": state, **self._line, "time": time()})
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise OptionError(f"the ledger of --shard {self._shard} cannot be written in {folder}: {reason}") from exc

    def _difference(self, said: Mapping[str, Any]) -> str:
        """Return what is different there, as a user calls it, or ""."""
        weights = said.get("weights")
        if weights != self._values["weights"]:
            return "another model"
        options = said.get("options")
        names = different(self._values["options"], options if isinstance(options, dict) else {})
        return f"other options ({', '.join(names)})" if names else ""
