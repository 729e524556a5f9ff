"""How the pictures of a batch come in: looked for in the ledger first, decoded in a process of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from nlsr_cli.batch.planning import Job
from nlsr_cli.batch.resume import EXISTS, Keeper, Verdict
from nlsr_cli.batch.task import Task, label_of, may_be_read_ahead
from nlsr_cli.errors import ImageReadError, NlsrError
from nlsr_cli.images import Animation, check_picture, check_size, read_stream
from nlsr_cli.images.formats import is_moving
from nlsr_cli.images.loading import digest, load
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import STREAM

if TYPE_CHECKING:
    from nlsr_cli.upscaling.route import Route


class Intake:
    """Turns jobs into tasks that have their picture, or need none.

    Args:
        decoder: what reads the pictures.
        keeper: says what is done already; None knows nothing.
        route: the way of a picture of a size that the plan did not know.
        max_pixels: the largest input, in pixels.
    """

    def __init__(
        self, decoder: Decoder, keeper: Keeper | None, route: Callable[[int, int], Route], max_pixels: int
    ) -> None:
        self._decoder = decoder
        self._keeper = keeper
        self._route = route
        self._max_pixels = max_pixels

    def foresee(self, job: Job) -> tuple[Verdict, NlsrError | None]:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        if job.error is not None or job.skip:
            return Verdict("skip", EXISTS) if job.skip else Verdict(), job.error
        task = Task(job)
        if self._keeper is not None and may_be_read_ahead(job):
            with task.stage():
                task.verdict = self._keeper.look(job, lambda: digest(job.source, label_of(job)))
        return task.verdict, task.error

    def read(self, job: Job) -> Task:
        """Return the task of a job, with its picture if it has work, or with what is wrong."""
        task = Task(job)
        with task.stage():
            held = None if may_be_read_ahead(job) else self._bytes_of(job)
            if self._keeper is not None:
                source = job.source if held is None else held
                task.verdict = self._keeper.look(job, lambda: digest(source, label_of(job)))
            if task.has_work:
                self._decode(task, held)
        return task

    def look_again(self, task: Task) -> None:
        """See whether another process has done a job since it was read."""
        if self._keeper is not None and task.has_work:
            with task.stage():
                task.verdict = self._keeper.look_again(task.job, task.verdict, lambda: task.content)

    def _decode(self, task: Task, held: bytes | None) -> None:
        job, header = task.job, task.job.header
        content = self._decoder.read(
            job.source if held is None else held,
            name=label_of(job),
            max_pixels=self._max_pixels,
            pixels=header.height * header.width * header.frames if header else None,
            whole=not job.format or is_moving(job.format),  # of other formats only one frame is written
        )
        task.picture, task.content = content.picture, content.sha256
        check_picture(task.picture, task.format, job.target)
        first = task.first
        if header is None and first is not None:  # a stream: the sizes of files were checked by the plan
            check_size(task.format, *self._route(first.height, first.width).size, job.target, depth=first.depth)
        if self._keeper is not None and not isinstance(task.picture, Animation):  # of which frames are small, and many
            task.rows = self._keeper.rows(job, task.content)

    def _bytes_of(self, job: Job) -> bytes:
        """Return the content of an input that can be read once only."""
        if job.source is not STREAM:
            return load(job.source, label_of(job), self._max_pixels).data
        if sys.stdin is None:
            raise ImageReadError("standard input", "is closed")
        return read_stream(sys.stdin.buffer, name="standard input", max_pixels=self._max_pixels)
