"""TIFF files of ours bound to one file of many pages: their samples are copied, their directories written anew."""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.tiff_file import STRIP_COUNTS, STRIP_OFFSETS, TILE_COUNTS, TILE_OFFSETS, WINDOW
from nlsr_cli.images.encoding.tiff import MOST, ORDER, ROOM
from nlsr_cli.images.on_disk import OnDisk
from nlsr_cli.storing import Patch, Pieces


def bound(files: Sequence[Path], *, most: int = MOST) -> Pieces:
    """Yield the file that the pages of files make, in their order; no notes.

    The same files give the same bytes. It is a BigTIFF where it may have more bytes than `most`.

    Raises:
        ValueError, struct.error: one is no TIFF as this package writes them.
        OSError: one cannot be read.
    """
    whole = sum(file.stat().st_size for file in files)
    layout = tiff.BIG if whole + ROOM > most else tiff.CLASSIC
    at, pointer = len(tiff.head(ORDER, layout)), layout.pointer
    yield tiff.head(ORDER, layout)
    for file in files:
        with OnDisk(file) as data:
            order, given, _ = tiff.header(data)
            if order != ORDER:
                raise ValueError("a page in another byte order")
            for start in tiff.chain(data):
                directory = tiff.Reader(data, order, given).directory(start)
                if directory is None:
                    raise ValueError("a page without a directory")
                at, pointer = yield from _written(data, directory, layout, at, pointer)
    return ()


def _written(
    data: bytes, directory: tiff.Directory, layout: tiff.Layout, at: int, pointer: int
) -> Generator[bytes | Patch, None, tuple[int, int]]:
    """Yield samples and directory of a page for the place `at`; return the place behind it, and that of its pointer."""
    places, counts = next(
        tags for tags in ((STRIP_OFFSETS, STRIP_COUNTS), (TILE_OFFSETS, TILE_COUNTS)) if tags[0] in directory.entries
    )
    starts, lengths = (tiff.numbers(directory.entries[tag], ORDER).astype(np.uint64) for tag in (places, counts))
    moved, total = np.empty_like(starts), 0
    for place in np.argsort(starts, kind="stable"):  # those of reduced copies may lie in between
        begin, length = int(starts[place]), int(lengths[place])
        for part in range(begin, begin + length, WINDOW):
            yield data[part : min(part + WINDOW, begin + length)]
        moved[place] = at + total
        total += length
    yield bytes(total % 2)
    kind = tiff.LONG8 if layout is tiff.BIG else tiff.LONG
    payload = moved.astype(ORDER + tiff.DTYPES[kind]).tobytes()
    at += total + total % 2
    written = tiff.lay_out(directory.updated({places: tiff.Entry(kind, len(moved), payload)}), ORDER, at, layout=layout)
    yield Patch(pointer, struct.pack(ORDER + layout.offset, at))
    yield written
    (count,) = tiff.unpack(ORDER + layout.counter, written, 0)
    return at + len(written), at + struct.calcsize("<" + layout.counter) + count * layout.row
