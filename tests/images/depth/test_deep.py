"""Samples of 16 bits and floating point: every bit comes in and goes out, and what is not there is never made up."""

from __future__ import annotations

import struct
import sys
import zlib
from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError, ImageWriteError, MissingExtra
from nlsr_cli.images import Metadata, Picture, encode_picture, probe, read_picture
from nlsr_cli.images.depth.extra import codecs
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.deep_files import COMPRESSORS, deep_png, deep_tiff, samples
from tests.images.files import camera_exif, png, saved, with_png_chunk

OPTIONS = EncodeOptions()
LAYOUTS = {"grey+alpha": (2, 1), "rgb": (3, 2), "rgba": (4, 2)}
STRAIGHT = "Premultiplied alpha is read as straight alpha."


def straight_extra(channels: int) -> tuple[int, ...]:
    return (2,) if channels in (2, 4) else ()


def parted(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colour and alpha of samples (h, w, c)."""
    return (pixels[..., :-1], pixels[..., -1]) if pixels.shape[2] in (2, 4) else (pixels, None)


def assert_holds(picture: Picture, pixels: np.ndarray) -> None:
    color, alpha = parted(pixels)
    assert picture.color.dtype == pixels.dtype
    np.testing.assert_array_equal(picture.color, color)
    assert (picture.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(picture.alpha, alpha)


# PNG


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_png_of_16_bit_is_read_whole(channels, tmp_path):
    """All colour types beside plain grey; the header says the same before anything is decoded."""
    pixels = samples(channels)
    path = tmp_path / "a.png"
    path.write_bytes(deep_png(pixels))
    picture = read_picture(path)
    assert_holds(picture, pixels)
    assert picture.notes == ()
    header = probe(path, max_pixels=10**6)
    assert (header.height, header.width, header.depth, header.frames) == (*pixels.shape[:2], 16, 1)
    assert header.mode == picture.metadata.mode == {2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}[channels]
    assert header.has_alpha == (channels != 3)


def test_dark_png_is_16_bit_all_the_same():
    """The header decides, not the values: none of these is above 255."""
    pixels = samples(3) % 200
    assert_holds(read_picture(deep_png(pixels)), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_colour_of_16_bit_becomes_alpha(channels):
    """A tRNS chunk counts in 16 bits: what differs in the low byte only is opaque."""
    pixels = np.zeros((2, 2, channels), np.uint16) + 0x1234
    pixels[0, 0] += 1
    picture = read_picture(deep_png(pixels, (b"tRNS", struct.pack(">H", 0x1234) * channels)))
    np.testing.assert_array_equal(picture.color, pixels)
    np.testing.assert_array_equal(picture.alpha, [[65535, 0], [0, 0]])
    assert picture.notes == ("The transparent colour becomes an alpha channel.",)


def test_png_whose_checksum_of_samples_is_wrong_is_damaged(capfd):
    """libpng only warns, on standard error; here nothing is printed and the file is refused."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples(3))
    stream = bytearray(zlib.compress(rows))
    stream[-1] ^= 255
    data = png(21, 18, 16, 2, rows)
    damaged = data.replace(*(_idat(bytes(each)) for each in (zlib.compress(rows), stream)))
    assert damaged != data
    with pytest.raises(ImageReadError, match="is damaged"):
        read_picture(damaged)
    assert capfd.readouterr() == ("", "")


def _idat(body: bytes) -> bytes:
    return b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))


# TIFF in


