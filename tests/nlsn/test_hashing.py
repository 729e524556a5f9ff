"""Buckets: frozen projections, and codes as the published code has them."""

import pytest
import torch

from nlsr_cli.nlsn import hashing
from nlsr_cli.nlsn.hashing import count_buckets, draw_rotations, hash_codes, sort_by_bucket


def test_rotations_are_frozen() -> None:
    """These numbers are part of every picture that nlsr has made: they must never change."""
    drawn = draw_rotations(3, 2, seed=7)
    assert drawn.shape == (3, 2, 64)
    assert drawn.flatten()[:4].tolist() == pytest.approx([1.6905257, -0.0008904, 0.5052994, 0.2744599], abs=1e-6)


@pytest.mark.parametrize(("n", "buckets"), [(144, 2), (287, 2), (288, 2), (432, 4), (144 * 127, 128), (10**6, 128)])
def test_bucket_count_is_even_and_bounded(n: int, buckets: int) -> None:
    assert count_buckets(n, 144) == buckets


@pytest.mark.parametrize("elements", [1, 100, 2**18])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_codes_are_those_of_the_definition(elements: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest of [v, -v], whatever the size of the blocks that the positions are taken in."""
    monkeypatch.setattr(hashing, "_BLOCK_ELEMENTS", elements)
    match = torch.randn(2, 37, 5, dtype=dtype, generator=torch.Generator().manual_seed(1))
    rotations = draw_rotations(5, 3, seed=2)[:, :, :6]
    projected = torch.einsum("bnd,drk->brnk", match, rotations.to(dtype))
    assert torch.equal(hash_codes(match, rotations), torch.cat([projected, -projected], dim=-1).argmax(dim=-1))


def test_a_flat_place_has_the_first_bucket() -> None:
    """Where no feature is set, every projection is zero, and the published code takes the first."""
    assert hash_codes(torch.zeros(1, 9, 4), draw_rotations(4, 2, seed=0)).eq(0).all()


def test_codes_have_no_gradient() -> None:
    match = torch.randn(1, 9, 4, requires_grad=True)
    assert not hash_codes(match, draw_rotations(4, 2, seed=0)).requires_grad


def test_positions_of_a_bucket_keep_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 128, (2, 3, 1000), generator=generator)
    assert torch.equal(sort_by_bucket(codes), codes.argsort(dim=-1, stable=True))
