"""Scenes without or with few letters: shapes, comics and badges."""

from __future__ import annotations

from math import cos, pi, sin

from PIL import Image

from tests.tools.drawings.canvas import (
    Canvas,
    Colour,
    Paint,
    Point,
    bezier,
    circle,
    dots,
    gradient,
    hatching,
    radial,
    regular,
    rounded,
    sector,
    smooth,
)
from tests.tools.drawings.setting import Palette, Setting, blend, colour, legible

DASHES = ((6, 4), (2, 3), (10, 4, 2, 4), (14, 6), (1, 4))


def shapes(setting: Setting) -> Image.Image:
    """Polygons, stars, ellipses and curves over one another, with and without outlines."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper)
    if r.random() < 0.4:
        canvas.rectangle(
            0, 0, setting.width, setting.height, gradient(palette.paper, palette.accents[0], r.uniform(0, 360))
        )
    for _ in range(r.randint(14, 45)):
        points = _outline(
            setting, r.uniform(-20, setting.width), r.uniform(-20, setting.height), 10 ** r.uniform(1, 2.3)
        )
        dice = r.random()
        edge = r.choice((palette.ink, r.choice(palette.accents), palette.paper))
        fill = None if dice < 0.15 else paint(setting, palette)
        canvas.polygon(points, fill, edge if dice < 0.6 else None, r.uniform(1, 6))
    for _ in range(r.randint(3, 14)):
        curve = bezier(*((r.uniform(0, setting.width), r.uniform(0, setting.height)) for _ in range(4)))
        dash = r.choice(DASHES) if r.random() < 0.4 else ()
        canvas.line(curve, r.choice((palette.ink, *palette.accents)), r.uniform(1, 6), dash)
    return canvas.finish(r.choice((Image.Resampling.BOX, Image.Resampling.HAMMING)))


def paint(setting: Setting, palette: Palette) -> Colour | Paint:
    """Return a flat colour more often than not, or a gradient, hatching or dots."""
    r = setting.random
    first, second = r.choice(palette.accents), r.choice((palette.ink, palette.paper, r.choice(palette.accents)))
    dice = r.random()
    if dice < 0.6:
        return first
    if dice < 0.75:
        return gradient(first, second, r.uniform(0, 360))
    if dice < 0.8:
        return radial(first, second)
    gap = r.uniform(4, 16)
    if dice < 0.93:
        return hatching(first, second, gap, gap * r.uniform(0.15, 0.6), r.uniform(0, 180), crossed=r.random() < 0.3)
    return dots(first, second, gap, gap * r.uniform(0.15, 0.4))


def _outline(setting: Setting, x: float, y: float, radius: float) -> list[Point]:
    r = setting.random
    kind = r.choice(("circle", "ellipse", "regular", "star", "box", "blob", "sector", "crooked"))
    match kind:
        case "circle" | "ellipse":
            return circle(x, y, radius, radius * r.uniform(0.4, 1.4) if kind == "ellipse" else None)
        case "regular":
            return regular(x, y, radius, r.randint(3, 8), r.uniform(0, pi))
        case "star":
            return regular(x, y, radius, r.randint(4, 12), r.uniform(0, pi), r.uniform(0.3, 0.8))
        case "box":
            box = (round(x), round(y), round(radius * r.uniform(0.5, 2.5)), round(radius))
            return rounded(*box, r.choice((0, 0, radius / 6, radius)))
        case "blob":
            return smooth(ring(setting, x, y, radius), closed=True)
        case "sector":
            start = r.uniform(0, 6)
            return sector(x, y, radius, start, start + r.uniform(0.4, 5), radius * r.choice((0, 0.5, 0.8)))
    return ring(setting, x, y, radius)


def ring(setting: Setting, x: float, y: float, radius: float) -> list[Point]:
    """Return an irregular polygon about a point."""
    r, count = setting.random, setting.random.randint(5, 10)
    return [
        (x + radius * reach * cos(2 * pi * k / count), y + radius * reach * sin(2 * pi * k / count))
        for k, reach in enumerate(r.uniform(0.4, 1.2) for _ in range(count))
    ]


def comic(setting: Setting) -> Image.Image:
    """Panels with flat fills, outlines, people, houses and balloons."""
    r = setting.random
    paper = r.choice(((255, 255, 255), (250, 246, 232), (20, 20, 24)))
    canvas = setting.canvas(paper)
    weight, gutter = r.uniform(1.5, 3.5), r.choice((8, 12, 16))
    top = gutter
    rows = r.choice((1, 2, 2))
    for _ in range(rows):
        height = (setting.height - gutter) // rows - gutter
        left, count = gutter, r.randint(1, 3 if rows > 1 else 2)
        for number in range(count):
            rest = setting.width - gutter - left
            width = rest if number == count - 1 else round(rest / (count - number) * r.uniform(0.75, 1.25)) - gutter
            _panel(setting, canvas, (left, top, width, height), weight)
            left += width + gutter
        top += height + gutter
    return canvas.finish()


def _panel(setting: Setting, canvas: Canvas, box: tuple[int, int, int, int], weight: float) -> None:
    """Draw a panel on a canvas of its own, which cuts it off at its frame."""
    r, (left, top, width, height) = setting.random, box
    palette = setting.palette(dark=r.random() < 0.2)
    inner = Canvas(height, width, palette.accents[0], zoom=canvas.zoom, samples=canvas.samples)
    ink = (12, 10, 16)
    if r.random() < 0.6:
        sky = r.choice(
            (gradient(palette.accents[0], palette.paper, 90), dots(palette.paper, palette.accents[0], 7, 2.2))
        )
        inner.rectangle(0, 0, width, height, sky)
    horizon = height * r.uniform(0.5, 0.75)
    inner.polygon(
        circle(width * r.random(), horizon * r.uniform(0.2, 0.8), r.uniform(18, 50)), palette.accents[5], ink, weight
    )
    _houses(setting, inner, horizon, palette, weight)
    ground = [(0, horizon), *((width * k / 5, horizon + r.uniform(-12, 12)) for k in range(1, 5)), (width, horizon)]
    inner.polygon([*smooth(ground), (width, height), (0, height)], palette.accents[1], ink, weight)
    for number in range(r.randint(1, max(1, width // 220))):
        _person(setting, inner, width * (0.25 + 0.35 * number) + r.uniform(-20, 20), height, weight)
    if r.random() < 0.8:
        _balloon(setting, inner, weight)
    if r.random() < 0.35:
        face, loud = setting.face("hand", "sans"), (255, 240, 60)
        point = (width * r.uniform(0.3, 0.6), height * r.uniform(0.4, 0.8))
        word = setting.words()[0].title().upper() + "!"
        inner.text(point, word, face, r.uniform(30, 48), loud, anchor="mm", angle=r.uniform(-25, 25), outline=(3, ink))
    inner.polygon(rounded(0, 0, width, height, 0), None, ink, weight * 2)
    canvas.image.paste(inner.image, (left * canvas.factor, top * canvas.factor))


def _houses(setting: Setting, canvas: Canvas, horizon: float, palette: Palette, weight: float) -> None:
    r, left, ink = setting.random, setting.random.uniform(-30, 10), (12, 10, 16)
    while left < canvas.width:
        width, tall = r.uniform(35, 110), horizon * r.uniform(0.2, 0.7)
        wall = r.choice(palette.accents[2:])
        canvas.polygon(rounded(left, horizon - tall, width, tall + 30, 0), wall, ink, weight)
        shade = hatching(wall, ink, 5, 1.2, 45)
        canvas.polygon(rounded(left + width * 0.75, horizon - tall, width * 0.25, tall + 30, 0), shade, ink, weight)
        for row in range(int(tall // 26)):
            for column in range(int(width * 0.75 // 18)):
                lit = (255, 236, 140) if r.random() < 0.4 else blend(wall, (0, 0, 0), 0.5)
                canvas.rectangle(left + 6 + 18 * column, horizon - tall + 8 + 26 * row, 9, 13, lit)
        left += width + r.choice((0, 0, r.uniform(5, 60)))


def _person(setting: Setting, canvas: Canvas, x: float, height: float, weight: float) -> None:
    r, ink = setting.random, (12, 10, 16)
    skin, shirt, hair = (
        colour(r.uniform(0.04, 0.1), r.uniform(0.2, 0.6), r.uniform(0.5, 1)),
        colour(r.random(), r.uniform(0.4, 1), r.uniform(0.4, 1)),
        colour(r.uniform(0, 0.15), r.uniform(0.3, 0.9), r.uniform(0.05, 0.8)),
    )
    size = height * r.uniform(0.09, 0.15)
    y = height - size * r.uniform(2.4, 3.4)
    body = smooth(
        [
            (x - size * 1.5, height + 5),
            (x - size * 1.1, y + size * 1.5),
            (x, y + size),
            (x + size * 1.1, y + size * 1.5),
            (x + size * 1.5, height + 5),
        ]
    )
    canvas.polygon(body, shirt, ink, weight)
    canvas.polygon(circle(x, y - size * 0.15, size * 1.12, size * 1.25), hair, ink, weight)
    canvas.polygon(circle(x, y + size * 0.1, size * 0.95, size), skin, ink, weight)
    for side in (-1, 1):
        eye = x + side * size * 0.38
        canvas.polygon(circle(eye, y, size * 0.2, size * 0.26), (255, 255, 255), ink, max(1, weight * 0.6))
        canvas.polygon(circle(eye + size * 0.05, y + size * 0.04, size * 0.09), ink)
        canvas.line(
            [(eye - size * 0.25, y - size * r.uniform(0.3, 0.5)), (eye + size * 0.25, y - size * 0.42)], ink, weight
        )
    canvas.line(
        [(x, y + size * 0.15), (x - size * 0.12, y + size * 0.4), (x + size * 0.06, y + size * 0.42)], ink, weight * 0.8
    )
    mouth = bezier(
        (x - size * 0.4, y + size * 0.6),
        (x - size * 0.2, y + size * r.uniform(0.5, 0.9)),
        (x + size * 0.2, y + size * r.uniform(0.5, 0.9)),
        (x + size * 0.4, y + size * 0.6),
        12,
    )
    canvas.line(mouth, ink, weight)


def _balloon(setting: Setting, canvas: Canvas, weight: float) -> None:
    r, (words, script) = setting.random, setting.words()
    size, face = r.uniform(10, 18), setting.face("hand", "sans", script=script)
    wide = min(canvas.width * 0.6, r.uniform(110, 240))
    lines = list(setting.columns(words.sentence().upper(), face, size, wide))[:5]
    tall = len(lines) * size * 1.25
    x, y = wide * 0.75 + r.uniform(0, max(1, canvas.width - wide * 1.5)), tall / 2 + size * 1.6
    tip = (x + r.uniform(-60, 60), y + tall / 2 + r.uniform(40, 80))
    ink = (12, 10, 16)
    canvas.polygon([(x - 14, y + tall * 0.4), tip, (x + 14, y + tall * 0.4)], (255, 255, 255), ink, weight)
    canvas.polygon(circle(x, y, wide * 0.68, tall * 0.72 + size), (255, 255, 255), ink, weight)
    canvas.polygon(
        [(x - 12, y + tall * 0.3), (tip[0] * 0.3 + x * 0.7, y + tall * 0.55), (x + 12, y + tall * 0.3)], (255, 255, 255)
    )
    for number, line in enumerate(lines):
        canvas.text((x, y - tall / 2 + size * 1.25 * (number + 0.5)), line, face, size, ink, anchor="mm")


def badges(setting: Setting) -> Image.Image:
    """Logos and posters: rings, rays, stripes, big letters with outlines, mirrored shapes."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper)
    for _ in range(2 * r.randint(1, 2)):
        _badge(setting, canvas, palette)
    for _ in range(r.randint(2, 5)):
        words, script = setting.words()
        face, size = setting.face("sans", "serif", "hand", script=script), r.uniform(24, 90)
        place = (r.uniform(0, setting.width * 0.6), r.uniform(size, setting.height))
        edge = (r.uniform(1, 4), r.choice((palette.paper, palette.ink))) if r.random() < 0.6 else None
        canvas.text(place, words.title(), face, size, r.choice((palette.ink, *palette.accents)), outline=edge)
    return canvas.finish(r.choice((Image.Resampling.BOX, Image.Resampling.HAMMING)))


