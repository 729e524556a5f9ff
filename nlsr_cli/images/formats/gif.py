"""GIF (CompuServe, "Graphics Interchange Format, Version 89a")."""

from __future__ import annotations

from collections.abc import Iterator

from nlsr_cli.images.animation import gif as frames
from nlsr_cli.images.animation import writing
from nlsr_cli.images.animation.gif_writing import gif_of
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import gif
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing
from nlsr_cli.images.metadata import gif_texts, iptc
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.picture import Animation
from nlsr_cli.images.rules.gif import account_gif
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("GIF", alpha=True, icc=False, exif=False, comment=True, dpi="none", side=65535)
SINGLE_NOTE = "A GIF of one frame becomes a PNG: 256 colours could not hold the result."


def _facts(data: bytes) -> Facts:
    frames = sum(block.kind == gif.IMAGE for block in gif.blocks(data))
    aspect = (data[12] + 15) / 64 if len(data) >= gif.SCREEN and data[12] else 1
    note = f"The file says that its pixels are not square ({aspect:g} : 1); this is left out."
    return Facts(frames=max(frames, 1), icc=gif_texts.read_words(data).icc, notes=(note,) if aspect != 1 else ())


def _statements(data: bytes) -> Found:
    found = gif_texts.read_words(data)
    records = None if found.iptc is None else iptc.records_of(found.iptc)
    notes = (iptc.DAMAGED_NOTE,) if found.iptc is not None and records is None else ()
    return Found(found.xmp, records, found.photoshop or b"", comments=tuple(found.comments), notes=notes)


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield the blocks of a GIF, and what lies between them, of which Pillow skips each byte."""
    for block in gif.blocks(data):
        for at in range(block.start, block.start + 1 if block.kind else block.end):
            yield data[at : at + 1]


def _check_parts(data: bytes, label: str) -> None:
    check_number(_blocks(data), data, label)


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    data, notes = gif_of(lambda: [canvas.image], [0], loop=1)
    return gif_texts.with_words(data, canvas.xmp, canvas.comment), notes


def _animate(animation: Animation, options: EncodeOptions) -> Encoded:
    return writing.encode_gif(animation, options, WRITING)


WRITING = Writing(_encode, CARRIES, heeds=(), least_share=0.02)
GIF = Format(
    "GIF",
    (".gif",),
    sniff=lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    facts=_facts,
    part="GIF extension",
    account=account_gif,
    statements=_statements,
    check_parts=_check_parts,
    single=("PNG", SINGLE_NOTE),
    moving=Moving(frames.read_index, lambda image, index, facts, notes: frames.canvases(index), _animate, palette=True),
    writing=WRITING,
)
