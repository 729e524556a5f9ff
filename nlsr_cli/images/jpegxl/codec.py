"""Samples from and to JPEG XL, by libjxl (imagecodecs). That passes no profiles: these are read from the header of the
codestream, and put there, by `header`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nlsr_cli.images.alpha import straight
from nlsr_cli.images.color import spaces
from nlsr_cli.images.depth import extra
from nlsr_cli.images.depth.deep import as_float32
from nlsr_cli.images.jpegxl.files import make_file, open_file
from nlsr_cli.images.jpegxl.header import ImageHeader, with_header
from nlsr_cli.images.modes import PREMULTIPLIED_NOTE, Decoded
from nlsr_cli.images.picture import Pixels, quantised

SLOPE = 12.92  # of the straight part of sRGB's curve
LOSSLESS_EFFORT = 4  # of 9: a tenth of the time of 7, and a few per cent larger


def decode_jpegxl(stream: bytes, header: ImageHeader) -> Decoded:
    """Return the samples of the first frame of a codestream with this header, upright, in the space of its profile.

    Raises:
        MissingExtra: imagecodecs is not installed.
        Exception: whatever its decoder raises, for `border` to tell.
    """
    # Of absolute colours, libjxl makes linear light where a profile is stated, in as few bits as the picture has.
    absolute = header.xyb and header.icc is not None
    if absolute:
        stream = with_header(stream, None, (32, True))
    samples = _samples(stream, header)
    notes: list[str] = []
    color: Pixels = samples
    alpha: Pixels | None = None
    if any(channel.kind == 0 for channel in header.extra):
        count = 1 if header.grey else 3
        color, alpha = samples[..., :count], samples[..., count]
        if next(channel for channel in header.extra if channel.kind == 0).associated:
            color, notes = straight(color, alpha), [PREMULTIPLIED_NOTE]
    if absolute and header.icc is not None:
        color = _in_space(color, header.icc)
        color = _as_stated(color, header)
        alpha = None if alpha is None else _as_stated(alpha, header)
    return Decoded(color, alpha, notes)


def _samples(stream: bytes, header: ImageHeader) -> Pixels:
    """Return (h, w, c) samples of 8 or 16 bits, or floating point."""
    samples: Any = extra.codecs().jpegxl_decode(stream, index=0)
    if samples.ndim == 2:
        samples = samples[..., None]
    channels = (1 if header.grey else 3) + sum(channel.kind == 0 for channel in header.extra[:1])
    if samples.ndim != 3 or samples.shape[2] < channels:
        raise ValueError("the samples do not match the header")
    samples = samples[..., :channels]
    return as_float32(samples) if samples.dtype.kind == "f" else samples


def _in_space(color: Pixels, icc: bytes) -> Pixels:
    """Return floating point colours in sRGB, unbounded, in the space of a profile.

    Below black, libjxl mirrors the curve of sRGB, and littlecms continues its straight part.
    """
    color = np.where(color < 0, -SLOPE * _light(-color), color).astype(np.float32)
    return spaces.from_srgb(color if color.shape[2] == 3 else np.repeat(color, 3, axis=2), icc)


def _as_stated(samples: Pixels, header: ImageHeader) -> Pixels:
    """Return floating point samples in the depth that the header states."""
    return samples if header.floating else quantised(samples, 8 if header.bits <= 8 else 16)


def encode_jpegxl(
    samples: Pixels, icc: bytes | None, *, quality: int, lossless: bool, words: tuple[bytes | None, bytes | None]
) -> bytes:
    """Return the file of samples (h, w, 1 to 4), uint8, uint16 or float32, in the space of a profile, None for sRGB.

    `quality` is from 1 to 100, which is lossless; `words` are EXIF and XMP.

    Raises:
        MissingExtra: imagecodecs is not installed.
        OverflowError: values are so large that light in floating point does not hold them.
    """
    depth = (samples.dtype.itemsize * 8, samples.dtype.kind == "f")
    if lossless or quality == 100:
        data = _encoded(samples, lossless=True, effort=LOSSLESS_EFFORT)
    else:
        # The scale of libjxl's own tools: 90 is what nobody should see.
        distance = 0.1 + (100 - quality) * 0.09 if quality >= 30 else 53 / 3000 * quality**2 - 23 / 20 * quality + 25
        plain = icc is None and depth == (8, False)
        data = _encoded(samples if plain else _in_linear_light(samples, icc), distance=distance)
    stream = open_file(data).stream
    if icc is not None or depth != (8, False):  # imagecodecs calls what has more bits linear
        stream = with_header(stream, icc, depth)
    return make_file(data, stream, *words)


def _in_linear_light(samples: Pixels, icc: bytes | None) -> Pixels:
    """Return samples of a profile's space as floating point light of sRGB's primaries, not clipped; alpha stays."""
    count = samples.shape[2] - 1 + samples.shape[2] % 2
    white = 1 if samples.dtype.kind == "f" else np.iinfo(samples.dtype).max
    floats = samples.astype(np.float32) / np.float32(white)
    color = np.ascontiguousarray(floats[..., :count])
    if icc is not None:
        color = spaces.to_srgb(color, icc)[..., :count]
    light = _light(color)
    if np.isinf(light).any():
        raise OverflowError("its values are too large for lossy coding: --lossless keeps them")
    # littlecms continues the straight part of the curve below black.
    return np.concatenate((np.where(color < 0, color / SLOPE, light), floats[..., count:]), axis=2)


def _light(samples: Pixels) -> Pixels:
    """Return the light that samples in sRGB encoding, of at least 0, stand for (IEC 61966-2-1)."""
    size = np.maximum(samples, 0)
    with np.errstate(over="ignore"):  # of what is beyond 10^16 times white
        light: Pixels = np.where(size <= SLOPE * 0.0031308, size / SLOPE, ((size + 0.055) / 1.055) ** 2.4)
    return light


def _encoded(samples: Pixels, **how: object) -> bytes:
    whole = samples[..., 0] if samples.shape[2] == 1 else samples
    data: bytes = extra.codecs().jpegxl_encode(np.ascontiguousarray(whole), **how)
    return data
