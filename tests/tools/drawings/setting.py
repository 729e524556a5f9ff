"""What a scene is drawn from: chance, typefaces, a size and a palette."""

from __future__ import annotations

from collections.abc import Iterator
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from random import Random

from tests.tools.drawings.canvas import Canvas, Colour
from tests.tools.drawings.fonts import Face, Faces
from tests.tools.drawings.words import Words


@dataclass(frozen=True)
class Palette:
    """Colours that go together: `ink` is legible on `paper`, and `faint` lies between them."""

    paper: Colour
    ink: Colour
    faint: Colour
    accents: tuple[Colour, ...]


@dataclass(frozen=True)
class Setting:
    """Everything that a scene may use; the same setting gives the same picture, of `zoom` pixels for each unit."""

    random: Random
    faces: Faces
    height: int
    width: int
    zoom: int = 1

    def canvas(self, background: Colour, **options: object) -> Canvas:
        """Return an empty canvas of the size."""
        return Canvas(self.height, self.width, background, zoom=self.zoom, **options)

    def face(self, *kinds: str, script: str = "Latin") -> Face:
        """Choose a typeface."""
        return self.faces.choose(self.random, *kinds, script=script)

    def words(self) -> tuple[Words, str]:
        """Return words and their script: Latin twice as often as the others together."""
        scripts = self.faces.scripts()
        script = self.random.choice([*scripts, *["Latin"] * 4])
        return Words(self.random, script), script

    def between(self, low: float, high: float) -> float:
        """Return a number between two."""
        return self.random.uniform(low, high)

    def palette(self, *, dark: bool | None = None) -> Palette:
        """Return a palette of one to three hues, dark or light."""
        r = self.random
        dark = r.random() < 0.3 if dark is None else dark
        hue, spread = r.random(), r.choice((0.08, 0.33, 0.5, 0.21))
        tint = r.choice((0, 0, 0.04, 0.12, 0.3))
        light, deep = colour(hue, tint, r.uniform(0.9, 1)), colour(hue, r.uniform(0, 0.7), r.uniform(0, 0.25))
        if r.random() < 0.25:
            light, deep = (255, 255, 255), (0, 0, 0)
        paper, ink = (deep, light) if dark else (light, deep)
        accents = tuple(
            colour(hue + spread * k + r.uniform(-0.03, 0.03), r.uniform(0.35, 1), r.uniform(0.45, 1)) for k in range(6)
        )
        return Palette(paper, ink, blend(paper, ink, r.uniform(0.15, 0.4)), accents)

    def columns(self, text: str, face: Face, size: float, width: float) -> Iterator[str]:
        """Break a text into lines no wider than `width`."""
        line = ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and face.width(longer, size) > width:
                yield line
                longer = word
            line = longer
        yield line


def colour(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour by hue (once around from 0 to 1), saturation and value."""
    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour at a share of the way from one to another."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def legible(background: Colour) -> Colour:
    """Return black or white, whichever stands out more."""
    red, green, blue = background
    return (0, 0, 0) if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else (255, 255, 255)
