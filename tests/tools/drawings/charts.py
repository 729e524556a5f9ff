"""Charts with axes and labels, and diagrams of boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

from PIL import Image

from tests.tools.drawings.art import DASHES
from tests.tools.drawings.canvas import Canvas, Colour, Point, bezier, circle, hatching, regular, rounded, sector
from tests.tools.drawings.fonts import Face
from tests.tools.drawings.setting import Palette, Setting, blend, legible

Box = tuple[int, int, int, int]  # left, top, width, height


def charts(setting: Setting) -> Image.Image:
    """One, two or four charts: lines, bars, points, areas and pies, with ticks, a grid and a legend."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper, letters=r.choice(("reduced", "grey")))
    face = setting.face("sans", "serif")
    rows, columns = r.choice(((1, 1), (1, 2), (2, 1), (2, 2), (2, 3)))
    height, width = setting.height // rows, setting.width // columns
    for row in range(rows):
        for column in range(columns):
            margin = r.randint(44, 60)
            box = (column * width + margin, row * height + 40, width - margin - 20, height - 92)
            kind = r.choice((_lines, _lines, _bars, _bars, _points, _area, *[_pie] * (rows * columns > 1)))
            if kind is not _pie:
                _axes(setting, canvas, box, palette, face)
            kind(setting, canvas, box, palette)
            title = setting.words()[0].title(r.randint(1, 4))
            canvas.text(
                (box[0] + box[2] / 2, box[1] - 14),
                title,
                setting.face("sans", "serif"),
                r.randint(12, 20),
                palette.ink,
                anchor="ms",
            )
            _legend(setting, canvas, box, palette, face)
    return canvas.finish()


