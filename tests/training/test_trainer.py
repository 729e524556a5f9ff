"""The training step: it learns, it can be gone on with exactly, it notices when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch

from nlsr_cli.errors import TrainingDiverged
from nlsr_cli.nlsn import NLSN
from nlsr_cli.training.data import Data
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.recipe import Recipe
from nlsr_cli.training.trainer import Trainer
from tests.training.photographs import TINY, tiny_data, tiny_pool


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return tiny_data(tmp_path)


@pytest.fixture
def trainer(data: Data, tiny_network: Callable[..., NLSN]) -> Callable[..., Trainer]:
    """Return a maker of equal trainers."""

    def make(recipe: Recipe = TINY, dtype: torch.dtype = torch.float32) -> Trainer:
        return Trainer([tiny_network()], [tiny_pool(data, recipe)], recipe, dtype)

    return make


def run(trainer: Trainer, steps: range) -> None:
    for step in steps:
        trainer.step(step / 10)


def assert_equal(left: object, right: object) -> None:
    torch.testing.assert_close(left, right, rtol=0, atol=0)


@pytest.mark.parametrize("recipe", [TINY, replace(TINY, attention_from=0.3), replace(TINY, loss="l2", clip=0)])
def test_going_on_equals_an_unbroken_run(trainer: Callable[..., Trainer], recipe: Recipe) -> None:
    """Weights, averages, moments and the losses that were not asked for yet, after a way through a file."""
    unbroken, first, second = trainer(recipe), trainer(recipe), trainer(recipe)
    run(unbroken, range(6))
    run(first, range(4))
    file = BytesIO()
    torch.save(first.state(), file)
    file.seek(0)
    second.restore(torch.load(file, weights_only=True))
    run(second, range(4, 6))
    wanted, found = unbroken.state(), second.state()
    for name in ("weights", "average", "steps"):
        assert_equal(found[name], wanted[name])
    for ours, theirs in zip(found["optimizers"], wanted["optimizers"], strict=True):
        assert_equal(ours["state"], theirs["state"])
    assert second.mean_loss() == unbroken.mean_loss()


def test_training_lowers_the_loss(trainer: Callable[..., Trainer]) -> None:
    trained = trainer(replace(TINY, warmup=0))
    run(trained, range(1))
    before = trained.mean_loss()
    for _ in range(40):
        trained.step(0.2)
    trained.mean_loss()
    run(trained, range(1))
    assert trained.mean_loss() < 0.5 * before


def test_averages_are_lent_and_taken_back(trainer: Callable[..., Trainer]) -> None:
    trained = trainer()
    run(trained, range(3))
    weights, averages = ([each.clone() for each in trained.state()[name]] for name in ("weights", "average"))
    with trained.averaged() as (model,):
        assert not model.training
        assert_equal([each.detach() for each in model.parameters() if each.requires_grad], averages)
    assert trained.models.training
    assert_equal(list(trained.state()["weights"]), weights)
    assert_equal(list(trained.state()["average"]), averages)
    assert not torch.equal(weights[0], averages[0])
    with pytest.raises(KeyboardInterrupt), trained.averaged():
        raise KeyboardInterrupt
    assert_equal(list(trained.state()["weights"]), weights)


def test_a_loss_that_is_no_number_is_an_error(trainer: Callable[..., Trainer]) -> None:
    trained = trainer()
    run(trained, range(2))
    with torch.no_grad():
        trained.models[0].head[0].bias.fill_(float("nan"))
    run(trained, range(1))
    with pytest.raises(TrainingDiverged, match="before step 3") as caught:
        trained.mean_loss()
    assert "learning rates" in caught.value.hint


def test_bfloat16_keeps_weights_in_float32(trainer: Callable[..., Trainer]) -> None:
    trained = trainer(TINY, torch.bfloat16)
    run(trained, range(2))
    assert {weight.dtype for weight in trained.models.parameters()} == {torch.float32}
    assert trained.mean_loss() > 0


@pytest.mark.requires_cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_graph_learns_what_single_steps_learn(data: Data, tiny_network: Callable[..., NLSN]) -> None:
    """From the fourth step on CUDA, a captured graph runs; it must see new patches, rates and projections."""
    recipe = replace(TINY, clip=0)
    pools = [PatchPool(data.training[2], 2, recipe, torch.device("cuda")) for _ in range(2)]
    graph, eager = (Trainer([tiny_network()], [pool], recipe) for pool in pools)
    for step in range(8):
        graph.step(step / 10)
        eager._eager = 0  # never captured
        eager.step(step / 10)
    torch.testing.assert_close(graph.state()["weights"], eager.state()["weights"], rtol=1e-3, atol=1e-4)


def test_averages_forget_where_they_began(trainer: Callable[..., Trainer]) -> None:
    """A short run must not be judged by the weights that it began with."""
    trained = trainer(replace(TINY, warmup=0))
    first = [each.clone() for each in trained.state()["weights"]]
    for _ in range(20):
        trained.step(0.2)
    state = trained.state()

    def distance(others: list[torch.Tensor]) -> float:
        pairs = zip(state["average"], others, strict=True)
        return float(sum((one - other).square().sum() for one, other in pairs) ** 0.5)

    assert distance(state["weights"]) < distance(first)
