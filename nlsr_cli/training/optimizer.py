"""What turns gradients into better weights: Muon for the kernels of the body, Adam for the rest, one schedule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, pi
from typing import cast

import torch
from torch import Tensor, nn

from nlsr_cli.training.recipe import Recipe

# Coefficients of the quintic Newton-Schulz iteration that Muon uses: they trade exactness (singular values end between
# 0.7 and 1.2) for a steep slope at zero, so that five iterations are enough.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose every update is made orthogonal (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon).

    A kernel (o, i, y, x) is taken as the matrix (o, i y x). All its singular directions move at the same rate, so that
    `lr` means the same for every layer and no second moment is kept. Kernels of one shape are treated together.

    Args:
        kernels: parameters of two or more dimensions.
        lr: length of a step, in units of the spectral norm.
        momentum: decay of the average of the gradients, used in Nesterov's way.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(kernels, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]  # losses are not evaluated again here
        """Move every kernel that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = {}
            for kernel in group["params"]:
                if kernel.grad is not None:
                    by_shape.setdefault(kernel.shape, []).append(kernel)
            for kernels in by_shape.values():
                self._move(kernels, group["lr"], group["momentum"])

    def _move(self, kernels: Sequence[nn.Parameter], lr: float | Tensor, momentum: float) -> None:
        """Move the `kernels`, which are of one shape."""
        grads = [cast("Tensor", kernel.grad) for kernel in kernels]
        averages = [self.state[kernel].setdefault("average", torch.zeros_like(kernel)) for kernel in kernels]
        torch._foreach_lerp_(averages, grads, 1 - momentum)
        stack = torch.stack(torch._foreach_lerp(grads, averages, momentum)).flatten(2)  # (kernels, o, i y x)
        height, width = stack.shape[1:]
        step = orthogonal(stack) * max(1.0, height / width) ** 0.5 * -lr
        torch._foreach_add_(list(kernels), [one.view_as(kernel) for one, kernel in zip(step, kernels, strict=True)])


def orthogonal(matrices: Tensor) -> Tensor:
    """Return (..., h, w) matrices of the same singular vectors whose singular values are all near one."""
    wide = matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT
    x = wide.reshape(-1, *wide.shape[-2:])
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.view(wide.shape)
    return torch.as_tensor(x if wide is matrices else x.mT)


def build_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return the optimizers of all weights that are trained: kernels inside the body go to Muon, the rest to Adam.

    On CUDA the learning rates are tensors on the device, as a captured graph needs them.
    """
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    kernels = [weight for name, weight in trained.items() if "body." in name and weight.ndim == 4]
    chosen = {id(kernel) for kernel in kernels}
    others = [weight for weight in trained.values() if id(weight) not in chosen]
    device = others[0].device
    on_cuda = device.type == "cuda"

    def rate(value: float) -> float | Tensor:
        return torch.tensor(value, device=device) if on_cuda else value

    adam = torch.optim.Adam(others, lr=rate(recipe.rate), betas=(0.9, 0.99), fused=True, capturable=on_cuda)
    return [Muon(kernels, lr=rate(recipe.matrix_rate)), adam]  # type: ignore[arg-type]  # a tensor passes through


def set_rates(optimizers: Sequence[torch.optim.Optimizer], recipe: Recipe, progress: float) -> float:
    """Set the learning rates for a share of the budget used up, from 0 to 1, and return the factor of their peaks."""
    factor = schedule(progress, recipe.warmup)
    for optimizer, peak in zip(optimizers, (recipe.matrix_rate, recipe.rate), strict=True):
        for group in optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(peak * factor)
            else:
                group["lr"] = peak * factor
    return factor


def schedule(progress: float, warmup: float) -> float:
    """Return the learning rate's share of its peak: a linear rise, then half a cosine down to zero."""
    rise = min(1.0, progress / warmup) if warmup else 1.0
    return rise * 0.5 * (1 + cos(pi * min(1.0, progress)))
