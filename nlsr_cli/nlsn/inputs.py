"""What the network takes: checked before torch meets it, whose own messages speak of convolutions."""

from __future__ import annotations

import torch
from torch import Tensor

from nlsr_cli.errors import OptionError


def check_input(lr: Tensor, weight: Tensor) -> None:
    """Refuse a batch of pictures that a network with this weight cannot enlarge.

    Raises:
        OptionError: it is not (b, 3, h, w), is empty, or is of another type or on another device than `weight`.
    """
    shape = tuple(lr.shape)
    if lr.dim() != 4 or shape[1] != 3:
        hint = "Give RGB pictures of one size, channels first."
        if lr.dim() == 3 and shape[0] == 3:
            hint = "Make a batch of one picture: lr.unsqueeze(0)"
        elif lr.dim() == 4 and shape[3] == 3:
            hint = "Put the channels first: lr.permute(0, 3, 1, 2)"
        raise OptionError(f"the network needs a tensor (b, 3, h, w), not {shape}", hint)
    if lr.numel() == 0:
        raise OptionError(f"the tensor is empty: its shape is {shape}", "Give at least one picture of one pixel.")
    if not lr.is_floating_point():
        hint = "Convert it: lr.float() / 255"
        raise OptionError(f"the network needs floating point from 0 to 1, not {lr.dtype}", hint)
    if lr.device != weight.device:
        hint = f"Move one of them: network.to('{lr.device}')"
        raise OptionError(f"the tensor is on {lr.device}, the network on {weight.device}", hint)
    if lr.dtype != weight.dtype and not torch.is_autocast_enabled(lr.device.type):
        hint = f"Convert one of them: lr.to({weight.dtype})"
        raise OptionError(f"the tensor is of type {lr.dtype}, the network of {weight.dtype}", hint)
