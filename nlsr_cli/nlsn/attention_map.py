"""What one position attends to: the sums that NLSA does for all positions at once, for one of them, kept apart.

Dimensions as in `attention.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nlsr_cli.nlsn.hashing import NORM_EPS, count_buckets, sort_by_bucket


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """What one position of a layer attends to.

    `codes` are the buckets of all positions, (r, rows, columns), from 0 to `buckets` - 1; `position` is the one that
    looks, (row, column). `partners` are the flat numbers of those that it compares itself with, (r, 3 j): its own chunk
    of the sorted sequence, the one before and the one behind, in which a position may stand more than once. `weights`,
    (r, 3 j), are what each counts; over all rounds they sum to one. `similarity` is the cosine of their features.
    """

    codes: Tensor
    buckets: int
    position: tuple[int, int]
    partners: Tensor
    weights: Tensor
    similarity: Tensor

    def heat(self) -> Tensor:
        """Return the weight of every position in every round, (r, rows, columns); all of them sum to one."""
        return self._spread(self.weights)

    def reached(self) -> Tensor:
        """Return which positions it compares itself with in every round, (r, rows, columns)."""
        return self._spread(torch.ones_like(self.weights)) > 0

    def strongest(self, count: int) -> list[tuple[int, int, float, float]]:
        """Return the positions with the largest weights in all rounds: row, column, weight and similarity of each."""
        total = self.heat().sum(dim=0).flatten()  # (n)
        alike = torch.zeros_like(total)
        alike[self.partners.flatten()] = self.similarity.flatten().to(total.dtype)
        found = total.topk(min(count, int((total > 0).sum())))
        across = self.codes.shape[2]
        return [
            (place // across, place % across, weight, float(alike[place]))
            for weight, place in zip(found.values.tolist(), found.indices.tolist(), strict=True)
        ]

    def _spread(self, values: Tensor) -> Tensor:
        rounds = self.codes.shape[0]
        flat = torch.zeros(rounds, self.codes[0].numel(), dtype=values.dtype, device=values.device)
        return flat.scatter_add_(1, self.partners, values).view(self.codes.shape)


@torch.no_grad()
def attention_map(match: Tensor, codes: Tensor, position: tuple[int, int], chunk_size: int) -> AttentionMap:
    """Return what a position attends to.

    Args:
        match: what positions are compared by, (n, d), float32.
        codes: the bucket of each position in each round, (r, rows, columns).
        position: the row and the column of the one that looks.
        chunk_size: j, at most n.
    """
    rounds, _, columns = codes.shape
    number = position[0] * columns + position[1]
    orders = sort_by_bucket(codes.view(1, rounds, -1))[0]  # (r, n)
    partners = torch.stack([_reach(order, number, chunk_size) for order in orders])  # (r, 3 j)
    query, keys = match[number], F.normalize(match[partners], dim=-1, eps=NORM_EPS)  # (d), (r, 3 j, d)
    scores = keys @ query  # (r, 3 j)
    similarity = keys @ F.normalize(query, dim=0, eps=NORM_EPS)
    weights = scores.flatten().softmax(dim=0).view(scores.shape)  # of all rounds: merged by their masses
    buckets = count_buckets(len(match), chunk_size)
    return AttentionMap(codes, buckets, position, partners, weights, similarity)


def _reach(order: Tensor, number: int, j: int) -> Tensor:
    """Return the positions in the chunk of one of them and in both neighbours of it, in a ring: (3 j).

    The last chunk is filled with the positions that stand before its end once more.
    """
    place = int((order == number).nonzero()[0, 0])
    missing = -len(order) % j
    chunks = torch.cat([order, order[len(order) - missing :]]).view(-1, j)  # (m, j)
    own = place // j
    return torch.cat([chunks[own], chunks[own - 1], chunks[(own + 1) % len(chunks)]])
