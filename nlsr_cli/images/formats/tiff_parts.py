"""What becomes of each part of a TIFF file (TIFF 6.0 and its TechNotes, TIFF/EP, GeoTIFF 1.1, lists of tags)."""

from __future__ import annotations

import struct

from nlsr_cli.images.containers import tiff_file
from nlsr_cli.images.metadata import exif_tags, georeference
from nlsr_cli.images.parts import CARRIED, REPLACED, REWRITTEN, Fate, Part, Rule, dropped

# How the samples are stored, which is settled anew: sizes, depth, compression, strips and tiles, statistics of them,
# and fax. (The profile, XMP and the like, which `metadata` counts among them, have rules of their own.)
STORAGE = (
    exif_tags.STRUCTURAL
    | exif_tags.SIZE_TAGS
    | {297, 326, 327, 328, 346, 347, 400, 401, 402, 403, 404, 405, 433, 434, 559, 32995, 32996, 32998, 33447}
    | {34908, 34909, 34910, 34911, 50674, 59932, 59933}
)
CARRIED_TAGS = exif_tags.DESCRIPTIVE | exif_tags.BLOCKS | georeference.CARRIED - georeference.SIZED
REWRITTEN_TAGS = georeference.SIZED | {exif_tags.ORIENTATION, 42113, 0x8769, 0x8825, 0xA005}

TIFF_EP = "camera settings outside EXIF (TIFF/EP)"
SGI, PRINTING = "3-D data (SGI)", "printing instructions"
DNG = {*range(50706, 50742), *range(50778, 50782), *range(50827, 50835), 50879, *range(50931, 50943), 50981, 50982}
DNG |= {*range(50964, 50976), 51008, 51009, 51022, 51041, 51043, 51044, 51058, 51081, *range(51089, 51092), 51105}
DNG |= {*range(51107, 51115), 51125, *range(51177, 51183), *range(52525, 52558)}
WHAT: dict[int, str] = {
    **dict.fromkeys((286, 287), "the position on a page"),
    291: "a grey response curve",
    301: "a transfer function",
    321: "halftone hints",
    333: "ink names",
    **dict.fromkeys((343, 344, 345), "a clipping path"),
    351: "a reference to another file (OPI)",
    32781: "a reference to another file (OPI)",
    32932: "annotations (Wang Imaging)",
    32997: SGI,
    **dict.fromkeys(range(33300, 33306), "display data (Pixar)"),
    33424: "camera data (Kodak)",
    33471: "a description of the scan (Molecular Dynamics)",
    33560: "microscope data (Olympus SIS)",
    **dict.fromkeys(range(33628, 33632), "microscope data (MetaMorph)"),
    **dict.fromkeys((33918, 33919, 33920), "an Intergraph georeference"),
    34118: "microscope data (Zeiss SEM)",
    **dict.fromkeys((34361, 34362, 34386), "microscope data (Olympus FluoView)"),
    34412: "microscope data (Zeiss LSM)",
    34680: "microscope data (FEI)",
    34682: "microscope data (FEI)",
    37679: "recognised text (Microsoft Office Document Imaging)",
    37680: "document properties (Microsoft Office Document Imaging)",
    37681: "recognised text (Microsoft Office Document Imaging)",
    **dict.fromkeys((37706, 37707), "microscope data (TVIPS)"),
    37724: "layers and other Photoshop document data",
    43314: "an NIH Image header",
    **dict.fromkeys(range(50215, 50219), "a description of the scan (Océ)"),
    50255: "annotations",
    50784: "layers (Alias)",
    **dict.fromkeys((50838, 50839), "ImageJ data (labels, overlays, regions, display ranges)"),
    50909: "geographic metadata (ISO 19139)",
    51123: "microscope data (Micro-Manager)",
    **dict.fromkeys(range(33445, 33453), "a description of the scan (Molecular Dynamics)"),
    **dict.fromkeys(range(34016, 34031), PRINTING + " (TIFF/IT)"),
    **dict.fromkeys(DNG, "raw development settings (DNG)"),
    **dict.fromkeys((33421, 33422, 33434, 33437, 34850, 34852, 34855, 34856, 34857, 34858, 34859), TIFF_EP),
    **dict.fromkeys((36867, 37122, *range(37377, 37399), 37121), TIFF_EP),
}
OTHERS: dict[str, Rule] = {
    **dict.fromkeys((tiff_file.HEADER, tiff_file.DIRECTORY, tiff_file.SAMPLES, tiff_file.SLACK_NAME), REPLACED),
    tiff_file.PAGE: Rule(Fate.DROPPED, quiet=True),  # the frames are counted in a note of their own
    tiff_file.BELOW: dropped("a further picture"),
    tiff_file.COPY: dropped("reduced copies of the picture"),
    tiff_file.MASKING: dropped("a mask"),
}
WHITE_POINT, PRIMARIES = 318, 319
SRGB_POINTS = {WHITE_POINT: (0.3127, 0.3290), PRIMARIES: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)}
NEARLY = 0.001  # they are written with three or four digits
GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE="  # how GDAL announces the order of a file's parts


def rule_of(part: Part) -> Rule | None:  # noqa: PLR0911 - one line per kind
    """Return what becomes of a part; None is nothing that is known."""
    if part.name.startswith(CHILDREN):
        return CARRIED
    if part.head.startswith(GHOST):
        return REPLACED
    if not part.name.isdigit():
        return OTHERS.get(part.name)
    tag = int(part.name)
    if tag in CARRIED_TAGS:
        return CARRIED
    if tag in REWRITTEN_TAGS:
        return REWRITTEN
    if tag == exif_tags.PHOTOSHOP:  # its IPTC records are kept; the rest has a note of its own
        return REWRITTEN
    if tag in SRGB_POINTS:
        return REPLACED if _is_srgb(part, SRGB_POINTS[tag]) else dropped("colours that tags define by numbers")
    if tag in WHAT:
        return dropped(WHAT[tag])
    return REPLACED if tag in STORAGE else None


CHILDREN = tuple(f"{name} " for name in tiff_file.CHILD_NAMES.values())


def _is_srgb(part: Part, points: tuple[float, ...]) -> bool:
    """Say whether a tag states the chromaticities of sRGB, as some programs write into every file."""
    if len(part.head) < 8 * len(points):
        return False
    values = struct.unpack_from(f"<{2 * len(points)}I", part.head)
    pairs = zip(values[::2], values[1::2], points, strict=True)
    return all(below and abs(above / below - point) < NEARLY for above, below, point in pairs)
