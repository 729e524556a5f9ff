"""Scoring pictures by the protocol of the field: one result per picture, whatever happens to the others.

The protocol: the low resolution is the truth's bicubic reduction, as MATLAB computes it; outputs are 8-bit RGB; their Y
of BT.601 YCbCr, as MATLAB computes it, is compared without a border of `scale` pixels. Bicubic interpolation is scored
beside it in the way that gave the figures which papers print for it: see `bicubic_score`. Where the low resolution is
damaged on purpose, bicubic interpolation is given the same damaged pixels.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nlsr_cli.batch.outcome import as_ours
from nlsr_cli.batch.passed import PassedOver
from nlsr_cli.errors import ExitCode, ImageReadError, NlsrError
from nlsr_cli.evaluation.degrade import Degradation, Degraded
from nlsr_cli.evaluation.metrics import WINDOW, Score, is_scorable, luma, mean_score, score, score_luma
from nlsr_cli.evaluation.pairs import Pair
from nlsr_cli.images import Pixels, crop_to_multiple, read_picture, reduce_bicubic, resize_bicubic, rgb8
from nlsr_cli.options import DEFAULT_MAX_PIXELS, SCALES

# (h, w, 3) uint8 RGB -> (s h, s w, 3) uint8 RGB; with an oracle, (compression, noise) from 0 to 1 come second.
Enlarge = Callable[..., Pixels]


@dataclass(frozen=True)
class PictureScore:
    """What came of one picture. `size` is the output's (height, width); `seconds` are those of enlarging alone."""

    name: str
    size: tuple[int, int] | None = None
    score: Score | None = None
    bicubic: Score | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: NlsrError | None = None

    @property
    def gain(self) -> float | None:
        """Return by how many dB the PSNR is above that of bicubic interpolation; None where one of them is missing."""
        if self.score is None or self.bicubic is None:
            return None
        return 0.0 if self.score.psnr == self.bicubic.psnr else self.score.psnr - self.bicubic.psnr

    @property
    def seconds_per_megapixel(self) -> float | None:
        """Return the seconds of enlarging per million pixels of output; None where nothing was timed."""
        return self.seconds / self.megapixels if self.seconds else None

    @property
    def megapixels(self) -> float:
        """Return the millions of pixels that were computed."""
        return self.size[0] * self.size[1] / 1e6 if self.size else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return plain values for one line of `--json`; a PSNR that is infinite is null, and `identical` true."""
        error = self.error
        return {
            "name": self.name,
            "status": "failed" if error else "done",
            "size": self.size and {"height": self.size[0], "width": self.size[1]},
            **_plain(self.score),
            "identical": self.score is not None and self.score.psnr == float("inf"),
            "bicubic": self.bicubic and _plain(self.bicubic),
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "error": error and {"type": type(error).__name__, "message": error.message, "hint": error.hint},
        }


_SETTINGS = ("model", "device", "precision", "ensemble", "tile", "overlap", "degrade", "oracle")  # in every summary


@dataclass
class Summary:
    """All results of one evaluation, their means, and the exit code that follows.

    `planned` counts the pictures that there were; `settings` are shown with the means; `passed` is what was not taken.
    """

    planned: int
    scale: int
    settings: dict[str, Any] = field(default_factory=dict)
    pictures: list[PictureScore] = field(default_factory=list)
    interrupted: bool = False
    passed: PassedOver | None = None

    @property
    def done(self) -> list[PictureScore]:
        """Return the results that have scores."""
        return [picture for picture in self.pictures if picture.score is not None]

    @property
    def mean(self) -> Score | None:
        """Return the mean over pictures, as papers print it; None where there is not one."""
        return mean_score([picture.score for picture in self.done if picture.score is not None])

    @property
    def worst(self) -> PictureScore | None:
        """Return the result with the smallest gain over bicubic interpolation; None where nothing was compared."""
        compared = [picture for picture in self.done if picture.gain is not None]
        return min(compared, key=lambda picture: picture.gain or 0.0, default=None)

    @property
    def mean_bicubic(self) -> Score | None:
        """Return the mean of bicubic enlargement; None where it was not asked for."""
        return mean_score([picture.bicubic for picture in self.done if picture.bicubic is not None])

    @property
    def seconds_per_megapixel(self) -> float | None:
        """Return the seconds of enlarging per million pixels of output; None where nothing was timed."""
        megapixels = sum(picture.megapixels for picture in self.done if picture.seconds)
        return sum(picture.seconds for picture in self.done) / megapixels if megapixels else None

    @property
    def protocol(self) -> str:
        """Return in one sentence how was measured."""
        bicubic = "of the same damaged pixels" if self.settings.get("degrade") else "as papers print it"
        return (
            "PSNR and SSIM of 8-bit outputs, on the Y of BT.601 YCbCr as MATLAB computes it, "
            f"without a border of {self.scale} pixels; bicubic {bicubic}; time per megapixel of output"
        )

    @property
    def exit_code(self) -> ExitCode:
        """0 all scored, 1 none, 3 some failed, 130 interrupted."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if len(self.done) == len(self.pictures):
            return ExitCode.OK
        return ExitCode.PARTIAL if self.done else ExitCode.ERROR

    def as_json(self) -> dict[str, Any]:
        """Return the sum as plain values, for the last line of `--json`."""
        rate = self.seconds_per_megapixel
        return {
            "summary": {
                **dict.fromkeys(_SETTINGS),
                **self.settings,
                "scale": self.scale,
                "protocol": self.protocol,
                **_plain(self.mean),
                "bicubic": self.mean_bicubic and _plain(self.mean_bicubic),
                "worst": self.worst and {"name": self.worst.name, "gain": round(self.worst.gain or 0.0, 4)},
                "seconds_per_output_megapixel": rate and round(rate, 3),
                "done": len(self.done),
                "failed": len(self.pictures) - len(self.done),
                "interrupted": self.interrupted,
                "exit_code": int(self.exit_code),
                "passed_over": self.passed and self.passed.as_json(),
            }
        }


