"""What the network is given, made ahead of the steps by processes: a GPU learns faster than one core can do damage."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from nlsr_cli.images import Pixels
from nlsr_cli.training.damage import Told
from nlsr_cli.training.patches import Inputs

STEPS_AHEAD = 6  # for each process

Made = tuple[Pixels, Told]


class Ahead:
    """Makes the inputs of the steps to come in processes of their own; step `n` belongs to network `n` modulo all.

    Nothing depends on the number of processes: a step has the same inputs wherever they are made.
    """

    def __init__(self, inputs: Sequence[Inputs], batch: int, processes: int) -> None:
        self._batch, self._ahead = batch, STEPS_AHEAD * processes
        self._waiting: deque[tuple[int, Future[Made]]] = deque()
        self._folder = tempfile.TemporaryDirectory(prefix="nlsr-train-")  # photographs, for all processes at once
        plain = [_stored(each, Path(self._folder.name, str(index))) for index, each in enumerate(inputs)]
        self._pool = ProcessPoolExecutor(processes, _context(), _begin, (plain, self._folder.name))

    def take(self, step: int) -> Made:
        """Return the inputs of a step, and have those of the next ones made."""
        if not self._waiting or self._waiting[0][0] != step:
            self._drop()
            self._order(step)
        _, made = self._waiting.popleft()
        while len(self._waiting) < self._ahead:
            self._order(self._waiting[-1][0] + 1 if self._waiting else step + 1)
        return made.result()

    def close(self) -> None:
        """End the processes."""
        self._drop()
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _order(self, step: int) -> None:
        self._waiting.append((step, self._pool.submit(_make, self._batch, step)))

    def _drop(self) -> None:
        for _, made in self._waiting:
            made.cancel()
        self._waiting.clear()


def _context() -> multiprocessing.context.BaseContext:
    """Return how processes begin: where it is possible, as copies of one that has loaded everything."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _stored(inputs: Inputs, base: Path) -> Inputs:
    """Write the photographs next to `base`, and return the inputs without them."""
    nothing = np.empty((0, 3), np.uint8)
    np.save(f"{base}-hr.npy", inputs.hr)
    np.save(f"{base}-lr.npy", inputs.lr)
    return replace(inputs, hr=nothing, lr=nothing)


_inputs: list[Inputs] = []  # of this process


def _begin(plain: Sequence[Inputs], folder: str) -> None:
    """Get a process ready: it maps the photographs, leaves Ctrl-C to its parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    for index, each in enumerate(plain):
        base = Path(folder, str(index))
        hr, lr = (np.load(f"{base}-{name}.npy", mmap_mode="r") for name in ("hr", "lr"))
        _inputs.append(replace(each, hr=hr, lr=lr))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(batch: int, step: int) -> Made:
    return _inputs[step % len(_inputs)].make(batch, step)
