"""Draw README's before/after picture from a sample: `python -m tests.comparison`."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nlsr_cli import Upscaler, load_model, read_picture

ASSETS = Path(__file__).parent / "assets"
BOX = (24, 76, 84, 136)  # left, top, right, bottom in the sample's pixels
SCALE, ZOOM, CAPTION = 4, 2, 28


def main() -> None:
    """Write before-after.png: a part of the sample enlarged by bicubic interpolation and by nlsr."""
    sample = read_picture(ASSETS / "colosseum.png")
    nlsr = Image.fromarray(np.asarray(Upscaler(load_model("lite", SCALE)).upscale(sample).picture.color))
    small = Image.open(ASSETS / "colosseum.png")
    bicubic = small.resize(nlsr.size, Image.Resampling.BICUBIC)
    panels = {f"bicubic {SCALE}x": bicubic, f"nlsr {SCALE}x": nlsr}
    box = tuple(side * SCALE for side in BOX)
    side = (BOX[2] - BOX[0]) * SCALE * ZOOM
    canvas = Image.new("RGB", (side * len(panels) + 8 * (len(panels) - 1), side + CAPTION), "white")
    draw = ImageDraw.Draw(canvas)
    for index, (name, panel) in enumerate(panels.items()):
        left = index * (side + 8)
        canvas.paste(panel.crop(box).resize((side, side), Image.Resampling.NEAREST), (left, CAPTION))
        draw.text((left + 4, 4), name, "black", ImageFont.load_default(18))
    canvas.save(ASSETS / "before-after.png", optimize=True)


if __name__ == "__main__":
    main()
