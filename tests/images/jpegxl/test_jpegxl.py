"""JPEG XL comes back as it was, and files of other programs are seen in their true colours."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError, ImageWriteError
from nlsr_cli.images import encode_picture, native_formats, probe, read_picture
from nlsr_cli.images.color import profiles, spaces
from nlsr_cli.images.color.out_of_gamut import add_excess
from nlsr_cli.images.containers.isobmff import boxes
from nlsr_cli.images.depth import extra
from nlsr_cli.images.inspection import inspect_picture
from nlsr_cli.images.jpegxl.bits import BitReader, BitWriter
from nlsr_cli.images.jpegxl.files import CONTAINER, open_file
from nlsr_cli.images.jpegxl.header import read_header, with_header
from nlsr_cli.images.jpegxl.profile import read_profile, write_profile
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.picture import Picture
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.boxes import ASSETS, box
from tests.images.deep_files import samples
from tests.images.files import account_of, camera_exif, gradient, losses, picture, saved

P3 = profiles.profile_for(profiles.Colours(codes=(12, 13, True)), 3)
WIDE = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))
LOSSLESS = EncodeOptions(lossless=True)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta>'


def asset(name: str) -> bytes:
    return (ASSETS / "jxl" / f"{name}.jxl").read_bytes()


def ramps() -> np.ndarray:
    """Return what cjxl was given."""
    rows, columns = np.mgrid[0:32, 0:48]
    return np.stack([60 + 3 * columns, 40 + 5 * rows, 200 - 2 * rows - columns], -1).astype(np.uint8)


def written(source: Picture, options: EncodeOptions = LOSSLESS) -> bytes:
    return encode_picture(source, format="JXL", options=options)[0]


def stored(read: Picture) -> np.ndarray:
    """Return the samples in the space of the profile."""
    if read.metadata.icc is None:
        return read.color
    result = spaces.from_srgb(read.color, read.metadata.icc)
    if read.excess is not None:
        add_excess(result, read.excess)
    return result


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lossless_comes_back_exactly(channels, alpha, dtype):
    source = picture(channels, alpha=alpha, deep=dtype != np.uint8)
    if dtype == np.float32:
        layer = None if source.alpha is None else (source.alpha / 65535).astype(dtype)
        source = replace(source, color=(source.color / 65535 * 1.4 - 0.1).astype(dtype), alpha=layer)
    read = read_picture(written(source))
    assert read.color.dtype == dtype
    np.testing.assert_array_equal(read.color, source.color)
    if alpha:
        np.testing.assert_array_equal(read.alpha, source.alpha)
    assert read.notes == ()
    assert read.metadata.icc is None
    assert read.metadata.lossless
    assert written(source) == written(source)


def test_values_beyond_what_light_can_be_are_refused_without_a_warning():
    """Lossy coding works in linear light, where 10^20 times white is beyond floating point; lossless keeps it."""
    source = picture(3, deep=True)
    source = replace(source, color=np.where(source.color > 40000, np.float32(1e20), np.float32(0.5)))
    np.testing.assert_array_equal(read_picture(written(source)).color, source.color)
    with pytest.raises(ImageWriteError, match="too large for lossy coding: --lossless keeps them"):
        written(source, EncodeOptions(lossless=False))


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 8), (11, 17), (12, 1)])
def test_colours_by_numbers_are_written_as_numbers(primaries, transfer, lossless):
    """Of JPEG XL they come back as the same profile; libjxl follows BT.709 (1) otherwise, so that stays a profile."""
    profile = profiles.profile_for(profiles.Colours(codes=(primaries, transfer, True)), 3)
    source = picture(3, icc=profile)
    data = written(source, EncodeOptions(lossless=lossless))
    header = read_header(open_file(data).stream)
    assert (header.icc is None) == (transfer != 1)
    if transfer != 1:
        assert header.colours == profiles.Colours(codes=(primaries, transfer, True))
    read = read_picture(data)
    assert read.metadata.icc == profile
    assert np.abs(read.color.astype(int) - source.color).max() <= (3 if lossless else 8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_loss_follows_the_quality(dtype):
    """Whatever libjxl's binding says of the light that deeper samples are: here it is that of sRGB."""
    source = picture(3, deep=dtype != np.uint8)
    if dtype == np.float32:
        source = replace(source, color=(source.color / 65535).astype(dtype))
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    sizes, errors = [], []
    for quality in (30, 95, 100):
        data = written(source, EncodeOptions(quality=quality))
        read = read_picture(data)
        sizes.append(len(data))
        errors.append(float(np.abs(read.color.astype(float) - source.color).mean() / white))
        assert read.notes == ()
        assert read.color.dtype == dtype
    assert sizes[0] < sizes[1]
    assert errors[0] > errors[1] > errors[2] == 0
    assert errors[1] < 0.01


