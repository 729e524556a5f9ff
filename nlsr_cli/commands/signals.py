"""What a command does when a signal comes: end like after Ctrl-C, end once a step is done, or pause."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ENDS = ("SIGINT", "SIGTERM", "SIGHUP")  # Ctrl-C, a polite kill, a closed terminal

Handler = Callable[[int, Any], Any]


@contextmanager
def killed_politely() -> Iterator[None]:
    """Let a polite kill end the work as Ctrl-C does: what waits meanwhile must not wait for ever."""
    with _answered(_answerable(ENDS[1:]), signal.default_int_handler):
        yield


@contextmanager
def told_to_stop(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Give what tells whether Ctrl-C or a polite kill came: a step must be finished before its state can be saved.

    A second one ends the process at once, with what was saved before.
    """
    told: list[int] = []
    numbers = _answerable(ENDS)

    def remember(number: int, frame: object) -> None:
        told.append(number)
        for each in numbers:
            signal.signal(each, signal.default_int_handler)
        on_first()

    with _answered(numbers, remember):
        yield lambda: bool(told)


@contextmanager
def told_to_pause() -> Iterator[Callable[[], bool]]:
    """Give what tells whether SIGUSR1 came, where there is one; a second one takes it back."""
    told = [False]

    def turn(number: int, frame: object) -> None:
        told[0] = not told[0]

    if sys.platform == "win32" or not _ours():
        yield lambda: False
        return
    before = signal.signal(signal.SIGUSR1, turn)
    try:
        yield lambda: told[0]
    finally:
        signal.signal(signal.SIGUSR1, before)


def _answerable(names: tuple[str, ...]) -> list[int]:
    """Return the signals that this system has, and that nobody ignores, as nohup does; none in other threads."""
    numbers = [number for name in names if _ours() and (number := getattr(signal, name, None)) is not None]
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _answered(numbers: list[int], handler: Handler) -> Iterator[None]:
    """Let a handler answer signals until what is inside is done."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _ours() -> bool:
    """Tell whether this is the thread that signals come to."""
    return threading.current_thread() is threading.main_thread()
