"""Pictures that look like photographs, and encoders fed with bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from nlsr_cli.images import Metadata, Picture
from nlsr_cli.images.canvas import Canvas, prepare
from nlsr_cli.images.encoding.bands import whole
from nlsr_cli.images.formats import writing_of
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import collected

# Name, channels of colour, alpha, bits.
KINDS = {
    "grey": (1, False, 8),
    "grey with alpha": (1, True, 8),
    "RGB": (3, False, 8),
    "RGBA": (3, True, 8),
    "grey of 16 bits": (1, False, 16),
    "grey of 16 bits with alpha": (1, True, 16),
    "RGB of 16 bits": (3, False, 16),
    "RGBA of 16 bits": (3, True, 16),
    "grey of floats": (1, False, 32),
    "RGB of floats": (3, False, 32),
    "RGBA of floats": (3, True, 32),
}


def photograph(height: int, width: int, channels: int = 3, bits: int = 8) -> np.ndarray:
    """Return (h, w, c) of soft slopes, an edge, a flat area and some noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(height * width).integers(-3, 4, (height, width, channels))
    layers = [120 + 90 * np.sin(rows / 9 + at) * np.cos(columns / 13 - at) for at in range(channels)]
    pixels = np.stack(layers, axis=-1) + noise
    pixels[rows > columns + height // 3] = 31
    levels = np.clip(pixels, 0, 255)
    if bits == 32:
        return (levels / 200 - 0.1).astype(np.float32)
    return np.rint(levels * (257 if bits == 16 else 1)).astype(np.uint16 if bits == 16 else np.uint8)


def picture(kind: str, height: int, width: int, **metadata: object) -> Picture:
    """Return a picture of a kind."""
    channels, alpha, bits = KINDS[kind]
    pixels = photograph(height, width, channels + alpha, bits)
    mode = {1: "L", 3: "RGB"}[channels] + "A" * alpha
    layer = np.clip(pixels[..., -1], 0, 1) if bits == 32 else pixels[..., -1]
    return Picture(pixels[..., :channels], layer if alpha else None, Metadata("PNG", mode, **metadata))


def heights(total: int, most: int) -> Iterator[int]:
    """Yield heights of bands, none over `most`, that come to a total."""
    high = 1
    while total:
        yield min(high, total)
        total -= min(high, total)
        high = high % most + 1


def prepared(made: Picture, fmt: str, options: EncodeOptions | None = None) -> tuple[Canvas, np.ndarray]:
    """Return what is to be said of a picture in a format, and its pixels in one piece."""
    canvas, rows = prepare(made, writing_of(fmt).carries, options or EncodeOptions())
    return canvas, whole(rows, canvas.shape, canvas.dtype)


def encoded(made: Picture, fmt: str, most: int, options: EncodeOptions | None = None) -> bytes:
    """Return the file of a picture that comes in bands of at most so many rows."""
    options = options or EncodeOptions()
    canvas, pixels = prepared(made, fmt, options)
    return collected(writing_of(fmt).encode(canvas, bands(pixels, most), options))[0]


def bands(pixels: np.ndarray, most: int) -> Iterable[np.ndarray]:
    """Yield a picture in bands."""
    top = 0
    for high in heights(len(pixels), most):
        yield pixels[top : top + high]
        top += high
