"""What the limits of a container (Linux control groups, version 2) leave of the machine that a process sees.

A container sees the memory and the processors of the whole machine, and is killed, or made to wait, when it uses them.
A limit holds for a group and for all groups within it, so that those of every group from the own one up count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def memory_left() -> int | None:
    """Return the bytes that may still be taken; None without a limit. Cached files do not count, as they give way."""
    found = [left for folder in _groups() if (left := _memory_left_in(folder)) is not None]
    return min(found, default=None)


def processors() -> int | None:
    """Return how many processors the time that is granted fills, rounded up; None without a limit."""
    found = [count for folder in _groups() if (count := _processors_of(folder)) is not None]
    return min(found, default=None)


def _groups() -> Iterator[Path]:
    """Yield the folders of the own group and of all that it is in; none where there are no groups."""
    try:
        lines = _OWN_CGROUP.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    own = _CGROUPS / next((line[3:] for line in lines if line.startswith("0::")), "/").lstrip("/")
    yield own
    while own not in (_CGROUPS, own.parent):
        own = own.parent
        yield own


def _memory_left_in(folder: Path) -> int | None:
    limit, used = _numbers(folder / "memory.max"), _numbers(folder / "memory.current")
    if not limit or not used:
        return None
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        cached = next((int(words[1]) for words in lines if words[:1] == ["inactive_file"]), 0)
    except (OSError, ValueError, IndexError):
        cached = 0
    return max(0, limit[0] - used[0] + cached)


def _processors_of(folder: Path) -> int | None:
    match _numbers(folder / "cpu.max"):
        case [quota, period] if quota > 0 and period > 0:
            return -(-quota // period)
        case _:
            return None


def _numbers(path: Path) -> list[int]:
    """Return the numbers that a file of limits holds; none where it is missing, says "max", or cannot be understood."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []
