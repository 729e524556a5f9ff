"""3x3 convolutions on rows as they come, for inference: the maps between them are never held whole.

A map of features at full size is far larger than any cache, so that a chain of convolutions spends its time, and its
memory, on what lies between them. Here the rows of a picture go through the whole chain some at a time. What a
convolution needs of the rows before is kept, so that nothing is computed twice, and the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.nlsn.winograd import Winograd, pays, strip_rows

# Features of a band of rows, for every thread of a CPU, which stay in its cache. On a GPU as many as fill it.
BAND_FEATURES, _GPU_BAND_FEATURES = 2**19, 2**27
LEAST_PIXELS, _LEAST_ROWS = 2**11, 4  # of a band: with fewer, calls and kernels cost more than the cache saves


def bands(x: Tensor) -> Iterator[tuple[int, int, bool]]:
    """Cut x (b, c, h, w) into bands: yield the first row, the one after the last, and whether it is the last band."""
    b, c, height, width = x.shape
    features = BAND_FEATURES * torch.get_num_threads() if x.device.type == "cpu" else _GPU_BAND_FEATURES
    pixels = max(LEAST_PIXELS, features // c)
    rows = max(_LEAST_ROWS, pixels // (b * width))
    for top in range(0, height, rows):
        yield top, min(top + rows, height), top + rows >= height


class RowConv:
    """A 3x3 convolution with a border of zeros that takes rows and returns those that are complete by then.

    They come at least one row late, and where Winograd's algorithm computes them a whole strip at a time: a call may
    return none. The last call returns all that are left.

    Args:
        conv: the convolution, with weight (o, c, 3, 3).
    """

    def __init__(self, conv: nn.Module) -> None:
        weight, bias = (cast("Tensor", each) for each in (conv.weight, conv.bias))
        self._channels = len(weight)
        self._kernel: tuple[Tensor, Tensor] | Winograd = weight, bias
        self._kept: Tensor | None = None  # (b, c, 2 or more, w), the rows that the next ones need
        self._above = True  # whether the next row is the first one

    def __call__(self, rows: Tensor, *, last: bool) -> Tensor:
        """Return the next rows, (b, o, k', w), after `rows` (b, c, k, w); `last` if the picture ends with them."""
        window = rows if self._kept is None else torch.cat([self._kept, rows], dim=2)
        if isinstance(self._kernel, tuple) and pays(window, self._kernel[0]):
            self._kernel = Winograd(*self._kernel)
        beside = 0 if self._above else 1  # rows of the window before the middle of the kernel
        count = window.shape[2] - beside - (0 if last else 1)
        if not last:
            count -= count % (strip_rows(window.shape[3]) if isinstance(self._kernel, Winograd) else 1)
        if count <= 0:
            self._kept = window
            return rows.new_empty(len(rows), self._channels, 0, rows.shape[3])
        self._kept = window[:, :, count + beside - 1 :].clone()  # not a view, which would hold all of the window
        self._above, above = False, self._above
        used = window if last else window[:, :, : count + beside + 1]
        return self._convolve(used, above=above, below=last)

    def _convolve(self, window: Tensor, *, above: bool, below: bool) -> Tensor:
        """Convolve (b, c, k, w), with a row of zeros above and below it, or without."""
        if isinstance(self._kernel, Winograd):
            return self._kernel(window, above=above, below=below)
        if not (above or below):
            return F.conv2d(window, *self._kernel, padding=(0, 1))
        out = F.conv2d(window, *self._kernel, padding=1)
        return out[:, :, 0 if above else 1 : out.shape[2] - (0 if below else 1)]
