"""The way of one picture, from its source to its sink.

An engine calls `process` for each job, or takes its three steps one by one where it has other pictures to read and
write meanwhile, as the local engine does: `Intake.read`, `enlarge`, `Delivery.finish`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli import scratch
from nlsr_cli.batch.delivery import Delivery
from nlsr_cli.batch.intake import Intake
from nlsr_cli.batch.task import Task, decided
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import Animation
from nlsr_cli.images.formats import writing_of
from nlsr_cli.limits import DECODER, MAIN
from nlsr_cli.upscaling.needs import Extent, arrays

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.images import Picture
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.upscaling.progress import OnTile, Step
    from nlsr_cli.upscaling.spool import Rows


def process(
    job: Job,
    enlarger: Enlarger,
    decoder: Decoder,
    *,
    keeper: Keeper | None = None,
    stamp: Stamp | None = None,
    on_tile: OnTile | None = None,
    turn: AbstractContextManager[object] | None = None,
) -> Outcome:
    """Read, enlarge and write one picture; what goes wrong with it is in the outcome.

    Args:
        job: what is to be done.
        enlarger: what enlarges; it can be used for any number of jobs.
        decoder: what reads; whoever has made it closes it.
        keeper: says what is done already, and enters what is done; None knows and keeps nothing.
        stamp: puts into the output how it was made; None says nothing of it.
        on_tile: called with the numbers of tiles done and in all.
        turn: held while the networks compute, by those who share them with other threads.
    """
    if job.error is not None or job.skip:
        return decided(job)
    task = Intake(decoder, keeper, enlarger.route).read(job)
    try:
        with turn or nullcontext():
            for step in enlarge(task, enlarger):
                if on_tile is not None:
                    on_tile(step.done, step.total)
        return Delivery(keeper, stamp, lambda: enlarger.placement.device.type).finish(task)
    finally:
        if task.rows is not None:
            task.rows.close()


def enlarge(task: Task, enlarger: Enlarger) -> Iterator[Step]:
    """Yield how far the picture is, tile by tile; the result, or what is wrong, is in the task then."""
    picture = task.picture
    if picture is None or not task.has_work:
        return
    steps: Iterator[Step] = iter(())
    with task.stage():
        _check_place(task, enlarger)
        steps = _steps(picture, task.rows, enlarger)
    while task.error is None and task.enlarged is None:
        step = None
        with task.stage():
            try:
                step = next(steps)
            except StopIteration as finished:
                task.enlarged = finished.value
        if step is not None:
            yield step


def _steps(picture: Picture | Animation, rows: Rows | None, enlarger: Enlarger) -> Iterator[Step]:
    if isinstance(picture, Animation):
        from nlsr_cli.upscaling.animation import frame_steps  # which needs torch, and that is there by now

        return frame_steps(enlarger, picture)
    return enlarger.steps(picture) if rows is None else enlarger.steps(picture, rows)


def _check_place(task: Task, enlarger: Enlarger) -> None:
    """Look for room and links once more: what came before may have taken it since the plan was made.

    Raises:
        ImageWriteError: its place has moved or has no room, or encoding it takes more memory than is allowed.
        ScratchFull: its arrays have no room on the disk.
    """
    picture = task.first
    if picture is None:
        return
    writing, extent = writing_of(task.format), Extent.of(picture)
    samples = prod(enlarger.route(*extent.size).size) * picture.color.shape[2] * picture.color.itemsize
    task.job.sink.check(samples, writing.least_share)
    allowed = task.job.options.max_memory
    least = MAIN + DECODER + writing.memory(samples)
    if writing.whole and allowed is not None and least > allowed:
        reason = f"a {task.format} of that size is encoded whole, which takes {least >> 20} MiB, more than --max-memory"
        raise ImageWriteError(task.job.sink.path, reason, "Write it in bands: --format png, or jpeg or tiff.")
    coming = enlarger.demand(extent).scratch - arrays(extent.held).scratch
    if coming > 0 and task.picture is picture:
        scratch.check(coming - (0 if task.rows is None else task.rows.held))
