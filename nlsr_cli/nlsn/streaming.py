"""NLSA for inference: a round is attended block by block, and its sorted sequence is never held.

A block is a run of chunks that fits the cache. Its positions and one chunk more on either side are gathered once; the
window of each chunk, three chunks wide, is a view of what was gathered. What comes out is added at once to the sums of
all rounds. Memory beside input and output is an order of the positions, their keys and a block.

Dimensions as in `attention.py`; q is the number of chunks in a block, g = (q + 2) j the positions gathered for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from nlsr_cli.nlsn.hashing import NORM_EPS
from nlsr_cli.nlsn.windows import ring_of, windows_of

# Elements of the largest tensor of a block, its scores: 2 MiB of float32, which stay in cache.
_BLOCK_ELEMENTS = 2**19
_GPU_BLOCK_ELEMENTS = 2**26  # a GPU wants much to do at once


def attend_streaming(match: Tensor, value: Tensor, orders: Tensor, chunk_size: int) -> Tensor:
    """Return the attention of all rounds, (b, n, c), in the dtype of `match`; not differentiable.

    Args:
        match: (b, n, d), float32 or float64.
        value: (b, n, c), maybe in half precision.
        orders: (b, r, n), the positions of every round in the order of their buckets.
        chunk_size: j, at most n.
    """
    out = match.new_zeros(value.shape)
    for index, total in enumerate(out):
        _attend_one(match[index], value[index], orders[index], chunk_size, total)
    return out


def _attend_one(match: Tensor, value: Tensor, orders: Tensor, j: int, total: Tensor) -> None:
    """Add to `total` (n, c), which is zero, what the positions of one picture gather."""
    key = F.normalize(match, dim=-1, eps=NORM_EPS)  # (n, d)
    mass = match.new_zeros(len(match))
    for order in orders:
        for first, places in _blocks(order, j):
            mixed, share = _attend_block(match, key, value, places, j)  # (q j, c), (q j)
            # A position's own key is in its window in every round, with the same score: the inverse of its share is the
            # mass of the round in a unit that all rounds have in common.
            weight = share.reciprocal()
            own = places[j:-j][: len(order) - first * j]  # without the repeats, hence no position twice
            total.index_add_(0, own, torch.mul(mixed, weight[:, None])[: len(own)])
            mass.index_add_(0, own, weight[: len(own)])
    total.div_(mass[:, None])


def _blocks(order: Tensor, j: int) -> Iterator[tuple[int, Tensor]]:
    """Yield the number of every block's first chunk, and its positions with those of a chunk before and behind (g)."""
    ring = ring_of(order, j)  # ((m + 2) j)
    m = len(ring) // j - 2
    elements = _BLOCK_ELEMENTS if order.device.type == "cpu" else _GPU_BLOCK_ELEMENTS
    step = max(1, elements // (3 * j * j))
    for first in range(0, m, step):
        yield first, ring[first * j : (min(first + step, m) + 2) * j]


def _attend_block(match: Tensor, key: Tensor, value: Tensor, places: Tensor, j: int) -> tuple[Tensor, Tensor]:
    """Return the mean of the values in reach (q j, c), and the share of each position's own value in it (q j).

    The own key scores highest (it points the same way, and no key is longer), so that the share is at least 1 / 3j.
    """
    queries = match.index_select(0, places[j:-j]).view(-1, j, match.shape[1])  # (q, j, d)
    keys = windows_of(key.index_select(0, places), j)  # (q, 3j, d)
    values = windows_of(value.index_select(0, places), j)  # (q, 3j, c)
    weights = torch.bmm(queries, keys.mT).softmax(dim=-1)  # (q, j, 3j)
    share = weights.diagonal(offset=j, dim1=1, dim2=2)  # (q, j): the own chunk is the middle one
    return torch.bmm(weights.to(values.dtype), values).flatten(0, 1), share.flatten()
