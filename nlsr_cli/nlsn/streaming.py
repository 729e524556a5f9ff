"""NLSA for inference: a round is attended block by block, and its sorted sequence is never held.

A block is a run of chunks that fits the cache. Its positions and one chunk more on either side are gathered once; the
window of each chunk, three chunks wide, is a view of what was gathered. What comes out is added at once to the sums of
all rounds. Memory beside input and output is an order of the positions and a block.

Dimensions as in `attention.py`; q is the number of chunks in a block, g = (q + 2) j the positions gathered for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from nlsr_cli.nlsn.hashing import NORM_EPS
from nlsr_cli.nlsn.windows import ring_of, windows_of

# Elements of the largest tensor of a block, its scores: 4 MiB of float32, which stays in cache.
_BLOCK_ELEMENTS = 2**20
_GPU_BLOCK_ELEMENTS = 2**26  # a GPU wants much to do at once


def attend_streaming(match: Tensor, value: Tensor, orders: Tensor, chunk_size: int) -> Tensor:
    """Return the attention of all rounds, (b, n, c), in the dtype of `match`; not differentiable.

    Args:
        match: (b, n, d), float32 or float64.
        value: (b, n, c), maybe in half precision.
        orders: (b, r, n), the positions of every round in the order of their buckets.
        chunk_size: j, at most n.
    """
    out = match.new_empty(value.shape)
    for index, average in enumerate(out):
        _attend_one(match[index], value[index], orders[index], chunk_size, average)
    return out


def _attend_one(match: Tensor, value: Tensor, orders: Tensor, j: int, total: Tensor) -> None:
    """Write into `total` (n, c) what the positions of one picture gather."""
    length = match.norm(dim=-1, keepdim=True)  # (n, 1)
    # A query's own key lies in its window, and no key is longer than one: the largest score is the query's length, in
    # every round. Subtracting it is one more channel of the product, and the sums of all rounds add up as they are.
    query = torch.cat([match, -length], dim=-1)  # (n, d + 1)
    key = torch.cat([match / length.clamp_min(NORM_EPS), torch.ones_like(length)], dim=-1)  # (n, d + 1)
    mass = torch.zeros_like(length)
    total.zero_()
    for order in orders:
        for first, places in _blocks(order, j):
            weighted, weight = _attend_block(query, key, value, places, j)  # (q j, c), (q j, 1)
            own = places[j:-j][: len(order) - first * j]  # without the repeats
            _add_rows(total, own, weighted)
            _add_rows(mass, own, weight)
    total.div_(mass)


def _blocks(order: Tensor, j: int) -> Iterator[tuple[int, Tensor]]:
    """Yield the number of every block's first chunk, and its positions with those of a chunk before and behind (g)."""
    ring = ring_of(order, j)  # ((m + 2) j)
    m = len(ring) // j - 2
    elements = _BLOCK_ELEMENTS if order.device.type == "cpu" else _GPU_BLOCK_ELEMENTS
    step = max(1, elements // (3 * j * j))
    for first in range(0, m, step):
        yield first, ring[first * j : (min(first + step, m) + 2) * j]


def _attend_block(query: Tensor, key: Tensor, value: Tensor, places: Tensor, j: int) -> tuple[Tensor, Tensor]:
    """Return the weighted sums of the values in reach (q j, c), and the sums of the weights (q j, 1)."""
    queries = query.index_select(0, places[j:-j]).view(-1, j, query.shape[1])  # (q, j, d + 1)
    keys = windows_of(key.index_select(0, places), j)  # (q, 3j, d + 1)
    values = windows_of(value.index_select(0, places), j)  # (q, 3j, c)
    weights = torch.bmm(queries, keys.mT).exp_()  # (q, j, 3j), at most one
    weighted = torch.bmm(weights.to(values.dtype), values).to(query.dtype)  # (q, j, c)
    return weighted.flatten(0, 1), weights.sum(dim=-1).view(-1, 1)


def _add_rows(sums: Tensor, places: Tensor, rows: Tensor) -> None:
    """Add to the rows of `sums` at `places`, of which none occurs twice; `rows` may have more at its end."""
    rows = rows[: len(places)]
    sums.index_copy_(0, places, rows.add_(sums.index_select(0, places)))
