"""Small colour profiles, built byte by byte as ICC.1 describes them, so that no profile of others has to be shipped."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageCms

from nlsr_cli.images.depth.extra import codecs

D50 = (0.9642, 1.0, 0.8249)
# Colorants adapted to D50, as the published profiles of these spaces state them.
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.79767, 0.28803, 0.0), (0.13518, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
REC_2020 = ((0.67348, 0.27904, -0.00194), (0.16566, 0.67535, 0.02998), (0.12505, 0.04561, 0.79686))


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _srgb_curve() -> bytes:
    """Return the tone curve of IEC 61966-2-1 as a parametric curve of type 3."""
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _text(text: str) -> bytes:
    ascii_text = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text + bytes(78)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x02400000, kind, space, connection)
    header += date + b"acsp" + bytes(28) + _fixed(*D50)
    return header + bytes(128 - len(header)) + table + body


def rgb(name: str, colorants: tuple[tuple[float, float, float], ...], gamma: float | None = 2.2) -> bytes:
    """Return a matrix profile for RGB, with a gamma or, if that is None, the tone curve of sRGB."""
    tags = {b"desc": _text(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(D50)}
    for letter, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags[letter + b"XYZ"] = _xyz(colorant)
        tags[letter + b"TRC"] = _srgb_curve() if gamma is None else _gamma(gamma)
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey(gamma: float = 1.8) -> bytes:
    """Return a profile for grey, which is a tone curve and nothing else."""
    tags = {b"desc": _text("Grey gamma"), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(D50), b"kTRC": _gamma(gamma)}
    return _profile(b"mntr", b"GRAY", b"XYZ ", tags)


@cache  # it is dated to the second, and two of them would differ
def srgb() -> bytes:
    """Return the sRGB profile that Pillow's colour library makes."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _lut(inputs: int, outputs: int, grid: int, table: np.ndarray) -> bytes:
    identity = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes((inputs, outputs, grid, 0)) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return head + identity * inputs + table.astype(np.uint8).tobytes() + identity * outputs


def _grid(steps: int, axes: int) -> np.ndarray:
    values = np.linspace(0, 255, steps).round().astype(np.uint8)
    return np.stack(np.meshgrid(*[values] * axes, indexing="ij"), axis=-1).reshape(1, -1, axes)


def _converted(pixels: np.ndarray, source: str, target: str) -> np.ndarray:
    """Convert between RGB and Lab; Pillow's Lab bytes are signed like TIFF's, those of ICC tables are offset by 128."""
    profiles = {"RGB": ImageCms.createProfile("sRGB"), "LAB": ImageCms.createProfile("LAB")}
    flip = np.array((0, 128, 128), np.uint8)
    given = pixels.astype(np.uint8) ^ (flip if source == "LAB" else 0)
    transform = ImageCms.buildTransform(profiles[source], profiles[target], source, target)
    image = Image.frombytes(source, (pixels.shape[1], 1), given.tobytes())
    return np.asarray(transform.apply(image)) ^ (flip if target == "LAB" else 0)


@lru_cache(maxsize=1)
def cmyk() -> bytes:
    """Return a printer profile for an idealised CMYK, with tables both ways."""
    inks = _grid(5, 4)
    light = 255 - inks.astype(float)
    seen = light[..., :3] * light[..., 3:] / 255
    to_lab = _converted(seen.round(), "RGB", "LAB")
    colors = _converted(_grid(17, 3), "LAB", "RGB").astype(float)
    black = 255 - colors.max(axis=-1, keepdims=True)
    white = np.maximum(255 - black, 1)
    to_inks = np.concatenate((255 * (1 - colors / white), black), axis=-1).clip(0, 255).round()
    tags = {
        b"desc": _text("Ideal CMYK"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(D50),
        b"A2B0": _lut(4, 3, 5, to_lab),
        b"B2A0": _lut(3, 4, 17, to_inks),
    }
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


@lru_cache(maxsize=1)
def table_rgb() -> bytes:
    """Return a profile for RGB that is Display P3 by tables of 16 bits both ways (mft2 of ICC.1), as of a printer."""
    source, lab = rgb("P3", DISPLAY_P3), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    colors = (_grid(17, 3) / 255).astype(np.float64)
    to_lab = codecs().cms_transform(colors, source, lab, colorspace="rgb", outcolorspace="lab")
    places = _grid(33, 3).astype(np.float64) / 255 * (65535 / 65280) * (100, 255, 255) - (0, 128, 128)
    to_rgb = codecs().cms_transform(places, lab, source, colorspace="lab", outcolorspace="rgb").clip(0, 1)
    tags = {
        b"desc": _text("P3 by tables"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(D50),
        b"A2B0": _deep_lut(17, (to_lab + np.array((0, 128, 128))) / (100, 255, 255) * 65280),
        b"B2A0": _deep_lut(33, to_rgb * 65535),
    }
    return _profile(b"prtr", b"RGB ", b"Lab ", tags)


def _deep_lut(grid: int, table: np.ndarray) -> bytes:
    head = b"mft2\0\0\0\0" + bytes((3, 3, grid, 0)) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(">HH", 2, 2)
    straight = struct.pack(">2H", 0, 65535) * 3
    return head + straight + table.round().clip(0, 65535).astype(">u2").tobytes() + straight


def one_way_rgb() -> bytes:
    """Return a scanner profile: it leads from RGB to Lab and not back."""
    to_lab = _converted(_grid(5, 3)[..., ::-1], "RGB", "LAB")
    tags = {
        b"desc": _text("One way scanner"),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(D50),
        b"A2B0": _lut(3, 3, 5, to_lab),
    }
    return _profile(b"scnr", b"RGB ", b"Lab ", tags)


BUILDERS: dict[str, Callable[[], bytes]] = {
    "srgb": srgb,
    "p3": lambda: rgb("Display P3", DISPLAY_P3),
    "adobe": lambda: rgb("Adobe RGB", ADOBE_RGB),
    "grey": grey,
    "cmyk": cmyk,
}
