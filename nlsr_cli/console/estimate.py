"""How long a batch will still take: what pictures cost, learned from those that are done. No clock, no terminal.

Three things take time: pixels that networks are given, each picture by itself, and writing the last picture; the others
are written while networks compute. The first tile takes longer than others of its size, because libraries load and
warm up with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

# What a picture takes besides its pixels, until it is known (kernels, checks, names): in seconds at most, and in pixels
# that could be computed meanwhile, because a machine that is slow is slow at both.
FILE_SECONDS, FILE_PIXELS = 0.25, 30_000
WARM_UP_SECONDS = 1.0  # what the first tile takes beside that, until a second one tells

_TELLING = 3  # times as long as warming up: a first step of which that is no great part
_TRUST = 100_000  # pixels of a step that weighs half as much as a small one


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

    def reorder(self, left: Sequence[int]) -> None:
        """Take the pictures that are left, by their numbers, in this order from now on; the others are done."""
        self._costs = [self._costs[number] for number in in_order(len(self._costs), left)]
        self._at = max(len(self._costs) - len(left) - 1, 0)
        last = self._costs[self._at]
        self._done = last.work if last is not None and len(left) < len(self._costs) else 0.0

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
        """Return the seconds that are left; None where the first step was as short as warming up is, or is to come."""
        if not self._steps or (len(self._steps) == 1 and self._steps[0][2] < _TELLING * WARM_UP_SECONDS):
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
        if len(self._steps) == 1:
            ((first, begins, took),) = self._steps
            took -= WARM_UP_SECONDS
            file = _usual_file([(first, begins, took)])
            return max(took - begins * file, 0.0) / max(first, 1.0), file
        warm = self._steps[min(len(self._steps) // 2, 2) :]  # the second one is held up by the first writing
        steps = [step for step in warm if step[0] > 0]
        if not steps:
            return 0.0, FILE_SECONDS
        # Least squares, with steps weighed by what they are expected to vary by: less than their size, or a small one
        # that another program has held up would outweigh all others.
        weights = [1 / (work + _TRUST) for work, _, _ in steps]
        files = 2 / _TRUST + sum(each * f for each, (_, f, _) in zip(weights, steps, strict=True))
        mixed = sum(each * f * w for each, (w, f, _) in zip(weights, steps, strict=True))
        pixels = sum(each * w * w for each, (w, _, _) in zip(weights, steps, strict=True))
        at_files = _usual_file(steps) * 2 / _TRUST + sum(
            each * f * t for each, (_, f, t) in zip(weights, steps, strict=True)
        )
        at_pixels = sum(each * w * t for each, (w, _, t) in zip(weights, steps, strict=True))
        file = (at_files * pixels - mixed * at_pixels) / (files * pixels - mixed**2)
        # Of both, the sum of all steps is kept: errors of one make up for those of the other.
        begun, work, seconds = (sum(step[place] for step in steps) for place in (1, 0, 2))
        file = min(max(file, 0.0), seconds / max(begun, 1))
        return max(seconds - begun * file, 0.0) / work, file


def in_order(count: int, left: Sequence[int]) -> list[int]:
    """Return the numbers up to `count`, those that are left last, and in the order in which they are."""
    last = set(left)
    return [*(number for number in range(count) if number not in last), *left]


def _usual_file(steps: Sequence[tuple[float, int, float]]) -> float:
    """Return the seconds that a picture usually takes besides its pixels where steps take as long as these."""
    work, begun, seconds = (sum(step[place] for step in steps) for place in (0, 1, 2))
    return min(FILE_SECONDS, seconds * FILE_PIXELS / (begun * FILE_PIXELS + work))
