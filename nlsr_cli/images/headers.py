"""What a file's own header says that Pillow does not pass on: true bit depth, losslessness, colour tags, EXIF place.

Pillow reduces some 16-bit files to 8 bit without a word; the header tells before that happens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from nlsr_cli.images import bitmap
from nlsr_cli.images.animation import apng, gif_words
from nlsr_cli.images.containers import bmp, gif, jpeg, png, riff, tiff, tiff_file
from nlsr_cli.images.containers.bmp import Bitmap
from nlsr_cli.images.depth.layout import Layout, examine
from nlsr_cli.images.profiles import Chroma, Colours
from nlsr_cli.images.words import georeference, metadata
from nlsr_cli.images.words.png import read_exif

DEEP_HINT = "Convert it to 8 bit per channel first, if that loss is acceptable."
CONVERT_HINT = "Convert it to PNG first."
MASTERING = {b"mDCV": 24, b"cLLI": 8}  # bytes of chunks that speak of the master of an HDR picture
RAW_HINT = "Develop it with a raw converter first, for example to a 16-bit TIFF."

CFA, LINEAR_RAW = 32803, 34892  # TIFF photometric values of undeveloped sensor data (TIFF/EP, DNG)
MAX_BOXES = 1 << 16  # of one AVIF box: the largest grid has 65536 tiles, which share their properties
AVIF_ALPHA = (b"auxiliary:alpha", b":auxid:1")  # ends of the names of the kind of an auxiliary picture
DNG_VERSION, GDAL_NODATA = 50706, 42113
RAW_PAGES = 64  # directories that are looked at for samples of a sensor
COPY_NOTE = "The first picture in the file is a reduced copy; the full one is read."
COMPRESSION, YCBCR, UNCOMPRESSED = 259, 6, 1
BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES = 258, 262, 338


@dataclass(frozen=True)
class Deep:
    """Samples of more bits than Pillow reads: in words, as a mode ("RGB;16"), and the `depth` of the picture they make.

    `channels` counts alpha, which `key` says is a transparent colour; `layout` is that of a TIFF.
    """

    what: str
    mode: str
    depth: int
    channels: int
    alpha: bool
    key: bool = False
    layout: Layout | None = None


@dataclass(frozen=True)
class Facts:
    """What the header of one file says.

    `bits` per channel; `deep` is set where they are more than Pillow reads; `refusal` is why the file cannot be read
    faithfully ("" if it can) with its `hint`; `canvas` is (height, width) where it must be known before a decoder sees
    the file; `inverted` marks 16-bit grey with 0 as white, as Pillow reads it; `raw_ycbcr` uncompressed YCbCr, whatever
    mode Pillow gives it; `frames` is None where Pillow counts them well (the further pictures of a JPEG are no frames:
    what becomes of each is told by its account); `colours` is what the file states by numbers, None where it states
    nothing; `source` are the bytes that a decoder gets where they are not the file's; `nodata` is the value of pixels
    that hold no data, in levels of what is decoded. Of a PNG, `key` is the transparent colour in the levels of the
    file, of 1 or 3 channels, `mastering` are the chunks mDCV and cLLI, whole, and `apple` marks one in the form for
    Apple's devices. `icc` is a profile that Pillow does not find, and `bitmap` a BMP that is decoded without it.
    """

    bits: int = 8
    deep: Deep | None = None
    refusal: str = ""
    hint: str = ""
    canvas: tuple[int, int] | None = None
    lossless: bool = False
    monochrome: bool = False
    raw_ycbcr: bool = False
    frames: int | None = None
    inverted: bool = False
    exif: bytes | None = None
    colours: Colours | None = None
    source: bytes | None = None
    nodata: str | None = None
    notes: tuple[str, ...] = ()
    apple: bool = False
    key: tuple[int, ...] | None = None
    mastering: bytes | None = None
    icc: bytes | None = None
    bitmap: Bitmap | None = None


def read_facts(format: str, data: bytes) -> Facts:  # noqa: A002 - the word for it, in Pillow too
    """Return the facts in the header of a file of the given format.

    Raises:
        EOFError: the file is shorter than it says.
        ValueError, struct.error, IndexError: the header is cut off or makes no sense.
    """
    readers = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "GIF": _gif, "BMP": _bmp, "TIFF": _tiff, "AVIF": _avif}
    return readers[format](data)


def _deep(what: str) -> str:
    return f"holds {what}, which is not supported yet"


# PNG (ISO/IEC 15948)


def _png(data: bytes) -> Facts:
    chunks: dict[bytes, bytes] = {}
    for chunk in png.chunks(data):
        if chunk.name not in (*png.TEXTS, *png.SAMPLES):
            chunks.setdefault(chunk.name, chunk.body)
    if b"IHDR" not in chunks:
        raise ValueError("no IHDR chunk")
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    if b"CgBI" in chunks and (depth, kind) not in ((8, 2), (8, 6)):
        refusal = "is a PNG in a form that only Apple's devices read (CgBI)"
        return Facts(refusal=refusal, hint="Open it in Apple's Preview and export it from there.")
    examined = apng.examine(data)
    return Facts(
        bits=depth,
        deep=_deep_png(kind, key=b"tRNS" in chunks) if depth == 16 else None,
        canvas=(height, width),
        frames=1 if examined.index is None else len(examined.index.frames),
        exif=read_exif(data),
        colours=_png_colours(chunks),
        notes=(f"The animation is left out: {examined.fault}.",) if examined.fault else (),
        apple=b"CgBI" in chunks,
        key=_key(chunks.get(b"tRNS"), kind, depth),
        mastering=b"".join(
            png.chunk(name, chunks[name]) for name, size in MASTERING.items() if len(chunks.get(name, b"")) == size
        )
        or None,
    )


def _key(body: bytes | None, kind: int, depth: int) -> tuple[int, ...] | None:
    """Return the transparent colour of grey or RGB, of which only as many low bits count as a sample has (11.3.1.1)."""
    channels = {0: 1, 2: 3}.get(kind)
    if body is None or channels is None:
        return None
    return tuple(level & 2**depth - 1 for level in struct.unpack_from(f">{channels}H", body))


def _deep_png(kind: int, *, key: bool) -> Deep | None:
    """Return what 16-bit samples of a colour type are; None is plain grey, which Pillow reads."""
    alpha = bool(kind & 4)
    if kind == 0 and not key:
        return None
    colours, letters, name = (3, "RGB", "colour") if kind & 2 else (1, "L", "grey")
    suffix = " with transparency" if key and not alpha else " with alpha" if alpha else ""
    with_alpha = alpha or key
    mode = f"{letters}{'A' if alpha else ''};16"
    return Deep(f"16-bit {name}{suffix}", mode, 16, colours + with_alpha, with_alpha, key=key and not alpha)


def _png_colours(chunks: dict[bytes, bytes]) -> Colours | None:
    """Return what the chunks state of the colours by numbers; a cICP chunk outranks a profile only for HDR."""
    if len(chunks.get(b"cICP", b"")) >= 4:
        primaries, transfer, _, full = chunks[b"cICP"][:4]
        return Colours(codes=(primaries, transfer, bool(full)))
    if b"sRGB" in chunks:
        return Colours()
    if not {b"gAMA", b"cHRM"} & chunks.keys():
        return None
    gamma = chunks.get(b"gAMA", b"")
    chroma = chunks.get(b"cHRM", b"")
    return Colours(
        gamma=int.from_bytes(gamma[:4], "big") / 100000 if len(gamma) >= 4 else None,
        chroma=cast(Chroma, tuple(n / 100000 for n in struct.unpack_from(">8I", chroma)))
        if len(chroma) >= 32
        else None,
    )


# JPEG (ITU-T T.81)


def _jpeg(data: bytes) -> Facts:
    for marker, body in jpeg.header(data):
        if marker in jpeg.FRAMES and body:
            refusal = "" if body[0] == 8 else _deep(f"{body[0]}-bit samples")
            return Facts(bits=body[0], refusal=refusal, hint=DEEP_HINT if refusal else "", frames=1)
    return Facts(frames=1)


# WebP (RFC 9649)


def _webp(data: bytes) -> Facts:
    if riff.stated_end(data) > len(data):
        raise EOFError("the file is shorter than it says")
    canvas = None
    for chunk in riff.chunks(data):
        name, start = chunk.name, chunk.start
        if name == b"VP8X":
            width, height = (int.from_bytes(data[start + at : start + at + 3], "little") + 1 for at in (4, 7))
            canvas = (height, width)
        elif name == b"ANMF":
            name = next((inner.name for inner in riff.inner(chunk) if inner.name != b"ALPH"), b"")
        if name == b"VP8L":
            return Facts(canvas=canvas, lossless=True)
        if name in (b"VP8 ", b"ALPH"):
            return Facts(canvas=canvas)
    return Facts(canvas=canvas)


# GIF (GIF89a)


def _gif(data: bytes) -> Facts:
    frames = sum(block.kind == gif.IMAGE for block in gif.blocks(data))
    aspect = (data[12] + 15) / 64 if len(data) >= gif.SCREEN and data[12] else 1
    note = f"The file says that its pixels are not square ({aspect:g} : 1); this is left out."
    return Facts(frames=max(frames, 1), icc=gif_words.read_words(data).icc, notes=(note,) if aspect != 1 else ())


# BMP (Microsoft, "Bitmap Storage"; BITMAPV5HEADER)


def _bmp(data: bytes) -> Facts:
    found = bmp.read_bitmap(data)
    refusal = bitmap.refusal_of(found)
    start, end = found.profile
    return Facts(
        bits=bitmap.channel_bits(found),
        canvas=(found.height, found.width),
        refusal=refusal,
        hint="Convert it to PNG first." if refusal else "",
        colours=bitmap.colours_of(found),
        icc=data[start:end] if found.space == bmp.EMBEDDED and end <= len(data) else None,
        bitmap=found if bitmap.is_plain(found) else None,
    )


# TIFF (TIFF 6.0, Adobe TechNotes)


def _tiff(data: bytes) -> Facts:
    pages = tiff_file.find_pages(data)
    shown = tiff_file.leading(data, pages, metadata.INHERITED)
    block = tiff.parse(shown)
    entries = block.root.entries

    def numbers(tag: int) -> tuple[int, ...]:
        return tiff.integers(entries.get(tag), block.order)

    if _is_camera_raw(data, pages):
        return Facts(refusal="is a camera raw file, of which only the preview could be read", hint=RAW_HINT)
    photometric, bits = (numbers(PHOTOMETRIC) or (1,))[0], numbers(BITS_PER_SAMPLE) or (1,)
    layout, refusal = examine(block)
    raw_ycbcr = photometric == YCBCR and len(bits) == 3 and (numbers(COMPRESSION) or (1,))[0] == UNCOMPRESSED
    notes = [COPY_NOTE] if pages.lead is not None else []
    notes += ["An extra channel without stated meaning is left out."] if 0 in numbers(EXTRA_SAMPLES) else []
    return Facts(
        bits=max(bits),
        deep=_deep_tiff(layout) if layout else None,
        refusal=_deep(refusal) if refusal else "",
        hint=CONVERT_HINT if refusal and max(bits) <= 8 else DEEP_HINT if refusal else "",
        canvas=(layout.height, layout.width) if layout else None,
        raw_ycbcr=raw_ycbcr,
        inverted=photometric == 0 and bits == (16,),
        frames=pages.full,  # Pillow's way takes time by the square of their number
        exif=shown,
        source=shown,
        nodata=_nodata(
            entries.get(GDAL_NODATA), photometric, max(bits), floating=layout is not None and layout.floating
        ),
        notes=tuple(notes),
    )


def _nodata(entry: tiff.Entry | None, photometric: int, bits: int, *, floating: bool) -> str | None:
    """Return the value of pixels without data in levels of what is decoded: 0 is black, and 8 bits are the least."""
    text = None if entry is None else entry.payload.split(b"\0")[0].decode("ascii", "replace").strip()
    value = georeference.number_of(text)
    if value is None or photometric not in (0, 1) or (photometric == 1 and bits >= 8):
        return None if value is None else text
    spread = 1 if floating or bits >= 8 else 255 // (2**bits - 1)
    white = 1 if floating else 2 ** max(bits, 8) - 1
    return f"{white - value * spread if photometric == 0 else value * spread:.17g}"


def _deep_tiff(layout: Layout) -> Deep:
    alpha = layout.alpha is not None
    return Deep(layout.what, layout.mode, layout.depth, layout.channels + alpha, alpha, layout=layout)


def _is_camera_raw(data: bytes, pages: tiff_file.Pages) -> bool:
    """Say whether any directory holds samples of a sensor, or all but reduced copies are of an unknown kind."""
    first, *others = *pages.chain[:RAW_PAGES], *pages.subs
    if data[8:10] == b"CR" or tiff_file.numbers_of(data, first, DNG_VERSION):
        return True
    for start in (first, *others):
        if (tiff_file.numbers_of(data, start, PHOTOMETRIC) or (1,))[0] in (CFA, LINEAR_RAW):
            return True
    return bool(pages.subs) and bool(tiff_file.kind_of(data, pages.picture) & tiff_file.REDUCED)


# AVIF (AV1 Image File Format, ISO/IEC 23008-12)


def _avif(data: bytes) -> Facts:
    properties = list(_properties(data, 0, len(data)))
    codes = [body for name, body in properties if name == b"av1C" and len(body) >= 3]
    # Third byte of av1C: seq_tier_0, high_bitdepth, twelve_bit, monochrome, ...
    depths = {8 + 2 * (body[2] >> 6 & 1) + 2 * (body[2] >> 5 & 1) for body in codes} or {8}
    bits = max(depths)
    refusal = _deep("parts of different depths") if len(depths) > 1 else ""
    nclx = next((body for name, body in properties if name == b"colr" and body[:4] == b"nclx" and len(body) >= 8), None)
    has_icc = any(name == b"colr" and body[:4] in (b"prof", b"rICC") for name, body in properties)
    colours = None
    if nclx is not None and not has_icc:
        colours = Colours(codes=(*struct.unpack_from(">HH", nclx, 4), True))  # the decoder has seen to the range
    monochrome = bool(codes) and all(body[2] & 0x10 for body in codes)
    alpha = any(name == b"auxC" and any(kind in body for kind in AVIF_ALPHA) for name, body in properties)
    return Facts(
        bits=bits,
        deep=_deep_avif(bits, grey=monochrome, alpha=alpha) if bits > 8 else None,
        refusal=refusal,
        hint=DEEP_HINT if refusal else "",
        monochrome=monochrome,
        colours=colours,
    )


def _deep_avif(bits: int, *, grey: bool, alpha: bool) -> Deep:
    letters, name = ("L", "grey") if grey else ("RGB", "colour")
    return Deep(f"{bits}-bit {name}", f"{letters}{'A' * alpha};{bits}", 16, (1 if grey else 3) + alpha, alpha)


def _properties(
    data: bytes, at: int, end: int, path: tuple[bytes, ...] = (b"meta", b"iprp", b"ipco")
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the item properties (meta/iprp/ipco/*) of an ISO base media file, and the boxes beside that path."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        stop = end if size == 0 else min(at + size, end)
        if path and name == path[0]:
            yield from _properties(data, at + head + (4 if name == b"meta" else 0), stop, path[1:])
        elif name in (b"av1C", b"colr", b"auxC"):
            yield name, data[at + head : min(stop, at + head + 64)]
        if stop <= at:
            return
        at = stop
    raise ValueError("too many boxes")
