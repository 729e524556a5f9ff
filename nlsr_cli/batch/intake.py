"""How the pictures of a batch come in: looked for in the ledger first, decoded in a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.resume import EXISTS, Keeper, Verdict
from nlsr_cli.batch.source import Held, digest_of
from nlsr_cli.batch.task import Task
from nlsr_cli.images import Animation, Picture, check_picture, check_size
from nlsr_cli.images.formats import is_moving
from nlsr_cli.isolation.decoder import Decoder

if TYPE_CHECKING:
    from nlsr_cli.upscaling.route import Route


def foresee(job: Job, keeper: Keeper | None) -> Task:
    """Return the task of a job with what would become of it by what is there now, or what would be wrong with it."""
    task = Task(job, Verdict("skip", EXISTS) if job.skip else Verdict(), error=job.error)
    if task.has_work and job.source.ends:
        with task.stage():
            task.verdict = _verdict(job, job.source.hold(job.options.max_pixels), keeper)
    return task


def look_again(task: Task, keeper: Keeper | None) -> None:
    """See whether another process has done a job since it was looked at."""
    if keeper is not None and task.has_work:
        with task.stage():
            task.verdict = keeper.look_again(task.job, task.verdict, lambda: task.content or content_of(task.job))


def _verdict(job: Job, held: Held, keeper: Keeper | None) -> Verdict:
    return Verdict() if keeper is None else keeper.look(job, lambda: digest_of(held, job.source.name))


def content_of(job: Job) -> str:
    """Return the SHA-256 of what the source of a job holds.

    Raises:
        ImageReadError: it cannot be read.
    """
    return digest_of(job.source.hold(job.options.max_pixels), job.source.name)


class Intake:
    """Turns jobs into tasks that have their picture, or need none.

    Args:
        decoder: what reads the pictures.
        keeper: says what is done already; None knows nothing.
        route: the way of a picture of a size that the plan did not know.
    """

    def __init__(self, decoder: Decoder, keeper: Keeper | None, route: Callable[[int, int], Route]) -> None:
        self._decoder = decoder
        self._keeper = keeper
        self._route = route
        self._reading = False

    def read(self, job: Job) -> Task:
        """Return the task of a job, with its picture if it has work, or with what is wrong."""
        task = Task(job)
        self._reading = True
        with task.stage():
            held = job.source.hold(job.options.max_pixels)
            task.verdict = _verdict(job, held, self._keeper)
            if task.has_work:
                self._decode(task, held)
        self._reading = False
        return task

    def give_up(self) -> None:
        """End what is being read: whoever waits for it gets an error."""
        if self._reading:
            self._decoder.close()

    def _decode(self, task: Task, held: Held) -> None:
        job, header = task.job, task.job.header
        if isinstance(held, Picture):
            task.picture, task.content = held, digest_of(held, job.source.name)
        else:
            content = self._decoder.read(
                held,
                name=job.source.name,
                max_pixels=job.options.max_pixels,
                pixels=header.height * header.width * header.frames if header else None,
                whole=not job.format or is_moving(job.format),  # of other formats only one frame is written
                max_memory=job.options.max_memory,
            )
            task.picture, task.content = content.picture, content.sha256
        check_picture(task.picture, task.format, job.sink.path)
        first = task.first
        if header is None and first is not None:  # a stream: the sizes of files were checked by the plan
            check_size(task.format, *self._route(first.height, first.width).size, job.sink.path, depth=first.depth)
        if self._keeper is not None and not isinstance(task.picture, Animation):  # of which frames are small, and many
            task.rows = self._keeper.rows(job, task.content)
