"""What the segments of a JPEG say (ITU-T T.81; XMP specification, part 3; Photoshop file format)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from nlsr_cli.images.containers.jpeg import APP1, APP13, COM, Jpeg, segment
from nlsr_cli.images.metadata.extended_xmp import Portion, whole_packet

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
SEGMENT = 65533  # bytes that one segment holds
# 65502, as the XMP specification counts, less what the directory of an Ultra HDR file may add: readers look for that in
# the first segment.
XMP_LIMIT = SEGMENT - len(XMP_HEAD) - 2 - 1024
PORTION_LIMIT = SEGMENT - len(EXTENDED_HEAD) - 40


@dataclass
class Words:
    """What the segments of one file say: the XMP packet, whether a part of it is missing, Photoshop's resources as one
    block, and the comments.
    """

    xmp: bytes | None = None
    incomplete: bool = False
    photoshop: bytes = b""
    comments: list[bytes] = field(default_factory=list)


def read_words(picture: Jpeg) -> Words:
    """Return what the segments of a picture in a JPEG file say."""
    found, blocks, portions = Words(), [], []
    for marker, body in picture.header():
        if marker == COM:
            found.comments.append(body)
        elif marker == APP1 and body.startswith(XMP_HEAD):
            found.xmp = found.xmp or body[len(XMP_HEAD) :]
        elif marker == APP1 and body.startswith(EXTENDED_HEAD):
            portions.append(_portion(body[len(EXTENDED_HEAD) :]))
        elif marker == APP13 and body.startswith(PHOTOSHOP_HEAD):
            blocks.append(body[len(PHOTOSHOP_HEAD) :])
    found.photoshop = b"".join(blocks)
    if portions:
        found.xmp, found.incomplete = whole_packet(found.xmp, portions)
    return found


def _portion(body: bytes) -> Portion:
    """Return a piece of extended XMP: the digest of the whole in hexadecimal digits, its length, and a place in it."""
    length, start = struct.unpack(">II", body[32:40].ljust(8, b"\xff"))
    return Portion(body[:32], length, start, body[40:])


def photoshop_segment(resources: bytes) -> bytes:
    """Return the APP13 segment of a block of Photoshop's resources.

    Raises:
        ValueError: it is larger than a segment.
    """
    return segment(APP13, PHOTOSHOP_HEAD + resources)


def extension_segments(extension: bytes, digest: bytes) -> bytes:
    """Return the segments of an extended XMP packet, of which `digest` is the MD5 in hexadecimal digits."""
    return b"".join(
        segment(
            APP1,
            EXTENDED_HEAD + digest + struct.pack(">II", len(extension), at) + extension[at : at + PORTION_LIMIT],
        )
        for at in range(0, len(extension), PORTION_LIMIT)
    )
