"""What a container says of its frames before any is decoded, and the canvas on which they are laid one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import LIMIT_HINT
from nlsr_cli.images.picture import Pixels

MAX_FRAMES = 10_000

KEEP: str = "keep"
CLEAR: str = "clear"
RESTORE: str = "restore"


@dataclass(frozen=True)
class Frame:
    """One frame as stored: where it lies on the canvas, for how many milliseconds, and what becomes of its area then.

    `over` says that it is blended over what is there, else it replaces it. `parts` are the bytes of it that its format
    needs.
    """

    top: int
    left: int
    height: int
    width: int
    duration: float
    disposal: str = KEEP
    over: bool = False
    parts: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class FrameIndex:
    """All frames of a file, on a canvas of (height, width). `loop` is how often they are played, 0 for ever.

    `lossless` is whether all frames of a WebP are; None for other formats.
    """

    height: int
    width: int
    frames: tuple[Frame, ...]
    loop: int
    lossless: bool | None = None
    notes: tuple[str, ...] = field(default=())


def check_frames(count: int, height: int, width: int, label: str, max_pixels: int) -> None:
    """Refuse more than ten thousand frames, or more than `max_pixels` pixels in all of them together.

    Raises:
        ImageReadError: there are more.
    """
    if count > MAX_FRAMES:
        raise ImageReadError(label, f"has more than {MAX_FRAMES} frames", "Cut it into parts.")
    if count * height * width > max_pixels:
        what = f"has {count} frames of {width} × {height}, {count * height * width} pixels in all"
        raise ImageReadError(label, f"{what}; the limit is {max_pixels}", LIMIT_HINT)


def check_index(index: FrameIndex, label: str, max_pixels: int) -> None:
    """Refuse what `check_frames` refuses, and frames whose own areas, seen or not, have more pixels than that.

    Raises:
        ImageReadError: there are more.
    """
    check_frames(len(index.frames), index.height, index.width, label, max_pixels)
    stored = sum(frame.height * frame.width for frame in index.frames)
    if stored > max_pixels:
        raise ImageReadError(label, f"has frames of {stored} pixels in all; the limit is {max_pixels}", LIMIT_HINT)


class Stage:
    """A canvas, transparent at first, on which frames are laid as viewers do.

    Args:
        height: of the canvas.
        width: of the canvas.
        channels: 1 for grey or 3.
        dtype: uint8 or uint16.
    """

    def __init__(self, height: int, width: int, channels: int, dtype: np.dtype[np.generic]) -> None:
        self.color: Pixels = np.zeros((height, width, channels), dtype)
        self.alpha: Pixels = np.zeros((height, width), dtype)

    def show(self, frame: Frame, color: Pixels, alpha: Pixels | None) -> tuple[Pixels, Pixels]:
        """Return the canvas, (h, w, c) and (h, w), with a frame laid on it, and do then what its disposal says.

        What of the frame lies outside of the canvas is left out.
        """
        rows = slice(frame.top, min(frame.top + frame.height, self.alpha.shape[0]))
        columns = slice(frame.left, min(frame.left + frame.width, self.alpha.shape[1]))
        under_color, under_alpha = self.color[rows, columns], self.alpha[rows, columns]  # views
        color = color[: under_alpha.shape[0], : under_alpha.shape[1]]
        full = np.asarray(np.iinfo(self.alpha.dtype).max, self.alpha.dtype)
        alpha = np.full(color.shape[:2], full) if alpha is None else alpha[: color.shape[0], : color.shape[1]]
        before = (under_color.copy(), under_alpha.copy()) if frame.disposal == RESTORE else None
        if frame.over:
            color, alpha = over(color, alpha, under_color, under_alpha)
        under_color[...], under_alpha[...] = color, alpha
        shown = self.color.copy(), self.alpha.copy()
        if frame.disposal == CLEAR:
            under_color[...], under_alpha[...] = 0, 0
        elif before is not None:
            under_color[...], under_alpha[...] = before
        return shown


def over(color: Pixels, alpha: Pixels, under: Pixels, under_alpha: Pixels) -> tuple[Pixels, Pixels]:
    """Return one picture over another, both with straight alpha: Porter and Duff, "Compositing Digital Images",
    SIGGRAPH 1984. Where the upper one is opaque, or not there at all, the result is exactly one of the two.
    """
    full = np.iinfo(alpha.dtype).max
    result, result_alpha = np.where((alpha == 0)[..., None], under, color), np.where(alpha == 0, under_alpha, alpha)
    mixed = (alpha != 0) & (alpha != full) & (under_alpha != 0)
    if mixed.any():
        above = alpha[mixed].astype(np.float64) / full
        below = under_alpha[mixed] / full * (1 - above)
        weight = above + below
        blended = (color[mixed] * above[:, None] + under[mixed] * below[:, None]) / weight[:, None]
        result[mixed] = np.rint(blended).astype(color.dtype)
        result_alpha[mixed] = np.rint(weight * full).astype(alpha.dtype)
    return result, result_alpha
