"""What enlarging a picture takes beside its tiles: arrays in memory, and arrays in files (`scratch`). No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.images import Header, Picture
from nlsr_cli.upscaling.resample import deep
from nlsr_cli.upscaling.route import Route

_GREY = ("1", "L", "I", "F", "LA")  # and all that begin with I; or F;
_TYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}


@dataclass(frozen=True)
class Need:
    """Bytes that arrays take: in memory, and in files without names."""

    memory: int = 0
    scratch: int = 0

    def __add__(self, other: Need) -> Need:
        """Return what both take at the same time."""
        return Need(self.memory + other.memory, self.scratch + other.scratch)

    def __or__(self, other: Need) -> Need:
        """Return what is enough for the one and, later, for the other."""
        return Need(max(self.memory, other.memory), max(self.scratch, other.scratch))


@dataclass(frozen=True)
class Demand:
    """What a picture will take.

    Args:
        memory: bytes for its arrays and its largest tile.
        scratch: bytes of files without names, or of finished rows.
        work: what its time grows with: pixels that networks are given, or that are interpolated where none has a part.
    """

    memory: int
    scratch: int
    work: int


def arrays(*sizes: float) -> Need:
    """Return what arrays of so many bytes take together: each lies in memory or in a file."""
    return Need(
        sum(scratch.resident(int(size)) for size in sizes),
        sum(int(size) - scratch.resident(int(size)) for size in sizes),
    )


@dataclass(frozen=True)
class Extent:
    """How much of what a picture has.

    Args:
        size: (height, width).
        channels: of the colours.
        dtype: of their samples.
        alpha: whether there is alpha, of the same type.
        excess: bytes of a sample of what lies beyond sRGB; 0 where nothing does.
        gain_map: bytes of it; 0 where there is none.
    """

    size: tuple[int, int]
    channels: int
    dtype: np.dtype[np.generic]
    alpha: bool = False
    excess: int = 0
    gain_map: int = 0

    @classmethod
    def of(cls, picture: Picture) -> Extent:
        """Return that of a picture that was read."""
        excess, gain_map = picture.excess, picture.gain_map
        return cls(
            (picture.height, picture.width),
            picture.color.shape[2],
            picture.color.dtype,
            picture.alpha is not None,
            0 if excess is None else excess.dtype.itemsize,
            0 if gain_map is None else gain_map.pixels.nbytes,
        )

    @classmethod
    def stated(cls, header: Header) -> Extent:
        """Return that of a picture that is still to be read, as far as its header says: nothing lies beyond sRGB."""
        grey = header.mode in _GREY or header.mode.startswith(("I;", "F;"))
        dtype = np.dtype(_TYPES[header.depth])
        return cls((header.height, header.width), 1 if grey else 3, dtype, header.has_alpha)

    @property
    def held(self) -> int:
        """Return the bytes of the colours."""
        return prod(self.size) * self.channels * self.dtype.itemsize


def beside(extent: Extent, size: tuple[int, int]) -> Need:
    """Return what is held beside a colour while it is enlarged: the picture, and the rest of the result.

    Args:
        extent: of the picture.
        size: (height, width) of the result.
    """
    grown = prod(size) / prod(extent.size)
    parts: list[float] = [extent.held] * (3 if extent.dtype.kind == "f" else 1)  # floats are split into two parts
    excess = prod(extent.size) * extent.channels * extent.excess
    for one in (prod(extent.size) * extent.dtype.itemsize * extent.alpha, excess, extent.gain_map):
        parts += [one, one * grown]
    if extent.alpha:  # colours are bled into what is transparent
        parts += [extent.held, excess]
    return arrays(*parts)


def of_stage(route: Route, index: int, extent: Extent, pad: Sequence[int], *, whole: bool) -> Need:
    """Return what is held of the colours while a network has them, or what it made is brought to its size.

    Args:
        route: of the picture.
        index: of the network among those of the route.
        extent: of the picture.
        pad: pixels, (rows, columns), by which it goes on around itself.
        whole: whether the last network makes the picture as it is asked, and nothing is done to it.
    """
    kept, last = deep(extent.dtype), index == len(route.stages) - 1
    sample = (extent.dtype if last and whole else kept).itemsize * extent.channels
    (height, width), scale = route.before(index), route.stages[index]
    wide = (height + 2 * pad[0]) * (width + 2 * pad[1])
    made = [wide * scale**2 * sample]
    if any(pad):  # what the stage is given is not the picture itself, nor is what it gives
        made += [wide * kept.itemsize * extent.channels, height * width * scale**2 * sample]
    elif index > 0:
        made.append(wide * kept.itemsize * extent.channels)
    need = arrays(*made)
    if last and not whole:
        need |= arrays(prod(route.reached) * sample, *_resizing(route.reached, route.size, sample))
    if last and extent.dtype.kind == "f":  # what lies outside of what networks have learned is added in the end
        need |= arrays(prod(route.reached) * sample, *_resizing(route.start, route.size, sample))
    return need


def of_interpolation(route: Route, extent: Extent) -> Need:
    """Return what is held of the colours where no network has a part in it."""
    return arrays(*_resizing(route.start, route.size, extent.channels * extent.dtype.itemsize))


def _resizing(start: tuple[int, int], size: tuple[int, int], sample: int) -> tuple[int, int]:
    """Return the bytes of what is resized along one side, and then along the other; `sample` are those of a pixel."""
    return sample * max(min(size[0] * start[1], start[0] * size[1]), prod(size)), sample * prod(size)
