"""Which picture is next, where other processes may be doing some of them."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.batch.sharing import Claim

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks at what others are doing


class Line:
    """Jobs in the order in which they are begun: as given, but for those that others have, which come last.

    Args:
        jobs: the jobs.
        keeper: knows who has which; None knows of no others.
    """

    def __init__(self, jobs: Sequence[Job], keeper: Keeper | None) -> None:
        self._keeper = keeper
        self._waiting = deque(jobs)
        self._elsewhere: list[Job] = []

    def __len__(self) -> int:
        """Return how many are still to come."""
        return len(self._waiting) + len(self._elsewhere)

    @property
    def left(self) -> list[Job]:
        """Return what is still to come, in order."""
        return [*self._waiting, *self._elsewhere]

    def add(self, job: Job) -> None:
        """Put a job at the end."""
        self._waiting.append(job)

    def peek(self) -> Job | None:
        """Return the job that `next` will return, if nobody takes it before."""
        while self._waiting and self._keeper is not None and self._keeper.is_taken(self._waiting[0]):
            self._elsewhere.append(self._waiting.popleft())
        return self._waiting[0] if self._waiting else None

    def next(self) -> Job | None:
        """Return a job that nobody seems to have; None when there are only those that others have."""
        return None if self.peek() is None else self._waiting.popleft()

    def give_way(self, job: Job) -> None:
        """Leave a job to another process, which was faster, and go on elsewhere: it will take the next ones, too.

        The very next one stays, as it may have been read by now.
        """
        self._elsewhere.append(job)
        if self._waiting:
            following = self._waiting.popleft()
            if self._waiting:
                self._waiting.rotate(-random.randrange(len(self._waiting)))  # noqa: S311 - no secret
            self._waiting.appendleft(following)

    def rest(self) -> Iterator[tuple[Job, Claim] | None]:
        """Yield what others have had, once they have done it or died, and the claim on it; None before a pause."""
        pause = FIRST_PAUSE
        while self._elsewhere:
            found = self.first_free()
            yield found
            if found is None:
                time.sleep(pause)
            pause = FIRST_PAUSE if found else min(2 * pause, LONGEST_PAUSE)

    def first_free(self) -> tuple[Job, Claim] | None:
        """Return a job that others have had and have no more, with the claim on it; None where they have all."""
        for place, job in enumerate(self._elsewhere):
            claim = None if self._keeper is None else self._keeper.claim(job)
            if claim is not None:
                del self._elsewhere[place]
                return job, claim
        return None
