"""Rows that come some at a time make the same picture as all at once, whatever the cuts."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from nlsr_cli.nlsn import rows, winograd
from nlsr_cli.nlsn.rows import RowConv, bands


def run(conv: RowConv, x: Tensor, cuts: list[int]) -> Tensor:
    """Give the rows of x between the cuts to `conv`, one piece after the other."""
    edges = [0, *cuts, x.shape[2]]
    pieces = [x[:, :, top:bottom] for top, bottom in pairwise(edges)]
    with torch.inference_mode():
        return torch.cat([conv(piece, last=piece is pieces[-1]) for piece in pieces], dim=2)


def make(c: int, o: int) -> tuple[nn.Conv2d, Tensor]:
    torch.manual_seed(c + o)
    return nn.Conv2d(c, o, 3, padding=1).double(), torch.randn(2, c, 23, 9, dtype=torch.float64)


@pytest.mark.parametrize("cuts", [[], [1], [1, 2], [2, 3, 4], [22], [11, 12], [8, 16]])
def test_any_cuts_give_the_convolution(cuts: list[int]) -> None:
    conv, x = make(3, 5)
    torch.testing.assert_close(run(RowConv(conv), x, cuts), conv(x).detach())


@pytest.mark.parametrize("cuts", [[], [1], [3, 4, 20], [8, 16], [22]])
def test_strips_of_winograd_come_whole(cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a strip would cost a whole one: until it is full its rows wait, and the last call takes the rest."""
    monkeypatch.setattr(rows, "pays", lambda *_: True)
    monkeypatch.setattr(winograd, "_STRIP_TILES", 6)  # two rows of three tiles: 8 rows
    conv, x = make(3, 5)
    row_conv = RowConv(conv)
    torch.testing.assert_close(run(row_conv, x, cuts), conv(x).detach())
    heights = []
    with torch.inference_mode():
        again = RowConv(conv)
        heights += [again(x[:, :, top : top + 5], last=top == 20).shape[2] for top in range(0, 25, 5)]
    assert heights == [0, 8, 0, 8, 7]


def test_a_chain_may_start_with_a_single_row() -> None:
    first, x = make(3, 4)
    second, _ = make(4, 2)
    chain = [RowConv(first), RowConv(second)]
    made = []
    with torch.inference_mode():
        for row in range(23):
            piece = x[:, :, row : row + 1]
            for conv in chain:
                piece = conv(piece, last=row == 22)
            made.append(piece)
    torch.testing.assert_close(torch.cat(made, dim=2), second(first(x)).detach())


def test_bands_cover_every_row_once() -> None:
    for height, width in ((1, 1), (500, 300), (37, 4096)):
        found = list(bands(torch.empty(1, 64, 1, 1).expand(1, 64, height, width)))
        assert [top for top, _, _ in found] == [0, *(bottom for _, bottom, _ in found[:-1])]
        assert found[-1][1] == height
        assert [last for *_, last in found] == [False] * (len(found) - 1) + [True]
