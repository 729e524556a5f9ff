"""How the results of a batch go out: encoded, stored under their names or sent to standard output, entered as done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.resume import Keeper
from nlsr_cli.batch.task import Task
from nlsr_cli.errors import ImageWriteError, NlsrError
from nlsr_cli.images import Animation, Picture, encode_any
from nlsr_cli.images.formats import kept_format, writing_of

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

    def close(self) -> None:
        """Store nothing from now on; what is being stored is waited for, what is being encoded is not."""
        with self._storing:
            self._over = True

    def finish(self, task: Task) -> Outcome:
        """Write what was enlarged, and say what became of the job."""
        notes: tuple[str, ...] = ()
        with task.stage():
            if task.enlarged is not None:
                made, told = self._stamped(task, task.enlarged)
                notes = (*self._write(task, made), *told, *self._choices(task))
        if not self._over:  # whose rows are there for the next call
            task.let_go_of_rows()
        return task.outcome(notes)

    def _stamped(self, task: Task, enlarged: Enlarged) -> tuple[Picture | Animation, tuple[str, ...]]:
        """Return what was made, with how it was made in its metadata if that is wanted, and notes."""
        if self._stamp is None or task.picture is None:
            return getattr(enlarged, "animation", enlarged.picture), ()
        return self._stamp.put(task.picture, enlarged, task.format, content=task.content, device=self._device())

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
        data, notes = encode_any(made, format=task.format, options=job.options.encode, name=job.sink.name)
        with self._storing:
            if self._over:
                raise NlsrError(f"{job.sink.name}: interrupted before it was written")
            return (*notes, *self._store(task, data))

    def _store(self, task: Task, data: bytes) -> tuple[str, ...]:
        """Store an output, and enter it in the ledger."""
        job = task.job
        if self._keeper is None:
            with job.sink.begin() as part:
                part.append(data)
                part.commit()
            return ()
        try:
            task.verdict, told = self._keeper.store(job, task.verdict, task.content, (data,))
        except ImageWriteError:
            if task.rows is None or not task.rows.kept:
                raise
            task.rows.discard()  # they may be what fills the disk, and the picture is computed
            task.verdict, told = self._keeper.store(job, task.verdict, task.content, (data,))
        return told
