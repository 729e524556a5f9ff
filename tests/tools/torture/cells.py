"""The pictures of the matrix: formats x modes x depths x profiles x what they carry. A new one is one line in a table.

Every file is made byte by byte, or by Pillow where a codec is needed, and its true pixels are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.tools.torture.carried import CARRIED, PNG_COLOURS, PROFILES
from tests.tools.torture.modes import MODES, Mode
from tests.tools.torture.writers import WRITERS

_GREY = ["1", "L2", "L4", "L", "L+tRNS", "LA", "I;16", "I;16+tRNS", "LA;16"]
_RGB = ["P", "P4", "P+tRNS", "RGB", "RGB+tRNS", "RGBA", "RGB;16", "RGB;16+tRNS", "RGBA;16"]
_TIFF = ["1", "L4", "L", "L inverted", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16 inverted"]
FORMATS: dict[str, list[str]] = {
    "PNG": [*_GREY, *_RGB],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "WEBP lossless": ["RGB", "RGBA"],
    "TIFF": [*_TIFF, "LA;16", "RGB;16", "RGBA;16", "CMYK;16", "F", "RGB;F", "RGBA;F"],
    "TIFF big-endian": ["L", "RGB", "RGBA", "CMYK", "I;16", "RGB;16", "RGBA;16", "F", "RGB;F"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "AVIF": ["L", "RGB", "RGBA"],
    "GIF": ["L", "P", "P+tRNS"],
    "GIF animated": ["P", "P+tRNS"],
    "APNG": ["RGB", "RGBA"],
    "WEBP animated": ["RGB", "RGBA"],
}
LOADS = ("bare", "loaded", "turned")  # without metadata, with all that the format holds, with orientation 6 as well


@dataclass(frozen=True)
class Cell:
    """One file of the matrix."""

    format: str
    mode: str
    profile: str
    load: str
    data: bytes

    @property
    def name(self) -> str:
        """Return a name for the file that says what it is."""
        parts = "-".join((self.format, self.mode, self.profile, self.load))
        return "".join(c if c.isalnum() else "_" for c in parts) + ENDINGS[self.format.split()[0]]

    def __str__(self) -> str:
        return f"{self.format} {self.mode}, profile {self.profile}, {self.load}"


ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "AVIF": ".avif"}
ENDINGS |= {"GIF": ".gif", "APNG": ".png"}


def cells(every: int = 1) -> Iterator[Cell]:
    """Yield the files of the matrix; with `every` above 1 only each so-manieth, a sample that reaches all formats."""
    number = 0
    for format_, modes in FORMATS.items():
        for mode in modes:
            for profile, load in _variants(format_, MODES[mode]):
                number += 1
                if number % every == 0:
                    data = WRITERS[format_.split()[0]](format_, MODES[mode], profile, load)
                    yield Cell(format_, mode, profile, load, data)


def _variants(format_: str, mode: Mode) -> Iterator[tuple[str, str]]:
    yield from (("none", load) for load in LOADS if load == "bare" or CARRIED[format_.split(maxsplit=1)[0]])
    if format_.split(maxsplit=1)[0] in ("BMP", "GIF"):
        return
    kind = "rgb" if mode.kind == "ycbcr" else mode.kind
    yield from ((name, "loaded") for name, (kinds, _) in PROFILES.items() if kind in kinds)
    if format_ == "PNG":
        yield from ((name, "loaded") for name, (kinds, _) in PNG_COLOURS.items() if mode.kind in kinds)
    if format_ == "JPEG" and mode.kind == "rgb":
        yield "Adobe RGB by EXIF", "loaded"
