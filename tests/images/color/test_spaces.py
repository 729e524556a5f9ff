"""Colour profiles: sRGB inside, the source's own colours outside, nothing rounded without need."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from nlsr_cli.images import encode_picture, read_picture
from nlsr_cli.images.color import spaces
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import gradient, picture, saved

RGB = gradient()
OPTIONS = EncodeOptions(quality=100)


@pytest.mark.parametrize(("name", "space"), [("srgb", "RGB"), ("p3", "RGB"), ("grey", "GRAY"), ("cmyk", "CMYK")])
def test_space_and_name_are_read(name, space):
    """The profile's own header says what it is for."""
    profile = icc.BUILDERS[name]()
    assert spaces.space_of(profile) == space
    assert spaces.name_of(profile) != "unnamed"


@pytest.mark.parametrize("offset", [12, 16], ids=["device class", "colour space"])
def test_a_profile_whose_signatures_are_no_letters_is_unreadable(offset):
    """Pillow takes it for a profile and then fails to read its header as ASCII."""
    data = bytearray(icc.rgb("P3", icc.DISPLAY_P3))
    data[offset] = 0xFF
    assert spaces.space_of(bytes(data)) == "unreadable"


@pytest.mark.parametrize("data", [b"", b"nonsense", bytes(128), icc.srgb()[:200], b"\xff" * 3000])
def test_nonsense_is_unreadable_and_has_no_name(data):
    """Damaged profiles are a state, not an exception."""
    assert spaces.space_of(data) == "unreadable"
    assert spaces.name_of(data) == "unnamed"


def test_name_cannot_confuse_a_terminal():
    """The name of a profile goes into messages; escape sequences in it must not."""
    assert "\x1b" not in spaces.name_of(icc.rgb("Evil\x1b[31m", icc.DISPLAY_P3))


def test_srgb_is_recognised_without_its_name():
    """What decides is what the profile does: sRGB under any name is left alone, P3 is not."""
    assert spaces.is_nearly_srgb(icc.srgb())
    assert not spaces.is_nearly_srgb(icc.rgb("sRGB IEC61966-2.1", icc.DISPLAY_P3))


def test_known_color_goes_where_it_must():
    """Adobe RGB (1998) green is outside sRGB; its neutral greys are sRGB's, within the gammas' difference."""
    adobe = icc.rgb("Adobe RGB", icc.ADOBE_RGB)
    pixels = np.array([[[0, 255, 0], [255, 255, 255], [128, 128, 128], [200, 80, 80]]], np.uint8)
    moved = spaces.to_srgb(pixels, adobe).astype(int)
    np.testing.assert_array_equal(moved[0, :2], [[0, 255, 0], [255, 255, 255]])
    assert np.abs(moved[0, 2] - 128).max() <= 2
    assert moved[0, 3, 0] > 215, "the wider space shows the same number as a stronger red"


@pytest.mark.parametrize("name", ["p3", "adobe"])
@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
@pytest.mark.parametrize("alpha", [False, True])
def test_wide_gamut_comes_back_with_its_profile(name, fmt, alpha):
    """Through sRGB and back what sRGB holds stays within one level; profile and alpha stay exactly."""
    profile = icc.BUILDERS[name]()
    inside = spaces.from_srgb(RGB, profile)
    layer = np.arange(RGB[..., 0].size, dtype=np.uint8).reshape(RGB.shape[:2])
    source = Image.fromarray(np.dstack((inside, layer)) if alpha else inside)
    read = read_picture(saved(source, fmt, icc_profile=profile))
    assert np.abs(read.color.astype(int) - RGB).max() <= 1
    assert len(read.notes) == 1
    assert "to sRGB for enlarging" in read.notes[0]
    data, notes = encode_picture(read, format=fmt, options=OPTIONS)
    stored = Image.open(BytesIO(data))
    assert notes == ()
    assert stored.info["icc_profile"] == profile
    back = np.asarray(stored)
    assert np.abs(back[..., :3].astype(int) - inside).max() <= 1
    if alpha:
        np.testing.assert_array_equal(back[..., 3], layer)


@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_srgb_profile_is_embedded_and_moves_nothing(fmt):
    """A profile that is sRGB costs no rounding at all."""
    profile = icc.srgb()
    read = read_picture(saved(Image.fromarray(RGB), "PNG", icc_profile=profile))
    np.testing.assert_array_equal(read.color, RGB)
    assert read.notes == ()
    data, notes = encode_picture(read, format=fmt, options=EncodeOptions(lossless=True))
    again = read_picture(data)
    assert again.metadata.icc == profile
    assert notes == ()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_grey_with_its_profile_is_not_rounded(fmt, deep):
    """A grey profile is a tone curve only: values pass unchanged, in 16 bit too, and the curve goes with them."""
    profile = icc.grey()
    source = picture(1, deep=deep, icc=profile)
    read = read_picture(encode_picture(source, format=fmt, options=OPTIONS)[0])
    np.testing.assert_array_equal(read.color, source.color)
    assert read.metadata.icc == profile
    assert read.notes == ()


