"""What goes on while the network has a picture: threads that read and write others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Timeout
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.task import Task
    from nlsr_cli.engines.watcher import Watcher


class Writing:
    """The picture that is being written, if one is; its outcome is yielded once.

    Args:
        writer: the thread.
        finish: writes a picture.
    """

    def __init__(self, writer: ThreadPoolExecutor, finish: Callable[[Task], Outcome]) -> None:
        self._writer = writer
        self._finish = finish
        self._at: tuple[Job, Future[Outcome]] | None = None

    def begin(self, task: Task) -> None:
        """Write a picture; the last one is written by now."""
        self._at = task.job, self._writer.submit(self._finish, task)

    def finished(self) -> Iterator[Outcome]:
        """Yield the outcome if there is one by now."""
        if self._at is not None and self._at[1].done():
            outcome, self._at = self._at[1], None
            yield outcome.result()

    def awaited(self, watcher: Watcher) -> Iterator[Outcome]:
        """Yield the outcome, and say that it is waited for if that takes time."""
        if self._at is not None:
            job, outcome = self._at
            if not outcome.done():
                watcher.on_writing(job)
            result = outcome.result()  # an interruption may come now, and what is written is rescued then
            self._at = None
            yield result

    def rescued(self, patience: float, give_up: Callable[[], None]) -> Iterator[Outcome]:
        """Yield the outcome if there is one within `patience` seconds, after which writing is given up."""
        if self._at is not None:
            with suppress(Timeout):
                self._at[1].exception(patience)
            give_up()
            yield from self.finished()


@contextmanager
def helper(name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a thread that ends with what it has begun, and does nothing that only waits.

    An interruption does not wait for it: what it has begun it may finish, but nobody asks for that any more.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix=name)
    waits = True
    try:
        yield thread
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        thread.shutdown(wait=waits, cancel_futures=True)
