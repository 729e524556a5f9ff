"""NLSA for training: differentiable, at the cost of memory for every round's sorted sequence.

Dimensions as in `attention.py`: b batch, m chunks, j places in a chunk, p = m j positions, d match channels and
c channels; e stands for either of these two. A ring is the sorted sequence, its last chunk once more before it and its
first once more behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nlsr_cli.nlsn.hashing import NORM_EPS

# The largest block of attention scores that is held at once, in elements: 4 MiB of float32, which stays in cache and
# keeps the memory of a round independent of the picture. Measured fastest of 2**17 to 2**23.
_BLOCK_ELEMENTS = 2**20


def attend_rounds(match: Tensor, value: Tensor, orders: Tensor, chunk_size: int) -> Tensor:
    """Return the attention of all rounds, (b, n, c), in the dtype of `match`; differentiable, once.

    Args:
        match: (b, n, d), float32 or float64.
        value: (b, n, c), maybe in half precision.
        orders: (b, r, n), the positions of every round in the order of their buckets.
        chunk_size: j, at most n.
    """
    b, n, c = value.shape
    key = F.normalize(match, dim=-1, eps=NORM_EPS)  # (b, n, d)
    flat_match, flat_key, flat_value = (t.reshape(b * n, -1) for t in (match, key, value))
    offset = torch.arange(b, device=match.device).unsqueeze(1)  # (b, 1)
    rounds, masses = [], []
    for order in orders.unbind(dim=1):  # (b, n)
        attended, mass = _attend_round(flat_match, flat_key, flat_value, order + offset * n, chunk_size)
        place = torch.empty_like(order).scatter_(1, order, torch.arange(n, device=order.device).expand(b, n))
        place = (place + offset * mass.shape[1]).reshape(-1)  # (b n)
        rounds.append(attended.reshape(-1, c).index_select(0, place))  # (b n, c)
        masses.append(mass.reshape(-1).index_select(0, place))  # (b n)
    if len(rounds) == 1:
        return rounds[0].view(b, n, c)
    share = torch.softmax(torch.stack(masses), dim=0).unsqueeze(-1)  # (r, b n, 1)
    mixed = rounds[0] * share[0]
    for attended, weight in zip(rounds[1:], share[1:], strict=True):
        mixed = torch.addcmul(mixed, attended, weight)
    return mixed.view(b, n, c)


def _attend_round(match: Tensor, key: Tensor, value: Tensor, order: Tensor, j: int) -> tuple[Tensor, Tensor]:
    """Attend within one round: `order` (b, n) sorts the flat positions; returns (b, p, c) and log-mass (b, p)."""
    ring = ring_of(order, j)  # (b, p + 2j)
    b, m = len(ring), ring.shape[1] // j - 2
    query = match.index_select(0, ring[:, j:-j].reshape(-1)).view(b, m, j, -1)  # (b, m, j, d)
    keys = key.index_select(0, ring.reshape(-1)).view(b, (m + 2) * j, -1)  # (b, p + 2j, d)
    values = value.index_select(0, ring.reshape(-1)).view(b, (m + 2) * j, -1)  # (b, p + 2j, c)
    attended, mass = attend_windows(query, keys, values)  # (b, m, j, c), (b, m, j)
    return attended.view(b, m * j, -1), mass.view(b, m * j)


def attend_windows(query: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the average of the values in reach of every query, and the log of its unnormalised mass.

    Args:
        query: (b, m, j, d).
        keys: a ring, (b, (m + 2) j, d).
        values: a ring, (b, (m + 2) j, c), maybe in half precision.

    Returns:
        (b, m, j, c) and (b, m, j), in the dtype of the query. Both are differentiable, once.
    """
    average, mass = _AttendWindows.apply(query, keys, values)  # type: ignore[no-untyped-call]
    return average, mass


