"""Rows of a picture in bands of any heights, cut anew into those that an encoder works on.

An encoder sees the same bands however the rows came, so that the bytes of a file do not follow from that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from nlsr_cli.container import threads
from nlsr_cli.images.picture import Pixels
from nlsr_cli.scratch import empty

Bands: TypeAlias = Iterable[Pixels]  # (rows, width, channels), from the top down
Item = TypeVar("Item")
Made = TypeVar("Made")
MOST_THREADS = 16  # each of which holds a band or two
Shape: TypeAlias = tuple[int, int, int]  # height, width, channels


def cut(bands: Bands, shape: Shape, dtype: npt.DTypeLike, rows: int) -> Iterator[Pixels]:
    """Yield a picture in bands of `rows` rows, the last of which has what is left.

    A band that was taken may be overwritten as soon as the next one is asked for.

    Raises:
        ValueError: the bands are of another width, of other samples, or have more or fewer rows than the picture.
    """
    left = shape[0]
    block: npt.NDArray[Any] | None = None
    filled = 0
    for given in bands:
        _check(given, shape, dtype, left - filled)
        band: npt.NDArray[Any] = given
        while len(band):
            high = min(rows, left)
            if block is None and len(band) >= high:
                yield band[:high]
                band, left = band[high:], left - high
                continue
            if block is None:
                block, filled = empty((high, *shape[1:]), dtype), 0
            part = band[: high - filled]
            block[filled : filled + len(part)] = part
            band, filled = band[len(part) :], filled + len(part)
            if filled == high:
                yield block
                block, filled, left = None, 0, left - high
    if left:
        raise ValueError(f"the bands have {shape[0] - left + filled} of the {shape[0]} rows of the picture")


def in_order(work: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """Yield what `work` makes of items, in their order; as many are worked on at once as there are processors.

    An item must stay as it is until it comes back as what was made of it.
    """
    most = min(threads(), MOST_THREADS)
    if most == 1:
        yield from map(work, items)
        return
    begun: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(most, thread_name_prefix="nlsr-encode") as pool:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) > most:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def whole(bands: Bands, shape: Shape, dtype: npt.DTypeLike) -> Pixels:
    """Return a picture in one piece; it is copied unless it came as that, and then must stay as it is.

    Raises:
        ValueError: as `cut`.
    """
    pixels = list(cut(bands, shape, dtype, shape[0]))
    if not pixels:
        raise ValueError("the picture has no rows")
    return pixels[0]


def _check(band: Pixels, shape: Shape, dtype: npt.DTypeLike, left: int) -> None:
    if band.ndim != 3 or band.shape[1:] != shape[1:] or band.dtype != dtype:
        samples = "×".join(map(str, (*shape[1:], np.dtype(dtype))))
        raise ValueError(f"a band of {'×'.join(map(str, (*band.shape[1:], band.dtype)))} in a picture of {samples}")
    if len(band) > left:
        raise ValueError(f"the bands have more than the {shape[0]} rows of the picture")
