"""The line of pictures: a bounded queue, and one thread that takes them in order, one at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from nlsr_cli.errors import NlsrError
from nlsr_cli.serving.job import DONE, FAILED, QUEUED, RUNNING, Job, now
from nlsr_cli.serving.making import Maker
from nlsr_cli.serving.refusals import Busy, TimeIsUp, TooMany, body_of, status_of
from nlsr_cli.serving.settings import ServeOptions
from nlsr_cli.serving.store import Store

KEPT = 1000  # finished jobs: the oldest are forgotten before their time


class _Given(BaseException):
    """Ends a picture that nobody wants any more, or that the server has no time for: no error of the picture."""


class Listener(Protocol):
    """Hears of jobs, from any thread."""

    def changed(self, job: Job) -> None:
        """Hear that a job has come, goes on, is over, or is gone."""
        ...

    def over(self, job: Job) -> None:
        """Hear, once, that a job is done or has failed."""
        ...

    def trouble(self, error: Exception) -> None:
        """Hear of what nobody foresaw."""
        ...


class Line:
    """Jobs, and whose turn it is. Any thread may call it.

    Args:
        store: where the jobs lie.
        maker: what enlarges.
        options: limits.
        listener: is told what goes on.
    """

    def __init__(self, store: Store, maker: Maker, options: ServeOptions, listener: Listener) -> None:
        self._store, self._maker, self._options, self._listener = store, maker, options, listener
        self._change = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[str] = deque()
        self._coming: Counter[str] = Counter()  # uploads by their client
        self._running: Job | None = None
        self._due: dict[str, float] = {}  # when jobs are forgotten, by a clock that nobody sets
        self.stopping = False
        for job in store.found():
            self._jobs[job.id] = job
            if job.is_over:
                self._keep(job, since=job.finished or 0.0)
            else:
                self._waiting.append(job.id)
        self._thread = threading.Thread(target=self._run, name="nlsr-serve", daemon=True)

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing any more; the picture at hand ends with its next tile, and is still to be done."""
        with self._change:
            self.stopping = True
            self._change.notify_all()

    def join(self) -> int:
        """Wait until the thread has ended, and return how many accepted jobs are still to be done."""
        self._thread.join()
        return sum(not job.is_over and not job.direct for job in self._jobs.values())

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Keep a place for an upload, before the first byte of it is taken.

        Raises:
            Busy: there is none, or the server is about to end.
            TooMany: this client has its share of them.
        """
        with self._change:
            self._check(client)
            self._coming[client] += 1
        try:
            yield
        finally:
            with self._change:
                self._coming[client] -= 1
                self._coming += Counter()  # which drops those that have none

    def _check(self, client: str) -> None:
        if self.stopping:
            raise Busy("the server is about to end", "Try again when it has started anew.")
        if len(self._waiting) + self._coming.total() >= self._options.queue:
            raise Busy(f"{self._options.queue} pictures wait already", "Try again later.")
        mine = sum(job.client == client for job in self.unfinished) + self._coming[client]
        if mine >= self._options.per_client:
            raise TooMany(f"{mine} pictures of this client are not finished", "Wait until one of them is.")

    def add(self, job: Job) -> None:
        """Accept a job: from now on it is done, or told as lost.

        Raises:
            ImageWriteError: the disk does not take its record.
        """
        if not job.direct:
            self._store.save(job)
        with self._change:
            self._jobs[job.id] = job
            self._waiting.append(job.id)
            self._change.notify_all()
        self._listener.changed(job)

    def get(self, name: str) -> Job | None:
        """Return a job, or None."""
        return self._jobs.get(name)

    @property
    def jobs(self) -> list[Job]:
        """Return all jobs that clients may see, the oldest first."""
        with self._change:
            return [job for job in self._jobs.values() if not job.direct]

    @property
    def unfinished(self) -> list[Job]:
        """Return the jobs that wait or run, in order."""
        with self._change:
            return [*([self._running] if self._running else []), *(self._jobs[name] for name in self._waiting)]

    def ahead(self, job: Job) -> int | None:
        """Return how many pictures come before one that waits; None if it does not wait."""
        with self._change:
            if job.id not in self._waiting:
                return None
            return self._waiting.index(job.id) + (self._running is not None)

    def drop(self, name: str) -> None:
        """Forget a job, whatever its state: one that runs ends with its next tile."""
        with self._change:
            job = self._jobs.pop(name, None)
            self._due.pop(name, None)
            if name in self._waiting:
                self._waiting.remove(name)
            runs = job is not None and job is self._running
        if job is not None:
            if not runs:
                self._store.remove(name)
            self._tell(job)

    def forget_old(self) -> None:
        """Forget what was finished long ago, and the oldest of too many."""
        with self._change:
            due = sorted(self._due.items(), key=lambda each: each[1])
        for number, (name, end) in enumerate(due):
            if end <= time.monotonic() or len(due) - number > KEPT:
                self.drop(name)

    def _keep(self, job: Job, since: float) -> None:
        """Keep a job that is over for its time, of which a part has gone where it was over before this server began."""
        gone = min(max(now() - since, 0.0), self._options.keep)
        self._due[job.id] = time.monotonic() + self._options.keep - gone

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._make(job)
            except Exception as error:  # noqa: BLE001 - the one thread must live on, whatever a picture does
                self._listener.trouble(error)
                self._fail(job, NlsrError(f"{job.name}: the server failed", "Tell whoever runs it."))
            with self._change:
                self._running = None
                gone = job.id not in self._jobs
                if not gone and job.is_over and not job.direct:
                    self._keep(job, since=now())
            if gone:
                self._store.remove(job.id)
            elif job.is_over:
                self._listener.over(job)
            self._tell(job)

    def _next(self) -> Job | None:
        """Wait for a job, and return it as the one that runs; None at the end."""
        with self._change:
            while not self._waiting and not self.stopping:
                self._change.wait()
            if self.stopping:
                return None
            job = self._jobs[self._waiting.popleft()]
            self._running, job.state = job, RUNNING
        self._tell(job)
        return job

    def _tell(self, job: Job) -> None:
        """Tell of a job whose leaving the queue changes how many come before each that waits."""
        for each in (job, *(other for other in self.unfinished if other.state == QUEUED and not other.direct)):
            self._listener.changed(each)

    def _make(self, job: Job) -> None:
        end = time.monotonic() + self._options.max_seconds

        def on_tile(done: int, total: int) -> None:
            if self.stopping or job.id not in self._jobs:
                raise _Given
            if time.monotonic() > end and done < total:
                limit = f"{self._options.max_seconds:g} seconds"
                raise TimeIsUp(f"{job.name}: it takes more than {limit}", "Ask for a smaller size.")
            job.done, job.total = done, total
            self._listener.changed(job)

        try:
            on_tile(0, 1)
            result = self._maker.make(job, self._store.upload(job.id), self._store.results(job.id), on_tile)
            job.done = job.total = max(job.total, 1)  # what needs no network has no tiles
            job.result, job.finished, job.state = result, now(), DONE
            self._save(job)
        except _Given:
            job.state, job.done = QUEUED, 0
        except NlsrError as error:
            self._fail(job, error)

    def _fail(self, job: Job, error: NlsrError) -> None:
        job.result, job.finished, job.state = None, now(), FAILED
        job.error, job.status = body_of(error), status_of(error)
        try:
            self._save(job)
        except NlsrError as full:  # it is failed as long as this server lives, and is tried again by the next one
            self._listener.trouble(full)

    def _save(self, job: Job) -> None:
        if not job.direct and job.id in self._jobs:
            self._store.save(job)
