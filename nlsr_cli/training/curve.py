"""The curve of a run as a picture: loss and validation PSNR over the steps. Drawn by Pillow, which is here anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor, isfinite, log10

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 960, 720
_LEFT, _RIGHT, _TOP, _BOTTOM, _BETWEEN = 90, 30, 50, 60, 50  # margins in pixels
_INK, _FAINT = (40, 40, 40), (222, 222, 222)
_COLOURS = {"loss": (196, 78, 82), "PSNR": (43, 108, 176)}
_TICKS = 5
_ROOM = 0.04  # between a curve and its frame, as a share of its height
_DOT = 3


@dataclass(frozen=True)
class _Axis:
    """From numbers to pixels along one direction: `low` lies at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw_curve(points: Sequence[tuple[int, float, float]], title: str) -> bytes:
    """Return a PNG of (step, loss, PSNR in dB) points: the loss above, the PSNR below, over the same steps.

    What is not finite is left out. One point is a dot, none an empty frame.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=15)
    draw.text((_LEFT, 6), title, _INK, ImageFont.load_default(size=18))
    half = (HEIGHT - _TOP - _BOTTOM - _BETWEEN) // 2
    steps = _axis([step for step, _, _ in points], _LEFT, WIDTH - _RIGHT)
    for index, (name, label) in enumerate({"loss": "loss", "PSNR": "validation PSNR (dB)"}.items()):
        top = _TOP + index * (half + _BETWEEN)
        line = [(point[0], point[1 + index]) for point in points if isfinite(point[1 + index])]
        values = _axis([value for _, value in line], top + half, top)
        _frame(draw, font, steps, values)
        draw.text((_LEFT, top - 4), label, _COLOURS[name], font, anchor="ls")
        _line(draw, [(steps.place(step), values.place(value)) for step, value in line], _COLOURS[name])
    draw.text(((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 12), "steps", _INK, font, anchor="ms")
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    """Return an axis that holds all values with some room around them, and ticks at round numbers."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    flat = high - low < 1e-6 * max(abs(high), 1e-3)  # one point, or a line without rise
    room = (0.1 * abs(high) or 1.0) if flat else _ROOM * (high - low)
    low, high = low - room, high + room
    step = _round_step((high - low) / _TICKS)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return _Axis(low, high, start, end, tuple(index * step for index in range(first, last + 1)))


def _round_step(rough: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _frame(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, steps: _Axis, values: _Axis
) -> None:
    """Draw the grid with its numbers."""
    for tick in steps.ticks:
        x = steps.place(tick)
        draw.line([(x, values.end), (x, values.start)], _FAINT)
        draw.text((x, values.start + 6), f"{tick:.10g}", _INK, font, anchor="mt")
    for tick in values.ticks:
        y = values.place(tick)
        draw.line([(steps.start, y), (steps.end, y)], _FAINT)
        draw.text((steps.start - 8, y), f"{tick:.6g}", _INK, font, anchor="rm")
    draw.rectangle([steps.start, values.end, steps.end, values.start], outline=_INK)


def _line(draw: ImageDraw.ImageDraw, places: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
    if len(places) > 1:
        draw.line(list(places), colour, width=2)
    if len(places) <= WIDTH // 20:  # more dots than that would run into each other
        for x, y in places:
            draw.ellipse([x - _DOT, y - _DOT, x + _DOT, y + _DOT], fill=colour)
