"""What a file's own header says that Pillow does not pass on: true bit depth, losslessness, colour tags, EXIF place.

Pillow reduces some 16-bit files to 8 bit without a word; the header tells before that happens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from nlsr_cli.images.depth.layout import Layout, examine
from nlsr_cli.images.heif import Still, still_of
from nlsr_cli.images.profiles import Chroma, Colours
from nlsr_cli.images.words import jpeg, png, tiff

DEEP_HINT = "Convert it to 8 bit per channel first, if that loss is acceptable."
RAW_HINT = "Develop it with a raw converter first, for example to a 16-bit TIFF."

CFA, LINEAR_RAW = 32803, 34892  # TIFF photometric values of undeveloped sensor data (TIFF/EP, DNG)
DNG_VERSION, SUB_IFDS, NEW_SUBFILE_TYPE = 50706, 330, 254
COMPRESSION, YCBCR_SUBSAMPLING, YCBCR, UNCOMPRESSED = 259, 530, 6, 1
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
class Foreign:
    """A picture of a format that Pillow does not read, as its header announces it: mode and size, (height, width), of
    the upright picture, and its colour profile.
    """

    mode: str
    size: tuple[int, int]
    depth: int
    alpha: bool
    icc: bytes | None = None


@dataclass(frozen=True)
class Facts:
    """What the header of one file says.

    `bits` per channel; `deep` is set where they are more than Pillow reads; `refusal` is why the file cannot be read
    faithfully ("" if it can) with its `hint`; `canvas` is (height, width) where it must be known before a decoder sees
    the file; `inverted` marks 16-bit grey with 0 as white, as Pillow reads it; `raw_ycbcr` uncompressed YCbCr, whatever
    mode Pillow gives it; `frames` is None where Pillow counts them well;
    `colours` is what the file states by numbers, None where it states nothing. `still` is the picture that the boxes of
    an AVIF or HEIC describe, which alone say how it is turned; `xmp` a packet that the header holds. `foreign` is set
    for formats that Pillow does not read.
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
    still: Still | None = None
    xmp: bytes | None = None
    foreign: Foreign | None = None
    notes: tuple[str, ...] = ()


def read_facts(format: str, data: bytes) -> Facts:  # noqa: A002 - the word for it, in Pillow too
    """Return the facts in the header of a file of the given format.

    Raises:
        EOFError: the file is shorter than it says.
        ValueError, struct.error, IndexError: the header is cut off or makes no sense.
    """
    reader = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff, "AVIF": _avif, "HEIC": _heic}.get(format)
    return reader(data) if reader else Facts()


def _deep(what: str) -> str:
    return f"holds {what}, which is not supported yet"


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
            refusal = "" if body[0] == 8 else _deep(f"{body[0]}-bit samples")
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
    if _is_camera_raw(data, block, photometric):
        return Facts(refusal="is a camera raw file, of which only the preview could be read", hint=RAW_HINT)
    bits = numbers(BITS_PER_SAMPLE) or (1,)
    layout, refusal = examine(block)
    raw_ycbcr = photometric == YCBCR and len(bits) == 3 and (numbers(COMPRESSION) or (1,))[0] == UNCOMPRESSED
    if raw_ycbcr and numbers(YCBCR_SUBSAMPLING) != (1, 1):  # which is not the default
        return Facts(refusal=_deep("uncompressed YCbCr with fewer colour samples"), hint="Convert it to PNG first.")
    notes = ("An extra channel without stated meaning is left out.",) if 0 in numbers(EXTRA_SAMPLES) else ()
    return Facts(
        bits=max(bits),
        deep=_deep_tiff(layout) if layout else None,
        refusal=_deep(refusal) if refusal else "",
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


def _is_camera_raw(data: bytes, block: tiff.Block, photometric: int) -> bool:
    if data[8:10] == b"CR" or DNG_VERSION in block.root.entries or photometric in (CFA, LINEAR_RAW):
        return True
    reduced = next(iter(tiff.integers(block.root.entries.get(NEW_SUBFILE_TYPE), block.order)), 0) & 1
    return bool(reduced) and SUB_IFDS in block.root.entries


# AVIF (AV1 Image File Format)


def _avif(data: bytes) -> Facts:
    still = still_of(data)
    codes = still.coded("av1C", 3)
    # Third byte of av1C: seq_tier_0, high_bitdepth, twelve_bit, monochrome, ...
    depths = {8 + 2 * (body[2] >> 6 & 1) + 2 * (body[2] >> 5 & 1) for body in codes} or {8}
    bits = max(depths)
    refusal = _deep("parts of different depths") if len(depths) > 1 else ""
    monochrome = bool(codes) and all(body[2] & 0x10 for body in codes)
    return Facts(
        bits=bits,
        deep=_deep_avif(bits, grey=monochrome, alpha=still.alpha) if bits > 8 else None,
        refusal=refusal,
        hint=DEEP_HINT if refusal else "",
        canvas=None if still.media.brand == "avis" else still.stored,
        monochrome=monochrome,
        colours=still.colours,
        frames=None if still.media.brand == "avis" else still.pictures,
        exif=still.exif,
        still=still,
        xmp=still.xmp,
        notes=still.notes,
    )


def _deep_avif(bits: int, *, grey: bool, alpha: bool) -> Deep:
    letters, name = ("L", "grey") if grey else ("RGB", "colour")
    return Deep(f"{bits}-bit {name}", f"{letters}{'A' * alpha};{bits}", 16, (1 if grey else 3) + alpha, alpha)


# HEIC (HEVC in HEIF: ISO/IEC 23008-12, annex B; its decoder configuration: ISO/IEC 14496-15, 8.3.3)


def _heic(data: bytes) -> Facts:
    still = still_of(data)
    if still.main is None or still.size is None:
        return Facts(
            refusal="holds no still picture, but a film or a sequence", hint="Save one of its frames as PNG first."
        )
    if still.unreadable:
        return Facts(refusal=_deep(f"samples coded as '{still.unreadable}'"), hint="Convert it to PNG first.")
    codes = still.coded("hvcC", 19)
    bits = max((8 + max(body[17] & 7, body[18] & 7) for body in codes), default=8)
    grey = bool(codes) and all(body[16] & 3 == 0 for body in codes)
    letters = ("L" if grey else "RGB") + "A" * still.alpha
    deep = bits > 8
    mode = f"{letters};{bits}" if deep else letters
    return Facts(
        bits=bits,
        deep=Deep(f"{bits}-bit {'grey' if grey else 'colour'}", mode, 16, len(letters), still.alpha) if deep else None,
        canvas=still.stored,
        colours=still.colours,
        frames=still.pictures,
        exif=still.exif,
        still=still,
        xmp=still.xmp,
        foreign=Foreign(mode, still.size, 16 if deep else 8, still.alpha, still.icc),
        notes=still.notes,
    )
