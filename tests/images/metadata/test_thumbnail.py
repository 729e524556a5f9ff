"""The thumbnail in EXIF: a new one where there was one, of the new picture, the same bytes every time."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from nlsr_cli.images import Picture, encode_picture, native_formats, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.metadata.thumbnail import SIDE, has_thumbnail, looked_at, make_thumbnail, with_thumbnail
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


def thumbnail_of(color: np.ndarray, alpha: np.ndarray | None) -> bytes:
    """Return the thumbnail of a whole picture."""
    places = looked_at(color.shape)
    return make_thumbnail(color[places], None if alpha is None else alpha[places], color.shape[:2])


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
    assert read_picture(data).metadata.exif == exif_tags.exif_for(read.metadata.exif, 320, 240, dpi=None)
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
    assert notes == ("The EXIF data leaves no room for a thumbnail in JPEG; the thumbnail is left out.",)
    assert embedded(data) is None
    assert read_picture(data).metadata.exif is not None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2000, 3), (161, 160)])
def test_any_picture_has_one(shape, channels, dtype):
    """Of any shape, depth and transparency."""
    top = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[dtype]
    color = np.full((*shape, channels), top / 2, dtype)
    with Image.open(BytesIO(thumbnail_of(color, None))) as small:
        assert max(small.size) == min(SIDE, max(shape))
        assert abs(np.asarray(small).astype(int) - 128).max() <= 2
    with Image.open(BytesIO(thumbnail_of(color, np.zeros(shape, dtype)))) as small:
        assert np.asarray(small).min() >= 253  # on white


def test_floating_point_that_is_no_number_is_black():
    """Nothing in a picture stops a thumbnail."""
    color = np.full((4, 4, 3), np.nan, np.float32)
    with Image.open(BytesIO(thumbnail_of(color, None))) as small:
        assert np.asarray(small).max() <= 2


def test_hostile_blocks_have_none():
    """Pointers that lead nowhere or in a circle."""
    block = camera_exif()
    assert has_thumbnail(block)
    for length in range(len(block) - 10):
        assert has_thumbnail(block[:length]) is False
    circle = with_thumbnail(tiff.serialise(tiff.Block("<", tiff.Directory())), b"jpeg")
    assert has_thumbnail(circle)
    assert not has_thumbnail(circle[:10] + (8).to_bytes(4, "little") + circle[14:])
    for block in (b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff"):
        assert has_thumbnail(block) is False


def pointing(order: str, first: int, entries: dict[int, tuple[int, int]], following: int, size: int) -> bytes:
    """Return EXIF whose first directory, at `first`, has these tags: of each the TIFF type and the value."""
    codes = {tiff.SHORT: "Hxx", tiff.LONG: "I"}
    rows = b"".join(
        struct.pack(order + "HHI" + codes[kind], tag, kind, 1, value) for tag, (kind, value) in entries.items()
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first)
    block = head.ljust(first, b"\0") + struct.pack(order + "H", len(entries)) + rows
    return (block + struct.pack(order + "I", following)).ljust(size, b"\0")


@pytest.mark.parametrize("following", [0, 12])
def test_a_pointer_in_the_first_directory_is_no_thumbnail(following):
    """Old TIFF files describe their own samples so. Nothing may be read as the second directory that is none."""
    entries = {513: (tiff.LONG, 100), 514: (tiff.LONG, 50)}
    assert has_thumbnail(pointing("<", 12, entries, following, 60_000)) is False


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [tiff.SHORT, tiff.LONG])
@pytest.mark.parametrize(
    ("offset", "length", "there"), [(8, 9, True), (7, 9, False), (8, 0, False), (58, 9, True), (59, 9, False)]
)
def test_a_thumbnail_is_where_its_pointer_says(order, kind, offset, length, there):
    """In numbers of 16 or 32 bits, of bytes in the block; a file may end with the last entry."""
    block = pointing(order, 26, {}, 32, 0)
    second = pointing(order, 32, {513: (kind, offset), 514: (kind, length)}, 0, 0)
    assert has_thumbnail(block + second[32:-4]) is there


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("odd", [0, 1])
def test_the_second_directory_is_that_of_a_jpeg(odd, order):
    """As the standard has it (CIPA DC-008-2019, 4.5.8): three tags, on an even place, and nothing grows besides."""
    block = tiff.serialise(tiff.Block(order, tiff.Directory({270: tiff.Entry(2, 6, b"Hill!\0")}))) + bytes(odd)
    made = with_thumbnail(block, b"thumbnail")
    file, first, second = BytesIO(made), ImageFileDirectory_v2(made[:8]), ImageFileDirectory_v2(made[:8])
    file.seek(first.next)
    first.load(file)
    file.seek(first.next)
    second.load(file)
    assert first[270] == "Hill!"
    assert dict(second) == {259: 6, 513: len(made) - 9, 514: 9}
    assert second.next == 0
    assert first.next == len(block) + odd
    assert first.next % 2 == 0
    assert len(made) == first.next + 2 + 3 * 12 + 4 + 9


def shown(color: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    """Return the thumbnail of a picture as numbers."""
    with Image.open(BytesIO(thumbnail_of(color, alpha))) as small:
        return np.asarray(small).astype(int)


def test_a_picture_as_small_as_a_thumbnail_is_its_own():
    """Every pixel is looked at: stripes of one pixel are there."""
    stripes = np.tile(np.array([0, 255], np.uint8), (40, 20))[..., None]
    assert np.abs(shown(stripes) - stripes[..., 0]).max() < 40
    assert np.abs(shown(stripes.transpose(1, 0, 2)) - stripes[..., 0].T).max() < 40


def test_a_larger_picture_is_averaged():
    """Of a picture of twice the side no pixel is passed over: fine stripes become grey."""
    stripes = np.tile(np.array([0, 255], np.uint8), (2 * SIDE, SIDE))[..., None]
    assert np.abs(shown(stripes) - 127.5)[:, 8:-8].max() < 8


def test_the_thumbnail_is_the_same_whatever_the_depth():
    """8, 16 bits and floating point of the same colours, and an alpha that hides nothing."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    expected = thumbnail_of(levels, None)
    assert thumbnail_of(levels, np.full((16, 16), 255, np.uint8)) == expected
    assert thumbnail_of(levels.astype(np.uint16) * 257, None) == expected
    assert thumbnail_of(levels.astype(np.float32) / 255, None) == expected


def test_what_is_brighter_than_white_is_white():
    """Of HDR and of negative light, too."""
    assert shown(np.full((8, 8, 1), 1.7, np.float32)).min() == 255
    assert shown(np.full((8, 8, 1), -0.7, np.float32)).max() == 0


@pytest.mark.parametrize(("level", "alpha", "expected"), [(0, 255, 0), (0, 64, 191), (100, 128, 177), (255, 1, 255)])
def test_what_is_partly_transparent_lies_on_white(level, alpha, expected):
    """As browsers show it on a page."""
    found = shown(np.full((8, 8, 1), level, np.uint8), np.full((8, 8), alpha, np.uint8))
    assert np.abs(found - expected).max() <= 1