def test_grey_profile_is_applied_where_it_cannot_be_stored():
    """WebP has no grey and BMP no profile: there the tone curve is applied instead."""
    source = picture(1, icc=icc.grey(1.0))
    for fmt in ("BMP", "WEBP"):
        data, notes = encode_picture(source, format=fmt, options=EncodeOptions(lossless=True))
        read = read_picture(data)
        linear = source.color.astype(float) / 255
        expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
        assert np.abs(read.color - expected).max() <= 1.01
        assert read.metadata.icc is None
        assert f"{fmt} cannot hold the grey profile; the output has the tone curve of sRGB." in notes


def test_grey_with_a_profile_for_rgb_is_kept_as_it_is():
    """Many programs leave an RGB profile in grey JPEGs; values and profile stay, and RGB formats may use both."""
    profile = icc.rgb("Display P3", icc.DISPLAY_P3)
    source = saved(Image.fromarray(RGB[..., 0]), "PNG", icc_profile=profile)
    read = read_picture(source)
    np.testing.assert_array_equal(read.color[..., 0], RGB[..., 0])
    assert read.metadata.icc == profile
    assert read.notes == ("The profile 'Display P3' is for RGB but the picture is grey; both are kept as they are.",)
    data, _ = encode_picture(read, format="WEBP", options=EncodeOptions(lossless=True))
    stored = np.asarray(Image.open(BytesIO(data)))
    np.testing.assert_array_equal(stored[..., 1], RGB[..., 0])


def test_grey_palette_with_a_profile_for_rgb_stays_rgb():
    """The profile speaks of three channels, so three are kept."""
    source = Image.fromarray(RGB[..., 0]).convert("P")
    assert not read_picture(saved(source, "PNG", icc_profile=icc.BUILDERS["p3"]())).is_grey
    assert read_picture(saved(source, "PNG")).is_grey


def test_unreadable_profile_is_kept_and_noted():
    """What cannot be understood is handed on, for someone may."""
    read = read_picture(saved(Image.fromarray(RGB), "PNG", icc_profile=b"nonsense"))
    np.testing.assert_array_equal(read.color, RGB)
    assert read.notes == ("The colour profile is unreadable; it is kept, and colours are read as sRGB.",)
    data, _ = encode_picture(read, format="TIFF", options=OPTIONS)
    assert read_picture(data).metadata.icc == b"nonsense"


@pytest.mark.parametrize(("mode", "name"), [("RGB", "grey"), ("RGB", "cmyk"), ("L", "cmyk")])
def test_profile_of_another_kind_is_left_out(mode, name):
    """A profile that cannot belong to the picture would only mislead readers."""
    read = read_picture(saved(Image.fromarray(RGB).convert(mode), "PNG", icc_profile=icc.BUILDERS[name]()))
    assert read.metadata.icc is None
    assert "does not fit the picture and is left out." in read.notes[0]


def test_profile_without_a_way_back_leaves_srgb():
    """Scanner profiles lead in one direction; the picture then stays sRGB, and says so."""
    read = read_picture(saved(Image.fromarray(RGB), "PNG", icc_profile=icc.one_way_rgb()))
    assert read.metadata.icc is None
    assert read.notes == (
        "Colours are converted from 'One way scanner' to sRGB and stay in sRGB: the profile cannot convert them back.",
    )


@pytest.mark.parametrize("target", ["JPEG", "TIFF", "PNG"])
@pytest.mark.parametrize("source", ["JPEG", "TIFF"])
def test_cmyk_goes_back_to_cmyk_where_the_format_can(source, target):
    """CMYK JPEG and TIFF come back as CMYK with their profile; elsewhere they become sRGB with a note."""
    profile = icc.cmyk()
    inks = spaces.from_srgb(RGB, profile)
    options = {"quality": 100, "subsampling": 0} if source == "JPEG" else {}
    image = Image.frombytes("CMYK", (16, 12), inks.tobytes())
    read = read_picture(saved(image, source, icc_profile=profile, **options))
    assert np.abs(read.color.astype(int) - RGB).max() <= 14
    assert read.notes == (
        "CMYK is converted from 'Ideal CMYK' to sRGB for enlarging, and converted back by that profile.",
    )
    data, notes = encode_picture(read, format=target, options=OPTIONS)
    stored = Image.open(BytesIO(data))
    if target == "PNG":
        assert stored.mode == "RGB"
        assert "icc_profile" not in stored.info
        assert notes == ("PNG cannot hold CMYK; the output is in sRGB.",)
        return
    assert stored.mode == "CMYK"
    assert stored.info["icc_profile"] == profile
    assert notes == ()
    assert np.abs(read_picture(data).color.astype(int) - RGB).max() <= 20


def test_bands_do_not_show(monkeypatch):
    """Large pictures are converted in rows; where the cuts fall must not matter."""
    profile = icc.BUILDERS["p3"]()
    whole = spaces.to_srgb(RGB, profile)
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 33)
    np.testing.assert_array_equal(spaces.to_srgb(RGB, profile), whole)


