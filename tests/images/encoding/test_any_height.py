"""The bytes of a file follow from the rows, not from the bands in which they come; and memory from neither."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
from PIL import Image

from nlsr_cli import scratch
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import Metadata, Picture, encode_picture, native_formats, read_picture
from nlsr_cli.images import writing as module
from nlsr_cli.images.canvas import prepare
from nlsr_cli.images.formats import writing_of
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Patch
from tests.images import icc
from tests.images.encoding.pieces import KINDS, bands, encoded, photograph, picture, prepared
from tests.images.files import SINGLE

WRITABLE = native_formats().writable
BANDED = ("PNG", "JPEG", "TIFF")
LOSSLESS = {"PNG": 16, "TIFF": 32}  # with the most bits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fmt", BANDED)
def test_any_heights_give_the_bytes_of_the_whole(fmt, kind):
    """700 pixels are several blocks, intervals and strips; 301 rows are no multiple of anything."""
    made = picture(kind, 301, 700, dpi=(300.0, 300.0))
    whole = encode_picture(made, format=fmt, options=EncodeOptions())[0]
    for most in (301, 100, 17, 1):
        assert encoded(made, fmt, most) == whole, most


@pytest.mark.parametrize("fmt", [*BANDED, "DZI"])
def test_any_number_of_threads_gives_the_same_bytes(fmt, monkeypatch):
    """In the order of the rows, whichever is finished first."""
    made, seen = picture("RGB", 601, 700), set()
    for count in ("1", "2", "16"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        canvas, pixels = prepared(made, fmt)
        seen.add(tuple(map(repr, writing_of(fmt).encode(canvas, (pixels,), EncodeOptions()))))
    assert len(seen) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 8), (8, 7), (17, 3)])
@pytest.mark.parametrize(
    ("fmt", "kind"),
    [(fmt, kind) for fmt, most in LOSSLESS.items() for kind, (_, _, bits) in KINDS.items() if bits <= most],
)
def test_what_went_in_is_read(fmt, kind, size):
    made = picture(kind, *size)
    read = read_picture(encoded(made, fmt, 2))
    np.testing.assert_array_equal(read.color, made.color)
    assert (read.alpha is None) == (made.alpha is None)
    if made.alpha is not None:
        np.testing.assert_array_equal(read.alpha, made.alpha)


@pytest.mark.parametrize("fmt", WRITABLE)
def test_formats_say_whether_they_need_the_whole_picture(fmt):
    """A plan that believes them must not find a gigapixel in memory."""
    canvas, pixels = prepared(picture("RGB", 2048, 256), fmt)
    taken = []

    def rows():
        for band in bands(pixels, 64):
            taken.append(len(band))
            yield band

    seen = [sum(taken) for _ in writing_of(fmt).encode(canvas, rows(), EncodeOptions())]
    assert any(0 < rows_taken < 2048 for rows_taken in seen) is not writing_of(fmt).whole


@pytest.mark.parametrize("fmt", SINGLE)
def test_whole_formats_take_bands_too(fmt):
    made = picture("RGB", 40, 30)
    assert encoded(made, fmt, 7) == encode_picture(made, format=fmt, options=EncodeOptions())[0]


@pytest.mark.parametrize("fmt", WRITABLE)
@pytest.mark.parametrize("change", [lambda p: [], lambda p: [p[:-1]], lambda p: [p, p[:1]], lambda p: [p[:, 1:]]])
def test_bands_that_do_not_add_up_make_no_file(fmt, change):
    """An engine that fails to deliver a row is found out."""
    canvas, pixels = prepared(picture("RGB", 30, 20), fmt)
    with pytest.raises(ValueError, match="band"):
        list(writing_of(fmt).encode(canvas, iter(change(pixels)), EncodeOptions()))


@pytest.mark.parametrize("fmt", BANDED)
def test_memory_does_not_grow_with_the_height(fmt):
    """64 megapixels are 192 MiB; what is held of them is a few bands, and what zlib and libjpeg need."""
    band = picture("RGB", 1, 2048).color.repeat(256, axis=0)
    made = Picture(np.zeros((1, 1, 3), np.uint8), None, Metadata("PNG", "RGB"))
    canvas, _ = prepared(made, fmt)
    canvas = replace(canvas, shape=(32768, 2048, 3))
    size, patched = 0, 0
    tracemalloc.start()
    try:
        for piece in writing_of(fmt).encode(canvas, repeat(band, 128), EncodeOptions(quality=50)):
            size, patched = size + len(piece), patched + isinstance(piece, Patch)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 100_000
    assert peak < 24 << 20
    assert patched == (fmt == "TIFF")


def test_encoders_that_fail_are_our_error(monkeypatch):
    """Also where they fail in the middle of a file."""
    monkeypatch.setattr(module, "prepare", lambda *_: (prepare(*_)[0], iter((np.zeros((3, 3, 3), np.uint8),))))
    with pytest.raises(
        ImageWriteError, match="cannot be encoded as PNG: a band of 3×3×uint8 in a picture of 4×3×uint8"
    ):
        encode_picture(picture("RGB", 4, 4), format="PNG", options=EncodeOptions())


@pytest.mark.parametrize("profile", ["none", "Adobe RGB", "grey", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_becomes_of_pixels_does_not_follow_from_the_bands(kind, profile, monkeypatch):
    """Profiles, backgrounds, depths, the thumbnail, what lies outside sRGB."""
    profiles = {"none": None, "Adobe RGB": icc.rgb("Adobe", icc.ADOBE_RGB), "grey": icc.grey(), "CMYK": icc.cmyk()}
    exif = Image.Exif()
    exif[0x010E] = "A picture"
    made = picture(kind, 37, 23, icc=profiles[profile], exif=exif.tobytes()[6:], thumbnail=True, nodata="77")
    if profile == "Adobe RGB" and not made.is_grey:
        signed = {8: np.int16, 16: np.int32, 32: np.float32}[made.depth]
        made = replace(made, excess=(photograph(37, 23, 3) % 5).astype(signed))
    formats = [fmt for fmt in BANDED if fmt != "PNG" or made.depth <= 16]
    options = EncodeOptions(background="#204060")
    expected = [encode_picture(made, format=fmt, options=options) for fmt in formats]
    monkeypatch.setattr(scratch, "BAND", 100)
    assert [encode_picture(made, format=fmt, options=options) for fmt in formats] == expected
