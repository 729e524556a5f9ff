"""How well a network does on the pictures that it does not learn from, by the metric of `nlsr evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from nlsr_cli.evaluation.evaluate import bicubic_score
from nlsr_cli.evaluation.metrics import luma, mean_score, psnr, score
from nlsr_cli.images import Pixels
from nlsr_cli.nlsn import NLSN
from nlsr_cli.training.memory import within_memory
from nlsr_cli.training.photos import Pair
from nlsr_cli.upscaling.device import Placement

EQUAL = 100.0  # dB, in place of infinity, where a picture comes out equal: means and curves stay numbers


class Stopped(Exception):
    """Somebody wants the run to end; what was begun is not finished."""


def validate(model: NLSN, pairs: Sequence[Pair], placement: Placement, stop: Callable[[], bool]) -> float:
    """Return the mean PSNR in dB on Y, a border of `scale` pixels cut, over whole pictures.

    Raises:
        Stopped: `stop` said so between two pictures.
        TrainingTooLarge: a picture does not fit into the memory of the device.
    """
    found = []
    for pair, sr in zip(pairs, _enlarged(model, pairs, placement), strict=True):
        if stop():
            raise Stopped
        found.append(luma_psnr(sr, pair.hr, model.config.scale))
    return float(np.mean(found))


def luma_psnr(sr: Pixels, hr: Pixels, border: int) -> float:
    """Return the PSNR in dB on Y of (h, w, 3) uint8 without a border; `EQUAL` at most."""
    inside = (slice(border, -border), slice(border, -border))
    return min(EQUAL, psnr(luma(sr[inside]), luma(hr[inside])))


def bicubic_psnr(pairs: Sequence[Pair], scale: int) -> float:
    """Return the mean PSNR in dB of bicubic interpolation, as `nlsr evaluate` has it."""
    return float(np.mean([min(EQUAL, bicubic_score(pair.hr, scale).psnr) for pair in pairs]))


def score_all(model: NLSN, pairs: Sequence[Pair], placement: Placement) -> tuple[float, float | None]:
    """Return the mean PSNR in dB and the mean SSIM, None where no picture is large enough for it."""
    scores = [
        score(sr, pair.hr, model.config.scale)
        for pair, sr in zip(pairs, _enlarged(model, pairs, placement), strict=True)
    ]
    mean = mean_score([replace(each, psnr=min(EQUAL, each.psnr)) for each in scores])
    if mean is None:
        raise ValueError("there are no validation pictures")
    return mean.psnr, mean.ssim


def _enlarged(model: NLSN, pairs: Sequence[Pair], placement: Placement) -> Iterator[Pixels]:
    """Yield every reduction enlarged, as (s h, s w, 3) uint8."""
    for pair in pairs:
        height, width = pair.hr.shape[:2]
        doing = f"enlarging a validation picture to {width}×{height} pixels"
        with (
            within_memory(placement.device, doing, "Give smaller pictures after --validation."),
            placement.context(),
        ):
            lr = torch.from_numpy(pair.lr).to(placement.device).permute(2, 0, 1)[None].float() / 255  # (1, 3, h, w)
            sr = model(lr.contiguous(memory_format=torch.channels_last))[0].float()  # (3, s h, s w)
            pixels = sr.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
        yield np.ascontiguousarray(pixels)
