"""The thumbnail in EXIF: a new one where there was one, of the new picture, the same bytes every time."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from nlsr_cli.images import Picture, encode_picture, native_formats, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.words import metadata
from nlsr_cli.images.words.thumbnail import SIDE, has_thumbnail, make_thumbnail, with_thumbnail
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import camera_exif, gradient, picture, saved

OPTIONS = EncodeOptions()


def embedded(data: bytes) -> bytes | None:
    """Return the thumbnail of a file as Pillow finds it in its EXIF."""
    with Image.open(BytesIO(data)) as image:
        raw = image.info.get("exif", b"").removeprefix(b"Exif\0\0")
    file, first, second = BytesIO(raw), ImageFileDirectory_v2(raw[:8]), ImageFileDirectory_v2(raw[:8])
    file.seek(first.next)
    first.load(file)
    if not first.next:
        return None
    file.seek(first.next)
    second.load(file)
    return raw[second[513] : second[513] + second[514]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", [name for name in native_formats().writable if name in ("JPEG", "PNG", "WEBP")])
def test_a_new_thumbnail_shows_the_new_picture(target, order):
    """At most 160 pixels, its colours those of the picture, the rest of EXIF untouched by it."""
    read = read_picture(saved(Image.fromarray(gradient()), "JPEG", exif=b"Exif\0\0" + camera_exif(6, order)))
    assert read.metadata.thumbnail
    large = Picture(read.color.repeat(20, 0).repeat(20, 1), None, read.metadata)
    data, notes = encode_picture(large, format=target, options=OPTIONS)
    assert notes == ()
    with Image.open(BytesIO(embedded(data))) as small:
        assert small.format == "JPEG"
        assert small.size == (120, SIDE)
        shown = np.asarray(small.resize((12, 16), Image.Resampling.BOX)).astype(int)
    assert np.abs(shown - read.color).mean() < 4
    assert encode_picture(large, format=target, options=OPTIONS)[0] == data
    assert read_picture(data).metadata.exif == metadata.exif_for(read.metadata.exif, 320, 240, dpi=None)
    assert read_picture(data).metadata.thumbnail


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_the_thumbnail_of_grey_has_the_tone_curve_of_srgb(deep):
    """The picture keeps the curve of its profile; its thumbnail has no profile, and would look too dark."""
    profile = icc.grey(1.0)
    level = (64 * 257, 137 * 257) if deep else (64, 137)  # a quarter of the light, and its place on the curve of sRGB
    color = np.full((40, 40, 1), level[0], np.uint16 if deep else np.uint8)
    given = picture(exif=camera_exif(), thumbnail=True, icc=profile).metadata
    with Image.open(
        BytesIO(embedded(encode_picture(Picture(color, None, given), format="PNG", options=OPTIONS)[0]))
    ) as small:
        assert abs(np.asarray(small).astype(int) - level[1] // (257 if deep else 1)).max() <= 1


def test_there_is_none_where_there_was_none():
    """Nobody asked for one."""
    read = read_picture(saved(Image.fromarray(gradient()), "JPEG", exif=b"Exif\0\0" + camera_exif(thumbnail=False)))
    assert not read.metadata.thumbnail
    assert embedded(encode_picture(read, format="JPEG", options=OPTIONS)[0]) is None


def test_the_thumbnail_goes_first_where_exif_is_large():
    """What cameras wrote is worth more than what is made in a moment."""
    root = tiff.Directory({270: tiff.Entry(2, 65000, b"a" * 64999 + b"\0")})
    source = picture(exif=tiff.serialise(tiff.Block("<", root)), thumbnail=True)
    data, notes = encode_picture(source, format="JPEG", options=OPTIONS)
    assert notes == ("The EXIF data leaves no room for a thumbnail in JPEG; it is left out.",)
    assert embedded(data) is None
    assert read_picture(data).metadata.exif is not None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2000, 3), (161, 160)])
def test_any_picture_has_one(shape, channels, dtype):
    """Of any shape, depth and transparency."""
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[dtype]
    color = np.full((*shape, channels), top / 2, dtype)
    with Image.open(BytesIO(make_thumbnail(color, None))) as small:
        assert max(small.size) == min(SIDE, max(shape))
        assert abs(np.asarray(small).astype(int) - 128).max() <= 2
    with Image.open(BytesIO(make_thumbnail(color, np.zeros(shape, dtype)))) as small:
        assert np.asarray(small).min() >= 253  # on white


def test_floating_point_that_is_no_number_is_black():
    """Nothing in a picture stops a thumbnail."""
    color = np.full((4, 4, 3), np.nan, np.float32)
    with Image.open(BytesIO(make_thumbnail(color, None))) as small:
        assert np.asarray(small).max() <= 2


def test_hostile_blocks_have_none():
    """Pointers that lead nowhere or in a circle."""
    block = camera_exif()
    assert has_thumbnail(block)
    for length in range(len(block) - 10):
        has_thumbnail(block[:length])
    circle = with_thumbnail(tiff.serialise(tiff.Block("<", tiff.Directory())), b"jpeg")
    assert has_thumbnail(circle)
    assert not has_thumbnail(circle[:10] + (8).to_bytes(4, "little") + circle[14:])
    for block in (b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff"):
        assert not has_thumbnail(block)
