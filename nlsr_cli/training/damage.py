"""Patches that went through a degradation, with what the network is told of it: not the truth, but near it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nlsr_cli.evaluation.degrade import BICUBIC, Degradation, Degraded, reduce_by
from nlsr_cli.images import Pixels
from nlsr_cli.training.recipe import Recipe

Window = Callable[[int, int], Pixels]
Told = npt.NDArray[np.float32]

# Standard deviation of what is added to both numbers: estimates are not exact, and the network must not rely on them.
JITTER = 0.06
CLEAN_TRUSTED = 0.8  # share of the clean patches that are told to be clean, and no more
# Drawings on a screen were never reduced: their edges are steps from pixel to pixel, which no bicubic reduction leaves.
# A network that has seen nothing else puts bright seams along them. A patch is a drawing where so many of its pixels
# are equal to their neighbours; so many of the drawings are taken as they would stand on a screen.
FLAT, ON_SCREEN = 0.5, 0.3


class Damage:
    """Damages a share of the patches of a step; which, and how, depends on the seed and the number of the step alone.

    Args:
        recipe: the choices `degrade`, `damaged`, `patch` and `seed`.
        scale: how many times larger the truth is.
        alike: whether all damaged patches of a step have the same damage, and come last.

    Raises:
        OptionError: the description makes no sense.
    """

    def __init__(self, recipe: Recipe, scale: int, *, alike: bool = False) -> None:
        self._degradation = Degradation.parse(recipe.degrade)
        self._share, self._patch, self._seed, self._scale = recipe.damaged, recipe.patch, recipe.seed, scale
        self._recipe, self._alike = recipe, alike

    @property
    def margin(self) -> int:
        """Return how many low-resolution pixels around a patch are needed."""
        return self._degradation.margin

    def apply(self, lr: Pixels, window: Window, step: int) -> tuple[Pixels, Told]:
        """Return the low resolution with some of it damaged, and what is told of each patch, (b, 2) from 0 to 1.

        Args:
            lr: clean patches, (b, p, p, 3) uint8.
            window: gives a patch with its margin, (s (p + 2 m), s (p + 2 m), 3), by its index and a scale: 1 is the
                low resolution, and the truth has that of the network.
            step: the number of the step.
        """
        lr, told = lr.copy(), np.zeros((len(lr), 2), np.float32)
        if self._alike:
            return self._apply_alike(lr, told, window, step)
        for index in range(len(lr)):
            generator = np.random.default_rng((self._seed, step, index, self._scale))
            if generator.random() < self._share:
                damaged = self._damaged(self._degradation, index, window, generator)
                lr[index] = self._cut(damaged)
                told[index] = damaged.compression, damaged.noise
            elif generator.random() < CLEAN_TRUSTED:
                continue
            told[index] += JITTER * generator.standard_normal(2)
        return lr, told.clip(0, 1)

    def _apply_alike(self, lr: Pixels, told: Told, window: Window, step: int) -> tuple[Pixels, Told]:
        """Damage the last patches of a step in place, all in the same way, and tell the same of them."""
        generator = np.random.default_rng((self._seed, step, self._scale))
        one = self._degradation.draw(generator)
        clean = self._recipe.clean(len(lr))
        for index in range(clean):
            self._reduce_otherwise(lr, index, window, np.random.default_rng((self._seed, step, index, self._scale)))
        for index in range(clean, len(lr)):
            damaged = self._damaged(one, index, window, np.random.default_rng((self._seed, step, index, self._scale)))
            lr[index] = self._cut(damaged)
            told[index] = damaged.compression, damaged.noise
        told[clean:] += JITTER * generator.standard_normal(2)
        return lr, told.clip(0, 1)

    def _reduce_otherwise(self, lr: Pixels, index: int, window: Window, generator: np.random.Generator) -> None:
        """Replace a clean patch in place where another kernel is drawn, or it is a drawing on a screen.

        How a picture was reduced is not told, so that the kernels which all pictures share must learn it.
        """
        kernel, on_screen = self._degradation.draw_kernel(generator), generator.random() < ON_SCREEN
        if kernel == BICUBIC and not on_screen:
            return
        hr = window(index, self._scale)  # (s (p + 2 m), s (p + 2 m), 3)
        if on_screen and (hr[:, 1:] == hr[:, :-1]).all(axis=2).mean() >= FLAT:
            middles = (self._scale - 1) // 2, self._scale // 2  # of a cell of s by s pixels, two where there is none
            top, left = (int(generator.choice(middles)) for _ in range(2))
            whole = hr[top :: self._scale, left :: self._scale]
        elif kernel != BICUBIC:
            whole = reduce_by(kernel, hr, self._scale)
        else:
            return
        inside = slice(self.margin, self.margin + self._patch)
        lr[index] = whole[inside, inside]

    def _damaged(
        self, degradation: Degradation, index: int, window: Window, generator: np.random.Generator
    ) -> Degraded:
        kernel = degradation.draw_kernel(generator)
        if kernel == BICUBIC:  # as the photograph was reduced, once and for all
            return degradation.apply(window(index, 1), generator)
        return degradation.apply(reduce_by(kernel, window(index, self._scale), self._scale), generator)

    def _cut(self, damaged: Degraded) -> Pixels:
        """Return the patch within a window that has lost rows and columns to shifts."""
        top, left = (self.margin - offset for offset in damaged.offset)
        return damaged.pixels[top : top + self._patch, left : left + self._patch]
