"""Maps of no place."""

from __future__ import annotations

from PIL import Image

from tests.tools.drawings.art import DASHES, ring
from tests.tools.drawings.canvas import Canvas, Colour, Point, circle, rounded, smooth
from tests.tools.drawings.setting import Setting, blend


def streets(setting: Setting) -> Image.Image:
    """A map: water, parks, blocks, roads with casings, borders in dashes, names and a scale."""
    r = setting.random
    dark = r.random() < 0.25
    land = (38, 42, 48) if dark else r.choice(((242, 239, 233), (250, 248, 240), (232, 236, 228)))
    canvas = setting.canvas(land)
    water, park = (
        ((24, 40, 66), (34, 58, 44)) if dark else ((170, 211, 223), r.choice(((200, 230, 180), (173, 209, 158))))
    )
    width, height = setting.width, setting.height
    for _ in range(r.randint(3, 8)):
        area = smooth(ring(setting, r.uniform(0, width), r.uniform(0, height), r.uniform(40, 130)), closed=True)
        canvas.polygon(area, park, blend(park, (0, 0, 0), 0.15), 1)
    for _ in range(r.randint(20, 70)):
        points = rounded(r.randint(0, width), r.randint(0, height), r.randint(8, 40), r.randint(8, 40), 0)
        canvas.polygon(points, blend(land, (120, 90, 80), 0.25), blend(land, (60, 40, 40), 0.5), 1)
    if r.random() < 0.8:
        _river(setting, canvas, water)
    _roads(setting, canvas, dark)
    for dash, tone in zip(DASHES[:3], ((120, 60, 130), (90, 90, 90), (200, 60, 60)), strict=True):
        canvas.line(smooth(_across(setting)), tone, r.uniform(1, 2.5), dash)
    ink = (230, 230, 230) if dark else (50, 50, 50)
    for _ in range(r.randint(12, 30)):
        words, script = setting.words()
        place = (r.uniform(20, width - 60), r.uniform(20, height - 20))
        angle = r.choice((0, 0, 0, r.uniform(-60, 60)))
        face, size = setting.face("sans", script=script), r.choice((8, 9, 10, 11, 12, 14, 18, 24))
        canvas.text(place, words.title(r.randint(1, 2)), face, size, ink, anchor="mm", angle=angle, outline=(1.5, land))
        if angle == 0:
            canvas.polygon(circle(place[0], place[1] + size, 3), (200, 40, 40), (255, 255, 255), 1)
    for step in range(4):
        canvas.rectangle(20 + 30 * step, height - 24, 30, 5, ink if step % 2 else land)
    canvas.frame(20, height - 24, 120, 5, ink)
    canvas.text((144, height - 18), f"{r.randint(1, 9) * 100} m", setting.face("sans"), 10, ink)
    return canvas.finish()


def _across(setting: Setting) -> list[Point]:
    """Return points of a way from side to side."""
    r, w, h = setting.random, setting.width, setting.height
    start, end = ((-10, r.uniform(0, h)), (w + 10, r.uniform(0, h)))
    if r.random() < 0.5:
        start, end = ((r.uniform(0, w), -10), (r.uniform(0, w), h + 10))
    middle = [
        (
            start[0] + (end[0] - start[0]) * t + r.uniform(-40, 40),
            start[1] + (end[1] - start[1]) * t + r.uniform(-40, 40),
        )
        for t in (0.25, 0.5, 0.75)
    ]
    return [start, *middle, end]


def _river(setting: Setting, canvas: Canvas, water: Colour) -> None:
    canvas.line(smooth(_across(setting)), blend(water, (0, 0, 60), 0.25), width := setting.random.uniform(16, 44))
    canvas.line(smooth(_across(setting)), water, width * 0.3)


def _roads(setting: Setting, canvas: Canvas, dark: bool) -> None:
    r = setting.random
    roads = [(_across(setting), r.choice((2, 3, 4, 4, 6, 9, 12)), r.random() < 0.5) for _ in range(r.randint(10, 24))]
    roads.sort(key=lambda road: road[1])
    for points, wide, bent in roads:
        canvas.line(smooth(points) if bent else points, (90, 90, 96) if dark else (150, 140, 130), wide + 2)
    for points, wide, bent in roads:
        fill = (252, 214, 164) if wide > 8 else (247, 250, 191) if wide > 5 else (255, 255, 255)
        canvas.line(smooth(points) if bent else points, blend(fill, (40, 40, 50), 0.6) if dark else fill, wide)
