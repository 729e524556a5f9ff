"""BMP (Microsoft, "Bitmap Storage"; BITMAPV5HEADER)."""

from __future__ import annotations

from nlsr_cli.images import bitmap
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import bmp
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Writing
from nlsr_cli.images.rules.bmp import account_bmp
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("BMP", icc=False, exif=False, xmp=False, content=2**32 - 2**20)  # it counts bytes in 32 bits
HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the second header


def _sniff(head: bytes) -> bool:
    """Two letters are weak evidence: plain text may begin with them, so the size of the second header is asked too."""
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in HEADERS


def _facts(data: bytes) -> Facts:
    found = bmp.read_bitmap(data)
    refusal = bitmap.refusal_of(found)
    start, end = found.profile
    return Facts(
        bits=bitmap.channel_bits(found),
        canvas=(found.height, found.width),
        refusal=refusal,
        hint="Convert it to PNG first." if refusal else "",
        colours=bitmap.colours_of(found),
        icc=data[start:end] if found.space == bmp.EMBEDDED and end <= len(data) else None,
        bitmap=found if bitmap.is_plain(found) else None,
    )


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    return canvas.saved("BMP", dpi=canvas.dpi or (0, 0)), ()  # zero is unknown; left alone, Pillow would claim 96


BMP = Format(
    "BMP",
    (".bmp",),
    sniff=_sniff,
    facts=_facts,
    part="BMP part",
    account=account_bmp,
    writing=Writing(_encode, CARRIES, heeds=("background",), least_share=1.0),
)
