"""WebP (RFC 9649), lossy, lossless and animated."""

from __future__ import annotations

from nlsr_cli.images.animation import webp, writing
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import riff
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.picture import Animation
from nlsr_cli.images.rules.riff import account_webp
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("WEBP", alpha=True, grey=False, side=16383)


def _facts(data: bytes) -> Facts:
    if riff.stated_end(data) > len(data):
        raise EOFError("the file is shorter than it says")
    canvas = None
    for chunk in riff.chunks(data):
        name, start = chunk.name, chunk.start
        if name == b"VP8X":
            width, height = (int.from_bytes(data[start + at : start + at + 3], "little") + 1 for at in (4, 7))
            canvas = (height, width)
        elif name == b"ANMF":
            name = next((inner.name for inner in riff.inner(chunk) if inner.name != b"ALPH"), b"")
        if name == b"VP8L":
            return Facts(canvas=canvas, lossless=True)
        if name in (b"VP8 ", b"ALPH"):
            return Facts(canvas=canvas)
    return Facts(canvas=canvas)


def _statements(data: bytes) -> Found:
    return Found(next((chunk.body for chunk in riff.chunks(data) if chunk.name == b"XMP "), None))


def _check_parts(data: bytes, label: str) -> None:
    check_number((chunk.name for chunk in riff.chunks(data)), data, label)


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    data = canvas.saved(
        "WEBP",
        quality=options.quality,
        lossless=canvas.lossless,
        exact=True,
        icc_profile=canvas.icc,
        exif=canvas.exif_block(with_dpi=True),
        xmp=canvas.xmp,
    )
    return data, ()


def _animate(animation: Animation, options: EncodeOptions) -> Encoded:
    return writing.encode_webp(animation, options, WRITING)


WRITING = Writing(_encode, CARRIES, heeds=("quality", "lossless"), least_share=0.002)
WEBP = Format(
    "WEBP",
    (".webp",),
    sniff=lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
    facts=_facts,
    part="WebP chunk",
    account=account_webp,
    statements=_statements,
    check_parts=_check_parts,
    plugin="WebPImagePlugin",
    feature="webp",
    moving=Moving(webp.read_index, lambda image, index, facts, notes: webp.canvases(image, index), _animate),
    writing=WRITING,
)
