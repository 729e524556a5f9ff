"""What becomes of Photoshop's resources, beside the IPTC records among them (Adobe Photoshop File Formats, "Image
Resource IDs"). Most are its settings, which any program may make anew; what a person made is told where it is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from nlsr_cli.images.metadata.iptc import DAMAGED_NOTE, RECORDS, records_of, resources

PATHS = range(0x07D0, 0x0BB7)
PLUG_INS = range(0x0FA0, 0x1388)
# State of the program, of printing and of colour management, digests, checksums, thumbnails, and copies of what stands
# elsewhere (resolution, EXIF, XMP, the profile).
SETTINGS = frozenset(
    {0x03E8, 0x03E9, 0x03EB, 0x03ED, 0x03EF, 0x03F1, 0x03F2, 0x03F3, 0x03F4, 0x03F5, 0x03F6, 0x03F7, 0x03F8, 0x03F9}
    | {0x03FA, 0x03FB, 0x03FC, 0x03FD, 0x03FF, 0x0400, 0x0402, 0x0403, 0x0404, 0x0405, 0x0406, 0x0409, 0x040C, 0x040D}
    | {0x040E, 0x040F, 0x0411, 0x0412, 0x0413, 0x0414, 0x0415, 0x0416, 0x0417, 0x0419, 0x041C, 0x041D, 0x0421, 0x0422}
    | {0x0423, 0x0424, 0x0425, 0x0426, 0x0428, 0x042A, 0x042B, 0x042D, 0x042E, 0x042F, 0x0430, 0x0434, 0x0435, 0x0436}
    | {0x0438, 0x043A, 0x043B, 0x043C, 0x043D, 0x043E, 0x043F, 0x0440, 0x0BB8, 0x2710}
)
SLICE = struct.Struct(">20xI")  # version, four sides, the length of a name


def _guides(data: bytes) -> bool:
    return len(data) >= 16 and data[12:16] != bytes(4)  # version, two grids, the count


def _addresses(data: bytes) -> bool:
    return data[:4] != bytes(4)


def _slices(data: bytes) -> bool:
    """Say whether there are slices besides the one of the whole picture, which Photoshop always writes."""
    if data[:4] != b"\0\0\0\6":  # later versions: a list of structures with names
        return data.count(b"sliceID") > 1
    try:
        (length,) = SLICE.unpack_from(data)
        (count,) = struct.unpack_from(">I", data, SLICE.size + 2 * length)
    except struct.error:
        return False
    return bool(count > 1)


def _any(data: bytes) -> bool:
    return bool(data.strip(b"\0"))


# What a person may have made, its name, and how to tell that there is any.
NOTABLE: dict[int, tuple[str, Callable[[bytes], bool]]] = {
    0x03EE: ("channel names", _any),
    0x03F0: ("a caption", _any),
    0x03FE: ("a quick mask", _any),
    0x0401: ("a working path", _any),
    0x0408: ("guides", _guides),
    0x040A: ("the copyright mark", _any),
    0x040B: ("a web address", _any),
    0x0410: ("a watermark", _any),
    0x041A: ("slices", _slices),
    0x041B: ("a web address", _any),
    0x041E: ("web addresses", _addresses),
    0x0429: ("layer comps", _any),
    0x0431: ("colour samplers", _any),
    0x0432: ("a measurement scale", _any),
    0x0433: ("a timeline", _any),
    0x0BB7: ("the name of a clipping path", _any),
    0x1B58: ("ImageReady variables", _any),
    0x1B59: ("ImageReady data sets", _any),
    0x1F40: ("the Lightroom workflow", _any),
}


def left_behind(block: bytes) -> Iterator[str]:
    """Yield a note if a block holds resources that a person made, or that are not known, besides the IPTC records."""
    found = list(resources(block))
    told = {name for number, data in found if (name := _lost(number, data))}
    if told:
        yield f"Photoshop's own data is left out ({', '.join(sorted(told))})."
    if any(number == RECORDS for number, _ in found) and records_of(block) is None:
        yield DAMAGED_NOTE


def _lost(number: int, data: bytes) -> str:
    if number in NOTABLE:
        name, tells = NOTABLE[number]
        return name if tells(data) else ""
    if number in PATHS:
        return "clipping paths"
    if number in PLUG_INS:
        return "plug-in data"
    return "" if number in SETTINGS else f"resource {number}"
