"""Time and memory of a computation, measured so that two of them can be compared on a noisy machine."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Call = Callable[[], object]

_LEAST_RUNS, _MOST_RUNS = 3, 100
_LONG = 30.0  # seconds; what takes longer needs no warming up: its first run counts, and with a second one that is all
_KERNEL = Path("/proc/self")


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs: their median, and the fastest and the slowest."""

    median: float
    low: float
    high: float
    runs: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"median": self.median, "low": self.low, "high": self.high, "runs": self.runs}


@dataclass(frozen=True)
class Measured:
    """Time of a computation, and the bytes that it holds at most; None where nobody tells."""

    timing: Timing
    memory: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"seconds": self.timing.as_json(), "peak_memory_bytes": self.memory}


def measure(calls: Sequence[Call], device: torch.device, *, seconds: float) -> list[Measured]:
    """Return time and memory of several computations, measured side by side; see `time_in_turn` and `peak_memory`."""
    timings = time_in_turn(calls, device, seconds=seconds)
    return [Measured(timing, peak_memory(call, device)) for timing, call in zip(timings, calls, strict=True)]


def time_in_turn(calls: Sequence[Call], device: torch.device, *, seconds: float) -> list[Timing]:
    """Time several computations one after the other, again and again, so that all of them see the same machine.

    Each is run once before, and then at least three times; `seconds` bounds the rest, for all of them together. What
    takes very long is run twice in all.
    """
    first = [_time(call, device) for call in calls]
    long = sum(first) > _LONG
    taken = [[each] if long else [] for each in first]
    least, seconds = (2, 0.0) if long else (_LEAST_RUNS, seconds)
    end = time.perf_counter() + seconds
    while len(taken[0]) < least or (time.perf_counter() < end and len(taken[0]) < _MOST_RUNS):
        for times, call in zip(taken, calls, strict=True):
            times.append(_time(call, device))
    return [Timing(statistics.median(times), min(times), max(times), len(times)) for times in taken]


def _time(call: Call, device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    call()
    _wait(device)
    return time.perf_counter() - start


def peak_memory(call: Call, device: torch.device) -> int | None:
    """Return the bytes that a computation holds at most beside what is there before; None where nobody can tell.

    On a CPU it is the growth of the process, which only Linux says; on CUDA that of PyTorch's own memory.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu":
        return None
    try:
        _give_back()
        (_KERNEL / "clear_refs").write_text("5")  # sets the peak back to what is held now; see proc(5)
        before = _held("VmRSS")
        call()
        return max(0, _held("VmHWM") - before)
    except OSError:
        return None


def _held(name: str) -> int:
    lines = (_KERNEL / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _give_back() -> None:
    """Return freed memory to the system, or a computation that uses it again would seem to need none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
