"""XMP packets (ISO 16684-1): made true of the upright, enlarged picture, and otherwise left as they are, byte for byte.

A packet is XML from strangers. It is walked once by expat, which says where each element lies, and is then changed in
those places alone. Packets that declare a document type are refused, so that no entity is ever expanded, here or by
whoever opens the output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
BASIC = "http://ns.adobe.com/xap/1.0/"
NOTE = "http://ns.adobe.com/xmp/note/"

PACKET_LIMIT = 16 << 20  # bytes
MAX_DEPTH = 200
MAX_ELEMENTS = 200_000  # the longest histories of editors have some ten thousands; these take a second to walk
DAMAGED_NOTE = "The XMP metadata is damaged and is left out."
UNFOLLOWED_NOTE = "The orientation that only the XMP metadata states is not followed, and is 1 in the output."
START_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")
ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")

Name = tuple[str, str]  # (namespace, local name)
Edit = tuple[int, int, bytes]  # from, to, and what stands there instead
OnStart = Callable[[Name, Mapping[Name, str], int], None]
OnEnd = Callable[[Name, int], None]


def walk(packet: bytes, on_start: OnStart, on_end: OnEnd) -> dict[str, set[bytes]]:
    """Call back for each element, with the place where its tag begins; return the prefixes of each namespace.

    Raises:
        ValueError: this is no well-formed XML in UTF-8, declares a document type, or has no end of elements.
    """
    prefixes: dict[str, set[bytes]] = {}
    depth = count = 0

    def start(name: str, given: list[str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise ValueError("nested too deep, or without end")
        attributes = {_split(given[at]): given[at + 1] for at in range(0, len(given), 2)}
        on_start(_split(name), attributes, parser.CurrentByteIndex)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        on_end(_split(name), parser.CurrentByteIndex)

    def declared(prefix: str | None, uri: str | None) -> None:
        if prefix and uri in (RDF, TIFF, EXIF, BASIC, NOTE):
            prefixes.setdefault(uri, set()).add(prefix.encode())

    def refuse(*_: object) -> None:
        raise ValueError("a document type is declared")

    parser = expat.ParserCreate("UTF-8", " ")
    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartNamespaceDeclHandler, parser.StartDoctypeDeclHandler = declared, refuse
    try:
        parser.Parse(packet, True)
    except expat.ExpatError as exc:
        raise ValueError(str(exc)) from exc
    return prefixes


def _split(name: str) -> Name:
    space, _, local = name.rpartition(" ")
    return space, local


def portable(packet: bytes | None, *, turned: bool = True) -> tuple[bytes | None, list[str]]:
    """Return a packet that is true of the picture as it is held, and notes on what is left out.

    The orientation becomes 1; with a note where nothing else in the file states one (`turned` False), as most viewers
    do not follow it then, and the picture was not turned. Thumbnails go, and so does the mention of a second part,
    which is not read.
    """
    if packet is None or not packet.strip(b"\0 \t\r\n"):
        return None, []
    if len(packet) > PACKET_LIMIT:
        return None, [f"The XMP metadata of {len(packet)} bytes is too large and is left out."]
    whole = packet.rstrip(b"\0")
    try:
        found = _Places(whole, (BASIC, "Thumbnails"))
        if found.root_end is None:
            return None, [DAMAGED_NOTE]
        upright = found.edits({(TIFF, "Orientation"): b"1"})
        edits = [*upright, *found.edits({(NOTE, "HasExtendedXMP"): None})]
    except ValueError:
        return None, [DAMAGED_NOTE]
    notes = ["The thumbnail in the XMP metadata is left out."] if found.dropped else []
    if not turned and any(whole[start:stop] != instead for start, stop, instead in upright):
        notes.append(UNFOLLOWED_NOTE)
    return edited(whole, [*edits, *found.dropped]), notes


def sized(packet: bytes, height: int, width: int) -> bytes:
    """Return a sound packet with the sizes of the picture corrected, where it states them."""
    sizes = {
        (TIFF, "ImageWidth"): b"%d" % width,
        (TIFF, "ImageLength"): b"%d" % height,
        (EXIF, "PixelXDimension"): b"%d" % width,
        (EXIF, "PixelYDimension"): b"%d" % height,
    }
    return edited(packet, _Places(packet).edits(sizes))


def insertion_place(packet: bytes) -> int | None:
    """Return where in a sound packet another description may be put: before the end of the RDF; None if it is empty."""
    return _Places(packet).root_end


def edited(packet: bytes, edits: list[Edit]) -> bytes:
    """Return the packet with parts replaced; of parts that overlap, the first and longest counts."""
    pieces, at = [], 0
    for start, stop, instead in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= at:
            pieces += [packet[at:start], instead]
            at = stop
    return b"".join((*pieces, packet[at:]))


class _Places:
    """Where in a packet lies what may have to change: one walk over it.

    `root_end` is the place of the end tag of the first RDF, `dropped` are the edits that leave out all elements of the
    name `unwanted`.

    Raises:
        ValueError: as `walk`.
    """

    WANTED = frozenset({(TIFF, "Orientation"), (TIFF, "ImageWidth"), (TIFF, "ImageLength")}) | {
        (EXIF, "PixelXDimension"),
        (EXIF, "PixelYDimension"),
        (NOTE, "HasExtendedXMP"),
    }

    def __init__(self, packet: bytes, unwanted: Name | None = None) -> None:
        self.packet = packet
        self.unwanted = unwanted
        self.root_end: int | None = None
        self.dropped: list[Edit] = []
        self._open: list[tuple[Name, int]] = []
        self._elements: list[tuple[Name, int, int]] = []
        self._tags: list[int] = []
        self.prefixes = walk(packet, self._start, self._end)

    def _start(self, name: Name, attributes: Mapping[Name, str], at: int) -> None:
        if name in self.WANTED or name == self.unwanted:
            self._open.append((name, at))
        if not self.WANTED.isdisjoint(attributes):
            self._tags.append(at)

    def _end(self, name: Name, at: int) -> None:
        if name == (RDF, "RDF") and self.root_end is None and self.packet[at : at + 2] == b"</":
            self.root_end = at
        if not self._open or self._open[-1][0] != name:
            return
        _, start = self._open.pop()
        stop = _tag_end(self.packet, at)
        if name == self.unwanted:
            self.dropped.append((start, stop, b""))
        else:
            self._elements.append((name, start, stop))

    def edits(self, values: Mapping[Name, bytes | None]) -> list[Edit]:
        """Return the edits that give these properties, where they are stated, these values; None leaves one out."""
        found = [edit for name, start, stop in self._elements if name in values for edit in self._element(
            start, stop, values[name])]  # fmt: skip
        for at in self._tags:
            found += self._attributes(at, values)
        return found

    def _element(self, start: int, stop: int, value: bytes | None) -> Iterator[Edit]:
        if value is None:
            yield start, stop, b""
            return
        inner, outer = _tag_end(self.packet, start), self.packet.rfind(b"<", start, stop)
        if outer >= inner and b"<" not in self.packet[inner:outer]:
            yield inner, outer, value

    def _attributes(self, at: int, values: Mapping[Name, bytes | None]) -> Iterator[Edit]:
        raw = {
            prefix + b":" + local.encode(): value
            for (space, local), value in values.items()
            for prefix in self.prefixes.get(space, ())
        }
        tag = self.packet[at : _tag_end(self.packet, at)]
        position = len(tag) - len(tag.lstrip(b"<")) + len(re.split(rb"[\s/>]", tag[1:], maxsplit=1)[0])
        while (found := ATTRIBUTE.match(tag, position)) is not None:
            position = found.end()
            if found[1] in raw:
                value = raw[found[1]]
                if value is None:
                    yield at + found.start(), at + found.end(), b""
                else:
                    yield at + found.start(2) + 1, at + found.end(2) - 1, value


def _tag_end(packet: bytes, at: int) -> int:
    """Return the place behind the tag that begins at `at`."""
    found = START_TAG.match(packet, at)
    if found is None:
        raise ValueError("a tag has no end")
    return found.end()
