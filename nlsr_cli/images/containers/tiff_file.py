"""What a TIFF file consists of: directories of pictures, of reduced copies and of masks, tags, samples, and the rest.

TIFF 6.0 section 2 and section 8 (NewSubfileType, SubfileType), Adobe's TechNote 1 (SubIFDs), BigTIFF.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.parts import GAP, TRAILER, Part

NEW_SUBFILE_TYPE, SUBFILE_TYPE, WIDTH, LENGTH, PHOTOMETRIC, SUB_IFDS = 254, 255, 256, 257, 262, 330
REDUCED, MASK = 1, 4  # bits of NewSubfileType
OLD_REDUCED = 2  # a value of SubfileType
FIRST_ROWS = 4  # tags ascend, so that these two stand at the beginning
MAX_KINDS = 1024  # directories that are told apart; of those behind them nobody asks more than how many they are
MAX_SUBS, SUB_ROWS = 256, 1024  # directories whose SubIFDs are looked at, and how many of these; entries searched

STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS = 273, 279, 324, 325
JPEG_START, JPEG_LENGTH, JPEG_TABLES = 513, 514, (519, 520, 521)
JPEG_TABLE = 16 + 256  # bytes at most (ITU-T T.81, B.2.4)
HEAD = 64
WINDOW = 1 << 24  # bytes that are looked at together
SLACK = 256  # bytes between parts: what writers leave who change a directory in place, or align strips
TRAILING_SLACK = 16  # bytes behind the last part

# Names of parts that are no tags of the picture. Tags are named by their numbers, those below by "Exif 37500".
HEADER, DIRECTORY, SAMPLES, SLACK_NAME = "header", "directory", "samples", "slack"
PAGE, BELOW, COPY, MASKING, SECOND = "page", "picture below", "reduced copy", "mask", "second "
CHILD_NAMES = {tiff.EXIF_IFD: "Exif", tiff.GPS_IFD: "GPS", tiff.INTEROP_IFD: "Interoperability"}


@dataclass(frozen=True)
class Pages:
    """Where the directories of a file begin.

    `picture` is the first that is neither a reduced copy nor a mask; in a file of nothing but such, the largest of
    those below them (SubIFDs), or else the very first. `lead` is the reduced copy that stands before it, None where
    there is none: what that says of the picture holds for it too (TIFF/EP, ISO 12234-2). `full` counts the pictures,
    `subs` are the directories below others.
    """

    picture: int
    lead: int | None
    chain: tuple[int, ...]
    subs: tuple[int, ...]
    full: int


def find_pages(data: bytes) -> Pages:
    """Return the directories of a TIFF file.

    Raises:
        ValueError: this is no TIFF structure, or it has no directory.
    """
    starts = tiff.chain(data)
    if not starts:
        raise ValueError("the first TIFF directory lies outside the data")
    subs = tuple(dict.fromkeys(sub for start in starts[:MAX_SUBS] for sub in numbers_of(data, start, SUB_IFDS)))
    subs = subs[:MAX_SUBS]
    full = [start for start in starts[:MAX_KINDS] if not kind_of(data, start)]
    below = [] if full else [sub for sub in subs if rows_at(data, sub) and not kind_of(data, sub)]
    picture = full[0] if full else max(below, key=lambda sub: _area(data, sub), default=starts[0])
    leads = picture != starts[0] and kind_of(data, starts[0]) == REDUCED
    return Pages(picture, starts[0] if leads else None, starts, subs, len(full) + len(starts[MAX_KINDS:]) or 1)


def kind_of(data: bytes, start: int) -> int:
    """Return `REDUCED`, `MASK`, both, or 0 for a picture in its own right."""
    kind = next(iter(numbers_of(data, start, NEW_SUBFILE_TYPE, FIRST_ROWS)), None)
    if kind is None:
        return REDUCED * (numbers_of(data, start, SUBFILE_TYPE, FIRST_ROWS) == (OLD_REDUCED,))
    return kind & (REDUCED | MASK)


def rows_at(data: bytes, start: int, most: int = tiff.MAX_ENTRIES) -> list[tuple[int, int]]:
    """Return tags and places of the entries of a directory; none where no directory can be."""
    return tiff.rows(data, start, most) if 8 <= start < len(data) - 2 else []


def numbers_of(data: bytes, start: int, tag: int, most: int = SUB_ROWS) -> tuple[int, ...]:
    """Return the integers of a tag of the directory at `start`, of which the first `most` entries are looked at."""
    order, layout, _ = tiff.header(data)
    place = next((at for found, at in rows_at(data, start, most) if found == tag), None)
    found = None if place is None else tiff.Reader(data, order, layout).entry(place)
    return () if found is None else tiff.integers(found[1], order)


def _area(data: bytes, start: int) -> int:
    return (numbers_of(data, start, WIDTH) or (0,))[0] * (numbers_of(data, start, LENGTH) or (0,))[0]


def leading(data: bytes, pages: Pages, inherited: frozenset[int]) -> bytes:
    """Return the file with the directory of its picture as the first one, so that every reader finds that.

    Of the tags `inherited` it takes from the reduced copy that leads what it lacks itself.
    """
    order, layout, first = tiff.header(data)
    if pages.picture == first:
        return data
    own = dict(rows_at(data, pages.picture))
    given = {} if pages.lead is None else dict(rows_at(data, pages.lead))
    rows = {**{tag: at for tag, at in given.items() if tag in inherited}, **own}
    table = struct.pack(order + layout.counter, len(rows))
    table += b"".join(data[at : at + layout.row] for _, at in sorted(rows.items()))
    padded = bytes(data) + bytes(len(data) % 2)
    pointer = struct.pack(order + layout.offset, len(padded))
    head = data[: layout.pointer] + pointer
    return head + padded[len(head) :] + table + _next(data, order, layout, pages.picture)


def _next(data: bytes, order: str, layout: tiff.Layout, start: int) -> bytes:
    """Return the pointer to the directory behind another one."""
    (count,) = tiff.unpack(order + layout.counter, data, start)
    at = start + struct.calcsize("<" + layout.counter) + count * layout.row
    return data[at : at + layout.field_size].ljust(layout.field_size, b"\0")


def parts(data: bytes, pages: Pages, block: tiff.Block, inherited: frozenset[int]) -> Iterator[Part]:
    """Yield every part of a TIFF file: each tag of its picture, which is `block`, and of what hangs below it, samples,
    other directories, and what no entry points to. The head of a part is in little-endian order.
    """
    order, layout, _ = tiff.header(data)
    cover = Cover(data, order, layout)
    beside = layout.pointer + struct.calcsize("<" + layout.offset)
    cover.add(0, beside)
    yield Part(HEADER, 0, beside)
    taken = block.root.entries.keys() | block.root.children.keys()
    cover.directory(pages.picture)
    yield from _tags(tiff.reordered(block, "<").root, layout, "")
    yield from _repeated(data, pages.picture, layout)
    yield Part(DIRECTORY, pages.picture, struct.calcsize("<" + layout.counter) + layout.field_size)
    yield Part(SAMPLES, pages.picture, cover.samples)
    for index, start in enumerate((*pages.chain, *pages.subs)):
        if start not in cover.visited and rows_at(data, start, 1):
            listed = index < len(pages.chain)
            kind = 0 if listed and index >= MAX_KINDS else kind_of(data, start)
            size = cover.directory(start, without=inherited & taken if start == pages.lead else frozenset())
            name = MASKING if kind & MASK else COPY if kind else PAGE if listed else BELOW
            yield Part(name, start, size)
    if len(pages.chain) < tiff.MAX_PAGES:  # otherwise there may be more of them
        yield from cover.rest()


def _tags(directory: tiff.Directory, layout: tiff.Layout, prefix: str) -> Iterator[Part]:
    for tag, entry in directory.entries.items():
        beyond = len(entry.payload) if len(entry.payload) > layout.field_size else 0
        yield Part(f"{prefix}{tag}", entry.offset, layout.row + beyond, entry.payload[:HEAD])
    for tag, child in directory.children.items():
        yield Part(f"{prefix}{tag}", 0, layout.row + struct.calcsize("<" + layout.counter) + layout.field_size)
        yield from _tags(child, layout, CHILD_NAMES[tag] + " ")


def _repeated(data: bytes, start: int, layout: tiff.Layout) -> Iterator[Part]:
    """Yield the entries of tags that occur again, of which nobody reads more than one."""
    for tag, count in Counter(tag for tag, _ in rows_at(data, start)).items():
        if count > 1:
            yield Part(f"{SECOND}{tag}", start, layout.row * (count - 1))


@dataclass
class Cover:
    """Which bytes of a file belong to what is known. `samples` counts those of the directory read last; `visited` are
    the directories, with tags and places of their entries.

    A file cannot hold more entries than there is room for, however its directories overlap.
    """

    data: bytes
    order: str
    layout: tiff.Layout
    visited: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    samples: int = 0
    spans: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = len(self.data) // self.layout.row + tiff.MAX_ENTRIES
        self.reader = tiff.Reader(self.data, self.order, self.layout)

    def add(self, start: float, size: float) -> None:
        """Cover one span."""
        self.spans.append(np.array([[start, start + size]]))

    def directory(self, start: int, depth: int = 0, without: frozenset[int] = frozenset()) -> int:
        """Cover a directory with its values, samples, and the directories of Exif below; return its bytes in all.

        The tags `without` are covered and not counted.
        """
        rows = rows_at(self.data, start, min(self.left, tiff.MAX_ENTRIES))
        if start in self.visited:
            return 0
        self.visited[start] = rows
        self.left -= len(rows)
        size = struct.calcsize("<" + self.layout.counter) + self.layout.field_size + len(rows) * self.layout.row
        self.add(start, size)
        stored: dict[int, tiff.Entry] = {}
        for tag, at in rows:
            beyond = self._value(at)
            size += 0 if tag in without else beyond
            wanted = (STRIP_OFFSETS, STRIP_COUNTS, TILE_OFFSETS, TILE_COUNTS, JPEG_START, JPEG_LENGTH, *JPEG_TABLES)
            if tag in wanted or tag in tiff.CHILDREN:
                self.reader.unspent = len(self.data)
                if (found := self.reader.entry(at)) is not None:
                    stored[tag] = found[1]
        below = [tag for tag in tiff.CHILDREN if tag in stored and depth < tiff.MAX_DEPTH]
        for tag in below:
            child = next(iter(tiff.integers(stored[tag], self.order)), 0)
            size += self.directory(child, depth + 1) if rows_at(self.data, child) and tag not in without else 0
        self.samples = self._samples(stored)
        return size + self.samples

    def _value(self, at: int) -> int:
        """Cover the value of the entry at a place, and return its bytes outside of the entry."""
        _, kind, count = tiff.unpack(self.order + self.layout.entry, self.data, at)
        length = tiff.SIZES.get(kind, 0) * count
        if length <= self.layout.field_size:
            return 0
        place = at + struct.calcsize("<" + self.layout.entry)
        offset = tiff.unpack(self.order + self.layout.offset, self.data, place)[0]
        if offset + length > len(self.data):
            return 0
        self.add(offset, length)
        return int(length)

    def _samples(self, stored: dict[int, tiff.Entry]) -> int:
        """Cover the coded samples that a directory points to, and return their bytes."""
        total, end = 0.0, float(len(self.data))
        for places, counts in (
            (STRIP_OFFSETS, STRIP_COUNTS),
            (TILE_OFFSETS, TILE_COUNTS),
            (JPEG_START, JPEG_LENGTH),
            *((table, 0) for table in JPEG_TABLES),
        ):
            starts = tiff.numbers(stored.get(places), self.order)
            if not starts.size:
                continue
            # Without a length they may go on to the end of the file.
            lengths = np.full(starts.shape, float(JPEG_TABLE) if places in JPEG_TABLES else end)
            stated = tiff.numbers(stored.get(counts), self.order)[: starts.size]
            lengths[: stated.size] = stated
            spans = np.stack((starts, np.minimum(starts + lengths, end)), axis=1)
            spans = spans[(starts >= 0) & (lengths > 0) & (starts < end)]
            self.spans.append(spans)
            total += float((spans[:, 1] - spans[:, 0]).sum())
        return int(total)

    def rest(self) -> Iterator[Part]:
        """Yield what is not covered: what is there but for zeros, and the slack that is left."""
        spans = np.concatenate([*self.spans, [[len(self.data), len(self.data)]]])
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
        ends = np.maximum.accumulate(spans[:, 1])
        slack = 0
        for index in np.flatnonzero(spans[1:, 0] > ends[:-1]):
            start, end = int(ends[index]), int(spans[index + 1, 0])
            behind = end == len(self.data)
            at, stop = self._content(start, end)
            if stop - at > (TRAILING_SLACK if behind else SLACK):
                yield Part(TRAILER if behind else GAP, at, stop - at, self.data[at : min(at + HEAD, stop)])
                slack += end - start - (stop - at)
            else:
                slack += end - start
        yield Part(SLACK_NAME, 0, slack)

    def _content(self, start: int, end: int) -> tuple[int, int]:
        """Return where what is no zero begins and ends between two places."""
        first, last = end, end
        for at in range(start, end, WINDOW):
            piece = self.data[at : min(at + WINDOW, end)]
            if content := piece.lstrip(b"\0"):
                first = at + len(piece) - len(content) if first == end else first
                last = at + len(piece.rstrip(b"\0"))
        return first, last
