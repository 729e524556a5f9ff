"""The far end of a worker on a machine of a Ray cluster: an actor, which starts a process there and talks to it.

The process is what a worker of this machine is (`engines/processes.py`), so that what ends it does not end the actor,
which says how. Ray is not imported here: it runs this class.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, Queue

from nlsr_cli.engines.messages import Assignment, Ended, Event
from nlsr_cli.engines.processes import Process
from nlsr_cli.version import __version__

BEAT = 2.0  # seconds after which an actor answers though it has no news
FROZEN = 15.0  # seconds: who has slept for so long has been given up, or soon will be
DESERTED = 60.0  # seconds without a question: whoever shared out the work is gone, or cannot be reached
_TICK = 1.0


@dataclass(frozen=True)
class Sight:
    """What an actor sees where it is: versions, and which of the paths that it was asked for are not there."""

    nlsr: str
    torch: str
    python: str
    unseen: tuple[str, ...]


class Outpost:
    """Starts a worker, and passes on what goes to it and comes from it.

    It ends itself and the worker when it was frozen, when nobody asks any more, or when Ray's own process on this
    machine is gone: its jobs are others' by then, or soon will be.
    """

    def __init__(self) -> None:
        self._events: Queue[Event] = Queue()
        self._process: Process | None = None
        self._asked = time.monotonic()
        threading.Thread(target=self._guard, name="nlsr-guard", daemon=True).start()

    def look(self, paths: Sequence[str]) -> Sight:
        """Say what is here, and which of the paths are not."""
        unseen = tuple(path for path in paths if not os.path.lexists(path))
        return Sight(__version__, release_of_torch(), platform.python_version(), unseen)

    def start(self, setup: bytes, threads: int, folder: str) -> None:
        """Start the worker: `setup` is a pickled `Setup`, `folder` the current one of whoever shares out the work."""
        self._process = Process(setup, self._events.put, threads, folder if os.path.isdir(folder) else None)  # noqa: PTH112

    def send(self, order: Assignment) -> None:
        """Give the worker a job."""
        if self._process is not None:
            self._process.send(order)

    def stop(self) -> None:
        """Tell the worker to stop soon."""
        if self._process is None:
            self._events.put(Ended("was stopped"))
        else:
            self._process.stop()

    def listen(self) -> list[Event]:
        """Wait for a moment, and return what the worker has told."""
        self._asked = time.monotonic()
        found: list[Event] = []
        try:
            found.append(self._events.get(timeout=BEAT))
            while True:
                found.append(self._events.get_nowait())
        except Empty:
            return found

    def _guard(self) -> None:
        parent, last = os.getppid(), time.monotonic()
        while True:
            time.sleep(_TICK)
            now = time.monotonic()
            if now - last > FROZEN or now - self._asked > DESERTED or os.getppid() != parent:
                if self._process is not None:
                    self._process.kill()
                os._exit(1)
            last = now


def release_of_torch() -> str:
    """Return the release of PyTorch, without what says for which devices it was built."""
    return importlib.metadata.version("torch").partition("+")[0]
