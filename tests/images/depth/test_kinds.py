"""Sound TIFF files of kinds that Pillow does not know are read by other decoders, or refused without blame."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import encode_picture, probe, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images.deep_files import COMPRESSORS, deep_tiff, samples
from tests.images.files import plain_tiff, shorts
from tests.images.files import tiff as tiff_of

EIGHT = (samples(3) // 257).astype(np.uint8)
LOSSLESS = {
    33005: imagecodecs.jpeg2k_encode,
    34712: imagecodecs.jpeg2k_encode,
    34887: None,
    34925: None,
    34933: imagecodecs.png_encode,
    50001: lambda part: imagecodecs.webp_encode(part, lossless=True),
    50002: lambda part: imagecodecs.jpegxl_encode(part, lossless=True),
    52546: lambda part: imagecodecs.jpegxl_encode(part, lossless=True),
}
PICTURES = [code for code, encode in LOSSLESS.items() if encode is not None]


def packed(pixels: np.ndarray, code: int, rows: int = 8, tile: int | None = None, *, cut: int = 0) -> bytes:
    """Return a TIFF of which every strip or tile is a picture file, `cut` rows too short."""
    height, width, channels = pixels.shape
    side = (tile, tile) if tile else (rows, width)
    whole = pixels if tile is None else np.pad(pixels, ((0, -height % tile), (0, -width % tile), (0, 0)), "edge")
    corners = [(top, left) for top in range(0, height, side[0]) for left in range(0, width, side[1])]
    data, places, lengths = bytearray(8), [], []
    for top, left in corners:
        part = np.ascontiguousarray(whole[top : top + side[0] - cut, left : left + side[1]])
        coded = LOSSLESS[code](part[..., 0] if channels == 1 else part)
        places.append(len(data))
        lengths.append(len(coded))
        data += coded + bytes(len(coded) % 2)
    longs = (
        (4, len(places), struct.pack(f"<{len(places)}I", *places)),
        (
            4,
            len(places),
            struct.pack(f"<{len(places)}I", *lengths),
        ),
    )
    tags = {
        256: shorts("<", width),
        257: shorts("<", height),
        258: shorts("<", *[pixels.dtype.itemsize * 8] * channels),
    }
    tags |= {259: shorts("<", code), 262: shorts("<", 2 if channels > 2 else 1), 277: shorts("<", channels)}
    tags |= {324: longs[0], 325: longs[1], 322: shorts("<", tile), 323: shorts("<", tile)} if tile else {}
    if channels in (2, 4):
        tags[338] = shorts("<", 2)
    made = bytearray(tiff_of("<", {**tags, **({} if tile else {278: shorts("<", rows)})}, bytes(data[8:])))
    return bytes(made) if tile else _striped(bytes(made), longs)


def _striped(data: bytes, longs: tuple[tuple[int, int, bytes], tuple[int, int, bytes]]) -> bytes:
    """Return the file with these strips, which are put behind it."""

    block = tiff.parse(data)
    entries = {tag: tiff.Entry(*each) for tag, each in zip((273, 279), longs, strict=True)}
    padded = data + bytes(len(data) % 2)
    table = tiff.lay_out(block.root.updated(entries), "<", len(padded))
    return padded[:4] + struct.pack("<I", len(padded)) + padded[8:] + table


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("code", PICTURES)
def test_segments_that_are_pictures_are_read(code, tile, tmp_path):
    """JPEG 2000, PNG, WebP, JPEG XL: strips and tiles, those at the border too, without loss."""
    path = tmp_path / "a.tif"
    path.write_bytes(packed(EIGHT, code, tile=tile))
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.color, EIGHT)
    assert picture.notes == ()
    header = probe(path, max_pixels=10**6)
    assert (header.mode, header.depth, header.height, header.width) == ("RGB", 8, 21, 18)


@pytest.mark.parametrize("code", [34712, 34933, 50002])
@pytest.mark.parametrize("channels", [1, 3])
def test_segments_of_16_bit_are_read(code, channels):
    picture = read_picture(packed(samples(channels), code))
    np.testing.assert_array_equal(picture.color, samples(channels))


def test_a_webp_without_transparency_in_a_file_with_alpha_is_opaque():
    """The decoder gives three channels where all of a strip is opaque."""
    pixels = np.concatenate((EIGHT, np.full((21, 18, 1), 255, np.uint8)), axis=2)
    pixels[0, 0, 3] = 7
    picture = read_picture(packed(pixels, 50001))
    np.testing.assert_array_equal(picture.alpha, pixels[..., 3])
    np.testing.assert_array_equal(picture.color[1:], EIGHT[1:])


@pytest.mark.parametrize("code", [34712, 34933, 50001])
def test_segments_of_other_sizes_are_refused(code):
    with pytest.raises(ImageReadError, match="is damaged"):
        read_picture(packed(EIGHT, code, rows=7, cut=1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lzma_is_read_at_every_depth(dtype, monkeypatch):
    """libtiff's own compressions of measurements."""
    monkeypatch.setitem(COMPRESSORS, "lzma", (34925, imagecodecs.lzma_encode))
    pixels = EIGHT if dtype == np.uint8 else samples(3, dtype)
    np.testing.assert_array_equal(read_picture(deep_tiff(pixels, 2, compression="lzma")).color, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lerc_is_read_at_every_depth(dtype, monkeypatch):
    """Limited Error Raster Compression, version 2.4, without compression of its own around it (tag 50674)."""
    pixels = np.ascontiguousarray((EIGHT if dtype == np.uint8 else samples(3, dtype))[:16])

    def packed_rows(raw: bytes) -> bytes:
        return imagecodecs.lerc_encode(np.frombuffer(raw, dtype).reshape(8, 18, 3), level=0)

    monkeypatch.setitem(COMPRESSORS, "lerc", (34887, packed_rows))
    data = deep_tiff(pixels, 2, compression="lerc", more={50674: ("I", (4, 0))})
    picture = read_picture(data)
    np.testing.assert_array_equal(picture.color, pixels)
    assert picture.notes == ()


# Channels


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", [1, 2])
def test_cmyk_with_alpha_is_read(dtype, kind, planar):
    """The alpha beside four inks, straight or not, as it is stored."""
    inks = np.concatenate((samples(4), samples(1)), axis=2)
    pixels = inks if dtype == np.uint16 else (inks // 257).astype(np.uint8)
    picture = read_picture(deep_tiff(pixels, 5, extra=(kind,), planar=planar))
    np.testing.assert_array_equal(picture.alpha, pixels[..., 4])
    assert picture.color.dtype == dtype
    assert picture.metadata.mode == ("CMYKA" if dtype == np.uint8 else "CMYKA;16")
    if kind == 2:
        plain = read_picture(deep_tiff(pixels[..., :4], 5))
        assert np.abs(picture.color.astype(int) - plain.color).max() <= (0 if dtype == np.uint16 else 1)


def test_the_case_of_cmyk_with_alpha_is_written_too():
    picture = read_picture(ASSETS / "cases" / "11_cmyk_alpha_8bit.tif")
    assert (picture.color.shape, picture.color.dtype) == ((64, 96, 3), np.uint8)
    assert picture.alpha is not None
    _, notes = encode_picture(picture, format="TIFF", options=EncodeOptions())
    assert notes == ()


@pytest.mark.parametrize(
    ("channels", "photometric", "extra", "alpha"),
    [(5, 2, (0, 2), 4), (3, 1, (0, 0), None), (3, 1, (0, 2), 2), (2, 0, (2,), 1), (7, 5, (0, 0, 0), None)],
)
def test_other_extra_samples_of_8_bit_are_read(channels, photometric, extra, alpha):
    pixels = (samples(channels) // 257).astype(np.uint8)
    picture = read_picture(deep_tiff(pixels, photometric, extra=extra))
    assert (picture.alpha is None) == (alpha is None)
    if alpha is not None:
        np.testing.assert_array_equal(picture.alpha, pixels[..., alpha])
    if photometric < 3:
        count = 3 if photometric == 2 else 1
        expected = np.invert(pixels[..., :count]) if photometric == 0 else pixels[..., :count]
        np.testing.assert_array_equal(picture.color, expected)


# YCbCr


@pytest.mark.parametrize("grid", [(2, 2), (2, 1), (1, 2), (4, 1), (4, 4)])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("size", [(16, 24), (15, 23)])
def test_uncompressed_ycbcr_with_fewer_colour_samples_is_read(grid, orientation, size):
    """Blocks of luma with one pair of colour (TIFF 6.0, section 21), cut off at the border, and turned once."""
    (across, down), (height, width) = grid, size
    rows, columns = -(-height // down), -(-width // across)
    luma = (np.mgrid[0 : rows * down, 0 : columns * across].sum(axis=0) * 3 + 40).astype(np.uint8)
    blocks = luma.reshape(rows, down, columns, across).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    data = np.concatenate((blocks, np.full((rows, columns, 2), 128, np.uint8)), axis=2).tobytes()
    tags = {256: shorts("<", width), 257: shorts("<", height), 258: shorts("<", 8, 8, 8), 259: shorts("<", 1)}
    tags |= {262: shorts("<", 6), 277: shorts("<", 3), 278: shorts("<", height), 530: shorts("<", *grid)}
    scale = struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    picture = read_picture(tiff_of("<", {**tags, 274: shorts("<", orientation), 532: (5, 6, scale)}, data))
    expected = luma[:height, :width]
    expected = {1: expected, 3: expected[::-1, ::-1], 6: np.rot90(expected, -1)}[orientation]
    assert np.abs(picture.color.astype(int) - expected[..., None]).max() <= 1
    assert picture.notes == ("YCbCr is converted to RGB.",)


# Refusals


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (plain_tiff("<", (8, 8, 8, 8), 6, bytes(32)), "8-bit YCbCr in 4 samples per pixel"),
        (plain_tiff("<", (8, 8, 8, 8), 8, bytes(32), t338=2), r"8-bit CIE L\*a\*b\* in 4 samples per pixel"),
        (plain_tiff("<", (4, 4, 4), 2, bytes(12)), "4-bit colour in 3 samples per pixel"),
        (plain_tiff("<", (8,), 9, bytes(8)), r"8-bit ICC L\*a\*b\* in 1 sample per pixel"),
        (plain_tiff("<", (8,), 1, bytes(8), t259=34934), "8-bit samples in the compression JPEG XR"),
        (plain_tiff("<", (8,), 1, bytes(8), t259=34661), "8-bit samples in the compression JBIG"),
        (plain_tiff("<", (1,), 1, bytes(8), t259=65111), "1-bit samples in the compression 65111"),
        (plain_tiff("<", (8, 8, 8), 6, bytes(24), t259=33003), r"JPEG 2000 \(Aperio, YCbCr\)"),
    ],
)
def test_what_nobody_reads_is_refused_without_blame(data, words):
    """The file is sound: nobody is told to fetch it again."""
    with pytest.raises(ImageReadError, match=words) as caught:
        read_picture(data)
    assert caught.value.reason.endswith("which is not supported yet")
    assert caught.value.hint == "Convert it to PNG first."
