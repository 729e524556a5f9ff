"""XMP packets (ISO 16684-1): true of the upright, enlarged picture, and otherwise left as they are, byte for byte."""

from __future__ import annotations

from collections.abc import Collection

from nlsr_cli.images.metadata import rdf, xmp_places
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.metadata.rdf import Element, Name, edited
from nlsr_cli.images.metadata.xmp_places import EXIF, FOREIGN, TIFF

BASIC = "http://ns.adobe.com/xap/1.0/"
NOTE = "http://ns.adobe.com/xmp/note/"
GOOGLE = "http://ns.google.com/photos/"
ORIENTATION, THUMBNAILS, EXTENDED = (TIFF, "Orientation"), (BASIC, "Thumbnails"), (NOTE, "HasExtendedXMP")

PACKET_LIMIT = 16 << 20  # bytes
DAMAGED_NOTE = "The XMP metadata is damaged and is left out."
UNFOLLOWED_NOTE = "Only the XMP metadata states an orientation: it is not applied, and is 1 in the output."


def portable(
    packet: bytes | None, *, turned: bool = True, change: Change | None = None
) -> tuple[bytes | None, list[str]]:
    """Return a packet that is true of the picture as it is held, and notes on what is left out.

    The orientation becomes 1; with a note where nothing else in the file states one (`turned` False), as most viewers
    do not follow it then, and the picture was not turned. `change` says how it was turned, and places in it with it.
    Thumbnails go, and so does the mention of a second part, which is not read.
    """
    if packet is None or not packet.strip(b"\0 \t\r\n"):
        return None, []
    if len(packet) > PACKET_LIMIT:
        return None, [f"The XMP metadata of {len(packet)} bytes is too large and is left out."]
    whole = packet.rstrip(b"\0")
    try:
        root = rdf.parse(whole)
    except ValueError:
        return None, [DAMAGED_NOTE]
    if _root_end(root) is None:
        return None, [DAMAGED_NOTE]
    notes, edits, tilted = [], [], False
    for each in root.named({ORIENTATION, THUMBNAILS, EXTENDED}, beside=FOREIGN):
        if each.name != ORIENTATION:
            edits.append(each.left_out())
        elif each.text.strip() not in ("", "1"):
            edits.append(each.becomes("1"))
            tilted = True
        if each.name == THUMBNAILS:
            notes = ["The thumbnail in the XMP metadata is left out."]
    if tilted and not turned:
        notes.append(UNFOLLOWED_NOTE)
    moved, lost = xmp_places.changed(root, change) if change is not None else ([], [])
    return edited(whole, [*edits, *moved]), [*notes, *lost]


def sized(packet: bytes, height: int, width: int, source: tuple[int, int] | None = None) -> bytes:
    """Return a sound packet that is true of a file of this size, in all that it states of sizes and places.

    `source` is the (height, width) of the upright picture that was enlarged; where it is not known, places stay.
    """
    sizes = {
        (TIFF, "ImageWidth"): width,
        (TIFF, "ImageLength"): height,
        (EXIF, "PixelXDimension"): width,
        (EXIF, "PixelYDimension"): height,
    }
    root = rdf.parse(packet)
    found = (each for each in root.named(sizes, beside=FOREIGN) if each.text.strip())
    moved = [] if source is None else xmp_places.changed(root, Change(1, source, (height, width)))[0]
    return edited(packet, [*(each.becomes(str(sizes[each.name])) for each in found), *moved])


def without(packet: bytes, claims: Collection[str | Name]) -> bytes:
    """Return the packet without all that it says in these namespaces, or by these names (namespace, local name).

    Elements and attributes of them go, at any depth, whatever their prefixes; the rest stays byte for byte. A
    description that has nothing left to say may stay. A packet that is not sound is returned as it is, for `portable`
    to leave out: what it claims, nobody can read.
    """
    if len(packet) > PACKET_LIMIT:
        return packet
    try:
        root = rdf.parse(packet.rstrip(b"\0"))
    except ValueError:
        return packet
    return edited(packet, [each.left_out() for each in root.named(claims)])


def insertion_place(packet: bytes) -> int | None:
    """Return where in a sound packet another description may be put: before the end of the RDF; None if it is empty."""
    return _root_end(rdf.parse(packet))


def _root_end(root: Element) -> int | None:
    roots = (each for each in root.everything() if each.name == rdf.ROOT and each.stop > each.inner)
    return next((each.outer for each in roots), None)
