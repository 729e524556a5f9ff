"""The strips of a TIFF, classic and BigTIFF, as other programs read them."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import encode_picture, inspect_picture, read_picture
from nlsr_cli.images.canvas import prepare
from nlsr_cli.images.containers import tiff as container
from nlsr_cli.images.encoding import tiff
from nlsr_cli.images.formats import tiff as module
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.encoding.pieces import KINDS, encoded, photograph, picture
from tests.images.files import camera_exif, saved

imagecodecs = pytest.importorskip("imagecodecs")


@pytest.mark.parametrize("kind", KINDS)
def test_files_count_as_far_as_they_must(kind, big):
    made = picture(kind, 301, 200)
    data = encoded(made, "TIFF", 17)
    assert data[:4] == (b"II+\0" if big else b"II*\0")
    read = read_picture(data)
    np.testing.assert_array_equal(read.color, made.color)
    if made.alpha is not None:
        np.testing.assert_array_equal(read.alpha, made.alpha)
    if made.depth == 8 or kind == "grey of 16 bits":
        with Image.open(BytesIO(data)) as image:
            shown = np.asarray(image).reshape(301, 200, -1)
        np.testing.assert_array_equal(shown[..., : made.color.shape[2]], made.color)


def contents(directory):
    """Return what tags hold, wherever it lies."""
    own = {tag: (entry.kind, entry.number, entry.payload) for tag, entry in directory.entries.items()}
    return own | {tag: contents(child) for tag, child in directory.children.items()}


def test_what_a_file_says_is_the_same_in_both(monkeypatch):
    """EXIF with its directories, profile, XMP, resolution: 64 bits change the places, not the content."""
    made = picture(
        "RGB",
        40,
        30,
        icc=icc.srgb(),
        exif=camera_exif(),
        dpi=(300.0, 240.0),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    )
    plain = encode_picture(made, format="TIFF", options=EncodeOptions())[0]
    monkeypatch.setattr(module, "MOST", 0)
    large = encode_picture(made, format="TIFF", options=EncodeOptions())[0]
    found, expected = (read_picture(each).metadata for each in (large, plain))
    assert replace(found, exif=None) == replace(expected, exif=None)
    assert contents(container.parse(found.exif).root) == contents(container.parse(expected.exif).root)
    told, before = (inspect_picture(each).as_json() for each in (large, plain))
    assert {**told, "bytes": len(plain)} == before
    with Image.open(BytesIO(large)) as image:
        assert image.info["dpi"] == (300.0, 240.0)
        assert image.getexif().get_ifd(container.EXIF_IFD)
        assert image.info["icc_profile"] == icc.srgb()


@pytest.mark.parametrize(("side", "expected"), [(30_000, False), (40_000, True)])
def test_bigtiff_is_for_what_could_outgrow_the_other(side, expected):
    """It is asked before a row is there: 3.6e9 bytes, or 4.8e9, if they do not compress."""
    canvas, _ = prepare(picture("RGB", 2, 2), module.CARRIES, EncodeOptions())
    head = next(module.TIFF.writing.encode(replace(canvas, shape=(side, 40_000, 3)), (), EncodeOptions()))
    assert head == (b"II+\0\x08\0\0\0" + bytes(8) if expected else b"II*\0" + bytes(4))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_differences_of_floats_are_those_of_other_writers(channels):
    band = photograph(9, 11, channels, 32)
    strip = imagecodecs.deflate_decode(tiff.packed_deep(band))
    np.testing.assert_array_equal(
        imagecodecs.floatpred_decode(np.frombuffer(strip, np.float32).reshape(band.shape), axis=-2), band
    )


def test_strips_lie_one_behind_the_other_and_hold_what_a_reader_takes_at_once():
    made = picture("RGB", 1000, 700)
    block = container.parse(encoded(made, "TIFF", 333))
    starts, counts = (container.integers(block.root.entries[tag], "<") for tag in (273, 279))
    assert starts[0] == 8
    assert [start + count + count % 2 for start, count in zip(starts, counts, strict=True)][:-1] == list(starts[1:])
    (rows,) = container.integers(block.root.entries[278], "<")
    assert rows * 700 * 3 <= tiff.STRIP < (rows + 1) * 700 * 3
    assert len(starts) == -(-1000 // rows)


def test_rows_longer_than_a_strip_are_strips_of_their_own():
    made = picture("RGB", 3, 100_000)
    np.testing.assert_array_equal(read_picture(encoded(made, "TIFF", 1)).color, made.color)


@pytest.mark.parametrize("kind", ["RGB", "grey", "RGBA"])
def test_files_are_as_small_as_those_of_libtiff(kind):
    made = picture(kind, 600, 800)
    data = encoded(made, "TIFF", 600)
    with Image.open(BytesIO(data)) as image:
        assert len(data) < 1.02 * len(saved(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2}))
