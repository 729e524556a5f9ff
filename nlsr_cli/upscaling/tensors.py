"""Pictures that are tensors: channels first, alone or as a batch, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Picture
from nlsr_cli.images.arrays import MODES, read_array, samples_of

NAME = "tensor"
TYPES = (torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_tensor(tensor: torch.Tensor, *, max_pixels: int) -> list[Picture]:
    """Return the pictures of a tensor, (c, h, w) or (b, c, h, w) with c of 1 grey, 2 grey and alpha, 3 RGB or 4 RGBA.

    Samples are uint8, or floating point where 0 is black and 1 is white, computed in float32. The tensor stays as it
    is, and no gradient flows through its pictures.

    Raises:
        ImageReadError: it has another shape or type, no pictures, no pixels, or one of more than `max_pixels` pixels.
    """
    shape = tuple(tensor.shape)
    if tensor.dim() not in (3, 4) or shape[-3] not in MODES:
        hint = "Give (3, h, w), or (b, 3, h, w) for a batch."
        if tensor.dim() in (3, 4) and shape[-1] in MODES:
            hint = f"Put the channels first: tensor.permute({'2, 0, 1' if tensor.dim() == 3 else '0, 3, 1, 2'})"
        raise ImageReadError(NAME, f"has the shape {shape}, which is not that of pictures", hint)
    if tensor.dtype not in TYPES:
        hint = "Convert it to floating point from 0 to 1, such as: tensor.float() / 255"
        raise ImageReadError(NAME, f"has samples of type {tensor.dtype}, not uint8 or floating point", hint)
    if tensor.numel() == 0:
        what = "is an empty batch" if shape[0] == 0 and tensor.dim() == 4 else "has no pixels"
        raise ImageReadError(NAME, f"{what}: its shape is {shape}", "Give at least one picture of one pixel.")
    samples = tensor.detach().cpu()
    samples = samples if samples.dtype == torch.uint8 else samples.float()
    batch = samples.reshape(-1, *shape[-3:]).permute(0, 2, 3, 1).numpy()  # (b, h, w, c)
    return [read_array(each, max_pixels=max_pixels) for each in batch]


def tensor_of(pictures: Sequence[Picture], like: torch.Tensor) -> torch.Tensor:
    """Return enlarged pictures as a tensor of the axes, the type and the device of the one that was read."""
    batch = (
        torch.from_numpy(np.stack([samples_of(each) for each in pictures])).permute(0, 3, 1, 2).contiguous()
    )  # (b, c, h, w)
    return (batch if like.dim() == 4 else batch[0]).to(like.device, like.dtype)
