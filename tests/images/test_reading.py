"""Reading: every mode, upright, at full depth; and every file that must be refused, with its words."""

from __future__ import annotations

import os
import random
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import native_formats, probe, read_picture
from tests.images.files import camera_exif, gradient, plain_tiff, png, saved

CASES = Path(__file__).parents[1] / "assets" / "cases"
RGB = gradient()
GREY = np.ascontiguousarray(RGB[..., 0])
ALPHA = np.linspace(0, 255, GREY.size).reshape(GREY.shape).astype(np.uint8)
TIFF_MODES = {mode for mode, _ in TiffImagePlugin.OPEN_INFO.values()}
NEEDS_AVIF = pytest.mark.skipif("AVIF" not in native_formats().readable, reason="this Pillow has no AVIF")


def image(*layers: np.ndarray, mode: str) -> Image.Image:
    """Return a Pillow picture of channels."""
    stacked = np.dstack(layers)
    return Image.frombytes(mode, (stacked.shape[1], stacked.shape[0]), np.ascontiguousarray(stacked).tobytes())


MODES = [
    ("L", image(GREY, mode="L"), "PNG", GREY, None),
    ("LA", image(GREY, ALPHA, mode="LA"), "PNG", GREY, ALPHA),
    ("RGB", image(RGB, mode="RGB"), "PNG", RGB, None),
    ("RGBA", image(RGB, ALPHA, mode="RGBA"), "PNG", RGB, ALPHA),
    ("L", image(GREY, mode="L"), "TIFF", GREY, None),
    ("LA", image(GREY, ALPHA, mode="LA"), "TIFF", GREY, ALPHA),
    ("RGBA", image(RGB, ALPHA, mode="RGBA"), "TIFF", RGB, ALPHA),
    ("RGB", image(RGB, mode="RGB"), "BMP", RGB, None),
    ("L", image(GREY, mode="L"), "BMP", GREY, None),
]


