"""How long many machines take for many pictures, and what that costs.

A machine is a process of nlsr as it runs here: a machine with several GPUs is as many. Machines either share a folder,
where each takes the next picture when it is done with one, or have a shard each, divided by the hash of the names.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OVERHEAD = 0.006  # seconds of a picture beside its pixels, measured on 10,000 of 8x8: to list, claim and enter it
MOST_DRAWN = 200_000  # pictures that are followed one by one; of more, what is expected is computed
_SEED = 0


@dataclass(frozen=True)
class Fleet:
    """Machines, the seconds that each needs before its first picture, and the price of an hour of one, if asked."""

    machines: int
    start_up: float
    price: float | None = None


@dataclass(frozen=True)
class Estimate:
    """What a fleet takes for `pictures` that are `work` seconds of one machine, of which `longest` for the largest.

    `shared` and `sharded` are seconds from beginning to end, with one folder for all and with a shard for each.
    """

    fleet: Fleet
    pictures: int
    work: float
    longest: float
    shared: float
    sharded: float

    @property
    def machine_hours(self) -> float:
        """Return the hours of all machines together, if each ends when it has nothing to do any more."""
        return (self.work + self.fleet.machines * self.fleet.start_up) / 3600

    @property
    def cost(self) -> float | None:
        """Return what the machine hours cost; None without a price."""
        return None if self.fleet.price is None else self.fleet.price * self.machine_hours

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "machines": self.fleet.machines,
            "pictures": self.pictures,
            "work_seconds": round(self.work, 3),
            "longest_seconds": round(self.longest, 3),
            "start_up_seconds": round(self.fleet.start_up, 3),
            "shared_seconds": round(self.shared, 3),
            "sharded_seconds": round(self.sharded, 3),
            "machine_hours": round(self.machine_hours, 6),
            "cost": None if self.cost is None else round(self.cost, 4),
        }


def estimate(seconds: Sequence[float], fleet: Fleet, pictures: int | None = None) -> Estimate:
    """Return what a fleet takes.

    Args:
        seconds: what each of some pictures takes on one machine, in the order in which they are done.
        fleet: the machines.
        pictures: how many there are in all, of which these are a fair sample; None are these.
    """
    count = len(seconds) if pictures is None else pictures
    tasks = [each + OVERHEAD for each in seconds]
    longest, mean = max(tasks), sum(tasks) / len(tasks)
    if count <= MOST_DRAWN:
        drawn = tasks if pictures is None else random.Random(_SEED).choices(tasks, k=count)  # noqa: S311 - no secret
        shared, sharded = shared_time(drawn, fleet.machines), sharded_time(drawn, fleet.machines)
        work = sum(drawn)
    else:
        work = count * mean
        shared = shared_bound(work, longest, fleet.machines)
        sharded = sharded_expected(count, mean, sum(each**2 for each in tasks) / len(tasks), fleet.machines)
    return Estimate(fleet, count, work, longest, fleet.start_up + shared, fleet.start_up + sharded)


def shared_time(tasks: Sequence[float], machines: int) -> float:
    """Return the time after which all tasks are done where whoever is free takes the next one."""
    free = [0.0] * min(machines, len(tasks))
    for task in tasks:
        heapq.heappush(free, heapq.heappop(free) + task)
    return max(free)


def shared_bound(work: float, longest: float, machines: int) -> float:
    """Return the time after which they are done at the latest (Graham, "Bounds on Multiprocessing Timing Anomalies",
    SIAM Journal on Applied Mathematics, 1969).
    """
    return work / machines + longest * (1 - 1 / machines)


def sharded_time(tasks: Sequence[float], machines: int) -> float:
    """Return the time after which the longest of as many shards is done; the hash puts each task anywhere."""
    sums = [0.0] * machines
    place = random.Random(_SEED)  # noqa: S311 - no secret
    for task in tasks:
        sums[place.randrange(machines)] += task
    return max(sums)


def sharded_expected(count: int, mean: float, mean_square: float, machines: int) -> float:
    """Return about how long the longest shard takes: the largest of as many normal sums.

    A shard has a binomial number of pictures, so its variance is nearly that of a Poisson sum.
    """
    each, variance = count * mean / machines, count * mean_square / machines
    return each + math.sqrt(2 * math.log(machines) * variance) if machines > 1 else each
