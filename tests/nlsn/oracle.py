"""A plain statement of the NLSA computation, written for reading: the oracle that all other code is held against.

It follows the paper (Mei et al., CVPR 2021, section 3) one query at a time, with explicit loops and index lists.
"""

import torch
from torch import Tensor

from nlsr_cli.nlsn import NonLocalSparseAttention


def hash_codes(match: Tensor, rotations: Tensor) -> Tensor:
    """match (n, d), rotations (d, r, k / 2) -> bucket numbers (r, n)."""
    codes = []
    for round_ in range(rotations.shape[1]):
        projected = match @ rotations[:, round_]  # (n, k / 2)
        codes.append(torch.cat([projected, -projected], dim=-1).argmax(dim=-1))
    return torch.stack(codes)


def attention_by_definition(layer: NonLocalSparseAttention, x: Tensor, rotations: Tensor) -> Tensor:
    """Return what `layer(x, rotations)` must return, for x (1, c, h, w) of whole cells, and of one chunk at least."""
    chunk = layer.chunk_size
    match = cells(layer.conv_match(x)[0], layer.cell)  # (n, d)
    value = cells(layer.conv_assembly(x)[0], layer.cell)  # (n, c)
    n, c = value.shape
    key = match / match.norm(dim=-1, keepdim=True).clamp_min(5e-5)
    results = torch.zeros(rotations.shape[1], n, c, dtype=x.dtype)
    masses = torch.zeros(rotations.shape[1], n, dtype=x.dtype)
    for round_, codes in enumerate(hash_codes(match, rotations)):
        order = sorted(range(n), key=lambda i, codes=codes: int(codes[i]))  # Python's sort is stable
        missing = -n % chunk
        order += order[n - missing :] if missing else []
        chunks = [order[i : i + chunk] for i in range(0, len(order), chunk)]
        seen = set()
        for number, members in enumerate(chunks):
            around = [*members, *chunks[number - 1], *chunks[(number + 1) % len(chunks)]]
            for query in members:
                if query in seen:  # a repeat that only pads: the first place in the sequence counts
                    continue
                seen.add(query)
                score = key[around] @ match[query]
                results[round_, query] = score.softmax(dim=0) @ value[around]
                masses[round_, query] = score.logsumexp(dim=0)
    mixed = (masses.softmax(dim=0).unsqueeze(-1) * results).sum(dim=0)  # (n, c)
    picture = torch.empty_like(x[0])
    for mix, (top, left) in zip(mixed, corners(picture, layer.cell), strict=True):
        pixels = iter(mix.split(len(picture)))
        for row in range(top, top + layer.cell):
            for column in range(left, left + layer.cell):
                picture[:, row, column] = next(pixels)
    return x + layer.res_scale * picture


def corners(picture: Tensor, side: int) -> list[tuple[int, int]]:
    """Return top and left of each cell of a picture (c, h, w), row by row."""
    _, h, w = picture.shape
    return [(top, left) for top in range(0, h, side) for left in range(0, w, side)]


def cells(picture: Tensor, side: int) -> Tensor:
    """Return the features of each cell of a picture (c, h, w), pixel after pixel: (n, side^2 c)."""
    return torch.stack(
        [
            torch.cat([picture[:, top + row, left + column] for row in range(side) for column in range(side)])
            for top, left in corners(picture, side)
        ]
    )
