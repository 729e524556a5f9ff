"""Turning upright: the eight ways that EXIF numbers, as Pillow has them."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from nlsr_cli import scratch
from nlsr_cli.images import orientation as orienting
from nlsr_cli.images import read_picture
from nlsr_cli.images.orientation import stood_up, upright


@pytest.mark.parametrize("orientation", range(10))
def test_turning_is_what_pillow_does(orientation: int) -> None:
    """Of an array as of a file; a number that EXIF does not know turns nothing."""
    pixels = np.random.default_rng(1).integers(0, 256, (3, 5, 4), np.uint8)
    exif, file = Image.Exif(), BytesIO()
    exif[274] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    with Image.open(BytesIO(file.getvalue())) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(upright(pixels, orientation), expected)
    np.testing.assert_array_equal(upright(pixels[..., 0], orientation), expected[..., 0])
    picture = read_picture(file.getvalue())
    assert picture.alpha is not None
    np.testing.assert_array_equal(np.dstack((picture.color, picture.alpha)), expected)


@pytest.mark.parametrize("orientation", range(9))
def test_a_picture_that_is_turned_block_by_block_is_the_same(orientation, monkeypatch):
    monkeypatch.setattr(orienting, "BLOCK", 3)
    monkeypatch.setattr(scratch, "LEAST", 1)
    pixels = np.arange(7 * 5 * 3, dtype=np.uint16).reshape(7, 5, 3)
    made = stood_up(pixels, orientation)
    assert np.array_equal(made, upright(pixels, orientation))
    assert made is pixels or made.flags.c_contiguous
