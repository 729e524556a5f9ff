"""Pages of a TIFF taken out, each as a TIFF of its own with all that belongs to it.

Nothing is decoded or changed but offsets: an excerpt holds the directory of a page, values, samples and directories
below it, and the reduced copies and masks beside it, in the order of the file. What points outside the file does so in
the excerpt too, so that a page is as sound or as damaged as it was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.tiff_file import (
    JPEG_START,
    JPEG_TABLES,
    LENGTH,
    MAX_SUBS,
    STRIP_OFFSETS,
    SUB_IFDS,
    TILE_OFFSETS,
    WIDTH,
    WINDOW,
    Cover,
    kind_of,
    numbers_of,
    rows_at,
)
from nlsr_cli.images.parts import Part
from nlsr_cli.storing import Patch, Pieces

BITS, COMPRESSION, SAMPLES, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_LENGTH = 258, 259, 277, 278, 284, 322, 323
SHAPE = frozenset({WIDTH, LENGTH, BITS, COMPRESSION, SAMPLES, ROWS_PER_STRIP, PLANAR, TILE_WIDTH, TILE_LENGTH})
SHAPE |= {STRIP_OFFSETS, TILE_OFFSETS}
POINTERS = frozenset({STRIP_OFFSETS, TILE_OFFSETS, JPEG_START, *JPEG_TABLES, SUB_IFDS, *tiff.CHILDREN})
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Leaf:
    """A page: where its directory begins, and those of the reduced copies and masks beside it, in their order."""

    directories: tuple[int, ...]


def leaves(data: bytes) -> tuple[Leaf, ...]:
    """Return the pages of a TIFF file; none where it holds nothing but reduced copies and masks.

    What stands before the first page belongs to that, and what stands behind a page to the page.

    Raises:
        ValueError, struct.error: this is no TIFF structure.
    """
    found: list[list[int]] = []
    leading: list[int] = []
    for start in tiff.chain(data):
        if not kind_of(data, start):
            found.append([*leading, start])
            leading = []
        elif found:
            found[-1].append(start)
        else:
            leading.append(start)
    return tuple(Leaf(tuple(each)) for each in found)


class Excerpt:
    """The file that a page makes. `size` counts its bytes.

    Raises:
        ValueError, struct.error: there is no such page.
    """

    def __init__(self, data: bytes, leaf: Leaf) -> None:
        self._data, self._leaf = data, leaf
        self._order, self._layout, _ = tiff.header(data)
        cover = _covered(data, [leaf])
        for start in leaf.directories:
            cover.spans.append(_unpacked(data, start))
        self._rows = [at for rows in cover.visited.values() for _, at in rows]
        self._places = _Places(np.concatenate(cover.spans))
        self.size = self._places.size

    def pieces(self) -> Pieces:
        """Yield the file, without notes.

        Raises:
            ValueError, struct.error: there is no such page, or its file was cut short meanwhile.
        """
        data, order, layout, places = self._data, self._order, self._layout, self._places
        yield from places.copied(data)
        directories = self._leaf.directories
        pointers = layout.pointer, *(_behind(data, order, layout, start) for start in directories)
        for pointer, target in zip(pointers, (*directories, None), strict=True):
            place = 0 if target is None else places.of(target)
            yield Patch(places.of(pointer), struct.pack(order + layout.offset, place))
        reader = tiff.Reader(data, order, layout)
        for at in self._rows:
            reader.unspent = len(data)
            yield from _moved(reader, at, places)
        return ()


def strays(data: bytes, found: Sequence[Leaf]) -> Iterator[Part]:
    """Yield what belongs to no page of a file, of which they are all."""
    yield from _covered(data, found).rest()


def _covered(data: bytes, found: Sequence[Leaf]) -> Cover:
    """Return what of a file belongs to pages."""
    order, layout, _ = tiff.header(data)
    cover = Cover(data, order, layout)
    cover.add(0, layout.pointer + layout.field_size)
    for leaf in found:
        for start in (*leaf.directories, *_below(data, leaf.directories)):
            cover.directory(start)
    return cover


def _below(data: bytes, directories: Sequence[int]) -> tuple[int, ...]:
    """Return the directories below others (SubIFDs)."""
    subs = (sub for start in directories[:MAX_SUBS] for sub in numbers_of(data, start, SUB_IFDS))
    return tuple(sub for sub in list(dict.fromkeys(subs))[:MAX_SUBS] if rows_at(data, sub, 1))


def _unpacked(data: bytes, start: int) -> Numbers:
    """Return where the samples of a directory lie that are not compressed: readers heed no lengths where these are
    wrong, as some writers leave them, or 0.
    """
    order, layout, _ = tiff.header(data)
    reader, stored = tiff.Reader(data, order, layout), {}
    for tag, at in tiff.rows(data, start):
        reader.unspent = len(data)
        if tag in SHAPE and (found := reader.entry(at)) is not None and found[1].kind in tiff.CODES:
            stored[tag] = tiff.numbers(found[1], order)

    def first(tag: int, default: float) -> float:
        return float(stored[tag][0]) if tag in stored and stored[tag].size else default

    tiled = TILE_OFFSETS in stored
    starts = stored.get(TILE_OFFSETS if tiled else STRIP_OFFSETS, np.empty(0))
    if first(COMPRESSION, 1) != 1 or not starts.size:
        return np.empty((0, 2))
    bits = first(BITS, 1) * (1 if first(PLANAR, 1) == 2 else first(SAMPLES, 1))
    height = first(LENGTH, 0)
    rows = np.full(starts.shape, first(TILE_LENGTH, 0) if tiled else min(first(ROWS_PER_STRIP, height), height))
    if not tiled and rows[0]:
        many = int(np.ceil(height / rows[0]))
        rows[many - 1 :: many] = height - (many - 1) * rows[0]
    lengths = rows * np.ceil(first(TILE_WIDTH if tiled else WIDTH, 0) * bits / 8)
    ends = np.minimum(starts + lengths, len(data))
    spans: Numbers = np.stack((starts, ends), axis=1)[(starts > 0) & (starts < ends)]
    return spans


def _behind(data: bytes, order: str, layout: tiff.Layout, start: int) -> int:
    """Return where the pointer to the directory behind another one stands."""
    (count,) = tiff.unpack(order + layout.counter, data, start)
    return start + struct.calcsize("<" + layout.counter) + count * layout.row


def _moved(reader: tiff.Reader, at: int, places: _Places) -> Iterator[Patch]:
    """Yield what an entry says of places, as it is true of the excerpt."""
    order, layout = reader.order, reader.layout
    field, nowhere = at + struct.calcsize("<" + layout.entry), b"\xff" * layout.field_size
    tag, kind, count = tiff.unpack(order + layout.entry, reader.data, at)
    found, beyond = reader.entry(at), tiff.SIZES.get(kind, 0) * count > layout.field_size
    if found is None:
        if beyond:
            yield Patch(places.of(field), nowhere)
        return
    entry = found[1]
    if beyond:
        yield Patch(places.of(field), struct.pack(order + layout.offset, places.of(entry.offset)))
    if tag in POINTERS and kind in tiff.DTYPES and kind in tiff.CODES:
        dtype = np.dtype(order + tiff.DTYPES[kind])
        values = tiff.numbers(entry, order)
        moved = places.all_of(values)
        made = np.where(np.isnan(moved), np.uint64(np.iinfo(dtype).max), np.nan_to_num(moved).astype(np.uint64))
        yield Patch(places.of(entry.offset), made.astype(dtype).tobytes())


class _Places:
    """Where the bytes of a file lie in an excerpt: spans in their order, moved up to each other.

    The first bytes stay where they are, as maker notes may count from the beginning of the file. Even places stay even.
    """

    def __init__(self, spans: Numbers) -> None:
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
        ends = np.maximum.accumulate(spans[:, 1])
        apart = np.flatnonzero(np.append(True, spans[1:, 0] > ends[:-1]))
        self._starts, self._ends = spans[apart, 0], ends[np.append(apart[1:] - 1, len(ends) - 1)]
        self._new = np.empty_like(self._starts)
        at = 0
        for index, (start, end) in enumerate(zip(self._starts.tolist(), self._ends.tolist(), strict=True)):
            at = start if start < tiff.PIN_LIMIT else at + (start - at) % 2
            self._new[index] = at
            at += end - start
        self.size = int(at)

    def copied(self, data: bytes) -> Iterator[bytes]:
        """Yield the bytes of all spans, and zeros between them."""
        at = 0
        for start, end, new in np.stack((self._starts, self._ends, self._new), axis=1).astype(int).tolist():
            if new > at:
                yield bytes(new - at)
            for place in range(start, end, WINDOW):
                yield data[place : min(place + WINDOW, end)]
            at = new + end - start

    def all_of(self, places: Numbers) -> Numbers:
        """Return where places lie now; 0, which is none, stays, and what is not there is NaN."""
        index = np.maximum(np.searchsorted(self._starts, places, "right") - 1, 0)
        inside = (places >= self._starts[index]) & (places < self._ends[index])
        return np.where(places == 0, 0, np.where(inside, places - self._starts[index] + self._new[index], np.nan))

    def of(self, place: int) -> int:
        """Return where a place lies now.

        Raises:
            ValueError: it is not there.
        """
        (moved,) = self.all_of(np.array([float(place)]))
        return int(moved)
