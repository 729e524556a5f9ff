"""TIFF (TIFF 6.0, Adobe TechNotes, BigTIFF)."""

from __future__ import annotations

import struct
from functools import cached_property

from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import tiff, tiff_file
from nlsr_cli.images.depth import deep_encoders
from nlsr_cli.images.depth.layout import examine
from nlsr_cli.images.facts import DEEP_HINT, PNG_HINT, Deep, Facts, unsupported
from nlsr_cli.images.formats.format import Encoded, Format, Writing
from nlsr_cli.images.formats.tiff_parts import rule_of
from nlsr_cli.images.metadata import exif_tags, georeference, iptc, xmp
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import Accounted, account
from nlsr_cli.options import EncodeOptions

COPY_NOTE = "The first picture in the file is a reduced copy; the full one is read."
COMPRESSION, YCBCR, UNCOMPRESSED = 259, 6, 1
BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES = 258, 262, 338
# What XMP says of the layers of a document (Adobe, XMP Specification Part 2, section 3.2), which no output has.
LAYER_CLAIMS = (("http://ns.adobe.com/photoshop/1.0/", "TextLayers"),)
TIFF_DEFLATE = "tiff_adobe_deflate"
HORIZONTAL_PREDICTOR = {317: 2}
# Classic TIFF counts bytes in 32 bits, and is asked before it is compressed. A thumbnail would be a second page.
CARRIES = Carries("TIFF", alpha=True, cmyk=True, depth=32, iptc=True, thumbnail=False, tags=True, content=2**32 - 2**20)


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


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    """Let Pillow write the samples, then put a directory behind them that has profile, EXIF and GPS as well: Pillow's
    own way through libtiff changes types and loses directories.
    """
    if canvas.samples is None:
        data = canvas.saved("TIFF", compression=TIFF_DEFLATE, tiffinfo=HORIZONTAL_PREDICTOR, dpi=canvas.dpi)
        written = tiff.parse(data)
        root, order = written.root, written.order
        if canvas.exif is None and not _tiff_blocks(canvas, order):
            return data, ()
    else:
        cmyk = canvas.samples.shape[2] == 4 and not canvas.alpha
        data, root = deep_encoders.tiff_samples(canvas.samples, alpha=canvas.alpha, cmyk=cmyk)
        order = "<"
        root = root.updated(exif_tags.resolution_entries(canvas.dpi, order) if canvas.dpi else {})
    return _with_directory(data, _described(root, order, canvas), order), ()


def _tiff_blocks(canvas: Canvas, order: str) -> dict[int, tiff.Entry]:
    """Return the entries of a TIFF that hold profile, XMP and IPTC, and those that no other format knows."""
    blocks = {exif_tags.ICC_PROFILE: canvas.icc, exif_tags.XMP: canvas.xmp, exif_tags.IPTC: canvas.iptc}
    kinds = {exif_tags.XMP: tiff.BYTE}
    made = {
        tag: tiff.Entry(kinds.get(tag, tiff.UNDEFINED), len(block), block)
        for tag, block in blocks.items()
        if block is not None
    }
    own = {tag: tiff.Entry(kind, len(values) // tiff.SIZES[kind], values) for tag, kind, values in canvas.tiff_tags}
    return made | tiff.reordered(tiff.Block("<", tiff.Directory(own)), order).root.entries


def _described(root: tiff.Directory, order: str, canvas: Canvas) -> tiff.Directory:
    """Return the directory of a TIFF's samples with all else that the file has to say."""
    exif = canvas.exif_block()
    if exif is not None:
        carried = tiff.reordered(tiff.parse(exif), order).root.only(exif_tags.DESCRIPTIVE)
        own = carried.without(exif_tags.RESOLUTION_TAGS) if canvas.dpi else carried
        root = tiff.Directory({**root.entries, **own.entries}, carried.children)
    return root.updated(_tiff_blocks(canvas, order))


def _with_directory(data: bytes, root: tiff.Directory, order: str) -> bytes:
    data += bytes(len(data) % 2)
    start = struct.pack(order + "I", len(data))
    return data[:4] + start + data[8:] + tiff.lay_out(root, order, len(data))


TIFF = Format(
    "TIFF",
    (".tif", ".tiff"),
    sniff=lambda head: head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    parse=TiffFile,
    plugin="TiffImagePlugin",
    writing=Writing(_encode, CARRIES, heeds=(), least_share=0.05),
)
