"""Colour profiles made of numbers: what a file states by gamma, primaries or code points, as a matrix profile.

Layout by ICC.1:2010 (version 4.3), primaries and transfers by ITU-T H.273, the numbers of a PNG by ISO/IEC 15948, Adobe
RGB as cameras state it by DCF 2.0. The same numbers give the same bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Chroma = tuple[float, float, float, float, float, float, float, float]  # x and y of white, red, green, blue

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
VERSION = 0x04300000
DATE = (2000, 1, 1, 0, 0, 0)  # always the same, so that the bytes are

D65, WHITE_C, WHITE_DCI, WHITE_E = (0.3127, 0.329), (0.31, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
SRGB: Chroma = (*D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE_RGB: Chroma = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_GAMMA = 563 / 256
# H.273, table 2. Number 2 is "unspecified", which is taken as sRGB.
PRIMARIES: dict[int, Chroma] = {
    1: SRGB,
    2: SRGB,
    4: (*WHITE_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (*WHITE_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (*WHITE_DCI, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
# H.273, table 3. What is treated as sRGB's curve by common software (1, 6, 14 and 15 are the BT.709 family, 11 and 12
# extend it, 13 is sRGB itself), powers, and the one that has a straight part of its own.
SRGB_CURVES = (1, 2, 6, 11, 12, 13, 14, 15)
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
SMPTE_240M = 7
HDR = {16: "PQ", 18: "HLG"}

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SMPTE_240M_CURVE = (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 4 * 0.0228)
# A PNG's numbers round to five places, and its writers often to two; the same gamma goes by 0.45455 and 0.45.
CHROMA_TOLERANCE, GAMMA_TOLERANCE = 0.005, 0.01
GAMMA_RANGE = (0.1, 10.0)


@dataclass(frozen=True)
class Colours:
    """What a file states of its colours by numbers; with nothing set they are sRGB's.

    `gamma` is a PNG's (1 / 2.2 where a screen has 2.2), `chroma` its primaries; `codes` are the primaries and the
    transfer of H.273 and whether samples use the full range. They outrank the others.
    """

    gamma: float | None = None
    chroma: Chroma | None = None
    codes: tuple[int, int, bool] | None = None

    @property
    def as_coded(self) -> str:
        """Return why the samples must stay as they are coded ("PQ", "HLG", "narrow range"), or nothing."""
        if self.codes is None:
            return ""
        return HDR.get(self.codes[1], "" if self.codes[2] else "narrow range")

    def is_srgb(self, channels: int) -> bool:
        """Say whether these are sRGB's, within what writers round to; of grey (1 channel) the curve alone counts."""
        if self.codes is not None:
            primaries = channels == 1 or PRIMARIES.get(self.codes[0]) == SRGB
            return primaries and self.codes[1] in SRGB_CURVES
        near = self.gamma is None or abs(self.gamma - 1 / 2.2) <= GAMMA_TOLERANCE
        return near and (channels == 1 or self._primaries_near_srgb)

    @property
    def _primaries_near_srgb(self) -> bool:
        stated = self.chroma or SRGB
        return all(abs(a - b) <= CHROMA_TOLERANCE for a, b in zip(stated, SRGB, strict=True))

    @property
    def told(self) -> str:
        """Return what the file states, in words for a note."""
        if self.codes is not None:
            return f"primaries {self.codes[0]}, transfer {self.codes[1]}"
        parts = [f"gamma {self.gamma:g}"] if self.gamma is not None else []
        parts += ["custom primaries"] if self.chroma is not None and not self._primaries_near_srgb else []
        return ", ".join(parts)


def profile_for(colours: Colours, channels: int) -> bytes | None:
    """Return the profile for 1 (grey) or 3 channels that says what the numbers say; None where they make no sense."""
    curve = _curve_for(colours)
    chroma = PRIMARIES.get(colours.codes[0]) if colours.codes is not None else colours.chroma or SRGB
    if curve is None or chroma is None:
        return None
    return made(f"nlsr: {colours.told}", None if channels == 1 else chroma, curve)


