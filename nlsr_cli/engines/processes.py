"""Workers as processes of this machine: how one is started and talked to, and what runs in it.

Not `multiprocessing`, which would run the caller's script once more in each of them. What comes through the pipes is
pickled: both ends are this program, and pictures of strangers are decoded by neither.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from io import BufferedReader, RawIOBase
from queue import Queue, SimpleQueue
from typing import IO, BinaryIO, cast

from nlsr_cli.container import threads
from nlsr_cli.engines.messages import Assignment, Ended, Event, Setup, Tell
from nlsr_cli.engines.worker import Inbox, serve
from nlsr_cli.errors import NlsrError
from nlsr_cli.isolation.pipe import taken, write

# It looks where this process looks, in the same order: it finds the same package, never one beside the pictures.
_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from nlsr_cli.engines.processes import main; main()"
PATIENCE = 4.0  # seconds that a worker has to stop by itself
_KILLED = -int(getattr(signal, "SIGKILL", 9))


def share_of_threads(count: int) -> int:
    """Return how many threads each of so many processes may keep busy, of those that this one might: at least 1."""
    return max(1, threads() // count)


class Process:
    """A worker in a process of its own.

    Args:
        setup: what it is told first; bytes are one that is pickled already.
        hear: called with whatever it tells, from a thread; with `Ended` last.
        threads: how many of the processor's it may keep busy.
        folder: which is its current one; None is that of this process.

    Raises:
        NlsrError: it cannot be started.
    """

    def __init__(self, setup: Setup | bytes, hear: Tell, threads: int, folder: str | None = None) -> None:
        self._hear = hear
        self._child = _started(threads, folder)
        self._orders: SimpleQueue[object] = SimpleQueue()
        self._orders.put(setup)
        for name, work in (("nlsr-orders", self._write), ("nlsr-events", self._read)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def send(self, order: Assignment) -> None:
        """Give it a job."""
        self._orders.put(order)

    def stop(self) -> None:
        """Tell it to stop; idle or not, it ends soon, and after some seconds by force."""
        self._orders.put(None)

    def kill(self) -> None:
        """End it at once."""
        with suppress(OSError):
            self._child.kill()

    def _write(self) -> None:
        stream = cast("IO[bytes]", self._child.stdin)
        with suppress(OSError):  # it is gone, and reading tells
            while (order := self._orders.get()) is not None:
                stream.write(order if isinstance(order, bytes) else pickle.dumps(order))
                stream.flush()
        with suppress(OSError):
            stream.close()

    def _read(self) -> None:
        stream = cast("IO[bytes]", self._child.stdout)
        with suppress(EOFError, OSError, pickle.UnpicklingError):  # the last one of a message that was cut off
            while True:
                self._hear(cast("Event", pickle.load(stream)))  # noqa: S301 - see above
        self.stop()
        stream.close()
        self._hear(Ended(_cause(self._child.wait())))


def _started(threads_each: int, folder: str | None) -> subprocess.Popen[bytes]:
    if not sys.executable:
        hint = "Run nlsr with an ordinary Python, set sys.executable, or omit --workers."
        raise NlsrError("workers are separate processes, but Python does not know its own path", hint)
    isolated = ["-I"] if sys.flags.isolated else []
    windows = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        return subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, *isolated, "-c", _BOOT, *(each for each in sys.path if isinstance(each, str))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("NLSR_DEBUG") else subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": str(threads_each)},
            cwd=folder,
            start_new_session=True,  # Ctrl-C reaches the process that shares out the work, which then stops this one
            creationflags=windows,
        )
    except OSError as exc:
        hint = "Give fewer --workers, allow more processes, or free memory."
        raise NlsrError(f"a worker cannot be started: {exc.strerror or exc}", hint) from exc


def _cause(code: int) -> str:
    """Say how a process ended."""
    if code == _KILLED:
        return "was killed, perhaps because memory ran out"
    if code < 0:
        with suppress(ValueError):
            return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def main() -> None:
    """Be a worker, with orders from standard input and events on standard output; ends with who gives the orders."""
    orders, events = BufferedReader(cast("RawIOBase", taken(0, "rb"))), taken(1, "wb")
    stopping = threading.Event()

    def interrupt(signum: int, frame: object) -> None:
        if stopping.is_set():  # somebody else's Ctrl-C is for the process that shares out the work
            stopping.clear()  # once is enough
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    telling = _Telling(events)
    try:
        inbox: Inbox = Queue()
        setup = cast("Setup", pickle.load(orders))  # noqa: S301 - of the process that has started this one
        listen = threading.Thread(target=_listen, args=(orders, inbox, stopping), daemon=True)
        listen.start()
        serve(setup, inbox, telling.put)
    except (KeyboardInterrupt, EOFError):
        pass
    telling.finish()
    os._exit(0)  # what it has loaded takes long to be taken apart, for nobody


def _listen(orders: IO[bytes], inbox: Inbox, stopping: threading.Event) -> None:
    """Take orders until there are no more; then interrupt what is being done, and end this process if it goes on."""
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            inbox.put(cast("Assignment", pickle.load(orders)))  # noqa: S301 - as above
    stopping.set()
    _interrupt_main()
    inbox.put(None)
    threading.Event().wait(PATIENCE)
    os._exit(1)


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # which wakes it from whatever it waits for
        signal.pthread_kill(cast("int", threading.main_thread().ident), signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


class _Telling:
    """Writes what is told, from a thread of its own: an interruption must not cut a message in two."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Write it soon."""
        self._events.put(event)

    def finish(self) -> None:
        """Wait until all is written."""
        self._events.put(None)
        self._thread.join(PATIENCE)

    def _write(self) -> None:
        with suppress(OSError):  # nobody listens any more
            while (event := self._events.get()) is not None:
                write(self._stream, memoryview(pickle.dumps(event)))
