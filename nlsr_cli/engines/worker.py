"""What a worker does, wherever it runs: it loads the networks once, and does what comes, as the local engine does.

It reads the next picture while the network has one, and writes the last. How jobs come to it and what it tells goes
back is the business of whoever has started it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING

from nlsr_cli.batch.planning import BatchPlan
from nlsr_cli.batch.sharing import Claim
from nlsr_cli.engines.line import Line
from nlsr_cli.engines.local import LocalEngine
from nlsr_cli.engines.messages import Advanced, Assignment, Begun, Finished, Lost, Ready, Refused, Setup, Stopped, Tell
from nlsr_cli.engines.watcher import Watcher
from nlsr_cli.errors import NlsrError, OutOfMemory
from nlsr_cli.isolation.decoder import Decoder

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.task import Task
    from nlsr_cli.upscaling.progress import Step

Inbox = Queue[Assignment | None]  # None is the end
_PACE = 0.2  # seconds between two reports of one picture


def serve(setup: Setup, inbox: Inbox, tell: Tell) -> None:
    """Do jobs until None comes, or the device is lost. A KeyboardInterrupt ends it like the command it works for:
    what is computed is written if that takes a moment, and finished rows stay.
    """
    with Decoder() as decoder:
        decoder.start()  # it loads while this process does
        engine = LocalEngine(BatchPlan(()), setup.enlarger, decoder, keeper=setup.keeper, stamp=setup.stamp)
        try:
            if not _is_ready(engine, setup, tell):
                return
            worker = _Worker(engine, setup, inbox, tell)
            while worker.waits():
                if not worker.works():
                    return
            tell(Stopped(0))
        except KeyboardInterrupt:
            engine.close()
            tell(Stopped(engine.rows_kept))
        except NlsrError as error:  # of no single picture, as those are in their outcomes
            tell(Refused(error))


def _is_ready(engine: LocalEngine, setup: Setup, tell: Tell) -> bool:
    """Load what is needed, and tell; what is wrong with the device is wrong with this one, all else with every one."""
    from nlsr_cli.upscaling.device import kind_of  # torch, which the enlarger loads anyway

    try:
        enlarger = engine.enlarger
        enlarger.load(setup.scales)
        weights = setup.weights() if setup.weights is not None else ()
    except NlsrError as error:
        tell(Refused(error))
        return False
    except Exception as exc:  # noqa: BLE001 - drivers fail in many ways
        tell(Lost(_line(exc)))
        return False
    placement, deep = enlarger.placement, enlarger.placement_for(16).precision
    processor = kind_of(placement.device)
    tell(Ready(os.getpid(), str(placement.device), placement.precision, deep, processor, weights))
    return True


class _Worker:
    """The jobs that are at hand, and what is told of them."""

    def __init__(self, engine: LocalEngine, setup: Setup, inbox: Inbox, tell: Tell) -> None:
        self._engine = engine
        self._keeper = setup.keeper
        self._inbox = inbox
        self._tell = tell
        self._pictures = _Incoming(self._take_all)
        self._books: deque[Job] = deque()
        self._numbers: dict[tuple[Path, str], int] = {}
        self._over = False

    def waits(self) -> bool:
        """Wait for a job; return False where there are no more."""
        if not (self._over or self._pictures.left or self._books):
            self._take(self._inbox.get())
        return bool(self._pictures.left or self._books) or not self._over

    def works(self) -> bool:
        """Do what is at hand; return False if the device was lost."""
        watcher = _Teller(self._numbers, self._tell)
        for outcome in self._engine.pictures(self._pictures, watcher):
            if not self._reports(outcome):
                return False
        while self._books:
            book = self._books.popleft()
            if not self._reports(self._engine.book(book, Claim(book.sink.path), watcher)):
                return False
        return True

    def _take(self, order: Assignment | None) -> None:
        if order is None:
            self._over = True
            return
        job = order.job
        self._numbers[_key(job)] = order.number
        if order.again and self._keeper is not None:
            self._keeper.forget_rows(job)
        if job.book is None:
            self._pictures.add(job)
        else:
            self._books.append(job)

    def _take_all(self) -> None:
        """Take what has come."""
        while not self._over:
            try:
                self._take(self._inbox.get_nowait())
            except Empty:
                return

    def _reports(self, outcome: Outcome) -> bool:
        """Tell what became of a job; where the device was the reason that it failed, tell that, and return False."""
        number = self._numbers.pop((outcome.source, outcome.name))
        if self._engine.is_interrupted and outcome.error is not None:
            return True  # it counts as not begun
        reason = _device_trouble(outcome.error, self._engine) if outcome.error is not None else ""
        self._tell(Lost(reason) if reason else Finished(number, outcome))
        return not reason


class _Incoming(Line):
    """Pictures in the order in which they come."""

    def __init__(self, take_all: Callable[[], None]) -> None:
        super().__init__((), None)
        self._take_all = take_all

    def peek(self) -> Job | None:
        """Return the job that `next` will return, if one has come by now."""
        self._take_all()
        return super().peek()


class _Teller(Watcher):
    """Tells how far jobs are."""

    def __init__(self, numbers: dict[tuple[Path, str], int], tell: Tell) -> None:
        self._numbers = numbers
        self._tell = tell
        self._number = 0
        self._told = 0.0

    def on_start(self, task: Task) -> None:
        """Tell that a picture is begun."""
        self._number, self._told = self._numbers[_key(task.job)], 0.0
        self._tell(Begun(self._number))

    def on_step(self, step: Step) -> None:
        """Tell how far it is, now and then."""
        now = time.monotonic()
        if now - self._told >= _PACE:
            self._told = now
            self._tell(Advanced(self._number, step))


def _key(job: Job) -> tuple[Path, str]:
    """Return how the outcome of a job names it."""
    return job.source.path, job.source.name


def _device_trouble(error: NlsrError, engine: LocalEngine) -> str:
    """Return what is wrong with a device that has failed a picture; "" where it would do another one.

    The processor is the machine itself: what fails there for want of memory may be smaller elsewhere in the batch.
    """
    from nlsr_cli.upscaling.device import trouble_with  # torch, which is there by now

    device = engine.enlarger.placement.device
    if device.type == "cpu":
        return ""
    return error.message if isinstance(error, OutOfMemory) else trouble_with(device)


def _line(error: Exception) -> str:
    """Return what an error says, on one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
