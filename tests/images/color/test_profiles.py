"""Profiles made of numbers: the colours are right by independent sums, and the file's own numbers come out again."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import encode_picture, native_formats, read_picture
from nlsr_cli.images.color import profiles, spaces
from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.containers.png import chunks
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import gradient, saved, with_png_chunk

SOFT = gradient() // 4 + 96  # colours that sRGB and the wider spaces share
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
OPTIONS = EncodeOptions()
ADOBE_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)


def srgb_coded(linear: np.ndarray) -> np.ndarray:
    """Return linear light from 0 to 1 in levels of sRGB (IEC 61966-2-1)."""
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("gamma", [100000, 45455, 55556, 30000])
def test_gamma_of_a_png_is_heeded(gamma):
    """Linear light above all: taken as sRGB it would be far too dark."""
    pixels = np.stack([RAMP] * 3, axis=-1)
    read = read_picture(with_png_chunk(saved(Image.fromarray(pixels)), b"gAMA", struct.pack(">I", gamma)))
    expected = pixels if gamma == 45455 else srgb_coded((pixels / 255) ** (100000 / gamma))
    assert np.abs(read.color - expected).max() <= 1
    assert (read.metadata.icc is None) is (gamma == 45455)
    assert bool(read.notes) is (gamma != 45455)


@pytest.mark.parametrize("target", [name for name in native_formats().writable if name in ("PNG", "TIFF")])
@pytest.mark.parametrize("chunks", [{b"gAMA": 55556}, {b"cHRM": ADOBE_CHRM}, {b"gAMA": 45471, b"cHRM": ADOBE_CHRM}])
def test_what_numbers_say_a_profile_says(chunks, target):
    """The stored levels come back, and the file has a profile that says the same as the numbers did."""
    data = saved(Image.fromarray(SOFT))
    for name, body in chunks.items():
        data = with_png_chunk(data, name, body if isinstance(body, bytes) else struct.pack(">I", body))
    read = read_picture(data)
    written, _ = encode_picture(read, format=target, options=OPTIONS)
    with Image.open(BytesIO(written)) as image:
        assert image.info["icc_profile"] == read.metadata.icc
        np.testing.assert_allclose(np.asarray(image).astype(int), SOFT, atol=2)
    np.testing.assert_allclose(read_picture(written).color.astype(int), read.color, atol=2)


def test_grey_keeps_its_levels_and_gets_a_curve():
    """Grey is enlarged as it is stored."""
    read = read_picture(with_png_chunk(saved(Image.fromarray(RAMP)), b"gAMA", struct.pack(">I", 100000)))
    np.testing.assert_array_equal(read.color[..., 0], RAMP)
    assert spaces.space_of(read.metadata.icc) == "GRAY"
    seen = spaces.grey_to_srgb(read.color, read.metadata.icc)[..., 0]
    assert np.abs(seen - srgb_coded(RAMP / 255)).max() <= 1


def test_profiles_are_those_of_published_ones():
    """Display P3 and Adobe RGB by numbers are Display P3 and Adobe RGB by their published colorants."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    published = icc.rgb("Adobe RGB", icc.ADOBE_RGB, 563 / 256)
    difference = spaces.to_srgb(noise, profiles.adobe_rgb(3)).astype(int) - spaces.to_srgb(noise, published)
    assert np.abs(difference).max() <= 1
    made = profiles.profile_for(Colours(codes=(12, 13, True)), 3)
    colorants = [struct.unpack(">3i", made[made.index(b"XYZ \0\0\0\0") + 8 :][:12])]
    assert np.abs(np.array(colorants) / 65536 - icc.D50).max() < 1e-4
    assert spaces.name_of(made) == "nlsr: primaries 12, transfer 13"


@pytest.mark.parametrize("transfer", [1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 17])
@pytest.mark.parametrize("primaries", [1, 4, 5, 6, 7, 8, 9, 11, 12, 22])
def test_every_code_point_that_is_known_makes_a_profile(primaries, transfer):
    """White stays white and black stays black, there and back."""
    made = profiles.profile_for(Colours(codes=(primaries, transfer, True)), 3)
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert spaces.space_of(made) == "RGB"
    assert spaces.is_invertible(made)
    assert np.abs(spaces.to_srgb(ends, made).astype(int) - ends).max() <= 1
    assert np.abs(spaces.from_srgb(ends, made).astype(int) - ends).max() <= 1
    assert made == profiles.profile_for(Colours(codes=(primaries, transfer, True)), 3)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"gAMA", struct.pack(">I", 0)),
        (b"gAMA", struct.pack(">I", 2**31)),
        (b"cHRM", bytes(32)),
        (b"cHRM", struct.pack(">8I", *[2**31 - 1] * 8)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 64000, 33000, 64000, 33000)),
        (b"cICP", bytes((200, 200, 0, 1))),
        (b"cICP", bytes((9, 9, 0, 1))),
    ],
)
def test_numbers_that_make_no_sense_are_told_and_ignored(name, body):
    """The picture is read as sRGB."""
    read = read_picture(with_png_chunk(saved(Image.fromarray(SOFT)), name, body))
    assert read.metadata.icc is None
    assert len(read.notes) == 1
    assert "ignored; it is read as sRGB" in read.notes[0]
    np.testing.assert_array_equal(read.color, SOFT)


