"""Damaged patches: in their place, a share of them, told nearly true, and the same ones again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nlsr_cli.images import reduce_bicubic
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.photos import Pair
from nlsr_cli.training.recipe import Recipe

RECIPE = Recipe(patch=12, halves=0, degrade="shift:7", damaged=1.0)


def pool(recipe: Recipe, scale: int = 2) -> PatchPool:
    rows, columns = np.indices((72, 84))
    hr = np.stack([rows * 3, columns * 3, rows + columns], axis=2).clip(0, 255).astype(np.uint8)
    return PatchPool([Pair(hr, reduce_bicubic(hr, scale))], scale, recipe, torch.device("cpu"))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_shifted_grid_leaves_patches_on_their_truth(scale: int) -> None:
    """Also at the border of a photograph, which is repeated around it."""
    plain, _, _ = pool(replace(RECIPE, degrade=""), scale).draw(64, 3)
    shifted, _, _ = pool(RECIPE, scale).draw(64, 3)
    inside = slice(2, -2)
    torch.testing.assert_close(shifted[..., inside, inside], plain[..., inside, inside], rtol=0, atol=2 / 255)


def test_a_share_of_the_patches_is_damaged_and_told() -> None:
    recipe = replace(RECIPE, degrade="noise:8,jpeg:40", damaged=0.25)
    lr, _, told = pool(recipe).draw(400, 0)
    clean, _, nothing = pool(replace(recipe, degrade="")).draw(400, 0)
    damaged = (lr != clean).flatten(1).any(dim=1)
    assert 0.2 < damaged.float().mean() < 0.3
    assert told[damaged].mean(dim=0).tolist() == pytest.approx([0.8, 0.5], abs=0.03)
    assert 0.02 < told[damaged].std(dim=0).max() < 0.1, "not exactly the truth"
    assert told[~damaged].max() < 0.3
    assert (told[~damaged] == 0).float().mean() > 0.7
    assert not nothing.any()


def test_draws_depend_on_seed_and_step_alone() -> None:
    recipe = replace(RECIPE, degrade="reduce/any,noise:0-16/any,jpeg:30-98/any@0.7", damaged=0.6)
    one, other = pool(recipe), pool(recipe)
    other.draw(4, 1)
    for mine, theirs in zip(one.draw(4, 7), other.draw(4, 7), strict=True):
        assert torch.equal(mine, theirs)
    assert not torch.equal(one.draw(4, 7)[0], one.draw(4, 8)[0])


def test_patches_of_one_step_can_have_one_damage() -> None:
    """The last ones: all are told the same, and the next step has another damage."""
    recipe = replace(RECIPE, degrade="noise:0-16,jpeg:30-98", damaged=0.5)
    hr = np.random.default_rng(0).integers(0, 256, (72, 84, 3), np.uint8)
    found = [
        PatchPool([Pair(hr, reduce_bicubic(hr, 2))], 2, given, torch.device("cpu"), alike=True).draw(8, step)
        for given, step in ((recipe, 3), (recipe, 4), (replace(recipe, damaged=0.0), 3))
    ]
    (lr, _, told), (_, _, other), (clean, _, nothing) = found
    assert not nothing.any()
    assert torch.equal(lr[:4], clean[:4])
    assert (lr[4:] != clean[4:]).flatten(1).any(dim=1).all()
    assert not told[:4].any()
    assert (told[4:] == told[4]).all()
    assert told[4].any()
    assert not torch.equal(told[4], other[4])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_drawings_are_learned_as_they_stand_on_a_screen(scale: int) -> None:
    """A third of the clean patches of a drawing are single pixels of it, without values in between."""
    recipe = replace(RECIPE, degrade="noise:8", damaged=0.25)
    cell = np.kron(np.random.default_rng(0).integers(0, 2, (24, 28)), np.ones((3, 3), int)) * 255
    drawing = cell[..., None].repeat(3, 2).astype(np.uint8)  # black and white squares of 3x3 pixels
    grain = np.random.default_rng(1).integers(0, 256, drawing.shape, np.uint8)
    hard = []
    for picture in (drawing, grain):
        pair = Pair(picture, reduce_bicubic(picture, scale))
        drawn = PatchPool([pair], scale, recipe, torch.device("cpu"), alike=True)
        lr = torch.cat([drawn.draw(80, step)[0][:60] for step in range(3)])  # the clean ones come first
        levels = (lr * 255).round()
        hard.append(float(((levels == 0) | (levels == 255)).flatten(1).all(dim=1).float().mean()))
    assert hard[0] == pytest.approx(0.3, abs=0.1)
    assert hard[1] == 0
