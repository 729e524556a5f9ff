"""Matrix products that oneDNN computes: with AVX-512 they can be twice as fast as those of MKL.

PyTorch gives its float32 products to MKL, and has operators for oneDNN's, which its compiler uses. MKL takes its best
kernels for AVX-512 on Intel's own processors alone; with AVX2 it is the faster one everywhere (and oneDNN's grouped
convolution, on more than one thread, ten times slower than anything else). Where oneDNN does not pay, a build lacks
its operators, or the tensors are of another kind, the usual product is taken: the same result within rounding.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor


def available(x: Tensor) -> bool:
    """Tell whether oneDNN computes with this tensor: float32 on a CPU with AVX-512, where no gradient is wanted."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled() and _has_operators()


@cache
def _has_operators() -> bool:
    return (
        torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and torch._C._has_mkldnn
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x (..., c) @ weight (o, c) transposed, plus bias (o), as (..., o)."""
    if not available(x) or torch.is_autocast_enabled("cpu"):
        return F.linear(x, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


class GroupedProduct:
    """The products of g matrices at once: (n, g, c) -> (n, g, o), for weight (g, o, c)."""

    def __init__(self, weight: Tensor) -> None:
        self._groups, self._out, c = weight.shape
        self._packed = available(weight)
        if not self._packed:
            self._weight = weight.mT.contiguous()  # (g, c, o), as a product reads it
        else:  # a grouped 1x1 convolution
            kernel = weight.reshape(self._groups * self._out, c, 1, 1)
            self._weight = torch.ops.mkldnn._reorder_convolution_weight(kernel, *self._geometry, [])

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int], int]:
        """Return padding, stride, dilation and groups."""
        return [0, 0], [1, 1], [1, 1], self._groups

    def __call__(self, x: Tensor) -> Tensor:
        """Return the products of x (n, g, c)."""
        if not self._packed:
            return torch.bmm(x.transpose(0, 1), self._weight).transpose(0, 1)
        n, g, c = x.shape
        rows = x.reshape(1, n, 1, g * c).permute(0, 3, 1, 2)  # (1, g c, n, 1), channels last
        y = torch.ops.mkldnn._convolution_pointwise(rows, self._weight, None, *self._geometry, "none", [], "")
        product: Tensor = y.permute(0, 2, 3, 1).reshape(n, g, self._out)
        return product
