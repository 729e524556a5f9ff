"""QOI: samples back and forth, what a file may say of them, and what lies behind them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Metadata, Picture, encode_picture, native_formats, probe, read_picture
from nlsr_cli.images.formats.qoi import LINEAR_NOTE
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import gradient, saved

pytestmark = pytest.mark.skipif("QOI" not in native_formats().writable, reason="this Pillow does not write QOI")


def encoded(channels: int, **metadata: object) -> tuple[bytes, tuple[str, ...]]:
    pixels = gradient(13, 17, 4)
    alpha = pixels[..., 3] if channels % 2 == 0 else None
    picture = Picture(pixels[..., : 1 if channels < 3 else 3], alpha, Metadata("PNG", "RGB", **metadata))
    return encode_picture(picture, format="QOI", options=EncodeOptions())


@pytest.mark.parametrize("channels", [3, 4])
def test_samples_come_back(channels):
    """All of them, with alpha where there is some, and as sRGB."""
    data, notes = encoded(channels)
    assert notes == ()
    assert struct.unpack_from(">4sIIBB", data) == (b"qoif", 17, 13, channels, 0)
    header = probe(data, max_pixels=13 * 17)
    assert (header.format, header.height, header.width, header.has_alpha) == ("QOI", 13, 17, channels == 4)
    read = read_picture(data)
    assert read.notes == ()
    assert np.array_equal(read.color, gradient(13, 17, 4)[..., :3])
    assert (read.alpha is None) is (channels == 3)


def test_what_it_does_not_hold_is_told():
    assert encoded(1)[1] == ("QOI has no grey mode; grey is written as RGB.",)
    assert encoded(3, icc=icc.rgb("Wide", icc.ADOBE_RGB), dpi=(300, 300), comment=b"hello")[1] == (
        "QOI cannot hold the profile; the output is in sRGB.",
        "QOI cannot hold a comment; it is left out.",
        "QOI cannot hold a resolution; it is left out.",
    )


def test_what_a_file_says_beside_its_samples():
    data = saved(Image.fromarray(gradient(5, 7)), "QOI", colorspace="sRGB")
    linear = bytearray(data)
    linear[13] = 1
    assert read_picture(bytes(linear)).notes == (LINEAR_NOTE,)
    assert read_picture(data + b"more").notes == ("Left out: data after the end of the picture (4 bytes).",)


def test_damage_is_told():
    data = saved(Image.fromarray(gradient(5, 7)), "QOI")
    for broken in (data[:10], data[:30], data[:4] + bytes(8) + data[12:], data[:12] + b"\2" + data[13:]):
        with pytest.raises(ImageReadError, match=r"truncated|damaged"):
            read_picture(broken)
