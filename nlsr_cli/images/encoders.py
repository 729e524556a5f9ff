"""From a prepared canvas to the bytes of a file: one function per format, the same bytes every time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images import ultra_hdr
from nlsr_cli.images.containers import png as container
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.jpeg import with_segments
from nlsr_cli.images.depth import deep_avif, deep_encoders
from nlsr_cli.images.jpegxl.codec import encode_jpegxl
from nlsr_cli.images.metadata import exif_tags, extended_xmp, iptc, jpeg, png
from nlsr_cli.images.metadata.thumbnail import with_thumbnail
from nlsr_cli.images.picture import GainMap, Pixels
from nlsr_cli.options import EncodeOptions

TIFF_DEFLATE = "tiff_adobe_deflate"
HORIZONTAL_PREDICTOR = {317: 2}


@dataclass(frozen=True)
class Canvas:
    """What is handed to an encoder: Pillow's picture, the profile, EXIF bytes, resolution, notes on what changed, and
    the rest of the metadata as the format can hold it (see `Metadata`; `thumbnail` is the JPEG that goes into EXIF);
    `gain_map` is None where the format holds none.

    `samples` (h, w, c), where given, are the picture instead, at a depth that Pillow does not write; alpha, if any, is
    their last channel. `image` is then a single pixel, for what a file says besides. `size` is (height, width); `bits`
    are those that an AVIF gets.
    """

    image: Image.Image
    samples: Pixels | None
    size: tuple[int, int]
    alpha: bool
    bits: int
    grey: bool
    icc: bytes | None
    exif: bytes | None
    dpi: tuple[float, float] | None
    lossless: bool
    notes: tuple[str, ...]
    thumbnail: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes | None = None
    code_points: bytes | None = None
    mastering: bytes | None = None
    tiff_tags: tuple[tuple[int, int, bytes], ...] = ()
    gain_map: GainMap | None = None

    def bare(self, image: Image.Image) -> Canvas:
        """Return an 8-bit part of the same kind, about which nothing is said."""
        size = image.height, image.width
        return Canvas(image, None, size, self.alpha, self.bits, self.grey, None, None, None, self.lossless, ())


def _saved(canvas: Canvas, format: str, **parameters: object) -> bytes:  # noqa: A002
    buffer = BytesIO()
    given = {key: value for key, value in parameters.items() if value is not None}
    canvas.image.save(buffer, format, **given)
    return buffer.getvalue()


def _exif(canvas: Canvas, *, with_dpi: bool = False, oriented: bool = True) -> bytes | None:
    """Return the EXIF bytes for this size, with the resolution where it has no place of its own."""
    dpi = canvas.dpi if with_dpi else None
    source = canvas.exif or (exif_tags.empty_exif() if dpi else None)
    if source is None:
        return None
    block = exif_tags.exif_for(source, *canvas.size, dpi=dpi, oriented=oriented)
    return block if canvas.thumbnail is None else with_thumbnail(block, canvas.thumbnail)


def _png(canvas: Canvas, options: EncodeOptions) -> bytes:
    # Runs alone, without a search for longer repeats: on an enlarged photograph a fifth of the time of level 6, and as
    # small. Pictures that repeat themselves exactly become larger, but what the network enlarges hardly does.
    data = _saved(canvas, "PNG", compress_type=zlib.Z_RLE, icc_profile=canvas.icc, exif=_exif(canvas), dpi=canvas.dpi)
    if canvas.samples is not None:
        data = deep_encoders.png(canvas.samples, data)
    return png.with_chunks(data, png_chunks(canvas))


def png_chunks(canvas: Canvas) -> list[tuple[bytes, bytes]]:
    """Return name and body of the chunks of a PNG that hold code points, a master, XMP, IPTC and texts."""
    chunks = [] if canvas.code_points is None else [(b"cICP", canvas.code_points)]
    chunks += [(each.name, each.body) for each in container.chunks(container.SIGNATURE + (canvas.mastering or b""))]
    chunks += [] if canvas.xmp is None else [png.xmp_chunk(canvas.xmp)]
    chunks += [] if canvas.iptc is None else [png.profile_chunk("iptc", iptc.wrapped(canvas.iptc))]
    return chunks + [png.text_chunk(keyword, text) for keyword, text in canvas.texts]


def _jpeg(canvas: Canvas, options: EncodeOptions) -> bytes:
    exif, packet, extension = _exif(canvas), canvas.xmp, b""
    if packet is not None and len(packet) > jpeg.XMP_LIMIT:
        parts = extended_xmp.split(packet, jpeg.XMP_LIMIT)
        if parts is None:
            raise ValueError("the XMP metadata is too large")
        packet, extension = parts[0], jpeg.extension_segments(*parts[1:])
    second = None if canvas.gain_map is None else ultra_hdr.gain_map_file(canvas.gain_map)
    if canvas.gain_map is not None and second is not None:
        packet = ultra_hdr.listed(packet, canvas.gain_map, len(second))
    data = _saved(
        canvas,
        "JPEG",
        quality=options.quality,
        subsampling="4:4:4",
        icc_profile=canvas.icc,
        exif=b"Exif\0\0" + exif if exif else None,
        dpi=canvas.dpi,
        xmp=packet,
        extra=None if canvas.iptc is None else jpeg.photoshop_segment(iptc.wrapped(canvas.iptc)),
        comment=canvas.comment,
    )
    data = with_segments(data, extension)
    return data if canvas.gain_map is None or second is None else ultra_hdr.joined(data, canvas.gain_map, second)


def _webp(canvas: Canvas, options: EncodeOptions) -> bytes:
    return _saved(
        canvas,
        "WEBP",
        quality=options.quality,
        lossless=canvas.lossless,
        exact=True,
        icc_profile=canvas.icc,
        exif=_exif(canvas, with_dpi=True),
        xmp=canvas.xmp,
    )


def _avif(canvas: Canvas, options: EncodeOptions) -> bytes:
    data = _saved(
        canvas,
        "AVIF",
        quality=options.quality,
        subsampling="4:0:0" if canvas.grey else "4:4:4",
        autotiling=False,  # automatic tiles follow the number of processors, and so would the bytes
        icc_profile=canvas.icc,
        exif=_exif(canvas, with_dpi=True, oriented=False),
        xmp=canvas.xmp,
    )
    return data if canvas.samples is None else deep_avif.avif(canvas.samples, canvas.bits, options.quality, data)


def _jxl(canvas: Canvas, options: EncodeOptions) -> bytes:
    image = np.asarray(canvas.image)
    samples = canvas.samples if canvas.samples is not None else image[..., None] if image.ndim == 2 else image
    return encode_jpegxl(
        samples,
        canvas.icc,
        quality=options.quality,
        lossless=canvas.lossless,
        words=(_exif(canvas, with_dpi=True), canvas.xmp),
    )


def _bmp(canvas: Canvas, options: EncodeOptions) -> bytes:
    return _saved(canvas, "BMP", dpi=canvas.dpi or (0, 0))  # zero is unknown; left alone, Pillow would claim 96


def _tiff(canvas: Canvas, options: EncodeOptions) -> bytes:
    """Let Pillow write the samples, then put a directory behind them that has profile, EXIF and GPS as well: Pillow's
    own way through libtiff changes types and loses directories.
    """
    if canvas.samples is None:
        data = _saved(canvas, "TIFF", compression=TIFF_DEFLATE, tiffinfo=HORIZONTAL_PREDICTOR, dpi=canvas.dpi)
        written = tiff.parse(data)
        root, order = written.root, written.order
        if canvas.exif is None and not _tiff_blocks(canvas, order):
            return data
    else:
        cmyk = canvas.samples.shape[2] == 4 and not canvas.alpha
        data, root = deep_encoders.tiff_samples(canvas.samples, alpha=canvas.alpha, cmyk=cmyk)
        order = "<"
        root = root.updated(exif_tags.resolution_entries(canvas.dpi, order) if canvas.dpi else {})
    return _with_directory(data, _described(root, order, canvas), order)


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
    exif = _exif(canvas)
    if exif is not None:
        carried = tiff.reordered(tiff.parse(exif), order).root.only(exif_tags.DESCRIPTIVE)
        own = carried.without(exif_tags.RESOLUTION_TAGS) if canvas.dpi else carried
        root = tiff.Directory({**root.entries, **own.entries}, carried.children)
    return root.updated(_tiff_blocks(canvas, order))


def _with_directory(data: bytes, root: tiff.Directory, order: str) -> bytes:
    data += bytes(len(data) % 2)
    start = struct.pack(order + "I", len(data))
    return data[:4] + start + data[8:] + tiff.lay_out(root, order, len(data))


ENCODERS: dict[str, Callable[[Canvas, EncodeOptions], bytes]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WEBP": _webp,
    "TIFF": _tiff,
    "BMP": _bmp,
    "AVIF": _avif,
    "JXL": _jxl,
}
