"""What a picture is once it has left its file: pixels, and everything else the file said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# uint8 or uint16; every array that leaves this package is one of the two.
Pixels: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Metadata:
    """What a file carried besides its pixels.

    `format` is Pillow's name of the source format (an MPO is a JPEG), `mode` its mode as stored ("P", "CMYK", "I;16").
    `icc` is the colour profile, verbatim. `exif` is a TIFF-structured EXIF block without thumbnail, its orientation 1.
    `dpi` is (horizontal, vertical). `lossless` says that a WebP was coded without loss.
    """

    format: str
    mode: str
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    lossless: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """Upright pixels with what their file said about them.

    `color` is (h, w, 1) grey as stored, or (h, w, 3) RGB in sRGB encoding. `alpha` is (h, w) of the same dtype and not
    premultiplied, or None where the file has no alpha channel. `notes` holds one sentence for each thing that was
    converted or left out in reading.
    """

    color: Pixels
    alpha: Pixels | None
    metadata: Metadata
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.color.ndim != 3 or self.color.shape[2] not in (1, 3) or 0 in self.color.shape:
            raise ValueError(f"color must be (h, w, 1) or (h, w, 3), not {self.color.shape}")
        if self.color.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
            raise ValueError(f"color must be uint8 or uint16, not {self.color.dtype}")
        if self.alpha is not None and (self.alpha.shape, self.alpha.dtype) != (self.color.shape[:2], self.color.dtype):
            raise ValueError(f"alpha must be {self.color.shape[:2]} {self.color.dtype}, not {self.alpha.shape}")

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return int(self.color.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.color.shape[1])

    @property
    def depth(self) -> int:
        """Return the bits per channel: 8 or 16."""
        return self.color.dtype.itemsize * 8

    @property
    def is_grey(self) -> bool:
        """Say whether there is one channel instead of three."""
        return bool(self.color.shape[2] == 1)


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before any pixel is decoded; height and width are those when upright.

    `frames` is counted up to ten thousand in a TIFF.
    """

    format: str
    mode: str
    height: int
    width: int
    depth: int
    frames: int
    has_alpha: bool


def rgb8(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Return (h, w, 3) uint8 of grey or colour, 8 or 16 bits: grey is repeated, 16 bits are rounded."""
    if pixels.dtype == np.uint16:
        pixels = (pixels.astype(np.uint32) + 128) // 257
    eight = pixels.astype(np.uint8, copy=False)
    return eight.repeat(3, axis=2) if eight.shape[2] == 1 else eight
