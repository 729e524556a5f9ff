"""What a file says and the picture does not keep is told in a note, and what is written can be read again."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.images import encode_picture, native_formats, parse_background, read_picture
from nlsr_cli.images.color.managed import MAX_PROFILE
from nlsr_cli.images.formats import writing_of
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import camera_exif, gradient, picture, saved, with_png_chunk

PLAIN = Image.fromarray(gradient())
OPTIONS = EncodeOptions()
HOLDERS = [name for name in native_formats().writable if writing_of(name).carries.icc]
WIDE = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))


def padded(profile: bytes, size: int) -> bytes:
    """Return a profile with noise behind its tags, so that no compression makes it small."""
    noise = np.random.default_rng(0).integers(0, 256, size - len(profile), np.uint8).tobytes()
    return struct.pack(">I", size) + profile[4:] + noise


def test_broken_profile_is_noted():
    """Pillow drops a profile that does not decompress, without a word."""
    data = with_png_chunk(saved(PLAIN), b"iCCP", b"name\0\0no zlib stream")
    assert read_picture(data).notes == ("The colour profile is damaged and is left out; colours are read as sRGB.",)


@pytest.mark.parametrize("gamma", [True, False])
def test_primaries_are_noted_unless_they_are_those_of_srgb(gamma):
    """With or without a gamma, other primaries mean other colours."""
    srgb = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    other = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    for values, told in ((srgb, False), (other, True)):
        data = with_png_chunk(saved(PLAIN), b"cHRM", struct.pack(">8I", *values))
        data = with_png_chunk(data, b"gAMA", struct.pack(">I", 45455)) if gamma else data
        assert any("primaries" in note for note in read_picture(data).notes) is told
        assert not read_picture(with_png_chunk(data, b"sRGB", b"\0")).notes
    grey = with_png_chunk(saved(PLAIN.convert("L")), b"cHRM", struct.pack(">8I", *other))
    assert read_picture(grey).notes == ()


def jfif(unit: int, across: int, down: int) -> bytes:
    """Return a JPEG with the given density."""
    data = bytearray(saved(PLAIN, "JPEG"))
    at = data.index(b"JFIF\0") + 7
    data[at : at + 5] = struct.pack(">BHH", unit, across, down)
    return bytes(data)


def phys(across: int, down: int, unit: int) -> bytes:
    """Return a PNG with the given density."""
    return with_png_chunk(saved(PLAIN), b"pHYs", struct.pack(">IIB", across, down, unit))


def densities(across: float, down: float, unit: int) -> bytes:
    """Return a TIFF with the given density."""
    return saved(PLAIN, "TIFF", x_resolution=across, y_resolution=down, resolution_unit=unit)


@pytest.mark.parametrize(
    "data",
    [jfif(0, 16, 11), with_png_chunk(phys(16, 11, 0), b"eXIf", camera_exif()), phys(16, 11, 0), densities(16, 11, 1)],
)
def test_pixels_that_are_not_square_are_noted(data):
    """A shape of pixels without a unit is no resolution, and no format here carries it on."""
    assert read_picture(data).notes == ("The file says that its pixels are not square (16 : 11); this is left out.",)


@pytest.mark.parametrize(
    "data", [jfif(0, 1, 1), phys(1, 1, 0), densities(1, 1, 1), jfif(1, 0, 0), saved(PLAIN, "TIFF")]
)
def test_square_pixels_need_no_note(data):
    """This is what nearly every file says."""
    assert read_picture(data).notes == ()


@pytest.mark.parametrize(
    "data", [jfif(1, 1, 1), phys(1, 1, 1), phys(2**31 - 1, 2**31 - 1, 1), densities(99999, 99999, 2)]
)
def test_senseless_resolution_is_noted(data):
    """One dot per inch, or a million."""
    read = read_picture(data)
    assert read.metadata.dpi is None
    assert len(read.notes) == 1
    assert "makes no sense and is left out" in read.notes[0]


def test_rounding_of_jpeg_is_noted():
    """JFIF counts whole dots."""
    _, notes = encode_picture(picture(dpi=(299.72, 299.72)), format="JPEG", options=OPTIONS)
    assert notes == ("JPEG counts whole dots per inch; the resolution of 299.72 is rounded.",)
    assert encode_picture(picture(dpi=(300.0, 300.0)), format="JPEG", options=OPTIONS)[1] == ()
    assert encode_picture(picture(dpi=(299.72, 299.72)), format="PNG", options=OPTIONS)[1] == ()


@pytest.mark.parametrize("target", HOLDERS)
def test_large_profile_survives(target):
    """Printer profiles have megabytes; what is written with one can be read, and has it."""
    profile = padded(WIDE, 3_000_000)
    read = read_picture(saved(PLAIN, "JPEG", icc_profile=profile))
    assert read.metadata.icc == profile
    data, _ = encode_picture(read, format=target, options=OPTIONS)
    assert read_picture(data).metadata.icc == profile


def test_largest_profile_and_one_byte_more():
    """At the limit every format must hold it, beyond it the colours stay in sRGB, with a note."""
    source = padded(WIDE, MAX_PROFILE)
    kept = read_picture(saved(PLAIN, "TIFF", icc_profile=source))
    assert kept.metadata.icc == source
    for target in ("JPEG", "PNG"):
        assert read_picture(encode_picture(kept, format=target, options=OPTIONS)[0]).metadata.icc == source
    more = read_picture(saved(PLAIN, "TIFF", icc_profile=padded(WIDE, MAX_PROFILE + 1)))
    assert more.metadata.icc is None
    assert "too large to be kept" in more.notes[-1]
    np.testing.assert_array_equal(more.color, kept.color)


def test_profile_that_grows_without_end_is_refused():
    """A megabyte of zeros compresses to a thousandth: a PNG must not unfold it without limit."""
    bomb = with_png_chunk(saved(PLAIN), b"iCCP", b"name\0\0" + zlib.compress(bytes(20 << 20)))
    with pytest.raises(ImageReadError, match="profile or texts of more than 16 MiB"):
        read_picture(bomb)


@pytest.mark.parametrize(
    "text", ["rgb(999,0,0)", "rgb(0, 256, 0)", "rgb(0%,101%,0%)", "hsl(0,500%,50%)", "hsv(361,5%,5%)"]
)
def test_background_out_of_range_is_refused(text):
    """Pillow would let 999 wrap around to another colour."""
    with pytest.raises(OptionError, match="too large") as caught:
        parse_background(text)
    assert "255" in caught.value.hint


def test_background_at_the_ends_of_the_ranges():
    """The largest values are colours."""
    assert parse_background("rgb(255,0,255)") == (255, 0, 255)
    assert parse_background("RGB(100%,0%,0%)") == (255, 0, 0)
    assert parse_background("hsl(360,100%,50%)") == (255, 0, 0)
    assert parse_background("#ff8000") == (255, 128, 0)
