"""Camera raw files: undeveloped sensor data, in TIFF, in ISO media files, and in forms of their makers."""

from __future__ import annotations

from nlsr_cli.images import raw
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats.format import Format

# Those that are no TIFFs: Fujifilm, Olympus (twice, and in the other order), Panasonic, Canon's oldest, Minolta, Sigma.
MAGICS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
CANON_BRAND = b"ftypcrx "  # Canon's newest are ISO media files

RAW = Format(
    "RAW",
    (),
    sniff=lambda head: head.startswith(MAGICS) or head[4:12] == CANON_BRAND,
    facts=raw.facts,
    decode=raw.develop,
    package=extra.RAWPY,
    called="a camera raw file",
    tagged=True,
)