def _plain(score: Score | None) -> dict[str, float | None]:
    """Return a score as JSON knows it, which has no infinity."""
    if score is None:
        return {"psnr": None, "ssim": None, "psnr_rgb": None}
    psnr, colours = (
        None if value is None or value == float("inf") else round(value, 4) for value in (score.psnr, score.rgb)
    )
    return {"psnr": psnr, "ssim": None if score.ssim is None else round(score.ssim, 6), "psnr_rgb": colours}


def evaluate_pictures(
    enlarge: Enlarge | None,
    pairs: Iterable[Pair],
    scale: int,
    *,
    baseline: bool = True,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    degradation: Degradation | None = None,
    oracle: bool = False,
) -> Iterator[PictureScore]:
    """Enlarge the low resolution of every pair, compare it with the truth, and yield the results one by one.

    What is wrong with one picture is in its result (`error`) and does not stop the others. The truth is cropped to
    multiples of `scale`; grey is repeated into RGB, and what is deeper than 8 bit is rounded.

    Args:
        enlarge: (h, w, 3) uint8 RGB -> (s h, s w, 3) uint8 RGB; None scores bicubic interpolation in its place.
        pairs: the pictures.
        scale: how many times `enlarge` enlarges.
        baseline: whether bicubic enlargement is scored too.
        max_pixels: the largest file that is read, in pixels.
        degradation: what the low resolution goes through first; the draws depend on the name of the picture alone.
        oracle: whether `enlarge` gets what a network is told of the damage, (compression, noise), as a second argument.
    """
    for pair in pairs:
        try:
            result = _evaluate(enlarge, pair, scale, baseline, max_pixels, degradation, oracle=oracle)
        except Exception as exc:  # noqa: BLE001 - a bug met by one picture must not lose the rest of the folder
            result = PictureScore(pair.name, error=as_ours(exc, Path(pair.name)))
        yield result


