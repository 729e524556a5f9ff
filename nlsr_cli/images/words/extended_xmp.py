"""XMP of more than one segment of a JPEG: the part that any reader sees, and the extension (XMP specification, part 3,
1.1.3.1).

The extension is a packet of its own, which the main one names by its MD5. In reading, its descriptions are put into the
main packet. In writing, the largest properties of a packet that is too large move into an extension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from xml.sax.saxutils import quoteattr

from nlsr_cli.images.words import rdf, xmp

NAMED = (xmp.NOTE, "HasExtendedXMP")
OPENING = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf.RDF}">'.encode()
CLOSING = b"</rdf:RDF></x:xmpmeta>"
NAME_SIZE = len(f'<rdf:Description rdf:about="" xmlns:rdf="{rdf.RDF}" xmlns:xmpNote="{xmp.NOTE}"/>') + 80


@dataclass(frozen=True)
class Portion:
    """One segment's share of an extension: the digest and the length of the whole, and the bytes from `start` on."""

    digest: bytes
    length: int
    start: int
    body: bytes


def whole_packet(main: bytes | None, portions: Iterable[Portion]) -> tuple[bytes | None, bool]:
    """Return the main packet with what its extension says, and whether a part is missing.

    Missing is what does not fit together, is not the extension that the main packet names, or is damaged.
    """
    if main is None:
        return None, True
    try:
        root = rdf.parse(main.rstrip(b"\0"))
        (named,) = {each.text.strip() for each in root.named({NAMED})}
        extension = _joined([each for each in portions if each.digest.upper() == named.upper().encode()])
        return _merged(main, extension), False
    except ValueError:
        return main, True


def _joined(portions: list[Portion]) -> bytes:
    """Return the extension that portions make up.

    Raises:
        ValueError: they do not, or it is not what its digest tells.
    """
    whole = b"".join(each.body for each in sorted(portions, key=lambda each: each.start))
    if len(whole) > xmp.PACKET_LIMIT or {each.length for each in portions} != {len(whole)}:
        raise ValueError("portions of an extension are missing")
    return whole


def _merged(main: bytes, extension: bytes) -> bytes:
    """Return a packet with the descriptions of another at the end of its own.

    Raises:
        ValueError: one of them is not sound.
    """
    place = xmp.insertion_place(main.rstrip(b"\0"))
    if place is None:
        raise ValueError("the packet has no place for a description")
    root = rdf.parse(extension)
    graphs = [each for each in root.everything() if each.name == rdf.ROOT][:1]
    ...
