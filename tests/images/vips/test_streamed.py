"""A picture that is read a few rows at a time is the very picture that is read whole, with the same words about it."""

import struct

import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Picture, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.vips import library, streamed
from tests.images.vips.kinds import BANDED, WHOLE, coming, in_bands, needs_vips

pytestmark = needs_vips


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch):
    monkeypatch.setattr(streamed, "LEAST", 0)
    monkeypatch.setattr(library, "BAND", 200)


def assert_same(one: Picture, other: Picture) -> None:
    for name in ("color", "alpha", "excess"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None), name
        if first is not None:
            assert first.dtype == second.dtype
            np.testing.assert_array_equal(first, second, name)
    assert one.metadata == other.metadata
    assert one.notes == other.notes
    assert (one.gain_map is None) == (other.gain_map is None)
    if one.gain_map is not None:
        np.testing.assert_array_equal(one.gain_map.pixels, other.gain_map.pixels)


@pytest.mark.parametrize("kind", BANDED)
def test_rows_make_the_picture_that_is_read_whole(kind):
    assert_same(in_bands(BANDED[kind]), read_picture(BANDED[kind]))


@pytest.mark.parametrize("kind", WHOLE)
def test_what_libvips_would_read_otherwise_is_read_whole(kind):
    assert coming(WHOLE[kind]) is None


def test_it_comes_in_many_bands():
    bands = list(coming(BANDED["png"]).bands())
    assert len(bands) > 10
    assert sum(len(band.color) for band in bands) == 40


def test_what_may_be_hidden_is_announced_and_taken_back():
    found = coming(BANDED["tiff without holes"])
    assert found.outline.alpha
    assert all(band.alpha.min() == 255 for band in found.bands())
    assert not found.ending().alpha


@pytest.mark.parametrize("kind", ["tiff", "tiff planar", "tiff tiled"])
def test_a_tiff_that_is_cut_off_fails_with_the_row_before_any_is_read(kind):
    """Its directory stands behind the samples, so that strips are cut off by pointing beyond the end."""
    tag = 325 if kind == "tiff tiled" else 279
    data, sound = bytearray(BANDED[kind]), BANDED[kind]
    order, _, start = tiff.header(sound)
    place = next(at for found, at in tiff.rows(sound, start) if found == tag)
    _, _, count = struct.unpack_from(order + "HHI", data, place)
    at = place + 8 if count == 1 else struct.unpack_from(order + "I", data, place + 8)[0] + 4 * (count - 1)
    struct.pack_into(order + "I", data, at, 1 << 20)
    row = {"tiff": 0, "tiff planar": 16, "tiff tiled": 16}[kind]
    with pytest.raises(ImageReadError, match=f"it breaks at row {row} of"):
        coming(bytes(data))


def test_a_tiff_without_lengths_is_left_to_the_other_reader():
    data = BANDED["tiff"]
    order, _, start = tiff.header(data)
    place = next(at for found, at in tiff.rows(data, start) if found == 279)
    without = data[:place] + struct.pack(order + "H", 280) + data[place + 2 :]
    assert coming(without) is None
    assert read_picture(without).color.shape == (40, 30, 3)


def test_small_pictures_are_read_whole(monkeypatch):
    monkeypatch.setattr(streamed, "LEAST", 1 << 25)
    assert coming(BANDED["png"]) is None


def test_without_libvips_all_are_read_whole(monkeypatch):
    monkeypatch.setattr(streamed, "library", lambda: None)
    assert coming(BANDED["png"]) is None