class _AttendWindows(torch.autograd.Function):
    """Computes the scores again for the gradient, block by block, instead of keeping them: they outweigh all else."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - torch's own
        b, m, j, _ = query.shape
        key_windows, value_windows = windows_of(keys, j), windows_of(values, j)  # (b, m, 3j, e) each
        average = query.new_empty(b, m, j, values.shape[-1])
        mass = query.new_empty(b, m, j)
        for block in _blocks(query):
            weight = query[:, block] @ key_windows[:, block].mT  # (b, m, j, 3j)
            peak = weight.amax(dim=-1, keepdim=True)  # (b, m, j, 1)
            total = weight.sub_(peak).exp_().sum(dim=-1, keepdim=True)  # (b, m, j, 1)
            mixed = torch.matmul(weight.to(values.dtype), value_windows[:, block])  # (b, m, j, c)
            average[:, block] = mixed.to(total.dtype).div_(total)
            mass[:, block] = peak.add_(total.log_()).squeeze(-1)
        ctx.save_for_backward(query, keys, values, average, mass)
        return average, mass

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        query, keys, values, average, mass = ctx.saved_tensors
        grad_average, grad_mass = grads  # (b, m, j, c), (b, m, j)
        j = query.shape[2]
        key_windows, value_windows = windows_of(keys, j), windows_of(values, j)
        grad_query = torch.empty_like(query)
        grad_keys, grad_values = torch.zeros_like(keys, dtype=query.dtype), torch.zeros_like(values, dtype=query.dtype)
        # d score = weight * (d weight - <d average, average> + d mass): softmax, and the derivative of a log-sum-exp
        shift = grad_mass - (grad_average * average).sum(dim=-1)  # (b, m, j)
        half = grad_average.to(values.dtype)  # (b, m, j, c)
        for block in _blocks(query):
            weight = query[:, block] @ key_windows[:, block].mT  # (b, m, j, 3j)
            weight.sub_(mass[:, block].unsqueeze(-1)).exp_()  # sums to one
            score = torch.matmul(half[:, block], value_windows[:, block].mT).to(query.dtype)
            score.add_(shift[:, block].unsqueeze(-1)).mul_(weight)  # the gradient of the scores, (b, m, j, 3j)
            grad_query[:, block] = score @ key_windows[:, block]
            _add_windows(grad_keys, score.mT @ query[:, block], block)
            _add_windows(grad_values, torch.matmul(weight.to(values.dtype).mT, half[:, block]), block)
        return grad_query, grad_keys, grad_values.to(values.dtype)


def _blocks(query: Tensor) -> Iterator[slice]:
    """Yield slices of the chunks of a query (b, m, j, d) whose scores fit a block; a GPU takes them all at once."""
    b, m, j, _ = query.shape
    step = max(1, _BLOCK_ELEMENTS // (b * 3 * j * j)) if query.device.type == "cpu" else max(1, m)
    for first in range(0, m, step):
        yield slice(first, min(first + step, m))


def ring_of(order: Tensor, j: int) -> Tensor:
    """Return the ring of a sorted sequence of positions: (..., n) -> (..., p + 2j)."""
    # The published padding: the tail of the sorted sequence once more, and those repeats take part as keys.
    padded = torch.cat([order, order[..., order.shape[-1] - -order.shape[-1] % j :]], dim=-1)  # (..., p)
    return torch.cat([padded[..., -j:], padded, padded[..., :j]], dim=-1)


def windows_of(ring: Tensor, j: int) -> Tensor:
    """View (..., (m + 2) j, e) as overlapping windows of three chunks, (..., m, 3j, e), without copying."""
    return ring.unfold(-2, 3 * j, j).mT


def _add_windows(ring: Tensor, windows: Tensor, block: slice) -> None:
    """Add the windows (b, m, 3j, e) of a block of chunks to the places of a ring (b, (m + 2) j, e) that they show."""
    b, _, width, e = windows.shape
    chunks = ring.view(b, -1, width // 3, e)  # (b, m + 2, j, e)
    for neighbour, part in enumerate(torch.split(windows, width // 3, dim=2)):
        chunks[:, block.start + neighbour : block.stop + neighbour] += part
