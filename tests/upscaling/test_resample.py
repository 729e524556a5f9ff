"""From what the networks made to what was asked: rounded once, blended exactly, nothing beyond white lost."""

import numpy as np
import pytest

from nlsr_cli import scratch
from nlsr_cli.images import resize_bicubic
from nlsr_cli.upscaling.resample import continued, cropped, deep, finish, rounded, split


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(1)
    if dtype == np.float32:
        return random.random(shape, np.float32)
    return random.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def test_sixteen_bits_become_eight_by_the_nearest_level() -> None:
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256, 1)
    np.testing.assert_array_equal(rounded(levels, np.dtype(np.uint8)), np.floor(levels / 257 + 0.5))
    assert rounded(levels, np.dtype(np.uint16)) is levels


@pytest.mark.parametrize(("dtype", "kept"), [(np.uint8, np.uint16), (np.uint16, np.uint16), (np.float32, np.float32)])
def test_what_is_on_the_way_is_deep(dtype: type, kept: type) -> None:
    assert deep(np.dtype(dtype)) == kept


def test_floats_are_split_into_what_networks_know_and_the_rest() -> None:
    pixels = np.array([[[-0.5], [0.25], [8.0]]], np.float32)
    inside, rest = split(pixels)
    assert inside.ravel().tolist() == [0, 0.25, 1]
    assert rest is not None
    np.testing.assert_array_equal(inside + rest, pixels)
    for plain in (np.clip(pixels, 0, 1), noise(2, 3, 1)):
        assert split(plain)[0] is plain
        assert split(plain)[1] is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("wrap", ["", "xy"])
def test_blends_the_network_with_bicubic(dtype: type, wrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = noise(8, 9, 3, dtype=dtype)
    full = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    made = noise(24, 27, 3, dtype=deep(np.dtype(dtype)).type)
    exact = made / (1.0 if dtype == np.float32 else 65535.0)
    soft = np.clip(resize_bicubic((source / full).astype(np.float32), 24, 27, wrap=wrap), 0, 1)
    monkeypatch.setattr(scratch, "BAND", 200)
    found = finish(made, source, (24, 27), strength=0.3, wrap=wrap)
    assert found.dtype == dtype
    limit = 1e-5 if dtype == np.float32 else 0.51
    assert np.abs(found - (soft + 0.3 * (exact - soft)) * full).max() <= limit


@pytest.mark.parametrize("pad", [(0, 0), (3, 0), (0, 20), (5, 5)])
def test_textures_go_on_at_the_other_side(pad: tuple[int, int]) -> None:
    source = noise(6, 7, 1)
    found = continued(source, pad)
    np.testing.assert_array_equal(found, np.pad(source, ((pad[0],) * 2, (pad[1],) * 2, (0, 0)), mode="wrap"))
    np.testing.assert_array_equal(cropped(found, pad), source)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_floats_that_are_reduced_stay_between_black_and_white(strength: float) -> None:
    """Lanczos overshoots at every edge; what lies beyond white is added afterwards, and must not count twice."""
    made = np.zeros((60, 60, 3), np.float32)
    made[:, 30:] = made[30:] = 1
    found = finish(made, made[::3, ::3].copy(), (25, 25), strength=strength, wrap="")
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found == 1).any()
