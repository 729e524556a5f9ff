"""XMP of more than one segment of a JPEG: the packet that every reader sees, and its extension (XMP specification,
part 3, 1.1.3.1).

The extension is a packet of its own, which the main one names by its MD5. In reading, its descriptions are put into the
main packet. In writing, the largest properties of a packet that is too large move into an extension.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable
from dataclasses import dataclass

from nlsr_cli.images.metadata import rdf, xmp

OPENING = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf.RDF}">'.encode()
CLOSING = b"</rdf:RDF></x:xmpmeta>"
ABOUT = ((rdf.RDF, "about"), ("", "about"))  # of what a description speaks; old writers leave out the prefix

Scope = dict[bytes, bytes]  # declarations of prefixes, as they are written: xmlns:dc, "http://..."


@dataclass(frozen=True)
class Portion:
    """One segment's share of an extension: the digest and the length of the whole, and the bytes from `start` on."""

    digest: bytes
    length: int
    start: int
    body: bytes


def whole_packet(main: bytes | None, portions: Iterable[Portion]) -> tuple[bytes | None, bool]:
    """Return the main packet with what its extension says, and whether anything is missing from that.

    Missing is what does not fit together, is not the extension that the main packet names, or is damaged.
    """
    if main is None:
        return None, True
    try:
        named = {each.text.strip().upper() for each in rdf.parse(main.rstrip(b"\0")).named({xmp.EXTENDED})}
        mine = [each for each in portions if each.digest.decode("latin-1").upper() in named]
        return _merged(main.rstrip(b"\0"), _joined(mine)), False
    except ValueError:
        return main, True


def _joined(portions: list[Portion]) -> bytes:
    """Return the extension that portions make up.

    Raises:
        ValueError: they do not.
    """
    whole = b"".join({each.start: each.body for each in sorted(portions, key=lambda each: each.start)}.values())
    if len(whole) > xmp.PACKET_LIMIT or {each.length for each in portions} != {len(whole)}:
        raise ValueError("parts of the extension are missing")
    return whole


def _merged(main: bytes, extension: bytes) -> bytes:
    """Return a packet with the descriptions of another behind its own.

    Raises:
        ValueError: one of them is not sound.
    """
    place = xmp.insertion_place(main)
    if place is None:
        raise ValueError("the packet has no place for a description")
    graph, scope = _graph(rdf.parse(extension.rstrip(b"\0")))
    if _unfolds(graph, scope):
        raise ValueError("the extension declares too many bytes")
    return rdf.edited(main, [(place, place, b"".join(_declared(each, scope) for each in graph.children))])


def split(packet: bytes, limit: int) -> tuple[bytes, bytes, bytes] | None:
    """Return a packet of at most `limit` bytes, the extension that the largest of its properties make, and the digest
    by which it names that; None where the rest is still too large.

    Raises:
        ValueError: the packet is not sound.
    """
    graph, scope = _graph(rdf.parse(packet))
    place = xmp.insertion_place(packet)
    if place is None or _unfolds(graph, scope):
        return None
    owners = [each for each in graph.children if each.name == rdf.DESCRIPTION and _knows_rdf(_inherited(each, scope))]
    described = [(owner, child) for owner in owners for child in owner.children]
    size = len(packet) + len(_mention(b"0" * 32))
    moved: dict[rdf.Element, list[rdf.Element]] = {}
    for owner, child in sorted(described, key=lambda pair: pair[1].start - pair[1].stop):
        if size <= limit:
            break
        moved.setdefault(owner, []).append(child)
        size -= child.stop - child.start
    if size > limit:
        return None
    extension = OPENING + b"".join(_alone(owner, some, scope) for owner, some in moved.items()) + CLOSING
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    edits = [(child.start, child.stop, b"") for some in moved.values() for child in some]
    return rdf.edited(packet, [*edits, (place, place, _mention(digest))]), extension, digest


def _mention(digest: bytes) -> bytes:
    """Return the description by which a packet names its extension."""
    spaces = f'xmlns:rdf="{rdf.RDF}" xmlns:xmpNote="{xmp.NOTE}"'.encode()
    return b'<rdf:Description rdf:about="" %b xmpNote:HasExtendedXMP="%b"/>' % (spaces, digest)


def _unfolds(graph: rdf.Element, scope: Scope) -> bool:
    """Say whether a packet grows beyond all bounds once each description repeats what is declared around them."""
    return len(graph.children) * len(_written(scope)) > xmp.PACKET_LIMIT


def _alone(owner: rdf.Element, some: list[rdf.Element], scope: Scope) -> bytes:
    """Return a description of some properties that were in another description."""
    about = next((value for name, value in owner.given if name in ABOUT), "")
    opening = b'<rdf:Description rdf:about="%b"%b>' % (html.escape(about).encode(), _written(_inherited(owner, scope)))
    properties = (owner.packet[child.start : child.stop] for child in some)
    return b"".join((opening, *properties, b"</rdf:Description>"))


def _inherited(owner: rdf.Element, scope: Scope) -> Scope:
    """Return the declarations that hold in a description, that of RDF among them."""
    return {b"xmlns:rdf": f'"{rdf.RDF}"'.encode(), **scope, **_declarations(owner)}


def _knows_rdf(scope: Scope) -> bool:
    """Say whether the usual prefix of RDF means that."""
    return scope[b"xmlns:rdf"][1:-1] == rdf.RDF.encode()


def _graph(root: rdf.Element) -> tuple[rdf.Element, Scope]:
    """Return the first RDF of a packet, with the declarations that hold in it.

    Raises:
        ValueError: there is none.
    """
    element, scope = root, _declarations(root)
    while element.name != rdf.ROOT:
        if not element.children:
            raise ValueError("there is no RDF")
        element = element.children[0]
        scope |= _declarations(element)
    return element, scope


def _declarations(element: rdf.Element) -> Scope:
    return {found[1]: found[2] for found in element.declarations()}


def _written(scope: Scope) -> bytes:
    return b"".join(b" %b=%b" % pair for pair in scope.items())


def _declared(element: rdf.Element, scope: Scope) -> bytes:
    """Return an element with the declarations that it inherits."""
    own = _declarations(element)
    missing = {prefix: value for prefix, value in scope.items() if prefix not in own}
    place = element.behind_name()
    return element.packet[element.start : place] + _written(missing) + element.packet[place : element.stop]
