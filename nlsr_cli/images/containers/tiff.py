"""Directories of tags: the structure that TIFF files and EXIF blocks share (TIFF 6.0 section 2, CIPA DC-008, BigTIFF).

Tags are carried as raw bytes, so that types, unknown tags and maker notes survive a rewrite unchanged.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
CHILDREN = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
MAKER_NOTE = 0x927C

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE, LONG8 = 1, 2, 3, 4, 5, 7, 12, 16
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# The unit in which a value of each type has a byte order; what is missing here has none.
WORDS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
DTYPES = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 11: "f4", 12: "f8"}
DTYPES |= {13: "u4", 16: "u8", 17: "i8", 18: "u8"}
CLASSIC_TYPES = range(1, 14)

MAX_ENTRIES = 4096  # real directories hold under a hundred; more is noise read as a directory
MAX_NUMBERS = 4096  # a Python integer takes 36 times the space of a byte; what is asked for has a handful of values
MAX_PAGES = 10000  # counted no further: the number is for a note only
MAX_DEPTH = 2  # the deepest known nesting: first directory, Exif, Interoperability
PIN_LIMIT = 16384  # maker notes further in than this are moved: keeping their place would cost more than it saves


class Layout(NamedTuple):
    """How classic TIFF and BigTIFF differ: struct codes of the counts, and the width of the value field."""

    counter: str
    entry: str
    offset: str
    field_size: int
    pointer: int  # where the place of the first directory stands

    @property
    def row(self) -> int:
        """Return the bytes of an entry."""
        return struct.calcsize("<" + self.entry) + self.field_size


CLASSIC = Layout("H", "HHI", "I", 4, 4)
BIG = Layout("Q", "HHQ", "Q", 8, 8)


class Entry(NamedTuple):
    """One tag: its TIFF type, number of values, raw bytes, and where in the file these lay."""

    kind: int
    number: int
    payload: bytes
    offset: int = 0


@dataclass(frozen=True)
class Directory:
    """One image file directory: tags, and the directories (Exif, GPS, Interoperability) that hang below it."""

    entries: dict[int, Entry] = field(default_factory=dict)
    children: dict[int, Directory] = field(default_factory=dict)

    def without(self, tags: frozenset[int]) -> Directory:
        """Return a copy that lacks the given tags."""
        return replace(self, entries={tag: entry for tag, entry in self.entries.items() if tag not in tags})

    def only(self, tags: frozenset[int]) -> Directory:
        """Return a copy that has no tags but the given ones; children stay."""
        return replace(self, entries={tag: entry for tag, entry in self.entries.items() if tag in tags})

    def updated(self, entries: dict[int, Entry]) -> Directory:
        """Return a copy with tags added or replaced."""
        return replace(self, entries={**self.entries, **entries})


@dataclass(frozen=True)
class Block:
    """A parsed TIFF structure: byte order ("<" or ">"), first directory, and how many entries were unreadable."""

    order: str
    root: Directory
    broken: int = 0

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag of the first directory."""
        return integers(self.root.entries.get(tag), self.order)


