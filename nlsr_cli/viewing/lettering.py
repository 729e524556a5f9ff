"""Short texts drawn as pixels, with a font that knows their letters.

Pillow brings one font, which knows the letters of English. Where it does not suffice, fonts that systems have are
tried by their file names: on Linux, macOS and Windows Pillow knows where they lie.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nlsr_cli.images import Pixels

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour: TypeAlias = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
_NAMES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "segoeui.ttf"),
    *("NotoSansCJK-Regular.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "msgothic.ttc", "msyh.ttc"),
    *("malgun.ttf", "Arial Unicode.ttf", "NotoSansArabic-Regular.ttf", "NotoSansDevanagari-Regular.ttf"),
)


class Lettering:
    """Draws texts with letters about `height` pixels high."""

    def __init__(self, height: int) -> None:
        self._height = height
        self.line = round(height * 1.4)

    def draw(self, text: str, width: int, ink: Colour) -> tuple[Pixels, bool]:
        """Return a line of text, (line, width, 3) uint8, and whether some of its letters are question marks.

        It stands in the middle; what does not fit is left out of its middle.
        """
        font = max(_fonts(self._height), key=lambda each: sum(_knows(each, letter) for letter in text))
        said = "".join(letter if _knows(font, letter) else "?" for letter in text)
        fitted = _fitted(font, said, width)
        paper = Image.new("RGB", (width, self.line), PAPER)
        pen = ImageDraw.Draw(paper)
        pen.text(((width - font.getlength(fitted)) / 2, self.line * 0.75), fitted, ink, font, anchor="ls")
        return np.asarray(paper), said != text


@cache
def _fonts(height: int) -> tuple[Font, ...]:
    """Return the fonts that there are, that of Pillow first: with it the same names look the same everywhere."""
    found: list[Font] = [ImageFont.load_default(height)]
    for name in _NAMES:
        try:
            found.append(ImageFont.truetype(name, height))
        except OSError:  # the system has none of this name
            continue
    return tuple(found)


@lru_cache(maxsize=4096)
def _knows(font: Font, letter: str) -> bool:
    """Tell whether a font has a letter: all that it lacks it draws as one and the same box."""
    return letter.isprintable() and (letter == " " or _drawn(font, letter) != _drawn(font, "\uffff"))


def _drawn(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _fitted(font: Font, text: str, width: int) -> str:
    kept, fitted = len(text), text
    while font.getlength(fitted) > width and kept > 2:
        kept -= 1
        fitted = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    return fitted
