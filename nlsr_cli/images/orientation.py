"""The ways to turn and mirror a picture that EXIF numbers (CIPA DC-008, tag 274)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.images.picture import Pixels

BLOCK = 512  # pixels on a side: every row of a block brings some more of its file into memory

TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, 1),
}


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return (h, w) or (h, w, c) as it is meant to be seen; an orientation that EXIF does not know turns nothing."""
    return TURNS.get(orientation, TURNS[1])(pixels)


def stood_up(pixels: Pixels, orientation: int) -> Pixels:
    """Return (h, w) or (h, w, c) as it is meant to be seen, in an array of its own if it is turned: in a file if it is
    large, and made block by block, so that turning it takes little memory.

    Raises:
        ScratchFull: there is no room for it.
    """
    turned = upright(pixels, orientation)
    if turned is pixels:
        return pixels
    made = scratch.empty(turned.shape, turned.dtype)
    height, width = turned.shape[:2]
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            place = (slice(top, top + BLOCK), slice(left, left + BLOCK))
            made[place] = turned[place]
            scratch.relax()
    return made
