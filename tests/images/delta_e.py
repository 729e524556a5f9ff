"""Colour difference CIEDE2000: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 Color-Difference Formula: Implementation
Notes, Supplementary Test Data, and Mathematical Observations", Color Research and Application 30(1), 2005.
"""

from __future__ import annotations

import numpy as np
from PIL import ImageCms

from nlsr_cli.images.depth.extra import codecs


def lab_of(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Return what RGB pixels (h, w, 3) of any depth look like, as CIE L*a*b* (D50) in float64."""
    white = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    library, lab = codecs(), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    values = (pixels / white).astype(np.float64)
    intent, flags = library.CMS.INTENT.RELATIVE_COLORIMETRIC, library.CMS.FLAGS.NOOPTIMIZE
    return library.cms_transform(values, icc, lab, colorspace="rgb", outcolorspace="lab", intent=intent, flags=flags)


def delta_e(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the differences of L*a*b* colours (..., 3), with all weights 1."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    colourless = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)  # opposite hues: the formula keeps the sign
    dl, dc = l2 - l1, c2 - c1
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(np.where(colourless, 0, turn)) / 2)
    lightness, c = (l1 + l2) / 2, (c1 + c2) / 2
    total = h1 + h2
    far = np.abs(h1 - h2) > 180
    h = np.where(colourless, total, np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2)
    t = 1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
    t += 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63))
    rotation = -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    sl = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    dl, dc, dh = dl / sl, dc / (1 + 0.045 * c), dh / (1 + 0.015 * c * t)
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + rotation * dc * dh, 0))
