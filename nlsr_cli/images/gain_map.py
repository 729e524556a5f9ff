"""The gain map of an HDR JPEG: a second picture behind the first, found by what it says of itself, and decoded.

It is one where its own segments say so: by the metadata of ISO 21496-1 (annex C), by that of Adobe, which Ultra HDR has
too (hdrgm:), or by that of Apple (HDRGainMap:). Which way the file lists it (MPF, a directory in XMP) does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import FORESEEN
from nlsr_cli.images.bounds import check_jpeg
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.metadata import companions, rdf, xmp
from nlsr_cli.images.metadata.jpeg import XMP_LIMIT
from nlsr_cli.images.modes import Decoded, turned
from nlsr_cli.images.picture import GainMap
from nlsr_cli.images.resize import resize_bicubic

ISO_HEAD: bytes = b"urn:iso:std:iso:ts:21496:-1\0"
ISO_VERSIONS = 4  # bytes of the minimum and the writer's version, which is all that the first picture has
APPLE = "urn:com:apple:photo:2020:aux:hdrgainmap"
NOT_HDR = "is left out: the output is not HDR"


@dataclass(frozen=True)
class Located:
    """A gain map that has not been decoded: where in the file it lies, its (height, width) as stored, and what it says.

    `iso` and `xmp` are as in `GainMap`.
    """

    start: int
    stop: int
    size: tuple[int, int]
    iso: bytes | None
    xmp: bytes | None


def described(picture: jpeg.Jpeg, packet: bytes | None, stop: int) -> Located | None:
    """Return a picture that ends at `stop` and has this XMP as a gain map, None where it says nothing of the kind."""
    iso, size = None, (0, 0)
    for marker, body in picture.header():
        if marker == jpeg.APP2 and body.startswith(ISO_HEAD) and len(body) > len(ISO_HEAD) + ISO_VERSIONS:
            iso = iso or body[len(ISO_HEAD) :]
        elif marker in jpeg.FRAMES and len(body) >= 5:
            size = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    packet = packet if packet is not None and _describes(packet) else None
    return None if iso is None and packet is None else Located(picture.start, stop, size, iso, packet)


def _describes(packet: bytes) -> bool:
    try:
        root = rdf.parse(packet.rstrip(b"\0"))
    except ValueError:
        return False
    if any(True for _ in root.named({(companions.HDRGM, "GainMapMax"), companions.APPLE_GAIN_MAP})):
        return True
    return any(each.text.strip() == APPLE for each in root.named({companions.APPLE_KIND}))


def read_gain_map(
    data: bytes, found: Located, size: tuple[int, ...], orientation: int, label: str
) -> tuple[GainMap | None, tuple[str, ...]]:
    """Return a gain map of the file `data`, upright, and notes; `size` is the (height, width) of the upright picture,
    which it may not exceed, and `orientation` that of the picture, by which the gain map is turned as well.
    """
    height, width = found.size if orientation < 5 else found.size[::-1]
    if height > size[0] or width > size[1]:
        return None, (f"The gain map is larger than the picture and {NOT_HDR}.",)
    own = data[found.start : found.stop]
    try:
        check_jpeg(jpeg.Jpeg(own), label)
        with Image.open(BytesIO(own), formats=["JPEG"]) as image:  # the border is around the picture as a whole
            if image.mode not in ("L", "RGB"):
                return None, (f"The gain map is {image.mode}, which is not supported, and {NOT_HDR}.",)
            icc = image.info.get("icc_profile")
            samples = np.asarray(image, np.uint8)
    except (ImageReadError, Image.DecompressionBombError, *FORESEEN):
        return None, (f"The gain map is damaged and {NOT_HDR}.",)
    packet, notes = xmp.portable(found.xmp)
    if packet is not None and len(packet) > XMP_LIMIT:
        notes.append(f"The XMP metadata of the gain map of {len(packet)} bytes is too large and is left out.")
        packet = None
    if packet is None and found.iso is None:
        return None, (f"The metadata of the gain map is too large and {NOT_HDR}.",)
    stored = Decoded(samples if samples.ndim == 3 else samples[..., None])
    icc = icc if isinstance(icc, bytes) and icc else None
    return GainMap(np.ascontiguousarray(turned(stored, orientation).color), found.iso, packet, icc), tuple(notes)


def resize_gain_map(gain_map: GainMap, before: tuple[int, int], after: tuple[int, int], *, wrap: str = "") -> GainMap:
    """Return the gain map of a picture of (height, width) `before` for one of `after`, interpolated bicubically."""
    height, width = (
        max(1, round(side * new / old)) for side, old, new in zip(gain_map.pixels.shape, before, after, strict=False)
    )
    pixels = resize_bicubic(gain_map.pixels, height, width, wrap=wrap)
    return GainMap(pixels, gain_map.iso, gain_map.xmp, gain_map.icc)
