"""`python -m tests.tools.strip`: draw docs/before-after.png, a part of one photograph enlarged in three ways.

The command line makes both enlargements: bicubic interpolation is its `--strength 0`. The pixels as they are stand
beside them. Run it again when the embedded models change.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "assets" / "colosseum.png"
PICTURE = ROOT / "docs" / "before-after.png"
BOX = (26, 78, 82, 134)  # left, top, right, bottom in the sample's pixels
SCALE, ZOOM, GAP, CAPTION = 4, 2, 12, 44
MOST_BYTES = 200_000  # of the picture, which everybody loads who looks at the README


def enlarged(source: Path, folder: Path, name: str, *options: str) -> Image.Image:
    """Return what the command line makes of a file, in float32 on the CPU as on every machine."""
    out = folder / f"{name}.png"
    command = [sys.executable, "-m", "nlsr_cli", "upscale", str(source), "-o", str(out), "--scale", str(SCALE)]
    subprocess.run([*command, "--device", "cpu", "--precision", "fp32", "--quiet", *options], check=True)
    return Image.open(out).convert("RGB")


def strip(panels: Mapping[str, Image.Image]) -> Image.Image:
    """Return the same part of pictures of one size beside each other, each below its name."""
    side = (BOX[2] - BOX[0]) * SCALE * ZOOM
    canvas = Image.new("RGB", (side * len(panels) + GAP * (len(panels) - 1), side + CAPTION), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(28)
    for index, (name, panel) in enumerate(panels.items()):
        part = panel.crop(tuple(edge * SCALE for edge in BOX)).resize((side, side), Image.Resampling.NEAREST)
        canvas.paste(part, (index * (side + GAP), CAPTION))
        draw.text((index * (side + GAP) + 4, 4), name, "black", font)
    return canvas


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture; return 1 where it is larger than a README should load."""
    argparse.ArgumentParser(prog="python -m tests.tools.strip", description=__doc__).parse_args(arguments)
    with Image.open(SAMPLE) as sample, tempfile.TemporaryDirectory() as folder:
        size = tuple(side * SCALE for side in sample.size)
        panels = {
            "input": sample.convert("RGB").resize(size, Image.Resampling.NEAREST),
            f"bicubic, {SCALE}x": enlarged(SAMPLE, Path(folder), "bicubic", "--strength", "0"),
            f"nlsr, {SCALE}x": enlarged(SAMPLE, Path(folder), "nlsr"),
        }
        strip(panels).save(PICTURE, optimize=True)
    written = PICTURE.stat().st_size
    sys.stdout.write(f"{PICTURE}: {written} bytes\n")
    return 0 if written <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
