"""Non-Local Sparse Attention (NLSA; Mei, Fan, Zhou, CVPR 2021, section 3).

Names of dimensions, used in every shape comment of this package:
    b batch          c channels                       d match channels (c / reduction)
    h, w space       n positions, h * w               r hash rounds
    k hash buckets   m chunks of the sorted sequence  j place within a chunk
    p padded length of the sorted sequence, m * j
"""

from __future__ import annotations

from math import isqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nlsr_cli.nlsn.windows import attend_windows

MAX_BUCKETS = 128
NORM_EPS = 5e-5  # the published lower bound of a key's length


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


def reflect_to(x: Tensor, height: int, width: int) -> Tensor:
    """Extend (b, c, h, w) to at least (b, c, height, width) by mirroring at the lower and right border.

    Unlike `F.pad(mode="reflect")` it may mirror more than once, so that a single pixel can fill any size.
    """
    for dim, size in ((2, height), (3, width)):
        length = x.shape[dim]
        if length < size:
            period = max(2 * (length - 1), 1)
            index = torch.arange(size, device=x.device) % period
            x = x.index_select(dim, torch.minimum(index, period - index) if length > 1 else torch.zeros_like(index))
    return x


class NonLocalSparseAttention(nn.Module):
    """Attend only among positions that hash alike: (b, c, h, w) -> (b, c, h, w), any h and w from 1 up.

    Per round the positions are sorted by the bucket of a spherical hash and cut into chunks; each position attends to
    its own chunk and both neighbours, in a ring. The rounds are averaged, weighted by their unnormalised mass.

    Two things differ from the authors' code, and make the same picture give the same pixels every time: the projections
    are drawn once from `seed`, not on every call, and the sort is stable. Hashing, scores and softmax are computed in
    float32 (or better) also under autocast.

    While `active` is false the layer passes its input through, as in the first part of a training.
    """

    rotations: Tensor

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 4,
        chunk_size: int = 144,
        n_hashes: int = 4,
        res_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.active = True
        self.chunk_size = chunk_size
        self.n_hashes = n_hashes
        self.res_scale = res_scale
        # Sequential of one, because the published names are `conv_match.0.weight` and `conv_assembly.0.weight`.
        self.conv_match = nn.Sequential(nn.Conv2d(channels, channels // reduction, 3, padding=1))
        self.conv_assembly = nn.Sequential(nn.Conv2d(channels, channels, 1))
        self.register_buffer("rotations", draw_rotations(channels // reduction, n_hashes, seed), persistent=False)

    def forward(self, x: Tensor, rotations: Tensor | None = None) -> Tensor:
        """Return `x` plus what it attends to. `rotations` (d, r, k / 2) overrides the seeded projections."""
        if not self.active:
            return x
        b, c, h, w = x.shape
        if h * w < self.chunk_size:
            width = max(w, isqrt(self.chunk_size - 1) + 1)
            padded = reflect_to(x, max(h, -(-self.chunk_size // width)), width)
            return self.forward(padded, rotations)[:, :, :h, :w]
        with torch.autocast(x.device.type, enabled=False):
            match = _positions(self._float(self.conv_match, x))  # (b, n, d)
        value = _positions(self.conv_assembly(x))  # (b, n, c)
        with torch.autocast(x.device.type, enabled=False):
            attended = self.attend(match, value, self._codes(match, rotations))  # (b, n, c)
        attended = attended.view(b, h, w, c).permute(0, 3, 1, 2)  # (b, c, h, w)
        return x + self.res_scale * attended.to(x.dtype)

    @staticmethod
    def _float(conv: nn.Module, x: Tensor) -> Tensor:
        """Run a float32 convolution on features that autocast may have left in half precision."""
        return torch.as_tensor(conv(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x))

    @torch.no_grad()
    def _codes(self, match: Tensor, rotations: Tensor | None) -> Tensor:
        """Return the bucket of every position in every round, shape (b, r, n)."""
        buckets = count_buckets(match.shape[1], self.chunk_size)
        rotations = self.rotations[:, :, : buckets // 2] if rotations is None else rotations  # (d, r, k / 2)
        projected = torch.einsum("bnd,drk->brnk", match, rotations.to(match.dtype))  # (b, r, n, k / 2)
        # argmax over [v, -v] without building it: the larger of the two extremes decides, the first one wins a tie
        high, high_at = projected.max(dim=-1)  # (b, r, n)
        low, low_at = projected.min(dim=-1)  # (b, r, n)
        return torch.where(high >= -low, high_at, low_at + buckets // 2)  # (b, r, n)

    def attend(self, match: Tensor, value: Tensor, codes: Tensor) -> Tensor:
        """Return the attention of all rounds, (b, n, c), for match (b, n, d), value (b, n, c) and codes (b, r, n)."""
        b, n, c = value.shape
        key = F.normalize(match, dim=-1, eps=NORM_EPS)  # (b, n, d)
        flat_match, flat_key, flat_value = (t.reshape(b * n, -1) for t in (match, key, value))
        offset = torch.arange(b, device=match.device).unsqueeze(1) * n  # (b, 1)
        rounds, masses = [], []
        for r in range(codes.shape[1]):
            order = codes[:, r].argsort(dim=-1, stable=True)  # (b, n)
            attended, mass = self._attend_round(flat_match, flat_key, flat_value, order + offset)  # (b, p, c), (b, p)
            place = torch.empty_like(order).scatter_(1, order, torch.arange(n, device=order.device).expand(b, n))
            place = (place + torch.arange(b, device=order.device).unsqueeze(1) * mass.shape[1]).reshape(-1)  # (b * n)
            rounds.append(attended.reshape(-1, c).index_select(0, place))  # (b * n, c)
            masses.append(mass.reshape(-1).index_select(0, place))  # (b * n)
        if len(rounds) == 1:
            return rounds[0].view(b, n, c)
        share = torch.softmax(torch.stack(masses), dim=0).unsqueeze(-1)  # (r, b * n, 1)
        mixed = rounds[0] * share[0]
        for attended, weight in zip(rounds[1:], share[1:], strict=True):
            mixed = torch.addcmul(mixed, attended, weight)
        return mixed.view(b, n, c)

    def _attend_round(self, match: Tensor, key: Tensor, value: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        """Attend within one round: `order` (b, n) sorts the flat positions; returns (b, p, c) and log-mass (b, p)."""
        b, n = order.shape
        j = self.chunk_size
        m = -(-n // j)
        # The published padding: the tail of the sorted sequence once more, and those repeats take part as keys.
        order = torch.cat([order, order[:, n - (m * j - n) :]], dim=1) if m * j > n else order  # (b, p)
        ring = torch.cat([order[:, -j:], order, order[:, :j]], dim=1)  # (b, p + 2j)
        query = match.index_select(0, order.reshape(-1)).view(b, m, j, -1)  # (b, m, j, d)
        keys = key.index_select(0, ring.reshape(-1)).view(b, (m + 2) * j, -1)  # (b, p + 2j, d)
        values = value.index_select(0, ring.reshape(-1)).view(b, (m + 2) * j, -1)  # (b, p + 2j, c)
        attended, mass = attend_windows(query, keys, values)  # (b, m, j, c), (b, m, j)
        return attended.view(b, m * j, -1), mass.view(b, m * j)


def _positions(x: Tensor) -> Tensor:
    """(b, c, h, w) -> (b, n, c), without a copy where the memory format is channels-last."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)
