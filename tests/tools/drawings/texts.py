"""Scenes of letters: printed pages, words in all sizes and directions, and listings in colours."""

from __future__ import annotations

from math import cos, radians, sin

from PIL import Image

from tests.tools.drawings.art import paint
from tests.tools.drawings.canvas import Canvas, gradient, rounded
from tests.tools.drawings.fonts import Face
from tests.tools.drawings.setting import Palette, Setting, blend, colour, legible
from tests.tools.drawings.words import Words, listing


def pages(setting: Setting) -> Image.Image:
    """A page in one to three columns: headings, paragraphs, lists, figures, notes, a number."""
    r = setting.random
    palette = setting.palette(dark=r.random() < 0.15)
    canvas = setting.canvas(palette.paper, letters=r.choice(("reduced", "grey")))
    words, script = setting.words()
    body = setting.face("serif", "serif", "sans", script=script)
    head = setting.face("serif", "sans", script=script)
    size, margin = r.choice((9, 10, 11, 12, 13, 14, 16, 18)), r.randint(24, 60)
    columns = r.choice((1, 1, 2, 2, 3)) if size < 14 else r.choice((1, 2))
    top = margin
    if r.random() < 0.7:
        top += round(_heading(setting, canvas, margin, top, words.title(r.randint(2, 4)), head, palette))
    gap = r.randint(16, 32)
    wide = (setting.width - 2 * margin - gap * (columns - 1)) / columns
    for column in range(columns):
        left, y = margin + column * (wide + gap), float(top)
        while y < setting.height - margin - size * 2:
            y = _piece(setting, canvas, (left, y, wide, setting.height - margin), (body, head, script), size, palette)
        if column and r.random() < 0.3:
            canvas.rectangle(round(left - gap / 2), top, 1, setting.height - margin - top, palette.faint)
    canvas.text(
        (setting.width / 2, setting.height - margin / 3), str(r.randint(2, 400)), body, size, palette.ink, anchor="ms"
    )
    return canvas.finish()


def _heading(setting: Setting, canvas: Canvas, left: int, top: int, text: str, face: Face, palette: Palette) -> float:
    size = setting.random.choice((24, 28, 32, 40, 48))
    size = min(size, size * (setting.width - 2 * left) / max(face.width(text, size), 1))
    canvas.text((left, top + size * 0.8), text, face, size, setting.random.choice((palette.ink, palette.accents[0])))
    if setting.random.random() < 0.4:
        canvas.rectangle(left, round(top + size * 1.15), setting.width - 2 * left, 2, palette.accents[0])
    return size * 1.6


def _piece(
    setting: Setting,
    canvas: Canvas,
    box: tuple[float, float, float, float],
    faces: tuple[Face, Face, str],
    size: int,
    palette: Palette,
) -> float:
    """Write a heading, a figure, a list or a paragraph from `top` on, not below `bottom`; return where it ends."""
    r, (left, top, wide, bottom), (body, head, script) = setting.random, box, faces
    words, leading = Words(r, script), size * 1.4
    dice = r.random()
    if dice < 0.18:
        large = size * r.uniform(1.2, 1.8)
        canvas.text(
            (left, top + large), words.title(r.randint(1, 2)), head, large, r.choice((palette.ink, palette.accents[0]))
        )
        return top + large * 1.7
    if dice < 0.27 and bottom - top > 120:
        tall = r.randint(60, 110)
        canvas.polygon(rounded(left, top, wide, tall, r.choice((0, 6))), paint(setting, palette), palette.ink, 1)
        return top + tall + leading
    indent = size * 1.5 if dice < 0.4 else 0.0
    ink = palette.ink if dice > 0.34 else palette.accents[1]
    for number, line in enumerate(setting.columns(words.paragraph(r.randint(1, 5)), body, size, wide - indent)):
        if top > bottom - leading:
            break
        if indent and number == 0:
            canvas.text((left, top + size), r.choice("•–1"), body, size, ink)
        canvas.text((left + indent, top + size), line, body, size, ink)
        top += leading
    return top + leading * 0.6


