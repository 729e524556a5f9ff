"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Timeout
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli import scratch
from nlsr_cli.batch.delivery import Delivery
from nlsr_cli.batch.intake import Intake
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.process import enlarge
from nlsr_cli.batch.resume import Keeper, Verdict
from nlsr_cli.batch.task import Task, decided
from nlsr_cli.engines.books import Bookbinder
from nlsr_cli.engines.watcher import TileCounter, Watcher
from nlsr_cli.errors import NlsrError
from nlsr_cli.upscaling.progress import Step

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.upscaling.progress import OnTile
    from nlsr_cli.upscaling.route import Route
    from nlsr_cli.upscaling.spool import Rows

CHANNELS = 4  # of a picture, at most
PATIENCE = 0.5  # seconds that an interruption waits for the last picture to be written, before it gives it up


class LocalEngine:
    """Runs a plan with one enlarger.

    Args:
        plan: the jobs.
        enlarger: called once, when the first picture needs it, so that a plan without work loads no network.
        decoder: what reads the pictures; whoever has made it closes it.
        keeper: says what is done already, and enters what is done; None knows and keeps nothing.
        stamp: puts into outputs how they were made; None says nothing of it.
    """

    def __init__(
        self,
        plan: BatchPlan,
        enlarger: Callable[[], Enlarger],
        decoder: Decoder,
        *,
        keeper: Keeper | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        self.plan = plan
        self._make_enlarger = enlarger
        self._enlarger: Enlarger | None = None
        self._keeper = keeper
        self._decoder = decoder
        self._intake = Intake(decoder, keeper, self._route)
        self._delivery = Delivery(keeper, stamp, self._device)
        self._stamp = stamp
        self._rows: Rows | None = None
        self._pages: LocalEngine | None = None  # what runs the pages of the book at hand

    @property
    def rows_kept(self) -> int:
        """Return how many finished rows of the picture that is being computed are on the disk."""
        if self._pages is not None:
            return self._pages.rows_kept
        return self._rows.kept if self._rows is not None else 0

    @property
    def enlarger(self) -> Enlarger:
        """Return the enlarger, which is made when it is first asked for.

        Raises:
            ModelError: the model does not load.
            OptionError: this machine lacks the device, or the device lacks the precision.
        """
        if self._enlarger is None:
            enlarger = self._make_enlarger()
            enlarger.load(self.plan.scales)
            self._enlarger = enlarger
        return self._enlarger

    def take_over(self, other: LocalEngine) -> None:
        """Use the enlarger of an engine that has run, with the same options, if it has made one."""
        self._enlarger = other._enlarger

    def _route(self, height: int, width: int) -> Route:
        return self.enlarger.route(height, width)

    def _device(self) -> str:
        return self.enlarger.placement.device.type

    def foresee(self, job: Job) -> tuple[Verdict, NlsrError | None]:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        return self._intake.foresee(job)

    def run(self, watcher: Watcher | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the pictures, then the books, each in order.

        While the network has a picture, the next one is read and the last one is written. Only errors of single files
        become outcomes. What would fail for every file alike, a model that does not load, is raised.
        """
        for outcome in self._outcomes(watcher or Watcher()):
            if self._keeper is not None and not self._delivery.is_closed:
                self._keeper.enter(outcome)
            yield outcome

    def _outcomes(self, watcher: Watcher) -> Iterator[Outcome]:
        try:
            if self._keeper is not None:
                self._keeper.begin()
            if self._keeper is not None and (self.plan.sources.from_many or self._keeper.decides_late):
                self._keeper.clean()
            yield from (decided(job) for job in self.plan.jobs if job.error is not None or job.skip)
            yield from self._work(watcher)
            yield from self._books(watcher)
        finally:
            if self._rows is not None:
                self._rows.close()

    def _books(self, watcher: Watcher) -> Iterator[Outcome]:
        binder = Bookbinder(self._run_pages, self._keeper, self._decoder)
        for job, book in ((job, job.book) for job in self.plan.work if job.book is not None):

            def on_page_tile(done: int, total: int, pixels: int = book.pixels) -> None:
                watcher.on_step(Step(done, total, pixels * done // total, pixels))

            watcher.on_reading(job)
            task = binder.look(job)
            if task.has_work:
                self._load(watcher)
                watcher.on_start(task)
            yield binder.make(task, on_page_tile)

    def _run_pages(self, plan: BatchPlan, keeper: Keeper | None, on_tile: OnTile) -> Generator[Outcome]:
        self._pages = LocalEngine(plan, lambda: self.enlarger, self._decoder, keeper=keeper, stamp=self._stamp)
        yield from self._pages.run(TileCounter(on_tile))
        self._pages = None

    def _work(self, watcher: Watcher) -> Iterator[Outcome]:
        writing: _Writing | None = None
        with _helper("nlsr-read") as reader, _helper("nlsr-write") as writer:
            try:
                for task in self._tasks(reader, watcher):
                    alone = _is_alone(task.job)
                    if writing is not None and alone:
                        yield writing.awaited(watcher)
                        writing = None
                    if task.has_work:
                        self._rows = task.rows
                    for step in enlarge(task, self.enlarger) if task.has_work else ():
                        watcher.on_step(step)
                        if writing is not None and writing.outcome.done():
                            yield writing.outcome.result()
                            writing = None
                    if writing is not None:
                        yield writing.awaited(watcher)
                    writing = _Writing(task.job, writer.submit(self._delivery.finish, task))
                    if alone:
                        yield writing.awaited(watcher)
                        writing = None
                if writing is not None:
                    yield writing.awaited(watcher)
            except KeyboardInterrupt:
                yield from self._rescued(writing)
                raise
            finally:
                self._intake.give_up()  # or the helper would wait for a file that nobody wants any more

    def _rescued(self, writing: _Writing | None) -> Iterator[Outcome]:
        """Yield what is being written when an interruption comes: it is computed, so it counts if that is soon done."""
        if writing is None:
            return
        with suppress(Timeout):
            writing.outcome.exception(PATIENCE)
        self._delivery.close()
        if writing.outcome.done():
            yield writing.outcome.result()

    def _tasks(self, reader: ThreadPoolExecutor, watcher: Watcher) -> Iterator[Task]:
        """Yield the jobs with work, in order, with their pictures; that of the next one is read meanwhile."""
        ahead: Future[Task] | None = None
        late = self._keeper is not None and self._keeper.decides_late
        if late and self._keeper is not None:
            _ = self._keeper.identity.settings  # what this machine lacks, it lacks for every file
        pictures = [job for job in self.plan.work if job.book is None]
        for job, following in zip_longest(pictures, pictures[1:]):
            if not late or job.header is None:
                self._load(watcher)  # before the first picture: a model that does not load is no file's own error
            if ahead is None or not ahead.done():
                watcher.on_reading(job)
            task = self._intake.read(job) if ahead is None else ahead.result()
            waits = following is None or not following.source.ends or _is_alone(job) or _is_alone(following)
            ahead = None if waits or following is None else reader.submit(self._intake.read, following)
            self._intake.look_again(task)
            if task.has_work:
                self._load(watcher)
                watcher.on_start(task)
            yield task

    def _load(self, watcher: Watcher) -> None:
        """Load the networks, unless they are there.

        Raises:
            ModelError, OptionError: as `enlarger`.
        """
        if self._enlarger is None:
            watcher.on_loading()
        _ = self.enlarger


def _is_alone(job: Job) -> bool:
    """Tell whether a job gets all the memory that is allowed, while no other picture is read or written."""
    if job.options.max_memory is None:
        return False
    if job.header is None or job.route is None:
        return True
    samples = prod(job.route.size) * CHANNELS * job.header.depth // 8
    return samples * (job.header.frames if job.moves else 1) >= scratch.LEAST


@dataclass(frozen=True)
class _Writing:
    """A picture that is being written."""

    job: Job
    outcome: Future[Outcome]

    def awaited(self, watcher: Watcher) -> Outcome:
        """Wait for what becomes of it, and say so if that takes time."""
        if not self.outcome.done():
            watcher.on_writing(self.job)
        return self.outcome.result()


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
