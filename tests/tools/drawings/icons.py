"""Icons in grids."""

from __future__ import annotations

from math import pi

from PIL import Image

from tests.tools.drawings.canvas import Canvas, Colour, Point, bezier, circle, gradient, regular, rounded, sector
from tests.tools.drawings.setting import Setting, blend, legible


def icons(setting: Setting) -> Image.Image:
    """A grid of icons with names, flat, outlined or on tiles."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper)
    cell, style = r.choice((56, 72, 96, 128)), r.choice(("flat", "line", "tile", "disc"))
    face, labelled, weight = setting.face("sans"), r.random() < 0.6, r.choice((1.5, 2, 3))
    words = setting.words()[0]
    for row in range(setting.height // cell + 1):
        for column in range(setting.width // cell + 1):
            x, y = cell * (column + 0.5), cell * (row + 0.42)
            base, size = r.choice(palette.accents), cell * 0.28
            tone = base
            if style in ("tile", "disc"):
                edge = cell * 0.36
                shape = (
                    circle(x, y, edge) if style == "disc" else rounded(x - edge, y - edge, 2 * edge, 2 * edge, edge / 3)
                )
                canvas.polygon(shape, r.choice((base, gradient(base, blend(base, (0, 0, 0), 0.35), 90))))
                tone, size = legible(base), cell * 0.2
            _icon(setting, canvas, (x, y), size, tone, weight if style == "line" else 0)
            if labelled:
                canvas.text((x, y + cell * 0.5), words.word(2)[:10], face, cell * 0.13, palette.ink, anchor="ms")
    return canvas.finish()


def _icon(setting: Setting, canvas: Canvas, at: Point, size: float, tone: Colour, weight: float) -> None:
    """Draw one icon about a point: filled, or in lines where there is a weight."""
    (x, y), s = at, size
    parts = _glyph(setting.random.choice(GLYPHS), x, y, s)
    for part in parts:
        canvas.polygon(part, None if weight else tone, tone if weight else None, weight)


GLYPHS = (
    "house", "heart", "star", "gear", "arrow", "letter", "lens", "bars", "menu", "play", "clock", "plus", "drop",
    "moon",
)  # fmt: skip
# What consists of straight lines: polygons about the middle, in shares of the size.
STRAIGHT: dict[str, tuple[tuple[Point, ...], ...]] = {
    "house": (
        ((-1, 0), (0, -1), (1, 0), (0.7, 0), (0.7, 1), (0.25, 1), (0.25, 0.4), (-0.25, 0.4), (-0.25, 1), (-0.7, 1),
         (-0.7, 0)),
    ),
    "arrow": (((-1, -0.3), (0.1, -0.3), (0.1, -0.8), (1, 0), (0.1, 0.8), (0.1, 0.3), (-1, 0.3)),),
    "letter": (
        ((-1, -0.6), (1, -0.6), (0, 0.15)),
        ((-1, -0.4), (0, 0.4), (1, -0.4), (1, 0.7), (-1, 0.7)),
    ),
    "play": (((-0.7, -1), (1, 0), (-0.7, 1)),),
    "plus": (((-1, -0.2), (1, -0.2), (1, 0.2), (-1, 0.2)), ((-0.2, -1), (0.2, -1), (0.2, 1), (-0.2, 1))),
    "bars": tuple(
        ((left, 1 - tall), (left + 0.4, 1 - tall), (left + 0.4, 1), (left, 1))
        for left, tall in ((-1, 0.7), (-0.45, 1.3), (0.1, 1), (0.65, 1.9))
    ),
}  # fmt: skip
# What is bent: Bezier curves one after another.
BENT: dict[str, tuple[tuple[Point, Point, Point, Point], ...]] = {
    "heart": (((0, 1), (-2, -0.4), (-0.6, -1.4), (0, -0.4)), ((0, -0.4), (0.6, -1.4), (2, -0.4), (0, 1))),
    "drop": (((0, -1), (-1.7, 1.4), (1.7, 1.4), (0, -1)),),
    "moon": (
        ((0.3, -1), (-1.5, -1), (-1.5, 1), (0.6, 0.8)),
        ((0.6, 0.8), (-0.6, 0.4), (-0.5, -0.6), (0.3, -1)),
    ),
}


def _glyph(name: str, x: float, y: float, s: float) -> list[list[Point]]:
    """Return the polygons of an icon of a size about a point."""
    if name in STRAIGHT:
        return [[(x + s * px, y + s * py) for px, py in part] for part in STRAIGHT[name]]
    if name in BENT:
        return [[(x + s * px, y + s * py) for curve in BENT[name] for px, py in bezier(*curve)]]
    match name:
        case "star":
            return [regular(x, y, s, 5, 0, 0.4)]
        case "gear":
            teeth = [sector(x, y, s, k * pi / 4, k * pi / 4 + 0.42, s * 0.6) for k in range(8)]
            return [*teeth, sector(x, y, s * 0.72, 0, 2 * pi, s * 0.34)]
        case "menu":
            return [rounded(x - s, y - s * 0.7 + k * s * 0.55, 2 * s, s * 0.28, s * 0.1) for k in range(3)]
        case "clock":
            hands = [rounded(x - s * 0.08, y - s * 0.6, s * 0.16, s * 0.68, 0)]
            return [sector(x, y, s, 0, 2 * pi, s * 0.8), *hands, rounded(x, y - s * 0.08, s * 0.5, s * 0.16, 0)]
    handle = [(x + s * px, y + s * py) for px, py in ((0.3, 0.45), (0.45, 0.3), (1, 0.85), (0.85, 1))]
    return [sector(x - s * 0.2, y - s * 0.2, s * 0.75, 0, 2 * pi, s * 0.5), handle]
