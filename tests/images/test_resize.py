"""Bicubic and Lanczos interpolation: as defined, and as the benchmark's own files, whatever the sizes and types."""

from collections.abc import Callable
from math import ceil, floor, pi, sin

import numpy as np
import pytest

from nlsr_cli.images import bicubic_rows, crop_to_multiple, reduce_bicubic, resize, resize_bicubic, resize_lanczos
from tests.conftest import ASSETS, pixels

SET5 = ASSETS / "set5"


def keys(x: float) -> float:
    """Keys' kernel with a = -1/2, as his paper writes it."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def lanczos(x: float) -> float:
    """The sinc with three lobes, windowed by the main lobe of a wider one."""
    if x == 0:
        return 1.0
    return 3 * sin(pi * x) * sin(pi * x / 3) / (pi * x) ** 2 if abs(x) < 3 else 0.0


KERNELS = {resize_bicubic: (keys, 2), resize_lanczos: (lanczos, 3)}


def line(values: np.ndarray, size: int, resizer: Callable = resize_bicubic, wrap: bool = False) -> np.ndarray:
    """Resize (n, ...) along the first axis, one output at a time: the definition."""
    kernel, radius = KERNELS[resizer]
    scale = size / len(values)
    stretch = max(1.0, 1 / scale)
    out = []
    for position in range(size):
        centre = (position + 0.5) / scale - 0.5
        places = np.arange(floor(centre - radius * stretch), ceil(centre + radius * stretch) + 1)
        weights = np.array([kernel((centre - place) / stretch) for place in places])
        taken = values[places % len(values) if wrap else np.clip(places, 0, len(values) - 1)].astype(np.float64)
        out.append(np.tensordot(weights / weights.sum(), taken, 1))
    made = np.array(out)
    if values.dtype.kind in "ui":
        made = np.clip(np.floor(made + 0.5), np.iinfo(values.dtype).min, np.iinfo(values.dtype).max)
    return made.astype(values.dtype)


def picture(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(height * width)
    if dtype == np.float32:
        return random.random((height, width, channels), np.float32)
    levels = np.iinfo(dtype)
    return random.integers(levels.min, levels.max + 1, (height, width, channels)).astype(dtype)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduces_as_the_benchmark_was_reduced(scale: int) -> None:
    """Every value equal, the border's too: the corner of a Set5 picture and of its published low resolution."""
    expected = pixels(SET5 / f"butterfly_corner_x{scale}.png")
    corner = crop_to_multiple(pixels(SET5 / "butterfly_corner.png"), scale)
    height, width = expected.shape[:2]
    np.testing.assert_array_equal(reduce_bicubic(corner, scale)[:height, :width], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
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
@pytest.mark.parametrize("wrap", ["", "x", "y", "xy"])
@pytest.mark.parametrize("resizer", KERNELS)
def test_is_the_definition(
    before: tuple[int, int], after: tuple[int, int], dtype: type, wrap: str, resizer: Callable
) -> None:
    source = picture(*before, dtype=dtype)
    rows_first = after[0] * before[1] <= after[1] * before[0]
    if rows_first:
        tall = line(source, after[0], resizer, "y" in wrap)
        expected = line(tall.swapaxes(0, 1), after[1], resizer, "x" in wrap).swapaxes(0, 1)
    else:
        wide = line(source.swapaxes(0, 1), after[1], resizer, "x" in wrap).swapaxes(0, 1)
        expected = line(wide, after[0], resizer, "y" in wrap)
    found = resizer(source, *after, wrap=wrap)
    assert (found.shape, found.dtype) == ((*after, 3), dtype)
    np.testing.assert_allclose(found.astype(float), expected.astype(float), atol=2e-6 if dtype == np.float32 else 1)
    other = np.count_nonzero(np.abs(found.astype(float) - expected) > 0.5)
    assert other <= max(1, 0.002 * found.size)  # thirds meet halves where float32 rounds


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


@pytest.mark.parametrize("resizer", KERNELS)
@pytest.mark.parametrize("after", [(36, 60), (8, 10)])
def test_a_texture_has_no_border(resizer: Callable, after: tuple[int, int]) -> None:
    """Rolled before or after: the same picture."""
    source = picture(24, 30)
    found = resizer(source, *after, wrap="xy")
    shift = (after[0] // 4, after[1] // 5)  # of 6 rows and of 6 columns
    rolled = resizer(np.roll(source, (6, 6), (0, 1)), *after, wrap="xy")
    np.testing.assert_array_equal(np.roll(found, shift, (0, 1)), rolled)
    assert not np.array_equal(found, resizer(source, *after))


def test_levels_below_zero_are_rounded_as_those_above() -> None:
    """The difference of two pictures: enlarging it twice as negative gives the negative, up to halves."""
    source = picture(9, 11, dtype=np.int16) // 2
    found, negative = resize_bicubic(source, 20, 23).astype(int), resize_bicubic(-source, 20, 23).astype(int)
    assert np.abs(found + negative).max() <= 2
    assert abs((found + negative).mean()) < 0.2


@pytest.mark.parametrize("wrap", ["", "xy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("after", [(50, 81), (7, 90), (40, 9)])
def test_rows_are_those_of_the_whole(after: tuple[int, int], dtype: type, wrap: str) -> None:
    source = picture(20, 27, dtype=dtype)
    exact = source.astype(np.float32)
    whole = resize_bicubic(exact, *after, wrap=wrap)
    for rows in (slice(0, 5), slice(3, after[0]), slice(after[0] - 1, after[0])):
        found = bicubic_rows(source, *after, rows, wrap=wrap)
        np.testing.assert_allclose(found, whole[rows], rtol=1e-4, atol=1e-4 * float(exact.max()))


def test_reducing_by_lanczos_leaves_no_moire() -> None:
    """Stripes that are finer than the output can show become the grey that they are from afar."""
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    found = resize_lanczos(stripes, 16, 16)[:, 2:-2].astype(int)
    assert np.abs(found - 127.5).max() < 4


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
