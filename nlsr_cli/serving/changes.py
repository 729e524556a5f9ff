"""News of jobs: who waits for them is woken in the thread of the server, and misses none for being slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

BEAT = 15.0  # seconds after which silence is broken, so that nobody on the way takes the line for dead


class Changes:
    """Tells those who listen which jobs have changed. A job that changes often is told once, with what it is then."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ears: set[Ear] = set()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell in this loop from now on."""
        self._loop = loop

    def tell(self, name: str) -> None:
        """Tell of a job, from any thread; "" wakes all, as everything ends."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._spread, name)

    def _spread(self, name: str) -> None:
        for ear in self._ears:
            ear.hear(name)

    @contextmanager
    def listen(self, only: str | None = None) -> Iterator[Ear]:
        """Give what hears of all jobs, or of one."""
        ear = Ear(only)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)


class Ear:
    """Hears of jobs. `only` is the one that it cares for; None is all."""

    def __init__(self, only: str | None) -> None:
        self._only = only
        self._heard: dict[str, None] = {}
        self._woken = asyncio.Event()

    def hear(self, name: str) -> None:
        """Remember it until somebody asks."""
        if name in ("", self._only) or self._only is None:
            self._heard[name] = None
            self._woken.set()

    async def news(self) -> AsyncIterator[list[str]]:
        """Yield the names of jobs that have changed, as soon as one has, or none after a while; end with the server."""
        while True:
            try:
                await asyncio.wait_for(self._woken.wait(), BEAT)
            except TimeoutError:
                yield []
                continue
            self._woken.clear()
            names = list(self._heard)
            self._heard.clear()
            if "" in names:
                return
            yield names
