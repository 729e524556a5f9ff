"""The files of the matrix: made byte by byte, or by Pillow where a codec is needed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.images.files import camera_exif, png, png_chunk, saved, shorts, tiff
from tests.tools.torture.carried import IPTC, PNG_COLOURS, XMP, app13, png_profile_text, profile_bytes
from tests.tools.torture.modes import HEIGHT, WIDTH, Mode, packed, palette

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
        levels, table = palette(mode)
        chunks.append((b"PLTE", table[:, :3].tobytes()))
        if mode.alpha:
            chunks.append((b"tRNS", table[:, 3].tobytes()))
        samples, kind = levels[..., None], 3
    if mode.key:
        chunks.append((b"tRNS", samples[0, 0].astype(">u2").tobytes()))
    lines = packed(samples, depth) if depth < 8 else samples.astype(">u2" if depth == 16 else "u1")
    rows = b"".join(b"\0" + line.tobytes() for line in lines)
    return png(HEIGHT, WIDTH, depth, kind, rows, *chunks)


def _spliced(data: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    return data[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + data[33:]


# What Pillow writes


def _image(mode: Mode) -> Image.Image:
    if mode.palette:
        levels, table = palette(mode)
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
        levels, table = palette(mode)
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
    stored = packed(samples, mode.bits) if mode.bits < 8 and not mode.palette else samples.astype(kind)
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