def adobe_rgb(channels: int) -> bytes:
    """Return the profile of Adobe RGB (1998), of 1 or 3 channels, made of its published numbers."""
    profile = made("nlsr: Adobe RGB by EXIF", None if channels == 1 else ADOBE_RGB, _power(ADOBE_GAMMA))
    if profile is None:
        raise AssertionError("these numbers make sense")
    return profile


def _curve_for(colours: Colours) -> bytes | None:
    if colours.codes is not None:
        transfer = colours.codes[1]
        if transfer in GAMMAS:
            return _power(GAMMAS[transfer])
        curves = {SMPTE_240M: SMPTE_240M_CURVE, **dict.fromkeys(SRGB_CURVES, SRGB_CURVE)}
        return _piecewise(curves[transfer]) if transfer in curves else None
    if colours.gamma is None:
        return _piecewise(SRGB_CURVE)
    exponent = 1 / colours.gamma if colours.gamma > 0 else math.inf
    return _power(exponent) if GAMMA_RANGE[0] <= exponent <= GAMMA_RANGE[1] else None


def made(name: str, chroma: Chroma | None, curve: bytes) -> bytes | None:
    """Return a display profile with one tone curve: of these primaries, or grey without any; None for no primaries."""
    tags = {b"desc": _text(name), b"cprt": _text("No copyright: a profile made of numbers."), b"wtpt": _xyz(D50)}
    if chroma is None:
        return _profile(b"GRAY", {**tags, b"kTRC": curve})
    matrices = _adapted(chroma)
    if matrices is None:
        return None
    colorants, adaptation = matrices
    for place, letter in enumerate((b"r", b"g", b"b")):
        tags[letter + b"XYZ"] = _xyz(colorants[:, place])
        tags[letter + b"TRC"] = curve
    tags[b"chad"] = b"sf32\0\0\0\0" + _fixed(*adaptation.reshape(-1))
    return _profile(b"RGB ", tags)


def _adapted(chroma: Chroma) -> tuple[Matrix, Matrix] | None:
    """Return the matrix from RGB to XYZ under D50, and that of the adaptation to it (Bradford, ICC.1 annex E)."""
    pairs = np.array(chroma, np.float64).reshape(4, 2)
    if not (np.isfinite(pairs).all() and (pairs[:, 1] > 1e-4).all() and (np.abs(pairs) < 2).all()):
        return None
    white, *corners = (np.array((x / y, 1.0, (1 - x - y) / y)) for x, y in pairs)
    primaries = np.stack(corners, axis=1)
    if abs(np.linalg.det(primaries)) < 1e-6:
        return None
    matrix = primaries * np.linalg.solve(primaries, white)
    cones = BRADFORD @ white
    if (np.abs(cones) < 1e-6).any():
        return None
    adaptation = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ np.array(D50) / cones) @ BRADFORD
    colorants = adaptation @ matrix
    sound = np.isfinite(colorants).all() and (np.abs(colorants) < 8).all() and (np.abs(adaptation) < 100).all()
    return (colorants, adaptation) if sound else None


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Lay out a profile (ICC.1, chapter 7); curves that are equal are stored once."""
    start = 128 + 4 + 12 * len(tags)
    table, body, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", places[data], len(data))
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), VERSION, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", *DATE) + b"acsp" + bytes(28) + _fixed(*D50)
    return header.ljust(128, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)


def _xyz(values: tuple[float, float, float] | Matrix) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(words), 28) + words


def _power(exponent: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + _fixed(exponent)


def _piecewise(parameters: tuple[float, ...]) -> bytes:
    """Return the curve (aX + b)^g, or cX below d, from the parameters g, a, b, c and d (ICC.1, 10.16, function 3)."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(*parameters)
