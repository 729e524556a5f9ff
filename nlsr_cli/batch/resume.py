"""What is done already, by what a ledger says and the bytes bear out; and outputs stored so that the next call knows.

Of several processes on one folder, each claims a picture before it begins it, looks again, and keeps what another one
has done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlsr_cli import deepzoom
from nlsr_cli.batch.bookkeeping import Bookkeeping, Declaration
from nlsr_cli.batch.claims import EXISTS_HINT
from nlsr_cli.batch.fingerprint import Identity
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.ledger import Entry, digest_at
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.sharing import Claim, Claims, claim_of, remove_dead_claims
from nlsr_cli.batch.sink import Part
from nlsr_cli.batch.source import is_file
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.files import remove_dead_parts
from nlsr_cli.images.formats import writing_of
from nlsr_cli.shards import Shard
from nlsr_cli.storing import Pieces, pour
from nlsr_cli.upscaling.rows_folder import folders_of_rows, stem_of
from nlsr_cli.upscaling.spool import Rows

DONE, EXISTS, MEANWHILE = "done already", "the output exists already", "done by another process meanwhile"


@dataclass(frozen=True)
class Verdict:
    """What is to become of a job whose output may be there: "compute", "replace" or "skip", and why.

    `seen` is what stood at the output's place when this was decided, None if nothing did.
    """

    action: str = "compute"
    reason: str = ""
    seen: tuple[int, int, int] | None = None


class Keeper:
    """Decides what is done, and stores what is not.

    Args:
        identity: what outputs follow from.
        existing: as of `OutputOptions`.
        ledger: whether outputs are entered in the ledgers of their folders.
        jobs: all that will be asked about, if they are known.
        home: where outputs go of which no more is known; None is beside their inputs.
        shard: whose ledgers are written; None is the common one.
        declaration: what that shard says of itself.
        shares: whether other processes may do some of the jobs.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        existing: str,
        ledger: bool,
        jobs: Iterable[Job],
        home: Path | None = None,
        shard: Shard | None = None,
        declaration: Declaration | None = None,
        shares: bool = False,
    ) -> None:
        self.identity = identity
        self._existing = existing
        self._shard = shard
        self._declaration = declaration
        self._claims = Claims() if shares else None
        self._books = Bookkeeping(jobs, home=home, shard=shard, enters=ledger)
        self._folders_of_rows: dict[Path, dict[str, list[Path]]] = {}

    def hired(self, identity: Identity) -> Keeper:
        """Return the keeper of a worker, which is told of its jobs one by one while this one claims them; it can be
        pickled. `identity` is of the worker's own device.
        """
        return Keeper(identity, existing=self._existing, ledger=self._books.enters, jobs=(), shard=self._shard)

    @property
    def decides_late(self) -> bool:
        """Tell whether it takes a look at the output to know if a job has work."""
        return self._existing == "resume"

    def begin(self) -> None:
        """Say what is about to be made, where others may make it with other options.

        Raises:
            OptionError: another shard was started with others.
        """
        if self._declaration is not None:
            self._declaration.make(again=self._existing == "overwrite")

    def clean(self) -> int:
        """Remove temporary files of killed processes where outputs go; return how many files."""
        if self._claims is not None:
            for folder in self._books.folders:
                remove_dead_claims(folder)
        return sum(remove_dead_parts(folder) for folder in self._books.folders)

    def is_taken(self, job: Job) -> bool:
        """Tell at a glance whether another process has a job, or had it when it died."""
        return self._claims is not None and job.sink.on_disk and os.path.lexists(claim_of(job.sink.path))

    def claim(self, job: Job) -> Claim | None:
        """Keep other processes away from a job; return None if one of them has it.

        From now on nobody else finishes it, so that a look tells for good whether it is done.
        """
        path = job.sink.path
        if self._claims is None or not job.sink.on_disk:
            return Claim(path)
        try:
            job.sink.check(0, 0.0)  # a link may have been planted since the plan was made: then nothing is put there
        except ImageWriteError:  # which is told when the picture is begun
            return Claim(path)
        return self._claims.take(path)

    def release(self, claim: Claim) -> None:
        """Let other processes have a job."""
        if self._claims is not None:
            self._claims.release(claim)

    def forget_rows(self, job: Job) -> None:
        """Look anew for finished rows where a job goes: the process that had it before may have left some."""
        self._folders_of_rows.pop(job.sink.path.parent, None)

    def close(self) -> None:
        """Let other processes have all jobs."""
        if self._claims is not None:
            self._claims.close()

    def rows(self, job: Job, content: str) -> Rows | None:
        """Return where finished rows of a large picture are kept; None of one that goes to no file."""
        target = job.sink.path
        if not job.sink.on_disk:
            return None
        folder = target.parent
        if folder not in self._folders_of_rows:  # once, not for each of thousands of files
            self._folders_of_rows[folder] = folders_of_rows(folder)
        found = self._folders_of_rows[folder].get(stem_of(target), [])
        return Rows(target, lambda: self.identity.key(job, content), found)

    def look(self, job: Job, content: Callable[[], str]) -> Verdict:
        """Say what is to be done about a job. `content` gives the SHA-256 of its input, and is asked only if it counts.

        Raises:
            DestinationClash: what stands at the output's place is not what nlsr has written there, or was made of
                another file that is still there.
            ImageReadError: the input cannot be read.
        """
        if not job.sink.on_disk or self._existing not in ("skip", "resume"):
            return Verdict()
        seen = _seen(job.sink.path)
        if seen is None:
            return Verdict()
        if self._existing == "skip":
            return Verdict("skip", EXISTS, seen)
        entry = self._written(job)
        now = content()
        if entry.content != now:
            _check_origin(job, entry)
        if entry.key != self.identity.key(job, now):
            return Verdict("replace", self._difference(job, entry, now), seen)
        return Verdict("skip", DONE, seen)

    def look_again(self, job: Job, verdict: Verdict, content: Callable[[], str]) -> Verdict:
        """Return the verdict as it is now: another process may have done the job since.

        Raises:
            DestinationClash, ImageReadError: as `look`.
        """
        if not job.sink.on_disk or _seen(job.sink.path) == verdict.seen:
            return verdict
        again = self.look(job, content)
        return Verdict("skip", MEANWHILE, again.seen) if again.action == "skip" else again

    def store(self, job: Job, verdict: Verdict, content: str, pieces: Pieces) -> tuple[Verdict, tuple[str, ...]]:
        """Write an output, give it its name, and enter it in the ledger; return what came of it, and notes.

        Raises:
            DestinationClash: a file that is not ours has come to stand there.
            ImageWriteError: it cannot be stored.
        """
        replace = verdict.action == "replace"
        if replace:
            self._written(job)  # or somebody else has changed it meanwhile, and it is not ours to replace
        try:
            with job.sink.begin(replace=replace) as part:
                told = pour(pieces, part)
                line = self._line(job, content, part)
                notes = self._enter(job, line, "begun")
                part.commit()
        except DestinationClash:
            again = self.look(job, lambda: content)
            if again.action != "skip":
                raise
            return Verdict("skip", MEANWHILE, again.seen), ()
        return verdict, (*told, *(notes or self._enter(job, line, "done")))

    def _line(self, job: Job, content: str, part: Part) -> dict[str, Any] | None:
        if not (self._books.enters and job.sink.on_disk):
            return None
        return {**self.identity.line(job, content), "size": part.size, "sha256": part.sha256}

    def _enter(self, job: Job, line: dict[str, Any] | None, state: str) -> tuple[str, ...]:
        return () if line is None else self._books.enter(job.sink.path.parent, line, state)

    def enter(self, outcome: Outcome) -> None:
        """Enter a picture that failed, or that is done although a ledger says that it failed since.

        Its disk may have been away for once.
        """
        self._books.tell()  # there may be a folder by now, of which another process has made the first output
        job = self._books.job_of(outcome)
        if job is None:
            return
        if outcome.error is not None:
            self._books.fail(job, outcome.error)
        elif outcome.reason in (DONE, MEANWHILE) and (failed := self._books.failed_at(job)):
            with suppress(DestinationClash):  # it has changed again, and the next call will say so
                entry = self._written(job)
                line = {**self.identity.line(job, entry.content), "size": entry.size, "sha256": entry.sha256}
                if entry.time < failed:
                    self._enter(job, line, "done")

    def _written(self, job: Job) -> Entry:
        """Return the entry that the output at hand is true to.

        Raises:
            DestinationClash: there is none.
        """
        source, target = job.source.path, job.sink.path
        ledger = self._books.of(target.parent)
        for anew in (False, True):  # another process may have begun a ledger of its own meanwhile
            entries = ledger.entries(target.name, anew=anew)
            digest = digest_at(target, {entry.size for entry in entries}) if entries else ""
            for entry in entries:
                if entry.sha256 == digest and (not _is_tiled(job) or deepzoom.is_whole(target)):
                    return entry
        if not entries:
            trouble = f" (which cannot be read: {ledger.trouble.lower()})" if ledger.trouble else ""
            reason = f"its output {target} exists already, and is not in the ledger beside it{trouble}"
            raise DestinationClash(source, reason, EXISTS_HINT)
        raise DestinationClash(source, f"its output {target} was changed since nlsr wrote it", EXISTS_HINT)

    def _difference(self, job: Job, entry: Entry, content: str) -> str:
        """Say why an output is made again."""
        if entry.content != content:
            return "its input has changed"
        if entry.weights != self.identity.weights(job):
            return "another model"
        changed = self.identity.changed(job, json.loads(entry.options)) if entry.options else []
        return f"other options ({', '.join(changed)})" if changed else "other options"


def _is_tiled(job: Job) -> bool:
    """Tell whether an output is the description of tiles, which it states by their SHA-256."""
    return bool(job.format) and writing_of(job.format).tiled


def _check_origin(job: Job, entry: Entry) -> None:
    """Refuse to replace what was made of another file: two calls may have given one name to two outputs.

    Raises:
        DestinationClash: that file is still there.
    """
    origin = Path(os.path.normpath(job.sink.path.parent / entry.origin))
    with suppress(OSError, ValueError):
        if entry.origin and is_file(job.source) and not origin.samefile(job.source.path):
            reason = f"its output {job.sink.path} was made of {origin}"
            raise DestinationClash(job.source.path, reason, "Give each its own output with -o or --suffix.")


def _seen(path: Path) -> tuple[int, int, int] | None:
    """Return what tells one content of a place from another at a glance, None where nothing is."""
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
