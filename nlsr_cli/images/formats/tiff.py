"""TIFF (TIFF 6.0, Adobe TechNotes, BigTIFF)."""

from __future__ import annotations

import struct
from collections.abc import Generator
from functools import cached_property
from math import prod

import numpy as np

from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import tiff, tiff_file
from nlsr_cli.images.depth.layout import examine
from nlsr_cli.images.encoding import tiff_pyramid
from nlsr_cli.images.encoding.bands import Bands
from nlsr_cli.images.encoding.pyramid import halving
from nlsr_cli.images.encoding.tiff import MOST, ORDER, ROOM, Pack, directory, packed, packed_deep, strips
from nlsr_cli.images.facts import DEEP_HINT, PNG_HINT, Deep, Facts, unsupported
from nlsr_cli.images.formats.format import Format, Writing
from nlsr_cli.images.formats.tiff_parts import rule_of
from nlsr_cli.images.metadata import exif_tags, georeference, iptc, xmp
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import Accounted, account
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Patch, Pieces

COPY_NOTE = "The first picture in the file is a reduced copy; the full one is read."
COMPRESSION, YCBCR, UNCOMPRESSED = 259, 6, 1
BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES = 258, 262, 338
# What XMP says of the layers of a document (Adobe, XMP Specification Part 2, section 3.2), which no output has.
LAYER_CLAIMS = (("http://ns.adobe.com/photoshop/1.0/", "TextLayers"),)
# A thumbnail would be a second page.
CARRIES = Carries("TIFF", alpha=True, cmyk=True, depth=32, iptc=True, thumbnail=False, tags=True)


class TiffFile(Parsed):
    """A TIFF. What asks for its directories raises ValueError or struct.error where it has none that make sense."""

    format, part = "TIFF", "TIFF tag"
    tagged = noisy = turned = True

    @cached_property
    def pages(self) -> tiff_file.Pages:
        """Return where its directories begin."""
        return tiff_file.find_pages(self.data)

    @cached_property
    def prepared(self) -> bytes:
        """Return it with the directory of its picture as the first one."""
        return tiff_file.leading(self.data, self.pages, exif_tags.INHERITED)

    @cached_property
    def block(self) -> tiff.Block:
        """Return the directory of its picture, and those below."""
        return tiff.parse(self.prepared)

    def header(self) -> Facts:
        pages, block = self.pages, self.block
        entries = block.root.entries

        def numbers(tag: int) -> tuple[int, ...]:
            return tiff.integers(entries.get(tag), block.order)

        photometric, bits = (numbers(PHOTOMETRIC) or (1,))[0], numbers(BITS_PER_SAMPLE) or (1,)
        layout, refusal = examine(block)
        deep = None
        if layout is not None:
            alpha = layout.alpha is not None
            deep = Deep(layout.what, layout.mode, layout.depth, layout.channels + alpha, alpha, layout=layout)
        raw_ycbcr = photometric == YCBCR and len(bits) == 3 and (numbers(COMPRESSION) or (1,))[0] == UNCOMPRESSED
        notes = [COPY_NOTE] if pages.lead is not None else []
        notes += ["An extra channel without a stated meaning is left out."] if 0 in numbers(EXTRA_SAMPLES) else []
        nodata, floating = entries.get(georeference.GDAL_NODATA), layout is not None and layout.floating
        return Facts(
            bits=max(bits),
            deep=deep,
            refusal=unsupported(refusal) if refusal else "",
            hint=PNG_HINT if refusal and max(bits) <= 8 else DEEP_HINT if refusal else "",
            canvas=(layout.height, layout.width) if layout else None,
            raw_ycbcr=raw_ycbcr,
            inverted=photometric == 0 and bits == (16,),
            frames=pages.full,  # Pillow's way takes time by the square of their number
            exif=self.prepared,
            nodata=_nodata(nodata, photometric, max(bits), floating=floating),
            notes=tuple(notes),
        )

    @cached_property
    def profile(self) -> bytes | None:
        icc = self.block.root.entries.get(exif_tags.ICC_PROFILE)
        return icc.payload if icc else None

    @cached_property
    def found(self) -> Found:
        try:
            return _found(self.block)
        except (ValueError, struct.error):
            return Found()

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            parts = tiff_file.parts(self.data, self.pages, self.block, exif_tags.INHERITED)
        except (ValueError, struct.error):
            return ()
        return account(parts, rule_of)


def _nodata(entry: tiff.Entry | None, photometric: int, bits: int, *, floating: bool) -> str | None:
    """Return the value of pixels without data in levels of what is decoded: 0 is black, and 8 bits are the least."""
    text = None if entry is None else entry.payload.split(b"\0")[0].decode("ascii", "replace").strip()
    value = georeference.number_of(text)
    if value is None or photometric not in (0, 1) or (photometric == 1 and bits >= 8):
        return None if value is None else text
    spread = 1 if floating or bits >= 8 else 255 // (2**bits - 1)
    white = 1 if floating else 2 ** max(bits, 8) - 1
    return f"{white - value * spread if photometric == 0 else value * spread:.17g}"