@pytest.mark.parametrize("compression", COMPRESSORS)
@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_16_bit_is_read_whole(compression, tile, planar, order):
    """Strips and tiles, chunky and planar, both byte orders, every compression."""
    for channels, photometric in LAYOUTS.values():
        pixels = samples(channels)
        how = {"order": order, "compression": compression, "tile": tile, "planar": planar}
        picture = read_picture(deep_tiff(pixels, photometric, extra=straight_extra(channels), **how))
        assert_holds(picture, pixels)
        assert picture.notes == ()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_bigtiff_is_read(order, dtype, tmp_path):
    """Offsets of 64 bits make no difference."""
    pixels = samples(4, dtype)
    (tmp_path / "a.tif").write_bytes(deep_tiff(pixels, 2, order=order, big=True, extra=(2,)))
    assert_holds(read_picture(tmp_path / "a.tif"), pixels)
    assert probe(tmp_path / "a.tif", max_pixels=10**6).depth == (16 if dtype == np.uint16 else 32)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_float_is_read_as_it_is(channels, order):
    """Floating point is neither scaled nor clipped, whatever it holds."""
    pixels = samples(channels, np.float32)
    color, _ = parted(pixels)
    color[0, 0] = -0.25
    color[0, 1] = 7.5
    data = deep_tiff(
        pixels, 1 if channels < 3 else 2, order=order, extra=straight_extra(channels), planar=channels == 3
    )
    assert_holds(read_picture(data), pixels)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32_and_say_so(dtype):
    """Half precision fits whole; of double precision what float32 holds remains."""
    pixels = samples(3, dtype)
    picture = read_picture(deep_tiff(pixels, 2))
    assert_holds(picture, pixels.astype(np.float32))
    assert picture.notes == (f"{np.dtype(dtype).itemsize * 8}-bit floating point is read as 32-bit.",)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_white_may_be_zero(dtype):
    """With photometric interpretation 0 the greys are inverted, and alpha is not."""
    pixels = samples(2, dtype)
    picture = read_picture(deep_tiff(pixels, 0, extra=(2,)))
    np.testing.assert_array_equal(picture.color, (1 if dtype == np.float32 else 65535) - pixels[..., :1])
    np.testing.assert_array_equal(picture.alpha, pixels[..., 1])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_premultiplied_alpha_is_divided_out(dtype):
    """Associated alpha (1) is told and undone; where nothing is visible, the colour stays as stored."""
    white = 1 if dtype == np.float32 else 65535
    alpha = np.array([[white, white / 2, 0]]).astype(dtype)
    color = np.full((1, 3, 3), white / 4).astype(dtype)
    picture = read_picture(deep_tiff(np.concatenate((color, alpha[..., None]), axis=2), 2, extra=(1,)))
    np.testing.assert_allclose(picture.color[0, :, 0] / white, [0.25, 0.5, 0.25], atol=1e-4)
    np.testing.assert_array_equal(picture.alpha, alpha)
    assert picture.notes == (STRAIGHT,)


