"""Files of undeveloped sensor data, developed by LibRaw (rawpy, the extra `raw`): which they are, and what they say.

Developing interpolates the colours of the sensor and balances them as the camera meant. Brightness, contrast and noise
stay as they were measured: what a camera makes of its own pictures beside that is taste, and no two do the same.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

from nlsr_cli.images.color.profiles import Colours, profile_for
from nlsr_cli.images.containers import jpeg, tiff, tiff_file
from nlsr_cli.images.containers.isobmff import boxes
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import Deep, Facts, Foreign
from nlsr_cli.images.formats.format import Format
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.parsed import Parsed

DEVELOPED_NOTE = (
    "Developed from the sensor data with the camera's white balance and unchanged brightness; its "
    "previews and settings are left out."
)
CFA, LINEAR_RAW = 32803, 34892  # TIFF photometric values of undeveloped sensor data (TIFF/EP, DNG)
PHOTOMETRIC, DNG_VERSION = 262, 50706
RAW_PAGES = 64  # directories that are looked at for samples of a sensor
NEARLY_TIFF = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
CR3_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
RAF_MAGIC = b"FUJIFILMCCD-RAW"
RAF_PREVIEW = 84  # place of the offset and length of a JPEG, whose EXIF is that of the picture
REC_2020 = Colours(codes=(9, 13, True))  # wide enough for what sensors see of surfaces, with the curve of sRGB
GAMMA = (2.4, 12.92)
RAW_HINT = "Develop it with the camera maker's converter first, for example to a 16-bit TIFF."
SIDEWAYS = 4  # the bit in LibRaw's flips that exchanges rows and columns
# Those that are no TIFFs: Fujifilm, Olympus (twice, and in the other order), Panasonic, Canon's oldest, Minolta, Sigma.
MAGICS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
CANON_BRAND = b"ftypcrx "  # Canon's newest are ISO media files


def is_raw(data: bytes) -> bool:
    """Tell whether a file that begins like a TIFF holds undeveloped sensor data.

    Any directory may hold samples of a sensor, or all but reduced copies are of an unknown kind.
    """
    if data[8:10] == b"CR":
        return True
    try:
        pages = tiff_file.find_pages(data)
        first, *others = *pages.chain[:RAW_PAGES], *pages.subs
        if tiff_file.numbers_of(data, first, DNG_VERSION):
            return True
        for start in (first, *others):
            if (tiff_file.numbers_of(data, start, PHOTOMETRIC) or (1,))[0] in (CFA, LINEAR_RAW):
                return True
        return bool(pages.subs) and bool(tiff_file.kind_of(data, pages.picture) & tiff_file.REDUCED)
    except (ValueError, struct.error):
        return False


def _facts(data: bytes) -> Facts:
    """Return what LibRaw and the directories of a file say of it.

    Raises:
        MissingExtra: rawpy is not installed.
        EOFError: the file ends too early.
    """
    library = _library()
    try:
        with library.imread(BytesIO(data)) as found:
            sizes = found.sizes
            size = (sizes.iheight, sizes.iwidth)
            turned = sizes.flip
    except (library.LibRawIOError, library.LibRawDataError) as exc:
        raise EOFError(str(exc)) from exc
    except library.LibRawError:
        return Facts(refusal="is a camera raw file of a kind that LibRaw cannot read", hint=RAW_HINT)
    if turned & SIDEWAYS:
        size = size[::-1]
    return Facts(
        bits=16,
        deep=Deep("16-bit colour", "RGB;16", 16, 3, alpha=False),
        exif=exif_of(data),
        foreign=Foreign("RGB;16", size, 16, alpha=False, icc=profile_for(REC_2020, 3)),
        notes=(DEVELOPED_NOTE,),
    )


def _developed(data: bytes) -> Decoded:
    """Return the developed picture, upright, with 16 bits in Rec. 2020 and the curve of sRGB.

    Raises:
        MissingExtra: rawpy is not installed.
        ValueError: LibRaw finds that the file is damaged.
    """
    library = _library()
    try:
        with library.imread(BytesIO(data)) as found:
            return Decoded(
                found.postprocess(
                    use_camera_wb=True,
                    no_auto_bright=True,
                    adjust_maximum_thr=0.0,
                    output_bps=16,
                    output_color=library.ColorSpace.Rec2020,
                    gamma=GAMMA,
                )
            )
    except library.LibRawError as exc:
        raise ValueError(str(exc)) from exc


def exif_of(data: bytes) -> bytes | None:
    """Return the TIFF structure that describes the picture, if there is one that is known."""
    if data.startswith(NEARLY_TIFF):
        return data[:2] + (b"*\0" if data[:2] == b"II" else b"\0*") + data[4:]
    if data.startswith(RAF_MAGIC):
        start, length = struct.unpack_from(">II", data, RAF_PREVIEW)
        preview = data[start : start + length]
        segments = jpeg.Jpeg(preview).header()
        return next((body[6:] for marker, body in segments if marker == 0xE1 and body[:6] == b"Exif\0\0"), None)
    if data[4:8] == b"ftyp":
        return _exif_of_cr3(data)
    return data if data[:4] in (b"II*\0", b"MM\0*") else None


def _exif_of_cr3(data: bytes) -> bytes | None:
    """Return the directories that a CR3 holds one by one (Canon: CMT1 is the first, CMT2 Exif, CMT4 GPS) as one."""
    moov = next((box for box in boxes(data, 0, len(data)) if box.name == "moov"), None)
    own = (box for box in boxes(data, moov.body, moov.stop)) if moov else ()
    home = next((box for box in own if box.name == "uuid" and data[box.body : box.body + 16] == CR3_UUID), None)
    if home is None:
        return None
    blocks = {}
    for box in boxes(data, home.body + 16, home.stop):
        if box.name in ("CMT1", "CMT2", "CMT4"):
            try:
                blocks[box.name] = tiff.reordered(tiff.parse(data[box.body : box.stop]), "<").root
            except (ValueError, struct.error):
                continue
    children = {tag: blocks[name] for tag, name in ((tiff.EXIF_IFD, "CMT2"), (tiff.GPS_IFD, "CMT4")) if name in blocks}
    root = blocks.get("CMT1", tiff.Directory()).only(exif_tags.DESCRIPTIVE)
    return tiff.serialise(tiff.Block("<", tiff.Directory(root.entries, children)))


def _library() -> Any:  # noqa: ANN401 - of a module without types
    return extra.load(extra.RAWPY, "a camera raw file")


class RawFile(Parsed):
    """A file of sensor data."""

    format, tagged = "RAW", True

    def header(self) -> Facts:
        return _facts(self.data)

    def decoded(self) -> Decoded:
        return _developed(self.data)


RAW = Format(
    "RAW",
    (),
    sniff=lambda head: head.startswith(MAGICS) or head[4:12] == CANON_BRAND,
    parse=RawFile,
    package=extra.RAWPY,
    called="a camera raw file",
)
