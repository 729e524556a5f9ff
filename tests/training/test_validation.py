"""Validation measures what `nlsr evaluate` measures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nlsr_cli.errors import TrainingTooLarge
from nlsr_cli.evaluation import Pair, evaluate_pictures
from nlsr_cli.images import Metadata, Picture, Pixels
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.training.data import Data
from nlsr_cli.training.validation import EQUAL, Stopped, bicubic_psnr, luma_psnr, score_all, validate
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.enlarger import Enlarger
from tests.training.photographs import tiny_data

CPU = Placement(torch.device("cpu"), "fp32")


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return tiny_data(tmp_path)


def test_figures_are_those_of_evaluate(data: Data, tiny_network: Callable[..., NLSN]) -> None:
    """A run that chose its best by another metric than people compare by would choose another model."""
    model = tiny_network()
    enlarger = Enlarger(model, compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(0), floor=0)

    def enlarge(pixels: Pixels) -> Pixels:
        return enlarger.upscale(Picture(pixels, None, Metadata("PNG", "RGB"))).picture.color

    pictures = [*data.training[2], *data.validation[2]]
    scores = list(evaluate_pictures(enlarge, [Pair("a", pair.hr) for pair in pictures], 2))
    for name in ("score", "bicubic"):
        assert all(getattr(each, name) is not None for each in scores)
    psnr = np.mean([each.score.psnr for each in scores if each.score])
    ssim = np.mean([each.score.ssim for each in scores if each.score and each.score.ssim])
    assert validate(model, pictures, CPU, lambda: False) == pytest.approx(psnr, abs=1e-6)
    assert score_all(model, pictures, CPU) == (pytest.approx(psnr, abs=1e-6), pytest.approx(ssim, abs=1e-6))
    bicubic = np.mean([each.bicubic.psnr for each in scores if each.bicubic])
    assert bicubic_psnr(pictures, 2) == pytest.approx(bicubic)


def test_an_equal_picture_has_a_number() -> None:
    """Infinity would spoil means, the curve and JSON."""
    flat = np.full((20, 20, 3), 7, np.uint8)
    assert luma_psnr(flat, flat, 2) == EQUAL
    assert luma_psnr(flat, flat + 1, 2) < EQUAL


def test_small_pictures_have_no_ssim(data: Data, tiny_network: Callable[..., NLSN]) -> None:
    small = type(data.training[2][0])(data.training[2][0].hr[:12, :12], data.training[2][0].lr[:6, :6])
    psnr, ssim = score_all(tiny_network(), [small], CPU)
    assert psnr > 0
    assert ssim is None


def test_stopping_and_running_out_of_memory(
    data: Data, tiny_network: Callable[..., NLSN], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_network()
    with pytest.raises(Stopped):
        validate(model, data.validation[2], CPU, lambda: True)

    def fail(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(model, "forward", fail)
    with pytest.raises(TrainingTooLarge, match="enlarging a validation picture to 64×72 pixels") as caught:
        validate(model, data.validation[2], CPU, lambda: False)
    assert "--validation" in caught.value.hint
