"""Which worker has which job, whatever the workers are and wherever they run.

A worker that ends unexpectedly loses its jobs to the others, and another one takes its place. A job over which several
workers ended is given up by name; so is a place whose device can do no more, or where one worker after another ends.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from typing import TYPE_CHECKING, Protocol

from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.engines.messages import Advanced, Assignment, Begun, Ended, Event, Finished, Lost, Ready, Refused, Stopped
from nlsr_cli.errors import NlsrError

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.engines.messages import Tell
    from nlsr_cli.engines.watcher import Watcher

TRIES = 3  # workers that end over one job, or in one place, before it is given up
AHEAD = 3  # jobs that a worker has at most: one is written, one enlarged, one read
PATIENCE = 5.0  # seconds that workers have to stop before they are killed
_NAMED = 3  # workers that one message names
_LOOK = 0.5  # seconds between two looks for an interruption, where waiting does not notice one

_LOST_HINT = "The same command continues from here, with other devices or fewer workers too."
_POISON_HINT = "It may take more memory than there is: try it alone, with --tile 128 or --max-memory."


class Worker(Protocol):
    """A worker as whoever shares out the work has it; what it tells comes by the function that it was started with."""

    def send(self, order: Assignment) -> None:
        """Give it a job."""
        ...

    def stop(self) -> None:
        """Tell it to stop soon; finished rows are kept."""
        ...

    def kill(self) -> None:
        """End it, whatever it does."""
        ...


Hire = Callable[["Tell"], Worker]


class Place:
    """Where one worker at a time is, started when there is work for it.

    Args:
        name: what messages call it.
        hire: starts a worker that tells its events to a function; raises NlsrError where that cannot be done.
    """

    def __init__(self, name: str, hire: Hire) -> None:
        self.name = name
        self._hire = hire
        self.worker: Worker | None = None
        self.token = object()  # of this worker, so that the last words of another one are not taken for its own
        self.hand: list[int] = []  # the numbers of its jobs, in order
        self.lost = ""  # why there will be no more workers
        self._falls: set[int | None] = set()  # what workers were at that ended here since one has finished a job
        self._unborn = 0  # workers that ended without having been given a job, one after another

    def send(self, order: Assignment, hear: Callable[[Place, object, Event], None]) -> None:
        """Give a job to the worker, or to one that is started for it.

        Raises:
            NlsrError: none can be started.
        """
        self.hand.append(order.number)
        if self.worker is None:
            token = self.token = object()
            self.worker = self._hire(lambda event: hear(self, token, event))
        self.worker.send(order)

    def finish(self, number: int) -> None:
        """Count a job as done."""
        self.hand.remove(number)
        self._falls.clear()

    def fall(self, reason: str, *, for_good: bool) -> list[int]:
        """Count a worker as gone; return what it had."""
        had, self.hand = self.hand, []
        self.worker, self.token = None, object()
        self._falls.update(had[:1])
        self._unborn = 0 if had else self._unborn + 1
        if for_good or max(len(self._falls), self._unborn) >= TRIES:
            self.lost = reason
        return had


class Pool:
    """Workers in their places, and all jobs that they have."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = list(places)
        self._events: Queue[tuple[Place, object, Event]] = Queue()
        self._jobs: dict[int, Job] = {}
        self._count = 0
        self._again: deque[int] = deque()  # jobs of workers that are gone
        self._ends: dict[int, list[Place]] = {}  # where workers ended over a job
        self._trouble: list[str] = []  # what is still to be told
        self.ready: Ready | None = None  # what the first worker has said of itself
        self.rows_kept = 0  # finished rows of pictures that were interrupted
        self.has_killed = False  # whether a worker may have left something behind

    @property
    def is_busy(self) -> bool:
        """Tell whether any job that was given is not done."""
        return bool(self._jobs)

    @property
    def lost(self) -> str:
        """Return why there will be no more workers, "" where there may be."""
        return "" if self._alive else f"{self._places[-1].name} {self._places[-1].lost}"

    def has_room(self, waiting: int) -> bool:
        """Tell whether one of so many jobs that wait can be given."""
        return self._roomy(waiting) is not None

    def give(self, job: Job, waiting: int) -> int:
        """Take a job for the worker that has least to do, and return its number; so many others wait."""
        self._count += 1
        self._jobs[self._count] = job
        place = self._roomy(waiting)
        if place is None:
            self._again.append(self._count)
        else:
            self._send(place, self._count, again=False)
        return self._count

    def heard(self, watcher: Watcher, seconds: float | None) -> Iterator[tuple[int, Outcome]]:
        """Wait at most so long for news, None is until there are some; yield what became of jobs.

        Raises:
            NlsrError: no worker could begin, for a reason that holds for all.
        """
        found = self._next(seconds)
        while found is not None:
            place, token, event = found
            if token is place.token:
                yield from self._take(place, event, watcher)
            found = self._next(0)
        yield from self._share_again()
        while self._trouble:
            watcher.on_trouble(self._trouble.pop(0))

    def stopped(self) -> Iterator[tuple[int, Outcome]]:
        """Stop all workers, and yield what became of jobs meanwhile."""
        deadline = time.monotonic() + PATIENCE
        there = [place for place in self._places if place.worker is not None]
        for place in there:
            if place.worker is not None:
                place.worker.stop()
        while any(place.worker for place in there) and (left := deadline - time.monotonic()) > 0:
            found = self._next(left)
            if found is None or found[1] is not found[0].token:
                continue
            place, _, event = found
            if isinstance(event, Finished) and self._jobs.pop(event.number, None) is not None:
                yield event.number, event.outcome
            elif isinstance(event, Stopped):
                self.rows_kept += event.rows_kept
            elif isinstance(event, Ended):
                place.fall(event.reason, for_good=False)
        for place in there:
            if place.worker is not None:
                place.worker.kill()
                place.fall("was stopped", for_good=False)
                self.has_killed = True
        self._jobs.clear()
        self._again.clear()

    def close(self) -> None:
        """End all workers, whatever they do."""
        for _ in self.stopped():
            pass

    @property
    def _alive(self) -> list[Place]:
        return [place for place in self._places if not place.lost]

    def _roomy(self, waiting: int) -> Place | None:
        """Return where one more job can go: where there is least to do. When few are left, nobody has many.

        Jobs over which a worker has ended come first, and each is alone with its worker: so it shows which one it was.
        """
        alive = self._alive
        if not alive or self._again:
            return None
        most = min(AHEAD, -(-(len(self._jobs) + waiting) // len(alive)))
        found = [place for place in alive if len(place.hand) < most and not self._ends.keys() & set(place.hand)]
        return min(found, key=lambda place: len(place.hand), default=None)

    def _next(self, seconds: float | None) -> tuple[Place, object, Event] | None:
        """Return the next event; None where there is none within so many seconds."""
        while True:
            try:
                return self._events.get(timeout=_LOOK if seconds is None else seconds)
            except Empty:
                if seconds is not None:
                    return None

    def _hear(self, place: Place, token: object, event: Event) -> None:
        self._events.put((place, token, event))

    def _take(self, place: Place, event: Event, watcher: Watcher) -> Iterator[tuple[int, Outcome]]:
        if isinstance(event, Finished):
            place.finish(event.number)
            self._ends.pop(event.number, None)
            watcher.on_finished(self._jobs.pop(event.number))
            yield event.number, event.outcome
        elif isinstance(event, Begun):
            watcher.on_begun(self._jobs[event.number])
        elif isinstance(event, Advanced):
            watcher.on_advanced(self._jobs[event.number], event.step)
        elif isinstance(event, Ready):
            self.ready = self.ready or event
        elif isinstance(event, Refused):
            raise event.error
        else:
            self._fall(place, event)

    def _fall(self, place: Place, event: Lost | Ended | Stopped) -> None:
        """Take the jobs of a worker that is gone, or whose device is."""
        reason = "has stopped"
        if not isinstance(event, Stopped):
            reason = event.reason if isinstance(event, Ended) else f"lost its device ({event.reason})"
        self.has_killed = True
        final = isinstance(event, Lost) or (isinstance(event, Ended) and event.final)
        hint = event.hint if isinstance(event, Ended) else ""
        numbers = place.fall(reason, for_good=final)
        for number in numbers if not hint else ():
            self._ends.setdefault(number, []).append(place)
        self._again.extend(numbers)
        more = "no more work goes there" if place.lost else "what it had is done again"
        self._trouble.append(f"{place.name} {reason}: {more}{hint and f'. {hint}'}")
        if hint and self.ready is None and not self._alive:
            reasons = "; ".join(f"{each.name} {each.lost}" for each in self._places[:_NAMED])
            raise NlsrError(f"no worker can begin: {reasons}", hint)

    def _share_again(self) -> Iterator[tuple[int, Outcome]]:
        """Give the jobs of workers that are gone to others, or up."""
        waiting, self._again = self._again, deque()
        for number in waiting:
            ends, alive = self._ends.get(number, []), self._alive
            if alive and len(ends) < TRIES:
                fresh = [place for place in alive if place not in ends]
                free = next((place for place in fresh or alive if not place.hand), None)
                if free is None:
                    self._again.append(number)
                else:
                    self._send(free, number, again=True)
                continue
            job = self._jobs.pop(number)
            self._ends.pop(number, None)
            yield number, failed(job, self.lost) if not alive else _poisonous(job, len(ends))

    def _send(self, place: Place, number: int, *, again: bool) -> None:
        try:
            place.send(Assignment(number, self._jobs[number], again), self._hear)
        except NlsrError as error:
            self._again.extend(place.fall(f"could not be started: {error.message}", for_good=True))
            self._trouble.append(f"{place.name} {place.lost}")


def failed(job: Job, reason: str) -> Outcome:
    """Return the outcome of a job for which there is no worker."""
    error = NlsrError(f"{job.source.name}: no worker is left; the last one, {reason}", _LOST_HINT)
    return Outcome(job.source.path, None, "failed", name=job.source.name, error=error)


def _poisonous(job: Job, count: int) -> Outcome:
    error = NlsrError(f"{job.source.name}: {count} workers ended while they had it", _POISON_HINT)
    return Outcome(job.source.path, None, "failed", name=job.source.name, error=error)
