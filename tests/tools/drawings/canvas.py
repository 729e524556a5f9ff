"""A canvas that is drawn on several times as large as the finished picture, and reduced at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import ceil, cos, dist, floor, hypot, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from tests.tools.drawings.fonts import Face

Point = tuple[float, float]  # (x, y)
Colour = tuple[int, int, int]
Paint = Callable[[int, int, int], Image.Image]  # (height, width, factor) to a picture that fills the box of a shape


class Canvas:
    """Draws shapes and letters; every edge is covered in part, as renderers do it, or in whole pixels at one sample.

    Coordinates and sizes are in units that the finished picture has `zoom` pixels for, as on displays of high density.
    `factor` is how many pixels of the drawing a unit has at the moment.

    Args:
        height: in units.
        width: in units.
        background: one colour.
        zoom: pixels of the finished picture for each unit.
        samples: how many times larger the drawing is than the finished picture.
        letters: "reduced" like everything else, or written at their own size on the finished picture, as desktops do
            it: "grey" with smooth edges, "black" with hard ones.
    """

    def __init__(
        self,
        height: int,
        width: int,
        background: Colour,
        *,
        zoom: int = 1,
        samples: int = 4,
        letters: str = "reduced",
    ) -> None:
        self.height, self.width, self.zoom, self.samples = height, width, zoom, samples
        self.factor = zoom * samples
        self.image = Image.new("RGB", (width * self.factor, height * self.factor), background)
        self._draw = ImageDraw.Draw(self.image)
        self._letters, self._late = letters, list[Callable[[], None] | tuple[int, int, int, int]]()

    def finish(self, resample: Image.Resampling = Image.Resampling.BOX) -> Image.Image:
        """Return the picture at its size. Box and Hamming have no negative weights, so edges get no halo."""
        if self.factor > self.zoom:
            self.image = self.image.resize((self.width * self.zoom, self.height * self.zoom), resample)
            self.factor = self.zoom
            self._draw = ImageDraw.Draw(self.image)
        self._draw.fontmode = "1" if self._letters == "black" else "L"
        clean = self.image.copy() if self._late else self.image
        for step in self._late:
            if callable(step):
                step()
            else:
                self.image.paste(clean.crop(step), step)
        return self.image

    def cover(self, left: int, top: int, width: int, height: int) -> None:
        """Hide what was written so far within a box that something was drawn over."""
        if self._letters != "reduced":
            left, top, right, bottom = (side * self.zoom for side in (left, top, left + width, top + height))
            self._late.append((left, top, right, bottom))

    def length(self, text: str, face: Face, size: float) -> float:
        """Return how wide a line of text gets here; typefaces round widths at small sizes."""
        factor = self.factor if self._letters == "reduced" else self.zoom
        return face.at(round(size * factor)).getlength(text) / factor

    def polygon(
        self,
        points: Sequence[Point],
        fill: Colour | Paint | None = None,
        outline: Colour | None = None,
        width: float = 1,
    ) -> None:
        """Fill a polygon with a colour or a paint, and draw its outline, half of which lies inside."""
        if callable(fill):
            self._paint(points, fill)
        elif fill is not None:
            self._draw.polygon(self._scaled(points), fill)
        if outline is not None:
            self.line([*points, points[0]], outline, width)

    def rectangle(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        fill: Colour | Paint | None = None,
        radius: float = 0,
    ) -> None:
        """Fill a box; sides at whole pixels are hard edges."""
        if radius or callable(fill):
            return self.polygon(rounded(left, top, width, height, radius), fill)
        s = self.factor
        box = (round(left * s), round(top * s), round((left + width) * s) - 1, round((top + height) * s) - 1)
        if box[2] >= box[0] and box[3] >= box[1]:
            self._draw.rectangle(box, fill)
        return None

    def frame(self, left: float, top: float, width: float, height: float, colour: Colour, radius: float = 0) -> None:
        """Draw a border of one pixel inside a box."""
        if radius:
            points = rounded(left + 0.5, top + 0.5, width - 1, height - 1, radius)
            return self.line([*points, points[0]], colour, 1)
        for box in ((left, top, width, 1), (left, top + height - 1, width, 1)):
            self.rectangle(*box, colour)
        for box in ((left, top, 1, height), (left + width - 1, top, 1, height)):
            self.rectangle(*box, colour)
        return None

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1, dash: Sequence[float] = ()) -> None:
        """Draw a line with round joints; `dash` has the lengths of strokes and gaps in turn."""
        for stroke in dashes(points, dash) if dash else [points]:
            self._stroke(stroke, colour, width)

    def text(
        self,
        point: Point,
        text: str,
        face: Face,
        size: float,
        colour: Colour,
        *,
        anchor: str = "ls",
        angle: float = 0,
        outline: tuple[float, Colour] | None = None,
    ) -> None:
        """Write a line of text.

        Args:
            point: where its anchor lies.
            text: what to write.
            face: the typeface.
            size: in pixels.
            colour: of the letters.
            anchor: which point of the line it is, as in Pillow.
            angle: in degrees, about that point.
            outline: the width and the colour of an edge around the letters.
        """

        def write() -> None:
            font = face.at(round(size * self.factor))
            width, edge = outline or (0, colour)
            options = {"anchor": anchor, "stroke_width": round(width * self.factor), "stroke_fill": edge}
            if angle:
                self._turned(point, text, font, colour, options, angle)
            else:
                self._draw.text((point[0] * self.factor, point[1] * self.factor), text, colour, font, **options)

        if self._letters == "reduced":
            write()
        else:
            self._late.append(write)

    def _scaled(self, points: Iterable[Point]) -> list[Point]:
        # Pillow fills the pixels of the last row and column too, hence the half.
        return [(x * self.factor - 0.5, y * self.factor - 0.5) for x, y in points]

    def _stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        thick = max(1, round(width * self.factor))
        scaled = self._scaled(points)
        self._draw.line(scaled, colour, thick, joint="curve" if thick > 2 else None)
        if thick > 4:
            radius = (thick - 1) / 2
            for x, y in (scaled[0], scaled[-1]):
                self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def _paint(self, points: Sequence[Point], paint: Paint) -> None:
        scaled = self._scaled(points)
        left, top = (max(0, floor(min(p[axis] for p in scaled))) for axis in (0, 1))
        right = min(self.image.width, ceil(max(x for x, _ in scaled)) + 1)
        bottom = min(self.image.height, ceil(max(y for _, y in scaled)) + 1)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in scaled], 255)
        self.image.paste(paint(bottom - top, right - left, self.factor), (left, top), mask)

    def _turned(self, point: Point, text: str, font: object, colour: Colour, options: dict, angle: float) -> None:
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font, options["anchor"])
        reach = ceil(max(hypot(x, y) for x in (left, right) for y in (top, bottom))) + options["stroke_width"] + 2
        mask = Image.new("L", (2 * reach, 2 * reach))
        ImageDraw.Draw(mask).text((reach, reach), text, 255, font, anchor=options["anchor"])
        place = (round(point[0] * self.factor) - reach, round(point[1] * self.factor) - reach)
        if options["stroke_width"]:
            edge = Image.new("L", mask.size)
            ImageDraw.Draw(edge).text((reach, reach), text, 255, font, **{**options, "stroke_fill": 255})
            self.image.paste(options["stroke_fill"], place, edge.rotate(angle, Image.Resampling.BICUBIC))
        self.image.paste(colour, place, mask.rotate(angle, Image.Resampling.BICUBIC))


def gradient(first: Colour, last: Colour, angle: float = 0) -> Paint:
    """Return a paint that goes from one colour to another across its box, at `angle` in degrees."""

    def paint(height: int, width: int, factor: int) -> Image.Image:
        y, x = np.mgrid[: ceil(height / factor), : ceil(width / factor)].astype(np.float32)
        along = x * cos(angle * pi / 180) + y * sin(angle * pi / 180)
        along = (along - along.min()) / max(float(np.ptp(along)), 1)
        return _blended(along, first, last, height, width)

    return paint


def radial(inner: Colour, outer: Colour) -> Paint:
    """Return a paint that goes from one colour in the middle of its box to another at its sides."""

    def paint(height: int, width: int, factor: int) -> Image.Image:
        y, x = np.mgrid[-1 : 1 : 1j * ceil(height / factor), -1 : 1 : 1j * ceil(width / factor)].astype(np.float32)
        return _blended(np.hypot(x, y).clip(0, 1), inner, outer, height, width)

    return paint


def hatching(paper: Colour, ink: Colour, gap: float, width: float, angle: float, *, crossed: bool = False) -> Paint:
    """Return a paint of parallel lines, `gap` pixels apart and `width` thick; `crossed` adds those across."""

    def paint(height: int, wide: int, factor: int) -> Image.Image:
        y, x = np.mgrid[:height, :wide].astype(np.float32) / factor
        inked = np.zeros((height, wide), bool)
        for turn in (angle, angle + 90)[: 2 if crossed else 1]:
            across = x * sin(turn * pi / 180) + y * cos(turn * pi / 180)
            inked |= across % gap < width
        return _two(inked, paper, ink)

    return paint


def dots(paper: Colour, ink: Colour, gap: float, radius: float) -> Paint:
    """Return a paint of round dots in a grid that is turned by 45 degrees, as comics are printed."""

    def paint(height: int, width: int, factor: int) -> Image.Image:
        y, x = np.mgrid[:height, :width].astype(np.float32) / factor
        u, v = (x + y) / 2**0.5 % gap - gap / 2, (x - y) / 2**0.5 % gap - gap / 2
        return _two(u * u + v * v < radius * radius, paper, ink)

    return paint


def _two(inked: np.ndarray, paper: Colour, ink: Colour) -> Image.Image:
    image = Image.new("RGB", inked.shape[::-1], paper)
    image.paste(ink, (0, 0), Image.fromarray(inked.astype(np.uint8) * 255))
    return image


def _blended(share: np.ndarray, first: Colour, last: Colour, height: int, width: int) -> Image.Image:
    a, b = np.float32(first), np.float32(last)
    pixels = a + share[..., None] * (b - a)
    return Image.fromarray(np.rint(pixels).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)


def dashes(points: Sequence[Point], pattern: Sequence[float]) -> list[list[Point]]:
    """Cut a polyline into the strokes of a pattern of lengths: stroke, gap, stroke, gap."""
    strokes: list[list[Point]] = []
    index, left, current = 0, pattern[0], [points[0]]
    for start, end in pairwise(points):
        length, done = dist(start, end), 0.0
        while length - done > left:
            done += left
            at = (start[0] + (end[0] - start[0]) * done / length, start[1] + (end[1] - start[1]) * done / length)
            if index % 2 == 0:
                strokes.append([*current, at])
            index += 1
            left, current = pattern[index % len(pattern)], [at]
        left -= length - done
        current.append(end)
    if index % 2 == 0:
        strokes.append(current)
    return [stroke for stroke in strokes if len(stroke) > 1]


def circle(x: float, y: float, radius: float, tall: float | None = None) -> list[Point]:
    """Return an ellipse as a polygon; `tall` is its radius along y."""
    sides = max(24, round(radius * 2))
    return [
        (x + radius * cos(2 * pi * k / sides), y + (tall or radius) * sin(2 * pi * k / sides)) for k in range(sides)
    ]


def regular(x: float, y: float, radius: float, sides: int, turn: float = 0, inner: float = 1) -> list[Point]:
    """Return a regular polygon, or a star where `inner`, the share of the radius between its points, is less than 1."""
    points = 2 * sides if inner < 1 else sides
    radii = [radius * (inner if inner < 1 and k % 2 else 1) for k in range(points)]
    return [
        (x + r * sin(2 * pi * k / points + turn), y - r * cos(2 * pi * k / points + turn)) for k, r in enumerate(radii)
    ]


def rounded(left: float, top: float, width: float, height: float, radius: float) -> list[Point]:
    """Return a box with round corners as a polygon."""
    radius = min(radius, width / 2, height / 2)
    if radius <= 0:
        return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    centres = [
        (left + width - radius, top + radius, -90),
        (left + width - radius, top + height - radius, 0),
        (left + radius, top + height - radius, 90),
        (left + radius, top + radius, 180),
    ]
    return [
        (x + radius * cos((start + step) * pi / 180), y + radius * sin((start + step) * pi / 180))
        for x, y, start in centres
        for step in range(0, 91, 10)
    ]


def sector(x: float, y: float, radius: float, start: float, end: float, inner: float = 0) -> list[Point]:
    """Return a piece of a pie, or of a ring where `inner` is its inner radius, between two angles in radians."""
    steps = max(2, round((end - start) * 20))
    angles = [start + (end - start) * k / steps for k in range(steps + 1)]
    outer = [(x + radius * cos(a), y + radius * sin(a)) for a in angles]
    return outer + [(x + inner * cos(a), y + inner * sin(a)) for a in reversed(angles)]


def bezier(start: Point, first: Point, second: Point, end: Point, steps: int = 40) -> list[Point]:
    """Return a cubic Bezier curve as a polyline."""
    points = []
    for k in range(steps + 1):
        t = k / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        points.append(
            tuple(
                sum(w * p[axis] for w, p in zip(weights, (start, first, second, end), strict=True)) for axis in (0, 1)
            )
        )
    return points


def smooth(points: Sequence[Point], *, closed: bool = False, steps: int = 12) -> list[Point]:
    """Return a curve through all points (Catmull-Rom) as a polyline."""
    ring = [points[-1], *points, points[0], points[1]] if closed else [points[0], *points, points[-1]]
    curve: list[Point] = []
    for p, q, r, s in zip(ring, ring[1:], ring[2:], ring[3:], strict=False):
        first = (q[0] + (r[0] - p[0]) / 6, q[1] + (r[1] - p[1]) / 6)
        second = (r[0] - (s[0] - q[0]) / 6, r[1] - (s[1] - q[1]) / 6)
        curve += bezier(q, first, second, r, steps)[: -1 if closed else None]
    return curve
