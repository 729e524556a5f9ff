"""How a picture gets to its size: which networks, one behind the other, and what interpolation does. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from nlsr_cli.errors import OptionError
from nlsr_cli.sizes import MAX_SCALE, SizeOptions, factor_of

if TYPE_CHECKING:
    from nlsr_cli.nlsn import NLSN

# True of a plan as of what was done, and of formats that change pixels by themselves, with loss or a palette.
LARGER_ALREADY = "the picture is already larger: it is reduced by Lanczos interpolation"
SAME_SIZE = "the picture already has this size: it is written again and not enlarged"

# What an enlarged pixel costs (to be held, rounded, reduced), beside what a pixel costs that a network is given. It
# settles ties only: of two cascades that give the networks as many pixels, the one with the smaller product is taken.
_OUTPUT_COST = 1e-3


@runtime_checkable
class Networks(Protocol):
    """Networks by their scale, each loaded when it is first asked for. `default` is the scale where none is asked."""

    @property
    def scales(self) -> tuple[int, ...]:
        """Return the scales that there are."""
        ...

    @property
    def default(self) -> int:
        """Return the scale that is taken where no size was given."""
        ...

    def load(self, scale: int) -> NLSN:
        """Return the network that enlarges `scale` times.

        Raises:
            ModelError: it does not load.
        """
        ...


class Loaded:
    """Networks that are there already, by their scale."""

    def __init__(self, networks: Mapping[int, NLSN]) -> None:
        if not networks or any(network.config.scale != scale for scale, network in networks.items()):
            raise OptionError("an enlarger needs each network under its own scale")
        self._networks = dict(networks)

    @property
    def scales(self) -> tuple[int, ...]:
        """Return the scales that there are."""
        return tuple(sorted(self._networks))

    @property
    def default(self) -> int:
        """Return the largest scale."""
        return max(self._networks)

    def load(self, scale: int) -> NLSN:
        """Return the network that enlarges `scale` times."""
        return self._networks[scale]


def networks_of(model: NLSN | Mapping[int, NLSN] | Networks) -> Networks:
    """Return one network, networks by their scale, or what loads them, as the last of these.

    Raises:
        OptionError: a network does not lie under its own scale, or there is none.
    """
    if isinstance(model, Mapping):
        return Loaded(model)
    if isinstance(model, Networks):
        return model
    return Loaded({model.config.scale: model})


@dataclass(frozen=True)
class Route:
    """The way of one picture: its `size` in the end, (height, width), and the scales of the networks on the way.

    Without a network it is reduced, or left as it is where it has the size; or enlarged bicubically, if that is asked.
    """

    start: tuple[int, int]
    size: tuple[int, int]
    stages: tuple[int, ...]

    @property
    def scale(self) -> float:
        """Return how many times larger the side becomes that grows most."""
        return factor_of(self.start, self.size)

    @property
    def reached(self) -> tuple[int, int]:
        """Return the size behind the last network."""
        return self.start[0] * prod(self.stages), self.start[1] * prod(self.stages)

    @property
    def given(self) -> int:
        """Return how many pixels all networks together are given."""
        return sum(prod(self.before(index)) for index in range(len(self.stages)))

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know of it."""
        if self.scale > 1 or self.stages:
            return ()
        return (SAME_SIZE if self.size == self.start else LARGER_ALREADY,)

    def before(self, stage: int) -> tuple[int, int]:
        """Return the size in front of a stage, counted from 0."""
        return self.start[0] * prod(self.stages[:stage]), self.start[1] * prod(self.stages[:stage])


@dataclass(frozen=True)
class Aim:
    """The size that pictures are to have, and the scales of the networks that there are to get there.

    `bicubic` is for those who want no network to have a part in it, `restoring` for those who want one even where the
    picture does not become larger: it removes what was asked to be removed, and its result is reduced.
    """

    sizes: SizeOptions
    scales: tuple[int, ...]
    bicubic: bool = False
    restoring: bool = False

    def route(self, height: int, width: int) -> Route:
        """Return the way of a picture of this size.

        Raises:
            OptionError: its target is more than 16 times as large.
        """
        start = (height, width)
        size = self.sizes.target(height, width)
        factor = factor_of(start, size)
        if factor > MAX_SCALE:
            raise OptionError(
                f"{width}×{height} → {size[1]}×{size[0]} pixels is {factor:.1f} times as large, more than {MAX_SCALE}",
                "Ask for a smaller size.",
            )
        if self.bicubic:
            return Route(start, size, ())
        return Route(start, size, stages_for(factor, self.scales) or (min(self.scales),) * self.restoring)


@lru_cache(maxsize=1024)
def stages_for(factor: float, scales: tuple[int, ...]) -> tuple[int, ...]:
    """Return the cheapest sequence of scales whose product is at least `factor`; none for a factor of at most one.

    What a network costs is given by the pixels that it is given, whatever it makes of them (it computes at the size of
    its input), and a stage is given as many as the stages before it have made. So smaller scales come first: 2 then 4
    is given 1 + 4 pixels for each one of the picture, 4 then 2 is given 1 + 16.
    """
    if factor <= 1:
        return ()
    return min(_sequences(factor, scales), key=_cost)


def _sequences(factor: float, scales: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield all sequences that reach the factor and would not without their last stage."""
    for scale in scales:
        if scale >= factor:
            yield (scale,)
        else:
            yield from ((scale, *rest) for rest in _sequences(factor / scale, scales))


def _cost(stages: tuple[int, ...]) -> float:
    given = sum(prod(stages[:index]) ** 2 for index in range(len(stages)))
    return given + _OUTPUT_COST * prod(stages) ** 2
