"""Of how many parts a file may consist. Decoders look at each, some at all of them for each, so that a small file of a
million empty parts would take minutes before it is found to hold nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.containers import gif, png, riff

# Parts that a file may have, and one more for every so many bytes: writers cut pixels into pieces of 4 kB or more.
PARTS, BYTES_PER_PART = 1 << 15, 512
PROFILES = 8  # of one PNG, where there should be one; each may unfold into 16 MiB
SEGMENTS = 4096  # of a JPEG before its pixels: 255 for a profile, as many for a depth map in XMP
FILL = 1 << 16  # bytes between segments
SCANS = 1000  # of a JPEG with its previews; a progressive one has ten, and each takes the time of a whole picture
BYTES_PER_CHANCE = 1 << 15  # in which the marker of a scan is there by chance once at most: a video may follow a photo
HINT = "No program writes such files: it is damaged, or made to do harm."


def check_parts(format: str, data: bytes, label: str) -> None:  # noqa: A002 - the word for it, in Pillow too
    """Refuse a file of more parts than any picture has.

    Raises:
        ImageReadError: it has more.
    """
    if format == "JPEG":
        most, noun, parts = SEGMENTS, "segments", _segments(data)
        if data.count(b"\xff\xda") > SCANS + len(data) // BYTES_PER_CHANCE:
            raise ImageReadError(label, f"has more than {SCANS} scans", HINT)
    else:
        walk = WALKS.get(format)
        if walk is None:
            return  # the tags of a TIFF and the boxes of an AVIF are counted where they are read
        most, noun, parts = PARTS + len(data) // BYTES_PER_PART, "parts", walk(data)
    profiles = 0
    for number, name in enumerate(parts):
        profiles += name == b"iCCP"
        if number >= most:
            raise ImageReadError(label, f"has more than {most} {noun}", HINT)
        if profiles > PROFILES:
            raise ImageReadError(label, f"has more than {PROFILES} colour profiles", HINT)


def _segments(data: bytes) -> Iterator[bytes]:
    at, fill = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0x00, 0xFF):
            at, fill = at + 1 + (marker == 0), fill + 1
            if fill % (FILL // SEGMENTS) == 0:
                yield b"fill"
            continue
        yield data[at : at + 2]
        if marker == 0xDA:
            return
        at += 2 if marker == 0x01 or 0xD0 <= marker <= 0xD8 else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _blocks(data: bytes) -> Iterator[bytes]:
    """Yield the blocks of a GIF, and what lies between them, of which Pillow skips each byte."""
    for block in gif.blocks(data):
        for at in range(block.start, block.start + 1 if block.kind else block.end):
            yield data[at : at + 1]


WALKS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "PNG": lambda data: (chunk.name for chunk in png.chunks(data)),
    "WEBP": lambda data: (chunk.name for chunk in riff.chunks(data)),
    "GIF": _blocks,
}
