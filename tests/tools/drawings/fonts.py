"""The typefaces that the drawings use: free ones, by the names of their files, as weights/DRAWINGS.md lists them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from PIL import ImageFont

# The stems of files by kind; whatever else is installed is not used, because its licence is not known.
FILES = {
    "sans": (
        "DejaVuSans", "DejaVuSans-Bold", "LiberationSans-Regular", "LiberationSans-Bold", "LiberationSans-Italic",
        "Lato-Regular", "Lato-Light", "Lato-Bold", "OpenSans-Regular", "OpenSans-Semibold", "OpenSans-CondBold",
        "Carlito-Regular", "Carlito-Bold", "Inter-Regular", "Inter-SemiBold", "Inter-Light", "LinBiolinum_R",
    ),
    "serif": (
        "DejaVuSerif", "DejaVuSerif-Bold", "LiberationSerif-Regular", "LiberationSerif-Bold", "LiberationSerif-Italic",
        "EBGaramond12-Regular", "EBGaramond12-Italic", "LinLibertine_R", "LinLibertine_RB", "LinLibertine_RI",
        "RobotoSlab-Regular", "RobotoSlab-Bold",
    ),
    "mono": (
        "DejaVuSansMono", "DejaVuSansMono-Bold", "LiberationMono-Regular", "LiberationMono-Bold", "Hack-Regular",
        "FiraCode-Regular", "FiraCode-Medium",
    ),
    "hand": ("ComicNeue-Regular", "ComicNeue-Bold", "ComicNeue-BoldItalic"),
}  # fmt: skip
PROBES = {"Latin": "ágß", "Greek": "Ωψ", "Cyrillic": "Жя"}


@dataclass(frozen=True)
class Face:
    """A typeface; without a path it is Aileron as Pillow carries it, which has few letters and is there for tests."""

    kind: str
    path: Path | None = None

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font at a size in pixels."""
        return _font(self.path, max(size, 4))

    def covers(self, script: str) -> bool:
        """Say whether it has the letters of a script."""
        return _covers(self.path, script)

    def width(self, text: str, size: float) -> float:
        """Return how many pixels wide a line of text is."""
        return self.at(64).getlength(text) * size / 64


AILERON = Face("sans")


@dataclass(frozen=True)
class Faces:
    """The typefaces there are."""

    all: tuple[Face, ...] = (AILERON,)

    def choose(self, random: Random, *kinds: str, script: str = "Latin") -> Face:
        """Return a typeface of one of the kinds that covers a script, or of any kind where there is none."""
        able = [face for face in self.all if face.covers(script)]
        return random.choice([face for face in able if face.kind in kinds] or able or list(self.all))

    def scripts(self) -> list[str]:
        """Return the scripts that at least one typeface covers."""
        return [script for script in PROBES if any(face.covers(script) for face in self.all)]


def find_faces(folder: Path) -> Faces:
    """Return the known typefaces below a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    there = {path.stem: path for path in sorted(folder.rglob("*.[ot]tf"))}
    found = [Face(kind, there[stem]) for kind, stems in FILES.items() for stem in stems if stem in there]
    if not found:
        raise FileNotFoundError(f"{folder} has none of the typefaces that weights/DRAWINGS.md lists")
    return Faces(tuple(found))


@lru_cache(maxsize=512)
def _font(path: Path | None, size: int) -> ImageFont.FreeTypeFont:
    if path is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def _covers(path: Path | None, script: str) -> bool:
    font = _font(path, 32)
    missing = bytes(font.getmask("\U0010fffe"))
    return all(bytes(font.getmask(letter)) not in (missing, b"") for letter in PROBES[script])
