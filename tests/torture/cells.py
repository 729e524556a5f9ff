"""The pictures of the matrix: formats x modes x depths x profiles x what they carry. A new one is one line in a table.

Every file is made here byte by byte, or by Pillow where a codec is needed, and its true pixels are kept beside it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.images import icc
from tests.images.files import camera_exif, gradient, png, png_chunk, saved, shorts, tiff
from tests.torture.carried import CARRIED, IPTC, XMP, app13, png_profile_text

HEIGHT, WIDTH = 12, 16
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
P3_CHRM = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
Samples = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Mode:
    """How samples are stored: `kind` is grey, rgb, cmyk, ycbcr or lab; `bits` per channel, 33 stands for float32."""

    kind: str
    bits: int = 8
    alpha: bool = False
    palette: bool = False
    key: bool = False  # a transparent colour instead of an alpha channel
    inverted: bool = False  # 0 is white

    @property
    def floating(self) -> bool:
        """Tell whether samples are float32."""
        return self.bits == 33

    @property
    def samples(self) -> Samples:
        """Return (h, w, c) stored samples, alpha last, which use their whole depth."""
        return _samples(self)


MODES = {
    "1": Mode("grey", 1),
    "L2": Mode("grey", 2),
    "L4": Mode("grey", 4),
    "L": Mode("grey"),
    "L inverted": Mode("grey", inverted=True),
    "L+tRNS": Mode("grey", key=True),
    "LA": Mode("grey", alpha=True),
    "P": Mode("rgb", palette=True),
    "P4": Mode("rgb", 4, palette=True),
    "P+tRNS": Mode("rgb", palette=True, alpha=True),
    "RGB": Mode("rgb"),
    "RGB+tRNS": Mode("rgb", key=True),
    "RGBA": Mode("rgb", alpha=True),
    "CMYK": Mode("cmyk"),
    "YCbCr": Mode("ycbcr"),
    "LAB": Mode("lab"),
    "I;16": Mode("grey", 16),
    "I;16 inverted": Mode("grey", 16, inverted=True),
    "I;16+tRNS": Mode("grey", 16, key=True),
    "LA;16": Mode("grey", 16, alpha=True),
    "RGB;16": Mode("rgb", 16),
    "RGB;16+tRNS": Mode("rgb", 16, key=True),
    "RGBA;16": Mode("rgb", 16, alpha=True),
    "CMYK;16": Mode("cmyk", 16),
    "F": Mode("grey", 33),
    "RGB;F": Mode("rgb", 33),
    "RGBA;F": Mode("rgb", 33, alpha=True),
}
_GREY = ["1", "L2", "L4", "L", "L+tRNS", "LA", "I;16", "I;16+tRNS", "LA;16"]
_RGB = ["P", "P4", "P+tRNS", "RGB", "RGB+tRNS", "RGBA", "RGB;16", "RGB;16+tRNS", "RGBA;16"]
_TIFF = ["1", "L4", "L", "L inverted", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16 inverted"]
FORMATS: dict[str, list[str]] = {
    "PNG": [*_GREY, *_RGB],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "WEBP lossless": ["RGB", "RGBA"],
    "TIFF": [*_TIFF, "LA;16", "RGB;16", "RGBA;16", "CMYK;16", "F", "RGB;F", "RGBA;F"],
    "TIFF big-endian": ["L", "RGB", "RGBA", "CMYK", "I;16", "RGB;16", "RGBA;16", "F", "RGB;F"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "AVIF": ["L", "RGB", "RGBA"],
    "GIF": ["L", "P", "P+tRNS"],
    "GIF animated": ["P", "P+tRNS"],
    "APNG": ["RGB", "RGBA"],
    "WEBP animated": ["RGB", "RGBA"],
}
# Name -> the kinds of pictures it is for, and the profile.
PROFILES: dict[str, tuple[tuple[str, ...], Callable[[], bytes]]] = {
    "sRGB": (("rgb",), icc.srgb),
    "Display P3": (("rgb",), lambda: icc.rgb("Display P3", icc.DISPLAY_P3)),
    "Adobe RGB": (("rgb",), lambda: icc.rgb("Adobe RGB", icc.ADOBE_RGB)),
    "ProPhoto": (("rgb",), lambda: icc.rgb("ProPhoto", PROPHOTO, 1.8)),
    "scanner": (("rgb",), icc.one_way_rgb),
    "grey 1.8": (("grey",), icc.grey),
    "CMYK": (("cmyk",), icc.cmyk),
}
# What a PNG says instead of a profile.
PNG_COLOURS: dict[str, tuple[tuple[str, ...], list[tuple[bytes, bytes]]]] = {
    "gAMA 1.0": (("grey", "rgb"), [(b"gAMA", struct.pack(">I", 100000))]),
    "gAMA+cHRM P3": (("rgb",), [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", struct.pack(">8I", *P3_CHRM))]),
    "cICP P3": (("rgb",), [(b"cICP", bytes((12, 13, 0, 1)))]),
}
LOADS = ("bare", "loaded", "turned")  # without metadata, with all that the format holds, with orientation 6 as well


@dataclass(frozen=True)
class Cell:
    """One file of the matrix."""

    format: str
    mode: str
    profile: str
    load: str
    data: bytes

    @property
    def name(self) -> str:
        """Return a name for the file that says what it is."""
        parts = "-".join((self.format, self.mode, self.profile, self.load))
        return "".join(c if c.isalnum() else "_" for c in parts) + ENDINGS[self.format.split()[0]]

    def __str__(self) -> str:
        return f"{self.format} {self.mode}, profile {self.profile}, {self.load}"


ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "AVIF": ".avif"}
ENDINGS |= {"GIF": ".gif", "APNG": ".png"}


def cells(every: int = 1) -> Iterator[Cell]:
    """Yield the files of the matrix; with `every` above 1 only each so-manieth, a sample that reaches all formats."""
    number = 0
    for format_, modes in FORMATS.items():
        for mode in modes:
            for profile, load in _variants(format_, MODES[mode]):
                number += 1
                if number % every == 0:
                    data = WRITERS[format_.split()[0]](format_, MODES[mode], profile, load)
                    yield Cell(format_, mode, profile, load, data)


def _variants(format_: str, mode: Mode) -> Iterator[tuple[str, str]]:
    yield from (("none", load) for load in LOADS if load == "bare" or CARRIED[format_.split(maxsplit=1)[0]])
    if format_.split(maxsplit=1)[0] in ("BMP", "GIF"):
        return
    kind = "rgb" if mode.kind == "ycbcr" else mode.kind
    yield from ((name, "loaded") for name, (kinds, _) in PROFILES.items() if kind in kinds)
    if format_ == "PNG":
        yield from ((name, "loaded") for name, (kinds, _) in PNG_COLOURS.items() if mode.kind in kinds)
    if format_ == "JPEG" and mode.kind == "rgb":
        yield "Adobe RGB by EXIF", "loaded"


def profile_bytes(name: str) -> bytes | None:
    """Return the profile of a name, None for what is said in other ways."""
    return _built(name) if name in PROFILES else None


@lru_cache(maxsize=16)
def _built(name: str) -> bytes:
    return PROFILES[name][1]()


@lru_cache(maxsize=64)
def _samples(mode: Mode) -> Samples:
    channels = {"grey": 1, "rgb": 3, "ycbcr": 3, "lab": 3, "cmyk": 4}[mode.kind]
    soft = gradient(HEIGHT, WIDTH, 4)
    color = soft[..., :channels] if channels < 4 else np.concatenate((soft[..., :3], soft[..., :1] // 4), axis=-1)
    if mode.kind == "lab":
        color = np.stack((soft[..., 0], (soft[..., 1] // 4).astype(np.int8).view(np.uint8), soft[..., 2] // 8), axis=-1)
    layers = np.concatenate((color, soft[..., 3:]), axis=-1) if mode.alpha else color
    if mode.floating:
        wide = layers.astype(np.float32) / 255
        wide[..., :channels] = wide[..., :channels] * np.float32(1.3) - np.float32(0.1)  # beyond black and white
        return wide
    if mode.bits == 16:
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        return layers.astype(np.uint16) * 256 + ((rows * 37 + columns * 11) % 256)[..., None].astype(np.uint16)
    return layers >> (8 - mode.bits) if mode.bits < 8 and not mode.palette else layers


# PNG


def _png(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    chunks: list[tuple[bytes, bytes]] = list(PNG_COLOURS[profile][1]) if profile in PNG_COLOURS else []
    if data := profile_bytes(profile):
        chunks.append((b"iCCP", b"profile\0\0" + zlib.compress(data)))
    if load != "bare":
        chunks += [
            (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
            (b"eXIf", camera_exif(6 if load == "turned" else 1)),
            (b"tEXt", b"Title\0A title"),
            (b"iTXt", b"Author\0\0\0\0\0" + "Jürgen 山".encode()),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
            (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(png_profile_text("iptc", IPTC))),
            (b"tIME", bytes((7, 232, 1, 2, 3, 4, 5))),
        ]
    if format_ == "APNG":
        return _spliced(_animated("PNG", mode), chunks)
    samples = mode.samples
    depth = mode.bits
    kind = {("grey", False): 0, ("rgb", False): 2, ("grey", True): 4, ("rgb", True): 6}[mode.kind, mode.alpha]
    if mode.palette:
        levels, table = _palette(mode)
        chunks.append((b"PLTE", table[:, :3].tobytes()))
        if mode.alpha:
            chunks.append((b"tRNS", table[:, 3].tobytes()))
        samples, kind = levels[..., None], 3
    if mode.key:
        chunks.append((b"tRNS", samples[0, 0].astype(">u2").tobytes()))
    lines = _packed(samples, depth) if depth < 8 else samples.astype(">u2" if depth == 16 else "u1")
    rows = b"".join(b"\0" + line.tobytes() for line in lines)
    return png(HEIGHT, WIDTH, depth, kind, rows, *chunks)


def _packed(samples: Samples, bits: int) -> Samples:
    values = samples[..., 0].astype(np.uint8)
    spread = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :].reshape(len(values), -1)
    return np.packbits(spread, axis=-1)


def _palette(mode: Mode) -> tuple[Samples, npt.NDArray[np.uint8]]:
    """Return (h, w) indices and a table of (n, 4) RGBA: blocks of the picture, few enough for 4 bits."""
    side = 4
    colors = mode.samples[::side, ::side, :3].reshape(-1, 3).astype(np.uint8)
    numbers = np.arange(len(colors), dtype=np.uint8).reshape(HEIGHT // side, -1)
    alpha = np.full((len(colors), 1), 255, np.uint8)
    if mode.alpha:
        alpha[:3, 0] = 0, 0, 128
    return numbers.repeat(side, 0).repeat(side, 1), np.concatenate((colors, alpha), axis=1)


def _spliced(data: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    return data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:]


# What Pillow writes


def _image(mode: Mode) -> Image.Image:
    if mode.palette:
        levels, table = _palette(mode)
        image = Image.frombytes("P", (WIDTH, HEIGHT), levels.astype(np.uint8).tobytes())
        image.putpalette(table[:, :3].tobytes())
        if mode.alpha:
            image.info["transparency"] = 0
        return image
    name = {"grey": "L", "rgb": "RGB", "cmyk": "CMYK"}[mode.kind]
    name = {"L": "LA", "RGB": "RGBA"}[name] if mode.alpha else name
    samples = np.ascontiguousarray(mode.samples.astype(np.uint8))
    if mode.bits == 1:
        return Image.frombytes("L", (WIDTH, HEIGHT), (samples * 255).tobytes()).convert("1")
    return Image.frombytes(name, (WIDTH, HEIGHT), samples.tobytes())


def _animated(format_: str, mode: Mode, **options: object) -> bytes:
    first = _image(mode)
    frames = [first, first.transpose(Image.Transpose.FLIP_LEFT_RIGHT), first]
    more: dict[str, object] = {"save_all": True, "append_images": frames[1:], "duration": [80, 120, 200], "loop": 3}
    return saved(first, format_, **more, **options)


def _carried(profile: str, load: str) -> dict[str, object]:
    """Return what Pillow's writers take beside the pixels."""
    found: dict[str, object] = {}
    if data := profile_bytes(profile):
        found["icc_profile"] = data
    if load != "bare":
        exif = camera_exif(6 if load == "turned" else 1)
        if profile == "Adobe RGB by EXIF":
            exif = _adobe_by_exif(exif)
        found |= {"exif": b"Exif\0\0" + exif, "xmp": XMP}
    return found


