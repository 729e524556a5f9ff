"""`python -m tests.tools.sheet --validation DIR --drawings DIR --former MODEL`: draw docs/contact-sheet.png.

Four pictures that were reduced 4 times and damaged, each as it came, enlarged bicubically, by a former model and by the
embedded one, and as it truly is. The command line enlarges them, damage is estimated. Look at it when models change:
no worms, no edges of blocks, no bright seams.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nlsr_cli.evaluation.degrade import Degradation
from nlsr_cli.images import Pixels, crop_to_multiple, read_picture, reduce_bicubic, rgb8
from tests.tools.strip import ROOT, SCALE, enlarged

SHEET = ROOT / "docs" / "contact-sheet.png"
SIDE, ZOOM, GAP, CAPTION = 36, 2, 8, 30  # SIDE in pixels of the input


@dataclass(frozen=True)
class Row:
    """One picture: the file, what happens to it, and the left and top of the part that is shown, in the input."""

    name: str
    folder: str
    file: str
    damage: str
    left: int
    top: int


ROWS = (
    Row("JPEG, quality 60", "validation", "val_11.webp", "jpeg:60", 60, 30),
    Row("night, noise 10", "validation", "val_16.webp", "noise:10", 60, 50),
    Row("drawing", "drawings", "0003-comic.png", "", 60, 40),
    Row("lettering", "drawings", "0011-lettering.png", "", 20, 20),
)


def damaged(truth: Pixels, damage: str) -> Pixels:
    """Return the reduced picture, damaged as `nlsr evaluate --degrade` does it."""
    lr = reduce_bicubic(truth, SCALE)
    if not damage:
        return lr
    return Degradation.parse(damage).draw(np.random.default_rng(0)).apply(lr, np.random.default_rng(0)).pixels


def panels(folder: Path, row: Row, file: Path, former: str) -> dict[str, Image.Image]:
    """Return the whole picture in five ways, by name, all of the size of the truth."""
    truth = np.ascontiguousarray(crop_to_multiple(rgb8(read_picture(file).color), SCALE))
    source = folder / "input.png"
    lr = Image.fromarray(damaged(truth, row.damage))
    lr.save(source)
    return {
        "input": lr.resize((truth.shape[1], truth.shape[0]), Image.Resampling.NEAREST),
        "bicubic": enlarged(source, folder, "bicubic", "--strength", "0"),
        "nlsr, 2026-11-24": enlarged(source, folder, "former", "--model", former),
        "nlsr": enlarged(source, folder, "now"),
        "truth": Image.fromarray(truth),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.sheet", description=__doc__)
    for name in ("validation", "drawings", "former"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args(arguments)
    side = SIDE * SCALE * ZOOM
    sheet = Image.new("RGB", (5 * (side + GAP) - GAP, len(ROWS) * (side + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for line, row in enumerate(ROWS):
        with tempfile.TemporaryDirectory() as folder:
            found = panels(Path(folder), row, Path(getattr(asked, row.folder), row.file), asked.former)
            for column, (name, panel) in enumerate(found.items()):
                left, top = row.left * SCALE, row.top * SCALE
                part = panel.crop((left, top, left + SIDE * SCALE, top + SIDE * SCALE))
                place = column * (side + GAP), line * (side + CAPTION)
                sheet.paste(part.resize((side, side), Image.Resampling.NEAREST), (place[0], place[1] + CAPTION))
                draw.text((place[0] + 4, place[1] + 4), row.name if name == "input" else name, "black", font)
    sheet.save(SHEET, optimize=True)
    sys.stdout.write(f"{SHEET}: {SHEET.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
