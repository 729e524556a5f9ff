"""What becomes of places, lengths and densities when a picture is turned upright and enlarged.

What metadata says of places in a picture, it says of the pixels as they are stored, before they are turned (CIPA DC-008
4.6.5 on SubjectArea; MWG Guidelines 2.0, 5.9). Reading turns all of it with the pixels, writing scales it:

    stated where            what                                                  turned        enlarged
    EXIF and XMP `exif:`    SubjectArea, SubjectLocation                          yes           yes
                            FocalPlaneXResolution, FocalPlaneYResolution          yes           yes: pixels per unit
                            PixelXDimension, PixelYDimension, RelatedImage*       -             size of the output
    EXIF and XMP `tiff:`    XResolution, YResolution                              yes           no: the print grows
                            ImageWidth, ImageLength                               -             size of the output
    TIFF ImageDescription   ImageJ: XResolution as pixels per unit, x/yorigin     yes           yes
                            OME-XML: SizeX/Y, PhysicalSizeX/Y                     yes           yes
                            Aperio: MPP (micrometres per pixel)                   -             yes
    XMP `mwg-rs:`           areas of regions, AppliedToDimensions                 yes           where in pixels
    XMP `acdsee-rs:`        the same                                              yes           where in pixels
    XMP `MPReg:`            Rectangle                                             yes           normalized
    XMP `Iptc4xmpExt:`      boundaries of image regions                           yes           where in pixels
    XMP `GFocus:`           FocalPointX/Y                                         yes           normalized
    XMP `drone-dji:`        CalibratedFocalLength, CalibratedOpticalCenterX/Y     yes           yes
    XMP `GPano:`            sizes, crop, interior rectangle                       left out      yes
    XMP `crs:`              crop and local adjustments not yet applied            left out      normalized

GPano speaks of a projection whose axes are those of the picture (Google, Photo Sphere XMP): where the pixels lie on
their side, it cannot be turned with them. What Camera Raw says it has applied is history, and stays.
Maker notes stay as they are; angles of the camera (GPS, Pose*) are those of the lens, and true of any copy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{0,18})?(?:/\d{1,18})?")
REAL = re.compile(r"[+-]?\d{1,18}(?:\.\d{0,18})?[eE][+-]?\d{1,3}")
LARGEST = Fraction(10**15)
Point = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Change:
    """A picture of the size `before` is turned by an EXIF orientation, and then brought to the size `after`.

    Sizes are (height, width); places are (x, y) from the upper left corner, right and down, and extents (width,
    height). `point` and the like are of pixels, `share` and the like of coordinates from 0 to 1.
    """

    orientation: int
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def sideways(self) -> bool:
        """Say whether rows become columns."""
        return self.orientation >= 5

    @property
    def factors(self) -> Point:
        """Return by how much the upright picture grows, across and down."""
        height, width = self.before[::-1] if self.sideways else self.before
        return Fraction(self.after[1], width), Fraction(self.after[0], height)

    def share(self, x: Fraction, y: Fraction, sides: Point = (Fraction(1), Fraction(1))) -> Point:
        """Return where a place in a picture of the given width and height lies once this is turned."""
        if self.sideways:
            x, y, sides = y, x, sides[::-1]
        across, down = self.orientation in (2, 3, 6, 7), self.orientation in (3, 4, 7, 8)
        return sides[0] - x if across else x, sides[1] - y if down else y

    def point(self, x: Fraction, y: Fraction) -> Point:
        """Return where a place counted in pixels lies."""
        x, y = self.share(x, y, (Fraction(self.before[1]), Fraction(self.before[0])))
        return x * self.factors[0], y * self.factors[1]

    def share_extent(self, width: Fraction, height: Fraction) -> Point:
        """Return an extent once it is turned."""
        return (height, width) if self.sideways else (width, height)

    def extent(self, width: Fraction, height: Fraction) -> Point:
        """Return an extent counted in pixels."""
        width, height = self.share_extent(width, height)
        return width * self.factors[0], height * self.factors[1]

    density = extent  # pixels per unit grow as extents in pixels do

    def pitch(self, across: Fraction, down: Fraction) -> Point:
        """Return units per pixel, which shrink as the picture grows."""
        across, down = self.share_extent(across, down)
        return across / self.factors[0], down / self.factors[1]

    def box(self, x: Fraction, y: Fraction, width: Fraction, height: Fraction, *, pixels: bool) -> tuple[Point, Point]:
        """Return the upper left corner and the extent of a box that is given by these."""
        place, extent = (self.point, self.extent) if pixels else (self.share, self.share_extent)
        first, second = place(x, y), place(x + width, y + height)
        return (min(first[0], second[0]), min(first[1], second[1])), extent(width, height)


def number(text: str) -> Fraction | None:
    """Return the number that a text is: whole, decimal, with an exponent, or a fraction; None where it is none."""
    text = text.strip()
    found: Fraction | None = None
    try:
        if NUMBER.fullmatch(text):
            above, _, below = text.partition("/")
            found = Fraction(above) / Fraction(below or 1)
        elif REAL.fullmatch(text):
            found = Fraction(float(text))
    except (ZeroDivisionError, OverflowError):
        return None
    return found if found is not None and abs(found) <= LARGEST else None


def whole(value: Fraction) -> int:
    """Return the nearest whole number; of two, the upper one."""
    return math.floor(value + Fraction(1, 2))


def like(value: Fraction, text: str) -> str:
    """Return a number in the manner of the text that it replaces: the same, whole, a fraction, or decimal."""
    if number(text) == value:
        return text
    if "/" in text:
        fraction = rational(value)
        return f"{fraction.numerator}/{fraction.denominator}"
    if re.fullmatch(r"\s*[+-]?\d+\s*", text):
        return str(whole(value))
    return real(value)


def real(value: Fraction) -> str:
    """Return a number as a decimal of ten significant digits, without an exponent."""
    if not value:
        return "0"
    digits = max(0, 9 - math.floor(math.log10(abs(value))))
    listed = f"{float(value):.{min(digits, 18)}f}"
    return (listed.rstrip("0").rstrip(".") if "." in listed else listed) if float(listed) else "0"


def rational(value: Fraction) -> Fraction:
    """Return the closest fraction that fits a RATIONAL of TIFF: two 32-bit numbers, neither negative."""
    limit = 2**32 - 1
    held = min(value, Fraction(limit))
    return held.limit_denominator(math.floor(limit / max(held, Fraction(1))))


def subject(values: Sequence[Fraction], change: Change) -> list[int]:
    """Return where the subject is, in whole pixels: a point, a circle by centre and diameter, or a rectangle by centre
    and extent (CIPA DC-008, SubjectArea). Another number of values stays as it is.
    """
    if not 2 <= len(values) <= 4:
        return [whole(value) for value in values]
    place = change.point(values[0], values[1])
    inside = [min(max(whole(value), 0), side - 1) for value, side in zip(place, change.after[::-1], strict=True)]
    if len(values) == 3:
        return [*inside, whole(sum(change.extent(values[2], values[2]), Fraction(0)) / 2)]
    extent = change.extent(values[2], values[3]) if len(values) == 4 else ()
    return [*inside, *map(whole, extent)]
