"""How large a picture is to become: what may be asked, and the size that follows for each picture. Pure arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from math import floor, isfinite, sqrt

from nlsr_cli.errors import OptionError, UnknownChoice

MAX_SCALE = 16
FITS = ("contain", "cover", "stretch")
_LONGEST = 10**7  # pixels of a side; no format holds as many
_ASKED = {
    "scale": "--scale",
    "width": "--width",
    "height": "--height",
    "short_side": "--short-side",
    "long_side": "--long-side",
    "megapixels": "--megapixels",
}
SIZE_NAMES = tuple(_ASKED)


def parse_scale(text: str) -> float:
    """Return the factor written as `4`, `2.5`, `4x`, `x4` or `150%`; a whole one is an int.

    Raises:
        OptionError: it is written some other way.
    """
    plain = text.strip().lower()
    found = re.fullmatch(r"x?([0-9]{1,9}(?:\.[0-9]{1,9})?)(x|%)?", plain)
    if not found or (plain.startswith("x") and found[2]):
        hint = (
            f"Write it with a decimal point: --scale {plain.replace(',', '.')}"
            if "," in plain
            else "For example: --scale 4"
        )
        raise OptionError(f"--scale must be a positive number such as 4, 2.5 or 150%, not '{text[:40]}'", hint)
    scale = float(found[1]) / (100 if found[2] == "%" else 1)
    return int(scale) if scale == int(scale) else scale


@dataclass(frozen=True)
class SizeOptions:
    """The size that pictures are to have: one of a factor, sides in pixels, or millions of pixels; or nothing at all.

    The aspect ratio is kept, but for `fit` "stretch". `width` and `height` together are a box: "contain" makes the
    picture as large as fits inside, "cover" as small as covers it (nothing is cut off), "stretch" exactly as large.
    Sizes are those of the upright picture.

    Raises:
        OptionError: a value is out of range, or two of them contradict each other.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    short_side: int | None = None
    long_side: int | None = None
    megapixels: float | None = None
    fit: str = "contain"

    def __post_init__(self) -> None:
        if self.scale is not None and not 1 <= self.scale <= MAX_SCALE:
            raise OptionError(f"--scale must be from 1 to {MAX_SCALE}, not {self.scale:g}")
        for name in ("width", "height", "short_side", "long_side"):
            side = getattr(self, name)
            if side is not None and not 1 <= side <= _LONGEST:
                raise OptionError(f"{_ASKED[name]} must be from 1 to {_LONGEST} pixels, not {side}")
        if self.megapixels is not None and not (isfinite(self.megapixels) and 0 < self.megapixels <= _LONGEST):
            raise OptionError(f"--megapixels must be above 0 and at most {_LONGEST}, not {self.megapixels:g}")
        if self.fit not in FITS:
            raise UnknownChoice("--fit", self.fit, FITS)
        asked = [name for name in _ASKED if getattr(self, name) is not None]
        if len(asked) > 1 and asked != ["width", "height"]:
            raise OptionError(
                f"{' and '.join(_ASKED[name] for name in asked)} cannot be combined",
                "Give one of them; only --width and --height go together.",
            )
        if self.fit != "contain" and asked != ["width", "height"]:
            raise OptionError(f"--fit {self.fit} needs a box", "Give --width and --height with it.")

    @property
    def given(self) -> bool:
        """Tell whether anything is asked."""
        return self != SizeOptions()

    @property
    def by_scale(self) -> bool:
        """Tell whether it is a factor that is asked."""
        return self.scale is not None

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that an upright picture of (height, width) becomes, each at least 1.

        Raises:
            OptionError: nothing is asked.
        """
        if self.scale is not None:
            return _rounded(height * self.scale), _rounded(width * self.scale)
        if self.megapixels is not None:
            factor = sqrt(self.megapixels * 1e6 / (height * width))
            return _rounded(height * factor), _rounded(width * factor)
        to_height, to_width = self._box(height, width)
        if to_width is None and to_height is None:
            raise OptionError("no size was given", "Give --scale, --width or another option of size.")
        if to_height is None:
            return _scaled(height, to_width or 1, width), to_width or 1
        return to_height, to_width or _scaled(width, to_height, height)

    def _box(self, height: int, width: int) -> tuple[int | None, int | None]:
        """Return the height, or the width, that the picture is to have; both only where it is to be stretched."""
        if self.width is not None and self.height is not None and self.fit != "stretch":
            narrow = self.width * height < self.height * width  # the width is what limits it
            return (None, self.width) if narrow == (self.fit == "contain") else (self.height, None)
        if self.short_side is not None:
            return (self.short_side, None) if height <= width else (None, self.short_side)
        if self.long_side is not None:
            return (self.long_side, None) if height >= width else (None, self.long_side)
        return self.height, self.width

    def suffix(self, size: tuple[int, int]) -> str:
        """Return what names of outputs of this size, (height, width), add by default: `_x2.5`, or `_2000x1500`."""
        return f"_x{self.scale:g}" if self.scale is not None else f"_{size[1]}x{size[0]}"

    def options(self) -> dict[str, float | int | str]:
        """Return what is asked, by name: what a record of how a picture was made has to hold."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def factor_of(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return how many times larger the side that grows most becomes; sizes are (height, width)."""
    return max(after[0] / before[0], after[1] / before[1])


def _scaled(side: int, to: int, of: int) -> int:
    """Return side * to / of, rounded, halves up: in integers, because floats are off by one for large pictures."""
    return max(1, (2 * side * to + of) // (2 * of))


def _rounded(value: float) -> int:
    return max(1, floor(value + 0.5))
