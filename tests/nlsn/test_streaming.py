"""Attention for inference: what training computes, without its memory."""

import pytest
import torch
from torch import Tensor

from nlsr_cli.nlsn import streaming
from nlsr_cli.nlsn.streaming import attend_streaming
from nlsr_cli.nlsn.windows import attend_rounds


def draw(n: int, rounds: int = 3, length: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Return match (2, n, 4), value (2, n, 6) and orders (2, rounds, n)."""
    generator = torch.Generator().manual_seed(n)
    match = length * torch.randn(2, n, 4, generator=generator, dtype=torch.float64)
    value = torch.randn(2, n, 6, generator=generator, dtype=torch.float64)
    return match, value, torch.rand(2, rounds, n, generator=generator).argsort(dim=-1)


@pytest.mark.parametrize("elements", [1, 1000, 2**20])
@pytest.mark.parametrize(("n", "chunk"), [(8, 8), (9, 8), (16, 8), (61, 8), (64, 8), (50, 49)])
def test_equals_the_differentiable_attention(
    n: int, chunk: int, elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One chunk or many, a padded tail, whatever the size of the blocks: the rounds are merged to the same average."""
    monkeypatch.setattr(streaming, "_BLOCK_ELEMENTS", elements)
    match, value, orders = draw(n)
    found, expected = attend_streaming(match, value, orders, chunk), attend_rounds(match, value, orders, chunk)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("length", [0.0, 1e-7, 1e3, 1e6])
def test_no_length_of_features_overflows(length: float) -> None:
    """The largest score is known without a look, the query's own length; features of no length have no direction."""
    match, value, orders = draw(40, length=length)
    match, value = match.float(), value.float()
    found = attend_streaming(match, value, orders, 8)
    torch.testing.assert_close(found, attend_rounds(match, value, orders, 8), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("length", [1e7, 1e9, 1e12, 1e30])
def test_features_beyond_all_reason_stay_finite(length: float) -> None:
    """Their scores are known to no unit any more, but a mean of values is one of values of reach."""
    match, value, orders = draw(400, length=length)
    match[:, ::7] /= length
    found = attend_streaming(match.float(), value.float(), orders, 8)
    assert found.isfinite().all()
    assert float(found.abs().max()) <= float(value.abs().max()) * (1 + 1e-5)


def test_inputs_stay_as_they_are() -> None:
    inputs = draw(30)
    copies = [each.clone() for each in inputs]
    attend_streaming(*inputs, 8)
    assert all(torch.equal(each, copy) for each, copy in zip(inputs, copies, strict=True))


def test_values_in_half_precision_keep_their_weights_in_float32() -> None:
    match, value, orders = draw(40)
    exact = attend_streaming(match.float(), value.float(), orders, 8)
    close = attend_streaming(match.float(), value.bfloat16(), orders, 8)
    assert close.dtype == torch.float32
    torch.testing.assert_close(close, exact, atol=2e-2, rtol=2e-2)  # bfloat16 has 8 bits
