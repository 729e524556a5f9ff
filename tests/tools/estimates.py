"""`python -m tests.tools.estimates FOLDER`: how well damage is told from pixels, on pictures whose damage is known.

The clean pictures are those of a folder, reduced to half so that what their cameras did to them is gone, and drawn
ones: skies at night, gradients, grain, screens of text. Each row damages all photographs in one way and counts what was
found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlsr_cli.evaluation.degrade import Degradation
from nlsr_cli.images import Estimate, Pixels, estimate, read_picture, reduce_bicubic, rgb8

SIZE = 384  # pixels on a side of what is looked at
ROWS: dict[str, tuple[float | None, float]] = {  # the quality and the noise that are to be found
    "": (None, 0),
    "jpeg:95": (95, 0),
    "jpeg:90": (90, 0),
    "jpeg:75": (75, 0),
    "jpeg:75/444": (75, 0),
    "jpeg:50": (50, 0),
    "jpeg:30": (30, 0),
    "jpeg:15": (15, 0),
    "jpeg:50,jpeg:90": (50, 0),
    "jpeg:40,shift:3,jpeg:85": (40, 0),
    "webp:60": (None, 0),
    "noise:3": (None, 3),
    "noise:6": (None, 6),
    "noise:12": (None, 12),
    "noise:6/poisson": (None, 6),
    "noise:6/chroma": (None, 6),
    "noise:6/grain": (None, 6),
    "noise:6,jpeg:75": (75, 6),
    "noise:12,jpeg:90": (90, 12),
    "noise:12,jpeg:96": (None, 12),
}
NEAR_QUALITY, NEAR_NOISE = 3.0, 0.15  # what counts as found: steps of quality, and the share of the noise


@dataclass
class Row:
    """What was found in pictures of one damage, and what there was."""

    quality: float | None
    noise: float
    found: list[Estimate]

    def __str__(self) -> str:
        qualities = [each.quality for each in self.found]
        noises = [each.noise for each in self.found]
        told = [quality for quality in qualities if quality is not None]
        if self.quality is None:
            right = sum(quality is None for quality in qualities)
        else:
            right = sum(abs(quality - self.quality) <= NEAR_QUALITY for quality in told)
        near = sum(abs(noise - self.noise) <= NEAR_NOISE * self.noise for noise in noises)
        mean = f"{np.mean(told):.0f}" if told else "-"
        return f"| {right} | {mean} | {near} | {np.mean(noises):.1f} ({min(noises):.1f} to {max(noises):.1f}) |"


def photographs(folder: Path, most: int) -> Iterator[Pixels]:
    """Yield pictures of a folder at half their size, cut to the middle, (h, w, 3) uint8."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".webp"))
    for path in paths[:: max(1, len(paths) // most)][:most]:
        pixels = rgb8(read_picture(path).color)
        height, width = (side - side % 2 for side in pixels.shape[:2])
        half = reduce_bicubic(pixels[:height, :width], 2)
        top, left = (max(0, side - SIZE) // 2 for side in half.shape[:2])
        yield half[top : top + SIZE, left : left + SIZE]


def drawn(seed: int) -> Iterator[tuple[str, Pixels]]:
    """Yield pictures that nothing has damaged, with their kinds: (h, w, 3) uint8."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    ends = generator.uniform(0, 255, (3, 3))
    ramp = ends[0] + y[..., None] * (ends[1] - ends[0]) + x[..., None] * (ends[2] - ends[0])
    yield "gradient", np.clip(np.rint(ramp), 0, 255).astype(np.uint8)
    sky = np.array([6, 8, 18]) + 8 * (1 - y[..., None])
    stars = generator.random((SIZE, SIZE)) > 0.999
    sky = sky + stars[..., None] * generator.uniform(40, 240, (SIZE, SIZE, 1))
    yield "night sky", np.clip(np.rint(sky), 0, 255).astype(np.uint8)
    grain = generator.normal(0, 5, (SIZE, SIZE, 1))  # of silver: all colours share it
    yield "film grain", np.clip(np.rint(ramp * 0.6 + 40 + grain), 0, 255).astype(np.uint8)
    screen = np.full((SIZE, SIZE, 3), 246, np.uint8)
    for line in range(20, SIZE - 20, 14):
        for left in range(20, int(generator.integers(150, SIZE - 20)), 7):
            screen[line : line + 9, left : left + 5] = generator.integers(0, 2, (9, 5, 1), np.uint8) * 216 + 30
    screen[:12] = 40, 90, 200
    yield "screen of text", screen


def main() -> None:
    """Print a table of what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=100, help="photographs that are looked at")
    arguments = parser.parse_args()
    clean = list(photographs(arguments.folder, arguments.most))
    write = sys.stdout.write
    write(f"{len(clean)} photographs\n\n| damage | quality right | mean | noise right | mean, smallest, largest |\n")
    write("|---|---:|---:|---:|---|\n")
    for text, (quality, noise) in ROWS.items():
        degradation = Degradation.parse(text)
        found = [
            estimate(degradation.apply(pixels, np.random.default_rng(index)).pixels)
            for index, pixels in enumerate(clean)
        ]
        write(f"| {text or 'none'} {Row(quality, noise, found)}\n")
        sys.stdout.flush()
    kinds: dict[str, list[Estimate]] = {}
    for seed in range(25):
        for kind, pixels in drawn(seed):
            kinds.setdefault(kind, []).append(estimate(pixels))
    for kind, seen in kinds.items():
        write(f"| {kind}, clean {Row(None, 0, seen)}\n")


if __name__ == "__main__":
    main()
