"""What is of one colour stays exactly that colour: a white page, the ground of a logo, a frame around a picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Pixels around one that must have its colour. The blocks of a JPEG are 8 or 16 pixels wide: one that is flat in itself
# beside others is no ground, and is left to the network.
REACH = 9


def keep_flat_colours(lr: Tensor, sr: Tensor) -> Tensor:
    """Return enlarged pictures (b, c, s h, s w), with the colours of lr, (b, c, h, w), where these are one all around.

    Elsewhere they are as given. A network gives a level more or less there, which shows beside what is not enlarged.
    """
    if not _may_be_flat(lr):
        return sr
    flat = flat_areas(lr)  # (b, 1, h, w)
    if not bool(flat.any()):
        return sr
    scale = sr.shape[2] // lr.shape[2]
    wide = flat.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    return torch.where(wide, lr.repeat_interleave(scale, 2).repeat_interleave(scale, 3).to(sr.dtype), sr)


def _may_be_flat(lr: Tensor) -> bool:
    """Tell from few pixels whether any place could be: two of them lie in every square, also at the border."""
    few = lr[:, :, :: (REACH + 1) // 2, :: (REACH + 1) // 2]
    if few.shape[3] < 2:
        return True
    return bool((few[..., 1:] == few[..., :-1]).all(dim=1).any())


def flat_areas(lr: Tensor, reach: int = REACH) -> Tensor:
    """Return where pictures (b, c, h, w) have one colour up to `reach` pixels away, and to the border: (b, 1, h, w)."""
    across = (lr[..., 1:] != lr[..., :-1]).any(dim=1, keepdim=True)  # (b, 1, h, w - 1), neighbours that differ
    down = (lr[:, :, 1:] != lr[:, :, :-1]).any(dim=1, keepdim=True)  # (b, 1, h - 1, w)
    height, width = lr.shape[2:]
    beside = _spread(_spread(across, 2, height, reach), 3, width, reach)
    return ~(beside | _spread(_spread(down, 2, height, reach), 3, width, reach))


def _spread(marks: Tensor, axis: int, length: int, reach: int) -> Tensor:
    """Return where there is a mark up to `reach` pixels away along an axis: each step looks twice as far as the last.

    Where there is one mark less than pixels, they are of pairs: the pair of a pixel and the next one.
    """
    span = 2 * reach + 1 - (length - marks.shape[axis])  # marks that count for a pixel
    around = [0, 0] * (marks.dim() - 1 - axis) + [reach, reach]
    seen, far = functional.pad(marks, around), 1
    while 2 * far <= span:
        left = seen.shape[axis] - far
        seen, far = seen.narrow(axis, 0, left) | seen.narrow(axis, far, left), 2 * far
    return seen.narrow(axis, 0, length) | seen.narrow(axis, span - far, length)
