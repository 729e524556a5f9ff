"""Random patches of photographs: what the network sees, made on the CPU, and its truth, kept on the device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nlsr_cli.errors import OptionError
from nlsr_cli.images import Pixels
from nlsr_cli.training.damage import Damage, Told
from nlsr_cli.training.detail import Integers, fields_of
from nlsr_cli.training.photos import DECODERS, Pair, halved
from nlsr_cli.training.recipe import Recipe

Rows = npt.NDArray[np.uint8]  # (pixels of all photographs, 3)


@dataclass(frozen=True)
class Places:
    """Where all photographs lie in their joined rows, and how likely a patch begins where.

    `fields` are (7, n): the start, height and width of a field's reduction, then its top, left, rows and columns.
    `chance` is their cumulative probability, (n,).
    """

    fields: Integers
    chance: npt.NDArray[np.float64]

    def choose(self, seed: int, batch: int, step: int) -> Integers:
        """Return where the patches of a step lie: start, height, width, top, left and orientation, (6, b)."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        luck = torch.rand(4, batch, generator=generator, dtype=torch.float64).numpy()
        chosen = np.searchsorted(self.chance, luck[0]).clip(max=len(self.chance) - 1)
        start, height, width, top, left, rows, columns = self.fields[:, chosen]
        top = top + (luck[1] * rows).astype(np.int64)
        left = left + (luck[2] * columns).astype(np.int64)
        return np.stack([start, height, width, top, left, (luck[3] * 8).astype(np.int64)])


@dataclass(frozen=True)
class Inputs:
    """What the network is given at one scale; it can be made in any process, and depends on seed and step alone.

    `hr` and `lr` are the pixels of all photographs and of their reductions, one after the other.
    """

    hr: Rows
    lr: Rows
    places: Places
    recipe: Recipe
    scale: int
    damage: Damage | None

    def make(self, batch: int, step: int) -> tuple[Pixels, Told]:
        """Return the patches of a step, (b, p, p, 3) uint8, and what is told of their damage, (b, 2) from 0 to 1."""
        where = self.places.choose(self.recipe.seed, batch, step)
        patch, margin = self.recipe.patch, self.damage.margin if self.damage else 0
        lr = np.stack([cut(self.lr, each, patch, 1) for each in where.T])
        if self.damage is None:
            return lr, np.zeros((batch, 2), np.float32)

        def window(index: int, scale: int) -> Pixels:
            return cut(self.lr if scale == 1 else self.hr, where[:, index], patch, scale, margin)

        return self.damage.apply(lr, window, step)


