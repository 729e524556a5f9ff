"""Colours outside sRGB: what the way there and back loses is kept beside the picture, and comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nlsr_cli.images import Metadata, Picture, encode_picture, read_picture
from nlsr_cli.images.color.out_of_gamut import add_excess, excess_of, weighed
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.deep_files import deep_tiff
from tests.images.delta_e import delta_e, lab_of
from tests.images.files import plain_tiff, shorts, tiff

OPTIONS = EncodeOptions()
PROFILES = {
    "Display P3": icc.rgb("Display P3", icc.DISPLAY_P3, None),
    "Adobe RGB": icc.rgb("Adobe RGB", icc.ADOBE_RGB),
    "ProPhoto": icc.rgb("ProPhoto", icc.PROPHOTO, 1.8),
    "Rec. 2020": icc.rgb("Rec. 2020", icc.REC_2020, 2.4),
    "P3 by tables": icc.table_rgb(),
}
# Table 1 of Sharma et al.: two colours and their difference.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_delta_e_is_that_of_the_paper():
    """All 34 pairs, to the four places that are published."""
    pairs = np.array([line.split() for line in SHARMA.split("\n") if line], float)
    assert len(pairs) == 34
    np.testing.assert_allclose(delta_e(pairs[:, :3], pairs[:, 3:6]), pairs[:, 6], atol=5e-5)


def lattice(dtype: type, steps: int = 17) -> np.ndarray:
    """Return the colours of a whole space (steps ** 2, steps, 3)."""
    values = np.linspace(0, 1, steps)
    colors = np.stack(np.meshgrid(values, values, values, indexing="ij"), axis=-1).reshape(-1, steps, 3)
    return (
        np.rint(colors * np.iinfo(dtype).max).astype(dtype)
        if np.issubdtype(dtype, np.integer)
        else colors.astype(dtype)
    )


def file_of(pixels: np.ndarray, profile: bytes) -> bytes:
    """Return a TIFF that holds these very samples."""
    if pixels.dtype != np.uint8:
        return deep_tiff(pixels, 2, more={34675: ("B", tuple(profile))})
    height, width, _ = pixels.shape
    tags = {256: shorts("<", width), 257: shorts("<", height), 258: shorts("<", 8, 8, 8), 259: shorts("<", 1)}
    tags |= {262: shorts("<", 2), 277: shorts("<", 3), 278: shorts("<", height), 34675: (7, len(profile), profile)}
    return tiff("<", tags, pixels.tobytes())


def stored(picture: Picture, profile: bytes) -> np.ndarray:
    """Return the samples of the file that is written, whatever profile it has."""
    data, notes = encode_picture(picture, format="TIFF", options=OPTIONS)
    assert notes == ()
    assert data.count(profile) == 1
    return read_picture(data.replace(profile, bytes(len(profile)))).color


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("name", PROFILES)
def test_every_colour_of_a_wide_space_comes_back(name, dtype):
    """What is read and written again is the same to the eye: ΔE2000 below a hundredth; without the excess it is not."""
    profile, pixels = PROFILES[name], lattice(dtype)
    picture = read_picture(file_of(pixels, profile))
    assert picture.metadata.icc == profile
    seen = lab_of(pixels, profile)
    assert delta_e(seen, lab_of(stored(picture, profile), profile)).max() < 0.01
    if dtype != np.float32:
        np.testing.assert_array_equal(stored(picture, profile), pixels)
        clipped = delta_e(seen, lab_of(stored(replace(picture, excess=None), profile), profile))
        assert clipped.max() > 5, "these colours are outside sRGB"


def test_picture_within_srgb_has_no_excess():
    """Rounding alone is not kept: memory and time are for colours that need them."""
    grey = np.linspace(60, 200, 30).astype(np.uint8).reshape(5, 6, 1).repeat(3, axis=2)
    assert read_picture(file_of(grey, PROFILES["Display P3"])).excess is None
    assert read_picture(file_of(lattice(np.uint8), icc.srgb())).excess is None
    assert read_picture(plain_tiff("<", (8, 8, 8), 2, bytes(24))).excess is None


@pytest.mark.parametrize(("dtype", "signed"), [(np.uint8, np.int16), (np.uint16, np.int32), (np.float32, np.float32)])
def test_excess_is_what_the_way_back_lacks(dtype, signed):
    """Signed, in the levels of the file, of the size of the picture."""
    pixels, profile = lattice(dtype, 5), PROFILES["Adobe RGB"]
    picture = read_picture(file_of(pixels, profile))
    assert (picture.excess.dtype, picture.excess.shape) == (signed, pixels.shape)
    np.testing.assert_array_equal(picture.excess, excess_of(pixels, picture.color, profile))


def test_adding_clips_whole_numbers_and_no_others():
    """An enlarged excess overshoots at edges; levels do not wrap around."""
    for dtype, signed in ((np.uint8, np.int16), (np.uint16, np.int32)):
        white = np.iinfo(dtype).max
        pixels = np.array([[[0, 10, white]]], dtype)
        add_excess(pixels, np.array([[[-5, 7, 9]]], signed))
        np.testing.assert_array_equal(pixels, [[[0, 17, white]]])
    floats = np.array([[[0, 0.5, 1]]], np.float32)
    add_excess(floats, np.array([[[-1, 0.25, 1]]], np.float32))
    np.testing.assert_array_equal(floats, [[[-1, 0.75, 2]]])


def test_excess_fades_with_alpha():
    """A picture laid on a background keeps as much of it as is seen of its colours."""
    alpha = np.array([[0, 128, 255]], np.uint8)
    faded = weighed(np.full((1, 3, 3), 100, np.int16), alpha)
    assert faded.dtype == np.int16
    np.testing.assert_array_equal(faded[0, :, 0], [0, 50, 100])


def test_output_in_srgb_drops_it_and_says_so():
    """BMP holds no profile, so there colours end where sRGB ends."""
    picture = read_picture(file_of(lattice(np.uint8, 5), PROFILES["Adobe RGB"]))
    assert "Colours outside sRGB are clipped." in encode_picture(picture, format="BMP", options=OPTIONS)[1]
    assert encode_picture(picture, format="PNG", options=OPTIONS)[1] == ()


def test_lossy_format_with_the_profile_keeps_colours_beyond_srgb():
    """JPEG holds the profile, so a green of Adobe RGB stays that green, also when it is laid on a background."""
    green = np.zeros((16, 16, 3), np.uint8) + np.array([30, 230, 40], np.uint8)
    profile = PROFILES["Adobe RGB"]
    picture = read_picture(file_of(green, profile))
    opaque = Picture(picture.color, np.full((16, 16), 255, np.uint8), picture.metadata, excess=picture.excess)
    for each in (picture, opaque):
        data, _ = encode_picture(each, format="JPEG", options=EncodeOptions(quality=100))
        again = read_picture(data)
        assert again.excess is not None
        seen = again.excess + np.array(stored(replace(again, excess=None), profile), np.int16)
        assert np.abs(seen - green).max() <= 3


def test_picture_refuses_an_excess_of_another_size():
    """The two travel together."""
    with pytest.raises(ValueError, match="excess must be"):
        Picture(np.zeros((2, 2, 3), np.uint8), None, Metadata("PNG", "RGB"), excess=np.zeros((4, 4, 3), np.int16))


@pytest.mark.parametrize(("dtype", "least", "most"), [(np.uint8, 2, 3), (np.uint16, 40, 150)])
def test_a_little_outside_srgb_is_kept_too(dtype, least, most):
    """Colours that the way there and back would change by a few levels come back as they were."""
    profile = PROFILES["Display P3"]
    pixels = lattice(dtype, 33)
    lost = np.abs(read_picture(file_of(pixels, profile)).excess).max(axis=2)
    few = pixels[(least <= lost) & (lost <= most)][None]
    assert few.size > 0
    picture = read_picture(file_of(few, profile))
    assert picture.excess is not None
    np.testing.assert_array_equal(stored(picture, profile), few)
