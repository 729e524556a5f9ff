"""The joined bands of a JPEG are what libjpeg writes of the whole."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Metadata, Picture, encode_picture, read_picture, resize_gain_map
from nlsr_cli.images.containers import jpeg as container
from nlsr_cli.images.containers import mpf
from nlsr_cli.images.encoding import jpeg
from nlsr_cli.images.encoding.bands import cut
from nlsr_cli.options import EncodeOptions
from tests.images import jpegs
from tests.images.encoding.pieces import bands, encoded, photograph
from tests.images.files import parsed, saved

QUALITY = 90


def joined(pixels, subsampling, most):
    """Return the JPEG of pixels that come in bands."""
    rows, interval = jpeg.restarts_of(pixels.shape, subsampling)
    cuts = cut(bands(pixels, most), pixels.shape, pixels.dtype, rows)
    head, scan = jpeg.head_and_scan(jpeg.encoded(next(cuts), QUALITY, subsampling))
    pieces = jpeg.joined(scan, cuts, QUALITY, subsampling)
    return b"".join((jpeg.head_of(head, len(pixels), interval if len(pixels) > rows else None), *pieces, container.END))


def whole(pixels, subsampling, **options):
    """Return the JPEG that libjpeg makes of the whole."""
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    image = Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    return saved(image, "JPEG", quality=QUALITY, subsampling=subsampling, **options)


@pytest.mark.parametrize("subsampling", jpeg.UNITS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(83, 20_000), (1201, 803), (64, 32_768)])
def test_joined_bands_are_one_encoding(monkeypatch, subsampling, channels, height, width):
    """Byte for byte that with restarts, with more than eight of them, and with sides that are no multiple of a unit."""
    monkeypatch.setattr(jpeg, "INTERVAL", 256)
    pixels = photograph(height, width, channels)
    data = joined(pixels, subsampling, 100)
    _, interval = jpeg.restarts_of(pixels.shape, subsampling)
    assert data == whole(pixels, subsampling, restart_marker_blocks=interval)
    with Image.open(BytesIO(data)) as image, Image.open(BytesIO(whole(pixels, subsampling))) as plain:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(plain))


@pytest.mark.parametrize("channels", [1, 3])
def test_restarts_cost_next_to_nothing(channels):
    """What is flat has the smallest units, and restarts weigh most there."""
    flat = np.full((3000, 900, channels), 90, np.uint8)
    for pixels in (photograph(3000, 900, channels), flat):
        assert len(joined(pixels, "4:4:4", 3000)) < 1.002 * len(whole(pixels, "4:4:4")) + 20


def test_small_pictures_have_no_restarts():
    pixels = photograph(400, 600)
    assert joined(pixels, "4:4:4", 9) == whole(pixels, "4:4:4")


@pytest.mark.parametrize("size", [(9, 65500), (65500, 9)])
def test_the_longest_sides(size):
    pixels = photograph(*size)
    with Image.open(BytesIO(encoded(Picture(pixels, None, Metadata("JPEG", "RGB")), "JPEG", 1000))) as image:
        image.load()
        assert image.size == size[::-1]


def test_a_gain_map_lies_where_the_directory_says():
    """Which stands in the head, and is written when the size of the first picture is known."""
    read = read_picture(jpegs.ultra_hdr())
    large = photograph(900, 1200)
    gain_map = resize_gain_map(read.gain_map, (read.height, read.width), large.shape[:2])
    made = Picture(large, None, read.metadata, gain_map=gain_map)
    data = encoded(made, "JPEG", 77)
    assert data == encode_picture(made, format="JPEG", options=EncodeOptions())[0]
    first = container.Jpeg(data)
    assert any(marker == container.DRI for marker, _ in first.header())
    made_of = parsed("JPEG", data).located
    (body,) = [body for marker, body in first.header() if body.startswith(mpf.HEAD)]
    assert [entry.start for entry in mpf.parse(body, data.index(body))] == [0, made_of.start] == [0, first.stop]
    with Image.open(BytesIO(data)) as image:  # another reader of the directory
        assert [each["Size"] for each in image._getmp()[0xB002]] == [first.stop, len(data) - first.stop]
    assert read_picture(data).gain_map.pixels.shape == gain_map.pixels.shape
