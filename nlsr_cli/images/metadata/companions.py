"""What an XMP packet says of things beside the picture, that lie elsewhere in its file or in the packet itself.

No output has them, or has them where such a statement does not look for them: the statements go. (Ultra HDR Image
Format 1.1; ISO 21496-1; Motion Photo format 1.0; Dynamic Depth 1.0; Google's depth map, image and audio metadata; C2PA
specification 2.1, "Embedding a reference in XMP".)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nlsr_cli.images.metadata import rdf, xmp
from nlsr_cli.images.metadata.rdf import Name

HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
APPLE_GAIN_MAP = "http://ns.apple.com/HDRGainMap/1.0/"
APPLE_KIND = ("http://ns.apple.com/pixeldatainfo/1.0/", "AuxiliaryImageType")
CONTAINER, ITEM = xmp.GOOGLE + "1.0/container/", xmp.GOOGLE + "1.0/container/item/"
CAMERA, DYNAMIC = xmp.GOOGLE + "1.0/camera/", xmp.GOOGLE + "dd/1.0/"
OPPO, XIAOMI = "http://ns.oplus.com/photos/1.0/camera/", "http://ns.xiaomi.com/photos/1.0/camera/"
PROVENANCE = ("http://purl.org/dc/terms/", "provenance")
EMBEDDED_MANIFEST = "self#jumbf"

MOTION = frozenset(
    {"MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs", "MicroVideo", "MicroVideoVersion"}
    | {"MicroVideoOffset", "MicroVideoPresentationTimestampUs"}
)
OLIVE = frozenset({"MotionPhotoPrimaryPresentationTimestampUs", "MotionPhotoOwner", "OLivePhotoVersion", "VideoLength"})
PARTS = frozenset(
    {"appinfo", "audio", "camera", "cameraimage", "container", "depthmap", "device", "earthpose", "image", "item"}
    | {"imagingmodel", "lightestimate", "plane", "pointcloud", "pose", "profile", "vendorinfo"}
)
# Statements about what lies elsewhere in the file.
ELSEWHERE: frozenset[str | Name] = frozenset(
    (HDRGM, APPLE_GAIN_MAP, CONTAINER, ITEM, *(f"{DYNAMIC}{part}/" for part in PARTS))
) | {
    APPLE_KIND,
    (XIAOMI, "XMPMeta"),
    *((CAMERA, name) for name in MOTION),
    *((OPPO, name) for name in OLIVE),
}
# What lies in the packet, in base64, with what describes it.
INSIDE = {
    xmp.GOOGLE + "1.0/depthmap/": "a depth map",
    xmp.GOOGLE + "1.0/image/": "the original of the depth map's picture",
    xmp.GOOGLE + "1.0/audio/": "a sound recording",
}


def without_companions(packet: bytes) -> tuple[bytes, list[str]]:
    """Return a packet that speaks of the picture alone, and a note for each thing that was in the packet itself."""
    claims, notes = set(ELSEWHERE | INSIDE.keys()), []
    try:
        root = rdf.parse(packet)
    except ValueError:
        return packet, []
    for space, what in INSIDE.items():
        held = [each for each in root.named({(space, "Data")}) if each.text]
        if held:
            notes.append(f"Left out: {what} ({sum(each.stop - each.start for each in held)} bytes of XMP).")
    if any(each.text.startswith(EMBEDDED_MANIFEST) for each in root.named({PROVENANCE})):
        claims.add(PROVENANCE)
    packet = xmp.without(packet, claims)
    # Some programs take the mere declaration of a prefix for the claim.
    declared = (found for each in rdf.parse(packet).everything() for found in each.declarations())
    return rdf.edited(packet, [(*each.span(), b"") for each in declared if each[2][1:-1].decode() in claims]), notes


@dataclass(frozen=True)
class Item:
    """What a directory of Google's says of one of the files in a file: its meaning, and where in the file it begins."""

    semantic: str
    start: int


def items(packet: bytes | None, first: int) -> Iterator[Item]:
    """Yield the items behind the primary one, of which the first begins at `first` but for the padding stated there."""
    try:
        root = rdf.parse((packet or b"").rstrip(b"\0"))
    except ValueError:
        return
    listed = next((each.items() for each in root.everything() if each.name == (CONTAINER, "Directory")), [])
    at = first
    for number, entry in enumerate(listed):
        stated = {each.name[1]: each.text.strip() for each in entry.named({ITEM})}
        if number:
            yield Item(stated.get("Semantic", ""), at)
            at += _number(stated.get("Length"))
        at += _number(stated.get("Padding"))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else 0
