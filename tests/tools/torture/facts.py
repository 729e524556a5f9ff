"""What a picture file holds, read from its own bytes, without nlsr: the judge of the matrix.

PNG and TIFF are decoded by readers of the suite, for Pillow reduces some of them; pixels of other formats are Pillow's.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.tools.torture import scanlines, tags
from tests.tools.torture.carried import IPTC_WORD

Floats = npt.NDArray[np.float64]
UPRIGHT = {2: (0, 1), 3: (2, 0), 4: (2, 1), 5: (1, 2), 6: (3, 0), 7: (3, 1), 8: (1, 0)}  # quarter turns, then mirror


@dataclass
class Facts:
    """One file. `kind` is grey, rgb, cmyk, ycbcr or lab; `bits` 33 is float32; pixels are from 0 to 1, upright."""

    format: str
    kind: str = "rgb"
    bits: int = 8
    alpha: bool = False
    frames: int = 1
    durations: tuple[float, ...] = ()
    plays: int = 0  # how often an animation is shown, 0 for ever
    icc: bytes | None = None
    colours: str = ""  # what a PNG says of colours without a profile: gAMA, cHRM, cICP
    adobe: bool = False  # EXIF says Adobe RGB in the way of cameras
    exif: dict[str, Any] = field(default_factory=dict)
    thumbnail: bytes | None = None
    orientation: int = 1
    xmp: bytes | None = None
    iptc: bool = False
    dpi: tuple[int, int] | None = None
    texts: dict[str, str] = field(default_factory=dict)
    comment: bytes | None = None
    pixels: Floats | None = None
    opacity: Floats | None = None
    moving: list[Floats] = field(default_factory=list)  # each frame of an animation as RGBA

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return (0, 0) if self.pixels is None else (self.pixels.shape[0], self.pixels.shape[1])


def read(data: bytes) -> Facts:
    """Return what a file holds."""
    found = _BY_MAGIC[next(magic for magic in _BY_MAGIC if re.match(magic, data, re.DOTALL))](data)
    _read_exif(data, found)
    if found.pixels is None:
        _read_pixels(data, found)
    turns, mirror = UPRIGHT.get(found.orientation, (0, 0))
    for name in ("pixels", "opacity"):
        layer = getattr(found, name)
        if layer is not None:
            setattr(found, name, _turned(layer, turns, mirror))
    return found


def _turned(layer: Floats, turns: int, mirror: int) -> Floats:
    turned = np.rot90(layer, turns)
    return turned if not mirror else turned[:, ::-1]


# PNG


def _png(data: bytes) -> Facts:
    parts: dict[bytes, bytes] = {}
    found = Facts("PNG")
    for name, body in scanlines.chunks(data):
        if name in (b"tEXt", b"zTXt", b"iTXt"):
            _png_text(name, body, found)
        parts[name] = parts.get(name, b"") + body if name == b"IDAT" else body
    depth, kind = parts[b"IHDR"][8:10]
    found.bits = 8 if kind == 3 else depth
    found.kind = "rgb" if kind & 2 else "grey"
    found.alpha = bool(kind & 4) or b"tRNS" in parts
    found.colours = "+".join(name.decode() for name in (b"gAMA", b"cHRM", b"cICP") if name in parts)
    if b"iCCP" in parts:
        found.icc = zlib.decompress(parts[b"iCCP"].partition(b"\0")[2][1:])
    if b"pHYs" in parts:
        across, down, unit = struct.unpack(">IIB", parts[b"pHYs"])
        found.dpi = (round(across * 0.0254), round(down * 0.0254)) if unit else None
    if b"acTL" in parts:
        found.frames, found.plays = struct.unpack(">II", parts[b"acTL"])
        _read_frames(data, found)
    found.pixels, found.opacity = scanlines.pixels(parts)
    return found


def _png_text(name: bytes, body: bytes, found: Facts) -> None:
    keyword, _, rest = body.partition(b"\0")
    word = keyword.decode("latin-1")
    if name == b"tEXt":
        text = rest
    elif name == b"zTXt":
        text = zlib.decompress(rest[1:])
    else:
        packed, (_, _, text) = rest[:1] == b"\1", (b"", b"", rest[2:].split(b"\0", 2)[2])
        text = zlib.decompress(text) if packed else text
    if word == "XML:com.adobe.xmp":
        found.xmp = text
    elif word.startswith("Raw profile type"):
        found.iptc = found.iptc or IPTC_WORD in binascii.unhexlify(b"".join(text.split(b"\n")[3:]))
    else:
        found.texts[word] = text.decode("utf-8" if name == b"iTXt" else "latin-1")
        if word == "Comment":  # as PNG calls what is a comment elsewhere
            found.comment = found.texts[word].encode()


# JPEG, WebP, AVIF, BMP, GIF


def _jpeg(data: bytes) -> Facts:
    found, at, profile = Facts("JPEG"), 2, []
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if 0xC0 <= marker <= 0xC2:
            found.bits = body[0]
            found.kind = {1: "grey", 3: "rgb", 4: "cmyk"}[body[5]]
        elif marker == 0xE0 and body.startswith(b"JFIF\0") and body[7]:
            factor = 2.54 if body[7] == 2 else 1
            across, down = struct.unpack_from(">HH", body, 8)
            found.dpi = round(across * factor), round(down * factor)
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profile.append(body[14:])
        elif marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            found.xmp = body.partition(b"\0")[2]
        elif marker == 0xED:
            found.iptc = found.iptc or IPTC_WORD in body
        elif marker == 0xFE:
            found.comment = body
        at += 2 + length
    found.icc = b"".join(profile) or None
    return found


def _riff(data: bytes) -> Facts:
    found, at = Facts("WEBP"), 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"ICCP":
            found.icc = body
        elif name == b"XMP ":
            found.xmp = body
        elif name == b"ANIM":
            found.plays = int.from_bytes(body[4:6], "little")
            _read_frames(data, found)
        at += 8 + length + length % 2
    return found


def _avif(data: bytes) -> Facts:
    found = Facts("AVIF")
    at = data.find(b"av1C")
    deep, monochrome = data[at + 6] & 0x40, data[at + 6] & 0x10
    found.bits = (12 if data[at + 6] & 0x20 else 10) if deep else 8
    found.kind = "grey" if monochrome else "rgb"
    with Image.open(BytesIO(data)) as image:
        found.icc, found.xmp = image.info.get("icc_profile"), image.info.get("xmp")
        if getattr(image, "n_frames", 1) > 1:
            _read_frames(data, found)
    return found


def _bmp(data: bytes) -> Facts:
    found = Facts("BMP")
    across, down = struct.unpack_from("<ii", data, 38)
    found.dpi = (round(across * 0.0254), round(down * 0.0254)) if across and down else None
    return found


def _gif(data: bytes) -> Facts:
    found = Facts("GIF")
    if (at := data.find(b"\x21\xff\x0bXMP DataXMP")) >= 0:  # the packet as it is, then 258 bytes that end it
        found.xmp = data[at + 14 : data.find(b"\x01\xff\xfe\xfd", at)]
    with Image.open(BytesIO(data)) as image:
        found.comment = image.info.get("comment") or None
        if image.n_frames > 1:
            again = image.info.get("loop", 0)  # after the first time; without the block that says it, there is no other
            found.plays = 1 + again if again or "loop" not in image.info else 0
            _read_frames(data, found)
    return found


def _tiff(data: bytes) -> Facts:
    found = Facts("TIFF")
    root = tags.parse(data)
    found.pixels, found.opacity, found.kind, found.bits = tags.samples(data, root)
    found.alpha = found.opacity is not None
    found.icc, found.xmp = root.raw(34675), root.raw(700)
    found.iptc = any(IPTC_WORD in (root.raw(tag) or b"") for tag in (33723, 34377))
    if root.raw(282):
        factor = {2: 1.0, 3: 2.54}.get(root.first(296, 2), 0.0)
        found.dpi = round(root.fraction(282) * factor), round(root.fraction(283) * factor)
    return found


_BY_MAGIC = {rb"\x89PNG": _png, rb"\xff\xd8": _jpeg, rb"RIFF....WEBP": _riff, rb"....ftypavi": _avif}
_BY_MAGIC |= {rb"BM": _bmp, rb"GIF8": _gif, rb"II\*\0|MM\0\*|II\+\0|MM\0\+": _tiff}


# What is the same for all


def _read_pixels(data: bytes, found: Facts) -> None:
    with Image.open(BytesIO(data)) as image:
        image.load()
        transparent = image.has_transparency_data
        if image.mode == "CMYK":
            found.pixels = np.asarray(image, float) / 255
            return
        values = np.asarray(image.convert("RGBA"), float) / 255
        flat = bool((values[..., :1] == values[..., 1:3]).all())
        grey = found.kind == "grey" or image.mode in ("1", "L", "LA") or (image.mode == "P" and flat)
        found.kind = "grey" if grey else "rgb"
        found.pixels = values[..., :1] if grey else values[..., :3]
        found.alpha = bool(transparent)
        found.opacity = values[..., 3] if transparent else None


def _read_frames(data: bytes, found: Facts) -> None:
    with Image.open(BytesIO(data)) as image:
        found.frames = image.n_frames
        durations = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()  # a WebP says how long a frame lasts when it is decoded
            durations.append(float(image.info.get("duration", 0)))
            found.moving.append(np.asarray(image.convert("RGBA"), float) / 255)
        found.durations = tuple(durations)


def _read_exif(data: bytes, found: Facts) -> None:
    """Fill in what EXIF says of camera, author, place and time, by Pillow's reader."""
    with Image.open(BytesIO(data)) if found.format != "TIFF" else Image.new("L", (1, 1)) as image:
        exif = image.getexif() if found.format != "TIFF" else Image.Exif()
        if found.format == "TIFF":
            root = tags.parse(data)
            found.orientation = root.first(274, 1)
            wanted = {"description": 270, "make": 271, "model": 272, "artist": 315, "copyright": 33432}
            raw = {name: root.raw(tag) for name, tag in wanted.items()}
            found.exif = {name: value.rstrip(b"\0").decode() for name, value in raw.items() if value is not None}
            exif.load(data)
        else:
            found.orientation = int(exif.get(274, 1))
            wanted = {"description": 270, "make": 271, "model": 272, "artist": 315, "copyright": 33432}
            found.exif = {name: exif[tag] for name, tag in wanted.items() if tag in exif}
            if found.dpi is None and 282 in exif and found.format in ("WEBP", "AVIF"):
                found.dpi = round(float(exif[282])), round(float(exif[283]))
            found.thumbnail = _thumbnail(image.info.get("exif", b"").removeprefix(b"Exif\0\0"))
        inner, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        found.adobe = inner.get(0xA001) == 0xFFFF and exif.get_ifd(0xA005).get(1) == "R03"  # DCF 2.0
        names = {"exposure": inner.get(0x829A), "maker note": inner.get(0x927C), "latitude": place.get(2)}
        found.exif |= {name: str(value) for name, value in names.items() if value is not None}


def _thumbnail(block: bytes) -> bytes | None:
    """Return what the second directory of an EXIF block points to (CIPA DC-008, 4.5.8)."""
    if not block:
        return None
    first = tags.parse(block)
    second = tags.parse(block, first.following) if first.following else None
    if second is None or not second.first(514, 0):
        return None
    at = second.first(513, 0)
    return block[at : at + second.first(514, 0)]