def lettering(setting: Setting) -> Image.Image:
    """Words in 8 to 72 pixels, in many colours and directions, on patches of other colours."""
    r, palette = setting.random, setting.palette()
    canvas = setting.canvas(palette.paper)
    for _ in range(r.randint(4, 12)):
        first = r.choice((*palette.accents, palette.ink))
        fill = r.choice((first, first, gradient(first, r.choice(palette.accents), r.uniform(0, 360))))
        box = (r.randint(-40, setting.width), r.randint(-40, setting.height), r.randint(60, 320), r.randint(40, 240))
        canvas.rectangle(*box, fill, r.choice((0, 0, 10)))
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(r.randint(100, 250)):
        words, script = setting.words()
        face, size = setting.face("sans", "serif", "mono", "hand", script=script), 8 * 9 ** (r.random() ** 1.6)
        x, y = r.uniform(0, setting.width), r.uniform(0, setting.height)
        text = r.choice((words.word(), words.title(), words.title(2), words.word().upper(), words.number()))
        angle = r.choice((0, 0, 0, 90, r.uniform(-90, 90)))
        box = _room(x, y, face.width(text, size), size, angle)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        taken.append(box)
        under = canvas.image.getpixel((int(x) * canvas.factor, int(y) * canvas.factor))
        tone = r.choice((legible(under), legible(under), blend(legible(under), colour(r.random(), 1, 0.7), 0.5)))
        edge = (max(1, size / 20), under) if r.random() < 0.5 else None
        canvas.text((x, y), text, face, size, tone, anchor="mm", angle=angle, outline=edge)
    return canvas.finish(r.choice((Image.Resampling.BOX, Image.Resampling.HAMMING)))


def _room(x: float, y: float, width: float, height: float, angle: float) -> tuple[float, float, float, float]:
    """Return the box about a line of text with its middle at a point: left, top, right, bottom."""
    turned = abs(cos(radians(angle))), abs(sin(radians(angle)))
    across = (width * turned[0] + height * turned[1]) / 2
    along = (width * turned[1] + height * turned[0]) / 2
    return x - across, y - along, x + across, y + along


def listings(setting: Setting) -> Image.Image:
    """An editor or a terminal with a listing in colours, numbers of lines, tabs and a bar."""
    r = setting.random
    palette = setting.palette(dark=r.random() < 0.65)
    paper, ink = palette.paper, palette.ink
    canvas = setting.canvas(paper, letters=r.choice(("grey", "grey", "reduced")))
    face, size = setting.face("mono"), r.choice((10, 11, 12, 13, 14, 16, 18))
    leading, gutter = round(size * r.uniform(1.2, 1.6)), r.choice((0, 36, 48))
    strength = 0.75 if r.random() < 0.8 else 0.0
    tones = {
        kind: blend(ink, tone, strength)
        for kind, tone in zip(("word", "string", "number", "note", "name"), palette.accents, strict=False)
    }
    tones |= {"sign": ink, "name": ink if r.random() < 0.6 else tones["name"], "note": blend(ink, paper, 0.4)}
    top = r.choice((0, 28))
    if top:
        _tabs(setting, canvas, palette, top)
    if gutter:
        canvas.rectangle(0, top, gutter, setting.height - top, blend(paper, ink, 0.06))
    current = r.randint(2, 20)
    canvas.rectangle(gutter, top + leading * current, setting.width, leading, blend(paper, ink, 0.1))
    advance = canvas.length("0", face, size)
    for number, tokens in enumerate(listing(r, (setting.height - top) // leading)):
        base, x = top + leading * number + round(leading * 0.75), gutter + 8.0
        if gutter:
            canvas.text((gutter - 6, base), str(number + 1), face, size - 1, blend(paper, ink, 0.45), anchor="rs")
        for text, kind in tokens:
            if text.strip():
                canvas.text((round(x), base), text, face, size, tones[kind])
            x += canvas.length(text, face, size)
    canvas.rectangle(round(gutter + 8 + 6 * advance), top + leading * current, 2, leading, ink)
    return canvas.finish()


def _tabs(setting: Setting, canvas: Canvas, palette: Palette, tall: int) -> None:
    bar = blend(palette.paper, palette.ink, 0.15)
    canvas.rectangle(0, 0, setting.width, tall, bar)
    face, x = setting.face("sans"), 0
    for number in range(setting.random.randint(2, 6)):
        name = setting.words()[0].word(2)[:12] + setting.random.choice((".txt", ".cfg", ""))
        wide = round(face.width(name, 12)) + 36
        canvas.rectangle(x, 0, wide, tall, bar if number else palette.paper)
        canvas.text((x + 12, tall - 9), name, face, 12, palette.ink)
        canvas.line([(x + wide - 17, 11), (x + wide - 11, 17)], palette.ink, 1)
        canvas.line([(x + wide - 11, 11), (x + wide - 17, 17)], palette.ink, 1)
        canvas.rectangle(x + wide, 4, 1, tall - 8, palette.faint)
        x += wide + 1
