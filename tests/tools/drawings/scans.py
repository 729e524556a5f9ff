"""Line drawings as a scanner sees them: plans, machine parts and sketches on paper with a slight grey texture."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from tests.tools.drawings.art import shapes
from tests.tools.drawings.canvas import Canvas, Colour, circle, hatching, regular, rounded, smooth
from tests.tools.drawings.setting import Setting

WHITE = (255, 255, 255)


def plans(setting: Setting) -> Image.Image:
    """The plan of a floor: walls, doors, windows, stairs, furniture, names of rooms and dimensions."""
    r = setting.random
    canvas, ink = setting.canvas(WHITE), (0, 0, 0)
    left, top = 70, 60
    width, height = setting.width - 140, setting.height - 130
    columns = _cuts(setting, left, width, r.randint(2, 4))
    rows = _cuts(setting, top, height, r.randint(2, 3))
    wall = r.choice((4, 6, 8))
    for x0, x1 in pairwise(columns):
        for y0, y1 in pairwise(rows):
            _room(setting, canvas, (x0, y0, x1, y1), wall)
    canvas.polygon(rounded(left, top, width, height, 0), None, ink, wall * 1.5)
    face = setting.face("sans", "hand")
    for x0, x1 in pairwise(columns):
        _dimension(canvas, (x0, setting.height - 40), (x1, setting.height - 40))
        canvas.text(((x0 + x1) / 2, setting.height - 45), f"{(x1 - x0) / 40:.2f}", face, 11, ink, anchor="ms")
    for y0, y1 in pairwise(rows):
        _dimension(canvas, (36, y0), (36, y1))
        canvas.text((31, (y0 + y1) / 2), f"{(y1 - y0) / 40:.2f}", face, 11, ink, anchor="ms", angle=90)
    canvas.text((left, 38), setting.words()[0].title(3), face, 20, ink)
    return scanned(canvas.finish(), setting)


def _cuts(setting: Setting, start: int, length: int, parts: int) -> list[float]:
    shares = [setting.between(0.7, 1.4) for _ in range(parts)]
    cuts = [float(start)]
    for share in shares:
        cuts.append(cuts[-1] + length * share / sum(shares))
    return cuts


def _room(setting: Setting, canvas: Canvas, box: tuple[float, float, float, float], wall: float) -> None:
    r, (x0, y0, x1, y1), ink = setting.random, box, (0, 0, 0)
    if r.random() < 0.3:
        canvas.polygon(
            rounded(x0, y0, x1 - x0, y1 - y0, 0),
            hatching(WHITE, ink, r.uniform(7, 14), 0.8, r.choice((0, 45, 90)), crossed=r.random() < 0.5),
        )
        canvas.polygon(rounded((x0 + x1) / 2 - 50, (y0 + y1) / 2 - 14, 100, 28, 0), WHITE)
    canvas.polygon(rounded(x0, y0, x1 - x0, y1 - y0, 0), None, ink, wall)
    door = r.uniform(24, 36)
    canvas.line([(x0 + 14, y0), (x0 + 14 + door, y0)], WHITE, wall + 1)
    canvas.line([(x0 + 14, y0), (x0 + 14, y0 + door)], ink, 1.5)
    canvas.line([(x0 + 14 + door * sin(k * pi / 24), y0 + door * cos(k * pi / 24)) for k in range(13)], ink, 1)
    for step in range(r.choice((0, 0, 9))):
        canvas.line([(x1 - 60, y1 - 10 - 7 * step), (x1 - 12, y1 - 10 - 7 * step)], ink, 1)
    for _ in range(r.randint(1, 4)):
        x, y = r.uniform(x0 + 20, max(x0 + 21, x1 - 60)), r.uniform(y0 + 40, max(y0 + 41, y1 - 40))
        shape = r.choice(
            (rounded(x, y, r.uniform(16, 44), r.uniform(14, 30), r.choice((0, 4))), circle(x + 12, y + 10, 10))
        )
        canvas.polygon(shape, WHITE, ink, 1.2)
    words, script = setting.words()
    canvas.text(
        ((x0 + x1) / 2, (y0 + y1) / 2),
        words.title(),
        setting.face("sans", "hand", script=script),
        r.randint(11, 16),
        ink,
        anchor="mm",
        outline=(2, WHITE),
    )


def _dimension(canvas: Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line of dimension with a slash at each end."""
    canvas.line([start, end], (0, 0, 0), 1)
    for x, y in (start, end):
        canvas.line([(x - 4, y + 4), (x + 4, y - 4)], (0, 0, 0), 1.5)


