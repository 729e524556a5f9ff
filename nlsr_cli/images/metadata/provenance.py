"""What nlsr says in a picture of how it was made: one entry for each enlargement, inside the XMP packet (ISO 16684-1).

The entries are a list of structures in a namespace of our own, the oldest first:

    <rdf:Description rdf:about="" xmlns:nlsr="urn:nlsr:provenance:1"><nlsr:steps><rdf:Seq>
    <rdf:li nlsr:model="nlsn-lite-x4" nlsr:scale="4"/>
    </rdf:Seq></nlsr:steps></rdf:Description>

There is no time in them, so that the same work gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from nlsr_cli.images.metadata import rdf, xmp
from nlsr_cli.images.picture import Metadata

NAMESPACE = "urn:nlsr:provenance:1"
STEPS = (NAMESPACE, "steps")
MAX_STEPS = 32  # of a history; older ones make room
MAX_FACTS, MAX_VALUE = 64, 256  # facts in an entry, characters of a fact
FACT = re.compile(r"[a-z][a-z0-9_]{0,40}")

OPENING = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
OPENING += f'<rdf:RDF xmlns:rdf="{rdf.RDF}">\n'.encode()
CLOSING = b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'


def stamped(metadata: Metadata, facts: Mapping[str, str]) -> Metadata:
    """Return metadata whose XMP packet has one more entry of provenance, behind those of earlier enlargements.

    Beyond MAX_STEPS entries the oldest go. What else is in the packet stays as it is; where there is none, one is made.

    Raises:
        ValueError: a fact has a name that XML does not allow, or the packet is not sound.
    """
    packet = metadata.xmp
    if packet is None:
        return replace(metadata, xmp=OPENING + _description(_entry(facts)) + CLOSING)
    found = _History(packet)
    if found.list_end is not None:
        surplus = max(0, len(found.spans) - MAX_STEPS + 1)
        edits: list[rdf.Edit] = [(start, stop, b"") for start, stop in found.spans[:surplus]]
        return replace(metadata, xmp=rdf.edited(packet, [*edits, (found.list_end, found.list_end, _entry(facts))]))
    place = xmp.insertion_place(packet)
    if place is None:
        raise ValueError("the XMP packet has no place for a description")
    return replace(metadata, xmp=rdf.edited(packet, [(place, place, _description(_entry(facts)))]))


def history(packet: bytes | None) -> tuple[dict[str, str], ...]:
    """Return the entries of provenance in a packet, the oldest first and at most MAX_STEPS, which are the newest."""
    if packet is None:
        return ()
    try:
        return tuple(_History(packet).entries[-MAX_STEPS:])
    except ValueError:
        return ()


class _History:
    """The entries in a packet, where each lies, and where the next one is to be put.

    Raises:
        ValueError: the packet is not sound.
    """

    def __init__(self, packet: bytes) -> None:
        self.entries: list[dict[str, str]] = []
        self.spans: list[tuple[int, int]] = []
        self.list_end: int | None = None
        lists = (each for each in rdf.parse(packet).everything() if each.name == STEPS)
        arrays = (array for each in lists for array in each.children if array.name == (rdf.RDF, "Seq"))
        array = next((array for array in arrays if array.stop > array.inner), None)
        if array is None:
            return
        self.list_end = array.outer
        for entry in array.children:
            ours = {local: value for (space, local), value in entry.given if space == NAMESPACE}
            self.entries.append({key: ours[key][:MAX_VALUE] for key in list(ours)[:MAX_FACTS] if FACT.fullmatch(key)})
            self.spans.append((entry.start, entry.stop))


def _description(entry: bytes) -> bytes:
    """Return a description of ours around an entry. It declares its own prefixes, whatever those of the packet are."""
    spaces = f'xmlns:rdf="{rdf.RDF}" xmlns:nlsr="{NAMESPACE}"'
    opening = f'<rdf:Description rdf:about="" {spaces}><nlsr:steps><rdf:Seq>\n'
    return opening.encode() + entry + b"</rdf:Seq></nlsr:steps></rdf:Description>\n"


def _entry(facts: Mapping[str, str]) -> bytes:
    spaces = f'xmlns:rdf="{rdf.RDF}" xmlns:nlsr="{NAMESPACE}"'
    for name in facts:
        if not FACT.fullmatch(name):
            raise ValueError(f"'{name}' is not a valid name for a fact")
    listed = " ".join(f'nlsr:{name}="{_escaped(value)}"' for name, value in facts.items())
    return f"<rdf:li {spaces} {listed}/>\n".encode()


def _escaped(value: str) -> str:
    """Return text as it stands between double quotes in XML; what XML cannot say at all becomes a question mark."""
    plain = "".join(c if c.isprintable() else "?" for c in value[:MAX_VALUE])
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
