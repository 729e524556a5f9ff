"""The optimizers: orthogonal steps for kernels, Adam for the rest, one schedule for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from nlsr_cli.nlsn import NLSN
from nlsr_cli.training.optimizer import Muon, build_optimizers, orthogonal, schedule, set_rates
from nlsr_cli.training.recipe import Recipe


@pytest.mark.parametrize("shape", [(8, 8), (48, 432), (432, 48), (3, 12, 108)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_orthogonal_matrices_have_singular_values_near_one(shape: tuple[int, ...], size: float) -> None:
    """Whatever the gradient's size is: that is why one rate fits every layer."""
    matrices = size * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonal(matrices))
    assert values.min() >= 0.5
    assert values.max() <= 1.5


def test_orthogonal_keeps_directions() -> None:
    """The result points where the gradient does, it is no random rotation."""
    u, _, v = torch.linalg.svd(torch.randn(6, 6, generator=torch.Generator().manual_seed(2)))
    matrix = u @ torch.diag(torch.tensor([5.0, 4, 3, 2, 1, 0.5])) @ v
    torch.testing.assert_close(u.T @ orthogonal(matrix) @ v.T, torch.eye(6), atol=0.4, rtol=0)


def test_muon_moves_kernels_downhill_at_its_rate() -> None:
    kernel = torch.nn.Parameter(torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(3)))
    still = torch.nn.Parameter(torch.ones(2, 2))
    before = kernel.detach().clone()
    optimizer = Muon([kernel, still], lr=0.1)
    kernel.square().sum().backward()
    optimizer.step()
    assert kernel.square().sum() < before.square().sum()
    lengths = torch.linalg.svdvals((kernel.detach() - before).flatten(1)) / 0.1
    assert lengths.min() >= 0.5
    assert lengths.max() <= 1.5
    assert torch.equal(still, torch.ones(2, 2)), "without a gradient nothing moves"


def test_every_trained_weight_has_one_optimizer(tiny_network: Callable[..., NLSN]) -> None:
    """Kernels of the body go to Muon; head, tail, biases go to Adam; the mean shift goes nowhere."""
    model = tiny_network()
    muon, adam = ({id(p) for group in opt.param_groups for p in group["params"]} for opt in build_optimizers(model, R))
    names = {name: id(weight) for name, weight in model.named_parameters()}
    assert {name for name in names if names[name] in muon} == {
        name for name in names if name.startswith("body.") and name.endswith("weight")
    }
    assert {name for name in names if names[name] not in muon | adam} == {
        f"{shift}.{kind}" for shift in ("sub_mean", "add_mean") for kind in ("weight", "bias")
    }
    assert not muon & adam


R = Recipe()


@pytest.mark.parametrize(
    ("progress", "warmup", "factor"),
    [(0, 0.02, 0), (0.01, 0.02, 0.5), (0, 0, 1), (0.5, 0.02, 0.5), (1, 0.02, 0), (2, 0.02, 0)],
)
def test_schedule_rises_and_falls(progress: float, warmup: float, factor: float) -> None:
    assert schedule(progress, warmup) == pytest.approx(factor, abs=1e-3)


def test_rates_follow_the_schedule(tiny_network: Callable[..., NLSN]) -> None:
    recipe = replace(R, warmup=0)
    optimizers = build_optimizers(tiny_network(), recipe)
    assert set_rates(optimizers, recipe, 0.5) == pytest.approx(0.5)
    assert [float(each.param_groups[0]["lr"]) for each in optimizers] == [
        pytest.approx(recipe.matrix_rate / 2),
        pytest.approx(recipe.rate / 2),
    ]


def test_weak_directions_move_like_strong_ones() -> None:
    """Gradients of kernels are nearly singular: what is a hundred times weaker must come near to one too."""
    generator = torch.Generator().manual_seed(4)
    u, v = (torch.linalg.qr(torch.randn(12, 12, generator=generator))[0] for _ in range(2))
    matrix = u @ torch.diag(torch.logspace(0, -2, 12)) @ v.T
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() >= 0.5
    assert values.max() <= 1.5


def test_adam_does_not_forget_how_large_gradients_were(tiny_network: Callable[..., NLSN]) -> None:
    """Where they vanish for some steps, weights must slow down, not run away on what momentum is left."""
    model = tiny_network()
    adam = build_optimizers(model, replace(R, rate=1.0))[1]
    weight = adam.param_groups[0]["params"][0]
    for step in range(60):
        before = weight.detach().clone()
        for parameter in adam.param_groups[0]["params"]:
            parameter.grad = torch.full_like(parameter, 1.0 if step < 50 else 0.0)
        adam.step()
        assert (weight.detach() - before).abs().max() <= 1.01
