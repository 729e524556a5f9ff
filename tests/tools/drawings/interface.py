"""User interfaces: windows with buttons, forms and lists, tables, and desktops without smooth edges."""

from __future__ import annotations

from PIL import Image

from tests.tools.drawings.canvas import Canvas, Colour, circle, gradient, regular, rounded
from tests.tools.drawings.fonts import Face
from tests.tools.drawings.setting import Palette, Setting, blend, legible

Box = tuple[int, int, int, int]  # left, top, width, height


def windows(setting: Setting) -> Image.Image:
    """A desktop with one to three windows that hold forms, lists, buttons and text, edges at whole pixels."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.accents[0], letters=r.choice(("grey", "grey", "reduced")))
    if r.random() < 0.5:
        canvas.rectangle(
            0, 0, setting.width, setting.height, gradient(palette.accents[0], palette.accents[1], r.uniform(0, 180))
        )
    face = setting.face("sans")
    for number in range(count := r.randint(1, 3)):
        width, height = (
            r.randint(setting.width // 2, setting.width - 40),
            r.randint(setting.height // 2, setting.height - 60),
        )
        left = r.randint(10, setting.width - width - 10)
        top = r.randint(10, setting.height - height - 30)
        _window(setting, canvas, (left, top, width, height), palette, face, active=number == count - 1)
    canvas.rectangle(0, setting.height - 26, setting.width, 26, bar := blend(palette.ink, palette.accents[2], 0.2))
    canvas.cover(0, setting.height - 26, setting.width, 26)
    for k in range(6):
        canvas.rectangle(6 + 30 * k, setting.height - 22, 18, 18, palette.accents[k], 4)
    canvas.text(
        (setting.width - 8, setting.height - 9), setting.words()[0].number(), face, 12, legible(bar), anchor="rs"
    )
    return canvas.finish()


def _window(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face, *, active: bool) -> None:
    r, (left, top, width, height), radius = setting.random, box, setting.random.choice((0, 0, 6, 10))
    for k in range(4):
        canvas.frame(
            left - k,
            top - k,
            width + 2 * k,
            height + 2 * k,
            blend(palette.accents[0], (0, 0, 0), 0.4 - 0.1 * k),
            radius,
        )
    canvas.rectangle(left, top, width, height, palette.paper, radius)
    canvas.cover(left, top, width, height)
    title = palette.accents[3] if active else blend(palette.paper, palette.ink, 0.2)
    canvas.rectangle(left, top, width, 28, title, radius)
    canvas.rectangle(left, top + 14, width, 14, title)
    canvas.text((left + 12, top + 19), setting.words()[0].title(2), face, 13, legible(title))
    for k in range(3):
        canvas.polygon(circle(left + width - 16 - 20 * k, top + 14, 6), palette.accents[k], legible(title), 1)
    x, y = left + 10, top + 34
    for _ in range(r.randint(3, 7)):
        word = setting.words()[0].title()[:9]
        canvas.text((x, y + 14), word, face, 12, palette.ink)
        x += round(face.width(word, 12)) + 16
        if x > left + width - 80:
            break
    canvas.rectangle(left, y + 22, width, 1, palette.faint)
    side = width // r.choice((3, 4))
    _list(setting, canvas, (left, y + 23, side, height - 58), palette, face)
    r.choice((_form, _cells, _cards))(
        setting, canvas, (left + side + 12, y + 34, width - side - 24, height - 78), palette, face
    )


def _list(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    (left, top, width, height), size = box, setting.random.choice((10, 11, 12, 13))
    canvas.rectangle(left + 1, top, width, height, blend(palette.paper, palette.ink, 0.07))
    row, chosen = size * 2, setting.random.randint(0, 6)
    for k in range(height // row - 1):
        tone = palette.ink
        if k == chosen:
            canvas.rectangle(left + 4, top + 4 + row * k, width - 8, row, palette.accents[3], 4)
            tone = legible(palette.accents[3])
        canvas.polygon(
            regular(left + 16, top + 4 + row * (k + 0.5), 5, setting.random.choice((3, 4, 6, 24))),
            palette.accents[k % 6],
        )
        canvas.text(
            (left + 28, top + 4 + row * k + round(row * 0.68)), setting.words()[0].title()[:14], face, size, tone
        )


def _form(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    """Labels with fields, boxes to tick, sliders; buttons at the end."""
    r, (left, top, width, height) = setting.random, box
    size, y = r.choice((11, 12, 13, 14)), top
    field = blend(palette.paper, palette.ink, 0.04)
    while y < top + height - 70:
        words, script = setting.words()
        canvas.text((left, y + size), words.title(), setting.face("sans", script=script), size, palette.ink)
        x, wide = left + width // 3, width // 2
        match r.choice(("field", "field", "ticks", "slider", "switch")):
            case "field":
                canvas.rectangle(x, y - 4, wide, size + 10, field)
                canvas.frame(x, y - 4, wide, size + 10, palette.faint, r.choice((0, 4)))
                canvas.text((x + 6, y + size), words.word(3)[:14], face, size, palette.ink)
            case "ticks":
                for k in range(3):
                    canvas.frame(x + 60 * k, y, 13, 13, palette.ink)
                    if r.random() < 0.5:
                        at = x + 60 * k
                        canvas.line([(at + 3, y + 6), (at + 6, y + 10), (at + 11, y + 2)], palette.accents[1], 2)
                    canvas.text((x + 60 * k + 18, y + 11), words.word(1)[:5], face, size - 1, palette.ink)
            case "slider":
                at = r.randint(0, wide)
                canvas.rectangle(x, y + 5, wide, 4, palette.faint, 2)
                canvas.rectangle(x, y + 5, at, 4, palette.accents[3], 2)
                canvas.polygon(circle(x + at, y + 7, 7), palette.paper, palette.accents[3], 2)
            case "switch":
                on = r.random() < 0.5
                canvas.rectangle(x, y - 1, 34, 18, palette.accents[3] if on else palette.faint, 9)
                canvas.polygon(circle(x + (25 if on else 9), y + 8, 7), palette.paper)
        y += size + r.choice((18, 22))
    for k, tone in enumerate((palette.accents[3], blend(palette.paper, palette.ink, 0.15))):
        _button(setting, canvas, (left + width - 100 * (k + 1), top + height - 34, 90, 26), tone, face)


def _button(setting: Setting, canvas: Canvas, box: Box, tone: Colour, face: Face) -> None:
    left, top, width, height = box
    canvas.rectangle(*box, tone, setting.random.choice((0, 3, 6, 13)))
    canvas.text(
        (left + width / 2, top + height / 2), setting.words()[0].title()[:9], face, 12, legible(tone), anchor="mm"
    )


def _cells(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    """A table with a head, stripes or rules, numbers to the right."""
    r, (left, top, width, height) = setting.random, box
    size, columns = r.choice((9, 10, 11, 12, 13)), r.randint(3, max(3, width // 90))
    row, wide = size + r.randint(6, 14), width // columns
    striped, ruled, upright = r.random() < 0.5, r.random() < 0.6, r.random() < 0.4
    numeric = [k > 0 and r.random() < 0.6 for k in range(columns)]
    head = r.choice((palette.accents[3], blend(palette.paper, palette.ink, 0.15)))
    for line in range(height // row):
        y = top + line * row
        fill = head if line == 0 else blend(palette.paper, palette.ink, 0.06) if striped and line % 2 else palette.paper
        canvas.rectangle(left, y, wide * columns, row, fill)
        if ruled:
            canvas.rectangle(left, y + row - 1, wide * columns, 1, palette.faint)
        for k in range(columns):
            words = setting.words()[0]
            text = words.number() if numeric[k] and line else words.title()
            while text and face.width(text, size) > wide - 12:
                text = text[:-1]
            x = left + wide * (k + 1) - 6 if numeric[k] else left + wide * k + 6
            canvas.text(
                (x, y + round((row + size * 0.7) / 2)),
                text,
                face,
                size,
                legible(head) if line == 0 else palette.ink,
                anchor="rs" if numeric[k] else "ls",
            )
    for k in range(columns + 1 if upright else 0):
        canvas.rectangle(left + wide * k, top, 1, height // row * row, palette.faint)


def _cards(setting: Setting, canvas: Canvas, box: Box, palette: Palette, face: Face) -> None:
    """Cards with a figure, a heading and lines of text."""
    r, (left, top, width, height) = setting.random, box
    columns, rows = max(1, width // 150), max(1, height // 130)
    for k in range(columns * rows):
        x, y = left + k % columns * (width // columns), top + k // columns * (height // rows)
        wide, tall = width // columns - 10, height // rows - 10
        canvas.rectangle(x, y, wide, tall, blend(palette.paper, palette.ink, 0.05), 6)
        canvas.frame(x, y, wide, tall, palette.faint, 6)
        tone = palette.accents[k % 6]
        canvas.rectangle(x + 8, y + 8, 28, 28, tone, r.choice((4, 14)))
        canvas.text((x + 22, y + 22), setting.words()[0].title()[:1], face, 16, legible(tone), anchor="mm")
        canvas.text((x + 44, y + 20), setting.words()[0].title()[:11], face, 13, palette.ink)
        canvas.text((x + 44, y + 34), setting.words()[0].number(), face, 10, blend(palette.paper, palette.ink, 0.6))
        text = setting.words()[0].paragraph(2)
        for number, line in enumerate(setting.columns(text, face, 10, wide - 16)):
            if 54 + 14 * number > tall - 6:
                break
            canvas.text((x + 8, y + 54 + 14 * number), line, face, 10, palette.ink)


def tables(setting: Setting) -> Image.Image:
    """A table as large as the picture, under a heading and between bars."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper, letters=r.choice(("grey", "reduced")))
    face, margin = setting.face("sans", "sans", "serif"), r.choice((0, 16, 32))
    top = margin
    if r.random() < 0.7:
        canvas.text(
            (margin + 6, margin + 30), setting.words()[0].title(3), setting.face("sans"), r.randint(20, 32), palette.ink
        )
        top += 48
    box = (margin, top, setting.width - 2 * margin, setting.height - top - margin)
    _cells(setting, canvas, box, palette, face)
    return canvas.finish()


