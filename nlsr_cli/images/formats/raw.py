"""Camera raw files: undeveloped sensor data, in TIFF, in ISO media files, and in forms of their makers."""

from __future__ import annotations

from nlsr_cli.images import raw
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Format
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.parsed import Parsed

# Those that are no TIFFs: Fujifilm, Olympus (twice, and in the other order), Panasonic, Canon's oldest, Minolta, Sigma.
MAGICS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
CANON_BRAND = b"ftypcrx "  # Canon's newest are ISO media files


class RawFile(Parsed):
    """A file of sensor data."""

    format, tagged = "RAW", True

    def header(self) -> Facts:
        return raw.facts(self.data)

    def decoded(self) -> Decoded:
        return raw.develop(self.data)


RAW = Format(
    "RAW",
    (),
    sniff=lambda head: head.startswith(MAGICS) or head[4:12] == CANON_BRAND,
    parse=RawFile,
    package=extra.RAWPY,
    called="a camera raw file",
)
