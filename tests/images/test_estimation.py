"""What pictures tell of the damage they went through, and that sound ones tell of none."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images.containers.jpeg import Jpeg
from nlsr_cli.images.estimation import estimate, estimate_noise, jpeg_quality, quality_of, table_of, windows_of
from tests.conftest import ASSETS, pixels

CLEAN = pixels(ASSETS / "colosseum.png")[..., :3]


def as_jpeg(given: np.ndarray, quality: int, **options: object) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(given).save(buffer, "JPEG", quality=quality, **options)
    return np.asarray(Image.open(buffer))


def noisy(sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, CLEAN.shape)
    return np.clip(np.rint(CLEAN + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [90, 75, 60, 50, 30, 10])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_the_quality_of_a_jpeg_is_found_in_its_pixels(quality: int, sampling: str) -> None:
    found = estimate(as_jpeg(CLEAN, quality, subsampling=sampling)).quality
    assert found is not None
    assert abs(found - quality) <= 1


def test_the_grid_is_found_wherever_a_crop_begins() -> None:
    found = estimate(as_jpeg(CLEAN, 60)[3:, 5:]).quality
    assert found is not None
    assert abs(found - 60) <= 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_may_have_been_turned_since(turns: int) -> None:
    found = estimate(np.rot90(as_jpeg(CLEAN, 60), turns)).quality
    assert found is not None
    assert abs(found - 60) <= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:2:0"}, {"optimize": True}])
def test_the_tables_of_a_file_name_its_quality(options: dict[str, object]) -> None:
    buffer = BytesIO()
    for quality in (12, 50, 77, 98):
        buffer.seek(0)
        buffer.truncate()
        Image.fromarray(CLEAN).save(buffer, "JPEG", quality=quality, **options)
        assert jpeg_quality(Jpeg(buffer.getvalue())) == quality


def test_a_file_without_tables_names_none() -> None:
    assert jpeg_quality(Jpeg(b"\xff\xd8\xff\xdb\x00\x05\x00\x01\x02\xff\xd9")) is None
    assert jpeg_quality(Jpeg(b"\xff\xd8")) is None


@pytest.mark.parametrize("size", [(1281, 1300), (200, 20_000), (3000, 2500)])
def test_windows_of_large_pictures_lie_on_their_grid(size: tuple[int, int]) -> None:
    """Which a window that begins elsewhere would shift, and no quality would be found."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.uint16)
    windows = windows_of(np.stack([rows, columns], axis=2))
    origins = {tuple(window[0, 0]) for window in windows}
    assert len(origins) == len(windows)
    assert not any(place % 8 for origin in origins for place in origin)
    assert {window[-1, -1, 0] for window in windows} >= {
        min(size[0], windows[-1].shape[0] + max(o[0] for o in origins)) - 1
    }
    assert sum(window.shape[0] * window.shape[1] for window in windows) <= 1280**2


def test_large_pictures_are_told_like_small_ones() -> None:
    large = np.tile(CLEAN, (12, 16, 1))[:2000, :2600]
    found = estimate(as_jpeg(large, 60))
    assert found.quality is not None
    assert abs(found.quality - 60) <= 1


def test_the_worse_of_two_codings_counts() -> None:
    found = estimate(as_jpeg(as_jpeg(CLEAN, 50), 90)).quality
    assert found is not None
    assert abs(found - 50) <= 1


def test_depth_does_not_matter() -> None:
    coded = as_jpeg(CLEAN, 60)
    for same in (coded.astype(np.uint16) * 257, coded.astype(np.float32) / 255):
        assert estimate(same) == estimate(coded)


def sound_pictures() -> dict[str, np.ndarray]:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (128, 1))
    drawing = np.full((160, 200, 3), 255, np.uint8)
    drawing[20:140, 30:33], drawing[70:74, 10:190], drawing[100:130, 100:160] = 0, (200, 30, 30), (20, 60, 200)
    slope = np.linspace(30, 90, 160)[:, None, None] + np.linspace(0, 100, 200)[:, None] * np.array([1.0, 0.4, -0.2])
    blocks = np.kron(np.random.default_rng(1).integers(0, 256, (24, 24, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    return {
        "photograph": CLEAN,
        "grey": CLEAN[..., :1],
        "flat": np.full((96, 96, 3), 77, np.uint8),
        "ramp": np.stack([ramp] * 3, axis=2),
        "drawing": drawing,
        "gradient": np.rint(slope).astype(np.uint8),
        "pixel art of eight": blocks,
        "noise": np.random.default_rng(2).integers(0, 256, (96, 96, 3), np.uint8),
    }


@pytest.mark.parametrize("name", sound_pictures())
def test_sound_pictures_went_through_no_jpeg(name: str) -> None:
    assert estimate(sound_pictures()[name]).quality is None


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (31, 40), (9, 9)])
def test_of_small_pictures_nothing_is_said(size: tuple[int, int]) -> None:
    assert estimate(CLEAN[: size[0], : size[1]]).quality is None


@pytest.mark.parametrize("sigma", [3, 6, 12, 25])
def test_noise_is_measured(sigma: float) -> None:
    assert estimate(noisy(sigma)).noise == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize("name", ["photograph", "grey", "flat", "ramp", "drawing", "gradient", "pixel art of eight"])
def test_sound_pictures_have_no_noise(name: str) -> None:
    assert estimate(sound_pictures()[name]).noise == 0


def test_noise_of_few_patches_is_a_number() -> None:
    assert estimate_noise([noisy(6)[:12, :12]]) >= 0


def test_tables_and_qualities_belong_together() -> None:
    for quality in (5, 25, 50, 75, 90, 98):
        assert quality_of(table_of(quality)) == quality