GREY, LIGHT, DARK, BLUE = (192, 192, 192), (255, 255, 255), (96, 96, 96), (0, 0, 128)


def desktops(setting: Setting) -> Image.Image:
    """An old desktop: bevels, black letters, and no smooth edge at all."""
    r = setting.random
    canvas = setting.canvas(r.choice(((0, 128, 128), (58, 110, 165), (120, 120, 150))), samples=1, letters="black")
    face, title = setting.face("sans"), r.choice((BLUE, (0, 120, 0), (110, 0, 90)))
    for k in range(setting.height // 90):
        x, y = 20, 16 + 90 * k
        canvas.rectangle(x + 8, y, 32, 32, r.choice(((255, 255, 0), (0, 200, 200), (220, 60, 60))))
        canvas.frame(x + 8, y, 32, 32, (0, 0, 0))
        canvas.text((x + 24, y + 48), setting.words()[0].title()[:10], face, 11, LIGHT, anchor="ms")
    for _ in range(r.randint(2, 4)):
        width, height = r.randint(260, setting.width - 130), r.randint(180, setting.height - 60)
        left, top = r.randint(90, setting.width - width - 10), r.randint(6, setting.height - height - 34)
        _bevel(canvas, (left, top, width, height))
        canvas.cover(left, top, width, height)
        canvas.rectangle(left + 3, top + 3, width - 6, 18, title)
        canvas.text((left + 8, top + 16), setting.words()[0].title(2), face, 12, LIGHT)
        _bevel(canvas, (left + width - 20, top + 5, 14, 14))
        canvas.text((left + width - 13, top + 16), "×", face, 12, (0, 0, 0), anchor="ms")
        _pane(setting, canvas, (left + 12, top + 30, width - 24, height - 80), face)
        for k in range(2):
            _bevel(canvas, button := (left + width - 90 * (k + 1), top + height - 36, 80, 24))
            canvas.text(
                (button[0] + 40, button[1] + 16), setting.words()[0].title()[:8], face, 12, (0, 0, 0), anchor="ms"
            )
    _bevel(canvas, bar := (0, setting.height - 28, setting.width, 28))
    canvas.cover(*bar)
    _bevel(canvas, (3, setting.height - 25, 60, 22))
    canvas.text((33, setting.height - 10), setting.words()[0].title()[:7], face, 12, (0, 0, 0), anchor="ms")
    return canvas.finish()


def _bevel(canvas: Canvas, box: Box, *, sunk: bool = False) -> None:
    left, top, width, height = box
    canvas.rectangle(*box, LIGHT if sunk else GREY)
    first, second = (DARK, LIGHT) if sunk else (LIGHT, DARK)
    canvas.rectangle(left, top, width, 1, first)
    canvas.rectangle(left, top, 1, height, first)
    canvas.rectangle(left, top + height - 1, width, 1, second)
    canvas.rectangle(left + width - 1, top, 1, height, second)


def _pane(setting: Setting, canvas: Canvas, box: Box, face: Face) -> None:
    r, (left, top, width, height) = setting.random, box
    _bevel(canvas, box, sunk=True)
    if r.random() < 0.5:
        palette = Palette(LIGHT, (0, 0, 0), (160, 160, 160), (BLUE,) * 6)
        return _cells(setting, canvas, (left + 2, top + 2, width - 4, height - 4), palette, face)
    size = r.choice((10, 11, 12, 13, 14))
    for number, line in enumerate(setting.columns(setting.words()[0].paragraph(20), face, size, width - 16)):
        if (number + 2) * size * 1.3 > height:
            break
        canvas.text((left + 8, top + 6 + round((number + 1) * size * 1.3)), line, face, size, (0, 0, 0))
    return canvas.polygon(rounded(left + width - 14, top + 2, 12, 40, 0), GREY, DARK, 1)
