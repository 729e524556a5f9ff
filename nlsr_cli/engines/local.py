"""Many files: each read, enlarged and written on its own, each with an outcome, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli import scratch
from nlsr_cli.batch.delivery import Delivery
from nlsr_cli.batch.intake import Intake, foresee, look_again
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.paged import arrived
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.process import enlarge
from nlsr_cli.batch.resume import DONE, EXISTS, MEANWHILE, Keeper
from nlsr_cli.batch.sharing import Claim
from nlsr_cli.batch.task import Task, decided
from nlsr_cli.engines.books import Bookbinder
from nlsr_cli.engines.line import Line
from nlsr_cli.engines.meanwhile import Writing, helper
from nlsr_cli.engines.watcher import TileCounter, Watcher
from nlsr_cli.upscaling.progress import Step

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.engines.engine import Engine
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

    shares = False

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

    @property
    def is_interrupted(self) -> bool:
        """Tell whether it stores nothing any more: what failed since was interrupted."""
        return self._delivery.is_closed

    def take_over(self, other: Engine) -> None:
        """Use the enlarger of an engine that has run, with the same options, if it has made one."""
        if isinstance(other, LocalEngine):
            self._enlarger = other._enlarger

    def close(self) -> None:
        """Let go of finished rows that are held for the picture at hand."""
        if self._rows is not None:
            self._rows.close()

    def where(self, depth: int, *, networks: bool) -> str:
        """Say where pictures of so many bits are enlarged, and how precisely if networks have a part in it."""
        placement = self.enlarger.placement_for(depth)
        return str(placement if networks else placement.device)

    def _route(self, height: int, width: int) -> Route:
        return self.enlarger.route(height, width)

    def _device(self) -> str:
        return self.enlarger.placement.device.type

    def foresee(self, job: Job) -> Task:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        return foresee(job, self._keeper)

    def run(self, watcher: Watcher | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the pictures, then the books, each in order.

        While the network has a picture, the next one is read and the last one is written. Only errors of single files
        become outcomes. What would fail for every file alike, a model that does not load, is raised.
        """
        for outcome in self._outcomes(watcher or Watcher()):
            if self._keeper is not None and not self.is_interrupted:
                self._keeper.enter(outcome)
            yield outcome

    def _outcomes(self, watcher: Watcher) -> Iterator[Outcome]:
        try:
            if self._keeper is not None:
                self._keeper.begin()
            if self._keeper is not None and (self.plan.sources.from_many or self._keeper.decides_late):
                self._keeper.clean()
            self.plan = replace(self.plan, jobs=tuple(self._arrived(job, watcher) for job in self.plan.jobs))
            yield from (decided(job) for job in self.plan.jobs if job.error is not None or job.skip)
            pictures, books = self.plan.by_kind
            yield from self.pictures(Line(pictures, self._keeper), watcher)
            yield from self._books(Line(books, self._keeper), watcher)
        finally:
            self.close()
            if self._keeper is not None:
                self._keeper.close()

    def _arrived(self, job: Job, watcher: Watcher) -> Job:
        """Return a job, of which more is known where it comes from a stream: that may be a book."""
        if job.error is not None or job.skip or job.source.ends:
            return job
        watcher.on_reading(job)
        task = Task(job)
        with task.stage():
            job = arrived(job, self._route, self._decoder)
        return job if task.error is None else replace(job, error=task.error)

    def _books(self, line: Line, watcher: Watcher) -> Iterator[Outcome]:
        while (job := line.next()) is not None:
            claim = self._claim(job, line, watcher)
            if claim is not None:
                yield self.book(job, claim, watcher)
        for found in line.rest():
            if found is None:
                watcher.on_waiting(line.left[0])
            else:
                yield self.book(*found, watcher)

    def book(self, job: Job, claim: Claim, watcher: Watcher) -> Outcome:
        """Make a book of its enlarged pages, release the claim on it, and say what became of it."""
        binder, pixels = Bookbinder(self._run_pages, self._keeper, self._decoder), job.pixels

        def on_page_tile(done: int, total: int) -> None:
            watcher.on_step(Step(done, total, pixels * done // total, pixels))

        watcher.on_reading(job)
        task = binder.look(job)
        if task.has_work:
            self._load(watcher)
            watcher.on_start(task)
        outcome = binder.make(task, on_page_tile)
        if self._keeper is not None:
            self._keeper.release(claim)
        return outcome

    def _run_pages(self, plan: BatchPlan, keeper: Keeper | None, on_tile: OnTile) -> Generator[Outcome]:
        self._pages = LocalEngine(plan, lambda: self.enlarger, self._decoder, keeper=keeper, stamp=self._stamp)
        yield from self._pages.run(TileCounter(on_tile))
        self._pages = None

    def pictures(self, line: Line, watcher: Watcher) -> Iterator[Outcome]:
        """Yield the outcomes of pictures in the order of their line, until there are no more in it."""
        with helper("nlsr-read") as reader, helper("nlsr-write") as writer:
            writing = Writing(writer, self._delivery.finish)
            try:
                for task in self._tasks(line, reader, watcher):
                    if task is None or _is_alone(task.job):
                        yield from writing.awaited(watcher)
                    if task is None:
                        continue
                    if task.has_work:
                        self._rows = task.rows
                    for step in enlarge(task, self.enlarger) if task.has_work else ():
                        watcher.on_step(step)
                        yield from writing.finished()
                    yield from writing.awaited(watcher)
                    writing.begin(task)
                    if _is_alone(task.job):
                        yield from writing.awaited(watcher)
                yield from writing.awaited(watcher)
            except KeyboardInterrupt:  # what is computed counts if it is soon written
                yield from writing.rescued(PATIENCE, self._delivery.close)
                raise
            finally:
                self._intake.give_up()  # or the helper would wait for a file that nobody wants any more

    def _tasks(self, line: Line, reader: ThreadPoolExecutor, watcher: Watcher) -> Iterator[Task | None]:
        """Yield the jobs with work, in order, with their pictures; that of the next one is read meanwhile.

        Those that other processes have come last; None is yielded where there is nothing to do but to wait for them.
        """
        ahead: Future[Task] | None = None
        late = self._keeper is not None and self._keeper.decides_late
        if late and self._keeper is not None:
            _ = self._keeper.identity.settings  # what this machine lacks, it lacks for every file
        expected: Job | None = None
        while (job := line.next()) is not None:
            if not late or job.header is None:
                self._load(watcher)  # before the first picture: a model that does not load is no file's own error
            if ahead is None or not ahead.done():
                watcher.on_reading(job)
            task = self._intake.read(job) if ahead is None else ahead.result()
            if job is not expected and ahead is not None:  # another process took that one
                task = self._intake.read(job)
            expected = line.peek()
            waits = expected is None or not expected.source.ends or _is_alone(job) or _is_alone(expected)
            ahead = None if waits or expected is None else reader.submit(self._intake.read, expected)
            if self._begin(task, line, watcher):
                yield task
        if ahead is not None:  # another process has taken that one, and the decoder answers one question at a time
            ahead.result()
        yield from self._others(line, watcher)

    def _others(self, line: Line, watcher: Watcher) -> Iterator[Task | None]:
        """Yield the jobs that other processes have had: most are done by then, and the others are to be done."""
        if line.left:
            self._tell_order(line, watcher)
        for found in line.rest():
            if found is None:
                yield None
                watcher.on_waiting(line.left[0])
                continue
            job, claim = found
            watcher.on_reading(job)
            task = self._intake.read(job)
            task.claim = claim
            if task.verdict.reason in (DONE, EXISTS):
                task.verdict = replace(task.verdict, reason=MEANWHILE)
            if task.has_work:
                self._load(watcher)
                watcher.on_start(task)
            yield task

    def _begin(self, task: Task, line: Line, watcher: Watcher) -> bool:
        """Make sure that a job which has been read is still to be done, and by this process; tell whether it is."""
        if task.has_work:
            task.claim = self._claim(task.job, line, watcher)
            if task.claim is None:
                return False
            look_again(task, self._keeper)
        if task.has_work:
            self._load(watcher)
            watcher.on_start(task)
        return True

    def _claim(self, job: Job, line: Line, watcher: Watcher) -> Claim | None:
        """Return the claim on a job; where another process has it, leave it to that one, and go on elsewhere."""
        claim = Claim(job.sink.path) if self._keeper is None else self._keeper.claim(job)
        if claim is None:
            line.give_way(job)
            self._tell_order(line, watcher)
        return claim

    def _tell_order(self, line: Line, watcher: Watcher) -> None:
        pictures = any(job.book is None for job in line.left)
        later = [job for job in self.plan.work if job.book is not None] if pictures else []
        watcher.on_order([*line.left, *later])

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
    return samples * job.frames >= scratch.LEAST
