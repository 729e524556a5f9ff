"""Convolutions whose kernels change with what is told of the input (CondConv; Yang et al., NeurIPS 2019).

A kernel is W + sqrt(t_1) V_1 + sqrt(t_2) V_2, for the numbers t that tell how damaged a picture is. They are the same
for a whole picture, so that the sum is made once: a damaged picture takes no longer than a clean one, and a clean one
has a network of its own, which no damaged one has a part in. The root spreads what tells mild damage apart.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


class CondConv(nn.Conv2d):
    """A 3x3 convolution for clean input, with a change of its kernel for each of `degradations` numbers.

    The changes are zero at first.
    """

    def __init__(self, inputs: int, outputs: int, degradations: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.changes = nn.ParameterList(torch.zeros_like(self.weight) for _ in range(degradations))


def conv3x3(inputs: int, outputs: int, changes: int) -> nn.Conv2d:
    """Return a 3x3 convolution that keeps the size, with so many changes of its kernel."""
    return CondConv(inputs, outputs, changes) if changes else nn.Conv2d(inputs, outputs, 3, padding=1)


def adapted_weights(model: nn.Module, told: Tensor) -> dict[str, Tensor]:
    """Return weights of a network for what it is told, (degradations,) from 0 to 1, by name; without the changes.

    Gradients go to the changes and to `degradation.weight` alone: what clean pictures need is not for others to move.
    """
    weights = {name: each.detach() for name, each in model.named_parameters() if ".changes." not in name}
    weights |= {name: each for name, each in model.named_buffers() if name in model.state_dict()}
    shares = told.sqrt()
    for name, layer in model.named_modules():
        if isinstance(layer, CondConv):
            for share, change in zip(shares, layer.changes, strict=True):
                weights[f"{name}.weight"] = weights[f"{name}.weight"] + share * change
    told_of = cast("nn.Linear", model.degradation)
    return weights | {"head.0.bias": weights["head.0.bias"] + told_of(told), "degradation.weight": told_of.weight}
