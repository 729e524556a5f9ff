"""A batch shared among workers: this process plans, claims, enters what failed, and tells; it computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from nlsr_cli.batch.intake import foresee, look_again
from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.resume import DONE, EXISTS, MEANWHILE, Keeper
from nlsr_cli.batch.sharing import Claim
from nlsr_cli.batch.task import decided
from nlsr_cli.engines.line import LONGEST_PAUSE, Line
from nlsr_cli.engines.pool import Pool, failed
from nlsr_cli.engines.watcher import Watcher

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.task import Task
    from nlsr_cli.engines.engine import Engine


class ParallelEngine:
    """Runs a plan with workers.

    Args:
        plan: the jobs.
        pool: makes the workers, of which none is started before there is work.
        keeper: says what is done already, and enters what failed; the workers enter what is done.
        about: says of the workers how many they are and what each has, such as "2 workers with 1 thread each".
    """

    shares = True

    def __init__(self, plan: BatchPlan, pool: Callable[[], Pool], *, keeper: Keeper, about: str) -> None:
        self.plan = plan
        self._make_pool = pool
        self._pool: Pool | None = None
        self._keeper = keeper
        self._about = about
        self._claims: dict[int, Claim] = {}
        self._over = False

    @property
    def pool(self) -> Pool:
        """Return the workers."""
        if self._pool is None:
            self._pool = self._make_pool()
        return self._pool

    @property
    def rows_kept(self) -> int:
        """Return how many finished rows of pictures that were being computed are on the disk."""
        return self.pool.rows_kept

    def foresee(self, job: Job) -> Task:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        return foresee(job, self._keeper)

    def where(self, depth: int, *, networks: bool) -> str:
        """Say where pictures of so many bits are enlarged, once a worker has said what its device is."""
        ready = self.pool.ready
        if ready is None or not networks:
            return self._about
        return f"{self._about} in {ready.deep_precision if depth > 8 else ready.precision}"

    def take_over(self, other: Engine) -> None:
        """Use the workers of an engine that has run, with the same options."""
        if isinstance(other, ParallelEngine):
            self._pool = other._pool

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close()

    def run(self, watcher: Watcher | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job: first those decided by the plan, then the others as they are done.

        What would fail for every file alike, a model that does not load, is raised.
        """
        for outcome in self._outcomes(watcher or Watcher()):
            if not self._over:
                self._keeper.enter(outcome)
            yield outcome

    def _outcomes(self, watcher: Watcher) -> Iterator[Outcome]:
        try:
            self._keeper.begin()
            if self.plan.sources.from_many or self._keeper.decides_late:
                self._keeper.clean()
            yield from (decided(job) for job in self.plan.jobs if job.error is not None or job.skip)
            yield from self._shared(watcher)
        except BaseException:
            self._over = True
            self.close()
            raise
        finally:
            if self._pool is not None and self._pool.has_killed:
                self._keeper.clean()
            self._keeper.close()

    def _shared(self, watcher: Watcher) -> Iterator[Outcome]:
        pictures, books = self.plan.by_kind
        line = Line([*pictures, *books], self._keeper)
        try:
            while len(line) or self.pool.is_busy:
                found = self._next(line)
                if found is not None:
                    yield from self._begin(*found, line, watcher)
                elif not self.pool.is_busy:
                    watcher.on_waiting(line.left[0])
                yield from self._heard(watcher, self._pause(line, found is not None))
        except KeyboardInterrupt:  # what is computed counts if it is soon written
            self._over = True
            yield from (self._released(*done) for done in self.pool.stopped())
            raise

    def _pause(self, line: Line, begun: bool) -> float | None:
        """Return the seconds for which there is nothing to do but to hear of workers; None is until one has news."""
        if begun:
            return 0
        return LONGEST_PAUSE if self.pool.has_room(len(line)) or not self.pool.is_busy else None

    def _next(self, line: Line) -> tuple[Job, Claim | None] | None:
        """Return a job if a worker has time for one, or if there are none and it can only fail; with the claim on it
        where another process has had it.
        """
        if not (self.pool.has_room(len(line)) or self.pool.lost):
            return None
        job = line.next()
        return line.first_free() if job is None else (job, None)

    def _begin(self, job: Job, claim: Claim | None, line: Line, watcher: Watcher) -> Iterator[Outcome]:
        """Give a job to a worker if it is still to be done, and by this call."""
        task = self.foresee(job)
        task.claim = claim
        if claim is not None and task.verdict.reason in (DONE, EXISTS):
            task.verdict = replace(task.verdict, reason=MEANWHILE)
        if task.has_work and not self.pool.lost:
            task.claim = claim or self._keeper.claim(job)
            if task.claim is None:
                line.give_way(job)
                return
            look_again(task, self._keeper)
        if not task.has_work or self.pool.lost:
            watcher.on_finished(job)
            if task.claim is not None:
                self._keeper.release(task.claim)
            yield failed(job, self.pool.lost) if task.has_work else task.outcome(())
        elif task.claim is not None:
            if self.pool.ready is None:
                watcher.on_loading()
            self._claims[self.pool.give(job, len(line))] = task.claim

    def _heard(self, watcher: Watcher, seconds: float | None) -> Iterator[Outcome]:
        yield from (self._released(*done) for done in self.pool.heard(watcher, seconds))

    def _released(self, number: int, outcome: Outcome) -> Outcome:
        """Return an outcome once others may have its job."""
        self._keeper.release(self._claims.pop(number))
        return outcome