def test_extra_sample_without_meaning_is_left_out_and_alpha_behind_it_found():
    """Extra samples are told apart by their kind, not by their place."""
    pixels = samples(5)
    picture = read_picture(deep_tiff(pixels, 2, extra=(0, 2)))
    np.testing.assert_array_equal(picture.color, pixels[..., :3])
    np.testing.assert_array_equal(picture.alpha, pixels[..., 4])
    assert picture.notes == ("An extra channel without a stated meaning is left out.",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_upright_like_others(orientation, tmp_path):
    """The eight orientations of EXIF, of a PNG and of a TIFF, as Pillow turns pictures of 8 bits."""
    pixels = samples(3)
    eight = Image.fromarray((pixels // 257).astype(np.uint8))
    expected = read_picture(saved(eight, exif=_oriented(orientation))).color
    files = {
        "png": deep_png(pixels // 257 * 257, (b"eXIf", camera_exif(orientation))),
        "tif": deep_tiff(pixels // 257 * 257, 2, more={274: ("H", (orientation,))}),
    }
    for ending, data in files.items():
        path = tmp_path / f"a.{ending}"
        path.write_bytes(data)
        np.testing.assert_array_equal(read_picture(path).color // 257, expected)
        header = probe(path, max_pixels=10**6)
        assert (header.height, header.width) == expected.shape[:2]


def _oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = orientation
    return exif


# CMYK


def test_cmyk_of_16_bit_goes_in_and_out_with_its_profile():
    """What the profile's tables lose the first time, they lose no more the second."""
    profile, inks = icc.cmyk(), samples(4)
    data = deep_tiff(inks, 5, more={34675: ("B", tuple(profile))})
    picture = read_picture(data)
    assert (picture.metadata.mode, picture.color.dtype, picture.metadata.icc) == ("CMYK;16", np.uint16, profile)
    out, notes = encode_picture(picture, format="TIFF", options=OPTIONS)
    again = read_picture(out)
    assert notes == ()
    assert again.metadata.mode == "CMYK;16"
    assert np.abs(again.color.astype(int) - picture.color).mean() < 600


def test_cmyk_of_16_bit_without_profile_is_made_rgb_as_that_of_8():
    """The same rule at both depths, to one level."""
    inks = samples(4)
    deep = read_picture(deep_tiff(inks, 5))
    eight = read_picture(saved(Image.frombytes("CMYK", (18, 21), (inks // 257).astype(np.uint8).tobytes()), "TIFF"))
    assert deep.notes == eight.notes == ("CMYK without a usable profile is converted to RGB.",)
    assert np.abs(deep.color / 257 - eight.color).max() <= 2


# AVIF


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_avif_of_more_than_8_bit_is_read_whole(bits, channels, tmp_path):
    """Its levels are spread over 16 bits: the largest is white."""
    levels = samples(channels) >> (16 - bits)
    levels[0, 0], levels[0, 1] = 0, 2**bits - 1
    path = tmp_path / "a.avif"
    stored = levels[..., 0] if channels == 1 else levels
    path.write_bytes(imagecodecs.avif_encode(stored, level=100, bitspersample=bits))
    picture = read_picture(path)
    assert_holds(picture, np.rint(levels * (65535 / (2**bits - 1))).astype(np.uint16))
    assert picture.metadata.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels] + f";{bits}"
    assert probe(path, max_pixels=10**6).depth == 16


# Out


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_all_that_a_deep_picture_has_is_written(fmt, dtype, channels):
    """Samples, profile, EXIF and resolution come back; the same picture makes the same bytes."""
    profile = icc.grey() if channels < 3 else icc.srgb()
    color, alpha = parted(samples(channels, dtype))
    metadata = Metadata("TIFF", "RGB", icc=profile, exif=camera_exif(), dpi=(300.0, 150.0))
    source = Picture(np.ascontiguousarray(color), alpha, metadata)
    data, notes = encode_picture(source, format=fmt, options=OPTIONS)
    assert encode_picture(source, format=fmt, options=OPTIONS)[0] == data
    again = read_picture(data)
    rounded = fmt == "PNG" and dtype == np.float32
    expected = samples(channels, dtype)
    assert_holds(again, np.rint(expected.clip(0, 1) * 65535).astype(np.uint16) if rounded else expected)
    assert again.metadata.icc == profile
    assert again.metadata.dpi == (300.0, 150.0)
    assert again.metadata.exif is not None
    assert again.notes == ()
    assert notes == (
        ("PNG holds 16-bit integers; floating point is clipped to 0 to 1 and rounded.",) if rounded else ()
    )


def test_deep_tiff_is_read_by_pillow_too():
    """What is written is no dialect of our own: another libtiff decodes strips, predictor and tags."""
    pixels = samples(3)
    data = encode_picture(Picture(pixels, None, Metadata("PNG", "RGB")), format="TIFF", options=OPTIONS)[0]
    with Image.open(BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels >> 8)
    grey = samples(1, np.float32)
    data = encode_picture(Picture(grey, None, Metadata("PNG", "L")), format="TIFF", options=OPTIONS)[0]
    with Image.open(BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), grey[..., 0])


def test_deep_png_is_read_by_pillow_too():
    """And a PNG by another decoder, with its chunks where they belong."""
    source = Picture(samples(4)[..., :3].copy(), None, Metadata("PNG", "RGB", icc=icc.srgb(), dpi=(300.0, 300.0)))
    with Image.open(BytesIO(encode_picture(source, format="PNG", options=OPTIONS)[0])) as image:
        assert (image.info["icc_profile"], image.mode) == (icc.srgb(), "RGB")
        assert np.abs(np.asarray(image).astype(float) - source.color / 257).max() <= 1


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_avif_stays_as_deep_as_it_was(bits, channels):
    """Samples within what quality 100 loses; profile, EXIF and resolution with them; the same bytes twice."""
    levels = samples(channels) >> (16 - bits)
    stored = levels[..., 0] if channels == 1 else levels
    source = read_picture(imagecodecs.avif_encode(stored, level=100, bitspersample=bits))
    profile = icc.grey() if channels < 3 else icc.srgb()
    metadata = replace(source.metadata, icc=profile, exif=camera_exif(), dpi=(300.0, 300.0))
    data, notes = encode_picture(replace(source, metadata=metadata), format="AVIF", options=EncodeOptions(quality=100))
    assert notes == ()
    assert (
        encode_picture(replace(source, metadata=metadata), format="AVIF", options=EncodeOptions(quality=100))[0] == data
    )
    again = read_picture(data)
    assert (again.metadata.mode, again.metadata.icc, again.metadata.dpi) == (
        source.metadata.mode,
        profile,
        (300.0, 300.0),
    )
    assert again.metadata.exif is not None
    assert np.abs(again.color.astype(int) - source.color).max() <= 65535 / 2**bits * 2
    if channels in (2, 4):
        np.testing.assert_array_equal(again.alpha, source.alpha)
    with Image.open(BytesIO(data)) as image:
        assert image.size == (18, 21)
        image.load()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_avif_of_what_is_deeper_gets_12_bits(dtype):
    """And a note says what is lost."""
    source = Picture(samples(3, dtype).clip(0, 1 if dtype == np.float32 else 65535), None, Metadata("PNG", "RGB"))
    data, notes = encode_picture(source, format="AVIF", options=EncodeOptions(quality=100))
    assert read_picture(data).metadata.mode == "RGB;12"
    assert len(notes) == 1
    assert "12" in notes[0]
    assert "rounded" in notes[0]


@pytest.mark.parametrize("fmt", ["JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_format_of_8_bit_rounds_and_says_so(fmt, dtype):
    """Who asks for such a format gets it, with a note."""
    color = np.full((16, 16, 3), 0.5).astype(dtype) if dtype == np.float32 else np.full((16, 16, 3), 32768, dtype)
    data, notes = encode_picture(Picture(color, None, Metadata("PNG", "RGB")), format=fmt, options=OPTIONS)
    assert np.abs(read_picture(data).color.astype(int) - 128).max() <= 1
    words = "8-bit integers" if dtype == np.float32 else "8 bits per channel"
    assert len(notes) == 1
    assert words in notes[0]
    assert "rounded" in notes[0]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_picture_is_laid_on_the_background(dtype):
    """At its own depth, before it is rounded."""
    white = 1 if dtype == np.float32 else 65535
    color, alpha = np.full((8, 8, 3), white, dtype), np.full((8, 8), white // 2 if white > 1 else 0.5, dtype)
    options = EncodeOptions(background="#204060", quality=100)
    data, notes = encode_picture(Picture(color, alpha, Metadata("PNG", "RGBA")), format="JPEG", options=options)
    assert np.abs(read_picture(data).color[4, 4].astype(float) - np.array([143.5, 159.5, 175.5])).max() <= 2
    assert "placed on #204060" in notes[1]


# Refusals: never silently reduced, never made up


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (deep_tiff(samples(3).astype(np.uint32), 2), "holds 32-bit colour"),
        (deep_tiff(samples(1).astype(np.int16), 1), "holds 16-bit signed or complex samples"),
        (deep_tiff(samples(4, np.float32), 5), "holds 32-bit floating point CMYK"),
        (deep_tiff(samples(3), 8), "holds 16-bit samples that are neither grey, RGB nor CMYK"),
        (deep_tiff(samples(4), 5, more={332: ("H", (2,))}), "neither grey, RGB nor CMYK"),
        (deep_tiff(samples(3), 2, more={259: ("H", (65000,))}), "in the compression EER"),
        (deep_tiff(samples(9), 2, extra=(0,) * 6), "holds 9 samples per pixel"),
    ],
)
def test_what_no_decoder_here_reads_whole_is_refused_by_name(data, words):
    """Each says what it is."""
    with pytest.raises(ImageReadError, match=words) as caught:
        read_picture(data)
    assert caught.value.reason.endswith("which is not supported yet")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_alpha_that_is_no_number_is_refused(value):
    """Nobody can say how much is seen of such a pixel."""
    pixels = samples(4, np.float32)
    pixels[3, 3, 3] = value
    with pytest.raises(ImageReadError, match="infinite or NaN values"):
        read_picture(deep_tiff(pixels, 2, extra=(2,)))


@pytest.mark.parametrize(
    "more",
    [
        {279: ("I", (864, 0, 540))},  # an empty strip
        {273: ("I", (8, 0, 1736))},  # a strip at no place
        {273: ("I", (8, 872)), 279: ("I", (864, 864))},  # a strip too few
        {273: ("I", (8, 872, 1 << 31))},  # a strip beyond the end
        {278: ("I", (0,))},  # strips of no rows
        {279: ("I", (864, 864, 100))},  # a strip cut short
        {322: ("I", (1 << 16,)), 323: ("I", (1 << 16,)), 324: ("I", (8,)), 325: ("I", (2000,))},  # a tile of 24 GB
    ],
)
def test_missing_or_impossible_parts_are_damage(more, capfd):
    """Decoders fill in zeros where a strip is missing; that is no picture."""
    with pytest.raises(ImageReadError, match=r"truncated|damaged"):
        read_picture(deep_tiff(samples(3), 2, more=more))
    assert capfd.readouterr() == ("", "")


def test_tag_that_occurs_twice_is_damage():
    """Two readers might believe different ones, so neither is believed."""
    data = bytearray(deep_tiff(samples(3), 2))
    place = data.rindex(struct.pack("<HHI", 284, 3, 1))
    struct.pack_into("<H", data, place, 278)
    with pytest.raises(ImageReadError, match="damaged"):
        read_picture(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        deep_tiff(samples(3), 2, more={256: ("I", (50000,)), 257: ("I", (50000,))}),
        png(50000, 50000, 16, 2, b""),
        png(50000, 50000, 16, 6, b""),
    ],
)
def test_no_decoder_sees_a_header_that_promises_too_much(data, monkeypatch):
    """The limit is held before the library is called."""
    monkeypatch.setattr("nlsr_cli.images.depth.deep.codecs", lambda: pytest.fail("the decoder was called"))
    with pytest.raises(ImageReadError, match="50000 × 50000"):
        read_picture(data)


# Without the extra


@pytest.fixture
def hidden(monkeypatch):
    """Hide the package, as where it was never installed."""
    monkeypatch.setitem(sys.modules, "imagecodecs", None)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (deep_png(samples(3)), "16-bit colour"),
        (deep_png(samples(2)), "16-bit grey with alpha"),
        (deep_tiff(samples(4), 2, extra=(2,)), "16-bit colour with alpha"),
        (deep_tiff(samples(1, np.float32), 1), "32-bit floating point grey"),
        (imagecodecs.avif_encode(samples(3) >> 6, bitspersample=10), "10-bit colour"),
    ],
)
def test_missing_extra_is_named_in_reading(data, what, hidden, tmp_path):
    """One line that says what the file holds, one hint with the command."""
    (tmp_path / "a").write_bytes(data)
    for attempt in (lambda: read_picture(data), lambda: probe(tmp_path / "a", max_pixels=10**6)):
        with pytest.raises(ImageReadError) as caught:
            attempt()
        assert caught.value.reason == f"holds {what}, which needs the package imagecodecs"
        assert caught.value.hint.endswith("-m pip install imagecodecs")


def test_missing_extra_is_named_in_writing(hidden):
    """A deep picture made by a program meets the same."""
    with pytest.raises(ImageWriteError, match="16-bit colour needs the package imagecodecs") as caught:
        encode_picture(Picture(samples(3), None, Metadata("PNG", "RGB")), format="PNG", options=OPTIONS)
    assert "pip install" in caught.value.hint
    with pytest.raises(MissingExtra):
        codecs()


@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_grey_of_16_bit_needs_no_extra(fmt, hidden):
    """What worked without it goes on to, also into formats of 8 bits."""
    source = Picture(samples(1), None, Metadata("PNG", "I;16", icc=icc.grey()))
    again = read_picture(encode_picture(source, format=fmt, options=OPTIONS)[0])
    np.testing.assert_array_equal(again.color, source.color)
    assert read_picture(encode_picture(source, format="BMP", options=OPTIONS)[0]).depth == 8


def test_profile_and_text_behind_deep_samples_are_found():
    """What stands beside the samples is Pillow's to find, at this depth too."""
    data = with_png_chunk(deep_png(samples(3)), b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
    assert read_picture(data).metadata.dpi == (300.0, 300.0)


def test_containers_that_do_not_match_are_an_error_and_no_wrong_file(monkeypatch):
    """Should the two libraries come to lay out their files differently, the picture fails with that reason."""
    source = Picture(samples(3), None, Metadata("PNG", "RGB"))
    other = imagecodecs.avif_encode(samples(1)[..., 0] >> 6, bitspersample=10)
    monkeypatch.setattr(codecs(), "avif_encode", lambda *_, **__: other)
    with pytest.raises(ImageWriteError, match="two versions of libavif do not match"):
        encode_picture(source, format="AVIF", options=OPTIONS)
