"""The XML of an XMP packet as a tree that knows where in the packet each thing lies (ISO 16684-1, chapter 7).

A packet is XML from strangers, and is changed only where it has to be. It is parsed once by expat, within bounds, and
then edited as bytes. Packets that declare a document type are refused, so that no entity is ever expanded, here or by
whoever opens the output.

A property has two spellings: an attribute of its node (`<rdf:Description tiff:Make="A">`), or an element inside it.
A node that is the value of a property is an element inside the property, or the property itself where it has attributes
or `rdf:parseType="Resource"`: `Element.node` is the one or the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

MAX_DEPTH = 200
MAX_ELEMENTS = 200_000  # the longest histories of editors have some ten thousands; these take a second to walk
MAX_ATTRIBUTES = 1_000_000
START_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")
TAG_NAME = re.compile(rb"<[^\s/>]+")
ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")

Name: TypeAlias = tuple[str, str]  # (namespace, local name)
Edit: TypeAlias = tuple[int, int, bytes]  # from, to, and what stands there instead

ROOT, DESCRIPTION, LI, VALUE = ((RDF, local) for local in ("RDF", "Description", "li", "value"))
ARRAYS = ((RDF, "Bag"), (RDF, "Seq"), (RDF, "Alt"))


@dataclass(frozen=True, slots=True)
class Property:
    """A property: its name, its text, and where in the packet it lies.

    `start` and `stop` enclose all of it (of an attribute, also the blanks before it), `inner` and `outer` the text as
    it is written.
    """

    name: Name
    text: str
    start: int
    stop: int
    inner: int
    outer: int

    def becomes(self, text: str) -> Edit:
        """Return the edit that gives a property that has a text another one, of characters that need no escape."""
        return self.inner, self.outer, text.encode()

    def left_out(self) -> Edit:
        """Return the edit that removes the property."""
        return self.start, self.stop, b""


@dataclass(eq=False, slots=True)
class Element:
    """An element: `start` is where it begins, `inner` the end of its start tag, `outer` the start of its end tag,
    `stop` its end; an empty tag has the last three in one place. `text` is the character data directly inside it.
    """

    packet: bytes
    name: Name
    given: tuple[tuple[Name, str], ...]
    start: int
    inner: int
    outer: int = field(init=False)
    stop: int = field(init=False)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def everything(self, beside: Collection[Name] = ()) -> Iterator[Element]:
        """Yield this element and all below it, in the order of the packet, but for what lies in elements of the names
        `beside`.
        """
        waiting = [self]
        while waiting:
            element = waiting.pop()
            if element.name in beside:
                continue
            yield element
            waiting += reversed(element.children)

    def named(self, names: Collection[str | Name], beside: Collection[Name] = ()) -> Iterator[Property]:
        """Yield the properties at or below this element that have one of these names, or are in one of the namespaces
        among them, whatever structure they belong to; none of those in elements of the names `beside`.
        """
        for element in self.everything(beside):
            if element.name in names or element.name[0] in names:
                yield element.property()
            if any(name in names or name[0] in names for name, _ in element.given):
                yield from (each for each in element.attributes() if each.name in names or each.name[0] in names)

    def attributes(self) -> Iterator[Property]:
        """Yield the attributes, declarations of prefixes left out."""
        names = iter(self.given)
        for found in self._written():
            if not _declares(found):
                name, text = next(names)
                yield Property(name, text, *found.span(), found.start(2) + 1, found.end(2) - 1)

    def declarations(self) -> Iterator[re.Match[bytes]]:
        """Yield the declarations of prefixes as they are written: what is declared (1), the namespace in quotes (2)."""
        return filter(_declares, self._written())

    def behind_name(self) -> int:
        """Return the place behind the name in the start tag."""
        return _end_of(TAG_NAME, self.packet, self.start)

    def _written(self) -> Iterator[re.Match[bytes]]:
        """Yield attributes and declarations. Each begins where the last one ends: a search would look through a run of
        blanks again from each of them.
        """
        found = ATTRIBUTE.match(self.packet, self.behind_name())
        while found is not None:
            yield found
            found = ATTRIBUTE.match(self.packet, found.end())

    def property(self) -> Property:
        """Return this element as a property. Its text is that of a simple value, which may carry qualifiers beside its
        `rdf:value`; it is empty where the value is a structure or an array.
        """
        inside = self.node().children
        own = next((child for child in inside if child.name == VALUE), self)
        text = "" if own.children else own.text
        return Property(self.name, text, self.start, self.stop, own.inner, own.outer)

    def node(self) -> Element:
        """Return the element that holds the fields of the structure that is the value of this property."""
        if len(self.children) == 1 and self.children[0].name == DESCRIPTION:
            return self.children[0]
        return self

    def stated(self) -> dict[Name, Property]:
        """Return the properties that this element states as a node, by their names."""
        return {each.name: each for each in (*self.attributes(), *(child.property() for child in self.children))}

    def items(self) -> list[Element]:
        """Return the items of the array that is the value of this property."""
        return [item for array in self.children if array.name in ARRAYS for item in array.children if item.name == LI]


def parse(packet: bytes) -> Element:
    """Return the root of a packet.

    Raises:
        ValueError: this is no well-formed XML in UTF-8, declares a document type, or has no end of elements.
    """
    if b"\0" in packet:  # as all of XML in UTF-16 has it, which expat knows by its first bytes
        raise ValueError("a zero byte, which no text contains")
    return _Builder(packet).roots[0]


class _Builder:
    """One pass of expat over a packet."""

    def __init__(self, packet: bytes) -> None:
        self.packet = packet
        self.open: list[Element] = []
        self.names: dict[str, Name] = {}  # as expat spells them; few, and met again and again
        self.roots: list[Element] = []
        self.elements = self.attributes = 0
        self.parser = parser = expat.ParserCreate("UTF-8", " ")
        parser.ordered_attributes = True
        parser.buffer_size = 1 << 20  # bytes: a long text comes in few pieces
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(packet, True)
        except expat.ExpatError as exc:
            raise ValueError(str(exc)) from exc
        finally:
            del self.parser  # which knows us: it would keep its buffer until cycles are looked for

    def _start(self, name: str, given: list[str]) -> None:
        self.elements, self.attributes = self.elements + 1, self.attributes + len(given) // 2
        if len(self.open) >= MAX_DEPTH or self.elements > MAX_ELEMENTS or self.attributes > MAX_ATTRIBUTES:
            raise ValueError("nested too deeply, or without end")
        at = self.parser.CurrentByteIndex
        named = (
            tuple((self._name(given[place]), given[place + 1]) for place in range(0, len(given), 2)) if given else ()
        )
        element = Element(self.packet, self._name(name), named, at, _end_of(START_TAG, self.packet, at))
        (self.open[-1].children if self.open else self.roots).append(element)
        self.open.append(element)

    def _name(self, name: str) -> Name:
        found = self.names.get(name)
        if found is None:
            space, _, local = name.rpartition(" ")
            found = self.names[name] = (space, local)
        return found

    def _text(self, text: str) -> None:
        element = self.open[-1]
        if not element.children:  # what stands between elements is no value
            element.text += text

    def _end(self, _: str) -> None:
        element = self.open.pop()
        if self.packet[element.inner - 2 : element.inner] == b"/>":
            element.outer = element.stop = element.inner
        else:
            element.outer = self.parser.CurrentByteIndex
            element.stop = _end_of(START_TAG, self.packet, element.outer)

    def _refuse(self, *_: object) -> None:
        raise ValueError("a document type is declared")


def _declares(attribute: re.Match[bytes]) -> bool:
    return attribute[1] == b"xmlns" or attribute[1].startswith(b"xmlns:")


def _end_of(part: re.Pattern[bytes], packet: bytes, at: int) -> int:
    """Return where a part that begins at `at` ends."""
    found = part.match(packet, at)
    if found is None:
        raise ValueError("a tag has no end")
    return found.end()


def edited(packet: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the packet with parts replaced; of parts that overlap, the first and longest counts."""
    pieces, at = [], 0
    for start, stop, instead in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= at:
            pieces += [packet[at:start], instead]
            at = stop
    return b"".join((*pieces, packet[at:]))
