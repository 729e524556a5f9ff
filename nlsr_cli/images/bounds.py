"""Of how many parts a file may consist. Decoders look at each, some at all of them for each, so that a small file of a
million empty parts would take minutes before it is found to hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.containers import jpeg

# Parts that a file may have, and one more for every so many bytes: writers cut pixels into pieces of 4 kB or more.
PARTS, BYTES_PER_PART = 1 << 15, 512
PROFILES = 8  # of one PNG, where there should be one; each may unfold into 16 MiB
SEGMENTS = 4096  # of a JPEG before its pixels: 255 for a profile, as many for a depth map in XMP
FILL = 16  # bytes between segments that count as one
SCANS = 1000  # of a JPEG; a progressive one has ten, and each takes the time of a whole picture
HINT = "No program writes such a file: it is damaged or malicious."


def check_number(names: Iterable[bytes], data: bytes, label: str) -> None:
    """Refuse a file of more parts, whose names are given, than any picture has.

    The tags of a TIFF and the boxes of an AVIF are counted where they are read.

    Raises:
        ImageReadError: it has more.
    """
    most, profiles = PARTS + len(data) // BYTES_PER_PART, 0
    for number, name in enumerate(names):
        profiles += name == b"iCCP"
        if number >= most:
            raise ImageReadError(label, f"has more than {most} parts", HINT)
        if profiles > PROFILES:
            raise ImageReadError(label, f"has more than {PROFILES} colour profiles", HINT)


def check_jpeg(picture: jpeg.Jpeg, label: str) -> None:
    """Refuse a JPEG of countless segments, or scans. Pillow reads what stands between segments byte by byte, up to the
    first scan; libjpeg decodes all scans of the first picture.

    Raises:
        ImageReadError: there are more than any picture has.
    """
    segments = scans = 0
    for piece in picture.pieces:
        if piece.marker == jpeg.SOS:
            scans += 1
        elif piece.marker in (jpeg.FILL, jpeg.STRAY):
            segments += 0 if scans else (piece.stop - piece.start) // FILL
        elif piece.marker != jpeg.CODED:
            segments += 1
        if segments > SEGMENTS:
            raise ImageReadError(label, f"has more than {SEGMENTS} segments", HINT)
        if scans > SCANS:
            raise ImageReadError(label, f"has more than {SCANS} scans", HINT)