def bicubic_score(hr: Pixels, scale: int) -> Score:
    """Return the score of bicubic interpolation, as papers print it: (h, w, 3) uint8, multiples of `scale` on a side.

    After C. Dong et al., "Image Super-Resolution Using Deep Convolutional Networks" (TPAMI 2016), whose code the field
    took over: the rounded Y alone is reduced and enlarged, nothing is rounded in between, and what comes out is.
    """
    height, width = hr.shape[:2]
    truth = np.floor(luma(hr) + 0.5)  # (h, w)
    reduced = resize_bicubic(truth.astype(np.float32)[:, :, None], height // scale, width // scale)
    found = np.floor(np.clip(resize_bicubic(reduced, height, width), 0, 255)[:, :, 0].astype(np.float64) + 0.5)
    return score_luma(found, truth, scale)


def _evaluate(
    enlarge: Enlarge | None,
    pair: Pair,
    scale: int,
    baseline: bool,
    max_pixels: int,
    degradation: Degradation | None,
    *,
    oracle: bool,
) -> PictureScore:
    if pair.error is not None:
        raise pair.error
    hr, damaged, notes = _load(pair, scale, max_pixels, degradation)
    lr = damaged.pixels

    def interpolated() -> Score:
        if degradation is None:
            return bicubic_score(hr, scale)
        return score(np.clip(np.rint(resize_bicubic(lr, *hr.shape[:2])), 0, 255).astype(np.uint8), hr, scale)

    start = time.perf_counter()
    truth = ((damaged.compression, damaged.noise),) if oracle else ()
    sr = None if enlarge is None else enlarge(lr, *truth)
    seconds = 0.0 if sr is None else time.perf_counter() - start
    scored = interpolated() if sr is None else score(sr, hr, scale)
    if scored.ssim is None:
        notes.append(f"Fewer than {WINDOW}×{WINDOW} pixels, SSIM's window, lie inside the border: there is no SSIM.")
    bicubic = interpolated() if baseline else None
    return PictureScore(pair.name, (hr.shape[0], hr.shape[1]), scored, bicubic, seconds, tuple(dict.fromkeys(notes)))


def _load(
    pair: Pair, scale: int, max_pixels: int, degradation: Degradation | None
) -> tuple[Pixels, Degraded, list[str]]:
    """Return the truth, cropped, and the low resolution, both (h, w, 3) uint8, and what was changed in reading."""
    label = pair.hr if isinstance(pair.hr, Path) else pair.name
    truth, notes = _pixels(pair.hr, max_pixels)
    hr = crop_to_multiple(truth, scale)
    if not is_scorable(hr.shape[0], hr.shape[1], scale):
        size = f"{truth.shape[1]}×{truth.shape[0]}"
        raise ImageReadError(label, f"{size} pixels are too few at {scale}x: the border of {scale} leaves nothing")
    generator = np.random.default_rng(zlib.crc32(pair.name.encode()))
    if pair.lr is None:
        lr = reduce_bicubic(hr, scale) if degradation is None else degradation.reduce(hr, scale, generator)
    else:
        lr, more = _pixels(pair.lr, max_pixels)
        _check_sizes(label, hr, lr, scale)
        notes += more
    return hr, Degraded(lr, 0.0, 0.0) if degradation is None else degradation.apply(lr, generator), notes


def _check_sizes(label: Path | str, hr: Pixels, lr: Pixels, scale: int) -> None:
    """Raise unless `hr` has `scale` times the size of `lr`."""
    (height, width), (low_height, low_width) = hr.shape[:2], lr.shape[:2]
    if (height, width) == (low_height * scale, low_width * scale):
        return
    reason = f"{width}×{height} is not {scale} times its low resolution of {low_width}×{low_height}"
    other = next((other for other in SCALES if (height // low_height, width // low_width) == (other, other)), scale)
    raise ImageReadError(label, reason, f"It seems to be reduced {other}x." if other != scale else "")


def _pixels(source: Path | Pixels, max_pixels: int) -> tuple[Pixels, list[str]]:
    """Return (h, w, 3) uint8 RGB, and one sentence for each thing that was converted or left out."""
    notes: list[str] = []
    if isinstance(source, Path):
        picture = read_picture(source, max_pixels=max_pixels)
        notes += picture.notes
        notes += [] if picture.alpha is None else ["The alpha channel is not compared."]
        source = picture.color
    if source.dtype == np.uint16:
        notes.append("16-bit samples are rounded to 8 bits.")
    elif source.dtype == np.float32:
        notes.append("Floating point is clipped to 0 to 1 and rounded to 8 bits.")
    return rgb8(source), notes
