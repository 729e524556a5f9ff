"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Timeout
from contextlib import contextmanager, suppress
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli.batch.delivery import Delivery
from nlsr_cli.batch.intake import Intake
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.planning import BatchPlan, Job
from nlsr_cli.batch.resume import EXISTS, Keeper, Verdict
from nlsr_cli.batch.task import Task, may_be_read_ahead
from nlsr_cli.errors import NlsrError
from nlsr_cli.images import Animation, check_inside, check_space
from nlsr_cli.images.formats import writing_of
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import STREAM

if TYPE_CHECKING:
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.images import Picture
    from nlsr_cli.options import EncodeOptions
    from nlsr_cli.upscaling.progress import OnTile
    from nlsr_cli.upscaling.route import Route
    from nlsr_cli.upscaling.spool import Rows
    from nlsr_cli.upscaling.upscaler import Upscaler

PATIENCE = 0.5  # seconds that an interruption waits for the last picture to be written, before it gives it up


class Batch:
    """Runs a plan with one upscaler.

    Args:
        plan: the jobs.
        upscaler: called once, when the first picture needs it, so that a plan without work loads no network.
        encode: how outputs are encoded.
        overwrite: whether an output that exists is replaced; without it, one that appears meanwhile is kept too.
        max_pixels: the largest input, in pixels.
        keeper: says what is done already, and enters what is done; None knows and keeps nothing.
        decoder: what reads the pictures; one of its own, if none is given. It is closed when the run ends.
        stamp: puts into outputs how they were made; None says nothing of it.
    """

    def __init__(
        self,
        plan: BatchPlan,
        upscaler: Callable[[], Upscaler],
        *,
        encode: EncodeOptions,
        overwrite: bool,
        max_pixels: int,
        keeper: Keeper | None = None,
        decoder: Decoder | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self.plan = plan
        self._make_upscaler = upscaler
        self._upscaler: Upscaler | None = None
        self._keeper = keeper
        self._decoder = decoder or Decoder()
        self._intake = Intake(self._decoder, keeper, self._route, max_pixels)
        self._delivery = Delivery(encode, keeper, stamp, self._device, overwrite=overwrite)
        self._rows: Rows | None = None

    @property
    def rows_kept(self) -> int:
        """Return how many finished rows of the picture that is being computed are on the disk."""
        return self._rows.kept if self._rows is not None else 0

    @property
    def upscaler(self) -> Upscaler:
        """Return the upscaler, which is made when it is first asked for.

        Raises:
            ModelError: the model does not load.
            OptionError: this machine lacks the device, or the device lacks the precision.
        """
        if self._upscaler is None:
            upscaler = self._make_upscaler()
            upscaler.load(self.plan.scales)
            self._upscaler = upscaler
        return self._upscaler

    def _route(self, height: int, width: int) -> Route:
        return self.upscaler.route(height, width)

    def _device(self) -> str:
        return self.upscaler.placement.device.type

    def foresee(self, job: Job) -> tuple[Verdict, NlsrError | None]:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        return self._intake.foresee(job)

    def close(self) -> None:
        """End the process that decodes pictures, where a batch is planned and not run."""
        self._decoder.close()

    def run(self, *, on_start: Callable[[Job], None] | None = None, on_tile: OnTile | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the others in order.

        While the network has a picture, the next one is read and the last one is written. Only errors of single files
        become outcomes. What would fail for every file alike, a model that does not load, is raised.
        """
        try:
            if self._keeper is not None and (self.plan.sources.from_many or self._keeper.decides_late):
                self._keeper.clean()
            yield from _decided(self.plan)
            yield from self._work(on_start or _ignore, on_tile or _ignore)
        finally:
            self.close()
            if self._rows is not None:
                self._rows.close()

    def _work(self, on_start: Callable[[Job], None], on_tile: OnTile) -> Iterator[Outcome]:
        writing: Future[Outcome] | None = None
        with _helper("nlsr-read") as reader, _helper("nlsr-write") as writer:
            try:
                for task in self._tasks(reader, on_start):
                    for done, total in self._enlarge(task):
                        on_tile(done, total)
                        if writing is not None and writing.done():
                            yield writing.result()
                            writing = None
                    if writing is not None:
                        yield writing.result()
                    writing = writer.submit(self._delivery.finish, task)
                if writing is not None:
                    yield writing.result()
            except KeyboardInterrupt:
                if writing is not None:  # it is computed, so it counts if it can be written soon
                    with suppress(Timeout):
                        writing.exception(PATIENCE)
                    self._delivery.close()
                    if writing.done():
                        yield writing.result()
                raise
            finally:
                self._decoder.close()  # or the helper would wait for a file that nobody wants any more

    def _tasks(self, reader: ThreadPoolExecutor, on_start: Callable[[Job], None]) -> Iterator[Task]:
        """Yield the jobs with work, in order, with their pictures; that of the next one is read meanwhile."""
        ahead: Future[Task] | None = None
        late = self._keeper is not None and self._keeper.decides_late
        if late and self._keeper is not None:
            _ = self._keeper.identity.settings  # what this machine lacks, it lacks for every file
        for job, following in zip_longest(self.plan.work, self.plan.work[1:]):
            if not late or job.header is None:
                _ = self.upscaler  # before the first picture, because a model that does not load is no file's own error
            task = self._intake.read(job) if ahead is None else ahead.result()
            ahead = reader.submit(self._intake.read, following) if following and may_be_read_ahead(following) else None
            self._intake.look_again(task)
            if task.has_work:
                _ = self.upscaler
                on_start(job)
            yield task

    def _enlarge(self, task: Task) -> Iterator[tuple[int, int]]:
        """Yield the numbers of tiles done and in all, tile by tile."""
        if task.picture is None or not task.has_work:
            return
        self._rows = task.rows
        steps: Iterator[tuple[int, int]] = iter(())
        with task.stage():
            self._check_place(task)
            steps = self._steps(task.picture, task.rows)
        while task.error is None and task.enlarged is None:
            step = None
            with task.stage():
                try:
                    step = next(steps)
                except StopIteration as finished:
                    task.enlarged = finished.value
            if step is not None:
                yield step

    def _steps(self, picture: Picture | Animation, rows: Rows | None) -> Iterator[tuple[int, int]]:
        if isinstance(picture, Animation):
            from nlsr_cli.upscaling.animation import frame_steps  # which needs torch, and that is there by now

            return frame_steps(self.upscaler, picture)
        return self.upscaler.steps(picture) if rows is None else self.upscaler.steps(picture, rows)

    def _check_place(self, task: Task) -> None:
        """Look for room and links once more: what came before may have taken it since the plan was made."""
        if task.job.root is not None:  # finished rows of a large picture go there before it does
            check_inside(task.job.target, task.job.root)
        picture = task.first
        if picture is not None and task.job.target is not STREAM:
            size = self.upscaler.route(picture.height, picture.width).size
            samples = prod(size) * picture.color.shape[2] * picture.color.itemsize
            check_space(task.job.target, samples, writing_of(task.format).least_share)


def _decided(plan: BatchPlan) -> Iterator[Outcome]:
    """Yield the outcomes of the jobs that need no work."""
    for job in plan.jobs:
        if job.error is not None:
            yield Outcome(job.source, None, "failed", error=job.error)
        elif job.skip:
            yield Outcome(job.source, job.target, "skipped", reason=EXISTS)


def _ignore(*_: object) -> None:
    """Stand in for a caller who wants to know nothing in between."""


@contextmanager
def _helper(name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a thread that ends with what it has begun, and does nothing that only waits.

    An interruption does not wait for it: what it has begun it may finish, but nobody asks for that any more.
    """
    helper = ThreadPoolExecutor(1, thread_name_prefix=name)
    waits = True
    try:
        yield helper
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        helper.shutdown(wait=waits, cancel_futures=True)
