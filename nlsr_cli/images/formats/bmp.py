"""BMP (Microsoft, "Bitmap Storage"; BITMAPV5HEADER)."""

from __future__ import annotations

import struct
from functools import cached_property

from nlsr_cli.images import bitmap
from nlsr_cli.images.canvas import saved
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import bmp
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Format, Writing, encode_whole
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import CARRIED, GAP, PADDING, REPLACED, Accounted, Part, Rule, account, dropped

CARRIES = Carries("BMP", icc=False, exif=False, xmp=False, content=2**32 - 2**20)  # it counts bytes in 32 bits
HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the second header

FATES: dict[str, Rule] = {
    **dict.fromkeys(("headers", "palette", "pixels", PADDING), REPLACED),
    "profile": CARRIED,
    GAP: dropped("data between header and pixels"),
}
LINKED = dropped("the name of a colour profile in another file")


def rule_of(part: Part, found: bmp.Bitmap | None) -> Rule | None:
    """Return the fate of a part of a BMP of this header, None where that makes no sense; None for unknown parts."""
    linked = part.name == "profile" and found is not None and found.space == bmp.LINKED
    return LINKED if linked else FATES.get(part.name)


def _sniff(head: bytes) -> bool:
    """Two letters are weak evidence: plain text may begin with them, so the size of the second header is asked too."""
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in HEADERS


class BmpFile(Parsed):
    """A BMP."""

    format, part = "BMP", "BMP part"

    @cached_property
    def bitmap(self) -> bmp.Bitmap:
        """Return what its headers say; raise ValueError or struct.error where they make no sense."""
        return bmp.read_bitmap(self.data)

    def header(self) -> Facts:
        found = self.bitmap
        refusal = bitmap.refusal_of(found)
        start, end = found.profile
        return Facts(
            bits=bitmap.channel_bits(found),
            canvas=(found.height, found.width),
            refusal=refusal,
            hint="Convert it to PNG first." if refusal else "",
            colours=bitmap.colours_of(found),
            icc=self.data[start:end] if found.space == bmp.EMBEDDED and end <= len(self.data) else None,
            bitmap=found if found.compression in (bmp.RAW, bmp.MASKS, bmp.ALPHA_MASKS) else None,
        )

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            found = self.bitmap
        except (ValueError, struct.error):
            found = None
        return account(bmp.parts(self.data, found), lambda part: rule_of(part, found))


BMP = Format(
    "BMP",
    (".bmp",),
    sniff=_sniff,
    parse=BmpFile,
    writing=Writing(
        # Zero is unknown; left alone, Pillow would claim 96.
        encode_whole(lambda canvas, pixels, _: (saved(canvas.image(pixels), "BMP", dpi=canvas.dpi or (0, 0)), ())),
        CARRIES,
        heeds=("background",),
        least_share=1.0,
        whole=True,
    ),
)