@pytest.mark.parametrize("profile", [P3, WIDE])
@pytest.mark.parametrize("options", [LOSSLESS, EncodeOptions(quality=95)])
def test_profiles_are_kept_and_colours_stay_in_them(profile, options):
    data = saved(Image.fromarray(gradient(24, 32)), icc_profile=profile)
    source = read_picture(data)
    read = read_picture(written(source, options))
    assert read.metadata.icc == profile
    error = np.abs(stored(read).astype(int) - gradient(24, 32))
    assert error.max() == 0 if options.lossless else error.mean() < 3


def test_grey_profile_is_kept():
    profile = icc.grey(1.8)
    source = read_picture(saved(Image.fromarray(gradient(24, 32)[..., 0]), icc_profile=profile))
    for options in (LOSSLESS, EncodeOptions(quality=95)):
        read = read_picture(written(source, options))
        assert read.metadata.icc == profile
        assert np.abs(read.color.astype(int) - source.color).max() <= (0 if options.lossless else 3)


@pytest.mark.parametrize(("name", "profile"), [("wide_lossy", WIDE), ("camera_jpeg", WIDE), ("p3_lossy", P3)])
def test_colours_of_other_programs_are_true(name, profile):
    """A profile that is entropy coded, a JPEG inside, and numbers: all are seen as the PNG that they were made of."""
    read = read_picture(asset(name))
    expected = ramps()
    if name == "camera_jpeg":
        expected = np.rot90(expected, -1)  # its EXIF says orientation 6
    assert read.metadata.icc == profile
    assert np.abs(stored(read).astype(int) - expected).mean() < 1.5
    header = probe(asset(name), max_pixels=10**6)
    assert (header.height, header.width) == expected.shape[:2]


def test_words_are_kept():
    source = read_picture(saved(Image.fromarray(gradient()), "WEBP", lossless=True, exif=camera_exif(6), xmp=XMP))
    read = read_picture(written(source))
    assert b"Imaginary" in read.metadata.exif
    assert exif_tags.orientation(read.metadata.exif) == 1
    assert read.metadata.xmp == XMP
    assert read.metadata.thumbnail
    np.testing.assert_array_equal(read.color, source.color)
    assert b"Imaginary" in read_picture(asset("camera_jpeg")).metadata.exif


def test_words_under_brotli_are_read():
    """Containers may compress boxes; one that unfolds without end is left alone."""
    stream = open_file(written(picture())).stream
    packed = b"brob", b"xml " + imagecodecs.brotli_encode(XMP)
    data = CONTAINER + box(*packed) + box(b"jxlc", stream)
    assert read_picture(data).metadata.xmp == XMP
    bomb = b"xml " + imagecodecs.brotli_encode(bytes(64 << 20))
    assert read_picture(CONTAINER + box(b"brob", bomb) + box(b"jxlc", stream)).metadata.xmp is None


def test_the_first_frame_of_an_animation_is_read_with_a_note():
    read = read_picture(asset("film"))
    np.testing.assert_array_equal(read.color, ramps())
    assert read.notes == ("Only the first frame of the animation is read.",)
    found = inspect_picture(asset("film")).as_json()
    assert (found["frames"], found["plays"]) == (None, 0), "an animation is not one frame, and is played for ever"


