"""How the results of a batch go out: encoded, stored under their names or sent to standard output, entered as done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.resume import Keeper
from nlsr_cli.batch.source import PageSource
from nlsr_cli.batch.task import Task
from nlsr_cli.errors import NlsrError
from nlsr_cli.images import Animation, Picture, pieces_of
from nlsr_cli.images.formats import kept_format, writing_of
from nlsr_cli.storing import Pieces, begun, pour

if TYPE_CHECKING:
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.upscaling.progress import Enlarged


class Delivery:
    """Writes what was enlarged.

    Args:
        keeper: enters what is done; None enters nothing.
        stamp: puts into outputs how they were made; None says nothing of it.
        device: gives the type of the device on which they were made.
    """

    def __init__(self, keeper: Keeper | None, stamp: Stamp | None, device: Callable[[], str]) -> None:
        self._keeper = keeper
        self._stamp = stamp
        self._device = device
        self._storing = threading.Lock()
        self._over = False

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing is stored any more: what failed since was interrupted."""
        return self._over

    def close(self) -> None:
        """Store nothing from now on.

        What has begun to be written is given up at its next piece, or waited for if that was its last. What is still
        being encoded as a whole is not waited for.
        """
        self._over = True
        with self._storing:
            pass

    def finish(self, task: Task) -> Outcome:
        """Write what was enlarged, and say what became of the job."""
        notes: tuple[str, ...] = ()
        with task.stage():
            if task.enlarged is not None:
                made, told = self._stamped(task, task.enlarged)
                notes = (*self._write(task, made), *told, *self._choices(task))
        if not self._over:  # whose rows are there for the next call
            task.let_go_of_rows()
        if self._keeper is not None and task.claim is not None:
            self._keeper.release(task.claim)
        return task.outcome(notes)

    def _stamped(self, task: Task, enlarged: Enlarged) -> tuple[Picture | Animation, tuple[str, ...]]:
        """Return what was made, with how it was made in its metadata if that is wanted, and notes."""
        if self._stamp is None or task.picture is None:
            return getattr(enlarged, "animation", enlarged.picture), ()
        content, page, source = task.content, None, task.job.source
        if isinstance(source, PageSource):  # of a page nobody has a file: the one that holds it is told
            content, page = source.content(task.job.options.max_pixels), source.number
        return self._stamp.put(task.picture, enlarged, task.format, content=content, page=page, device=self._device())

    def _choices(self, task: Task) -> list[str]:
        """Say what the output's format makes of the input's and of `lossless`."""
        notes = []
        if task.picture is not None:
            own, why = kept_format(task.picture.metadata.format, task.frames)
            notes += [why] if why and own == task.format else []
        heeded = writing_of(task.format).heeds
        if task.job.options.encode.lossless and "quality" in heeded and "lossless" not in heeded:
            notes.append(f"{task.format} is always written with loss; --lossless has no effect.")
        return notes

    def _write(self, task: Task, made: Picture | Animation) -> tuple[str, ...]:
        job = task.job
        # With a keeper, it knows whether what stands there may be replaced.
        job.sink.prepare(replace=self._keeper is not None)

        pieces = pieces_of(made, format=task.format, options=job.options.encode, name=job.sink.name)
        first = begun(self._wanted(pieces, job.sink.name))  # which takes long where a format needs the whole picture
        with self._storing:
            return self._store(task, first)

    def _wanted(self, pieces: Pieces, name: str) -> Pieces:
        """Yield the pieces of an output until the end has come."""
        notes: tuple[str, ...] | None = None
        while notes is None:
            if self._over:
                raise NlsrError(f"{name}: interrupted before it was written")
            try:
                yield next(pieces)
            except StopIteration as finished:
                notes = finished.value
        return notes

    def _store(self, task: Task, pieces: Pieces) -> tuple[str, ...]:
        """Store an output, and enter it in the ledger."""
        job = task.job
        if self._keeper is None:
            with job.sink.begin() as part:
                notes = pour(pieces, part)
                part.commit()
            return notes
        task.verdict, told = self._keeper.store(job, task.verdict, task.content, pieces)
        return told