class PatchPool:
    """All photographs of a training set, from which random patches are drawn.

    Every orientation of the square (the eight of the dihedral group) is equally likely, and so is every position of
    every photograph where `focus` is 0; see `detail.py` for what it does otherwise. The share `halves` of the patches
    comes from the same photographs at half their size. Which patches a step gets depends on `seed` and the number of
    the step alone, so that a run that goes on draws what an unbroken one would have drawn.

    Args:
        pairs: photographs and reductions; each reduction has at least `recipe.patch` pixels on a side.
        scale: how many times larger the photographs are than their reductions.
        recipe: the choices `patch`, `focus`, `halves`, `seed`, and those of damage.
        device: where the truth is kept, and patches are wanted.
        alike: whether all damaged patches of a step have the same damage, and come last.

    Raises:
        OptionError: there is no photograph, or the description of the damage makes no sense.
    """

    def __init__(
        self, pairs: Iterable[Pair], scale: int, recipe: Recipe, device: torch.device, *, alike: bool = False
    ) -> None:
        pairs, patch = list(pairs), recipe.patch
        if not pairs:
            raise OptionError(
                f"no photograph has {patch * scale} pixels on its short side",
                "Give larger photographs or a smaller --patch.",
            )
        damage = Damage(recipe, scale, alike=alike) if recipe.degrade else None
        whole = len(pairs)
        pairs += halved(pairs, scale, patch) if recipe.halves else []
        self.halves = len(pairs) - whole  # photographs that are used at half their size too
        hr, lr = _joined([pair.hr for pair in pairs]), _joined([pair.lr for pair in pairs])
        self.inputs = Inputs(hr, lr, _places(pairs, whole, recipe), recipe, scale, damage)
        self.device = device
        self._hr = None if device.type == "cpu" else torch.from_numpy(hr).to(device)

    def draw(self, batch: int, step: int, made: tuple[Pixels, Told] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return (lr, hr, told) of step `step`; `made` is what `inputs` make of it, if that was done before.

        The first two are (b, 3, p, p) and (b, 3, s p, s p), float32 in [0, 1], channels last; `told` is what is told of
        their damage, (b, 2) from 0 to 1.
        """
        lr, told = self.inputs.make(batch, step) if made is None else made
        recipe, scale = self.inputs.recipe, self.inputs.scale
        where = self.inputs.places.choose(recipe.seed, batch, step)
        if self._hr is None:
            hr = torch.from_numpy(np.stack([cut(self.inputs.hr, each, recipe.patch, scale) for each in where.T]))
        else:
            hr = gather(self._hr, self._on_device(where), recipe.patch, scale)
        return _levels(self._on_device(lr)), _levels(hr), self._on_device(told)

    def _on_device(self, values: npt.NDArray[Any]) -> Tensor:
        held = torch.from_numpy(values)
        if self.device.type == "cuda":
            held = held.pin_memory()
        return held.to(self.device, non_blocking=True)


def cut(pixels: Rows, where: Integers, patch: int, factor: int, margin: int = 0) -> Pixels:
    """Return one patch (side, side, 3) of `pixels`, whose coordinates are `factor` times those of `where`, (6,).

    A margin, in low-resolution pixels, is added on every side; beyond a photograph its border is repeated.
    """
    start, height, width, top, left, turn = (int(each) for each in where)
    area = height * width * factor**2
    photograph = pixels[start * factor**2 :][:area].reshape(height * factor, width * factor, 3)
    ramp = np.arange(-margin * factor, (patch + margin) * factor)
    rows = (top * factor + ramp).clip(0, height * factor - 1)
    columns = (left * factor + ramp).clip(0, width * factor - 1)
    part = photograph[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if margin:
        part = part[rows - rows[0]][:, columns - columns[0]]
    part = part[:: -1 if turn & 2 else 1, :: -1 if turn & 4 else 1]
    return part.transpose(1, 0, 2) if turn & 1 else part


def gather(pixels: Tensor, where: Tensor, patch: int, factor: int) -> Tensor:
    """Return what `cut` does for all columns of `where`, (6, b), at once on their device: (b, side, side, 3)."""
    start, _, width, top, left, turn = where.view(6, -1, 1, 1)  # (b, 1, 1) each
    ramp = torch.arange(patch * factor, device=where.device)
    row, column = _turned(ramp.view(1, -1, 1), ramp.view(1, 1, -1), turn, patch * factor)  # (b, side, side)
    index = start * factor**2 + (top * factor + row) * (width * factor) + left * factor + column
    return pixels.index_select(0, index.view(-1)).view(*index.shape, 3)


def _levels(pixels: Tensor) -> Tensor:
    """(b, h, w, 3) uint8 -> (b, 3, h, w) in [0, 1], channels last."""
    return (pixels.float() / 255).permute(0, 3, 1, 2)


def _turned(row: Tensor, column: Tensor, turn: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the coordinates that orientation `turn` (0 to 7) of a square takes its pixels from."""
    swapped, flipped, mirrored = (turn & 1).bool(), (turn & 2).bool(), (turn & 4).bool()
    row, column = torch.where(swapped, column, row), torch.where(swapped, row, column)
    return torch.where(flipped, side - 1 - row, row), torch.where(mirrored, side - 1 - column, column)


def _places(pairs: Sequence[Pair], whole: int, recipe: Recipe) -> Places:
    """Return where patches can begin; the first `whole` photographs are not at half their size."""
    sizes = np.array([pair.lr.shape[:2] for pair in pairs])  # (photographs, 2)
    areas = sizes.prod(axis=1)
    starts = areas.cumsum() - areas  # of each reduction in the joined rows; times s * s of each photograph
    with ThreadPoolExecutor(DECODERS) as pool:
        fields = list(pool.map(lambda pair: fields_of(pair.hr, pair.lr, recipe.patch, recipe.focus), pairs))
    photo = np.repeat(np.arange(len(pairs)), [len(each.tops) for each in fields])
    weights = np.concatenate([each.weights for each in fields])
    if whole < len(pairs):
        weights[photo < whole] *= (1 - recipe.halves) / weights[photo < whole].sum()
        weights[photo >= whole] *= recipe.halves / weights[photo >= whole].sum()
    chance = weights.cumsum()
    spans = [np.concatenate([getattr(each, name) for each in fields]) for name in ("tops", "lefts", "rows", "columns")]
    return Places(np.stack([starts[photo], *sizes[photo].T, *spans]), chance / chance[-1])


def _joined(pictures: Sequence[Pixels]) -> Rows:
    """Return the pixels of all pictures as one (n, 3) array, filled picture by picture to hold nothing twice."""
    counts = [picture.shape[0] * picture.shape[1] for picture in pictures]
    joined = np.empty((sum(counts), 3), np.uint8)
    row = 0
    for picture, count in zip(pictures, counts, strict=True):
        joined[row : row + count] = picture.reshape(count, 3)
        row += count
    return joined
