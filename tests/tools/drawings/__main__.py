"""Make pictures of drawings and text: `python -m tests.tools.drawings OUT --count N --seed S`.

Everything comes from chance: the same seed gives the same pixels on one machine with the same typefaces, Pillow and
browser. The kinds take turns. weights/DRAWINGS.md has the typefaces, their licences, and that of the pictures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.tools.drawings import art, charts, icons, interface, maps, scans, texts, web
from tests.tools.drawings.fonts import Faces, find_faces
from tests.tools.drawings.setting import Setting

Scene = Callable[[Setting], Image.Image]
SCENES: dict[str, Scene] = {
    "shapes": art.shapes, "comic": art.comic, "map": maps.streets, "icons": icons.icons, "badges": art.badges,
    "chart": charts.charts, "diagram": charts.diagrams,
    "page": texts.pages, "lettering": texts.lettering, "listing": texts.listings,
    "windows": interface.windows, "table": interface.tables, "desktop": interface.desktops,
    "plan": scans.plans, "sketch": scans.sketches,
}  # fmt: skip
MORE: dict[str, Scene] = {"dither": scans.dithers}  # kinds that have to be asked for: those above take turns as ever
STEP = 12  # sides are multiples of it, so that scales of 2, 3 and 4 leave nothing over
HEIGHTS, WIDTHS = (480, 768), (648, 1020)
# Pixels for each unit: a text of 12 units is 12, 24 or 36 pixels tall. Reduced 4 times, the first is past reading.
ZOOMS = (1, 1, 2, 2, 3)
TRIES = 6


def main(arguments: Sequence[str]) -> int:
    """Write the pictures as PNG, with a line for each; return 2 where something needed is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.drawings", description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="folder for the pictures: a new or an empty one")
    parser.add_argument("--count", type=int, default=200, help="how many pictures [default: 200]")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins [default: 0]")
    parser.add_argument(
        "--fonts", type=Path, default=Path("/usr/share/fonts"), help="folder of typefaces [default: /usr/share/fonts]"
    )
    parser.add_argument("--browser", help="Chromium's command: web pages are one more kind of picture")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="kinds of pictures [default: all but dither]")
    chosen = parser.parse_args(arguments)
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        if any(chosen.out.iterdir()):
            raise FileExistsError(f"{chosen.out} is not empty: name a new folder")
        scenes = scenes_with(chosen.browser)
        if chosen.kinds:
            scenes = {kind: {**scenes, **MORE}[kind] for kind in chosen.kinds}
        for name, image in pictures(chosen.count, chosen.seed, find_faces(chosen.fonts), scenes):
            image.save(chosen.out / f"{name}.png")
            sys.stdout.write(f"{name}.png {image.width}x{image.height}\n")
    except (OSError, subprocess.SubprocessError) as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    return 0


def scenes_with(browser: str | None) -> dict[str, Scene]:
    """Return the scenes, with web pages among them where there is a browser."""
    if browser is None:
        return SCENES

    def browsed(setting: Setting) -> Image.Image:
        return web.screenshot(browser, web.page(setting), setting.height, setting.width, setting.zoom)

    return {**SCENES, "web": browsed}


def pictures(
    count: int, seed: int, faces: Faces, scenes: dict[str, Scene], size: tuple[int, int] | None = None
) -> Iterator[tuple[str, Image.Image]]:
    """Yield names and pictures; the kinds take turns in an order that depends on the seed.

    Args:
        count: how many.
        seed: where chance begins.
        faces: the typefaces there are.
        scenes: the kinds of pictures by name.
        size: (height, width) of all, in place of chance, at one pixel for each unit.
    """
    order = Random(seed).sample(sorted(scenes), len(scenes))
    for index in range(count):
        kind, random = order[index % len(order)], Random(f"{seed} {index}")
        zoom = 1 if size else random.choice(ZOOMS)
        height, width = size or (random.randrange(low, high + 1, STEP) for low, high in (HEIGHTS, WIDTHS))
        if zoom == 1:
            image = scenes[kind](Setting(random, faces, height, width))
        else:
            whole = scenes[kind](Setting(random, faces, HEIGHTS[0], WIDTHS[0], zoom))
            image = fullest(whole, height, width, random)
        yield f"{index:04d}-{kind}", image


def fullest(whole: Image.Image, height: int, width: int, random: Random) -> Image.Image:
    """Return the part with most detail of a few parts chosen by chance."""
    parts = []
    for _ in range(TRIES):
        left, top = random.randint(0, whole.width - width), random.randint(0, whole.height - height)
        parts.append(whole.crop((left, top, left + width, top + height)))
    return max(parts, key=detail)


def detail(image: Image.Image) -> float:
    """Return the mean difference of neighbouring pixels, in grey levels."""
    return float(np.abs(np.diff(np.asarray(image.convert("L"), np.float32), axis=1)).mean())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
