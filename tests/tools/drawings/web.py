"""Web pages of our own as a browser shows them: HTML with inline SVG, and screenshots of it by Chromium."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path

from PIL import Image

from tests.tools.drawings.fonts import Face
from tests.tools.drawings.setting import Palette, Setting, blend, legible
from tests.tools.drawings.words import Words, listing

PATIENCE = 120  # seconds for one page


def screenshot(browser: str, html: str, height: int, width: int, zoom: int = 1) -> Image.Image:
    """Return a page as a browser shows it on a display with `zoom` pixels for each unit.

    Raises:
        subprocess.CalledProcessError: the browser failed.
        FileNotFoundError: there is no such browser, or it made no picture.
    """
    with tempfile.TemporaryDirectory() as folder:
        page, picture = Path(folder, "page.html"), Path(folder, "page.png")
        page.write_text(html, encoding="utf-8")
        command = [browser, "--headless", "--hide-scrollbars", "--disable-gpu", "--disable-lcd-text"]
        command += ["--force-color-profile=srgb", f"--user-data-dir={folder}/profile", "--allow-file-access-from-files"]
        command += ["--no-sandbox"] * (hasattr(os, "geteuid") and os.geteuid() == 0)  # Chromium refuses root otherwise
        command += [f"--window-size={width},{height + 200}", f"--force-device-scale-factor={zoom}"]
        command += [f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        with Image.open(picture) as image:
            return image.convert("RGB").crop((0, 0, width * zoom, height * zoom))


def page(setting: Setting) -> str:
    """Return a page: a bar, a heading, and pieces of many kinds until it is longer than the picture."""
    r, palette = setting.random, setting.palette()
    (words, script), mono = setting.words(), setting.face("mono")
    body, head = setting.face("sans", "serif", script=script), setting.face("sans", "serif", "hand", script=script)
    parts = [_bar(words, palette), f"<h1>{_text(words.title(r.randint(1, 4)))}</h1>"]
    parts += [piece(setting, words, palette) for piece in r.sample(PIECES, len(PIECES))]
    faces = "".join(_font_face(name, face) for name, face in (("body", body), ("head", head), ("mono", mono)))
    return f"<!DOCTYPE html><meta charset=utf-8><style>{faces}{_style(setting, palette)}</style>{''.join(parts)}"


def _font_face(name: str, face: Face) -> str:
    return f"@font-face {{ font-family: {name}; src: url('{face.path.as_uri()}'); }}\n" if face.path else ""


def _style(setting: Setting, palette: Palette) -> str:
    r = setting.random
    paper, ink, rule = _css(palette.paper), _css(palette.ink), _css(palette.faint)
    first, second = palette.accents[:2]
    margin = f"0 {r.choice((16, 24, 48, 90))}px"
    return f"""
        body {{ font: {r.choice((13, 14, 15, 16, 18))}px/1.5 body, sans-serif; color: {ink}; background: {paper}; margin: {margin} }}
        h1, h2 {{ font-family: head, serif; line-height: 1.2; margin: 0.6em 0 0.4em }}
        h1 {{ font-size: {r.choice((26, 32, 40, 48))}px }} h2 {{ font-size: {r.choice((18, 20, 24))}px; color: {_css(first)} }}
        nav {{ background: {_css(first)}; color: {_css(legible(first))}; padding: 10px 16px; border-radius: {r.choice((0, 0, 8))}px }}
        nav span {{ margin-right: 20px }} a {{ color: {_css(second)} }}
        button, .tag {{ font: inherit; border: {r.choice((0, 1, 2))}px solid {ink}; background: {_css(second)};
            color: {_css(legible(second))}; border-radius: {r.choice((0, 4, 20))}px; padding: 4px 14px; margin: 4px }}
        table {{ border-collapse: collapse; margin: 10px 0; width: {r.choice((60, 80, 100))}% }}
        td, th {{ border-{r.choice(("bottom: 1px solid", "style: solid; border-width: 1px; border-color:"))} {rule}; padding: 4px 10px; text-align: left }}
        th {{ background: {_css(blend(palette.paper, palette.ink, 0.12))} }}
        pre {{ font: 13px/1.4 mono, monospace; background: {_css(blend(palette.paper, palette.ink, 0.08))}; padding: 10px; overflow: hidden }}
        blockquote {{ border-left: 4px solid {_css(second)}; margin: 8px 0; padding: 2px 14px; font-style: italic }}
        .cards {{ display: flex; gap: 14px }} .cards div {{ flex: 1; border: 1px solid {rule}; border-radius: {r.choice((0, 6, 12))}px;
            padding: 10px; font-size: 12px; box-shadow: {r.choice(("none", "2px 3px 8px #0004"))} }}
        input {{ font: inherit; margin: 4px; border: 1px solid {rule}; background: {paper}; color: {ink} }}
        svg {{ margin: 8px }}
    """  # noqa: E501


def _css(tone: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*tone)


def _text(text: str) -> str:
    return escape(text)


def _bar(words: Words, palette: Palette) -> str:
    links = "".join(f"<span>{_text(words.title())}</span>" for _ in range(4))
    return f"<nav><b>{_text(words.title())}</b> &nbsp; {links}</nav>"


def _paragraph(setting: Setting, words: Words, palette: Palette) -> str:
    r, text = setting.random, []
    for word in words.paragraph(r.randint(2, 5)).split():
        tag = r.choices(("", "a", "b", "i", "code"), (60, 2, 2, 2, 1))[0]
        text.append(f"<{tag} href=#>{_text(word)}</{tag}>" if tag else _text(word))
    return f"<p>{' '.join(text)}</p>"


def _section(setting: Setting, words: Words, palette: Palette) -> str:
    return f"<h2>{_text(words.title(setting.random.randint(1, 4)))}</h2>{_paragraph(setting, words, palette)}"


def _table(setting: Setting, words: Words, palette: Palette) -> str:
    columns, rows = setting.random.randint(3, 6), setting.random.randint(3, 7)
    head = "".join(f"<th>{_text(words.title())}</th>" for _ in range(columns))
    row = "<td>{}</td>" * columns
    lines = (
        row.format(_text(words.title()), *(_text(words.number()) for _ in range(columns - 1))) for _ in range(rows)
    )
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _buttons(setting: Setting, words: Words, palette: Palette) -> str:
    buttons = "".join(f"<button>{_text(words.title())}</button>" for _ in range(setting.random.randint(2, 5)))
    ticks = "".join(
        f"<label><input type={kind} checked> {_text(words.word())} </label>" for kind in ("checkbox", "radio")
    )
    field = f"<input value='{_text(words.word())}' size=14>"
    return f"<p>{buttons}{field}{ticks}<span class=tag>{_text(words.number())}</span></p>"


def _list(setting: Setting, words: Words, palette: Palette) -> str:
    tag = setting.random.choice(("ul", "ol"))
    return f"<{tag}>{''.join(f'<li>{_text(words.sentence())}' for _ in range(setting.random.randint(2, 5)))}</{tag}>"


def _quote(setting: Setting, words: Words, palette: Palette) -> str:
    return f"<blockquote>{_text(words.paragraph(2))}</blockquote>"


def _code(setting: Setting, words: Words, palette: Palette) -> str:
    tones = dict(zip(("word", "string", "number", "note"), palette.accents, strict=False))
    lines = []
    for tokens in listing(setting.random, setting.random.randint(4, 9)):
        spans = (
            f"<span style='color:{_css(blend(tones[kind], palette.ink, 0.4))}'>{_text(text)}</span>"
            if kind in tones
            else _text(text)
            for text, kind in tokens
        )
        lines.append("".join(spans))
    return "<pre>{}</pre>".format("\n".join(lines))


def _cards(setting: Setting, words: Words, palette: Palette) -> str:
    cards = (
        f"<div><b>{_text(words.title())}</b><br>{_text(words.sentence())}</div>"
        for _ in range(setting.random.randint(2, 4))
    )
    return f"<div class=cards>{''.join(cards)}</div>"


def _figure(setting: Setting, words: Words, palette: Palette) -> str:
    """Return an SVG: bars, a line with marks, circles, and a label."""
    r = setting.random
    width, height = r.randint(240, 520), r.randint(110, 200)
    tones = [_css(tone) for tone in palette.accents]

    def hollow(tone: int) -> str:
        return f"fill=none stroke='{tones[tone]}'"

    bars = discs = ""
    for left in range(20, width - 10, 26):
        tall = r.randint(10, height - 40)
        fill = tones[left % 3]
        bars += f"<rect x={left} y={height - 20 - tall} width={r.choice((14, 20))} height={tall} fill='{fill}' />"
    points = " ".join(f"{left},{r.randint(15, height - 30)}" for left in range(20, width, 30))
    dash = r.choice(("none", "6 4"))
    line = f"<polyline points='{points}' stroke-width={r.choice((1, 2, 3))} stroke-dasharray='{dash}' {hollow(3)} />"
    for _ in range(r.randint(2, 6)):
        place = f"cx={r.randint(10, width)} cy={r.randint(10, height)} r={r.randint(4, 30)}"
        discs += f"<circle {place} stroke-width=2 {r.choice((hollow(5), f'fill={tones[4]}'))} />"
    axes = f"<path d='M20 10 V{height - 20} H{width}' fill=none stroke='{_css(palette.ink)}'/>"
    label = f"<text x=24 y={height - 4} font-size=12 fill='{_css(palette.ink)}'>{_text(words.title(3))}</text>"
    return f"<svg width={width} height={height}>{r.choice((bars, bars + line, line + discs, discs))}{axes}{label}</svg>"


Piece = Callable[[Setting, Words, Palette], str]
PIECES: tuple[Piece, ...] = (
    _paragraph, _paragraph, _section, _section, _table, _buttons, _list, _quote, _code, _cards, _figure, _figure,
)  # fmt: skip
