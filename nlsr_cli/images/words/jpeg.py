"""The segments of a JPEG that stand before its samples (ITU-T T.81, JFIF, and XMP specification, part 3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

APP1, APP13, COM, SOS = 0xE1, 0xED, 0xFE, 0xDA
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
SEGMENT = 65533  # bytes that one segment holds
XMP_LIMIT = SEGMENT - len(XMP_HEAD) - 2  # 65502, as the XMP specification counts


@dataclass
class Words:
    """What the segments of one file say: the XMP packet and whether it goes on elsewhere, Photoshop's resources as one
    block, and the comments.
    """

    xmp: bytes | None = None
    extended: bool = False
    photoshop: bytes = b""
    comments: list[bytes] = field(default_factory=list)


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and body of each segment before the first scan; a file that makes no sense ends early."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:  # fill byte, or a marker without a length
            at += 1 if marker == 0xFF else 2
            continue
        if marker == SOS:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : at + 2 + max(length, 2)]
        at += 2 + length


def read_words(data: bytes) -> Words:
    """Return what the segments of a JPEG say."""
    found, blocks = Words(), []
    for marker, body in segments(data):
        if marker == COM:
            found.comments.append(body)
        elif marker == APP1 and body.startswith(XMP_HEAD):
            found.xmp = found.xmp or body[len(XMP_HEAD) :]
        elif marker == APP1 and body.startswith(EXTENDED_HEAD):
            found.extended = True
        elif marker == APP13 and body.startswith(PHOTOSHOP_HEAD):
            blocks.append(body[len(PHOTOSHOP_HEAD) :])
    found.photoshop = b"".join(blocks)
    return found


def photoshop_segment(resources: bytes) -> bytes:
    """Return the APP13 segment of a block of Photoshop's resources.

    Raises:
        ValueError: it is larger than a segment.
    """
    body = PHOTOSHOP_HEAD + resources
    if len(body) > SEGMENT:
        raise ValueError("too large for a segment")
    return struct.pack(">BBH", 0xFF, APP13, 2 + len(body)) + body