def header(data: bytes) -> tuple[str, Layout, int]:
    """Return byte order, layout, and the place of the first directory of a TIFF structure.

    Raises:
        ValueError: this is none.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        raise ValueError("no TIFF byte order mark")
    magic = unpack(order + "H", data, 2)[0]
    layout = {42: CLASSIC, 43: BIG}.get(magic)
    if layout is None or (layout is BIG and len(data) < 16):
        raise ValueError("no TIFF version number")
    return order, layout, unpack(order + layout.offset, data, layout.pointer)[0]


def unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    """Return the numbers that stand at a place of what slices to bytes, as a file on the disk may.

    Raises:
        struct.error: the data end before.
    """
    return struct.unpack(form, data[at : at + struct.calcsize(form)])


def parse(data: bytes) -> Block:
    """Parse the first directory of a TIFF file or EXIF block, and the directories below it.

    Entries that point outside the data are left out and counted in `broken`, and so are those whose bytes, with all
    before them, come to more than the data: they overlap, and a small file would grow without end.

    Raises:
        ValueError: this is no TIFF structure, or its first directory is unreadable.
    """
    order, layout, start = header(data)
    reader = Reader(data, order, layout)
    root = reader.directory(start)
    if root is None:
        raise ValueError("the first TIFF directory lies outside the data")
    return Block(order, root, reader.broken)


class Reader:
    """One pass over a TIFF structure; remembers visited offsets, because a hostile file may point in circles."""

    def __init__(self, data: bytes, order: str, layout: Layout) -> None:
        self.data, self.order, self.layout = data, order, layout
        self.visited: set[int] = set()
        self.unspent = len(data)
        self.broken = 0

    def directory(self, start: int, depth: int = 0) -> Directory | None:
        """Read the directory at `start`, or return None (and count it) where there is none."""
        head = struct.calcsize("<" + self.layout.counter)
        if start in self.visited or start < 8 or start + head > len(self.data):
            self.broken += 1
            return None
        self.visited.add(start)
        count = min(unpack(self.order + self.layout.counter, self.data, start)[0], MAX_ENTRIES)
        size = self.layout.row
        entries: dict[int, Entry] = {}
        children: dict[int, Directory] = {}
        for at in range(start + head, start + head + count * size, size):
            found = self.entry(at)
            if found is None:
                self.broken += 1
                continue
            tag, entry = found
            if tag not in CHILDREN:
                entries[tag] = entry
            elif depth == MAX_DEPTH or tag in children:
                self.broken += 1
            elif (child := self.directory(next(iter(integers(entry, self.order)), 0), depth + 1)) is not None:
                children[tag] = child
        return Directory(entries, children)

    def entry(self, at: int) -> tuple[int, Entry] | None:
        """Read the entry at `at`, or return None where its type is unknown or its bytes are missing."""
        head = struct.calcsize("<" + self.layout.entry)
        if at + head + self.layout.field_size > len(self.data):
            return None
        tag, kind, count = unpack(self.order + self.layout.entry, self.data, at)
        length = SIZES.get(kind, 0) * count
        offset = at + head
        if length > self.layout.field_size:
            offset = unpack(self.order + self.layout.offset, self.data, offset)[0]
        if kind not in SIZES or offset + length > len(self.data) or length > self.unspent:
            return None
        self.unspent -= length
        return tag, Entry(kind, count, self.data[offset : offset + length], offset)


def integers(entry: Entry | None, order: str) -> tuple[int, ...]:
    """Return the first MAX_NUMBERS values of an entry of any integer type; of another type, or of None, nothing."""
    if entry is None or entry.kind not in CODES:
        return ()
    return struct.unpack_from(f"{order}{min(entry.number, MAX_NUMBERS)}{CODES[entry.kind]}", entry.payload)


def chain(data: bytes) -> tuple[int, ...]:
    """Return where the directories that follow each other in a TIFF file begin, at most MAX_PAGES of them.

    A chain that leaves the data or runs in a circle ends there.

    Raises:
        ValueError: this is no TIFF structure.
    """
    order, layout, _ = header(data)
    pointer, found = layout.pointer, dict[int, None]()
    while len(found) < MAX_PAGES and pointer + struct.calcsize("<" + layout.offset) <= len(data):
        start = unpack(order + layout.offset, data, pointer)[0]
        head = start + struct.calcsize("<" + layout.counter)
        if start == 0 or start in found or head > len(data):
            break
        found[start] = None
        pointer = head + layout.row * unpack(order + layout.counter, data, start)[0]
    return tuple(found)


def rows(data: bytes, start: int, most: int = MAX_ENTRIES + 1) -> list[tuple[int, int]]:
    """Return the tags of the directory at `start`, at most so many, with the places of their entries."""
    order, layout, _ = header(data)
    first = start + struct.calcsize("<" + layout.counter)
    if first > len(data):
        return []
    count = min(unpack(order + layout.counter, data, start)[0], most, len(data) // layout.row)
    places = [at for at in range(first, first + count * layout.row, layout.row) if at + layout.row <= len(data)]
    return [(unpack(order + "H", data, at)[0], at) for at in places]


def numbers(entry: Entry | None, order: str) -> npt.NDArray[np.float64]:
    """Return every value of an entry, however many, as floating point: sums of wild offsets must not wrap around."""
    if entry is None or entry.kind not in DTYPES:
        return np.empty(0)
    return np.frombuffer(entry.payload, order + DTYPES[entry.kind]).astype(np.float64)


def rational(entry: Entry | None, order: str) -> float | None:
    """Return the first value of a RATIONAL entry, or None where there is none or it has no value."""
    if entry is None or entry.kind != RATIONAL or entry.number < 1:
        return None
    numerator, denominator = struct.unpack_from(order + "II", entry.payload)
    return float(numerator / denominator) if denominator else None


def short_or_long(value: int, order: str) -> Entry:
    """Return the entry of one unsigned number, in the smallest type that EXIF allows for picture sizes."""
    kind, code = (SHORT, "H") if value < 65536 else (LONG, "I")
    return Entry(kind, 1, struct.pack(order + code, value))


def reordered(block: Block, order: str) -> Block:
    """Return the block in the given byte order. Undefined data, such as maker notes, has none and stays."""
    return block if block.order == order else Block(order, _swapped(block.root), block.broken)


def _swapped(directory: Directory) -> Directory:
    def swap(entry: Entry) -> Entry:
        word = WORDS.get(entry.kind)
        return entry._replace(payload=np.frombuffer(entry.payload, f"u{word}").byteswap().tobytes()) if word else entry

    return Directory(
        {tag: swap(entry) for tag, entry in directory.entries.items()},
        {tag: _swapped(child) for tag, child in directory.children.items()},
    )


def serialise(block: Block) -> bytes:
    """Return the block as a classic TIFF structure of its own, as EXIF is stored in pictures.

    A maker note keeps the offset it had, since many makers count their own offsets from the start of the block.
    """
    exif = block.root.children.get(EXIF_IFD, Directory())
    note = exif.entries.get(MAKER_NOTE)
    pinned = note if note is not None and 8 <= note.offset <= PIN_LIMIT and len(note.payload) > 4 else None
    front = b"" if pinned is None else bytes(pinned.offset - 8) + pinned.payload
    front += bytes(len(front) % 2)
    start = 8 + len(front)
    header = (b"II" if block.order == "<" else b"MM") + struct.pack(block.order + "HI", 42, start)
    return header + front + lay_out(block.root, block.order, start, pinned)


def head(order: str, layout: Layout) -> bytes:
    """Return the beginning of a TIFF file, in which the place of the first directory is blank."""
    mark = b"II" if order == "<" else b"MM"
    fixed = struct.pack(order + "H", 42) if layout is CLASSIC else struct.pack(order + "HHH", 43, layout.field_size, 0)
    return mark + fixed + bytes(layout.field_size)


def lay_out(
    directory: Directory, order: str, start: int, pinned: Entry | None = None, layout: Layout = CLASSIC
) -> bytes:
    """Return the bytes of a directory and all below it, for a place that is `start` bytes into its file.

    `pinned` is an entry whose payload already lies at its offset. Tags are ascending, as TIFF 6.0 demands.
    """
    classic, width = layout is CLASSIC, layout.field_size
    entries = {tag: entry for tag, entry in directory.entries.items() if not classic or entry.kind in CLASSIC_TYPES}
    tags = sorted({*entries, *directory.children})
    rows = bytearray(struct.pack(order + layout.counter, len(tags)))
    tail_start = start + len(rows) + layout.row * len(tags) + width
    tail = bytearray()
    for tag in tags:
        place = tail_start + len(tail)
        if tag in directory.children:
            tail += lay_out(directory.children[tag], order, place, pinned, layout)
            rows += struct.pack(order + layout.entry + layout.offset, tag, LONG if classic else LONG8, 1, place)
            continue
        entry = entries[tag]
        rows += struct.pack(order + layout.entry, tag, entry.kind, entry.number)
        if len(entry.payload) <= width:
            rows += entry.payload.ljust(width, b"\0")
        elif tag == MAKER_NOTE and pinned is not None:
            rows += struct.pack(order + layout.offset, pinned.offset)
        else:
            rows += struct.pack(order + layout.offset, place)
            tail += entry.payload + bytes(len(entry.payload) % 2)
    return bytes(rows + bytes(width) + tail)
