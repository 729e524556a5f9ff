"""Which files are read a few rows at a time: those of which libvips gives the very samples that the other readers give.

All others are read whole, as small ones are: interlaced PNG and progressive JPEG, of which the first row is known with
the last, palettes, whose colours decide whether a picture is grey, and what libvips takes for something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nlsr_cli.images.border import TILE_ALLOWANCE
from nlsr_cli.images.containers import jpeg, png
from nlsr_cli.images.depth.deep import TiffSamples
from nlsr_cli.images.depth.layout import (
    ASSOCIATED,
    EXTRA_SAMPLES,
    TILE_OFFSETS,
    Layout,
    check_segments,
    grid_of,
    plain_layout,
)
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.jpeg import JpegFile
from nlsr_cli.images.formats.png import PngFile
from nlsr_cli.images.formats.tiff import TiffFile
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.reading import Info, frames_of, info_of
from nlsr_cli.images.vips.library import broken
from nlsr_cli.images.vips.sorting import CHANNELS, DeepPng, Eight, Sorting

SEQUENTIAL = (0xC0, 0xC1)  # frames of a JPEG whose rows follow each other (ITU-T T.81, table B.1)
# Chunks that may stand behind the samples of a PNG: of these Pillow, which is shown what stands before, learns nothing.
BEHIND = frozenset({b"IDAT", b"IEND", b"tIME", b"eXIf", *png.TEXTS})
INTERLACE = 28  # where a PNG says whether it is interlaced


@dataclass(frozen=True)
class Route:
    """How a file is read: the loader of libvips, (height, width) and `samples` of each pixel as stored, and their type;
    `sorting` makes what sorts them. `mode`, `frames` and `info` are what was found beside them.
    """

    loader: str
    size: tuple[int, int]
    samples: int
    dtype: np.dtype[np.generic]
    sorting: Callable[[], Sorting]
    mode: str
    frames: int
    info: Info


def route_of(file: Parsed) -> Route | None:
    """Return how a file is read a few rows at a time; None where it must be read whole.

    Raises:
        ImageReadError: it is a TIFF that is cut off.
        Exception: whatever decoders raise, for `border` to tell.
    """
    find = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff}.get(file.format)
    return None if find is None or file.index is not None else find(file)


def _png(file: Parsed) -> Route | None:
    facts = file.facts
    if not isinstance(file, PngFile) or facts.apple or facts.frames != 1 or file.data[INTERLACE]:
        return None
    names = [chunk.name for chunk in file.chunks]
    if b"IDAT" not in names or facts.canvas is None or not BEHIND.issuperset(names[names.index(b"IDAT") :]):
        return None
    deep = facts.deep
    if deep is None:
        return _by_pillow(file, "pngload_source", extra=facts.key is not None)
    with file.image(head=True) as image:
        return Route(
            loader="pngload_source",
            size=facts.canvas,
            samples=deep.channels,
            dtype=np.dtype(np.uint16),
            sorting=lambda: DeepPng(deep),
            mode=deep.mode,
            frames=1,
            info=image.info,
        )


def _jpeg(file: Parsed) -> Route | None:
    if not isinstance(file, JpegFile):
        return None
    markers = [piece.marker for piece in file.first.pieces]
    frames = [marker for marker in markers if marker in jpeg.FRAMES]
    if len(frames) != 1 or frames[0] not in SEQUENTIAL or markers.count(jpeg.SOS) != 1:
        return None
    found = _by_pillow(file, "jpegload_source")
    # Pillow takes CMYK for inverted, libvips only where Adobe says so.
    return None if found is None or (found.mode == "CMYK" and "adobe" not in found.info) else found


def _webp(file: Parsed) -> Route | None:
    return _by_pillow(file, "webpload_source")


def _by_pillow(file: Parsed, loader: str, *, extra: bool = False) -> Route | None:
    """Return the route of a file of which Pillow knows mode and size; `extra` says that libvips adds alpha."""
    facts = file.facts
    with file.image(head=True) as image:
        mode, info = image.mode, image.info if facts.icc is None else {**image.info, "icc_profile": facts.icc}
        grey16 = mode.startswith("I;16")
        if not grey16 and mode not in CHANNELS:
            return None
        return Route(
            loader=loader,
            size=(image.height, image.width),
            samples=extra + (1 if grey16 else CHANNELS[mode]),
            dtype=np.dtype(np.uint16 if grey16 else np.uint8),
            sorting=lambda: Eight(mode, info, facts),
            mode=mode,
            frames=frames_of(image, facts),
            info=info,
        )


def _tiff(file: Parsed) -> Route | None:
    if not isinstance(file, TiffFile) or file.prepared is not file.data:
        return None
    layout = plain_layout(file.block)
    # libvips mixes planes in tiles, and planes of grey, and divides alpha out in its own way.
    planes = layout is not None and layout.planar and (layout.samples < 3 or TILE_OFFSETS in file.block.root.entries)
    if layout is None or planes or ASSOCIATED in file.block.integers(EXTRA_SAMPLES):
        return None
    if not _is_complete(file, layout):
        return None
    deep = file.facts.deep
    if deep is None:
        route = _by_pillow(file, "tiffload_source")
        if route is None or layout.bits != 8 * route.dtype.itemsize or not _turns_as_stated(file):
            return None
        return replace(route, samples=layout.samples, size=(layout.height, layout.width))
    return Route(
        loader="tiffload_source",
        size=(layout.height, layout.width),
        samples=layout.samples,
        dtype=np.dtype(f"{'f' if layout.floating else 'u'}{layout.bits // 8}"),
        sorting=_sorting_of(layout, file.facts),
        mode=deep.mode,
        frames=file.facts.frames or 1,
        info=info_of(file),
    )


def _turns_as_stated(file: TiffFile) -> bool:
    """Say whether Pillow turns a picture as its tag states: where there is none, it turns it as XMP says."""
    with file.image(head=True) as image:
        return bool(image.getexif().get(exif_tags.ORIENTATION, 1) == exif_tags.orientation(file.facts.exif))


def _sorting_of(layout: Layout, facts: Facts) -> Callable[[], Sorting]:
    return lambda: TiffSamples(replace(layout, inverted=False), facts.nodata)  # libvips inverts


def _is_complete(file: TiffFile, layout: Layout) -> bool:
    """Say whether all strips or tiles are where the tags say; where they are not, other readers may know what to do.

    Raises:
        ImageReadError: the file is cut off; the message names the first row that is not there.
    """
    try:
        grid = grid_of(file.block, layout)
        behind = grid.starts + grid.counts > len(file.data)
        if behind.any():
            tops = np.array([top for _, top, _ in grid.places(layout)])
            raise broken(file.label, int(tops[behind].min()), layout.height)
        check_segments(file.data, file.block, layout, max(file.max_pixels, TILE_ALLOWANCE))
    except ValueError:
        return False
    return True
