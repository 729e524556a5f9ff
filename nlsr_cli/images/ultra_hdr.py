"""Writing a JPEG with a gain map behind it: each picture says what it is, and where the other lies, in every form that
readers look for (Ultra HDR Image Format 1.1; ISO 21496-1, annex C; CIPA DC-007-2009).
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from nlsr_cli.images.containers import jpeg, mpf
from nlsr_cli.images.gain_map import ISO_HEAD, ISO_VERSIONS
from nlsr_cli.images.metadata import companions, provenance, rdf, xmp
from nlsr_cli.images.picture import GainMap

QUALITY = 95  # of the gain map, as libultrahdr writes it: errors in it are multiplied
JFIF_END = 20  # of a file that Pillow wrote without a thumbnail in that segment
APPLE_MARK = b"AMPF"  # with which Apple's JPEGs say in their JFIF segment that they have a directory of pictures


def gain_map_file(gain_map: GainMap) -> bytes:
    """Return a gain map as a JPEG of its own, which states its metadata. The same gain map gives the same bytes."""
    height, width, channels = gain_map.pixels.shape
    image = Image.frombytes("L" if channels == 1 else "RGB", (width, height), gain_map.pixels.tobytes())
    packet = None if gain_map.xmp is None else xmp.sized(gain_map.xmp, height, width)
    stated = {"icc_profile": gain_map.icc, "xmp": packet}
    buffer = BytesIO()
    given = {name: value for name, value in stated.items() if value is not None}
    image.save(buffer, "JPEG", quality=QUALITY, subsampling="4:4:4", **given)
    return jpeg.with_segments(buffer.getvalue(), b"" if gain_map.iso is None else _iso(gain_map.iso))


def _iso(metadata: bytes) -> bytes:
    return jpeg.segment(jpeg.APP2, ISO_HEAD + metadata)


def listed(packet: bytes | None, gain_map: GainMap, length: int) -> bytes | None:
    """Return the XMP packet of a picture with the directory that tells of its gain map, whose file has `length` bytes.

    It is for those whose gain map has Adobe's metadata, which readers look for where the first picture mentions it.
    """
    if gain_map.xmp is None or companions.HDRGM.encode() not in gain_map.xmp:
        return packet
    packet = packet or provenance.OPENING + provenance.CLOSING
    place = xmp.insertion_place(packet)
    if place is None:
        packet, place = provenance.OPENING + provenance.CLOSING, len(provenance.OPENING)
    return rdf.edited(packet, [(place, place, _directory(length))])


def _directory(length: int) -> bytes:
    spaces = {"rdf": rdf.RDF, "Container": companions.CONTAINER, "Item": companions.ITEM, "hdrgm": companions.HDRGM}
    declared = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in spaces.items())
    entries = ['Item:Semantic="Primary"', f'Item:Semantic="GainMap" Item:Length="{length}"']
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item {entry} Item:Mime="image/jpeg"/></rdf:li>\n'
        for entry in entries
    )
    opening = f'<rdf:Description rdf:about="" {declared} hdrgm:Version="1.0"><Container:Directory><rdf:Seq>\n'
    return f"{opening}{items}</rdf:Seq></Container:Directory></rdf:Description>\n".encode()


def announced(first: bytes, gain_map: GainMap) -> tuple[bytes, int]:
    """Return the head of a picture, as Pillow wrote it, with what it says of its gain map; and where in it the content
    of their `directory` has its place, which is blank until the sizes of both are known.
    """
    jfif = first[6:JFIF_END].startswith(b"JFIF\0")  # not of CMYK
    if jfif and gain_map.xmp is not None and companions.APPLE_GAIN_MAP.encode() in gain_map.xmp:
        first = first[:2] + jpeg.segment(jpeg.APP0, first[6:JFIF_END] + APPLE_MARK) + first[JFIF_END:]
    if gain_map.iso is not None:
        first = jpeg.with_segments(first, _iso(gain_map.iso[:ISO_VERSIONS]))
    blank = jpeg.segment(jpeg.APP2, mpf.content((0, 0), 0))
    first = jpeg.with_segments(first, blank)
    return first, first.index(blank) + 4  # behind marker and length


def directory(first: int, second: int, place: int) -> bytes:
    """Return the content of the directory of a picture and a gain map of so many bytes, whose place is `place`."""
    return mpf.content((first, second), place + len(mpf.HEAD))
