"""What enlarging a picture tells on its way, tile by tile, and what comes of it. No torch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from nlsr_cli.images import Picture
from nlsr_cli.upscaling.spool import Layer, Rows, is_worth_keeping

if TYPE_CHECKING:
    from nlsr_cli.upscaling.checks import Agreement
    from nlsr_cli.upscaling.restoration import Restoration
    from nlsr_cli.upscaling.stage import Work

T = TypeVar("T")
OnTile = Callable[[int, int], None]  # (tiles done, tiles in all)


class Step(NamedTuple):
    """How far a picture is: tiles `done` and in all, and the `work` done and in all, in pixels that networks are given.

    Tiles of different stages have different sizes, so the share of the tiles says little of the time.
    """

    done: int
    total: int
    work: int
    total_work: int


Steps = Generator[Step, None, T]


@dataclass(frozen=True)
class Enlarged:
    """An enlarged picture and how it came about: the plans' tiles, and what went differently from the plans.

    `tile_bytes` is what a tile was expected to take, `memory` what it might have taken; None where nobody can tell.
    `stages` are the scales of the networks that it ran through; without one, `tile_size`, `precision` and `agreement`
    are None. `agreement` tells how well the colours, reduced again, match those of the source.
    Where there are several, tiles are those of all of them, and the size of a tile and its bytes those of the last.
    """

    picture: Picture
    tiles: int
    tile_size: tuple[int, int] | None  # (height, width)
    tile_bytes: int
    memory: int | None
    precision: str | None
    events: tuple[str, ...]
    ensemble: bool = False  # whether it is the mean of eight passes
    stages: tuple[int, ...] = ()
    agreement: Agreement | None = None
    resumed_rows: int = 0  # rows of tiles that an earlier call had finished
    restoration: Restoration | None = None  # what the first network was told of damage, if it can be told

    @classmethod
    def by(cls, picture: Picture, works: Sequence[Work], notes: Sequence[str], rows: Rows | None) -> Enlarged:
        """Return what the stages of a route have made, and what they, the route and kept rows have to tell."""
        events = (*notes, *(event for work in works for event in work.runner.events), *(rows.notes if rows else ()))
        last = works[-1] if works else None
        return cls(
            picture,
            tiles=sum(len(work.plan) for work in works),
            tile_size=last.tile_size if last else None,
            tile_bytes=last.tile_bytes if last else 0,
            memory=last.budget if last else None,
            precision=last.precision if last else None,
            events=tuple(dict.fromkeys(events)),
            stages=tuple(work.scale for work in works),
            resumed_rows=rows.taken if rows else 0,
        )


class Progress:
    """Counts the tiles of a picture, of all its stages and layers, and knows where finished rows of them are kept.

    Args:
        works: the stages.
        layers: how often a picture goes through them: twice where they enlarge transparency too.
        rows: where finished rows are kept.
    """

    def __init__(self, works: Sequence[Work], layers: int = 1, rows: Rows | None = None) -> None:
        self._done = 0
        self._total = layers * sum(len(work.plan) for work in works)
        self._work = 0
        self._total_work = layers * sum(work.plan.cost for work in works)
        self._rows = rows

    def layer(self, work: Work, name: str) -> Layer | None:
        """Return where the rows of a layer of a stage are kept, which `name` tells apart; None where they are not."""
        if self._rows is None or not is_worth_keeping(work.plan):
            return None
        file_name = name.replace(",", "").replace(" ", "-")
        return self._rows.layer(file_name, work.plan, work.scale, work.stage.facts(work.precision))

    def advance(self, work: Work, tiles: int) -> Step:
        """Count some tiles of a stage, and return how far the picture is.

        Several at once were kept by an earlier call: they are no work of this one.
        """
        self._done += tiles
        cost = tiles * work.plan.cost // len(work.plan)
        if tiles > 1:
            self._total_work -= cost
        else:
            self._work += cost
        return Step(self._done, self._total, self._work, self._total_work)


def completed(steps: Steps[T], on_tile: OnTile | None = None) -> T:
    """Take all steps, tell of each, and return what they came to."""
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            return cast("T", finished.value)
        if on_tile is not None:
            on_tile(step.done, step.total)
