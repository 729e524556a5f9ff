"""Reduced copies are the means of four pixels, the same however the rows come, and what is not seen does not show."""

from __future__ import annotations

import numpy as np
import pytest

from nlsr_cli.images.encoding import pyramid as module
from nlsr_cli.images.encoding.pyramid import halving, pyramid, shapes_of
from tests.images.encoding.pieces import KINDS, bands, photograph


def collected(pixels, most, rows, levels):
    """Return a picture and its copies, each put together from its bands, and the heights of these."""
    found = [[] for _ in range(levels)]
    halve = halving(alpha=False)
    for level, band in pyramid(bands(pixels, most), pixels.shape, pixels.dtype, rows, levels, halve):
        found[level].append(band.copy())
    return [np.concatenate(each) for each in found], [[len(band) for band in each] for each in found]


def mean(pixels):
    """Return the mean of every four pixels, worked out in floats and one by one."""
    height, width = pixels.shape[:2]
    out = np.empty((-(-height // 2), -(-width // 2), pixels.shape[2]))
    for row, column in np.ndindex(out.shape[:2]):
        rows, columns = (
            [min(2 * at + step, most - 1) for step in (0, 1)] for at, most in ((row, height), (column, width))
        )
        out[row, column] = pixels[np.ix_(rows, columns)].astype(np.float64).mean((0, 1))
    return out


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 1), (8, 8), (37, 23), (64, 31)])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_each_copy_is_the_mean_of_the_one_before(size, bits):
    pixels = photograph(*size, bits=bits)
    shapes = shapes_of(pixels.shape, 1)
    copies, _ = collected(pixels, 5, 4, len(shapes))
    np.testing.assert_array_equal(copies[0], pixels)
    for before, after, shape in zip(copies[:-1], copies[1:], shapes[1:], strict=True):
        assert (after.shape, after.dtype) == (shape, pixels.dtype)
        exact = mean(before)
        np.testing.assert_allclose(after, exact if bits == 32 else np.floor(exact + 0.5), rtol=1e-6)


@pytest.mark.parametrize("most", [1, 3, 16, 100])
def test_bands_of_copies_do_not_follow_from_those_of_the_picture(most):
    """Or a file would follow from how much memory there was."""
    pixels = photograph(100, 9)
    copies, heights = collected(pixels, most, 16, 4)
    assert heights == [[16] * 6 + [4], [16, 16, 16, 2], [16, 9], [13]]
    for found, expected in zip(copies, collected(pixels, 100, 100, 4)[0], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_copies_end_where_one_fits():
    assert shapes_of((1301, 1700, 3), 256) == [(1301, 1700, 3), (651, 850, 3), (326, 425, 3), (163, 213, 3)]
    assert shapes_of((256, 256, 1), 256) == [(256, 256, 1)]
    assert shapes_of((1, 257, 1), 256) == [(1, 257, 1), (1, 129, 1)]


def test_strips_that_are_halved_at_once_do_not_show(monkeypatch):
    for kind, (channels, alpha, bits) in KINDS.items():
        pixels = photograph(37, 23, channels + alpha, bits)
        for missing in (None, "77"):
            halve = halving(alpha=alpha, missing=missing)
            expected = halve(pixels)
            monkeypatch.setattr(module, "STRIP", 100)
            np.testing.assert_array_equal(halve(pixels), expected, kind)
            monkeypatch.undo()


@pytest.mark.parametrize(("dtype", "opaque"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_colours_of_transparent_pixels_do_not_show(dtype, opaque):
    """A white figure on transparent black has no grey fringe in any copy, and half of it is half as opaque."""
    pixels = np.zeros((2, 6, 4), dtype)
    pixels[:, 1:4] = opaque  # half of the first four, all of the next
    pixels[0, 4] = (opaque, 0, 0, 0)
    half = (opaque + 1) // 2 if opaque > 1 else 0.5
    fringe = opaque // 4 if opaque > 1 else 0.25
    expected = [[opaque, opaque, opaque, half], [opaque] * 4, [(opaque + 2) // 4 if opaque > 1 else fringe, 0, 0, 0]]
    np.testing.assert_array_equal(halving(alpha=True)(pixels)[0], np.array(expected, dtype))


@pytest.mark.parametrize(
    ("dtype", "missing"), [(np.uint8, "0"), (np.uint16, "9"), (np.float32, "-9999"), (np.float32, "nan")]
)
def test_pixels_without_data_are_not_mixed_into_others(dtype, missing):
    """Of heights beside the sea, a copy holds heights, or the value of missing data; never a mean of both."""
    gone = dtype(float(missing))
    pixels = np.full((2, 8, 1), gone, dtype)
    pixels[:, 0:2] = dtype(100)  # all four
    pixels[:, 2] = dtype(50)  # two
    pixels[0, 4] = dtype(50)  # one
    made = halving(alpha=False, missing=missing)(pixels)[0, :, 0]
    np.testing.assert_array_equal(made, np.array([100, 50, gone, gone], dtype))


def test_a_mean_that_is_the_value_of_missing_data_moves_by_a_step():
    """A viewer would show a hole where there is none."""
    pixels = np.array([[[6], [12]], [[8], [10]]], np.uint8)
    assert halving(alpha=False, missing="9")(pixels).item() == 10
    assert halving(alpha=False)(pixels).item() == 9


def test_floats_near_the_end_of_their_range_do_not_overflow():
    pixels = np.full((2, 2, 1), 3e38, np.float32)
    assert halving(alpha=False)(pixels).item() == np.float32(3e38)