def _adobe_by_exif(exif: bytes) -> bytes:
    """Return the block with interoperability index R03 and an uncalibrated colour space, as cameras say Adobe RGB."""
    image = Image.Exif()
    image.load(b"Exif\0\0" + exif.replace(b"R98\0", b"R03\0"))
    image.get_ifd(0x8769)[0xA001] = 0xFFFF
    return image.tobytes().removeprefix(b"Exif\0\0")


def _jpeg(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    carried = _carried(profile, load)
    if load != "bare":
        carried |= {"dpi": (300, 300), "comment": b"A comment"}
    data = saved(_image(mode), "JPEG", quality=100, subsampling=0, **carried)
    return data[:2] + (app13(IPTC) if load != "bare" else b"") + data[2:]


def _webp(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    how = {"lossless": True, "exact": True} if format_.endswith("lossless") else {"quality": 100}
    carried = _carried(profile, load)
    if format_.endswith("animated"):
        return _animated("WEBP", mode, **how, **carried)
    return saved(_image(mode), "WEBP", **how, **carried)


def _avif(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    sampling = "4:0:0" if mode.kind == "grey" else "4:4:4"
    return saved(_image(mode), "AVIF", quality=100, subsampling=sampling, **_carried(profile, load))


def _bmp(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    return saved(_image(mode), "BMP", **({"dpi": (300, 300)} if load != "bare" else {}))


def _gif(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    carried: dict[str, object] = {"comment": b"A comment"} if load != "bare" else {}
    if mode.alpha:
        carried["transparency"] = 0
    if format_.endswith("animated"):
        return _animated("GIF", mode, disposal=2, **carried)
    return saved(_image(mode), "GIF", **carried)


# TIFF


def _tiff(format_: str, mode: Mode, profile: str, load: str) -> bytes:
    order = ">" if format_.endswith("big-endian") else "<"
    samples, photometric = mode.samples, {"grey": 1, "rgb": 2, "cmyk": 5, "ycbcr": 6, "lab": 8}[mode.kind]
    tags = {256: shorts(order, WIDTH), 257: shorts(order, HEIGHT), 259: shorts(order, 1), 278: shorts(order, HEIGHT)}
    if mode.palette:
        levels, table = _palette(mode)
        full = np.zeros((3, 256), np.uint16)
        full[:, : len(table)] = table[:, :3].T.astype(np.uint16) * 257
        tags[320] = shorts(order, *full.ravel().tolist())
        samples, photometric = levels[..., None], 3
    if mode.kind == "grey" and mode.inverted:
        samples, photometric = (np.invert(samples), 0)
    count = samples.shape[2]
    bits = 32 if mode.floating else mode.bits
    tags |= {258: shorts(order, *[bits] * count), 262: shorts(order, photometric), 277: shorts(order, count)}
    if mode.floating:
        tags[339] = shorts(order, *[3] * count)
    if mode.alpha:
        tags[338] = shorts(order, 2)
    if mode.kind == "ycbcr":
        tags[530] = shorts(order, 1, 1)
    if data := profile_bytes(profile):
        tags[34675] = (7, len(data), data)
    if load != "bare":
        tags |= _tiff_load(order, turned=load == "turned")
    kind = {1: "u1", 2: "u1", 4: "u1", 8: "u1", 16: order + "u2", 33: order + "f4"}[mode.bits]
    stored = _packed(samples, mode.bits) if mode.bits < 8 and not mode.palette else samples.astype(kind)
    return tiff(order, tags, stored.tobytes())


def _tiff_load(order: str, *, turned: bool) -> dict[int, tuple[int, int, bytes]]:
    def text(value: bytes) -> tuple[int, int, bytes]:
        return 2, len(value) + 1, value + b"\0"

    resolution = (5, 1, struct.pack(order + "II", 300, 1))
    return {
        270: text(b"A description"),
        271: text(b"Imaginary"),
        272: text(b"Camera 1"),
        274: shorts(order, 6 if turned else 1),
        282: resolution,
        283: resolution,
        296: shorts(order, 2),
        315: text(b"A. Person"),
        33432: text(b"(c) nobody"),
        700: (1, len(XMP), XMP),
        33723: (7, len(IPTC), IPTC),
    }


WRITERS: dict[str, Callable[[str, Mode, str, str], bytes]] = {
    "PNG": _png,
    "APNG": _png,
    "JPEG": _jpeg,
    "WEBP": _webp,
    "TIFF": _tiff,
    "BMP": _bmp,
    "AVIF": _avif,
    "GIF": _gif,
}
