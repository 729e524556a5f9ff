"""NLSA for inference: a round is attended block by block, and its sorted sequence is never held.

A block is a run of chunks that fits the cache. Its positions and one chunk more on either side are gathered once; the
window of each chunk, three chunks wide, is a view of what was gathered. What comes out is added at once to the sums of
all rounds. Memory beside input and output is an order of the positions, their keys and a block.

A position's own key is in its window in every round, and no key scores higher: it points the same way, and all are of
one length. So the largest score is the length of the query, known without a look, and the same in all rounds: weights
relative to it add up across windows and rounds as they are, and only their sum divides what was gathered.

Dimensions as in `attention.py`; q is the number of chunks in a block, g = (q + 2) j the positions gathered for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log, log2

import torch
import torch.nn.functional as F
from torch import Tensor

from nlsr_cli.nlsn.hashing import NORM_EPS
from nlsr_cli.nlsn.windows import ring_of, windows_of

# Scores, values and sums of a block, for every thread of a CPU: 3 MiB of float32, which stay in cache. A GPU wants much
# to do at once.
_BLOCK_ELEMENTS, _GPU_BLOCK_ELEMENTS = 3 * 2**18, 2**26


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
    length = torch.linalg.vector_norm(match, dim=-1, keepdim=True)  # (n, 1)
    key = match / length.clamp_min(NORM_EPS)  # (n, d)
    # Past some length not even the whole part of a score is known, and what is subtracted must not differ from it by
    # more than an exponent holds. Powers of two take half the time of powers of e.
    longest = 0.5 / torch.finfo(match.dtype).eps
    query = match * ((longest / length).clamp_max(1) / log(2))  # (n, d)
    # Together the weights of a window are at most one, so that no sum of values leaves the range of half precision.
    largest = (query * key).sum(dim=-1, keepdim=True).add_(log2(3 * j))  # (n, 1)
    query, key = torch.cat([query, -largest], dim=-1), F.pad(key, (0, 1), value=1.0)  # (n, d + 1): a product subtracts
    mass = match.new_zeros(len(match))
    for order in orders:
        for first, places in _blocks(order, j, value.shape[1]):
            own = places[j:-j]
            queries = query.index_select(0, own).view(-1, j, query.shape[1])  # (q, j, d + 1)
            keys = windows_of(key.index_select(0, places), j)  # (q, 3j, d + 1)
            values = windows_of(value.index_select(0, places), j)  # (q, 3j, c)
            weights = torch.bmm(queries, keys.mT).exp2_()  # (q, j, 3j)
            mixed = torch.bmm(weights.to(values.dtype), values).to(total.dtype).flatten(0, 1)  # (q j, c)
            own = own[: len(order) - first * j]  # without the repeats, hence no position twice
            total.index_add_(0, own, mixed[: len(own)])
            mass.index_add_(0, own, weights.sum(dim=-1).flatten()[: len(own)])
    total.div_(mass[:, None])


def _blocks(order: Tensor, j: int, c: int) -> Iterator[tuple[int, Tensor]]:
    """Yield the number of every block's first chunk, and its positions with those of a chunk before and behind (g)."""
    ring = ring_of(order, j)  # ((m + 2) j)
    m = len(ring) // j - 2
    chunk = 3 * j * j + 2 * j * c
    if order.device.type == "cpu":
        step = max(1, _BLOCK_ELEMENTS // chunk) * torch.get_num_threads()
    else:
        step = max(1, _GPU_BLOCK_ELEMENTS // chunk)
    for first in range(0, m, step):
        yield first, ring[first * j : (min(first + step, m) + 2) * j]
