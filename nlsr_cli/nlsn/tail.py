"""The end of the network: features become an enlarged picture, for training as modules, for inference as one step.

Sub-pixel convolution (Shi et al., CVPR 2016): a convolution gives f x f cells for every pixel, which are then put side
by side. The published end has one or two of them and a last convolution, and nothing between them that is not linear:
together they are one convolution, from features to the s x s cells of a pixel, with a kernel of 5x5 pixels. It needs a
fortieth of the multiplications, no map at full size, and rounds less. For inference it is computed so: `compose_tail`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.nlsn.condconv import conv3x3
from nlsr_cli.nlsn.config import NLSNConfig

# Rows (and columns) of pixels that the border treats alike: the first, those between, the last.
_FIRST, _MIDDLE, _LAST = range(3)
Kind = tuple[int, ...]  # of a row, and of a column


def make_tail(config: NLSNConfig) -> nn.Sequential:
    """Return the modules, with the published names of their parameters."""
    if config.upsampler == "pixelshuffledirect":
        cells = conv3x3(config.n_feats, 3 * config.scale**2, config.changes)
        return nn.Sequential(cells, nn.PixelShuffle(config.scale))
    return nn.Sequential(_upsampler(config.scale, config.n_feats), nn.Conv2d(config.n_feats, 3, 3, padding=1))


def _upsampler(scale: int, n_feats: int) -> nn.Sequential:
    """Enlarge features: one step for 2 and 3, two steps for 4."""
    layers: list[nn.Module] = []
    for factor in (2, 2) if scale == 4 else (scale,):
        layers += [nn.Conv2d(n_feats, n_feats * factor**2, 3, padding=1), nn.PixelShuffle(factor)]
    return nn.Sequential(*layers)


class Cells:
    """A tail as one convolution: features to the s x s cells of every pixel, the colour last.

    At the border of the picture the kernel is another one, where there is more than one convolution: each of them sees
    zeros beyond the border, instead of what the one before it would have made of them.

    Args:
        tail: what `make_tail` made.
        scale: s.
        mix: what becomes of a colour in the end, (3, 3).
    """

    def __init__(self, tail: nn.Sequential, scale: int, mix: Tensor) -> None:
        self._kernels, self._biases = compose_tail(tail, scale, mix)  # (3, 3, s s 3, c, k, k), (3, 3, s s 3)
        self.reach = self._kernels.shape[-1] // 2  # rows and columns around a pixel that its cells are made of
        self._bordered = self.reach > 1

    def rows(self, features: Tensor, top: int, bottom: int) -> Tensor:
        """Return the cells of the rows from `top` to before `bottom`, (b, s s 3, k, w), of features (b, c, h, w)."""
        height, width = features.shape[2:]
        cells = self._convolve(features, (top, bottom), (0, width), _MIDDLE, _MIDDLE)
        if not self._bordered:
            return cells
        columns = [(_FIRST, 0), (_LAST, width - 1)]
        for kind, x in columns:
            cells[:, :, :, x : x + 1] = self._convolve(features, (top, bottom), (x, x + 1), _MIDDLE, kind)
        for kind, y in ((_FIRST, 0), (_LAST, height - 1)):
            if top <= y < bottom:
                row = self._convolve(features, (y, y + 1), (0, width), kind, _MIDDLE)
                for corner, x in columns:
                    row[:, :, :, x : x + 1] = self._convolve(features, (y, y + 1), (x, x + 1), kind, corner)
                cells[:, :, y - top : y - top + 1] = row
        return cells

    def _convolve(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int], down: int, across: int) -> Tensor:
        """Return the cells of a box of pixels, by the kernel for their place in the picture."""
        (top, above, below), (left, before, behind) = (
            self._reach_into(span, size) for span, size in zip((rows, columns), x.shape[2:], strict=True)
        )
        window = x[:, :, top : rows[1] + self.reach, left : columns[1] + self.reach]
        padding = [above, before]
        if above != below or before != behind:
            window, padding = F.pad(window, (before, behind, above, below)), [0, 0]
        return F.conv2d(window, self._kernels[down, across], self._biases[down, across], padding=padding)

    def _reach_into(self, span: tuple[int, int], size: int) -> tuple[int, int, int]:
        """Return where the pixels begin that a span is made of, and how many are missing before it and behind it."""
        first, last = span[0] - self.reach, span[1] + self.reach
        return max(first, 0), max(-first, 0), max(last - size, 0)


def compose_tail(tail: nn.Sequential, scale: int, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Return kernels (3, 3, s s 3, c, k, k) and biases (3, 3, s s 3) of the one convolution that a tail and `mix` are.

    The first two indices say whether a pixel lies in the first row or column, the last, or between; the picture has at
    least two of each. k is 3 for a single convolution, else 5.
    """
    *convs, last = (layer for layer in tail.modules() if isinstance(layer, nn.Conv2d))
    weight, bias = last.weight, cast("Tensor", last.bias)
    if not convs:
        weight, bias = _cells_first(weight, scale), _cells_first(bias, scale)
    with torch.autocast(weight.device.type, enabled=False):
        weight = torch.einsum("dc,pc...->pd...", mix, weight.view(-1, 3, *weight.shape[1:])).flatten(0, 1)
        bias = torch.einsum("dc,pc->pd", mix, bias.view(-1, 3)).flatten()
        kernels, biases = weight.expand(3, 3, *weight.shape), bias.expand(3, 3, *bias.shape)
        for conv in reversed(convs):
            factor = scale if len(convs) == 1 else 2
            kernels, biases = _compose(conv, factor, kernels, biases)
    if len(convs) == 2:  # the cells of cells: (2, 2, 2, 2, 3) by steps, to be by rows and columns
        order = torch.arange(scale**2 * 3, device=weight.device).view(2, 2, 2, 2, 3).transpose(1, 2).flatten()
        kernels, biases = kernels[:, :, order], biases[:, :, order]
    return kernels.contiguous(), biases


