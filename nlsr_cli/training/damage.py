"""Patches that went through a degradation, with what the network is told of it: not the truth, but near it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.evaluation.degrade import Degradation, Degraded
from nlsr_cli.images import Pixels
from nlsr_cli.training.recipe import Recipe

# Standard deviation of what is added to both numbers: estimates are not exact, and the network must not rely on them.
JITTER = 0.06
CLEAN_TRUSTED = 0.8  # share of the clean patches that are told to be clean, and no more


class Damage:
    """Damages a share of the patches of a step; which, and how, depends on the seed and the number of the step alone.

    Args:
        recipe: the choices `degrade`, `damaged`, `patch` and `seed`.
        scale: how many times larger the truth is.

    Raises:
        OptionError: the description makes no sense.
    """

    def __init__(self, recipe: Recipe, scale: int) -> None:
        self._degradation = Degradation.parse(recipe.degrade)
        self._share, self._patch, self._seed, self._scale = recipe.damaged, recipe.patch, recipe.seed, scale

    @property
    def margin(self) -> int:
        """Return how many low-resolution pixels around a patch are needed."""
        return self._degradation.margin

    def apply(self, lr: Tensor, windows: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return the low resolution with some of it damaged, and what is told of each patch, (b, 2) from 0 to 1.

        Args:
            lr: clean patches, (b, 3, p, p) in [0, 1].
            windows: the truth of each with its margin, (b, s (p + 2 m), s (p + 2 m), 3) uint8.
            step: the number of the step.
        """
        told = np.zeros((len(windows), 2), np.float32)
        lr = lr.clone()
        for index, window in enumerate(windows.cpu().numpy()):
            generator = np.random.default_rng((self._seed, step, index, self._scale))
            if generator.random() < self._share:
                damaged = self._damaged(window, generator)
                patch = torch.from_numpy(self._cut(damaged)).to(lr.device)
                lr[index] = patch.permute(2, 0, 1).float() / 255
                told[index] = damaged.compression, damaged.noise
            elif generator.random() < CLEAN_TRUSTED:
                continue
            told[index] += JITTER * generator.standard_normal(2)
        return lr, torch.from_numpy(told.clip(0, 1)).to(lr.device)

    def _damaged(self, window: Pixels, generator: np.random.Generator) -> Degraded:
        return self._degradation.apply(self._degradation.reduce(window, self._scale, generator), generator)

    def _cut(self, damaged: Degraded) -> Pixels:
        """Return the patch within a window that has lost rows and columns to shifts."""
        top, left = (self.margin - offset for offset in damaged.offset)
        return np.ascontiguousarray(damaged.pixels[top : top + self._patch, left : left + self._patch])