@pytest.mark.parametrize(("mode", "source", "fmt", "color", "alpha"), MODES)
def test_plain_modes_arrive_unchanged(mode, source, fmt, color, alpha):
    """Lossless files in modes that need no conversion give their exact samples and no note."""
    picture = read_picture(saved(source, fmt))
    np.testing.assert_array_equal(picture.color.squeeze(), color)
    assert picture.is_grey == (color.ndim == 2)
    assert (picture.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(picture.alpha, alpha)
    assert (picture.metadata.mode, picture.metadata.format, picture.notes) == (mode, fmt, ())


def test_opaque_alpha_is_still_an_alpha_channel():
    """An RGBA picture stays RGBA, however opaque it is."""
    picture = read_picture(saved(image(RGB, np.full_like(ALPHA, 255), mode="RGBA")))
    assert picture.alpha is not None
    assert picture.alpha.min() == 255


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_of_16_bit_keeps_all_16(order):
    """Neither PNG nor TIFF of either byte order loses a bit of grey."""
    values = (np.arange(8) * 8123 + 7).astype(np.uint16).reshape(2, 4)
    tiff = read_picture(plain_tiff(order, (16,), 1, values.astype(order + "u2").tobytes()))
    assert tiff.color.dtype == np.uint16
    assert tiff.color.dtype.isnative
    np.testing.assert_array_equal(tiff.color[..., 0], values)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    np.testing.assert_array_equal(read_picture(png(2, 4, 16, 0, lines)).color[..., 0], values)


def test_grey_of_16_bit_with_zero_as_white_is_turned_round():
    """TIFF photometric 0 stores negatives; Pillow turns 8-bit ones round but not 16-bit ones."""
    values = (np.arange(8) * 8123 + 7).astype(np.uint16).reshape(2, 4)
    read = read_picture(plain_tiff("<", (16,), 0, values.tobytes()))
    np.testing.assert_array_equal(read.color[..., 0], 65535 - values)
    eight = np.arange(8, dtype=np.uint8)
    np.testing.assert_array_equal(read_picture(plain_tiff("<", (8,), 0, eight.tobytes())).color.ravel(), 255 - eight)


def test_bilevel_becomes_grey():
    """Mode 1 is black and white in 8 bit, and the note says so."""
    picture = read_picture(saved(Image.fromarray(GREY).convert("1")))
    assert set(np.unique(picture.color)) == {0, 255}
    assert picture.is_grey
    assert picture.notes == ("1-bit grey is read as 8-bit grey.",)


@pytest.mark.parametrize(("depth", "levels"), [(2, 4), (4, 16)])
def test_low_depth_grey_and_its_transparent_level(depth, levels):
    """A tRNS level counts in the levels of the file (PNG specification 11.3.2.1), not in those of 8 bit."""
    row = {2: bytes([0b00011011]), 4: bytes([0x01, 0x2F])}[depth]
    raw = {2: [0, 1, 2, 3], 4: [0, 1, 2, 15]}[depth]
    picture = read_picture(png(1, 4, depth, 0, b"\0" + row, (b"tRNS", struct.pack(">H", raw[-1]))))
    np.testing.assert_array_equal(picture.color.ravel(), [value * 255 // (levels - 1) for value in raw])
    np.testing.assert_array_equal(picture.alpha.ravel(), [255, 255, 255, 0])


@pytest.mark.parametrize("high", [0, 0x5500, 0xFF00, 0xFFF0])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_only_the_low_bits_of_a_transparent_grey_count(depth, high):
    """PNG, third edition, 11.3.1.1: the others are to be ignored. A level is as it is in the file, in any Pillow."""
    levels = list(range(0, 2**depth, max(1, 2**depth // 16)))
    per_byte = 8 // depth
    padded_row = levels + [0] * (-len(levels) % per_byte)
    packed = bytes(
        sum(level << (8 - depth * (place + 1)) for place, level in enumerate(padded_row[at : at + per_byte]))
        for at in range(0, len(padded_row), per_byte)
    )
    for key in {levels[0], levels[1], levels[-1]}:
        stated = struct.pack(">H", high & ~(2**depth - 1) | key)
        picture = read_picture(png(1, len(levels), depth, 0, b"\0" + packed, (b"tRNS", stated)))
        assert picture.color.ravel().tolist() == [level * 255 // (2**depth - 1) for level in levels]
        assert picture.alpha.ravel().tolist() == [0 if level == key else 255 for level in levels]


def test_only_the_low_bits_of_a_transparent_colour_count():
    pixels = bytes((1, 2, 3, 1, 2, 4, 0, 2, 3))
    stated = struct.pack(">3H", 0xAB01, 0x0002, 0xFF03)
    picture = read_picture(png(1, 3, 8, 2, b"\0" + pixels, (b"tRNS", stated)))
    assert picture.alpha.ravel().tolist() == [0, 255, 255]


@pytest.mark.parametrize(("name", "share"), [("00_grey1_trns1", 0.457), ("00e_grey2_trns_high_bits", 0.251)])
def test_transparent_grey_of_real_files(name, share):
    """As libvips and ImageMagick give it."""
    picture = read_picture(CASES / f"{name}.png")
    assert (picture.alpha == 0).mean() == pytest.approx(share, abs=0.001)
    assert set(np.unique(picture.alpha)) == {0, 255}
    assert len(np.unique(picture.color[picture.alpha == 0])) == 1


def test_transparent_colors_become_alpha():
    """TRNS of grey and RGB marks one colour, that of palettes gives every entry its alpha."""
    grey = read_picture(saved(Image.fromarray(GREY), transparency=int(GREY[0, 3])))
    np.testing.assert_array_equal(grey.alpha == 0, GREY[0, 3] == GREY)
    rgb = read_picture(saved(Image.fromarray(RGB), transparency=tuple(int(v) for v in RGB[2, 5])))
    np.testing.assert_array_equal(rgb.alpha == 0, (RGB[2, 5] == RGB).all(axis=2))
    assert "The transparent colour becomes an alpha channel." in rgb.notes


def palette(entries: list[int], indices: np.ndarray) -> Image.Image:
    """Return a palette picture."""
    made = Image.frombytes("P", indices.shape[::-1], indices.astype(np.uint8).tobytes())
    made.putpalette(entries)
    return made


INDICES = np.array([[0, 1, 2], [2, 1, 0]])


@pytest.mark.parametrize("fmt", ["PNG", "GIF", "TIFF", "BMP"])
def test_palettes_become_rgb(fmt):
    """The palette is looked up, and the note says so."""
    picture = read_picture(saved(palette([255, 0, 0, 0, 255, 0, 10, 20, 30], INDICES), fmt))
    expected = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]])[INDICES]
    np.testing.assert_array_equal(picture.color, expected)
    assert "The palette is read as RGB." in picture.notes


def test_grey_palettes_stay_grey():
    """What has no colour needs one channel only."""
    picture = read_picture(saved(palette([9, 9, 9, 80, 80, 80, 200, 200, 200], INDICES)))
    np.testing.assert_array_equal(picture.color[..., 0], np.array([9, 80, 200])[INDICES])
    assert picture.notes == ("The grey palette is read as grey.",)


@pytest.mark.parametrize("fmt", ["PNG", "GIF"])
def test_palette_transparency_is_kept(fmt):
    """A palette with a transparent entry has an alpha channel."""
    source = palette([255, 0, 0, 0, 255, 0, 10, 20, 30], INDICES)
    picture = read_picture(saved(source, fmt, transparency=1))
    np.testing.assert_array_equal(picture.alpha, np.where(INDICES == 1, 0, 255))


def test_palette_with_partial_alpha_is_kept():
    """PNG gives each palette entry any alpha."""
    source = palette([255, 0, 0, 0, 255, 0, 10, 20, 30], INDICES)
    picture = read_picture(saved(source, transparency=bytes((0, 128, 255))))
    np.testing.assert_array_equal(picture.alpha, np.array([0, 128, 255])[INDICES])


def test_palette_with_alpha_channel():
    """Mode PA, which TIFF has, becomes RGBA."""
    source = palette([255, 0, 0, 0, 255, 0, 10, 20, 30], INDICES).convert("PA")
    source.putalpha(77)
    picture = read_picture(saved(source, "TIFF"))
    assert picture.metadata.mode == "PA"
    np.testing.assert_array_equal(picture.alpha, np.full((2, 3), 77))
    np.testing.assert_array_equal(picture.color[0, 1], [0, 255, 0])


@pytest.mark.skipif("La" not in TIFF_MODES, reason="this Pillow cannot open premultiplied grey at all")
def test_premultiplied_grey_becomes_straight():
    """TIFF ExtraSamples 1 means associated alpha: 50 at alpha 100 is 128 (TIFF 6.0 section 18)."""
    picture = read_picture(plain_tiff("<", (8, 8), 1, bytes([50, 100] * 8), t338=1))
    assert picture.metadata.mode == "La"
    assert abs(int(picture.color[0, 0, 0]) - 127) <= 1
    assert picture.alpha[0, 0] == 100


def test_lab_becomes_rgb():
    """A CIE L*a*b* TIFF is converted and noted; white is white."""
    picture = read_picture(saved(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF"))
    assert picture.metadata.mode == "LAB"
    assert picture.color.min() >= 254
    assert picture.notes == ("CIE L*a*b* is converted to sRGB.",)


def test_uncompressed_ycbcr_is_right_or_refused():
    """Older Pillow takes raw YCbCr for RGB: better no picture than a wrong one."""
    rgb = np.ascontiguousarray(RGB[:2, :4])
    samples = Image.fromarray(rgb).convert("YCbCr").tobytes()
    data = plain_tiff("<", (8, 8, 8), 6, samples, t530=(1, 1))
    if "YCbCr" not in TIFF_MODES:
        with pytest.raises(ImageReadError, match="uncompressed YCbCr is not known to this version of Pillow"):
            read_picture(data)
        return
    picture = read_picture(data)
    assert np.abs(picture.color.astype(int) - rgb).max() <= 3
    assert picture.notes == ("YCbCr is converted to RGB.",)


def test_cmyk_jpeg_of_adobe_is_not_inverted():
    """Adobe writes CMYK JPEGs upside down; red ink must come out red, and white paper white."""
    for ink, expected in (((0, 255, 255, 0), (254, 0, 0)), ((0, 0, 0, 0), (255, 255, 255))):
        data = saved(Image.new("CMYK", (8, 8), ink), "JPEG", quality=100)
        assert b"Adobe" in data
        picture = read_picture(data)
        assert np.abs(picture.color[3, 3].astype(int) - expected).max() <= 3
        assert picture.notes == ("CMYK without a usable profile is converted to RGB.",)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG", {"quality": 100, "subsampling": 0}),
        pytest.param("AVIF", {"quality": 100, "subsampling": "4:4:4"}, marks=NEEDS_AVIF),
    ],
)
def test_orientation_is_applied_exactly_once(value, fmt, options):
    """All eight EXIF orientations (CIPA DC-008, tag 274) in every format that can state one; the header agrees."""
    upright = RGB
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: upright.swapaxes(0, 1)[::-1],
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: upright.swapaxes(0, 1)[:, ::-1],
    }[value]
    exif = Image.Exif()
    exif[274] = value
    data = saved(Image.fromarray(np.ascontiguousarray(stored)), fmt, exif=exif, **options)
    picture = read_picture(data)
    assert picture.color.shape == upright.shape
    assert np.abs(picture.color.astype(int) - upright).max() <= (0 if fmt in ("PNG", "WEBP", "TIFF") else 6)
    if picture.metadata.exif:
        again = Image.Exif()
        again.load(picture.metadata.exif)
        assert again.get(274, 1) == 1


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_header_agrees_with_the_picture(tmp_path, fmt):
    """Probing tells the size after orientation, without decoding."""
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / f"a.{fmt.lower()}"
    path.write_bytes(saved(Image.fromarray(RGB), fmt, exif=exif))
    header = probe(path, max_pixels=10**6)
    picture = read_picture(path)
    assert (header.height, header.width) == (picture.height, picture.width) == (16, 12)
    assert (header.format, header.depth, header.frames, header.has_alpha) == (fmt, 8, 1, False)


def test_header_of_a_deep_or_transparent_picture(tmp_path):
    """Depth, frames and alpha are told from the header."""
    (tmp_path / "deep.png").write_bytes(png(1, 1, 16, 0, b"\0\1\2"))
    assert probe(tmp_path / "deep.png", max_pixels=99).depth == 16
    frames = [Image.new("P", (5, 4), color) for color in (0, 1, 2)]
    frames[0].putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    source = Image.new("RGBA", (5, 4))
    source.save(tmp_path / "a.webp", save_all=True, append_images=[Image.new("RGBA", (5, 4), "red")], lossless=True)
    header = probe(tmp_path / "a.webp", max_pixels=99)
    assert (header.frames, header.has_alpha, header.height, header.width) == (2, True, 4, 5)


@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP", "TIFF"])
def test_only_the_first_frame_is_read(fmt):
    """Animations and multi-page files give their first frame, and the note counts the frames."""
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    data = saved(frames[0], fmt, save_all=True, append_images=frames[1:], **{"PNG": {}, "WEBP": {}}.get(fmt, {}))
    picture = read_picture(data)
    read = (
        "pages is read; --page N takes another one, and --format tiff keeps all" if fmt == "TIFF" else "frames is read"
    )
    assert f"Only the first of 3 {read}." in picture.notes
    assert np.abs(picture.color[4, 4].astype(int) - (255, 0, 0)).max() <= 4
    assert picture.metadata.format == fmt


def test_only_the_first_of_several_jpegs_is_read():
    """They are no frames of one picture: a stereo pair, a panorama, or what a program put there."""
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    picture = read_picture(data)
    (note,) = picture.notes
    assert note.startswith("Left out: other pictures in the file (")
    assert np.abs(picture.color[4, 4].astype(int) - (255, 0, 0)).max() <= 4
    assert picture.metadata.format == "JPEG"
    assert probe(data, max_pixels=99).frames == 1


def test_losslessness_of_webp_is_known():
    """A lossless WebP must be told from a lossy one, plain, extended and animated."""
    plain = Image.fromarray(RGB)
    for options, expected in (({"lossless": True}, True), ({"quality": 80}, False)):
        assert read_picture(saved(plain, "WEBP", **options)).metadata.lossless is expected
        assert read_picture(saved(plain, "WEBP", exif=camera_exif(), **options)).metadata.lossless is expected
        more = {"save_all": True, "append_images": [Image.new("RGB", (16, 12), "red")]}
        assert read_picture(saved(plain, "WEBP", **more, **options)).metadata.lossless is expected


def test_mislabelled_file_is_read_by_its_content(tmp_path):
    """The name decides nothing, but a wrong one is worth a note."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(Image.fromarray(RGB)))
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.color, RGB)
    assert picture.notes == ("The file is a PNG picture although its name says otherwise.",)
    assert read_picture(path.rename(tmp_path / "photo.unknown")).notes == ()


# Refusals: never silently reduced


DEEP = [
    (plain_tiff("<", (16, 16, 32), 2, bytes(64)), "holds 32-bit colour"),
    (plain_tiff("<", (12,), 1, bytes(12)), "holds 12-bit grey"),
    (plain_tiff("<", (32,), 1, bytes(32)), "holds 32-bit grey"),
    (plain_tiff("<", (24,), 1, bytes(24), t339=3), "holds 24-bit floating point samples"),
    (plain_tiff("<", (16,), 1, bytes(16), t339=2), "holds 16-bit signed or complex samples"),
]


@pytest.mark.parametrize(("data", "words"), DEEP)
def test_depth_that_would_be_lost_is_refused(data, words, tmp_path):
    """Pillow opens several of these and drops the low bits; here the header decides."""
    with pytest.raises(ImageReadError, match=words) as caught:
        read_picture(data)
    assert caught.value.hint == "Convert it to 8 bits per channel first, if that loss is acceptable."
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ImageReadError, match=words):
        probe(tmp_path / "a", max_pixels=99)


@NEEDS_AVIF
def test_avif_whose_parts_have_several_depths_is_refused():
    """The bit depth of an AVIF stands in its av1C boxes; bit 6 of the third byte marks 10 bit."""
    data = bytearray(saved(Image.fromarray(np.dstack((RGB, RGB[..., 0]))), "AVIF"))
    assert data.count(b"av1C") == 2
    data[data.index(b"av1C") + 6] |= 0x40
    with pytest.raises(ImageReadError, match="holds parts of different depths"):
        read_picture(bytes(data))


def test_jpeg_of_12_bit_is_refused():
    """The precision stands in the frame header (T.81 B.2.2)."""
    data = saved(Image.fromarray(RGB), "JPEG")
    at = data.index(b"\xff\xc0") + 4
    with pytest.raises(ImageReadError, match="holds 12-bit samples"):
        read_picture(data[:at] + b"\x0c" + data[at + 1 :])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='x'></svg>", "an SVG drawing"),
        (b"<svg></svg>", "an SVG drawing"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "a video"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"Hello, I am a letter.\n", "a text file"),
        (b"BMW is a car, and this is text, not a bitmap.", "a text file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript document"),
        (bytes(range(128, 256)), "is not in a known picture format"),
    ],
)
def test_strangers_are_named(content, words, tmp_path):
    """A file that is no picture is told for what it seems to be, whatever it is called."""
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=words) as caught:
        read_picture(path)
    picture = "file" not in words and words not in ("a web page", "a video", "a Git LFS pointer")
    hint = "Convert it to PNG first." if picture else "To see which formats nlsr reads: nlsr doctor"
    if "video" in words:
        hint = f"Take its pictures: mkdir frames && ffmpeg -i {path} frames/%06d.png"
    assert caught.value.hint == hint


def test_places_that_hold_no_file(tmp_path):
    """Missing, empty and folder each have their own words."""
    with pytest.raises(ImageReadError, match=r"none\.png: does not exist"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageReadError, match="is a folder"):
        read_picture(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageReadError, match=r"empty\.png: is empty"):
        probe(tmp_path / "empty.png", max_pixels=9)
    with pytest.raises(ImageReadError, match="stdin: is empty"):
        read_picture(b"", name="stdin")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path):
    """A file that may not be read says so."""
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.fromarray(RGB)))
    path.chmod(0)
    with pytest.raises(ImageReadError, match="permission denied"):
        read_picture(path)


def test_permission_denied_is_worded_even_for_root(tmp_path, monkeypatch):
    """The same words, provoked without permissions."""

    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("nlsr_cli.images.loading._bytes_of", deny)
    with pytest.raises(ImageReadError, match="permission denied"):
        read_picture(tmp_path / "a.png")


def test_too_many_pixels_are_refused_before_decoding(tmp_path):
    """The header counts: a bomb whose data is nonsense is refused for its size, with the way out."""
    bomb = png(50000, 50000, 8, 2, b"")
    with pytest.raises(ImageReadError, match="is 50000 × 50000, 2500000000 pixels; the limit is 134217728") as caught:
        read_picture(bomb)
    assert "--max-pixels" in caught.value.hint
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.fromarray(RGB)))
    with pytest.raises(ImageReadError, match="is 16 × 12, 192 pixels; the limit is 191"):
        probe(path, max_pixels=191)
    assert read_picture(path, max_pixels=192).height == 12


def test_webp_canvas_is_checked_before_it_is_allocated():
    """The WebP decoder allocates its canvas on opening, so the size is asked before."""
    data = bytearray(saved(Image.fromarray(RGB), "WEBP", exif=camera_exif()))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = b"\xff\x3f\0\xff\x3f\0"
    with pytest.raises(ImageReadError, match="is 16384 × 16384"):
        read_picture(bytes(data))


def test_pillows_own_limits_are_set_aside_and_put_back(monkeypatch):
    """Under our limit Pillow neither warns nor blocks; afterwards its settings are as before, even after errors."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(saved(Image.fromarray(RGB))).width == 16
    with pytest.raises(ImageReadError, match="truncated"):
        read_picture(saved(Image.fromarray(RGB), "JPEG")[:-200])
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == (10, True)


def hostile_sources() -> list[tuple[str, bytes]]:
    """Return one good file of each format, with metadata where it holds some."""
    plain = Image.fromarray(RGB)
    exif = camera_exif(6)
    sources = [(name, saved(plain, name, exif=exif)) for name in ("PNG", "JPEG", "WEBP", "TIFF")]
    sources += [("BMP", saved(plain, "BMP")), ("GIF", saved(plain, "GIF"))]
    sources.append(("TIFF", saved(plain, "TIFF", compression="tiff_lzw")))
    return sources + ([("AVIF", saved(plain, "AVIF", exif=exif))] if "AVIF" in native_formats().readable else [])


@pytest.mark.parametrize(("fmt", "data"), hostile_sources())
def test_truncated_files_never_crash(fmt, data, capfd):
    """Cut anywhere, a file is refused with our error, or read where only its tail of metadata is missing; no noise."""
    refused: list[str] = []
    for end in sorted({*range(1, min(64, len(data)), 7), *range(64, len(data), max(1, len(data) // 25))}):
        try:
            read_picture(data[:end])
        except ImageReadError as exc:
            refused.append(exc.message)
    assert len(refused) >= 5
    assert not any("\n" in message for message in refused)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("fmt", "data"), hostile_sources())
def test_damaged_files_never_crash(fmt, data):
    """Random bytes overwritten: our error or some picture, never another exception, never a warning."""
    dice = random.Random(7)
    reasons: list[str] = []
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(dice.choice((1, 3, 20))):
            broken[dice.randrange(4, len(broken))] = dice.randrange(256)
        try:
            read_picture(bytes(broken), max_pixels=10**6)
        except ImageReadError as exc:
            reasons.append(exc.reason)
    assert all(reasons)


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_truncation_is_called_by_its_name(fmt):
    """Half a file is 'truncated', which is what people must know."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), fmt)
    with pytest.raises(ImageReadError, match="truncated"):
        read_picture(data[: len(data) // 2])


def test_memory_that_runs_out_is_our_error(monkeypatch):
    """A decoder out of memory is an error of this one picture."""

    def exhaust(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image, "open", exhaust)
    with pytest.raises(ImageReadError, match="does not fit into memory"):
        read_picture(png(1, 1, 8, 0, b"\0\0"))


def test_threads_may_read_at_once():
    """Pillow's limits and Python's warning filters are global; readers in several threads must not mix them up."""
    data = saved(Image.fromarray(RGB))
    results: list[bool] = []

    def work() -> None:
        for limit in (192, 191) * 5:
            try:
                results.append(read_picture(data, max_pixels=limit).width == 16 and limit == 192)
            except ImageReadError:
                results.append(limit == 191)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40
    assert Image.MAX_IMAGE_PIXELS == 89478485


def test_extra_channel_is_noted():
    """TIFF ExtraSamples 0 has no meaning that could be kept."""
    picture = read_picture(plain_tiff("<", (8, 8, 8, 8), 2, bytes(range(32)), t338=0))
    assert picture.alpha is None
    assert picture.notes == ("An extra channel without a stated meaning is left out.",)


def test_bytes_and_file_give_the_same_picture(tmp_path):
    """Standard input is read as files are."""
    data = saved(Image.fromarray(RGB))
    (tmp_path / "a.png").write_bytes(data)
    np.testing.assert_array_equal(read_picture(data).color, read_picture(tmp_path / "a.png").color)
