"""A TIFF with reduced copies: the picture is exact, and other programs find the copies where they look for them."""

from __future__ import annotations

import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from io import BytesIO
from itertools import repeat

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import encode_picture, inspect_picture, read_picture
from nlsr_cli.images.canvas import prepare
from nlsr_cli.images.encoding.pyramid import halving
from nlsr_cli.images.encoding.tiff_pyramid import most_bytes
from nlsr_cli.images.formats import tiff as module
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.encoding.pieces import KINDS, encoded, picture

PYRAMID = EncodeOptions(pyramid=True)
SIZES = [(601, 700), (301, 350), (151, 175)]


@pytest.mark.parametrize("kind", KINDS)
def test_any_heights_of_bands_give_the_same_file_and_the_picture_is_exact(kind, big):
    pytest.importorskip("imagecodecs")
    made = picture(kind, *SIZES[0])
    data = encoded(made, "TIFF", 601, PYRAMID)
    assert data[:4] == (b"II+\0" if big else b"II*\0")
    assert encoded(made, "TIFF", 17, PYRAMID) == data
    read = read_picture(data)
    np.testing.assert_array_equal(read.color, made.color)
    if made.alpha is not None:
        np.testing.assert_array_equal(read.alpha, made.alpha)
    assert [note.split(" (")[0] for note in read.notes] == ["Left out: reduced copies of the picture"]


@pytest.mark.parametrize("kind", KINDS)
def test_libvips_finds_each_copy(kind, big, tmp_path):
    vips = pytest.importorskip("pyvips")
    pytest.importorskip("imagecodecs")
    made = picture(kind, *SIZES[0])
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(made, "TIFF", 50, PYRAMID))
    pixels = made.color if made.alpha is None else np.concatenate((made.color, made.alpha[..., None]), axis=2)
    for page, size in enumerate(SIZES):
        image = vips.Image.new_from_file(str(path), page=page)
        assert image.get("n-pages") == len(SIZES)
        np.testing.assert_array_equal(image.numpy().reshape(*size, -1), pixels)
        pixels = halving(alpha=made.alpha is not None)(pixels)


def test_pillow_finds_each_copy_and_knows_it_for_one():
    made = picture("RGB", *SIZES[0], icc=icc.srgb(), dpi=(300.0, 300.0))
    with Image.open(BytesIO(encoded(made, "TIFF", 50, PYRAMID))) as image:
        assert image.n_frames == len(SIZES)
        for page, size in enumerate(SIZES):
            image.seek(page)
            assert image.size == size[::-1]
            assert image.tag_v2.get(254, 0) == (1 if page else 0)
            assert image.info["icc_profile"] == icc.srgb(), "a copy is seen in the same colours"
            assert image.tag_v2[322] == image.tag_v2[323] == 256


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="GDAL is not installed")
def test_gdal_finds_the_copies_as_overviews(big, tmp_path):
    pytest.importorskip("imagecodecs")
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(picture("grey of floats", *SIZES[0], nodata="-9999"), "TIFF", 50, PYRAMID))
    told = subprocess.run(["gdalinfo", str(path)], capture_output=True, text=True, check=True)
    assert not told.stderr
    assert "Overviews: 350x301, 175x151" in told.stdout
    assert "NoData Value=-9999" in told.stdout


def test_what_a_file_says_is_said_once():
    """EXIF, XMP and the resolution are those of the picture; a copy has none."""
    made = picture("RGB", *SIZES[0], dpi=(300.0, 240.0), xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    plain, tiled = (encode_picture(made, format="TIFF", options=each)[0] for each in (EncodeOptions(), PYRAMID))
    assert read_picture(tiled).metadata == read_picture(plain).metadata
    assert tiled.count(b"x:xmpmeta") == plain.count(b"x:xmpmeta") == 1
    assert inspect_picture(tiled).as_json()["frames"] == 1


def test_a_small_picture_has_no_copies():
    made = picture("RGB", 256, 40)
    read = read_picture(encoded(made, "TIFF", 256, PYRAMID))
    np.testing.assert_array_equal(read.color, made.color)
    assert read.notes == ()


@pytest.mark.parametrize(("side", "expected"), [(26_000, False), (29_000, True)])
def test_bigtiff_is_for_what_could_outgrow_the_other(side, expected):
    """Copies are a third more, and tiles reach over the edges: 3.1e9 bytes of samples fit, 3.5e9 may not."""
    canvas, _ = prepare(picture("RGB", 2, 2), module.CARRIES, EncodeOptions())
    head = next(module.TIFF.writing.encode(replace(canvas, shape=(side, 40_000, 3)), (), PYRAMID))
    assert head[:4] == (b"II+\0" if expected else b"II*\0")


def test_no_file_is_larger_than_it_was_said_to_be_at_most():
    noise = np.random.default_rng(0).integers(0, 256, (600, 520, 3), np.uint8)
    made = replace(picture("RGB", 600, 520), color=noise)
    size = len(encoded(made, "TIFF", 600, PYRAMID))
    assert noise.nbytes < size < most_bytes(noise.shape, noise.dtype) * 257 / 256 + module.ROOM


def test_memory_does_not_grow_with_the_height():
    """64 megapixels are 192 MiB; of the picture and of each copy, what is held is a band."""
    band = picture("RGB", 1, 2048).color.repeat(256, axis=0)
    canvas, _ = prepare(picture("RGB", 2, 2), module.CARRIES, EncodeOptions())
    canvas = replace(canvas, shape=(32768, 2048, 3))
    tracemalloc.start()
    try:
        for _ in module.TIFF.writing.encode(canvas, repeat(band, 128), PYRAMID):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP"])
def test_other_formats_refuse(fmt):
    with pytest.raises(ImageWriteError, match=f"--pyramid is for TIFF, and the output is written as {fmt}") as caught:
        encode_picture(picture("RGB", 4, 4), format=fmt, options=PYRAMID)
    assert "--format tiff" in caught.value.hint