def test_bmp_gets_srgb_pixels():
    """A format without profiles gets the colours themselves."""
    profile = icc.BUILDERS["p3"]()
    source = picture(icc=profile)
    data, notes = encode_picture(source, format="BMP", options=OPTIONS)
    np.testing.assert_array_equal(read_picture(data).color, source.color)
    assert notes == ("BMP cannot hold the profile; the output is in sRGB.",)


def test_lab_is_what_the_color_library_says():
    """Lab goes through the same engine as everything else."""
    lab = Image.new("LAB", (1, 1), (128, 128, 128))
    reference = ImageCms.profileToProfile(
        lab, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), 1, "RGB", False, 0x2000
    )
    assert tuple(spaces.lab_to_srgb(np.asarray(lab))[0, 0]) == reference.getpixel((0, 0))


# 16 bits and floating point


@pytest.mark.parametrize("name", ["p3", "adobe"])
def test_16_bit_is_moved_as_exactly_as_it_is_stored(name):
    """A transform that was optimised for speed is off by thousands of levels: sampled at 33 points an axis."""
    profile = icc.BUILDERS[name]()
    pixels = np.random.default_rng(1).integers(0, 65536, (60, 50, 3)).astype(np.uint16)
    exact = spaces.to_srgb((pixels / 65535).astype(np.float32), profile)
    moved = spaces.to_srgb(pixels, profile)
    assert moved.dtype == np.uint16
    assert np.abs(moved - exact.clip(0, 1) * 65535).max() <= 1


@pytest.mark.parametrize(("name", "levels"), [("p3", 1.01), ("adobe", 1.01), ("cmyk", 4)])
def test_depths_agree_about_a_profile(name, levels):
    """8 bits go through Pillow and 16 do not; both end at the same colour, with black point compensation.

    Tables of four inks are interpolated in 8 bits in the one, and in floating point in the other.
    """
    profile = icc.BUILDERS[name]()
    channels = 4 if name == "cmyk" else 3
    pixels = np.random.default_rng(2).integers(0, 256, (40, 30, channels)).astype(np.uint8)
    deep = spaces.to_srgb(pixels.astype(np.uint16) * 257, profile) / 257
    assert np.abs(deep - spaces.to_srgb(pixels, profile)).max() <= levels


def test_floating_point_is_not_clipped_on_its_way():
    """Green of P3 has less than no red in sRGB; it returns, and so does what is brighter than white."""
    profile = icc.rgb("Display P3", icc.DISPLAY_P3, None)
    pixels = np.array([[[0, 1, 0], [1.5, 1.25, 2], [0.2, 0.4, 0.6]]], np.float32)
    moved = spaces.to_srgb(pixels, profile)
    assert moved.dtype == np.float32
    assert moved[0, 0, 0] < -0.1
    assert moved[0, 1].max() > 1
    np.testing.assert_allclose(spaces.from_srgb(moved, profile), pixels, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_grey_of_any_depth_takes_the_tone_curve_of_srgb(dtype):
    """The formula of gamma 1.8 and of IEC 61966-2-1."""
    white = 1 if dtype == np.float32 else 65535
    grey = (np.linspace(0.02, 1, 50) * white).astype(dtype).reshape(5, 10, 1)
    linear = (grey / white) ** icc_gamma(icc.grey())
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    moved = spaces.grey_to_srgb(grey, icc.grey())
    assert (moved.dtype, moved.shape) == (dtype, grey.shape)
    assert np.abs(moved / white - expected).max() < 2e-4


def icc_gamma(profile: bytes) -> float:
    """Return the gamma as the profile holds it, in 256ths."""
    at = profile.rindex(b"curv\0\0\0\0\0\0\0\1") + 12
    return int.from_bytes(profile[at : at + 2], "big") / 256


def test_large_pictures_go_band_by_band(monkeypatch):
    """Bands are for memory; they leave no seam."""
    pixels = np.random.default_rng(3).integers(0, 65536, (50, 20, 3)).astype(np.uint16)
    whole = spaces.to_srgb(pixels, icc.BUILDERS["p3"]())
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 60)
    np.testing.assert_array_equal(spaces.to_srgb(pixels, icc.BUILDERS["p3"]()), whole)


@pytest.mark.parametrize(("share", "near"), [(0.0, True), (0.002, True), (0.006, False), (0.01, False)])
def test_a_profile_that_moves_colours_by_a_few_levels_is_heeded(share, near):
    """Between sRGB and Display P3: two to six levels of 255 are no rounding, and are seen side by side."""
    srgb = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
    between = [
        tuple((1 - share) * a + share * b for a, b in zip(one, other, strict=True))
        for one, other in zip(srgb, icc.DISPLAY_P3, strict=True)
    ]
    profile = icc.rgb("Almost", tuple(between), None)
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(17, -1, 3)
    moved = np.abs(spaces.to_srgb(colors, profile).astype(int) - colors).max()
    assert moved <= 1 if near else 2 <= moved <= 6
    read = read_picture(saved(Image.fromarray(gradient()), icc_profile=profile))
    assert ("Colours are converted from 'Almost' to sRGB for enlarging, and back." in read.notes) is not near