def sketches(setting: Setting) -> Image.Image:
    """Machine parts and doodles: circles with centre lines, gears, hatched sections, plants, notes by hand."""
    r, ink = setting.random, (0, 0, 0)
    canvas = setting.canvas(WHITE)
    if r.random() < 0.35:
        step, line = r.choice((16, 20, 24)), r.choice(((170, 190, 225), (205, 205, 205)))
        for y in range(step, setting.height, step):
            canvas.line([(0, y), (setting.width, y)], line, 1)
        for x in range(step, setting.width if r.random() < 0.6 else 0, step):
            canvas.line([(x, 0), (x, setting.height)], line, 1)
    for column in range(columns := r.randint(2, 4)):
        for row in range(rows := r.randint(2, 3)):
            x = setting.width * (column + 0.5) / columns + r.uniform(-15, 15)
            y = setting.height * (row + 0.5) / rows + r.uniform(-15, 15)
            size = min(setting.width / columns, setting.height / rows) * r.uniform(0.28, 0.42)
            r.choice((_wheel, _section, _plant, _solid))(setting, canvas, (x, y), size, r.choice((1, 1.3, 2)))
    for _ in range(r.randint(4, 10)):
        words, script = setting.words()
        place = (r.uniform(20, setting.width - 120), r.uniform(20, setting.height - 12))
        text = words.title(r.randint(1, 3))
        canvas.text(
            place, text, setting.face("hand", "sans", script=script), r.randint(10, 20), ink, angle=r.uniform(-6, 6)
        )
    return scanned(canvas.finish(), setting)


def _wheel(setting: Setting, canvas: Canvas, at: tuple[float, float], size: float, weight: float) -> None:
    r, (x, y), ink = setting.random, at, (0, 0, 0)
    teeth = r.randint(10, 28)
    outline = [
        (x + size * reach * cos(2 * pi * (k + shift) / teeth), y + size * reach * sin(2 * pi * (k + shift) / teeth))
        for k in range(teeth)
        for shift, reach in ((0, 0.85), (0.15, 1), (0.45, 1), (0.6, 0.85))
    ]
    canvas.polygon(outline, WHITE, ink, weight)
    for share in (0.7, 0.3, 0.12):
        canvas.polygon(circle(x, y, size * share), WHITE, ink, weight)
    for k in range(spokes := r.choice((4, 5, 6))):
        a = 2 * pi * k / spokes
        canvas.polygon(circle(x + size * 0.5 * cos(a), y + size * 0.5 * sin(a), size * 0.1), None, ink, weight)
    for ends in (((x - size * 1.2, y), (x + size * 1.2, y)), ((x, y - size * 1.2), (x, y + size * 1.2))):
        canvas.line(ends, ink, 0.8, (12, 3, 2, 3))


def _section(setting: Setting, canvas: Canvas, at: tuple[float, float], size: float, weight: float) -> None:
    r, (x, y), ink = setting.random, at, (0, 0, 0)
    gap, angle = r.uniform(4, 9), r.choice((45, 135, 30))
    for side in (-1, 1):
        points = [
            (x - size, y + side * size * 0.2),
            (x - size, y + side * size * 0.8),
            (x - size * 0.3, y + side * size * 0.8),
            (x - size * 0.2, y + side * size * 0.5),
            (x + size, y + side * size * 0.5),
            (x + size, y + side * size * 0.2),
        ]
        canvas.polygon(points, hatching(WHITE, ink, gap, 0.9, angle), ink, weight)
    canvas.line([(x - size * 1.15, y), (x + size * 1.15, y)], ink, 0.8, (12, 3, 2, 3))
    _dimension(canvas, (x - size, y + size), (x + size, y + size))
    canvas.text((x, y + size - 4), f"{size:.1f}", setting.face("sans"), 10, ink, anchor="ms")


