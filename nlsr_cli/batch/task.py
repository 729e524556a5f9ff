"""One job on its way from a file to a file: what was read, what was made of it, and the first error that ended it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.outcome import Outcome, as_ours
from nlsr_cli.batch.resume import EXISTS, Verdict
from nlsr_cli.batch.sharing import Claim
from nlsr_cli.errors import DestinationClash, ImageWriteError, NlsrError
from nlsr_cli.images import Animation, Picture
from nlsr_cli.images.formats import kept_format
from nlsr_cli.scratch import placed

if TYPE_CHECKING:
    from nlsr_cli.upscaling.progress import Enlarged
    from nlsr_cli.upscaling.spool import Rows


@dataclass
class Task:
    """A job on its way. Its first error ends it; `seconds` are those spent on it alone.

    `content` is the SHA-256 of the bytes that were decoded; `rows` is where finished rows of a large picture are kept.
    `claim` keeps other processes away from it.
    """

    job: Job
    verdict: Verdict = field(default_factory=Verdict)
    content: str = ""
    rows: Rows | None = None
    claim: Claim | None = None
    picture: Picture | Animation | None = None
    enlarged: Enlarged | None = None
    error: NlsrError | None = None
    seconds: float = 0.0

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Time what is inside, and keep its error: a bug met by one picture must not lose the rest of the folder."""
        start = time.perf_counter()
        try:
            with placed(self.job.sink.scratch):
                yield
        except Exception as exc:  # noqa: BLE001 - see above
            self.error = as_ours(exc, self.job.source.path)
        finally:
            self.seconds += time.perf_counter() - start

    @property
    def has_work(self) -> bool:
        """Tell whether there is a picture that is to be enlarged."""
        return self.error is None and self.verdict.action != "skip"

    @property
    def format(self) -> str:
        """Return the format of the output: asked for, or that of the picture."""
        if self.job.format or self.picture is None:
            return self.job.format
        return kept_format(self.picture.metadata.format, self.frames)[0]

    @property
    def frames(self) -> int:
        """Return how many frames were read."""
        return len(self.picture.frames) if isinstance(self.picture, Animation) else 1

    @property
    def first(self) -> Picture | None:
        """Return the picture, or the first frame of an animation."""
        return self.picture.frames[0] if isinstance(self.picture, Animation) else self.picture

    def let_go_of_rows(self) -> None:
        """Remove finished rows that are needed no more; what could not be written is there for the next call.

        Rows of a picture that failed otherwise go too: what was wrong with it may be in them.
        """
        if self.rows is None:
            return
        if isinstance(self.error, (ImageWriteError, DestinationClash)):
            self.rows.close()
        else:
            self.rows.discard()

    def outcome(self, notes: tuple[str, ...]) -> Outcome:
        """Return what became of the job; `notes` are those of writing."""
        job, picture, enlarged = self.job, self.first, self.enlarged
        source, name, target = job.source.path, job.source.name, job.sink.path
        if self.error is None and self.verdict.action == "skip":
            return Outcome(source, target, "skipped", name=name, seconds=self.seconds, reason=self.verdict.reason)
        if self.error is not None or self.picture is None or picture is None or enlarged is None:
            return Outcome(source, None, "failed", name=name, seconds=self.seconds, error=self.error)
        again = (f"The output existed and is made again: {self.verdict.reason}.",) if self.verdict.reason else ()
        restored = enlarged.restoration.notes if enlarged.restoration else ()
        told = (*again, *self.picture.notes, *restored, *enlarged.events, *notes)
        return Outcome(
            source=source,
            output=target,
            status="done",
            name=name,
            input_size=(picture.height, picture.width),
            output_size=(enlarged.picture.height, enlarged.picture.width),
            frames=self.frames,
            seconds=self.seconds,
            tiles=enlarged.tiles,
            tile_size=enlarged.tile_size,
            tile_bytes=enlarged.tile_bytes,
            memory=enlarged.memory,
            precision=enlarged.precision,
            ensemble=enlarged.ensemble,
            agreement=enlarged.agreement,
            stages=enlarged.stages,
            resumed_rows=enlarged.resumed_rows,
            restoration=enlarged.restoration,
            notes=tuple(dict.fromkeys(told)),
        )


def decided(job: Job) -> Outcome:
    """Return the outcome of a job that needs no work."""
    source, name = job.source.path, job.source.name
    if job.error is not None:
        return Outcome(source, None, "failed", name=name, error=job.error)
    return Outcome(source, job.sink.path, "skipped", name=name, reason=EXISTS)