def _cells_first(values: Tensor, factor: int) -> Tensor:
    """Put the channels (o f f, ...) of a sub-pixel convolution in the order (f f o, ...)."""
    return values.view(-1, factor**2, *values.shape[1:]).transpose(0, 1).flatten(0, 1)


def _compose(conv: nn.Conv2d, factor: int, kernels: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
    """Put a sub-pixel convolution before what `kernels` (3, 3, o, c, k, k) and `biases` (3, 3, o) make of its cells.

    Returns:
        (3, 3, f f o, c', 5, 5) and (3, 3, f f o).
    """
    o, c, k = kernels.shape[2:5]
    cells = _cells_first(conv.weight, factor).view(factor, factor, c, -1, 9).mT.flatten(3)  # (f, f, c, 9 c')
    offsets = _cells_first(cast("Tensor", conv.bias), factor).view(factor, factor, c)
    composed = kernels.new_zeros(3, 3, factor, factor, o, 5, 5, conv.in_channels)
    shifts = kernels.new_zeros(3, 3, factor, factor, o)
    for row, column in product(range(factor), repeat=2):
        kinds = _kinds(row, factor), _kinds(column, factor)
        distinct = sorted(set(product(*kinds)))  # each product once, for all the pixels that it is the same for
        own, shift = composed[:, :, row, column], shifts[:, :, row, column]
        for v, h in product(range(3), repeat=2):
            shift[v, h] = biases[kinds[0][v], kinds[1][h]]
        for down, across in product(range(k), repeat=2):
            # The cell that this tap sees, and the pixel that the cell is part of, counted from the one that is made.
            (y, v), (x, u) = divmod(row + down - k // 2, factor), divmod(column + across - k // 2, factor)
            taps = torch.cat([kernels[kind][:, :, down, across] for kind in distinct])  # (kinds o, c)
            parts, given = (taps @ cells[v, u]).view(-1, o, 3, 3, conv.in_channels), (taps @ offsets[v, u]).view(-1, o)
            for kind, part, offset in zip(distinct, parts, given, strict=True):
                for place in _places(kind, kinds, (y, x)):
                    own[place][:, y + 1 : y + 4, x + 1 : x + 4] += part
                    shift[place] += offset
    return composed.permute(0, 1, 2, 3, 4, 7, 5, 6).flatten(2, 4), shifts.flatten(2, 4)


def _kinds(place: int, factor: int) -> list[int]:
    """Return what a cell at this place is at full size, in the first, a middle and the last pixel."""
    return [_FIRST if place == 0 else _MIDDLE, _MIDDLE, _LAST if place == factor - 1 else _MIDDLE]


def _places(kind: Kind, kinds: tuple[list[int], list[int]], step: tuple[int, int]) -> Iterator[Kind]:
    """Yield the pixels whose cell is of this kind, and from which a step leads to a pixel of the picture."""
    for place in product(range(3), repeat=2):
        beyond = any((at == _FIRST and to < 0) or (at == _LAST and to > 0) for at, to in zip(place, step, strict=True))
        if not beyond and (kinds[0][place[0]], kinds[1][place[1]]) == kind:
            yield place


def spread(cells: Tensor, factor: int) -> Tensor:
    """Put the cells of every pixel side by side: (b, f f o, h, w) -> (b, o, f h, f w)."""
    b, channels, h, w = cells.shape
    o = channels // factor**2
    grid = cells.permute(0, 2, 3, 1).reshape(b, h, w, factor, factor, o)
    return grid.transpose(2, 3).reshape(b, h * factor, w * factor, o).permute(0, 3, 1, 2)


class PictureRows:
    """Adds the picture itself to what the network makes: the skip, and the mean colour.

    Where a pixel of the bilinear skip lies within its cell decides how it is mixed from 3x3 pixels of the picture, its
    border repeated: a convolution with f x f channels for every colour, which takes a fifth of the library's time.

    Args:
        x: the picture without its mean colour, (b, 3, h, w).
        config: of the network.
        add_mean: its last layer.
    """

    def __init__(self, x: Tensor, config: NLSNConfig, add_mean: nn.Conv2d) -> None:
        self._scale = config.scale
        self._shift = cast("Tensor", add_mean.bias) / config.rgb_range
        self._skip = config.image_skip == "bilinear"
        if self._skip:
            self._x = F.pad(x, (1, 1, 1, 1), mode="replicate")
            with torch.autocast(x.device.type, enabled=False):
                self._kernel = _bilinear_kernel(config.scale, colour_mix(add_mean, config))
            self._shift = self._shift.repeat(config.scale**2)

    def add_to(self, sr: Tensor, top: int) -> None:
        """Finish rows of the enlarged picture, (b, 3, s k, s w), which lie on those of the picture from `top` on."""
        with torch.autocast(sr.device.type, enabled=False):
            if self._skip:
                rows = self._x[:, :, top : top + sr.shape[2] // self._scale + 2]
                sr += spread(F.conv2d(rows, self._kernel, self._shift), self._scale)
            else:
                sr += self._shift.view(3, 1, 1)


def colour_mix(add_mean: nn.Conv2d, config: NLSNConfig) -> Tensor:
    """Return what the last layer, and the range of the network's values, make of a colour: (3, 3)."""
    return add_mean.weight.flatten(1) / config.rgb_range


def _bilinear_kernel(factor: int, mix: Tensor) -> Tensor:
    """Return what mixes the f x f cells of a pixel from 3x3 pixels and their colours, (f f 3, 3, 3, 3)."""
    places = torch.arange(factor, dtype=mix.dtype, device=mix.device)
    offsets = (places + 0.5) / factor - 0.5  # of a cell from the middle of the pixel
    taps = torch.stack([(-offsets).clamp_min(0), 1 - offsets.abs(), offsets.clamp_min(0)], dim=1)  # (f, 3)
    return torch.einsum("uy,vx,oc->uvocyx", taps, taps, mix).flatten(0, 2)
