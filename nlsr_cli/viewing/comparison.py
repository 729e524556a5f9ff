"""A picture before and after: what is laid side by side, how near each comes, and where they differ most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlsr_cli.errors import NotComparable
from nlsr_cli.evaluation.metrics import Score, is_scorable, score
from nlsr_cli.images import Pixels, resize_bicubic
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import DEFAULT_FLOOR
from nlsr_cli.upscaling.checks import Agreement, agreement
from nlsr_cli.viewing.differences import Place, largest_differences
from nlsr_cli.viewing.shown import Shown, read_shown

# dB of agreement. Enlargements of any kind reach 20 and more. Below that, one that is no nearer than a plain area of
# the source's mean colour shows nothing of it. Of 22,348 pairs of different photographs, 23 pass both.
LEAST, CERTAIN = DEFAULT_FLOOR, 30.0


@dataclass(frozen=True, eq=False)
class Layer:
    """One of the pictures that are laid over each other: `kind` is source, bicubic, result or truth.

    `pixels` are (h, w, 3) uint8 sRGB, of the size of the results unless it is the source. `agreement` is with the
    source, after reduction; `score` is against the truth, where there is one and the picture is large enough.
    """

    kind: str
    path: Path | None
    pixels: Pixels
    agreement: Agreement | None = None
    score: Score | None = None

    @property
    def name(self) -> str:
        """Return what it is called."""
        return "bicubic" if self.path is None else self.path.name

    def as_json(self) -> dict[str, Any]:
        """Return its figures as plain values; a PSNR that is infinite is null, and `identical` true."""
        found, agreed = self.score, self.agreement
        return {
            "agreement_db": agreed and {"all": agreed.psnr, "worst": agreed.worst},
            "psnr": None if found is None else _finite(found.psnr),
            "ssim": None if found is None or found.ssim is None else round(found.ssim, 6),
            "psnr_rgb": None if found is None or found.rgb is None else _finite(found.rgb),
            "identical": found is not None and found.rgb == math.inf,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that a page shows. `results` are of one size; `places` are boxes in it, the largest difference first.

    They show how the first result differs from the truth, or where there is none from bicubic interpolation. `notes`
    holds a sentence for each thing that is not shown as it is in its file.
    """

    source: Layer
    bicubic: Layer
    results: tuple[Layer, ...]
    truth: Layer | None
    places: tuple[Place, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) of the results."""
        height, width = self.results[0].pixels.shape[:2]
        return height, width

    @property
    def scale(self) -> float:
        """Return how many times as long as the source's the sides are."""
        return math.sqrt(math.prod(self.size) / math.prod(self.source.pixels.shape[:2]))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return all pictures, in the order in which they are offered."""
        return (self.source, self.bicubic, *self.results, *(() if self.truth is None else (self.truth,)))

    def as_json(self) -> dict[str, Any]:
        """Return what was found as plain values, for `--json`."""
        height, width = self.size
        return {
            "source": str(self.source.path),
            "truth": self.truth and str(self.truth.path),
            "size": {"height": height, "width": width},
            "bicubic": self.bicubic.as_json(),
            "results": [{"result": str(each.path), **each.as_json()} for each in self.results],
            "differences": [place._asdict() for place in self.places],
            "notes": list(self.notes),
        }


def compare(
    decoder: Decoder, source: Path, results: Sequence[Path], *, truth: Path | None = None, max_pixels: int
) -> Comparison:
    """Read a picture, what was made of it, and what it truly is, and compare them.

    Args:
        decoder: reads the files.
        source: the picture as it was.
        results: at least one enlargement of it.
        truth: the picture as it should be, of the results' size.
        max_pixels: refuse files with more.

    Raises:
        ImageReadError: one cannot be read, or has too many pixels.
        NotComparable: a result is not of the source's scene or shape, or sizes differ that must not.
    """
    before = read_shown(decoder, source, max_pixels)
    after = [read_shown(decoder, path, max_pixels) for path in results]
    true = [] if truth is None else [read_shown(decoder, truth, max_pixels)]
    first, others = after[0], (*after[1:], *true)
    for each in others:
        check_size(each, first)
    agreed = [check_scene(before, each) for each in (first, *others)]
    smooth = resize_bicubic(before.pixels, *first.size)
    scores = [_score(pixels, first, before, true) for pixels in (smooth, *(each.pixels for each in after))]
    layers = [
        Layer("result", each.path, each.pixels, found, scored)
        for each, found, scored in zip(after, agreed, scores[1:], strict=False)  # the truth has no score
    ]
    return Comparison(
        Layer("source", before.path, before.pixels),
        Layer("bicubic", None, smooth, agreement(before.pixels, smooth), scores[0]),
        tuple(layers),
        Layer("truth", true[0].path, true[0].pixels, agreed[-1]) if true else None,
        largest_differences(first.pixels, true[0].pixels if true else smooth),
        tuple(dict.fromkeys(f"{each.path.name}: {note}" for each in (before, first, *others) for note in each.notes)),
    )


def _score(pixels: Pixels, first: Shown, source: Shown, truth: Sequence[Shown]) -> Score | None:
    """Return the score of a picture against the truth, without a border as wide as the scale; None if it has none."""
    border = max(1, round(first.size[0] / source.size[0]))
    return score(pixels, truth[0].pixels, border) if truth and is_scorable(*first.size, border) else None


def check_size(picture: Shown, first: Shown) -> None:
    """Refuse a picture that is not of the first result's size.

    Raises:
        NotComparable: it is not.
    """
    if picture.size != first.size:
        raise NotComparable(
            picture.path,
            f"has {_text(picture.size)} pixels, but {first.path.name} has {_text(first.size)}",
            "Compare results of one size, or make a page for each.",
        )


def check_scene(source: Shown, result: Shown) -> Agreement:
    """Return how well a result agrees with its source.

    Raises:
        NotComparable: it has another shape, or shows something else.
    """
    (height, width), (tall, wide) = source.size, result.size
    if abs(tall / height - wide / width) > 1 / height + 1 / width:
        turned = abs(wide / height - tall / width) <= 1 / height + 1 / width
        raise NotComparable(
            result.path,
            f"has another shape than {source.path.name}: {_text(result.size)} is not an enlargement of "
            f"{_text(source.size)}",
            "One of them seems to be turned by 90 degrees: turn it back." if turned else "Crop one of them first.",
        )
    found = agreement(source.pixels, result.pixels)
    if found.psnr >= CERTAIN:
        return found
    plain = np.broadcast_to(source.pixels.mean(axis=(0, 1)).round().astype(np.uint8), source.pixels.shape)
    if found.psnr < LEAST or found.psnr <= agreement(source.pixels, plain).psnr:
        raise NotComparable(
            result.path,
            f"does not show what {source.path.name} shows: reduced again, it agrees to {found.psnr:.1f} dB",
            "Name the picture first that the others were made of.",
        )
    return found


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
