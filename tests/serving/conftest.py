"""One server for each module of tests, and a way to hold its pictures back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nlsr_cli.serving.job import Job, Result
from nlsr_cli.serving.making import Maker
from tests.serving.serving import Running, running
from tests.viewing import test_browser

browser = test_browser.browser  # the same one, and the same way to do without


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Return what lets pictures go on once it is set; until then the first one asks again and again whether it may."""
    opened, make = threading.Event(), Maker.make

    def held(self: Maker, job: Job, upload: Path, folder: Path, on_tile: Callable[[int, int], None]) -> Result:
        while not opened.wait(0.1):  # each look is news that goes to every page
            on_tile(0, 1)
        return make(self, job, upload, folder, on_tile)

    monkeypatch.setattr(Maker, "make", held)
    yield opened
    opened.set()
