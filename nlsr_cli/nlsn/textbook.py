"""The computation as it was published, step by step: the reference that tests and `nlsr bench` hold ours against.

All rounds at once, every sorted sequence, neighbour and score held in memory, exactly as the paper's authors describe
it (Mei et al., CVPR 2021, section 3). Only the random rotations are given and the sort is stable, so that results can
be compared. Nothing else uses it.

Dimensions as in `attention.py`.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.nlsn.attention import NonLocalSparseAttention
from nlsr_cli.nlsn.hashing import NORM_EPS, count_buckets
from nlsr_cli.nlsn.network import NLSN, ResidualBlock


def textbook_attention(layer: NonLocalSparseAttention, x: Tensor, rotations: Tensor | None = None) -> Tensor:
    """Return what `layer(x, rotations)` must return, for x (b, c, h, w) of whole cells, and of one chunk at least.

    Below, d and c count the features of a cell.
    """
    b, c, h, w = x.shape
    n, j = h * w // layer.cell**2, layer.chunk_size
    half = count_buckets(n, j) // 2
    rotations = layer.rotations[:, :, :half] if rotations is None else rotations  # (d, r, k / 2)
    match = _cells(layer.conv_match(x), layer.cell)  # (b, n, d)
    value = _cells(layer.conv_assembly(x), layer.cell)  # (b, n, c)

    projected = torch.einsum("bnd,drk->brnk", match, rotations.to(match.dtype))  # (b, r, n, k / 2)
    codes = torch.cat([projected, -projected], dim=-1).argmax(dim=-1)  # (b, r, n)
    order = codes.argsort(dim=-1, stable=True)  # (b, r, n)
    undo = order.argsort(dim=-1)  # (b, r, n)

    sorted_match, sorted_value = _gather(match.unsqueeze(1), order), _gather(value.unsqueeze(1), order)  # (b, r, n, e)
    query = _chunks(sorted_match, j)  # (b, r, m, j, d)
    key = _with_neighbours(F.normalize(query, dim=-1, eps=NORM_EPS))  # (b, r, m, 3j, d)
    reach = _with_neighbours(_chunks(sorted_value, j))  # (b, r, m, 3j, c)

    score = torch.einsum("brmjd,brmkd->brmjk", query, key)  # (b, r, m, j, 3j)
    mass = score.logsumexp(dim=-1, keepdim=True)  # (b, r, m, j, 1)
    attended = torch.einsum("brmjk,brmkc->brmjc", (score - mass).exp(), reach)  # (b, r, m, j, c)
    attended = _gather(attended.flatten(2, 3)[:, :, :n], undo)  # (b, r, n, c)
    mass = _gather(mass.flatten(2, 3)[:, :, :n], undo)  # (b, r, n, 1)
    mixed = (attended * mass.softmax(dim=1)).sum(dim=1)  # (b, n, c)
    s = layer.cell
    picture = mixed.view(b, h // s, w // s, s, s, c).permute(0, 5, 1, 3, 2, 4)  # (b, c, h / s, s, w / s, s)
    return x + layer.res_scale * picture.reshape(b, c, h, w)


def _cells(x: Tensor, s: int) -> Tensor:
    """Return the features of every cell of s x s pixels, row by row: (b, c, h, w) -> (b, n, s s c)."""
    b, c, h, w = x.shape
    return x.view(b, c, h // s, s, w // s, s).permute(0, 2, 4, 3, 5, 1).reshape(b, h * w // s**2, s * s * c)


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Return the rows of values (b, r or 1, n, e) in the order (b, r, n), (b, r, n, e)."""
    b, r, n = order.shape
    e = values.shape[-1]
    return values.expand(b, r, n, e).gather(2, order.unsqueeze(-1).expand(b, r, n, e))


def _chunks(values: Tensor, j: int) -> Tensor:
    """Cut (b, r, n, e) into (b, r, m, j, e); the tail is repeated where the last chunk is not full."""
    missing = -values.shape[2] % j
    if missing:
        values = torch.cat([values, values[:, :, -missing:]], dim=2)
    b, r, p, e = values.shape
    return values.view(b, r, p // j, j, e)


def _with_neighbours(chunks: Tensor) -> Tensor:
    """Return every chunk of (b, r, m, j, e) with the one before and the one behind it, (b, r, m, 3j, e)."""
    return torch.cat([chunks, chunks.roll(1, dims=2), chunks.roll(-1, dims=2)], dim=3)


def dense_attention(layer: NonLocalSparseAttention, x: Tensor) -> Tensor:
    """Return x (b, c, h, w) with non-local attention of every position to all others: what NLSA is a shortcut for.

    The products are PyTorch's own fused attention, so that the comparison is not with a straw man.
    """
    match = layer.conv_match(x).flatten(2).mT.contiguous()  # (b, n, d)
    value = layer.conv_assembly(x).flatten(2).mT.contiguous()  # (b, n, c)
    key = F.normalize(match, dim=-1, eps=NORM_EPS)
    attended = F.scaled_dot_product_attention(match, key, value, scale=1.0)  # (b, n, c)
    return x + layer.res_scale * attended.mT.reshape(x.shape)


class TextbookNetwork(nn.Module):
    """The published network with the weights of an NLSN: (b, 3, h, w) RGB in [0, 1] -> (b, 3, s h, s w).

    A copy in the memory format of its authors, built of the library's modules alone; at least one chunk of positions.
    """

    def __init__(self, model: NLSN) -> None:
        super().__init__()
        model = copy.deepcopy(model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.config = model.config
        self._shifts = nn.ModuleList([model.sub_mean, model.add_mean])
        self._head, self._layers, self._tail = model.head, nn.ModuleList(model.body), model.tail

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch."""
        x = self._shifts[0](lr * self.config.rgb_range)  # (b, 3, h, w)
        first = features = self._head(x)  # (b, c, h, w)
        for layer in self._layers:
            if isinstance(layer, NonLocalSparseAttention):
                features = textbook_attention(layer, features)
            elif isinstance(layer, ResidualBlock):
                features = features + layer.res_scale * layer.body(features)
            else:
                features = layer(features)
        sr = self._tail(features + first)  # (b, 3, s h, s w)
        if self.config.image_skip == "bilinear":
            sr = sr + F.interpolate(x, scale_factor=self.config.scale, mode="bilinear", align_corners=False)
        return torch.as_tensor(self._shifts[1](sr) / self.config.rgb_range)
