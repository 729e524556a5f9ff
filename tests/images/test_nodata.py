"""Pixels that hold no data do not bleed into others, and hold none when they are written."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.images import encode_picture, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.nodata import hide, restore
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images.deep_files import deep_tiff
from tests.images.files import plain_tiff, saved

OPTIONS = EncodeOptions()
CASES = ASSETS / "cases"
LARGEST = np.finfo(np.float32).max


def stating(text: str) -> dict[int, tuple[str, tuple[int, ...]]]:
    return {42113: ("B", (*text.encode(), 0))}


def slope(dtype: type, low: float = 1000, high: float = 1400) -> np.ndarray:
    rows, columns = np.mgrid[0:24, 0:32]
    return (low + (high - low) * (rows + columns) / 54)[..., None].astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "fill", "stated"),
    [
        (np.float32, -9999, "-9999"),
        (np.float32, -LARGEST, "-3.4028234663852886e+38"),
        (np.float32, -LARGEST, "-3.4028235e+38"),
        (np.float32, -LARGEST, None),
        (np.float32, LARGEST, None),
        (np.float32, 1e38, None),
        (np.float32, 9.96921e36, None),
        (np.float32, np.nan, None),
        (np.float32, np.nan, "nan"),
        (np.float32, np.inf, None),
        (np.float64, -1.7976931348623157e308, "-1.7976931348623157e+308"),
        (np.float64, -9999, "-9999"),
        (np.float16, np.nan, None),
        (np.uint16, 0, "0"),
        (np.uint16, 65535, "65535"),
        (np.uint8, 255, " 255 "),
    ],
)
def test_what_holds_no_data_is_masked_and_written_as_that(dtype, fill, stated):
    """Valid pixels come back as they were, the others as a value that says so, in every type."""
    pixels = slope(dtype) if dtype != np.uint8 else slope(dtype, 50, 200)
    hole = np.zeros(pixels.shape[:2], bool)
    hole[5:12, 8:20] = True
    pixels[hole] = fill
    if dtype == np.uint8:
        data = saved(Image.fromarray(pixels[..., 0]), "TIFF", tiffinfo={42113: stated})
    else:
        data = deep_tiff(pixels, 1, more=stating(stated) if stated else None)
    picture = read_picture(data)
    assert picture.metadata.masked
    np.testing.assert_array_equal(picture.alpha == 0, hole)
    assert np.isfinite(picture.color).all()
    assert f"{hole.sum()} pixels hold no data" in " ".join(picture.notes)
    out, notes = encode_picture(picture, format="TIFF", options=OPTIONS)
    assert notes == ()
    again = read_picture(out)
    np.testing.assert_array_equal(again.alpha == 0, hole)
    np.testing.assert_array_equal(again.color[~hole], pixels[~hole].astype(again.color.dtype))
    assert again.metadata.nodata == picture.metadata.nodata


def test_without_such_pixels_nothing_changes():
    pixels = slope(np.float32)
    plain, stated = (read_picture(deep_tiff(pixels, 1, more=more)) for more in (None, stating("-9999")))
    assert (plain.alpha, stated.alpha) == (None, None)
    assert plain.notes == stated.notes == ()
    assert (plain.metadata.nodata, stated.metadata.nodata) == (None, "-9999")


@pytest.mark.parametrize("stated", ["", "none", "-5", "1e9", "0.5"])
def test_a_value_that_no_sample_has_is_kept_as_it_is(stated):
    """Nothing is masked, and the tag stays."""
    picture = read_picture(deep_tiff(slope(np.uint16), 1, more=stating(stated)))
    assert picture.alpha is None
    assert picture.metadata.tiff_tags == ((42113, 1, stated.encode() + b"\0"),)


def test_a_colour_counts_only_where_all_channels_have_the_value():
    """Zero red is no gap in a photograph; what can be no colour is one in any channel."""
    color = np.array([[[0, 0, 0], [0, 0, 9], [7, 8, 9]]], np.uint8)
    found = hide(Decoded(color), "0")
    np.testing.assert_array_equal(found.alpha, [[0, 255, 255]])
    floats = np.array([[[0, 0, 0.5], [-9999, 0.1, 0.1], [0.1, np.nan, 0.1]]], np.float32)
    np.testing.assert_array_equal(hide(Decoded(floats), "-9999").alpha, [[1, 0, 0]])
    assert hide(Decoded(floats[:, :1]), "0").alpha is None


def test_a_colour_that_becomes_the_value_is_moved_by_one_level():
    """Otherwise what was measured would be a gap for whoever reads the output."""
    for dtype, value, beside in ((np.uint8, 0, 1), (np.uint16, 65535, 65534)):
        pixels = np.full((1, 2, 1), value, dtype)
        alpha = np.array([[0, np.iinfo(dtype).max]], dtype)
        made, left = restore(pixels, alpha, str(value), masked=True)
        assert left is None
        assert made.ravel().tolist() == [value, beside]


def test_alpha_of_the_file_stays_and_has_gaps_too():
    pixels = np.concatenate((slope(np.uint16), np.full((24, 32, 1), 40000, np.uint16)), axis=2)
    pixels[2, 3, 0] = 0
    picture = read_picture(deep_tiff(pixels, 1, extra=(2,), more=stating("0")))
    assert not picture.metadata.masked
    assert (picture.alpha[2, 3], picture.alpha[0, 0]) == (0, 40000)
    again = read_picture(encode_picture(picture, format="TIFF", options=OPTIONS)[0])
    assert (again.alpha[2, 3], again.alpha[0, 0]) == (0, 40000)


@pytest.mark.parametrize(
    ("bits", "photometric", "data", "stated", "level"),
    [
        (8, 0, bytes((0, 9) * 4), "0", "255"),
        (8, 0, bytes((255, 9) * 4), "255", "0"),
        (4, 1, bytes((0x37,) * 4), "3", "51"),
    ],
)
def test_levels_that_decoding_changes_are_found(bits, photometric, data, stated, level):
    """White as zero, and grey of few bits."""
    made = plain_tiff("<", (bits,), photometric, data)
    source = Image.open(io.BytesIO(made))
    assert source.size == (4, 2)
    tagged = saved_with(made, stated)
    picture = read_picture(tagged)
    np.testing.assert_array_equal(picture.alpha, [[0, 255, 0, 255]] * 2)
    assert picture.metadata.nodata == level


def saved_with(data: bytes, stated: str) -> bytes:
    """Return a little-endian TIFF with GDAL_NODATA put behind its directory."""
    block = tiff.parse(data)
    root = block.root.updated({42113: tiff.Entry(tiff.ASCII, len(stated) + 1, stated.encode() + b"\0")})
    padded = data + bytes(len(data) % 2)
    return padded[:4] + len(padded).to_bytes(4, "little") + padded[8:] + tiff.lay_out(root, "<", len(padded))


def test_an_entry_of_a_palette_becomes_transparent():
    """Its value is a number of the palette, and not one of the colours that are written."""
    source = Image.new("P", (4, 2), 1)
    source.putpalette([10, 20, 30, 10, 20, 30, 200, 100, 50])
    source.putpixel((1, 1), 2)
    picture = read_picture(saved_with(saved(source, "TIFF"), "1"))
    assert (picture.alpha == 0).sum() == 7
    assert not picture.metadata.masked
    assert picture.metadata.nodata is None
    assert picture.metadata.tiff_tags == ()
    left = "The no-data value (1) is left out: it is a palette index, and the output has no palette."
    hidden = "7 pixels hold no data (1); they are transparent, and their value is not mixed into other pixels."
    assert about_data(picture) == [hidden, left]
    for unused in ("7", "-9999"):
        assert about_data(read_picture(saved_with(saved(source, "TIFF"), unused))) == [left.replace("1", unused)]


def about_data(picture):
    return [
        note for note in picture.notes if ("no data (" in note or "no-data value (" in note) and "bytes" not in note
    ]


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr"])
def test_a_value_of_samples_that_are_converted_is_told(mode):
    """Where alone it stands in the file, it says nothing of the pixels that are written."""
    source = Image.new(mode, (4, 2), (1,) * len(Image.new(mode, (1, 1)).getbands()))
    picture = read_picture(saved_with(saved(source, "TIFF"), "1"))
    assert "The no-data value (1) is left out: the samples are converted." in picture.notes
    assert picture.metadata.tiff_tags == ()


@pytest.mark.parametrize("name", ["20_float_nodata_max.tif", "20b_float_nodata_9999.tif"])
def test_valid_neighbours_stay_in_their_range(name, tmp_path):
    """Enlarged, no pixel that holds data holds less or more than was measured, next to a gap or far from it."""
    picture = read_picture(CASES / name)
    valid = picture.color[picture.alpha != 0]
    result = CliRunner().invoke(app, ["upscale", str(CASES / name), "-s", "2", "-o", str(tmp_path / "a.tif"), "--json"])
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.stderr
    assert "nan" not in result.stdout.lower()
    again = read_picture(tmp_path / "a.tif")
    assert again.metadata.nodata == picture.metadata.nodata
    assert (again.alpha == 0).sum() == 4 * (picture.alpha == 0).sum()
    found = again.color[again.alpha != 0]
    assert valid.min() <= found.min()
    assert found.max() <= valid.max()
    rows, columns = np.nonzero(picture.alpha == 0)
    around = np.s_[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4]
    near = picture.color[around][picture.alpha[around] != 0]
    big = np.s_[2 * rows.min() - 4 : 2 * rows.max() + 6, 2 * columns.min() - 4 : 2 * columns.max() + 6]
    beside = again.color[big][again.alpha[big] != 0]
    assert beside.min() >= near.min() - 1
    assert beside.max() <= near.max() + 1


def test_a_picture_without_any_data_is_written_as_one():
    picture = read_picture(deep_tiff(np.full((4, 5, 1), np.nan, np.float32), 1))
    out, _ = encode_picture(picture, format="TIFF", options=OPTIONS)
    assert (read_picture(out).alpha == 0).all()


def test_other_formats_get_transparency():
    pixels = slope(np.uint16)
    pixels[:3] = 0
    picture = read_picture(deep_tiff(pixels, 1, more=stating("0")))
    out, notes = encode_picture(picture, format="PNG", options=OPTIONS)
    assert notes == ("PNG cannot hold a no-data value (0); it is left out; pixels without data are transparent.",)
    np.testing.assert_array_equal(read_picture(out).alpha == 0, picture.alpha == 0)
    stripped, _ = encode_picture(picture, format="TIFF", options=EncodeOptions(strip=True))
    assert (read_picture(stripped).alpha == 0).sum() == (picture.alpha == 0).sum()
    assert read_picture(stripped).metadata.nodata == "0", "without it the numbers would be another picture"
