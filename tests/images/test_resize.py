"""Bicubic interpolation: equal to the definition, to the benchmark's own files, whatever the sizes and types."""

from math import ceil, floor

import numpy as np
import pytest

from nlsr_cli.images import crop_to_multiple, reduce_bicubic, resize, resize_bicubic
from tests.conftest import ASSETS, pixels

SET5 = ASSETS / "set5"


def keys(x: float) -> float:
    """Keys' kernel with a = -1/2, as his paper writes it."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def line(values: np.ndarray, size: int) -> np.ndarray:
    """Resize (n, ...) along the first axis, one output at a time: the definition."""
    scale = size / len(values)
    stretch = max(1.0, 1 / scale)
    out = []
    for position in range(size):
        centre = (position + 0.5) / scale - 0.5
        places = range(floor(centre - 2 * stretch), ceil(centre + 2 * stretch) + 1)
        weights = np.array([keys((centre - place) / stretch) for place in places])
        taken = values[np.clip(places, 0, len(values) - 1)].astype(np.float64)
        out.append(np.tensordot(weights / weights.sum(), taken, 1))
    made = np.array(out)
    if values.dtype.kind == "u":
        made = np.clip(np.floor(made + 0.5), 0, np.iinfo(values.dtype).max)
    return made.astype(values.dtype)


def picture(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(height * width)
    if dtype == np.float32:
        return random.random((height, width, channels), np.float32)
    return random.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduces_as_the_benchmark_was_reduced(scale: int) -> None:
    """Every value equal, the border's too: the corner of a Set5 picture and of its published low resolution."""
    expected = pixels(SET5 / f"butterfly_corner_x{scale}.png")
    corner = crop_to_multiple(pixels(SET5 / "butterfly_corner.png"), scale)
    height, width = expected.shape[:2]
    np.testing.assert_array_equal(reduce_bicubic(corner, scale)[:height, :width], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((24, 40), (12, 20)),
        ((30, 24), (10, 8)),
        ((12, 9), (48, 36)),
        ((17, 23), (40, 31)),
        ((50, 41), (7, 19)),
        ((1, 1), (4, 4)),
        ((2, 3), (1, 1)),
        ((5, 64), (5, 16)),
        ((8, 64), (32, 16)),
        ((64, 8), (16, 32)),
    ],
)
def test_is_the_definition(before: tuple[int, int], after: tuple[int, int], dtype: type) -> None:
    source = picture(*before, dtype=dtype)
    rows_first = after[0] * before[1] <= after[1] * before[0]
    if rows_first:
        expected = line(line(source, after[0]).swapaxes(0, 1), after[1]).swapaxes(0, 1)
    else:
        expected = line(line(source.swapaxes(0, 1), after[1]).swapaxes(0, 1), after[0])
    found = resize_bicubic(source, *after)
    assert (found.shape, found.dtype) == ((*after, 3), dtype)
    np.testing.assert_allclose(found.astype(float), expected.astype(float), atol=2e-6 if dtype == np.float32 else 1)
    assert np.mean(np.abs(found.astype(float) - expected) > 0.5) < 0.002  # thirds meet halves where float32 rounds


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels(channels: int) -> None:
    source = picture(20, 28, channels)
    found = resize_bicubic(source, 5, 7)
    for channel in range(channels):
        np.testing.assert_array_equal(found[..., channel], resize_bicubic(source[..., [channel]], 5, 7)[..., 0])


@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_a_constant_stays_what_it_is(level: int) -> None:
    assert (resize_bicubic(np.full((13, 11, 3), level, np.uint8), 29, 5) == level).all()


def test_overshoot_is_clipped_not_wrapped() -> None:
    edge = np.zeros((8, 8, 1), np.uint8)
    edge[:, 4:] = 255
    found = resize_bicubic(edge, 32, 32)
    assert found[:, :12].max() == 0
    assert found[:, 20:].min() == 255


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    source = picture(61, 50)
    whole = resize_bicubic(source, 19, 33)
    monkeypatch.setattr(resize, "_BAND", 1)
    monkeypatch.setattr(resize, "_BLOCK", 3)
    np.testing.assert_array_equal(resize_bicubic(source, 19, 33), whole)


def test_the_same_size_is_the_same_picture() -> None:
    source = picture(9, 7)
    np.testing.assert_array_equal(resize_bicubic(source, 9, 7), source)


def test_views_need_not_be_contiguous() -> None:
    source = picture(40, 48)
    np.testing.assert_array_equal(
        resize_bicubic(source[::2, ::-2], 5, 6), resize_bicubic(source[::2, ::-2].copy(), 5, 6)
    )


def test_crop_takes_the_top_left() -> None:
    source = picture(11, 14)
    assert crop_to_multiple(source, 4).shape == (8, 12, 3)
    np.testing.assert_array_equal(crop_to_multiple(source, 4), source[:8, :12])
    assert crop_to_multiple(source[:, :, 0], 2).shape == (10, 14)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="crop them first"):
        reduce_bicubic(picture(9, 8), 4)
    with pytest.raises(ValueError, match="cannot be resized"):
        resize_bicubic(picture(9, 8), 0, 4)
    with pytest.raises(ValueError, match="int64"):
        resize_bicubic(np.zeros((4, 4, 3), np.int64), 2, 2)
    with pytest.raises(ValueError, match="must be"):
        resize_bicubic(np.zeros((4, 4), np.uint8), 2, 2)
