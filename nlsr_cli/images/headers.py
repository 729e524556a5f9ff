"""What a file's own header says that Pillow does not pass on: true bit depth, losslessness, colour tags, EXIF place.

Pillow reduces some 16-bit files to 8 bit without a word; the header tells before that happens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import cast

from nlsr_cli.images import media_headers, raw
from nlsr_cli.images.depth.layout import Layout, examine
from nlsr_cli.images.facts import DEEP_HINT, PNG_HINT, Deep, Facts, unsupported
from nlsr_cli.images.profiles import Chroma, Colours
from nlsr_cli.images.words import jpeg, png, tiff

COMPRESSION, YCBCR_SUBSAMPLING, YCBCR, UNCOMPRESSED = 259, 530, 6, 1
BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES = 258, 262, 338


FOREIGN_READERS = {**media_headers.READERS, "RAW": raw.facts}


def read_facts(format: str, data: bytes) -> Facts:  # noqa: A002 - the word for it, in Pillow too
    """Return the facts in the header of a file of the given format.

    Raises:
        EOFError: the file is shorter than it says.
        ValueError, struct.error, IndexError: the header is cut off or makes no sense.
    """
    own = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff}
    reader = own.get(format) or FOREIGN_READERS.get(format)
    return reader(data) if reader else Facts()


# PNG (ISO/IEC 15948)


def _png(data: bytes) -> Facts:
    chunks: dict[bytes, bytes] = {}
    for name, body in png.chunks(data):
        if name not in (b"tEXt", b"zTXt", b"iTXt"):
            chunks.setdefault(name, body)
    if b"IHDR" not in chunks:
        raise ValueError("no IHDR chunk")
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    return Facts(
        bits=depth,
        deep=_deep_png(kind, key=b"tRNS" in chunks) if depth == 16 else None,
        canvas=(height, width),
        exif=chunks.get(b"eXIf"),
        colours=_png_colours(chunks),
    )


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
    for marker, body in jpeg.segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and body:
            refusal = "" if body[0] == 8 else unsupported(f"{body[0]}-bit samples")
            return Facts(bits=body[0], refusal=refusal, hint=DEEP_HINT if refusal else "")
    return Facts()


# WebP (RFC 9649)


def _webp(data: bytes) -> Facts:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise EOFError("the file is shorter than it says")
    canvas = None
    for name, start, _ in riff_chunks(data, 12):
        if name == b"VP8X":
            width, height = (int.from_bytes(data[start + at : start + at + 3], "little") + 1 for at in (4, 7))
            canvas = (height, width)
        elif name == b"ANMF":
            name = next((inner for inner, *_ in riff_chunks(data, start + 16) if inner != b"ALPH"), b"")  # noqa: PLW2901
        if name == b"VP8L":
            return Facts(canvas=canvas, lossless=True)
        if name in (b"VP8 ", b"ALPH"):
            return Facts(canvas=canvas)
    return Facts(canvas=canvas)


def riff_chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each chunk of a RIFF file from a place on."""
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, length
        at += 8 + length + length % 2


# TIFF (TIFF 6.0, Adobe TechNotes)


def _tiff(data: bytes) -> Facts:
    block = tiff.parse(data)
    entries = block.root.entries

    def numbers(tag: int) -> tuple[int, ...]:
        return tiff.integers(entries.get(tag), block.order)

    photometric = (numbers(PHOTOMETRIC) or (1,))[0]
    bits = numbers(BITS_PER_SAMPLE) or (1,)
    layout, refusal = examine(block)
    raw_ycbcr = photometric == YCBCR and len(bits) == 3 and (numbers(COMPRESSION) or (1,))[0] == UNCOMPRESSED
    if raw_ycbcr and numbers(YCBCR_SUBSAMPLING) != (1, 1):  # which is not the default
        return Facts(refusal=unsupported("uncompressed YCbCr with fewer colour samples"), hint=PNG_HINT)
    notes = ("An extra channel without stated meaning is left out.",) if 0 in numbers(EXTRA_SAMPLES) else ()
    return Facts(
        bits=max(bits),
        deep=_deep_tiff(layout) if layout else None,
        refusal=unsupported(refusal) if refusal else "",
        hint=DEEP_HINT if refusal else "",
        canvas=(layout.height, layout.width) if layout else None,
        raw_ycbcr=raw_ycbcr,
        inverted=photometric == 0 and bits == (16,),
        frames=tiff.count_pages(data),  # Pillow's way takes time by the square of their number
        exif=data,
        notes=notes,
    )


def _deep_tiff(layout: Layout) -> Deep:
    depth, alpha = 32 if layout.floating else 16, layout.alpha is not None
    return Deep(layout.what, layout.mode, depth, layout.channels + alpha, alpha, layout=layout)
