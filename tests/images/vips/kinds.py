"""Files of the kinds that are read a few rows at a time, and of those that are read whole."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Picture
from nlsr_cli.images.border import border
from nlsr_cli.images.loading import load
from nlsr_cli.images.reading import probe
from nlsr_cli.images.vips import library, streamed
from nlsr_cli.isolation.gathering import gathered
from nlsr_cli.isolation.messages import Finished
from nlsr_cli.isolation.wire import send
from tests.images import files, icc
from tests.images.deep_files import deep_png, deep_tiff, samples
from tests.images.jpegs import segment, ultra_hdr

needs_vips = pytest.mark.skipif(library.library() is None, reason="pyvips with libvips is not installed")
LIMIT = 1 << 20
COLOUR = Image.fromarray(files.gradient(40, 30))
CLEAR = Image.fromarray(files.gradient(23, 30, 4))
GREY = Image.fromarray(files.gradient(40, 30, 1)[..., 0])
INKS = Image.fromarray(files.gradient(20, 16, 4), "RGBA").convert("RGB").convert("CMYK")
WIDE = icc.rgb("Display P3", icc.DISPLAY_P3)
FLOATS = samples(3, np.float32)


def eight(channels: int = 3, height: int = 21, width: int = 18) -> np.ndarray:
    """Return 8-bit samples (h, w, c) in which every bit matters."""
    return (samples(channels, height=height, width=width) >> 8).astype(np.uint8)


def with_holes(pixels: np.ndarray, value: float) -> np.ndarray:
    """Return pixels of which some hold no data."""
    made = pixels.copy()
    made[3:5, 2:9] = value
    return made


def nodata(text: str) -> dict[int, tuple[str, tuple[int, ...]]]:
    """Return the tag that says which value stands for missing data."""
    return {42113: ("B", tuple(text.encode() + b"\0"))}


def interlaced() -> bytes:
    """Return a PNG of one grey pixel, which is interlaced."""
    data = files.png(1, 1, 8, 0, b"\0\7")
    return files.png_chunk(b"IHDR", data[16:28] + b"\1").join((data[:8], data[33:]))


BANDED = {
    "png": files.saved(COLOUR, dpi=(300, 300)),
    "png grey": files.saved(GREY),
    "png 1 bit": files.saved(GREY.convert("1")),
    "png alpha": files.saved(CLEAR),
    "png grey alpha": files.saved(GREY.convert("LA")),
    "png key": files.saved(COLOUR, transparency=(60, 40, 200)),
    "png 16": deep_png(samples(3)),
    "png 16 grey": deep_png(samples(1)),
    "png 16 alpha": deep_png(samples(4)),
    "png texts": files.with_png_chunk(files.saved(COLOUR), b"tEXt", b"Title\0a gradient"),
    "png wide": files.saved(COLOUR, icc_profile=WIDE),
    "png turned": files.saved(COLOUR, exif=files.camera_exif(6)),
    "jpeg": files.saved(COLOUR, "JPEG", quality=90),
    "jpeg 4:4:4": files.saved(COLOUR, "JPEG", subsampling=0),
    "jpeg grey": files.saved(GREY, "JPEG"),
    "jpeg inks": files.saved(INKS, "JPEG", icc_profile=icc.cmyk()),
    "jpeg wide": files.saved(COLOUR, "JPEG", icc_profile=WIDE),
    "jpeg turned": files.saved(COLOUR, "JPEG", exif=files.camera_exif(5)),
    "jpeg mirrored": files.saved(COLOUR, "JPEG", exif=files.camera_exif(4)),
    "jpeg gain map": ultra_hdr(),
    "jpeg stray bytes": files.saved(COLOUR, "JPEG")[:20] + b"stray!" + files.saved(COLOUR, "JPEG")[20:],
    "jpeg restarts": files.saved(COLOUR, "JPEG", restart_marker_rows=1),
    "webp": files.saved(COLOUR, "WEBP"),
    "webp lossless alpha": files.saved(CLEAR, "WEBP", lossless=True, exact=True),
    "tiff": files.saved(COLOUR, "TIFF"),
    "tiff grey": files.saved(GREY, "TIFF", compression="tiff_lzw"),
    "tiff alpha": deep_tiff(eight(4), 2, extra=(2,), compression="lzw"),
    "tiff extra": deep_tiff(eight(4), 2, extra=(0,)),
    "tiff inks": deep_tiff(eight(4), 5),
    "tiff white is 0": deep_tiff(eight(1), 0),
    "tiff jpeg": files.saved(COLOUR, "TIFF", compression="jpeg"),
    "tiff tiled": deep_tiff(eight(), 2, tile=16, compression="deflate"),
    "tiff planar": deep_tiff(eight(), 2, planar=True),
    "tiff one strip": deep_tiff(eight(), 2, rows=21, compression="lzw"),
    "tiff big": deep_tiff(eight(), 2, big=True, tile=16),
    "tiff turned": deep_tiff(eight(), 2, more={274: ("H", (6,))}),
    "tiff wide": files.saved(COLOUR, "TIFF", icc_profile=WIDE),
    "tiff 16": deep_tiff(samples(3), 2, big=True, order=">", compression="packbits"),
    "tiff 16 white is 0": deep_tiff(samples(2), 0, extra=(2,)),
    "tiff 16 planar": deep_tiff(samples(4), 2, planar=True, extra=(2,)),
    "tiff 16 inks": deep_tiff(samples(4), 5, more={34675: ("B", tuple(icc.cmyk()))}),
    "tiff 16 wide": deep_tiff(samples(3), 2, more={34675: ("B", tuple(WIDE))}),
    "tiff floats": deep_tiff(FLOATS, 2),
    "tiff float alpha": deep_tiff(samples(4, np.float32) * 1.2 - 0.1, 2, extra=(2,)),
    "tiff float holes": deep_tiff(with_holes(FLOATS, np.nan), 2),
    "tiff stated holes": deep_tiff(with_holes(FLOATS, -9999), 2, more=nodata("-9999")),
    "tiff 8-bit holes": deep_tiff(with_holes(eight(1), 7), 1, more=nodata("7")),
    "tiff without holes": deep_tiff(np.maximum(eight(), 1), 2, more=nodata("0")),
    "tiff ink holes": deep_tiff(with_holes(samples(4), 0), 5, more=nodata("0")),
}

WHOLE = {
    "png interlaced": interlaced(),
    "png palette": files.saved(COLOUR.quantize(16)),
    "png animated": files.saved(COLOUR, save_all=True, append_images=[COLOUR.rotate(180)]),
    "png profile behind": files.saved(COLOUR)[:-12] + files.png_chunk(b"pHYs", bytes(9)) + files.saved(COLOUR)[-12:],
    "jpeg progressive": files.saved(COLOUR, "JPEG", progressive=True),
    "jpeg inks without a word": files.saved(INKS, "JPEG").replace(segment(0xEE, b"Adobe\0d\0\0\0\0\0"), b""),
    "tiff palette": files.saved(COLOUR.quantize(16), "TIFF"),
    "tiff fax": files.saved(GREY.convert("1"), "TIFF", compression="group4"),
    "tiff planes in tiles": deep_tiff(eight(), 2, planar=True, tile=16),
    "tiff premultiplied": deep_tiff(eight(4), 2, extra=(1,)),
    "tiff doubles": deep_tiff(samples(3, np.float64), 2),
    "gif": files.saved(COLOUR, "GIF"),
}


def coming(data: bytes) -> streamed.Streamed | None:
    """Return the picture of a file that is read a few rows at a time, None of one that is read whole."""
    file, header = load(data, None, LIMIT), probe(data, max_pixels=LIMIT)
    with border(file.data, file.label, LIMIT):
        return streamed.streamed(file, header)


def in_bands(data: bytes) -> Picture:
    """Return the picture of a file as it is sent, received and put together."""
    found, stream = coming(data), BytesIO()
    assert found is not None
    with border(data, "-", LIMIT):
        for band in found.bands():
            send(stream, band)
    send(stream, Finished("", found.ending()))
    stream.seek(0)
    return gathered(stream, found.outline, LIMIT, 1 << 24).picture
