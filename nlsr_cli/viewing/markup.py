"""Parts of pages that hold everything they show: templates, policies, text and pictures in HTML."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from importlib.resources import files
from pathlib import Path

from nlsr_cli.images import Pixels
from nlsr_cli.storing import writing
from nlsr_cli.viewing.shown import png


def template(name: str) -> str:
    """Return a file of the templates."""
    return files("nlsr_cli.viewing").joinpath(name).read_text("utf-8")


def policy_hash(text: str) -> str:
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
