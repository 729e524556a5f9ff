"""Samples as libvips gives them on their way to colours and alpha, band by band, by the rules for whole pictures."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from nlsr_cli.images.facts import Deep, Facts
from nlsr_cli.images.modes import Decoded, sorted_out
from nlsr_cli.images.nodata import Hiding, left_out
from nlsr_cli.images.picture import Pixels
from nlsr_cli.images.reading import UNLIKE, Info

CHANNELS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBX": 4, "CMYK": 4}


class Sorting(Protocol):
    """What makes colours and alpha of samples; `notes` and `hiding` are complete behind the last band."""

    @property
    def hiding(self) -> Hiding:
        """Return what was found of pixels without data."""

    @property
    def notes(self) -> list[str]:
        """Return what is to be said of all bands so far."""

    def sorted_out(self, samples: Pixels) -> tuple[Pixels, Pixels | None]:
        """Return colours, (h, w, c), and alpha, (h, w), of the next band."""


class Eight:
    """Samples of a mode of Pillow's, of 8 bits, or plain grey of 16; `info` is what Pillow found beside them."""

    def __init__(self, mode: str, info: Info, facts: Facts) -> None:
        self.mode, self.info, self.facts = mode, info, facts
        self.hiding = Hiding(None if mode in UNLIKE else facts.nodata)
        self._told: list[str] = []

    def sorted_out(self, samples: Pixels) -> tuple[Pixels, Pixels | None]:
        """Return colours and alpha of the next band."""
        if samples.dtype == np.uint8:
            decoded = sorted_out(samples[..., : CHANNELS[self.mode]], self.mode, self.info, self.facts)
        else:
            decoded = Decoded(samples[..., :1])
        self._told = decoded.notes
        if self.hiding.stated is None:
            return decoded.color, decoded.alpha
        return self.hiding.hide(decoded.color, decoded.alpha)

    @property
    def notes(self) -> list[str]:
        """Return what is to be said of all bands so far."""
        stated = self.facts.nodata
        lost = stated is not None and self.hiding.stated is None
        return [*self._told, *([left_out(stated or "", palette=False)] if lost else self.hiding.notes)]


class DeepPng:
    """Samples of a PNG of 16 bits."""

    def __init__(self, deep: Deep) -> None:
        self.deep, self.hiding = deep, Hiding(None)
        self.notes = ["The transparent colour becomes an alpha channel."] if deep.key else []

    def sorted_out(self, samples: Pixels) -> tuple[Pixels, Pixels | None]:
        """Return colours and alpha of the next band."""
        if samples.shape[2] != self.deep.channels:
            raise ValueError("the samples do not match the header")
        return (samples[..., :-1], samples[..., -1]) if self.deep.alpha else (samples, None)
