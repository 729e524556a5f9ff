"""The ways to turn and mirror a picture that EXIF numbers (CIPA DC-008, tag 274)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nlsr_cli.images.picture import Pixels

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
