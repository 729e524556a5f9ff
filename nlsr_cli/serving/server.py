"""The server: a socket, uvicorn on it, and what a signal does."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nlsr_cli.errors import OptionError
from nlsr_cli.serving.app import Server, application
from nlsr_cli.serving.changes import Changes
from nlsr_cli.serving.guard import Guard
from nlsr_cli.serving.job import Job
from nlsr_cli.serving.line import Line
from nlsr_cli.serving.making import Maker
from nlsr_cli.serving.metrics import Metrics
from nlsr_cli.serving.reception import Reception
from nlsr_cli.serving.settings import ServeOptions
from nlsr_cli.serving.store import Store

FIRST_BYTES = 15.0  # seconds in which a request must have come but for its body
IDLE = 15  # seconds that a connection may be silent between two requests
CONNECTIONS = 512
PARTING = 5  # seconds that answers on their way get when the server ends
ENDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@dataclass(frozen=True)
class Hearer:
    """Whom the server tells that it is ready, and where; of each job that is over; of what nobody foresaw."""

    ready: Callable[[str], None]
    over: Callable[[Job], None]
    trouble: Callable[[Exception], None]


@dataclass(frozen=True)
class _News:
    """Passes on what the line tells."""

    metrics: Metrics
    changes: Changes
    hearer: Hearer

    def changed(self, job: Job) -> None:
        self.changes.tell(job.id)

    def over(self, job: Job) -> None:
        self.metrics.count_job(job)
        self.hearer.over(job)

    def trouble(self, error: Exception) -> None:
        self.hearer.trouble(error)


def serve(options: ServeOptions, hearer: Hearer, *, stop: threading.Event | None = None) -> int:
    """Serve until a signal comes, or `stop` is set, and return how many accepted jobs are lost.

    Signals come to the main thread only.

    Raises:
        OptionError: the address or the folder for jobs cannot be used.
        ModelError: a model is unknown, cannot be fetched, or is damaged.
    """
    listening = _listening(options)
    store = maker = None
    try:
        store = Store(options.state)
        maker = Maker(options)
        changes, metrics = Changes(), Metrics()

        line = Line(store, maker, options, _News(metrics, changes, hearer))
        reception = Reception(options, store, maker, line, changes)
        routed = application(Server(options, store, maker, line, changes, metrics, reception))
        app = Guard(routed, options, metrics, hearer.trouble)
        line.start()
        try:
            host = f"[{options.host}]" if ":" in options.host else options.host
            address = f"http://{host}:{listening.getsockname()[1]}"
            _Uvicorn(app, line, changes, options, lambda: hearer.ready(address), stop).run([listening])
        finally:
            line.stop()
            left = line.join()
        return 0 if store.is_kept else left
    finally:
        listening.close()
        if maker is not None:
            maker.close()
        if store is not None:
            store.close()


def _listening(options: ServeOptions) -> socket.socket:
    """Return a socket at the address, before anything heavy is loaded for it.

    Raises:
        OptionError: it is in use, or not ours.
    """
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=CONNECTIONS)
    except (OSError, UnicodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        hint = "Choose another one: nlsr serve --port 8001"
        raise OptionError(f"cannot listen at {options.host}:{options.port}: {reason.lower()}", hint) from exc


class _Uvicorn(uvicorn.Server):
    """Ends politely: the picture at hand stays to be done, and who waits is told."""

    def __init__(
        self,
        app: Guard,
        line: Line,
        changes: Changes,
        options: ServeOptions,
        on_ready: Callable[[], None],
        stop: threading.Event | None,
    ) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            http=_Hasty,
            ws="none",
            lifespan="off",
            loop="asyncio",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=PARTING,
            h11_max_incomplete_event_size=1 << 14,
        )
        super().__init__(config)
        for talker in ("uvicorn", "python_multipart"):  # of what clients do wrong, as often as they do it
            logging.getLogger(talker).setLevel(logging.CRITICAL)
        self._line, self._changes, self._on_ready, self._stop = line, changes, on_ready, stop
        self._seconds = min(60.0, options.keep / 4)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        self._changes.bind(asyncio.get_running_loop())
        await super().startup(sockets)
        self._sweeping = asyncio.create_task(self._sweep())
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to end."""
        return await super().on_tick(counter) or (self._stop is not None and self._stop.is_set())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell all who wait, and end."""
        self._line.stop()
        self._changes.tell("")
        self._sweeping.cancel()
        await super().shutdown(sockets)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await asyncio.to_thread(self._line.forget_old)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server; uvicorn's own way would send them again afterwards, and ours interrupt then."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [number for name in ENDS if (number := getattr(signal, name, None)) is not None]
        numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._end) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)


class _Hasty(H11Protocol):
    """Ends connections whose request does not come: uvicorn waits for the first one for ever."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as declared there
        """Give a new connection a little time."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(FIRST_BYTES, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes; whenever a request has begun and is not whole but for its body, it gets a little time."""
        super().data_received(data)
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._patience is None:
            self._patience = self.loop.call_later(FIRST_BYTES, self._give_up)
        elif not idle and self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        with suppress(Exception):
            self.transport.abort()
