"""The inner loop of attention: right in value and gradient, whatever the size of the blocks it works in."""

import pytest
import torch
from torch import Tensor

from nlsr_cli.nlsn import windows
from nlsr_cli.nlsn.windows import attend_windows


def rings(m: int, j: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(m * j)
    shapes = (2, m, j, 3), (2, (m + 2) * j, 3), (2, (m + 2) * j, 5)
    query, keys, values = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    return query, keys, values


def by_definition(query: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Every query against the chunk before, its own and the one behind, written down as one reads it."""
    j = query.shape[2]
    averages, masses = [], []
    for chunk in range(query.shape[1]):
        near = slice(chunk * j, (chunk + 3) * j)
        score = torch.einsum("bqd,bkd->bqk", query[:, chunk], keys[:, near])
        averages.append(torch.einsum("bqk,bkc->bqc", score.softmax(dim=-1), values[:, near]))
        masses.append(score.logsumexp(dim=-1))
    return torch.stack(averages, dim=1), torch.stack(masses, dim=1)


@pytest.mark.parametrize("block", [1, 50, 2**20])
@pytest.mark.parametrize(("m", "j"), [(1, 4), (2, 3), (5, 2)])
def test_values_and_gradients_are_those_of_the_definition(
    m: int, j: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "_BLOCK_ELEMENTS", block)
    inputs = [each.requires_grad_() for each in rings(m, j)]
    found, expected = attend_windows(*inputs), by_definition(*inputs)
    weights = [torch.randn_like(each) for each in expected]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, weights), torch.autograd.grad(expected, inputs, weights)
    )


def test_half_precision_values_keep_scores_in_float32() -> None:
    query, keys, values = rings(4, 3, torch.float32)
    inputs = [query.requires_grad_(), keys.requires_grad_(), values.bfloat16().requires_grad_()]
    average, mass = attend_windows(*inputs)
    expected, expected_mass = by_definition(query, keys, inputs[2].float())
    assert (average.dtype, mass.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(mass, expected_mass)
    torch.testing.assert_close(average, expected, atol=2e-2, rtol=2e-2)  # bfloat16 has 8 bits
    grads = torch.autograd.grad((average.sum(), mass.sum()), inputs)
    assert [each.dtype for each in grads] == [torch.float32, torch.float32, torch.bfloat16]


def test_scores_are_not_kept_for_the_gradient() -> None:
    """They are 3 j times as many as positions: kept, they would be most of the memory of training."""
    query, keys, values = rings(8, 16, torch.float32)
    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        attend_windows(query.requires_grad_(), keys, values)
    assert max(kept) < 2 * 8 * 16 * 3 * 16
