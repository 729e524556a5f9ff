"""Pictures that come in bands, put together where they are wanted: large ones in files, not in memory."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.color.out_of_gamut import SIGNED
from nlsr_cli.images.orientation import stood_up
from nlsr_cli.images.picture import Picture
from nlsr_cli.images.vips.streamed import Band, Outline
from nlsr_cli.isolation.messages import COMING, Content, Finished, Refusal
from nlsr_cli.isolation.wire import WireError, receive

Plane = npt.NDArray[Any]


def gathered(stream: BinaryIO, outline: Outline, max_pixels: int, limit: int) -> Content | Refusal:
    """Return the picture whose bands follow an outline in a stream, upright, or why there is none.

    Args:
        stream: where they come from.
        outline: what was said of the picture.
        max_pixels: the pixels that it may have.
        limit: the bytes of arrays that one message may have.

    Raises:
        EOFError: the stream has ended.
        WireError: what arrived does not fit the outline.
        ScratchFull: there is no room for it.
    """
    if not 0 < outline.height * outline.width <= max_pixels or min(outline.height, outline.width) < 1:
        raise WireError(f"{outline.height} × {outline.width} pixels")
    planes, top = _planes(outline), 0
    while isinstance(answer := receive(stream, COMING, limit), Band):
        bottom = top + len(answer.color)
        for plane, rows in zip(planes, (answer.color, answer.alpha, answer.excess), strict=True):
            _place(plane, rows, top, bottom)
        top = bottom
        scratch.touched(answer.color.nbytes)
    if isinstance(answer, Refusal):
        return answer
    if not isinstance(answer, Finished) or top != outline.height:
        raise WireError(f"{top} of {outline.height} rows")
    return _whole(planes, outline, answer)


def _planes(outline: Outline) -> tuple[Plane, Plane | None, Plane | None]:
    """Return the arrays for color, alpha and excess, as far as these were announced."""
    dtype, shape = np.dtype(outline.dtype), (outline.height, outline.width, outline.channels)
    alpha = scratch.empty(shape[:2], dtype) if outline.alpha else None
    excess = scratch.empty(shape, SIGNED[dtype]) if outline.excess else None
    return scratch.empty(shape, dtype), alpha, excess


def _place(plane: Plane | None, rows: Plane | None, top: int, bottom: int) -> None:
    """Put the next rows of a plane in their place.

    Raises:
        WireError: they are of another kind, or too many.
    """
    if plane is None and rows is None:
        return
    if plane is None or rows is None or rows.dtype != plane.dtype or rows.shape != (bottom - top, *plane.shape[1:]):
        raise WireError("a band that does not fit its picture")
    if bottom > len(plane):
        raise WireError("more rows than the picture has")
    plane[top:bottom] = rows


def _whole(planes: tuple[Plane, Plane | None, Plane | None], outline: Outline, finished: Finished) -> Content:
    ending = finished.ending
    wanted = (True, ending.alpha, ending.excess)
    color, alpha, excess = (
        None if plane is None or not wants else stood_up(plane, outline.orientation)
        for plane, wants in zip(planes, wanted, strict=True)
    )
    if color is None:
        raise WireError("no colours")
    try:
        picture = Picture(color, alpha, ending.metadata, ending.notes, excess, ending.gain_map)
    except ValueError as exc:
        raise WireError(str(exc)) from exc
    return Content(finished.sha256, picture)
