"""The end of the network: features become an enlarged picture, for training as modules, for inference row by row.

Sub-pixel convolution (Shi et al., CVPR 2016): a convolution gives f x f cells for every pixel, which are then put side
by side. For inference its channels are computed in another order, with the colour last, so that a row of cells is put
in place as it lies in memory; and enlarging the picture itself for the skip is a convolution too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.nlsn.rows import RowConv, bands, spread


def make_tail(config: NLSNConfig) -> nn.Sequential:
    """Return the modules, with the published names of their parameters."""
    if config.upsampler == "pixelshuffledirect":
        cells = nn.Conv2d(config.n_feats, 3 * config.scale**2, 3, padding=1)
        return nn.Sequential(cells, nn.PixelShuffle(config.scale))
    return nn.Sequential(_upsampler(config.scale, config.n_feats), nn.Conv2d(config.n_feats, 3, 3, padding=1))


def _upsampler(scale: int, n_feats: int) -> nn.Sequential:
    """Enlarge features: one step for 2 and 3, two steps for 4."""
    layers: list[nn.Module] = []
    for factor in (2, 2) if scale == 4 else (scale,):
        layers += [nn.Conv2d(n_feats, n_feats * factor**2, 3, padding=1), nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)


class TailRows:
    """Turns rows of features into rows of the enlarged picture, as they come; see `RowConv`.

    Args:
        tail: what `make_tail` made.
    """

    def __init__(self, tail: nn.Sequential) -> None:
        layers = [layer for layer in tail.modules() if not isinstance(layer, nn.Sequential)]
        self._steps: list[tuple[RowConv, int, int]] = []
        for layer, following in pairwise([*layers, None]):
            if isinstance(layer, nn.Conv2d):
                factor = following.upscale_factor if isinstance(following, nn.PixelShuffle) else 1
                self._steps.append((RowConv(layer, factor), factor, -(-layer.out_channels // layer.in_channels)))

    def __call__(self, rows: Tensor, *, last: bool) -> Iterator[Tensor]:
        """Yield what comes out after `rows` (b, c, k, w) of features: (b, 3, k', s w), again and again."""
        yield from self._run(rows, self._steps, last=last)

    def _run(self, rows: Tensor, steps: Sequence[tuple[RowConv, int, int]], *, last: bool) -> Iterator[Tensor]:
        """Yield what `steps` make of rows, in smaller bands after every step, as each has more pixels."""
        if not steps:
            yield rows
            return
        (conv, factor, growth), *rest = steps
        for top, bottom, ends in bands(rows, growth):
            made = spread(conv(rows[:, :, top:bottom], last=last and ends), factor)
            yield from self._run(made, rest, last=last and ends)


class PictureRows:
    """Adds what the network leaves to the picture itself: the skip, the mean colour, and the range of its values.

    Where a pixel of the bilinear skip lies within its cell decides how it is mixed from 3x3 pixels of the picture, its
    border repeated: a convolution with f x f channels for every colour, which takes a fifth of the library's time.

    Args:
        x: the picture without its mean colour, (b, 3, h, w).
        config: of the network.
        add_mean: its last layer.
    """

    def __init__(self, x: Tensor, config: NLSNConfig, add_mean: nn.Conv2d) -> None:
        self._scale, self._range = config.scale, config.rgb_range
        self._skip = config.image_skip == "bilinear"
        self._x = F.pad(x, (1, 1, 1, 1), mode="replicate") if self._skip else x
        self._kernel = _bilinear_kernel(config.scale).to(x)
        self._add_mean = add_mean
        bias = cast("Tensor", add_mean.bias)
        adds_alone = torch.equal(add_mean.weight, torch.eye(3).view(3, 3, 1, 1).to(x))
        self._shift = bias.repeat(config.scale**2) if self._skip and adds_alone else None

    def add_to(self, sr: Tensor, top: int) -> None:
        """Finish rows of the enlarged picture, (b, 3, s k, s w), which lie on those of the picture from `top` on."""
        with torch.autocast(sr.device.type, enabled=False):
            if self._skip:
                rows = self._x[:, :, top : top + sr.shape[2] // self._scale + 2]
                sr += spread(F.conv2d(rows, self._kernel, self._shift), self._scale)
            if self._shift is None:
                sr.copy_(self._add_mean(sr))
            if self._range != 1:
                sr.div_(self._range)


def _bilinear_kernel(factor: int) -> Tensor:
    """Return what mixes the f x f cells of a pixel from 3x3 pixels, (f f 3, 3, 3, 3)."""
    offsets = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor - 0.5  # of a cell from the middle of the pixel
    taps = torch.stack([(-offsets).clamp_min(0), 1 - offsets.abs(), offsets.clamp_min(0)], dim=1)  # (f, 3)
    colours = torch.eye(3, dtype=torch.float64)
    return torch.einsum("uy,vx,oc->uvocyx", taps, taps, colours).flatten(0, 2)
