"""What a process has once, such as a library's settings, lent to several threads that want it alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, TypeVar

Wish = TypeVar("Wish")
Lent = TypeVar("Lent")


class Together(Generic[Wish, Lent]):
    """Threads with equal wishes are inside at once: the first one arranges what they share, the last one undoes it.

    A thread with another wish waits until they are out, and whoever comes later waits behind it. A thread that is
    inside must not enter again: it would wait for itself, and gets a RuntimeError instead.

    Args:
        arrange: makes a wish true, gives what is shared, and ends it again.
    """

    def __init__(self, arrange: Callable[[Wish], AbstractContextManager[Lent]]) -> None:
        self._arrange = arrange
        self._queue = threading.Lock()
        self._left = threading.Condition()
        self._inside: set[int] = set()  # identifiers of threads
        self._wish: Wish | None = None
        self._arranged = ExitStack()

    @contextmanager
    def inside(self, wish: Wish) -> Iterator[Lent]:
        """Give what is shared by all whose wish is `wish`."""
        me = threading.get_ident()
        if me in self._inside:
            raise RuntimeError("a thread must not enter again while it is inside")
        with self._queue, self._left:
            self._left.wait_for(lambda: not self._inside or self._wish == wish)
            if not self._inside:
                self._lent = self._arranged.enter_context(self._arrange(wish))
                self._wish = wish
            self._inside.add(me)
            lent = self._lent
        try:
            yield lent
        finally:
            with self._left:
                self._inside.remove(me)
                if not self._inside:
                    del self._lent
                    self._left.notify_all()
                    self._arranged.close()