def _plant(setting: Setting, canvas: Canvas, at: tuple[float, float], size: float, weight: float) -> None:
    r, (x, y), ink = setting.random, at, (0, 0, 0)
    stem = smooth([(x, y + size), (x + r.uniform(-10, 10), y), (x + r.uniform(-20, 20), y - size)])
    canvas.line(stem, ink, weight)
    for k in range(4, len(stem) - 2, 4):
        side = 1 if k % 8 else -1
        sx, sy = stem[k]
        reach = size * r.uniform(0.3, 0.6)
        tip = (sx + side * reach, sy - reach * r.uniform(0.2, 0.7))
        leaf = smooth(
            [(sx, sy), (sx + side * reach * 0.4, tip[1] - 4), tip, (sx + side * reach * 0.6, sy + 4)], closed=True
        )
        canvas.polygon(leaf, WHITE, ink, weight)
        canvas.line([(sx, sy), tip], ink, weight * 0.7)
    canvas.polygon(regular(*stem[-1], size * 0.25, 8, 0, 0.5), WHITE, ink, weight)


def _solid(setting: Setting, canvas: Canvas, at: tuple[float, float], size: float, weight: float) -> None:
    """A block drawn in projection, with hidden edges in dashes."""
    r, (x, y), ink = setting.random, at, (0, 0, 0)
    wide, tall, deep = (size * r.uniform(0.5, 1) for _ in range(3))
    dx, dy = deep * 0.6, -deep * 0.4
    front = [(x - wide, y - tall / 2), (x, y - tall / 2), (x, y + tall), (x - wide, y + tall)]
    back = [(px + dx, py + dy) for px, py in front]
    for face, shade in (((0, 1), None), ((1, 2), hatching(WHITE, ink, 5, 0.8, 60))):
        first, second = face
        canvas.polygon([front[first], front[second], back[second], back[first]], shade, ink, weight)
    canvas.polygon(front, None, ink, weight)
    for pair in ((back[3], front[3]), (back[3], back[0]), (back[3], back[2])):
        canvas.line(pair, ink, weight * 0.7, (4, 4))


def scanned(image: Image.Image, setting: Setting) -> Image.Image:
    """Return a drawing in grey ink on paper with a fine texture, lit a little unevenly and, by chance, not straight."""
    r = setting.random
    noise = np.random.default_rng(r.getrandbits(64))
    if r.random() < 0.6:
        image = image.rotate(r.uniform(-1.2, 1.2), Image.Resampling.BICUBIC, fillcolor=WHITE)
    image = image.filter(ImageFilter.GaussianBlur(r.uniform(0, 0.5)))
    grain = _blurred(noise.standard_normal(image.size[::-1]), r.uniform(0.7, 1.3))
    light = Image.fromarray(noise.standard_normal((4, 5)).astype(np.float32)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    texture = grain * r.uniform(0.5, 2.5) + np.asarray(light) * r.uniform(0, 4)
    black, white = np.float32(_grey(r.uniform(10, 60))), np.float32(_paper(setting))
    pixels = black + (white - black) * (np.asarray(image, np.float32) / 255) + texture[..., None]
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _grey(level: float) -> Colour:
    return (round(level),) * 3


def _paper(setting: Setting) -> Colour:
    light = setting.between(232, 252)
    return setting.random.choice((_grey(light), (round(light), round(light - 3), round(light - 10))))


def _blurred(noise: np.ndarray, radius: float) -> np.ndarray:
    """Return noise without its fine parts, with a standard deviation of 1."""
    levels = Image.fromarray((noise * 30 + 128).clip(0, 255).astype(np.uint8))
    soft = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    return (soft - soft.mean()) / max(float(soft.std()), 0.1)


def dithers(setting: Setting) -> Image.Image:
    """Shapes in black and white or two colours, dithered on cells of several pixels: old screens, faxes, newspapers."""
    r = setting.random
    cell = r.choice((2, 3, 4))
    drawn = shapes(setting).convert("L").reduce(cell)
    grain = np.random.default_rng(r.getrandbits(32)).normal(0, r.choice((0, 0, 40, 100)), np.asarray(drawn).shape)
    mixed = Image.fromarray((np.asarray(drawn) + grain).clip(0, 255).astype(np.uint8))
    method = Image.Dither.FLOYDSTEINBERG if r.random() < 0.7 else Image.Dither.NONE
    bits = mixed.convert("1", dither=method).convert("L")
    palette = setting.palette()
    first, second = ((0, 0, 0), (255, 255, 255)) if r.random() < 0.6 else (palette.ink, palette.paper)
    coloured = ImageOps.colorize(bits, first, second)
    large = coloured.resize((drawn.width * cell, drawn.height * cell), Image.Resampling.NEAREST)
    whole = Image.new("RGB", (setting.width * setting.zoom, setting.height * setting.zoom), second)
    whole.paste(large)
    return whole
