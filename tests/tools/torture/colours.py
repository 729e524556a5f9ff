"""Colours as people see them, computed without nlsr: profiles to CIE Lab in floats, and the difference CIEDE2000.

Matrix profiles and grey ones are evaluated here by the formulas of ICC.1; tables go through LittleCMS.
"""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Floats = npt.NDArray[np.float64]
D50 = np.array((0.9642, 1.0, 0.8249))
SRGB_TO_XYZ = np.array(((0.4360, 0.3851, 0.1431), (0.2225, 0.7169, 0.0606), (0.0139, 0.0971, 0.7141)))  # IEC 61966-2-1
# Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", Color Research & Application 30 (2005), from table 1:
# two colours and their difference.
PUBLISHED_PAIRS = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
)


def difference(one: Floats, other: Floats) -> Floats:
    """Return CIEDE2000 of two arrays (..., 3) of CIE Lab, with all weights 1 (Sharma et al. 2005)."""
    (l1, a1, b1), (l2, a2, b2) = (np.moveaxis(np.asarray(lab, float), -1, 0) for lab in (one, other))
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where(~grey & (h2 - h1 == 180), 180, turn)
    mean_h = np.where(grey, h1 + h2, (h1 + turn / 2) % 360)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    weight_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    weight_c, weight_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    rotation = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    parts = (l2 - l1) / weight_l, (c2 - c1) / weight_c, delta_h / weight_h
    squared = sum(part**2 for part in parts) + rotation * parts[1] * parts[2]
    return np.sqrt(np.maximum(squared, 0))


def lab_of(pixels: Floats, icc: bytes | None) -> Floats:
    """Return CIE Lab (D50) of (h, w, 1, 3 or 4) values from 0 to 1 in the space of a profile; None is sRGB."""
    channels = pixels.shape[2]
    tags = tags_of(icc) if icc else {}
    if channels == 4 or (icc and channels == 3 and b"rXYZ" not in tags):
        return _through_tables(pixels, icc)
    if channels == 1:
        light = curve(tags[b"kTRC"], pixels) if b"kTRC" in tags else srgb_curve(pixels)
        return _lab(light * D50)
    if not icc:
        return _lab(srgb_curve(pixels) @ SRGB_TO_XYZ.T)
    light = np.stack([curve(tags[n + b"TRC"], pixels[..., i]) for i, n in enumerate((b"r", b"g", b"b"))], axis=-1)
    columns = [np.array(struct.unpack(">3i", tags[n + b"XYZ"][8:20])) / 65536 for n in (b"r", b"g", b"b")]
    return _lab(light @ np.stack(columns))


def tags_of(icc: bytes) -> dict[bytes, bytes]:
    """Return the tags of a profile (ICC.1, clause 7.3)."""
    (count,) = struct.unpack_from(">I", icc, 128)
    table = (struct.unpack_from(">4sII", icc, 132 + 12 * number) for number in range(count))
    return {name: icc[at : at + size] for name, at, size in table}


def curve(tag: bytes, values: Floats) -> Floats:
    """Return values from 0 to 1 after a tone curve (`curv` or `para`)."""
    values = np.clip(values, 0, None)
    if tag[:4] == b"para":
        return _parametric(tag, values)
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return values
    points = np.array(struct.unpack_from(f">{count}H", tag, 12), float)
    if count == 1:
        return values ** (points[0] / 256)
    return np.interp(values, np.linspace(0, 1, count), points / 65535)


def _parametric(tag: bytes, values: Floats) -> Floats:
    (kind,) = struct.unpack_from(">H", tag, 8)
    number = (1, 3, 4, 5, 7)[kind]
    g, a, b, c, d, e, f = [*(v / 65536 for v in struct.unpack_from(f">{number}i", tag, 12)), *[0.0] * (7 - number)]
    if kind == 0:
        return values**g
    if kind < 3:
        edge = -b / a
        return np.where(values >= edge, np.maximum(a * values + b, 0) ** g + c, c)
    return np.where(values >= d, np.maximum(a * values + b, 0) ** g + e, c * values + f)


def srgb_curve(values: Floats) -> Floats:
    """Return linear light of sRGB values, which may lie outside 0 to 1 (IEC 61966-2-1, mirrored at zero)."""
    size = np.abs(values)
    return np.sign(values) * np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)


def _lab(xyz: Floats) -> Floats:
    ratio = xyz / D50
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def _through_tables(pixels: Floats, icc: bytes | None) -> Floats:
    """Return Lab by LittleCMS, from 16 bits to floats."""
    kind = {3: "rgb", 4: "cmyk"}[pixels.shape[2]]
    values = np.clip(pixels, 0, 1)
    if icc is None:  # CMYK without a profile: what Pillow makes of it is as good as any other guess
        levels = np.rint(values * 255).astype(np.uint8)
        image = Image.frombytes("CMYK", (levels.shape[1], levels.shape[0]), np.ascontiguousarray(levels).tobytes())
        return lab_of(np.asarray(image.convert("RGB"), float) / 255, None)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    levels = np.ascontiguousarray(np.rint(values * 65535).astype(np.uint16))
    intent = imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC
    how = {"colorspace": kind, "outcolorspace": "lab", "outdtype": "float64", "intent": intent}
    return np.asarray(imagecodecs.cms_transform(levels, icc, lab, **how))


def reduced(pixels: Floats, scale: int) -> Floats:
    """Return (h, w, c) at a whole fraction of its size, by the mean of every block."""
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // scale, scale, width // scale, scale, channels)
    return np.asarray(blocks.mean(axis=(1, 3)))
