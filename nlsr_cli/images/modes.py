"""From every mode in which Pillow holds a picture to grey, RGB or CMYK pixels and straight alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nlsr_cli.images.color import spaces
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.orientation import upright
from nlsr_cli.images.picture import Pixels

BAND = 1 << 19  # bytes

YCBCR_NOTE = "YCbCr is converted to RGB."
Bytes = npt.NDArray[np.uint8]

PREMULTIPLIED_NOTE = "Premultiplied alpha is read as straight alpha."


@dataclass
class Decoded:
    """Pixels as decoded: grey (h, w, 1), RGB (h, w, 3) or CMYK (h, w, 4), not yet colour managed.

    `nodata` is the value of pixels that hold no data, and `masked` says that alpha marks them and nothing else.
    """

    color: Pixels
    alpha: Pixels | None = None
    notes: list[str] = field(default_factory=list)
    nodata: str | None = None
    masked: bool = False


def turned(decoded: Decoded, orientation: int) -> Decoded:
    """Return the picture as it is meant to be seen."""
    alpha = None if decoded.alpha is None else upright(decoded.alpha, orientation)
    return replace(decoded, color=upright(decoded.color, orientation), alpha=alpha)


def decode(image: Image.Image, facts: Facts, *, keep_rgb: bool) -> Decoded:
    """Return the pixels of a loaded picture.

    `keep_rgb` keeps grey palettes in three channels, because a profile for RGB speaks of three.

    Raises:
        ValueError: the mode is not known.
    """
    mode = image.mode
    if mode == "YCbCr":
        return Decoded(_samples(image.convert("RGB")), None, [YCBCR_NOTE])
    if facts.raw_ycbcr:  # older Pillow takes the samples for those of RGB, four to a pixel
        raise ValueError("uncompressed YCbCr is not known to this version of Pillow")
    if mode in ("P", "PA"):
        return _palette(image, keep_rgb=keep_rgb)
    if mode == "LAB":
        return Decoded(spaces.lab_to_srgb(_samples(image)), None, ["CIE L*a*b* is converted to sRGB."])
    if mode.startswith("I;16"):
        return Decoded(_sixteen(image, inverted=facts.inverted))
    if mode == "La":
        both = sorted_out(_samples(image.convert("LA")), "LA", image.info, facts)
        return replace(both, notes=[PREMULTIPLIED_NOTE])
    return sorted_out(_samples(image.convert("L") if mode == "1" else image), mode, image.info, facts)


def sorted_out(samples: Bytes, mode: str, info: Mapping[Any, object], facts: Facts) -> Decoded:
    """Return 8-bit samples (h, w, c) of one of Pillow's modes as colours and alpha; `info` is that of the picture.

    Raises:
        ValueError: the mode is not known.
    """
    if mode in ("1", "L", "RGB"):
        return _plain(samples, mode, info, facts)
    if mode == "LA":
        return Decoded(samples[..., :1], samples[..., 1])
    if mode in ("RGBA", "RGBX"):
        channels = 1 if facts.monochrome else 3
        return Decoded(samples[..., :channels], samples[..., 3] if mode == "RGBA" else None)
    if mode == "CMYK":
        return Decoded(samples)
    raise ValueError(f"mode {mode} is not known")


def _samples(image: Image.Image) -> Bytes:
    """Return the 8-bit samples of a picture as (h, w, c).

    They are copied in bands that fit a processor's cache: Pillow hands samples over piece by piece and holds the
    interpreter's lock meanwhile, and in one go it takes their memory twice.
    """
    channels = len(image.getbands())
    samples = np.empty((image.height, image.width, channels), np.uint8)
    rows = max(1, BAND // (image.width * channels))
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        band = np.asarray(image.crop((0, top, image.width, bottom)), np.uint8)
        samples[top:bottom] = band.reshape(bottom - top, image.width, channels)
    return samples


def _sixteen(image: Image.Image, *, inverted: bool) -> npt.NDArray[np.uint16]:
    # Pillow's raw bytes, not its array: the byte order is part of the mode ("I;16B").
    order = ">u2" if image.mode == "I;16B" else "<u2"
    samples = np.frombuffer(image.tobytes(), order).astype(np.uint16).reshape(image.height, image.width, 1)
    return np.invert(samples) if inverted else samples


def _plain(samples: Bytes, mode: str, info: Mapping[Any, object], facts: Facts) -> Decoded:
    """Return grey or RGB with the alpha that a transparent colour (PNG tRNS, GIF) implies."""
    notes = []
    grey = samples.shape[2] == 1
    if grey and facts.bits < 8:
        notes.append(f"{facts.bits}-bit grey is read as 8-bit grey.")
    elif mode == "1":
        notes.append("1-bit grey is read as 8-bit grey.")
    key: object = info.get("transparency")
    if facts.key is not None:  # what Pillow makes of it differs from version to version
        key = tuple(level * (255 // (2 ** min(facts.bits, 8) - 1)) for level in facts.key)
    if facts.monochrome:
        samples = samples[..., :1]
    if key is None:
        return Decoded(samples, None, notes)
    matches = (samples == np.asarray(key, np.int64)).all(axis=2)
    notes.append("The transparent colour becomes an alpha channel.")
    return Decoded(samples, np.where(matches, 0, 255).astype(np.uint8), notes)


def _palette(image: Image.Image, *, keep_rgb: bool) -> Decoded:
    transparent = image.mode == "PA" or image.has_transparency_data
    samples = _samples(image.convert("RGBA" if transparent else "RGB"))
    rgb = samples[..., :3]
    alpha = samples[..., 3] if transparent else None
    if not keep_rgb and bool((rgb[..., :1] == rgb[..., 1:]).all()):
        return Decoded(rgb[..., :1], alpha, ["The grey palette is read as grey."])
    return Decoded(rgb, alpha, ["The palette is read as RGB."])
