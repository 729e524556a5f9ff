"""Photographs for tests of training: small parts of a real one."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from nlsr_cli.training.data import Data, gather
from nlsr_cli.training.patches import PatchPool
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.recipe import Budget, Recipe
from tests.conftest import ASSETS

TINY = Recipe(patch=8, batch=2)


def save_photographs(folder: Path, count: int = 4, size: tuple[int, int] = (72, 64)) -> Path:
    """Write `count` different parts of a photograph, (height, width), into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = size
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(count):
            left, top = 23 * index % 100, 17 * index % 100
            image.convert("RGB").crop((left, top, left + width, top + height)).save(folder / f"photo{index:03}.png")
    return folder


def tiny_plan(folder: Path, **settings: object) -> Plan:
    """Return a plan on the photographs in `folder/photos` that takes a moment."""
    defaults = {"data": (str(folder / "photos"),), "out": str(folder / "run"), "scales": (2,), "recipe": TINY}
    return Plan(**{**defaults, "budget": Budget(steps=4), **settings})  # type: ignore[arg-type]


def tiny_pool(data: Data, recipe: Recipe = TINY, scale: int = 2) -> PatchPool:
    return PatchPool(data.training[scale], scale, recipe, torch.device("cpu"))


def tiny_data(folder: Path) -> Data:
    save_photographs(folder / "photos")
    return gather(tiny_plan(folder))