def _found(block: tiff.Block) -> Found:
    entries = block.root.entries
    stated_xmp, blocks = entries.get(exif_tags.XMP), entries.get(exif_tags.PHOTOSHOP)
    packet = stated_xmp.payload if stated_xmp else None
    if packet is not None and exif_tags.LAYERS in entries:
        packet = xmp.without(packet, LAYER_CLAIMS)
    raw = Found(packet, None, blocks.payload if blocks else b"")
    stated = entries.get(exif_tags.IPTC)
    if stated is not None:
        swapped = stated.kind == tiff.LONG and block.order == "<"
        raw.iptc = iptc.from_tag(stated.payload, longs_swapped=swapped)
        raw.notes = (iptc.DAMAGED_NOTE,) if raw.iptc is None and stated.payload.strip(b"\0") else ()
    return raw


def _encode(canvas: Canvas, bands: Bands, options: EncodeOptions) -> Pieces:
    """Write the samples strip by strip, then a directory behind them, with all else that the file says.

    What of it Pillow would write through libtiff changes types and loses directories.
    """
    described = _described(canvas)
    layout = tiff.BIG if _may_outgrow(canvas, described, options) else tiff.CLASSIC
    head = tiff.head(ORDER, layout)
    yield head
    eight = canvas.dtype == np.uint8 or (canvas.dtype == np.uint16 and canvas.shape[2] == 1)
    write = _in_tiles if options.pyramid else _in_strips
    start, directories = yield from write(canvas, bands, packed if eight else packed_deep, described, layout, len(head))
    yield directories
    yield Patch(layout.pointer, struct.pack(ORDER + layout.offset, start))
    return ()


# Each yields the samples, which begin at `start`, and returns where they end, and the directories for that place.
Written = Generator[bytes, None, tuple[int, bytes]]


def _in_strips(
    canvas: Canvas, bands: Bands, pack: Pack, described: tiff.Directory, layout: tiff.Layout, start: int
) -> Written:
    counts = yield from strips(bands, canvas.shape, canvas.dtype, pack)
    samples = directory(canvas.shape, canvas.dtype, start, counts, alpha=canvas.alpha, big=layout is tiff.BIG)
    end = start + sum(count + count % 2 for count in counts)
    return end, tiff.lay_out(described.updated(samples.entries), ORDER, end, layout=layout)


def _in_tiles(
    canvas: Canvas, bands: Bands, pack: Pack, described: tiff.Directory, layout: tiff.Layout, start: int
) -> Written:
    halve = halving(alpha=canvas.alpha, missing=_missing(described))
    end, places = yield from tiff_pyramid.tiles(bands, canvas.shape, canvas.dtype, start, pack, halve)
    directories = tiff_pyramid.directories(
        described, places, canvas.shape, canvas.dtype, end, alpha=canvas.alpha, layout=layout
    )
    return end, directories


def _missing(described: tiff.Directory) -> str | None:
    """Return the value of missing data that a file states."""
    entry = described.entries.get(georeference.GDAL_NODATA)
    return None if entry is None else entry.payload.rstrip(b"\0").decode("ascii", "replace")


def _may_outgrow(canvas: Canvas, described: tiff.Directory, options: EncodeOptions) -> bool:
    """Say whether a file may have more bytes than classic TIFF counts: samples that do not compress grow a little."""
    if options.pyramid:
        samples = tiff_pyramid.most_bytes(canvas.shape, canvas.dtype)
    else:
        samples = prod(canvas.shape) * canvas.dtype.itemsize
    beside = len(tiff.lay_out(described, ORDER, 0))
    return samples + samples // 256 + beside + ROOM > MOST


def _tiff_blocks(canvas: Canvas) -> dict[int, tiff.Entry]:
    """Return the entries of a TIFF that hold profile, XMP and IPTC, and those that no other format knows."""
    blocks = {exif_tags.ICC_PROFILE: canvas.icc, exif_tags.XMP: canvas.xmp, exif_tags.IPTC: canvas.iptc}
    kinds = {exif_tags.XMP: tiff.BYTE}
    made = {
        tag: tiff.Entry(kinds.get(tag, tiff.UNDEFINED), len(block), block)
        for tag, block in blocks.items()
        if block is not None
    }
    own = {tag: tiff.Entry(kind, len(values) // tiff.SIZES[kind], values) for tag, kind, values in canvas.tiff_tags}
    return made | own


def _described(canvas: Canvas) -> tiff.Directory:
    """Return the directory of what a file says beside its samples."""
    resolution = exif_tags.resolution_entries(canvas.dpi, ORDER) if canvas.dpi else {}
    exif = canvas.exif_block()
    if exif is None:
        return tiff.Directory({**resolution, **_tiff_blocks(canvas)})
    carried = tiff.reordered(tiff.parse(exif), ORDER).root.only(exif_tags.DESCRIPTIVE)
    return carried.updated({**resolution, **_tiff_blocks(canvas)})


TIFF = Format(
    "TIFF",
    (".tif", ".tiff"),
    sniff=lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    parse=TiffFile,
    plugin="TiffImagePlugin",
    writing=Writing(_encode, CARRIES, heeds=("pyramid",), least_share=0.05),
)
