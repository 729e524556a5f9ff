"""Non-Local Sparse Attention (NLSA; Mei, Fan, Zhou, CVPR 2021, section 3).

Names of dimensions, used in every shape comment of this package:
    b batch          c channels                       d match channels (c / reduction)
    h, w space       n positions, h * w               r hash rounds
    k hash buckets   m chunks of the sorted sequence  j place within a chunk
    p padded length of the sorted sequence, m * j

A position is a cell of s x s pixels (s is 1 in the published network): n is the number of cells, and its features are
those of its pixels side by side, s * s * c of them, and s * s * d to match by.
"""

from __future__ import annotations

import copy
from math import isqrt
from typing import cast

import torch
from torch import Tensor, nn

from nlsr_cli.nlsn.attention_map import AttentionMap, attention_map
from nlsr_cli.nlsn.hashing import count_buckets, draw_rotations, hash_codes, sort_by_bucket
from nlsr_cli.nlsn.onednn import linear
from nlsr_cli.nlsn.rows import RowConv, bands
from nlsr_cli.nlsn.streaming import attend_streaming
from nlsr_cli.nlsn.windows import attend_rounds


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

    While `active` is false the layer passes its input through, as in the first part of a training. While `alone` is
    true each position attends to nothing but itself, which shows what the others contribute.
    """

    rotations: Tensor

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 4,
        chunk_size: int = 144,
        n_hashes: int = 4,
        cell: int = 1,
        res_scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.active = True
        self.alone = False
        self.chunk_size = chunk_size
        self.cell = cell
        self.n_hashes = n_hashes
        self.res_scale = res_scale
        # Sequential of one, because the published names are `conv_match.0.weight` and `conv_assembly.0.weight`.
        self.conv_match = nn.Sequential(nn.Conv2d(channels, channels // reduction, 3, padding=1))
        self.conv_assembly = nn.Sequential(nn.Conv2d(channels, channels, 1))
        drawn = draw_rotations(channels // reduction * cell**2, n_hashes, seed)
        self.register_buffer("rotations", drawn, persistent=False)

    def forward(self, x: Tensor, rotations: Tensor | None = None) -> Tensor:
        """Return `x` plus what it attends to. `rotations` (d, r, k / 2) overrides the seeded projections."""
        if not self.active:
            return x
        h, w = x.shape[2:]
        if (least := self._least(h, w)) != (h, w):
            return self.forward(reflect_to(x, *least), rotations)[:, :, :h, :w]
        gathered = self._gather(x, rotations)  # (b, n, s s c)
        if torch.is_grad_enabled():
            return torch.add(x, self._assemble(self._picture(gathered, x), x), alpha=self.res_scale)
        gathered = self._picture(gathered, x)  # (b, c, h, w)
        own_memory = gathered.dtype == x.dtype  # it is nobody else's, and may hold the result
        return self._add_assembled(x, gathered, gathered if own_memory else torch.empty_like(x))

    def apply_(self, x: Tensor, rotations: Tensor | None = None) -> Tensor:
        """Do the same in place, without a gradient."""
        if not self.active:
            return x
        if self._least(*x.shape[2:]) != x.shape[2:]:
            return x.copy_(self(x, rotations))
        return self._add_assembled(x, self._picture(self._gather(x, rotations), x), x)

    def attention_map(self, x: Tensor, row: int, column: int) -> AttentionMap:
        """Return what the position of a pixel of x (1, c, h, w) attends to when the layer is given x; no gradient."""
        x = reflect_to(x, *self._least(*x.shape[2:]))
        match = self._match(x)  # (1, n, s s d)
        rows, columns = (side // self.cell for side in x.shape[2:])
        codes = self._codes(match)[0].view(-1, rows, columns)
        with torch.autocast(x.device.type, enabled=False):
            return attention_map(match[0], codes, (row // self.cell, column // self.cell), self.chunk_size)

    def _least(self, h: int, w: int) -> tuple[int, int]:
        """Return the smallest size from (h, w) on that has whole cells, and a chunk of them."""
        rows, columns = -(-h // self.cell), -(-w // self.cell)
        if rows * columns < self.chunk_size:
            columns = max(columns, isqrt(self.chunk_size - 1) + 1)
            rows = max(rows, -(-self.chunk_size // columns))
        return rows * self.cell, columns * self.cell

    def _add_assembled(self, x: Tensor, gathered: Tensor, out: Tensor) -> Tensor:
        """Write x plus what is made of `gathered` into `out`, which may be either, in rows that stay in cache.

        All three are (b, c, h, w).
        """
        for top, bottom, _ in bands(x):
            rows = slice(None), slice(None), slice(top, bottom)
            torch.add(x[rows], self._assemble(gathered[rows], x[rows]), alpha=self.res_scale, out=out[rows])
        return out

    def _assemble(self, gathered: Tensor, x: Tensor) -> Tensor:
        """Return the 1x1 convolution of `gathered`, (b, c, h, w) as x, in the dtype of x.

        It commutes with attention, which averages: its values are the features themselves, and are held once.
        """
        conv = cast("nn.Conv2d", self.conv_assembly[0])
        rows = gathered.to(x.dtype).permute(0, 2, 3, 1)  # (b, h, w, c)
        return linear(rows, conv.weight.flatten(1), conv.bias).permute(0, 3, 1, 2).to(x.dtype)

    def _match(self, x: Tensor) -> Tensor:
        """Return the matching features of x (b, c, h, w), (b, n, s s d), in float32 where autocast left `x` in half."""
        conv = cast("nn.Conv2d", self.conv_match[0])
        halved = x.dtype in (torch.float16, torch.bfloat16)
        if halved and conv.weight.dtype == x.dtype:  # a network that was cast, without autocast
            conv = copy.deepcopy(conv).float()
        with torch.autocast(x.device.type, enabled=False):
            if torch.is_grad_enabled() or not halved:
                return self._positions(conv(x.float() if halved else x))
            rows = RowConv(conv)
            parts = [rows(x[:, :, top:bottom].float(), last=last) for top, bottom, last in bands(x)]
            return self._positions(torch.cat(parts, dim=2))

    def _gather(self, x: Tensor, rotations: Tensor | None) -> Tensor:
        """Return what every position of x (b, c, h, w) attends to, averaged: (b, n, s s c), in float32 or better."""
        if self.alone:
            return self._positions(x).float()
        match = self._match(x)  # (b, n, s s d)
        orders = sort_by_bucket(self._codes(match, rotations))  # (b, r, n)
        with torch.autocast(x.device.type, enabled=False):
            attend = attend_rounds if torch.is_grad_enabled() else attend_streaming
            return attend(match, self._positions(x), orders, self.chunk_size)

    def _codes(self, match: Tensor, rotations: Tensor | None = None) -> Tensor:
        """Return the bucket of every position in every round, (b, r, n), for match (b, n, s s d)."""
        buckets = count_buckets(match.shape[1], self.chunk_size)
        rotations = self.rotations[:, :, : buckets // 2] if rotations is None else rotations  # (s s d, r, k / 2)
        with torch.autocast(match.device.type, enabled=False):
            return hash_codes(match, rotations)

    def _positions(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, n, s s c); of single pixels without a copy where the memory format is channels-last."""
        s = self.cell
        rows = x.permute(0, 2, 3, 1)  # (b, h, w, c)
        if s > 1:
            b, h, w, c = rows.shape
            rows = rows.reshape(b, h // s, s, w // s, s * c).transpose(2, 3).flatten(3)  # (b, h / s, w / s, s s c)
        return rows.flatten(1, 2)

    def _picture(self, positions: Tensor, x: Tensor) -> Tensor:
        """(b, n, s s c) -> (b, c, h, w), channels last, with the size of x."""
        (b, c, h, w), s = x.shape, self.cell
        if s > 1:
            positions = positions.view(b, h // s, w // s, s, s * c).transpose(2, 3)  # (b, h / s, s, w / s, s c)
        return positions.reshape(b, h, w, c).permute(0, 3, 1, 2)