def test_an_embedded_profile_outranks_numbers():
    """PNG says so of gAMA and cHRM, and for code points of SDR the two say the same."""
    data = saved(Image.fromarray(SOFT), icc_profile=icc.rgb("Display P3", icc.DISPLAY_P3))
    for name, body in ((b"gAMA", struct.pack(">I", 100000)), (b"cICP", bytes((12, 13, 0, 1)))):
        read = read_picture(with_png_chunk(data, name, body))
        assert spaces.name_of(read.metadata.icc) == "Display P3"


@pytest.mark.parametrize(("codes", "word"), [((9, 16, 0, 1), "PQ"), ((9, 18, 0, 1), "HLG"), ((1, 13, 0, 0), "narrow")])
def test_hdr_stays_as_it_is_coded_or_is_refused(codes, word):
    """No profile can say it: a PNG keeps the code points, anything else would look wrong."""
    read = read_picture(with_png_chunk(saved(Image.fromarray(SOFT)), b"cICP", bytes(codes)))
    np.testing.assert_array_equal(read.color, SOFT)
    assert word in read.notes[0]
    data, _ = encode_picture(read, format="PNG", options=EncodeOptions(strip=True))
    assert data[33:].startswith(struct.pack(">I", 4) + b"cICP" + bytes(codes))
    assert read_picture(data).metadata.code_points == bytes(codes)
    for target in ("JPEG", "TIFF"):
        with pytest.raises(ImageWriteError, match=word):
            encode_picture(read, format=target, options=OPTIONS)


PLAIN = Image.fromarray(SOFT)
MASTER = bytes(range(24)), bytes(range(8))


def test_what_was_mastered_for_hdr_goes_with_the_code_points():
    """The display of the master and its brightest levels stay true where samples stay as they are coded."""
    data = saved(PLAIN)
    for name, body in ((b"cLLI", MASTER[1]), (b"mDCV", MASTER[0])):
        data = with_png_chunk(data, name, body)
    plain = read_picture(data)
    assert [note.startswith("Left out: ") for note in plain.notes] == [True, True]
    assert plain.metadata.mastering is None
    read = read_picture(with_png_chunk(data, b"cICP", bytes((9, 16, 0, 1))))
    assert len(read.notes) == 1
    for strip in (False, True):
        written, _ = encode_picture(read, format="PNG", options=EncodeOptions(strip=strip))
        kept = {chunk.name: chunk.body for chunk in chunks(written)}
        assert (kept[b"mDCV"], kept[b"cLLI"]) == MASTER
        assert read_picture(written).metadata.mastering == read.metadata.mastering
    short = read_picture(with_png_chunk(with_png_chunk(saved(PLAIN), b"mDCV", b"1"), b"cICP", bytes((9, 16, 0, 1))))
    assert "Left out: the colours of the mastering display (mDCV) (13 bytes)." in short.notes


@pytest.mark.skipif("AVIF" not in native_formats().writable, reason="this Pillow has no AVIF")
def test_code_points_of_an_avif_become_a_profile():
    """The nclx box is the same table of numbers."""
    data = bytearray(saved(Image.fromarray(SOFT), "AVIF", quality=100, subsampling="4:4:4"))
    at = data.index(b"nclx") + 4
    assert struct.unpack_from(">HH", data, at) == (1, 13)
    struct.pack_into(">HH", data, at, 12, 13)
    read = read_picture(bytes(data))
    assert "primaries 12, transfer 13" in read.notes[0]
    assert spaces.name_of(read.metadata.icc) == "nlsr: primaries 12, transfer 13"
    struct.pack_into(">HH", data, at, 9, 16)
    assert read_picture(bytes(data)).metadata.code_points == bytes((9, 16, 0, 1))


def chroma(*pairs: float) -> bytes:
    """Return what a cHRM chunk holds: x and y of white, red, green and blue."""
    return struct.pack(">8I", *(round(100000 * value) for value in pairs))


def test_primaries_a_little_apart_from_srgb_are_not_srgb():
    """Those of PAL and SMPTE C differ from sRGB's by a hundredth, which is seen; those rounded to two places do not."""
    data = saved(Image.fromarray(gradient()))
    pal = chroma(0.3127, 0.329, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06)
    smpte = chroma(0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07)
    for numbers in (pal, smpte):
        read = read_picture(with_png_chunk(data, b"cHRM", numbers))
        assert "custom primaries" in " ".join(read.notes)
        assert read.metadata.icc is not None
    rounded = chroma(0.31, 0.33, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
    assert read_picture(with_png_chunk(data, b"cHRM", rounded)).metadata.icc is None
