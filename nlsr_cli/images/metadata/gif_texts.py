"""The blocks of a GIF that speak in words: comments, and XMP (GIF89a; XMP specification, part 3, 1.1.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nlsr_cli.images.containers import gif
from nlsr_cli.images.containers.gif import APPLICATION, COMMENT, EXTENSION, SCREEN, table_size

XMP_NAME = b"XMP DataXMP"
# Behind the packet: bytes that lead a reader that takes the text for sub-blocks, wherever it is, to the end of it.
MAGIC = b"\1" + bytes(range(255, -1, -1)) + b"\0"
ICC_NAME = b"ICCRGBG1012"  # ICC.1:2001-04, annex B.4
IPTC_NAME, PHOTOSHOP_NAME = b"MGKIPTC0000", b"MGK8BIM0000"  # of ImageMagick


@dataclass
class Words:
    """What was found, as it stands in the file: the XMP packet, the comments, a colour profile, IPTC records and
    Photoshop's resources; of each kind but the comments, the first.
    """

    comments: list[bytes]
    xmp: bytes | None = None
    icc: bytes | None = None
    iptc: bytes | None = None
    photoshop: bytes | None = None


def read_words(blocks: Iterable[gif.Block]) -> Words:
    """Return what a GIF says; of a file that makes no sense, what stands before that place."""
    found = Words([])
    for block in blocks:
        name = block.identifier
        if block.label == COMMENT:
            found.comments.append(block.content)
        elif name == XMP_NAME and found.xmp is None:
            raw = block.data[block.chain + 1 + gif.IDENTIFIER : block.end]
            found.xmp = raw.removesuffix(MAGIC) if raw.endswith(MAGIC) else raw[: raw.rfind(b">") + 1]
        elif name == ICC_NAME and found.icc is None:
            found.icc = block.content[gif.IDENTIFIER :]
        elif name == IPTC_NAME and found.iptc is None:
            found.iptc = block.content[gif.IDENTIFIER :]
        elif name == PHOTOSHOP_NAME and found.photoshop is None:
            found.photoshop = block.content[gif.IDENTIFIER :]
    return found


def with_words(data: bytes, packet: bytes | None, comment: bytes | None) -> bytes:
    """Return a GIF that has an XMP packet and a comment, where they are given, before its first picture."""
    at = SCREEN + table_size(data[10])
    blocks = b""
    if packet is not None:
        blocks += bytes((EXTENSION, APPLICATION, len(XMP_NAME))) + XMP_NAME + packet + MAGIC
    if comment is not None:
        blocks += bytes((EXTENSION, COMMENT)) + gif.chain(comment)
    return b"".join((b"GIF89a", data[6:at], blocks, data[at:])) if blocks else data
