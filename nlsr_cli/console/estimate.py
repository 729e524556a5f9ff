"""How long a batch will still take: what pictures cost, learned from those that are done. No clock, no terminal.

Three things take time: pixels that networks are given, each picture by itself, and writing the last picture; the others
are written while networks compute. The first tile takes longer than others of its size, because libraries load and
warm up with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

FILE_SECONDS = 0.25  # what a picture takes besides its pixels, until it is known: kernels, checks, names
WARM_UP_SECONDS = 1.0  # what the first tile takes beside that, until a second one tells

_TRUST = 50_000  # pixels of a step that weighs as much as what is taken to be usual


@dataclass(frozen=True)
class Cost:
    """What a picture takes: `work` in pixels that networks are given, `writing` in seconds."""

    work: float
    writing: float = 0.0


class Estimate:
    """Tells how many seconds are left, from the steps that were taken and the costs of what is to come.

    Args:
        costs: of all pictures in order; None where nothing is known before a picture is read, and a work of 0 where it
            most likely needs none.
    """

    def __init__(self, costs: Sequence[Cost | None]) -> None:
        self._costs = list(costs)
        self._at = 0  # the picture at hand
        self._done = 0.0  # its work that is done
        self._fresh = True  # whether it has taken no step
        self._steps: list[tuple[float, int, float]] = []  # (work, pictures begun with it, seconds)

    def start(self, number: int) -> None:
        """Begin a picture; those before it are done, or needed no work."""
        self._at, self._done, self._fresh = number, 0.0, True

    def step(self, work: float, total: float, seconds: float) -> None:
        """Count a step of the picture at hand.

        Args:
            work: what is done of the picture by now.
            total: what it comes to.
            seconds: since the step before, or since the first picture was begun.
        """
        known = self._costs[self._at] or Cost(total)
        self._costs[self._at] = replace(known, work=total)
        self._steps.append((work - self._done, int(self._fresh), seconds))
        self._done, self._fresh = work, False

    @property
    def left(self) -> float | None:
        """Return the seconds that are left; None before the first step."""
        if not self._steps:
            return None
        pixel, file = self._prices()
        known = [cost for cost in self._costs if cost is not None and cost.work]
        if not known:
            return None
        usual = sum(cost.work for cost in known) / len(known)
        ahead = [Cost(usual) if cost is None else cost for cost in self._costs[self._at + 1 :]]
        here = self._costs[self._at]
        work = sum(cost.work for cost in ahead) + (here.work - self._done if here else 0)
        last = next((cost for cost in reversed(self._costs) if cost is not None and cost.work), Cost(0))
        return work * pixel + sum(cost.work > 0 for cost in ahead) * file + last.writing

    def _prices(self) -> tuple[float, float]:
        """Return the seconds that a pixel takes, and a picture besides: the line that fits the steps best.

        A picture's own time is taken to be as usual until pictures tell, as one step among theirs.
        """
        first, *others = self._steps
        if not others:
            seconds = max(first[2] - first[1] * FILE_SECONDS - WARM_UP_SECONDS, first[2] / 2)
            return seconds / max(first[0], 1.0), FILE_SECONDS
        if len(others) >= 2 or first[0] == 0:
            first = (0.0, 0, 0.0)  # the others tell, without what warms up
        steps = [(work, files, seconds) for work, files, seconds in (first, *others) if work > 0]
        if not steps:
            return 0.0, FILE_SECONDS
        # Least squares with steps weighed by 1 / work: their noise grows with them.
        files = 1 / _TRUST + sum(f / w for w, f, _ in steps)
        mixed = sum(f for _, f, _ in steps)
        pixels = sum(w for w, _, _ in steps)
        at_files = FILE_SECONDS / _TRUST + sum(f * s / w for w, f, s in steps)
        at_pixels = sum(s for _, _, s in steps)
        determinant = files * pixels - mixed**2
        file = (at_files * pixels - mixed * at_pixels) / determinant if determinant > 0 else FILE_SECONDS
        file = min(max(file, 0.0), at_pixels / max(mixed, 1))
        return max(at_pixels - mixed * file, 0.0) / pixels, file