def _axes(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    r, (left, top, width, height), size = setting.random, box, setting.random.choice((8, 9, 10, 11, 12))
    grid, step = blend(palette.paper, palette.ink, 0.15), r.choice((0.1, 1, 5, 20, 250))
    if r.random() < 0.5:
        canvas.rectangle(*box, blend(palette.paper, palette.accents[0], 0.1))
    ticks = r.randint(4, 9)
    gridded, dash = r.random() < 0.7, r.choice(((), (), (3, 3)))
    for k in range(ticks):
        y, x = top + round(height * k / (ticks - 1)), left + round(width * (k + 0.5) / ticks)
        if gridded:
            canvas.line([(left, y + 0.5), (left + width, y + 0.5)], grid, 1, dash)
        canvas.rectangle(left - 4, y, 4, 1, palette.ink)
        canvas.text((left - 7, y), f"{step * (ticks - 1 - k):g}", face, size, palette.ink, anchor="rm")
        canvas.rectangle(x, top + height, 1, 4, palette.ink)
        label = setting.words()[0].word(1) if step == 1 else f"{2000 + k}"
        tilted = step == 1 and r.random() < 0.3
        canvas.text(
            (x, top + height + 8), label, face, size, palette.ink, anchor="ra" if tilted else "ma", angle=45 * tilted
        )
    canvas.rectangle(left, top, 1, height, palette.ink)
    canvas.rectangle(left, top + height, width + 1, 1, palette.ink)
    words = setting.words()[0]
    canvas.text((left - 36, top + height / 2), words.title(2), face, size, palette.ink, anchor="mm", angle=90)
    canvas.text((left + width / 2, top + height + 28), words.title(2), face, size, palette.ink, anchor="ma")


def _walk(setting: Setting, box: Box, count: int) -> list[Point]:
    r, (left, top, width, height) = setting.random, box
    level, points = r.uniform(0.2, 0.8), []
    for k in range(count):
        level = min(max(level + r.uniform(-1, 1) * 1.2 / count**0.6, 0.03), 0.97)
        points.append((left + width * k / (count - 1), top + height * level))
    return points


def _lines(setting: Setting, canvas: Canvas, box: Box, palette: Palette) -> None:
    r = setting.random
    for tone in palette.accents[: r.randint(1, 5)]:
        points = _walk(setting, box, r.choice((8, 12, 30, 120)))
        canvas.line(points, tone, r.uniform(1, 3.5), r.choice(((), (), r.choice(DASHES))))
        if len(points) < 20 and r.random() < 0.7:
            sides, size = r.choice((3, 4, 30)), r.uniform(2.5, 5)
            for x, y in points:
                canvas.polygon(regular(x, y, size, sides), r.choice((tone, palette.paper)), tone, 1)


def _bars(setting: Setting, canvas: Canvas, box: Box, palette: Palette) -> None:
    r, (left, top, width, height) = setting.random, box
    count, series = r.randint(4, 14), r.randint(1, 3)
    across = width / count
    wide = max(2, int(across * 0.8 / series))
    edged, hatched = r.random() < 0.4, r.random() < 0.25
    for k in range(count):
        for number in range(series):
            tall, tone = round(height * r.uniform(0.05, 0.95)), palette.accents[number]
            fill = hatching(palette.paper, tone, 6, 2, 45 + 90 * number) if hatched else tone
            x = round(left + across * (k + 0.1)) + number * wide
            canvas.rectangle(x, top + height - tall, wide, tall, fill)
            if edged:
                canvas.frame(x, top + height - tall, wide, tall, palette.ink)


def _points(setting: Setting, canvas: Canvas, box: Box, palette: Palette) -> None:
    r, (left, top, width, height) = setting.random, box
    for tone in palette.accents[: r.randint(1, 4)]:
        x, y, spread = r.uniform(0.3, 0.7), r.uniform(0.3, 0.7), r.uniform(0.06, 0.2)
        sides, size = r.choice((3, 4, 5, 24)), r.uniform(1.5, 5)
        for _ in range(r.randint(20, 120)):
            at = (min(max(r.gauss(x, spread), 0), 1), min(max(r.gauss(y, spread), 0), 1))
            canvas.polygon(
                regular(left + width * at[0], top + height * at[1], size, sides),
                tone,
                palette.paper if size > 3 else None,
                0.75,
            )


def _area(setting: Setting, canvas: Canvas, box: Box, palette: Palette) -> None:
    left, top, width, height = box
    for tone in palette.accents[: setting.random.randint(1, 3)]:
        points = _walk(setting, box, setting.random.choice((10, 40)))
        fill = blend(palette.paper, tone, 0.5)
        canvas.polygon([(left, top + height), *points, (left + width, top + height)], fill)
        canvas.line(points, tone, 2)


def _pie(setting: Setting, canvas: Canvas, box: Box, palette: Palette) -> None:
    r, (left, top, width, height) = setting.random, box
    radius, face = min(width, height) / 2, setting.face("sans")
    x, y, hole = left + radius + 4, top + height / 2, radius * r.choice((0, 0, 0.55))
    shares = [r.uniform(0.3, 2) for _ in range(r.randint(3, 7))]
    start = -pi / 2
    for k, share in enumerate(shares):
        end = start + 2 * pi * share / sum(shares)
        tone, middle = palette.accents[k % 6], (start + end) / 2
        canvas.polygon(sector(x, y, radius, start, end, hole), tone, palette.paper, r.choice((1, 2)))
        at = (x + radius * 0.75 * cos(middle), y + radius * 0.75 * sin(middle))
        canvas.text(at, f"{100 * share / sum(shares):.0f}%", face, 12, legible(tone), anchor="mm")
        start = end


def _legend(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    r, (left, top, width, _) = setting.random, box
    names = [setting.words()[0].title() for _ in range(r.randint(2, 4))]
    wide = round(max(face.width(name, 10) for name in names)) + 34
    x, y = left + width - wide - 6, top + 6
    canvas.rectangle(x, y, wide, 16 * len(names) + 8, palette.paper)
    canvas.frame(x, y, wide, 16 * len(names) + 8, palette.faint)
    for k, name in enumerate(names):
        canvas.rectangle(x + 6, y + 8 + 16 * k, 14, 9, palette.accents[k])
        canvas.text((x + 26, y + 12 + 16 * k), name, face, 10, palette.ink, anchor="lm")


def diagrams(setting: Setting) -> Image.Image:
    """A diagram: boxes of several forms with names, joined by arrows with labels."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper, letters=r.choice(("reduced", "grey")))
    face, size, weight = setting.face("sans", "serif", "hand"), r.choice((10, 11, 12, 14)), r.choice((1, 1.5, 2, 3))
    columns, rows = r.randint(3, 5), r.randint(3, 5)
    cells = [
        ((column + 0.5) * setting.width / columns + r.uniform(-14, 14), (row + 0.5) * setting.height / rows)
        for row in range(rows)
        for column in range(columns)
        if r.random() < 0.85
    ] or [(setting.width / 2, setting.height / 2)]
    if r.random() < 0.3:
        for x in range(0, setting.width, 20):
            canvas.rectangle(x, 0, 1, setting.height, blend(palette.paper, palette.ink, 0.07))
        for y in range(0, setting.height, 20):
            canvas.rectangle(0, y, setting.width, 1, blend(palette.paper, palette.ink, 0.07))
    for start in cells:
        end = r.choice(cells)
        if end != start:
            _arrow(setting, canvas, start, end, r.choice((palette.ink, palette.faint)), weight)
    for x, y in cells:
        words, script = setting.words()
        lettering = face if face.covers(script) else setting.face(script=script)
        _node(setting, canvas, (round(x), round(y)), (words.title(), words.word(2)), lettering, size, palette, weight)
    return canvas.finish()


def _arrow(setting: Setting, canvas: Canvas, start: Point, end: Point, tone: Colour, weight: float) -> None:
    r, middle = setting.random, (end[0], start[1])
    dash = r.choice(((), (), (5, 4)))
    canvas.line(r.choice(([start, middle, end], bezier(start, middle, middle, end))), tone, weight, dash)
    sign = 1 if end[1] > start[1] else -1
    tip = (end[0], end[1] - sign * 22) if abs(end[1] - start[1]) > 44 else None
    if tip:
        canvas.polygon([tip, (tip[0] - 5, tip[1] - sign * 11), (tip[0] + 5, tip[1] - sign * 11)], tone)
        canvas.text(
            (tip[0] + 8, (start[1] + end[1]) / 2),
            setting.words()[0].word(1),
            setting.face("sans"),
            9,
            tone,
            anchor="lm",
        )


def _node(
    setting: Setting,
    canvas: Canvas,
    at: Point,
    lines: Sequence[str],
    face: Face,
    size: int,
    palette: Palette,
    weight: float,
) -> None:
    r, (x, y), tone = setting.random, at, setting.random.choice(palette.accents)
    wide, tall = round(max(face.width(line, size) for line in lines) / 2 + 12), 22
    forms = (
        rounded(x - wide, y - tall, 2 * wide, 2 * tall, 0),
        rounded(x - wide, y - tall, 2 * wide, 2 * tall, r.choice((6, 12, tall))),
        [(x - wide - 14, y), (x, y - tall - 8), (x + wide + 14, y), (x, y + tall + 8)],
        circle(x, y, wide + 8, tall + 6),
        [(x - wide + 8, y - tall), (x + wide + 8, y - tall), (x + wide - 8, y + tall), (x - wide - 8, y + tall)],
    )
    fill, ink = r.choice(((tone, legible(tone)), (palette.paper, palette.ink)))
    canvas.polygon(r.choice(forms), fill, r.choice((palette.ink, tone)), weight)
    for number, line in enumerate(lines):
        canvas.text((x, y + (number - 0.5) * size * 1.3), line, face, size - number, ink, anchor="mm")
