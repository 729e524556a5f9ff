"""A TIFF in tiles with reduced copies of the picture behind it (TIFF 6.0, sections 2 and 15).

The copies are directories that follow that of the picture, marked as reduced: so GDAL, QGIS, OpenSlide and libvips look
for them. The tiles of all copies lie in the order in which they were finished; where each lies, its directory says.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.tiff_file import NEW_SUBFILE_TYPE, REDUCED, TILE_COUNTS, TILE_OFFSETS
from nlsr_cli.images.encoding.bands import Bands, Shape, in_order
from nlsr_cli.images.encoding.pyramid import Halve, pyramid, shapes_of
from nlsr_cli.images.encoding.tiff import ORDER, Pack, described, longs, offsets
from nlsr_cli.images.metadata import exif_tags, georeference
from nlsr_cli.images.picture import Pixels

SEEN = frozenset({exif_tags.ICC_PROFILE, georeference.GDAL_NODATA})
TILE = 256  # pixels of a side; a multiple of 16, as section 15 demands
TILE_WIDTH, TILE_LENGTH = 322, 323
ENTRY = 8 + 4  # bytes for place and size of a tile in its directory, at most

Places = list[tuple[int, int]]  # where each tile of a copy lies, and of how many bytes it is


def most_bytes(shape: Shape, dtype: npt.DTypeLike) -> int:
    """Return how many bytes the tiles of a picture and of its copies may take, uncompressed, with their places."""
    tiles = sum(prod(-(-side // TILE) for side in each[:2]) for each in shapes_of(shape, TILE))
    return tiles * (TILE * TILE * shape[2] * np.dtype(dtype).itemsize + ENTRY)


def tiles(
    bands: Bands, shape: Shape, dtype: npt.DTypeLike, start: int, pack: Pack, halve: Halve
) -> Generator[bytes, None, tuple[int, list[Places]]]:
    """Yield the tiles of a picture and of its copies, which begin at `start`; return where they end, and all places.

    Raises:
        ValueError: the bands do not add up to the picture.
    """
    places: list[Places] = [[] for _ in shapes_of(shape, TILE)]
    cuts = (
        (level, _whole_tile(band[:, left : left + TILE]))
        for level, band in pyramid(bands, shape, dtype, TILE, len(places), halve)
        for left in range(0, band.shape[1], TILE)
    )
    for level, tile in in_order(lambda each: (each[0], pack(each[1])), cuts):
        places[level].append((start, len(tile)))
        yield tile + bytes(len(tile) % 2)
        start += len(tile) + len(tile) % 2
    return start, places


def _whole_tile(pixels: Pixels) -> Pixels:
    """Return a copy of a tile, of the full size: beyond the edges of the picture it repeats them."""
    height, width = pixels.shape[:2]
    if (height, width) == (TILE, TILE):
        return pixels.copy()
    return np.pad(pixels, ((0, TILE - height), (0, TILE - width), (0, 0)), mode="edge")


def directories(
    beside: tiff.Directory,
    places: Sequence[Places],
    shape: Shape,
    dtype: npt.DTypeLike,
    start: int,
    *,
    alpha: bool,
    layout: tiff.Layout,
) -> bytes:
    """Return the directories of a picture and of its copies, one behind the other, for a place `start` in their file.

    `beside` is what the file says beside its samples, of which copies get what tells how these are to be seen.
    """
    written = b""
    for level, (each, tiled) in enumerate(zip(shapes_of(shape, TILE), places, strict=True)):
        found, counts = np.array(tiled, np.int64).T
        entries = {
            **described(each, dtype, alpha=alpha),
            TILE_WIDTH: longs(TILE),
            TILE_LENGTH: longs(TILE),
            TILE_OFFSETS: offsets(found, big=layout is tiff.BIG),
            TILE_COUNTS: longs(*counts.tolist()),
        }
        reduced = tiff.Directory({**beside.only(SEEN).entries, **entries, NEW_SUBFILE_TYPE: longs(REDUCED)})
        made = reduced if level else beside.updated(entries)
        laid = tiff.lay_out(made, ORDER, start + len(written), layout=layout)
        follows = start + len(written) + len(laid) if level + 1 < len(places) else 0
        written += _followed(laid, follows, layout)
    return written


def _followed(laid: bytes, following: int, layout: tiff.Layout) -> bytes:
    """Return a directory that says where the one behind it begins, 0 for none."""
    count: int = struct.unpack_from(ORDER + layout.counter, laid)[0]
    at = struct.calcsize(ORDER + layout.counter) + count * layout.row
    return laid[:at] + struct.pack(ORDER + layout.offset, following) + laid[at + layout.field_size :]
