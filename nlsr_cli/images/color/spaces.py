"""Colour profiles (ICC.1): from the space of the source to sRGB and back again.

Everything goes by relative colorimetric intent with black point compensation, the choice of photo editors: colours that
both spaces hold stay what they are. 8-bit pixels go through Pillow, deeper ones through `deep_spaces`.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from nlsr_cli import scratch
from nlsr_cli.images.color import deep_spaces
from nlsr_cli.images.picture import Pixels

Space = Literal["RGB", "GRAY", "CMYK", "other", "unreadable"]
PILLOW_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
CHANNELS = {"RGB": 3, "L": 1, "CMYK": 4, "LAB": 3}
LATTICE = 17  # steps per axis of the colours on which a profile is compared with sRGB


@lru_cache(maxsize=8)
def space_of(icc: bytes) -> Space:
    """Return the colour space that a profile describes: "other" for device links and exotic ones."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc)).profile
        device, described = profile.device_class.strip(), profile.xcolor_space.strip()
    except (OSError, ValueError):  # also of signatures that are no letters: a UnicodeDecodeError
        return "unreadable"
    if device in ("link", "abst", "nmcl"):
        return "other"
    spaces: dict[str, Space] = {"RGB": "RGB", "GRAY": "GRAY", "CMYK": "CMYK"}
    space = spaces.get(described, "other")
    return "unreadable" if space != "other" and _transform(icc, inverse=False) is None else space


def name_of(icc: bytes) -> str:
    """Return the name that a profile gives itself, in a form that cannot confuse a terminal."""
    try:
        text = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc)))
    except (OSError, ValueError, ImageCms.PyCMSError):
        text = ""
    return "".join(character for character in text if character.isprintable()).strip()[:60] or "unnamed"


@lru_cache(maxsize=8)
def is_nearly_srgb(icc: bytes) -> bool:
    """Say whether going from an RGB profile to sRGB moves no colour of a lattice by more than one level."""
    steps = np.linspace(0, 255, LATTICE).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(LATTICE, -1, 3)
    moved = to_srgb(lattice, icc).astype(np.int16) - lattice
    return int(np.abs(moved).max()) <= 1


def is_invertible(icc: bytes) -> bool:
    """Say whether colours can be brought into the space of a profile, which scanner profiles do not offer."""
    return _transform(icc, inverse=True) is not None


def to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """Return pixels (h, w, c) of a readable profile's space as sRGB (h, w, 3) of the same dtype.

    Floating point is not clipped.
    """
    if pixels.dtype != np.uint8:
        return deep_spaces.convert(pixels, (icc, _mode(icc)), (deep_spaces.srgb_profile(), "RGB"))
    transform = _transform(icc, inverse=False)
    if transform is None:
        raise ValueError("the profile cannot be used")
    return _apply(transform, pixels, _mode(icc), "RGB")


def from_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """Return sRGB pixels (h, w, 3) in the space of an invertible profile, (h, w, c) of the same dtype."""
    if pixels.dtype != np.uint8:
        return deep_spaces.convert(pixels, (deep_spaces.srgb_profile(), "RGB"), (icc, _mode(icc)))
    transform = _transform(icc, inverse=True)
    if transform is None:
        raise ValueError("the profile cannot be used in this direction")
    return _apply(transform, pixels, "RGB", _mode(icc))


def grey_to_srgb(grey: Pixels, icc: bytes) -> Pixels:
    """Return grey (h, w, 1) of a grey profile as grey (h, w, 1), of the same dtype, with the tone curve of sRGB."""
    if grey.dtype != np.uint8:
        return to_srgb(grey, icc)[..., 1:2]
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256, 1)
    table: Pixels = to_srgb(ramp, icc)[0, :, 1]
    return table[grey]


def plain_cmyk_to_rgb(pixels: Pixels) -> Pixels:
    """Return CMYK (h, w, 4) of 8 or 16 bits, of which nobody knows the inks, as RGB (h, w, 3): what ink takes away."""
    height, width, _ = pixels.shape
    if pixels.dtype == np.uint8:
        return np.asarray(Image.frombytes("CMYK", (width, height), pixels.tobytes()).convert("RGB"))
    result = scratch.empty((height, width, 3), pixels.dtype)
    for rows in scratch.bands(pixels.shape):
        light = 65535 - pixels[rows].astype(np.uint32)
        result[rows] = (light[..., :3] * light[..., 3:] + 32767) // 65535
    return result


def lab_to_srgb(pixels: Pixels) -> Pixels:
    """Return 8-bit CIE L*a*b* pixels (h, w, 3), as Pillow holds them, as sRGB (h, w, 3)."""
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(
        *profiles, "LAB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    )
    return _apply(transform, pixels, "LAB", "RGB")


@lru_cache(maxsize=8)
def _mode(icc: bytes) -> str:
    return PILLOW_MODES[ImageCms.ImageCmsProfile(BytesIO(icc)).profile.xcolor_space.strip()]


@lru_cache(maxsize=8)
def _transform(icc: bytes, *, inverse: bool) -> ImageCms.ImageCmsTransform | None:
    """Return the transform between a profile and sRGB, or None where the profile does not offer it."""
    try:
        profile, srgb = ImageCms.ImageCmsProfile(BytesIO(icc)), ImageCms.createProfile("sRGB")
        ends = ((srgb, "RGB"), (profile, _mode(icc)))
        (source, source_mode), (target, target_mode) = ends if inverse else reversed(ends)
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        if "L" in (source_mode, target_mode):  # optimised, a curve as steep as linear light is ten levels off
            flags |= ImageCms.Flags.NOOPTIMIZE
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.buildTransform(source, target, source_mode, target_mode, intent, flags)
    except (OSError, ValueError, KeyError, ImageCms.PyCMSError):
        return None


def _apply(transform: ImageCms.ImageCmsTransform, pixels: Pixels, source: str, target: str) -> Pixels:
    """Run a transform over bands of rows, so that a large picture needs no second and third copy of itself."""
    height, width, _ = pixels.shape
    result = scratch.empty((height, width, CHANNELS[target]), np.uint8)
    for rows in scratch.bands(pixels.shape):
        part = np.ascontiguousarray(pixels[rows])
        band = Image.frombytes(source, (width, len(part)), part.tobytes())
        result[rows] = np.asarray(transform.apply(band)).reshape(len(part), width, -1)
    return result
