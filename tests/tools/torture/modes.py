"""How samples of the matrix are stored, and the samples themselves: kinds, depths, palettes, transparency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tests.images.files import gradient

HEIGHT, WIDTH = 12, 16
Samples = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Mode:
    """How samples are stored: `kind` is grey, rgb, cmyk, ycbcr or lab; `bits` per channel, 33 stands for float32."""

    kind: str
    bits: int = 8
    alpha: bool = False
    palette: bool = False
    key: bool = False  # a transparent colour instead of an alpha channel
    inverted: bool = False  # 0 is white

    @property
    def floating(self) -> bool:
        """Tell whether samples are float32."""
        return self.bits == 33

    @property
    def samples(self) -> Samples:
        """Return (h, w, c) stored samples, alpha last, which use their whole depth."""
        return _samples(self)


MODES = {
    "1": Mode("grey", 1),
    "L2": Mode("grey", 2),
    "L4": Mode("grey", 4),
    "L": Mode("grey"),
    "L inverted": Mode("grey", inverted=True),
    "L+tRNS": Mode("grey", key=True),
    "LA": Mode("grey", alpha=True),
    "P": Mode("rgb", palette=True),
    "P4": Mode("rgb", 4, palette=True),
    "P+tRNS": Mode("rgb", palette=True, alpha=True),
    "RGB": Mode("rgb"),
    "RGB+tRNS": Mode("rgb", key=True),
    "RGBA": Mode("rgb", alpha=True),
    "CMYK": Mode("cmyk"),
    "YCbCr": Mode("ycbcr"),
    "LAB": Mode("lab"),
    "I;16": Mode("grey", 16),
    "I;16 inverted": Mode("grey", 16, inverted=True),
    "I;16+tRNS": Mode("grey", 16, key=True),
    "LA;16": Mode("grey", 16, alpha=True),
    "RGB;16": Mode("rgb", 16),
    "RGB;16+tRNS": Mode("rgb", 16, key=True),
    "RGBA;16": Mode("rgb", 16, alpha=True),
    "CMYK;16": Mode("cmyk", 16),
    "F": Mode("grey", 33),
    "RGB;F": Mode("rgb", 33),
    "RGBA;F": Mode("rgb", 33, alpha=True),
}


@lru_cache(maxsize=64)
def _samples(mode: Mode) -> Samples:
    channels = {"grey": 1, "rgb": 3, "ycbcr": 3, "lab": 3, "cmyk": 4}[mode.kind]
    soft = gradient(HEIGHT, WIDTH, 4)
    color = soft[..., :channels] if channels < 4 else np.concatenate((soft[..., :3], soft[..., :1] // 4), axis=-1)
    if mode.kind == "lab":
        color = np.stack((soft[..., 0], (soft[..., 1] // 4).astype(np.int8).view(np.uint8), soft[..., 2] // 8), axis=-1)
    layers = np.concatenate((color, soft[..., 3:]), axis=-1) if mode.alpha else color
    if mode.floating:
        wide = layers.astype(np.float32) / 255
        wide[..., :channels] = wide[..., :channels] * np.float32(1.3) - np.float32(0.1)  # beyond black and white
        return wide
    if mode.bits == 16:
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        return layers.astype(np.uint16) * 256 + ((rows * 37 + columns * 11) % 256)[..., None].astype(np.uint16)
    return layers >> (8 - mode.bits) if mode.bits < 8 and not mode.palette else layers


def packed(samples: Samples, bits: int) -> Samples:
    values = samples[..., 0].astype(np.uint8)
    spread = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :].reshape(len(values), -1)
    return np.packbits(spread, axis=-1)


def palette(mode: Mode) -> tuple[Samples, npt.NDArray[np.uint8]]:
    """Return (h, w) indices and a table of (n, 4) RGBA: blocks of the picture, few enough for 4 bits."""
    side = 4
    colors = mode.samples[::side, ::side, :3].reshape(-1, 3).astype(np.uint8)
    numbers = np.arange(len(colors), dtype=np.uint8).reshape(HEIGHT // side, -1)
    alpha = np.full((len(colors), 1), 255, np.uint8)
    if mode.alpha:
        alpha[:3, 0] = 0, 0, 128
    return numbers.repeat(side, 0).repeat(side, 1), np.concatenate((colors, alpha), axis=1)
