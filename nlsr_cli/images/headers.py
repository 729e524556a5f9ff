"""What a file's own header says that Pillow does not pass on: true bit depth, losslessness, colour tags, EXIF place.

Pillow reduces some 16-bit files to 8 bit without a word; the header tells before that happens.
"""

from __future__ import annotations

import struct
from typing import cast

from nlsr_cli.images import bitmap, media_headers, raw
from nlsr_cli.images.animation import apng
from nlsr_cli.images.color.profiles import Chroma, Colours
from nlsr_cli.images.containers import bmp, gif, jpeg, png, riff, tiff, tiff_file
from nlsr_cli.images.depth.layout import Layout, examine
from nlsr_cli.images.facts import DEEP_HINT, PNG_HINT, Deep, Facts, unsupported
from nlsr_cli.images.metadata import exif_tags, georeference, gif_texts
from nlsr_cli.images.metadata.png import read_exif

MASTERING = {b"mDCV": 24, b"cLLI": 8}  # bytes of chunks that speak of the master of an HDR picture
GDAL_NODATA = 42113
COPY_NOTE = "The first picture in the file is a reduced copy; the full one is read."
COMPRESSION, YCBCR, UNCOMPRESSED = 259, 6, 1
BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES = 258, 262, 338


FOREIGN_READERS = {**media_headers.READERS, "RAW": raw.facts}


def read_facts(format: str, data: bytes) -> Facts:  # noqa: A002 - the word for it, in Pillow too
    """Return the facts in the header of a file of the given format.

    Raises:
        EOFError: the file is shorter than it says.
        ValueError, struct.error, IndexError: the header is cut off or makes no sense.
    """
    own = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "GIF": _gif, "BMP": _bmp, "TIFF": _tiff}
    return {**own, **FOREIGN_READERS}[format](data)


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
            refusal = "" if body[0] == 8 else unsupported(f"{body[0]}-bit samples")
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
    return Facts(frames=max(frames, 1), icc=gif_texts.read_words(data).icc, notes=(note,) if aspect != 1 else ())


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
    shown = tiff_file.leading(data, pages, exif_tags.INHERITED)
    block = tiff.parse(shown)
    entries = block.root.entries

    def numbers(tag: int) -> tuple[int, ...]:
        return tiff.integers(entries.get(tag), block.order)

    photometric, bits = (numbers(PHOTOMETRIC) or (1,))[0], numbers(BITS_PER_SAMPLE) or (1,)
    layout, refusal = examine(block)
    raw_ycbcr = photometric == YCBCR and len(bits) == 3 and (numbers(COMPRESSION) or (1,))[0] == UNCOMPRESSED
    notes = [COPY_NOTE] if pages.lead is not None else []
    notes += ["An extra channel without a stated meaning is left out."] if 0 in numbers(EXTRA_SAMPLES) else []
    return Facts(
        bits=max(bits),
        deep=_deep_tiff(layout) if layout else None,
        refusal=unsupported(refusal) if refusal else "",
        hint=PNG_HINT if refusal and max(bits) <= 8 else DEEP_HINT if refusal else "",
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
