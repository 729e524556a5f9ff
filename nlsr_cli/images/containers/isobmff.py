"""ISO base media files (ISO/IEC 14496-12) with pictures in them (HEIF: ISO/IEC 23008-12): AVIF and HEIC.

A file is a row of boxes. The `meta` box lists items (coded pictures, EXIF, XMP), says where their bytes lie, which
properties each has, and how they refer to each other. All of it is read once, within bounds; nothing is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MAX_BOXES = 1 << 16  # in one box, and items of a file: the largest grid has 65536 tiles
MAX_LINKS = 1 << 18  # properties and references of all items together


Extents = tuple[tuple[tuple[int, int], ...], int]  # places in the file, and the bytes that are missing


@dataclass(frozen=True)
class Box:
    """A box: its name, where it begins and ends, and where its content begins (behind size, name and long size)."""

    name: str
    start: int
    body: int
    stop: int


@dataclass(frozen=True)
class Item:
    """An item: `kind` is its four letters, `content` the MIME type of a `mime` item; `properties` are the boxes in
    `ipco` that belong to it, in the order of `ipma`; `extents` are places in the file, from and to;
    `missing` are the bytes that would lie behind its end.
    """

    number: int
    kind: str
    box: Box
    content: str = ""
    hidden: bool = False
    properties: tuple[Box, ...] = ()
    extents: tuple[tuple[int, int], ...] = ()
    missing: int = 0


@dataclass(frozen=True)
class Media:
    """What the boxes of a file say.

    `references` gives the targets of a reference by its kind and source, `referrers` the sources by kind and target.
    `pool` are all boxes in `ipco`.
    """

    data: bytes
    boxes: tuple[Box, ...] = ()
    brand: str = ""
    primary: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    references: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    referrers: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    pool: tuple[Box, ...] = ()

    def body(self, box: Box, limit: int | None = None) -> bytes:
        """Return the content of a box, or its beginning."""
        return self.data[box.body : box.stop if limit is None else min(box.stop, box.body + limit)]

    def content(self, item: Item) -> bytes:
        """Return the bytes of an item."""
        return b"".join(self.data[start:stop] for start, stop in item.extents)


def boxes(data: bytes, start: int, stop: int) -> Iterator[Box]:
    """Yield the boxes between two places; one that runs beyond the end is cut there, and is the last.

    Raises:
        ValueError: there are too many.
    """
    for _ in range(MAX_BOXES):
        if start + 8 > stop:
            return
        size, name = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            if start + 16 > stop:
                return
            size, body = struct.unpack_from(">Q", data, start + 8)[0], start + 16
        end = stop if size == 0 else start + size
        if end < body:
            return
        yield Box(name.decode("latin-1"), start, body, min(end, stop))
        start = end
    if start + 8 <= stop:
        raise ValueError("too many boxes")


def parse(data: bytes) -> Media:
    """Return what the boxes of a file say; of a damaged one, what can be read.

    Raises:
        ValueError: it has too many boxes, items, properties or references.
    """
    outer = tuple(boxes(data, 0, len(data)))
    first = next((box for box in outer if box.name == "ftyp"), None)
    brand = data[first.body : first.body + 4].decode("latin-1") if first else ""
    meta = next((box for box in outer if box.name == "meta"), None)
    if meta is None:
        return Media(data, outer, brand)
    return _Meta(data, meta).media(outer, brand)


class _Reader:
    """Big-endian numbers from a place on, none beyond `stop`.

    Raises:
        EOFError: a number lies beyond it.
    """

    def __init__(self, data: bytes, at: int, stop: int) -> None:
        self.data, self.at, self.stop = data, at, stop

    def number(self, size: int) -> int:
        if self.at + size > self.stop:
            raise EOFError("a box ends early")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def text(self) -> str:
        end = self.data.find(b"\0", self.at, self.stop)
        end = self.stop if end < 0 else end
        found = self.data[self.at : min(end, self.at + 256)].decode("utf-8", "replace")
        self.at = end + 1
        return found


class _Meta:
    """One pass over a meta box."""

    def __init__(self, data: bytes, meta: Box) -> None:
        self.data = data
        # QuickTime's own meta box has no version; its first child begins at once.
        plain = data[meta.body + 4 : meta.body + 8] == b"hdlr"
        self.inner = {box.name: box for box in reversed(tuple(boxes(data, meta.body + (0 if plain else 4), meta.stop)))}
        self.links = 0

    def media(self, outer: tuple[Box, ...], brand: str) -> Media:
        pool = self._pool()
        properties = self._properties(pool)
        extents = self._extents()
        items: dict[int, Item] = {}
        for item in self._infos():
            places, missing = extents.get(item.number, ((), 0))
            owned = properties.get(item.number, ())
            items.setdefault(item.number, replace(item, properties=owned, extents=places, missing=missing))
        references: dict[tuple[str, int], list[int]] = {}
        referrers: dict[tuple[str, int], list[int]] = {}
        for kind, source, target in self._references():
            references.setdefault((kind, source), []).append(target)
            referrers.setdefault((kind, target), []).append(source)
        return Media(self.data, outer, brand, self._primary(), items, references, referrers, pool)

    def _open(self, name: str) -> tuple[_Reader, int, int] | None:
        """Return a reader behind version and flags of a full box, and these; None where there is no such box."""
        box = self.inner.get(name)
        if box is None or box.body + 4 > box.stop:
            return None
        reader = _Reader(self.data, box.body, box.stop)
        return reader, reader.number(1), reader.number(3)

    def _spend(self, count: int) -> None:
        self.links += count
        if self.links > MAX_LINKS:
            raise ValueError("too many links between items")

    def _primary(self) -> int | None:
        opened = self._open("pitm")
        if opened is None:
            return None
        reader, version, _ = opened
        try:
            return reader.number(4 if version else 2)
        except EOFError:
            return None

    def _infos(self) -> Iterator[Item]:
        opened = self._open("iinf")
        if opened is None:
            return
        reader, version, _ = opened
        for box in boxes(self.data, reader.at + (4 if version else 2), reader.stop):
            if box.name == "infe":
                try:
                    item = _info(self.data, box)
                except EOFError:
                    return
                if item is not None:
                    yield item

    def _pool(self) -> tuple[Box, ...]:
        iprp = self.inner.get("iprp")
        if iprp is None:
            return ()
        ipco = next((box for box in boxes(self.data, iprp.body, iprp.stop) if box.name == "ipco"), None)
        return tuple(boxes(self.data, ipco.body, ipco.stop)) if ipco else ()

    def _properties(self, pool: tuple[Box, ...]) -> dict[int, tuple[Box, ...]]:
        iprp = self.inner.get("iprp")
        found: dict[int, tuple[Box, ...]] = {}
        for box in boxes(self.data, iprp.body, iprp.stop) if iprp else ():
            if box.name == "ipma" and box.body + 8 <= box.stop:
                try:
                    self._associations(_Reader(self.data, box.body, box.stop), pool, found)
                except EOFError:
                    return found
        return found

    def _associations(self, reader: _Reader, pool: tuple[Box, ...], found: dict[int, tuple[Box, ...]]) -> None:
        version, flags, count = reader.number(1), reader.number(3), reader.number(4)
        width, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
        for _ in range(count):
            number = reader.number(4 if version else 2)
            amount = reader.number(1)
            self._spend(1 + amount)
            places = [reader.number(width) & mask for _ in range(amount)]
            found.setdefault(number, tuple(pool[at - 1] for at in places if 0 < at <= len(pool)))

    def _references(self) -> Iterator[tuple[str, int, int]]:
        opened = self._open("iref")
        if opened is None:
            return
        outer, version, _ = opened
        width = 4 if version else 2
        for box in boxes(self.data, outer.at, outer.stop):
            reader = _Reader(self.data, box.body, box.stop)
            try:
                source, count = reader.number(width), reader.number(2)
                self._spend(count)
                for _ in range(count):
                    yield box.name, source, reader.number(width)
            except EOFError:
                return

    def _extents(self) -> dict[int, Extents]:
        opened = self._open("iloc")
        found: dict[int, Extents] = {}
        if opened is None:
            return found
        reader, version, _ = opened
        try:
            sizes = reader.number(1), reader.number(1)
            offset, length, base, index = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
            for _ in range(reader.number(4 if version == 2 else 2)):
                number = reader.number(4 if version == 2 else 2)
                method = reader.number(2) & 15 if version else 0
                reader.number(2)  # the data reference index: other files are not looked at
                origin, count = reader.number(base), reader.number(2)
                self._spend(1 + count)
                pairs = []
                for _ in range(count):
                    reader.number(index if version else 0)
                    pairs.append((origin + reader.number(offset), reader.number(length)))
                places = tuple(self._placed(pairs, method))
                whole = sum(length for _, length in pairs) if method in (0, 1) else 0
                found[number] = places, max(0, whole - sum(stop - start for start, stop in places))
        except EOFError:
            return found
        return found

    def _placed(self, pairs: list[tuple[int, int]], method: int) -> Iterator[tuple[int, int]]:
        """Yield the places in the file of what is `pairs` of offset and length, in the file (0) or in idat (1)."""
        idat = self.inner.get("idat")
        if method not in (0, 1) or (method == 1 and idat is None):
            return
        origin, limit = (idat.body, idat.stop) if method == 1 and idat else (0, len(self.data))
        for offset, length in pairs:
            start = origin + offset
            stop = limit if length == 0 else min(limit, start + length)
            if start < stop:
                yield start, stop


def _info(data: bytes, box: Box) -> Item | None:
    """Return the item that an infe box describes; None for versions of which no picture is made."""
    reader = _Reader(data, box.body, box.stop)
    version, flags = reader.number(1), reader.number(3)
    if version not in (2, 3):
        return None
    number = reader.number(4 if version == 3 else 2)
    reader.number(2)  # protection
    kind = reader.number(4).to_bytes(4, "big").decode("latin-1")
    reader.text()
    content = reader.text() if kind in ("mime", "uri ") else ""
    return Item(number, kind, box, content, bool(flags & 1))
