"""3x3 convolution with a quarter of the multiplications, for wide networks on a CPU: Winograd's F(4x4, 3x3).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016): a 6x6 patch of the input and a kernel
are transformed, multiplied place by place, and transformed back into a 4x4 patch of the output. Here each of the two
transforms is one matrix product (with the Kronecker square of the usual matrix), and the picture is taken in strips
that stay in cache, so that no pass over memory is lost to it.

The polynomials are evaluated at 0, +-1/sqrt(2), +-sqrt(2) and infinity: as the matrices are dense anyway, the points
need not be small integers, and with these float32 is as exact as in direct convolution (with 0, +-1, +-2 its largest
error is four times that). See Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for
Deep Neural Networks" (ACM TOMS 2020).

Dimensions: b batch, c channels in, o channels out, h w space, s rows and t columns of tiles in a strip.
"""

from __future__ import annotations

from functools import cache
from math import prod, sqrt

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.nlsn.onednn import GroupedProduct

_OUT = 4  # pixels of an output patch on a side
_IN = _OUT + 2
_POINTS = (0.0, sqrt(0.5), -sqrt(0.5), sqrt(2.0), -sqrt(2.0))
_STRIP_TILES = 128  # tiles transformed together: enough rows for a product at full speed, few enough for the cache
_PART = 256  # channels out that are computed at once

# Below these a convolution is bound by what Winograd saves nothing of: transforms and memory.
_LEAST_CHANNELS = 128
_LEAST_PIXELS = 24 * 24


def pays(x: Tensor, weight: Tensor) -> bool:
    """Tell whether `Winograd` is faster than the library for x (b, c, h, w) and weight (o, c, 3, 3), and allowed.

    It has no gradient, and computes in float32 on the CPU alone: half precision would lose too much in the transforms.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not (torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"))
        and min(weight.shape[:2]) >= _LEAST_CHANNELS
        and x.shape[2] * x.shape[3] >= _LEAST_PIXELS
    )


def strip_rows(width: int) -> int:
    """Return how many rows of this width are computed together."""
    return max(1, _STRIP_TILES // -(-width // _OUT)) * _OUT


class Winograd:
    """A 3x3 convolution whose kernel is transformed once: weight (o, c, 3, 3), bias (o), float32 or float64."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._channels = len(weight)
        self._parts = [
            (GroupedProduct(_transform_kernel(weight[first : first + _PART])), slice(first, first + _PART))
            for first in range(0, len(weight), _PART)
        ]
        self._bias = bias

    def __call__(self, x: Tensor, *, above: bool = True, below: bool = True) -> Tensor:
        """Convolve x (b, c, h, w), with a row of zeros above and below it, or without: (b, o, h or less, w).

        Both are channels last.
        """
        b, _, h, w = x.shape
        first = 0 if above else 1  # the row of x under the middle of the kernel
        height = h - first - (0 if below else 1)
        out = x.new_empty(b, height, w, self._channels)
        step = strip_rows(w)
        rows = x.permute(0, 2, 3, 1)  # (b, h, w, c)
        for index in range(b):
            for top in range(0, height, step):
                bottom = min(top + step, height)
                self._strip(rows[index], slice(first + top, first + bottom), out[index, top:bottom])
        return out.permute(0, 3, 1, 2)

    def _strip(self, x: Tensor, strip: slice, out: Tensor) -> None:
        """Write the rows of `strip` of the convolution of x (h, w, c) into `out` (rows, w, o)."""
        back, _, there = _matrices(x.dtype)
        h, w, c = x.shape
        s, t = -(-(strip.stop - strip.start) // _OUT), -(-w // _OUT)
        padded = x.new_zeros(s * _OUT + 2, t * _OUT + 2, c)
        first, last = max(strip.start - 1, 0), min(strip.start + s * _OUT + 1, h)
        padded[first - strip.start + 1 : last - strip.start + 1, 1 : w + 1] = x[first:last]
        row, column, _ = padded.stride()
        patches = padded.as_strided((s, t, _IN, _IN, c), (_OUT * row, _OUT * column, row, column, 1))
        patches = patches.reshape(s * t, _IN * _IN, c)
        transformed = torch.bmm(there.expand(s * t, -1, -1), patches)  # (s t, 36, c)
        for part, channels in self._parts:  # as many channels as fit the cache
            result = torch.bmm(back.expand(s * t, -1, -1), part(transformed))  # (s t, 16, o of the part)
            if self._bias is not None:
                result += self._bias[channels]
            result = result.view(s, t, _OUT, _OUT, -1).transpose(1, 2)  # (s, 4, t, 4, o)
            if out.shape[:2] == (s * _OUT, t * _OUT):
                out.view(s, _OUT, t, _OUT, -1)[..., channels] = result
            else:
                out[..., channels] = result.reshape(s * _OUT, t * _OUT, -1)[: len(out), :w]


def _transform_kernel(weight: Tensor) -> Tensor:
    """Return weight (o, c, 3, 3) transformed, (36, o, c)."""
    o, c = weight.shape[:2]
    _, kernel, _ = _matrices(weight.dtype)
    return (kernel @ weight.permute(2, 3, 0, 1).reshape(9, o * c)).view(_IN * _IN, o, c)


@cache
def _matrices(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return what transforms back (16, 36), what transforms a kernel (36, 9), and what transforms an input (36, 36)."""
    size = _IN
    back, kernel, there = np.zeros((_OUT, size)), np.zeros((size, 3)), np.zeros((size, size))
    for index, point in enumerate(_POINTS):
        others = [other for other in _POINTS if other != point]
        back[:, index] = [point**power for power in range(_OUT)]
        kernel[index] = [point**power / prod(point - other for other in others) for power in range(3)]
        there[index, : size - 1] = np.poly(others)[::-1]
    back[-1, -1] = kernel[-1, -1] = 1.0  # the point at infinity
    there[-1] = np.poly(_POINTS)[::-1]
    return tuple(torch.from_numpy(np.kron(each, each)).to(dtype) for each in (back, kernel, there))  # type: ignore[return-value]
