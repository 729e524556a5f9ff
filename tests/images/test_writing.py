"""Writing: what the format can hold comes back, what it cannot is told or refused, the bytes are always the same."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import DestinationClash, ImageWriteError, OptionError
from nlsr_cli.images import (
    Animation,
    Metadata,
    NativeFormats,
    Picture,
    check_size,
    encode_picture,
    read_picture,
    write_picture,
    writing,
)
from nlsr_cli.images.encoding import png, tiff
from nlsr_cli.images.formats import writing_of
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import SINGLE, camera_exif, picture

FORMATS = [name for name in SINGLE if name != "GIF"]  # which test_film looks at
LOSSLESS = ("PNG", "TIFF", "BMP", "QOI")
OPTIONS = EncodeOptions()


@pytest.mark.parametrize("dressed", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fmt", FORMATS)
def test_pixels_alpha_and_metadata_come_back(fmt, channels, alpha, dressed):
    """The table of formats, channels and alpha, bare and with profile, EXIF and resolution."""
    profile = icc.srgb() if channels == 3 else icc.grey(2.2)
    extra = {"icc": profile, "exif": camera_exif(), "dpi": (300.0, 300.0)} if dressed else {}
    source = picture(channels, alpha=alpha, **extra)
    data, notes = encode_picture(source, format=fmt, options=OPTIONS)
    read = read_picture(data)
    able = writing_of(fmt).carries
    holds_alpha = able.alpha
    changes_tone = dressed and channels == 1 and not (able.grey and able.icc)
    assert read.color.shape[:2] == source.color.shape[:2]
    assert read.is_grey == (channels == 1 and able.grey)
    assert (read.alpha is not None) == (alpha and holds_alpha)
    if (holds_alpha or not alpha) and not changes_tone:
        worst = np.abs(read.color.astype(int) - source.color)[source.alpha > 64 if alpha else ...].max()
        assert worst <= (0 if fmt in LOSSLESS else 12)
    if alpha and holds_alpha:
        assert np.abs(read.alpha.astype(int) - source.alpha).max() <= (6 if fmt == "AVIF" else 0)
    if dressed:
        assert (read.metadata.icc == profile) == (able.icc and not changes_tone)
        assert (read.metadata.exif is not None) == able.exif
        assert read.metadata.dpi == (None if able.dpi == "none" else (300.0, 300.0))
    assert bool(notes) == (
        (alpha and not holds_alpha) or (channels == 1 and not able.grey) or (dressed and not able.exif)
    )


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_grey_of_16_bit_is_written_whole(fmt):
    """Every bit comes back."""
    source = picture(1, deep=True)
    read = read_picture(encode_picture(source, format=fmt, options=OPTIONS)[0])
    np.testing.assert_array_equal(read.color, source.color)
    assert read.depth == 16


@pytest.mark.parametrize("fmt", ["JPEG", "BMP"])
def test_transparency_is_laid_on_the_background(fmt):
    """Where there is no alpha channel, the background shows through; the note says so."""
    color = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    alpha = np.zeros((8, 8), np.uint8)
    source = Picture(color, alpha, Metadata("PNG", "RGBA"))
    data, notes = encode_picture(source, format=fmt, options=EncodeOptions(background="#102030"))
    assert np.abs(read_picture(data).color[4, 4].astype(int) - (16, 32, 48)).max() <= 2
    assert notes == (f"{fmt} has no transparency; the picture is placed on #102030.",)
    with pytest.raises(OptionError, match="is not a colour"):
        encode_picture(source, format=fmt, options=EncodeOptions(background="whitish"))
    assert encode_picture(source, format="PNG", options=EncodeOptions(background="whitish"))[1] == ()


def test_grey_on_a_colored_ground_becomes_a_color_picture():
    """Grey on grey stays grey; grey on red cannot."""
    source = Picture(
        np.full((2, 2, 1), 80, np.uint8), np.zeros((2, 2), np.uint8), Metadata("PNG", "LA", icc=icc.grey())
    )
    red = read_picture(encode_picture(source, format="BMP", options=EncodeOptions(background="red"))[0])
    np.testing.assert_array_equal(red.color[0, 0], (255, 0, 0))
    grey = read_picture(encode_picture(source, format="JPEG", options=EncodeOptions(background="#808080"))[0])
    assert grey.is_grey
    assert abs(int(grey.color[0, 0, 0]) - 128) <= 1


def test_lossless_webp_stays_lossless():
    """By option or because the source was; colours under full transparency included."""
    dice = np.random.default_rng(0)
    color, alpha = dice.integers(0, 256, (20, 20, 3), np.uint8), dice.integers(0, 2, (20, 20), np.uint8) * 255
    for known, chosen in ((True, False), (False, True)):
        source = Picture(color, alpha, Metadata("WEBP", "RGBA", lossless=known))
        read = read_picture(encode_picture(source, format="WEBP", options=EncodeOptions(lossless=chosen))[0])
        np.testing.assert_array_equal(read.color, color)
        np.testing.assert_array_equal(read.alpha, alpha)
        assert read.metadata.lossless
    lossy = Picture(color, alpha, Metadata("PNG", "RGBA"))
    assert not read_picture(encode_picture(lossy, format="WEBP", options=OPTIONS)[0]).metadata.lossless


def test_jpeg_keeps_full_color_resolution():
    """4:4:4, and the quality asked for: a red line of one pixel stays red."""
    color = np.zeros((16, 16, 3), np.uint8)
    color[:, 7] = (255, 0, 0)
    source = Picture(color, None, Metadata("PNG", "RGB"))
    data, _ = encode_picture(source, format="JPEG", options=OPTIONS)
    assert np.abs(read_picture(data).color.astype(int) - color).max() <= 12
    smaller, _ = encode_picture(source, format="JPEG", options=EncodeOptions(quality=30))
    assert len(smaller) < len(data)


@pytest.mark.parametrize("fmt", FORMATS)
def test_same_picture_same_bytes(fmt):
    """Nothing of the clock, the machine or chance goes into a file."""
    source = picture(alpha=True, icc=icc.BUILDERS["p3"](), exif=camera_exif(), dpi=(300.0, 300.0))
    first = encode_picture(source, format=fmt, options=OPTIONS)
    assert encode_picture(source, format=fmt, options=OPTIONS) == first


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
@pytest.mark.parametrize("fmt", FORMATS)
def test_smallest_pictures_are_written(fmt, size):
    """One row, one column, one pixel."""
    source = Picture(np.full((*size, 3), 128, np.uint8), np.full(size, 200, np.uint8), Metadata("PNG", "RGBA"))
    read = read_picture(encode_picture(source, format=fmt, options=EncodeOptions(background="#808080"))[0])
    assert (read.height, read.width) == size
    assert np.abs(read.color.astype(int) - 128).max() <= 3


@pytest.mark.parametrize(
    ("fmt", "fits", "exceeds"),
    [
        ("JPEG", (1, 65500), (1, 65501)),
        ("WEBP", (16383, 1), (16384, 1)),
        pytest.param("AVIF", (1, 32768), (1, 32769), marks=pytest.mark.skipif("AVIF" not in FORMATS, reason="no AVIF")),
        pytest.param(
            "AVIF", (16384, 16384), (16385, 16384), marks=pytest.mark.skipif("AVIF" not in FORMATS, reason="no")
        ),
        ("BMP", (30000, 40000), (40000, 40000)),
        ("GIF", (65535, 1), (65536, 1)),
        ("PNG", (2**31 - 1, 1), (2**31, 1)),
    ],
)
def test_sizes_are_refused_before_anything_is_computed(tmp_path, fmt, fits, exceeds):
    """The limits of each format, to the pixel, with width before height as people say it."""
    check_size(fmt, *fits, tmp_path / "a")
    with pytest.raises(ImageWriteError, match=f"a: {exceeds[1]} × {exceeds[0]} is too large: {fmt}"):
        check_size(fmt, *exceeds, tmp_path / "a")


@pytest.mark.parametrize(
    ("fmt", "width"), [("JPEG", 65500), ("WEBP", 16383), ("GIF", 65535), ("PNG", 70000), ("TIFF", 70000)]
)
def test_sizes_at_the_limit_are_really_written(fmt, width):
    """A limit that is believed must be one that the encoder keeps."""
    source = Picture(np.zeros((1, width, 3), np.uint8), None, Metadata("PNG", "RGB"))
    assert read_picture(encode_picture(source, format=fmt, options=OPTIONS)[0]).width == width


def test_format_that_this_pillow_cannot_write_is_refused(tmp_path, monkeypatch):
    """Early, with what is possible instead."""
    monkeypatch.setattr(writing, "native_formats", lambda: NativeFormats(("PNG",), ("PNG", "BMP")))
    with pytest.raises(ImageWriteError, match="AVIF cannot be written") as caught:
        check_size("AVIF", 1, 1, tmp_path / "a")
    assert caught.value.hint == "Writable here: PNG, BMP."


def test_file_on_disk_is_what_was_encoded(tmp_path):
    """Storing adds and removes nothing."""
    source = picture(alpha=True)
    notes = write_picture(source, tmp_path / "a.jpg", format="JPEG", options=OPTIONS)
    data, same = encode_picture(source, format="JPEG", options=OPTIONS)
    assert (tmp_path / "a.jpg").read_bytes() == data
    assert notes == same != ()


def test_taken_name_is_refused_before_encoding(tmp_path, monkeypatch):
    """No minutes of encoding for a file that may not be written."""
    (tmp_path / "a.png").write_bytes(b"old")
    monkeypatch.setattr(writing, "prepare", lambda *_, **__: pytest.fail("encoded for nothing"))
    with pytest.raises(DestinationClash):
        write_picture(picture(), tmp_path / "a.png", format="PNG", options=OPTIONS)


@pytest.mark.parametrize(
    "error", [OSError("encoder error -2"), ValueError("bad"), RuntimeError("worse"), MemoryError()]
)
def test_failing_encoder_leaves_nothing(tmp_path, monkeypatch, error):
    """Whatever an encoder raises is one line of ours, and the folder stays empty."""

    def fail(*_, **__):
        raise error

    for place, name in ((Image.Image, "save"), (png, "filtered"), (tiff, "_differences")):
        monkeypatch.setattr(place, name, fail)
    for fmt in ("PNG", "JPEG", "TIFF", "WEBP"):
        with pytest.raises(ImageWriteError, match=rf"a: (cannot be encoded as {fmt}|does not fit into memory)"):
            write_picture(picture(), tmp_path / "a", format=fmt, options=OPTIONS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_independent_reader_agrees(fmt):
    """Pillow alone, without our reading, finds the same pixels, profile and resolution in our file."""
    source = picture(alpha=True, icc=icc.srgb(), exif=camera_exif(), dpi=(300.0, 300.0))
    with Image.open(BytesIO(encode_picture(source, format=fmt, options=OPTIONS)[0])) as image:
        np.testing.assert_array_equal(np.asarray(image), np.dstack((source.color, source.alpha)))
        assert image.info["icc_profile"] == icc.srgb()
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_impossible_pictures_cannot_be_made():
    """A picture checks its own shape, so that no encoder has to."""
    pixels = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(ValueError, match=r"color must be \(h, w, 1\) or \(h, w, 3\)"):
        Picture(pixels[..., :2], None, Metadata("PNG", "LA"))
    with pytest.raises(ValueError, match="uint16 or float32"):
        Picture(pixels.astype(np.float64), None, Metadata("PNG", "RGB"))
    with pytest.raises(ValueError, match="alpha must be"):
        Picture(pixels, np.zeros((3, 2), np.uint8), Metadata("PNG", "RGBA"))
    with pytest.raises(ValueError, match="excess must be"):
        Picture(pixels, None, Metadata("PNG", "RGB"), excess=np.zeros((2, 3, 1), np.int16))
    with pytest.raises(ValueError, match="2 frames"):
        Animation((Picture(pixels, None, Metadata("GIF", "P")),) * 2, (40,), 0)
