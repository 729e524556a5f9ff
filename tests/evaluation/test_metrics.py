"""The metrics: equal to their definitions, to figures known beforehand, and to each other where they must be."""

import math

import numpy as np
import pytest

from nlsr_cli.evaluation import metrics
from nlsr_cli.evaluation.metrics import Score, is_scorable, luma, psnr, score, ssim
from nlsr_cli.images import resize_bicubic
from tests.conftest import ASSETS, pixels


def pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(height + width)
    truth = random.integers(0, 256, (height, width)).astype(float)
    return truth + random.normal(0, 12, truth.shape), truth


@pytest.mark.parametrize(
    ("color", "expected"),
    [((0, 0, 0), 16), ((255, 255, 255), 235), ((255, 0, 0), 81.481), ((0, 255, 0), 144.553), ((0, 0, 255), 40.966)],
)
def test_luma_is_matlabs_and_not_rounded(color: tuple[int, int, int], expected: float) -> None:
    assert luma(np.full((1, 1, 3), color, np.uint8))[0, 0] == pytest.approx(expected)


def test_grey_is_rgb_with_three_equal_channels() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    np.testing.assert_allclose(luma(grey), luma(grey.repeat(3, axis=2)))


def test_psnr_of_a_known_difference() -> None:
    truth = np.full((20, 20), 100.0)
    assert psnr(truth + 1, truth) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(truth, truth) == math.inf


def ssim_by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """Every window on its own, with the weighted moments written out as in the paper."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            brightness = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
            values.append(brightness * (2 * covariance + c2) / (var_a + var_b + c2))
    return float(np.mean(values))


@pytest.mark.parametrize("size", [(11, 11), (11, 30), (24, 17), (40, 40)])
def test_ssim_is_the_definition(size: tuple[int, int]) -> None:
    found, truth = pair(*size)
    assert ssim(found, truth) == pytest.approx(ssim_by_definition(found, truth), abs=1e-9)
    assert ssim(truth, truth) == pytest.approx(1)


def test_ssim_is_the_same_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    found, truth = pair(50, 20)
    whole = ssim(found, truth)
    for rows in (1, 7, 40, 41):
        monkeypatch.setattr(metrics, "_BAND_ROWS", rows)
        assert ssim(found, truth) == pytest.approx(whole, abs=1e-12)


def test_ssim_needs_a_whole_window() -> None:
    with pytest.raises(ValueError, match="smaller than"):
        ssim(*pair(10, 40))


def test_the_border_does_not_count() -> None:
    hr = np.random.default_rng(0).integers(0, 256, (40, 32, 3)).astype(np.uint8)
    sr = hr.copy()
    for border in (sr[:4], sr[-4:], sr[:, :4], sr[:, -4:]):
        border[:] = 0
    assert score(sr, hr, 4) == Score(math.inf, pytest.approx(1), math.inf)
    assert score(sr, hr, 3).psnr < 40
    sr[4, 4] = 0
    assert score(sr, hr, 4).psnr < 60


def test_small_pictures_have_no_ssim_and_smaller_ones_no_score() -> None:
    hr = np.zeros((18, 40, 3), np.uint8)
    assert score(hr, hr, 4) == Score(math.inf, None, math.inf)
    assert score(np.zeros((19, 40, 3), np.uint8), np.zeros((19, 40, 3), np.uint8), 4).ssim == 1
    assert is_scorable(9, 9, 4)
    assert not is_scorable(8, 90, 4)
    with pytest.raises(ValueError, match="leaves nothing"):
        score(hr[:8], hr[:8], 4)
    with pytest.raises(ValueError, match="cannot be compared"):
        score(hr, hr[:, 1:], 4)


def test_a_picture_scores_what_the_plain_formulas_give() -> None:
    hr = pixels(ASSETS / "set5" / "butterfly_corner.png")[:52, :52]
    sr = resize_bicubic(pixels(ASSETS / "set5" / "butterfly_corner_x4.png"), 52, 52)
    found, truth = (16 + (image / 255.0 @ [65.481, 128.553, 24.966])[4:-4, 4:-4] for image in (sr, hr))
    scored = score(sr, hr, 4)
    assert scored.psnr == pytest.approx(20 * math.log10(255) - 10 * math.log10(((found - truth) ** 2).mean()))
    assert scored.ssim == pytest.approx(ssim_by_definition(found, truth))