@pytest.mark.parametrize("name", [b"abcd", b"ABCD", b"free"])
@pytest.mark.parametrize("content", [b"", b"something"])
def test_no_box_is_lost_in_silence(name, content):
    """Before the codestream, behind it, twice; and bytes behind the last box."""
    stream = box(b"jxlc", open_file(written(picture())).stream)
    alone = box(name, content)
    for data in (CONTAINER + alone + stream, CONTAINER + stream + alone, CONTAINER + stream + alone * 2):
        assert sum(each.part.size for each in account_of("JXL", data)) == len(data)
        assert bool(losses("JXL", data)) == (name != b"free")
        assert (losses("JXL", data)[:1] == read_picture(data).notes) or name == b"free"
    assert losses("JXL", CONTAINER + stream + b"abc")
    assert "(C2PA)" in losses("JXL", CONTAINER + stream + box(b"jumb", b"x"))[0]
    assert "gain map" in losses("JXL", CONTAINER + stream + box(b"jhgm", b"x"))[0]


@pytest.mark.parametrize("name", ["wide_lossy", "p3_lossy", "camera_jpeg", "film"])
def test_damage_is_our_error(name):
    data = asset(name)
    whole = 90 if name == "film" else len(data) - 1  # the first frame of the film ends before byte 112
    for end in range(0, whole, 7):
        with pytest.raises(ImageReadError):
            read_picture(data[:end])
    random = np.random.default_rng(0)
    for _ in range(150):
        broken = bytearray(data)
        for at in random.integers(2, min(len(data), 400), 2):
            broken[at] = random.integers(0, 256)
        try:
            read_picture(bytes(broken), max_pixels=10**6)
        except ImageReadError:
            continue


def test_limits_count_before_anything_is_decoded():
    with pytest.raises(ImageReadError, match="the limit is 1000"):
        read_picture(asset("p3_lossy"), max_pixels=1000)


@pytest.mark.parametrize("profile", [P3, WIDE, icc.grey(1.8), WIDE + bytes(range(256)) * 4000])
def test_a_profile_is_packed_and_unpacked(profile):
    writer = BitWriter()
    writer.u(5, 3)
    write_profile(writer, profile)
    reader = BitReader(writer.bytes())
    assert reader.u(3) == 5
    assert read_profile(reader) == profile


@pytest.mark.parametrize("value", [0, 1, 16, 17, 272, 273, 4095, 4096, 2**31, 2**60 + 5, 2**64 - 1])
def test_numbers_of_64_bits(value):
    writer = BitWriter()
    writer.u64(value)
    writer.u(1, 1)
    reader = BitReader(writer.bytes() + bytes(1))
    assert reader.u64() == value
    assert reader.u(1) == 1


def test_another_profile_changes_nothing_but_the_profile():
    stream = open_file(written(picture())).stream
    changed = with_header(stream, WIDE, (8, False))
    header = read_header(changed)
    assert header.icc == WIDE
    assert changed[header.frames_at :] == stream[read_header(stream).frames_at :]
    np.testing.assert_array_equal(imagecodecs.jpegxl_decode(changed), imagecodecs.jpegxl_decode(stream))


def test_deep_samples_are_not_called_linear():
    """imagecodecs calls 16 bits and floating point linear light; other programs would show them far too bright."""
    for dtype in (np.uint16, np.float32):
        source = picture(3)
        source = replace(source, color=samples(3, dtype))
        for options in (LOSSLESS, EncodeOptions(quality=95)):
            header = read_header(open_file(written(source, options)).stream)
            assert header.colours.is_srgb(3)
            assert (header.bits, header.floating) == ((16, False) if dtype == np.uint16 else (32, True))


def test_the_package_is_named_where_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(extra.MODULES, extra.IMAGECODECS, "no_such_module")
    with pytest.raises(ImageReadError, match="is a JPEG XL picture, which needs the package imagecodecs") as caught:
        read_picture(asset("film"))
    assert caught.value.hint.endswith("-m pip install imagecodecs")
    native_formats.cache_clear()
    with pytest.raises(ImageWriteError, match="needs the package imagecodecs"):
        written(picture())
    native_formats.cache_clear()


def test_a_file_without_a_codestream_is_refused():
    for data in (CONTAINER, CONTAINER + box(b"jxlc", b"nothing"), b"\xff\x0a", io.BytesIO().getvalue() + b"\xff\x0a\0"):
        with pytest.raises(ImageReadError):
            read_picture(data)
    assert struct.unpack(">I", CONTAINER[:4]) == (12,)
    assert [each.name for each in boxes(CONTAINER, 0, 12)] == ["JXL "]
