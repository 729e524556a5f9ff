"""Parts of pages that hold everything they show: templates, policies, text and pictures in HTML."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from importlib.resources import files
from pathlib import Path
from string import Template

from nlsr_cli.images import Pixels
from nlsr_cli.storing import writing
from nlsr_cli.version import __version__
from nlsr_cli.viewing.shown import png


def filled(name: str, **parts: object) -> str:
    """Return a template, a file of this folder, with its gaps filled: with HTML."""
    return Template(_file(name)).substitute(parts)


def framed(main: str, *, title: str, facts: str, script: str = "") -> str:
    """Return a page around its main part. Its policy allows the style, the script and pictures in it, nothing else.

    Args:
        main: HTML.
        title: HTML without elements.
        facts: a line below the title, HTML.
        script: the name of a file of this folder, or "" for none.
    """
    style, code = _file("look.css") + _file("page.css"), _file(script) if script else ""
    policy = f"style-src 'sha256-{_hash(style)}';" + (f" script-src 'sha256-{_hash(code)}';" if script else "")
    element = f"<script>{code}</script>\n" if script else ""
    return filled(
        "frame.html",
        version=__version__,
        policy=policy,
        style=style,
        title=title,
        facts=facts,
        main=main,
        script=element,
    )


def _file(name: str) -> str:
    return files("nlsr_cli.viewing").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the SHA-256 of a style or script as a policy states it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def said(text: str) -> str:
    """Return text for HTML: what a browser would take for markup, or could not show, is escaped."""
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return html.escape(os.fsencode(shown).decode("utf-8", "backslashreplace"))


def figure(pixels: Pixels, text: str, caption: str, kind: str = "") -> str:
    """Return a picture, (h, w, 3) uint8, with its `text` for those who do not see it and the caption below it."""
    data = base64.b64encode(png(pixels)).decode()
    size = f'width="{pixels.shape[1]}" height="{pixels.shape[0]}"'
    image = f'<img src="data:image/png;base64,{data}" {size} alt="{said(text)}">'
    return f'<figure class="{kind}">{image}<figcaption>{said(caption)}</figcaption></figure>'


def write_html(text: str, path: Path, *, overwrite: bool) -> None:
    """Write a page, whole or not at all.

    Raises:
        DestinationClash, ImageWriteError: as `storing.writing`.
    """
    with writing(path, overwrite=overwrite) as part:
        part.append(text.encode("utf-8", "backslashreplace"))
        part.commit()
