"""What the limits of a container (Linux control groups, both versions) leave of the machine that a process sees.

A container sees the memory and the processors of the whole machine, and is killed, or made to wait, when it uses them.
A limit holds for a group and for all groups within it, so that those of every group from the own one up count.

Version 2 has one tree of groups. Version 1 has one for each kind of limit, and a machine may have both at once; its
files are described in the kernel's Documentation/admin-guide/cgroup-v1/memory.rst and scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_NO_LIMIT = 2**60  # bytes: version 1 says the largest number of pages where version 2 says "max"


def memory_left() -> int | None:
    """Return the bytes that may still be taken; None without a limit. Cached files do not count, as they give way."""
    found = [_memory_left_in(folder, "memory.max", "memory.current", "inactive_file") for folder in _groups("")]
    names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    found += [_memory_left_in(folder, *names) for folder in _groups("memory")]
    return min((left for left in found if left is not None), default=None)


def threads() -> int:
    """Return how many threads this process may keep busy: as OpenMP is told, or as many as it has processors."""
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # of nested levels the outermost comes first
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    affinity = getattr(os, "sched_getaffinity", None)  # only Linux has it
    visible = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(visible, processors() or visible)


def processors() -> int | None:
    """Return how many processors the time that is granted fills, rounded up; None without a limit."""
    quotas = [_numbers(folder / "cpu.max") for folder in _groups("")]
    quotas += [
        _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us") for folder in _groups("cpu")
    ]
    found = [-(-each[0] // each[1]) for each in quotas if len(each) == 2 and min(each) > 0]  # -1 is no limit
    return min(found, default=None)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of the own group and of all that it is in, in the tree of version 1 that limits what
    `controller` says, or in that of version 2 for ""; none where there is no such tree.

    Inside of a container its own group may be all that is mounted, under the name that it has outside: what is not
    there has no limits, and the root of the tree always counts.
    """
    try:
        lines = _OWN_CGROUP.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    root, name = (_CGROUPS / controller, None) if controller else (_CGROUPS, "/")
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            name = path
    if name is None:
        return
    own = root / name.lstrip("/")
    yield own
    while own not in (root, own.parent):
        own = own.parent
        yield own


def _memory_left_in(folder: Path, limit_name: str, used_name: str, cached_name: str) -> int | None:
    limit, used = _numbers(folder / limit_name), _numbers(folder / used_name)
    if not limit or not used or limit[0] >= _NO_LIMIT:
        return None
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        cached = next((int(words[1]) for words in lines if words[:1] == [cached_name]), 0)
    except (OSError, ValueError, IndexError):
        cached = 0
    return max(0, limit[0] - used[0] + cached)


def _numbers(path: Path) -> list[int]:
    """Return the numbers that a file of limits holds; none where it is missing, says "max", or cannot be understood."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []
