"""What a file of a format can hold: one value for each format that is written, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nlsr_cli.images.metadata import extended_xmp, xmp


@dataclass(frozen=True)
class Carries:
    """What a format holds, and how much of it; limits are in bytes, None is no limit within reach.

    Args:
        format: the name of the format, as notes call it.
        alpha, grey, cmyk: whether it has transparency, grey of one channel, and CMYK.
        depth: the most bits per channel, of which 32 are floating point.
        integers: the most bits of its integers, where that is less than `depth` says.
        grey16: whether Pillow itself writes grey of 16 bits.
        icc, exif, xmp, iptc, comment, texts, thumbnail: whether it holds a color profile, EXIF, XMP, IPTC records, a
            comment, texts by keyword as PNG does, and the small picture inside EXIF.
        dpi: whether it holds a resolution, in any number, in whole dots per inch, or not.
        gain_map, code_points: whether it is written with a gain map, or with code points of HDR.
        tags: whether it holds the tags of TIFF: places on the earth, and the no-data value.
        exif_limit, iptc_limit, comment_limit: the largest of each.
        packet: the largest XMP packet in one piece, where larger ones are split.
        side, area, content: the largest side, pixels of a picture, and bytes of samples.
    """

    format: str
    alpha: bool = False
    grey: bool = True
    cmyk: bool = False
    depth: int = 8
    integers: int | None = None
    grey16: bool = True
    icc: bool = True
    exif: bool = True
    xmp: bool = True
    iptc: bool = False
    comment: bool = False
    texts: bool = False
    thumbnail: bool = True
    dpi: Literal["any", "whole", "none"] = "any"
    gain_map: bool = False
    code_points: bool = False
    tags: bool = False
    exif_limit: int | None = None
    iptc_limit: int | None = None
    comment_limit: int | None = None
    packet: int | None = None
    side: int | None = None
    area: int | None = None
    content: int | None = None

    def holds_packet(self, packet: bytes) -> bool:
        """Say whether there is room for a sound XMP packet, where the format holds XMP."""
        if self.packet is not None and len(packet) > self.packet:
            return extended_xmp.split(packet, self.packet) is not None
        return len(packet) <= xmp.PACKET_LIMIT