def _badge(setting: Setting, canvas: Canvas, palette: Palette) -> None:
    r = setting.random
    x, y, size = r.uniform(80, setting.width - 80), r.uniform(80, setting.height - 80), r.uniform(60, 170)
    first, second, third = r.sample(palette.accents, 3)
    dice = r.random()
    if dice < 0.5:
        for k in range(rays := r.choice((12, 16, 24, 36))):
            angle = 2 * pi * k / rays
            canvas.polygon(sector(x, y, size * 1.3, angle, angle + pi / rays, size * 0.9), second)
    canvas.polygon(
        circle(x, y, size) if dice < 0.7 else regular(x, y, size, r.choice((6, 8, 20)), 0, r.choice((1, 0.85))), first
    )
    canvas.polygon(
        circle(x, y, size * 0.84), paint(setting, palette), r.choice((palette.paper, third)), r.uniform(1, 6)
    )
    for k in range(petals := r.choice((3, 4, 5, 6, 8))):
        a = 2 * pi * k / petals
        tip, side = (x + size * 0.7 * cos(a), y + size * 0.7 * sin(a)), 0.5
        left, right = ((x + size * 0.5 * cos(a + t), y + size * 0.5 * sin(a + t)) for t in (-side, side))
        canvas.polygon(
            bezier((x, y), left, left, tip, 20) + bezier(tip, right, right, (x, y), 20), third, palette.paper, 1.5
        )
    band = rounded(x - size * 1.1, y - size * 0.2, size * 2.2, size * 0.42, r.choice((0, size * 0.1)))
    canvas.polygon(band, second, palette.paper, 2)
    face, text = setting.face("sans", "serif"), setting.words()[0].word(2).upper()[:10]
    canvas.text(
        (x, y), text, face, min(size * 0.34, size * 34 / max(face.width(text, 20), 1)), legible(second), anchor="mm"
    )
