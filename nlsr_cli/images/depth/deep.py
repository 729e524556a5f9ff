"""From a file to samples at full depth: PNG of 16 bits, TIFF of 16 bits and floating point, AVIF of 10 and 12 bits.

libpng, libtiff and libavif do the decoding (imagecodecs, the extra `deep`). None is handed a file that promises more
pixels than were allowed, or one of which a part is missing.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.alpha import straight
from nlsr_cli.images.border import TILE_ALLOWANCE
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.depth.extra import codecs
from nlsr_cli.images.depth.layout import (
    COMPRESSION,
    MIN_IS_BLACK,
    PHOTOMETRIC,
    PICTURES,
    Layout,
    check_segments,
    number,
)
from nlsr_cli.images.depth.segments import decode_segments
from nlsr_cli.images.facts import Deep, Facts
from nlsr_cli.images.modes import PREMULTIPLIED_NOTE, YCBCR_NOTE, Decoded
from nlsr_cli.images.nodata import Hiding
from nlsr_cli.images.picture import Pixels

ORIENTATION = 274


def decode_deep(data: bytes, facts: Facts, deep: Deep, max_pixels: int) -> Decoded:
    """Return the samples of more than 8 bits that the bytes for decoders hold, as stored but straight, not yet upright.

    Raises:
        MissingExtra: imagecodecs is not installed.
        Exception: whatever its decoders raise, for `border` to tell.
    """
    if deep.layout is not None:
        return _tiff(data, deep.layout, facts.nodata, max_pixels)
    samples = _avif(data, facts.bits) if facts.bits < 16 else _with_channels(codecs().png_decode(data))
    if samples.dtype != np.uint16 or samples.ndim != 3 or samples.shape[2] != deep.channels:
        raise ValueError("the samples do not match the header")
    if facts.canvas is not None and samples.shape[:2] != facts.canvas:
        raise ValueError("the size does not match the header")
    if not deep.alpha:
        return Decoded(samples)
    notes = ["The transparent colour becomes an alpha channel."] if deep.key else []
    return Decoded(samples[..., :-1], samples[..., -1], notes)


def _avif(data: bytes, bits: int) -> Pixels:
    """Return the samples of the first picture, spread from 10 or 12 bits over 16."""
    levels = 2**bits - 1
    table = np.rint(np.arange(levels + 1) * (65535 / levels)).astype(np.uint16)
    spread: Pixels = table[_with_channels(codecs().avif_decode(data, index=0, numthreads=1))]
    return spread


def _with_channels(samples: npt.NDArray[Any]) -> Pixels:
    return samples[..., None] if samples.ndim == 2 else samples


# TIFF


def _tiff(data: bytes, layout: Layout, nodata: str | None, max_pixels: int) -> Decoded:
    made = TiffSamples(layout, nodata)
    color, alpha = made.sorted_out(_samples(data, layout, max_pixels))
    return Decoded(color, alpha, made.notes, made.hiding.text, made.hiding.masked)


class TiffSamples:
    """The samples of a TIFF on their way to colours and alpha, in bands or all at once.

    Args:
        layout: how they are laid out.
        nodata: what the file says the value of pixels without data is.
    """

    def __init__(self, layout: Layout, nodata: str | None) -> None:
        self.layout, self.hiding = layout, Hiding(nodata)
        self._clipped = False

    def sorted_out(self, samples: Pixels) -> tuple[Pixels, Pixels | None]:
        """Return the colours (h, w, c) of samples as stored, and their alpha (h, w), straight.

        Raises:
            ValueError: some are infinite, or no numbers.
        """
        layout = self.layout
        color = samples[..., : layout.channels]
        if layout.inverted:
            color = (1 - color) if layout.floating else np.invert(color)
        alpha = None if layout.alpha is None else samples[..., layout.alpha]
        if layout.floating and alpha is not None:
            alpha = as_float32(alpha)
            if alpha.min() < 0 or alpha.max() > 1:
                alpha, self._clipped = np.clip(alpha, 0, 1), True
        color, alpha = self.hiding.hide(color, alpha)
        if layout.floating:
            color, alpha = as_float32(color), None if alpha is None else as_float32(alpha)
        if layout.premultiplied and alpha is not None:
            color = straight(color, alpha)
        return color, alpha

    @property
    def notes(self) -> list[str]:
        """Return what is to be said of all samples so far."""
        layout = self.layout
        notes = [YCBCR_NOTE] if layout.ycbcr else []
        if layout.floating and layout.bits != 32:
            notes.append(f"{layout.bits}-bit floating point is read as 32-bit.")
        notes += ["Alpha outside 0 to 1 is clipped."] if self._clipped else []
        notes += self.hiding.notes
        return [*notes, PREMULTIPLIED_NOTE] if layout.premultiplied and layout.alpha is not None else notes


def _samples(data: bytes, layout: Layout, max_pixels: int) -> Pixels:
    """Return all samples of a TIFF as they are stored, (h, w, samples)."""
    block = tiff.parse(data)
    check_segments(data, block, layout, max(max_pixels, TILE_ALLOWANCE))
    if number(block, COMPRESSION, 1) in PICTURES:
        return decode_segments(data, block, layout)
    if layout.ycbcr:  # libtiff makes RGB of it, and would turn it too
        samples: Pixels = codecs().tiff_decode(_stating(data, ORIENTATION, 1), asrgb=True)[..., :3]
    else:  # it makes RGB of CMYK too, but in 8 bits; as mere samples it leaves them alone
        source = _stating(data, PHOTOMETRIC, MIN_IS_BLACK) if layout.channels == 4 else data
        samples = _with_channels(codecs().tiff_decode(source))
    if layout.planar:
        samples = np.moveaxis(samples, 0, 2)
    if samples.shape != (layout.height, layout.width, layout.samples):
        raise ValueError("the samples do not match the header")
    return samples


def _stating(data: bytes, tag: int, value: int) -> bytes:
    """Return the file with another value of a tag of one number, if it has that, so that libtiff does not act on it."""
    order, layout, start = tiff.header(data)
    changed = bytearray(data)
    for place in (at for found, at in tiff.rows(data, start) if found == tag):
        struct.pack_into(order + "H", changed, place + 2, tiff.SHORT)
        struct.pack_into(order + "H", changed, place + struct.calcsize("<" + layout.entry), value)
    return bytes(changed)


def as_float32(samples: Pixels) -> Pixels:
    """Return alpha, or colours of which nothing is masked any more, in 32 bits.

    Raises:
        ValueError: some are infinite, or no numbers.
    """
    with np.errstate(over="ignore"):  # what is too large for 32 bits is infinite, and refused as that
        samples = samples.astype(np.float32, copy=False)
    if not all(np.isfinite(samples[rows]).all() for rows in scratch.bands(samples.shape)):
        raise ValueError("pictures with infinite or NaN values are not supported")
    return samples
