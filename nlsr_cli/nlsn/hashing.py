"""Spherical locality-sensitive hashing: positions whose features point the same way share a bucket.

The paper's section 3.2, after Terasawa and Tanaka, "Spherical LSH for Approximate Nearest Neighbor Search on Unit
Hypersphere" (2007): a vector is projected, and the nearest vertex of a cross-polytope is its bucket.
Dimensions as in `attention.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.nlsn.onednn import linear

MAX_BUCKETS = 128
NORM_EPS = 5e-5  # the published lower bound of a key's length
_BLOCK_ELEMENTS = 2**18  # projections held at once, 1 MiB of float32: they are reduced while they are in cache


def count_buckets(n: int, chunk_size: int) -> int:
    """Return the number of hash buckets for `n` positions: about one per chunk, even, at most 128."""
    chunks = n // chunk_size
    return min(chunks + chunks % 2, MAX_BUCKETS)


def draw_rotations(d: int, r: int, seed: int) -> Tensor:
    """Return the random projections of one layer for up to 128 buckets, shape (d, r, 64), float32.

    A layer uses the first k/2 columns, so that a tile and the whole picture share their projections. They come from
    NumPy's legacy generator, whose stream is frozen (NEP 19), so that every version draws the same ones.
    """
    drawn = np.random.RandomState(seed).standard_normal((MAX_BUCKETS // 2, d, r))
    return torch.from_numpy(drawn.astype(np.float32)).permute(1, 2, 0).contiguous()


@torch.no_grad()
def hash_codes(match: Tensor, rotations: Tensor) -> Tensor:
    """Return the bucket of every position in every round, (b, r, n), for match (b, n, d) and rotations (d, r, k / 2).

    The bucket is the place of the largest value in [v, -v], v being the projections: that of the largest |v|, and in
    the second half where v is negative there.
    """
    b, n, d = match.shape
    _, r, half = rotations.shape
    flat = rotations.to(match.dtype).reshape(d, r * half).T.contiguous()  # (r k / 2, d)
    rows = match.reshape(b * n, d)
    codes = torch.empty(b * n, r, dtype=torch.int64, device=match.device)
    step = max(1, _BLOCK_ELEMENTS // (r * half)) if match.device.type == "cpu" else b * n
    for first in range(0, b * n, step):
        projected = linear(rows[first : first + step], flat, None).view(-1, r, half)  # (rows, r, k / 2)
        place = projected.abs().argmax(dim=-1, keepdim=True)  # (rows, r, 1)
        negative = projected.gather(-1, place) < 0
        codes[first : first + step] = torch.where(negative, place + half, place).squeeze(-1)
    return codes.view(b, n, r).transpose(1, 2)


def sort_by_bucket(codes: Tensor) -> Tensor:
    """Return the positions of every round in the order of their buckets, those of a bucket in their own: (b, r, n)."""
    if codes.device.type != "cpu":
        return codes.to(torch.uint8).argsort(dim=-1, stable=True)  # radix sort: its passes count the bits
    # NumPy sorts small integers by counting them, twenty times as fast as the library sorts long ones.
    small = codes.to(torch.int16).numpy()
    return torch.from_numpy(np.argsort(small, axis=-1, kind="stable"))
