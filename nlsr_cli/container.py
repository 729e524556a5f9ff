"""What the limits of a container (Linux control groups, version 2) leave of the machine that a process sees.

A container sees the memory and the processors of the whole machine, and is killed, or made to wait, when it uses them.
"""

from __future__ import annotations

from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def memory_left() -> int | None:
    """Return the bytes that may still be taken; None without a limit. Cached files do not count, as they give way."""
    found = _read("memory.max", "memory.current", "memory.stat")
    if found is None or found[0].strip() == "max":
        return None
    limit, used, lines = found
    cached = next((int(line.split()[1]) for line in lines.splitlines() if line.startswith("inactive_file ")), 0)
    return max(0, int(limit) - int(used) + cached)


def processors() -> int | None:
    """Return how many processors the time that is granted fills, rounded up; None without a limit."""
    found = _read("cpu.max")
    quota, period = found[0].split() if found is not None else ("max", "0")
    return None if quota == "max" else max(1, -(-int(quota) // int(period)))


def _read(*names: str) -> list[str] | None:
    """Return the files of the own group, or those of the whole container, whichever has them all."""
    if not _OWN_CGROUP.is_file():
        return None
    own = next((line[3:] for line in _OWN_CGROUP.read_text().splitlines() if line.startswith("0::")), "/")
    for folder in (_CGROUPS / own.lstrip("/"), _CGROUPS):
        try:
            return [(folder / name).read_text() for name in names]
        except OSError:
            continue
    return None
