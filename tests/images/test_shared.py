"""Who agrees is inside at once; who does not waits, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext

import pytest

from nlsr_cli.images.shared import Together

SOON = 20  # seconds after which a test fails rather than hangs


class House:
    """Records when it was opened and shut."""

    def __init__(self):
        self.events = []
        self.together = Together(self.arranged)

    @contextmanager
    def arranged(self, wish):
        self.events.append(f"open {wish}")
        try:
            yield len(self.events)
        finally:
            self.events.append(f"shut {wish}")


def until(condition):
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def started(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_equal_wishes_are_inside_at_once_and_share():
    """Each waits for the other inside, which only works side by side."""
    house, meeting, lent = House(), threading.Barrier(2, timeout=SOON), []

    def visit():
        with house.together.inside("warm") as what:
            meeting.wait()
            lent.append(what)

    threads = [started(visit) for _ in range(2)]
    for thread in threads:
        thread.join(SOON)
    assert lent == [1, 1]
    assert house.events == ["open warm", "shut warm"]


def test_another_wish_waits_and_is_not_overtaken():
    """A stream of visitors that agree must not keep the one out who does not."""
    house, leave, waiting = House(), threading.Event(), threading.Event()

    def first():
        with house.together.inside("warm"):
            leave.wait(SOON)

    def second():
        waiting.set()
        with house.together.inside("cold"):
            pass

    def third():
        with house.together.inside("warm"):
            pass

    threads = [started(first)]
    until(lambda: house.events)
    threads.append(started(second))
    assert waiting.wait(SOON)
    until(lambda: house.together._queue.locked() or len(house.events) > 1)  # the second one stands in the door
    threads.append(started(third))
    threads[-1].join(0.05)
    assert house.events == ["open warm"]
    leave.set()
    for thread in threads:
        thread.join(SOON)
    assert house.events == ["open warm", "shut warm", "open cold", "shut cold", "open warm", "shut warm"]


def test_an_error_inside_or_in_arranging_leaves_the_door_open():
    """The next visitor comes in."""
    house = House()

    def fail():
        with house.together.inside("warm"):
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    @contextmanager
    def broken(_):
        raise LookupError
        yield

    together = Together(broken)
    for _ in range(2):
        with pytest.raises(LookupError), together.inside(1):
            pass
    with house.together.inside("cold") as what:
        assert what == 3


def test_a_thread_that_enters_again_is_told_so():
    """It would wait for itself without end, as a reader inside the border of another once did."""
    shared = Together(nullcontext)
    with shared.inside(1):
        for wish in (1, 2):
            with pytest.raises(RuntimeError, match="must not enter again"), shared.inside(wish):
                pytest.fail("it got in")
    with shared.inside(2) as lent:
        assert lent == 2
