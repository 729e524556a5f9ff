"""PNG (Portable Network Graphics, Third Edition, W3C 2025), and animations in it (APNG).

Names of chunks beyond the standard are those of the register of PNG extensions, of ImageMagick (coders/png.c), Adobe
Fireworks, Apple, Microsoft Office, Android, and C2PA (Technical Specification 2.1, appendix A).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import cast

from nlsr_cli.images.animation import apng, writing
from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.apple import as_standard
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.color.profiles import Chroma, Colours
from nlsr_cli.images.containers import png
from nlsr_cli.images.encoding.bands import Bands
from nlsr_cli.images.encoding.png import sample_chunks
from nlsr_cli.images.facts import Deep, Facts
from nlsr_cli.images.formats.format import Format, Moving, Writing
from nlsr_cli.images.metadata import iptc, jpeg
from nlsr_cli.images.metadata import png as png_texts
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import (
    CARRIED,
    LOOSE,
    PADDING,
    REPLACED,
    REWRITTEN,
    TRAILER,
    Accounted,
    Fate,
    Part,
    Rule,
    Walk,
    account,
    dropped,
    listed,
)
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Pieces

MASTERING = {b"mDCV": 24, b"cLLI": 8}  # bytes of chunks that speak of the master of an HDR picture
PROFILES_READ = {*png_texts.EXIF_PROFILES, "iptc", "8bim", "xmp"}
CARRIES = Carries("PNG", alpha=True, depth=16, iptc=True, comment=True, texts=True, code_points=True, side=2**31 - 1)

BACKGROUND = dropped("the background colour (bKGD)")
MASTERS = {
    "mDCV": dropped("the colours of the mastering display (mDCV)"),
    "cLLI": dropped("the content light levels (cLLI)"),
}
PAGE = dropped("its position on a larger page")
ORIENTATION = dropped("an orientation that only ImageMagick follows (orNT)")
FIREWORKS = dropped("editing data of Adobe Fireworks")
NINE_PATCH = dropped("the stretch marks of an Android nine-patch")
FROM_GIF = dropped("extensions of the original GIF")
# The palette goes with the indices, significant bits are those of new samples, a time of change is that of the file,
# and what numbers say of the colours becomes a profile, or is sRGB, with notes of its own.
FATES: dict[str, Rule] = {
    **dict.fromkeys(("signature", "IHDR", "PLTE", "IDAT", "tRNS", PADDING), REPLACED),
    **dict.fromkeys(("gAMA", "cHRM", "sRGB", "sBIT", "tIME", "iDOT", "CgBI"), REPLACED),
    **dict.fromkeys(("cICP", "iCCP", "pHYs", "tEXt", "zTXt", "iTXt"), CARRIED),
    **dict.fromkeys(("eXIf", "zxIf", "tXMP"), REWRITTEN),
    "caBX": dropped("content credentials (C2PA)"),
    "dSIG": dropped("a digital signature (dSIG)"),
    "hIST": dropped("the palette histogram (hIST)"),
    "sPLT": dropped("a suggested palette (sPLT)"),
    "pCAL": dropped("the calibration of the samples (pCAL)"),
    "sCAL": dropped("the physical scale of the subject (sCAL)"),
    "sTER": dropped("the mark of a stereo pair (sTER)"),
    "fRAc": dropped("the parameters of a fractal (fRAc)"),
    "msOG": dropped("the GIF that Microsoft Office embeds (msOG)"),
    **dict.fromkeys(("gIFg", "gIFt", "gIFx"), FROM_GIF),
    **dict.fromkeys(("mkBF", "mkBS", "mkBT", "mkTS", "prVW"), FIREWORKS),
    **dict.fromkeys(("npTc", "npLb", "npOl"), NINE_PATCH),
}
# Of these the first counts, here and in other readers.
SINGLE = frozenset({"IHDR", "PLTE", "tRNS", "gAMA", "cHRM", "sRGB", "cICP", "iCCP", "pHYs", "eXIf", "zxIf", "tXMP"})
SINGLE |= {"acTL", "mDCV", "cLLI"}


class Rules:
    """The rules for one file: what a chunk means depends on its header, and on the chunks before.

    Of an animation that is not `shown`, another note says why it is left out.
    """

    def __init__(self, data: bytes, chunks: Iterable[png.Chunk], *, shown: bool) -> None:
        self.seen: set[str] = set()
        self.size, self.alpha = data[16:24], data[25:26] in (b"\4", b"\6")
        self.animation = REPLACED if shown else Rule(Fate.DROPPED, "the animation", quiet=True)
        codes = next((chunk.body for chunk in chunks if chunk.name == b"cICP"), b"")
        self.as_coded = len(codes) >= 4 and bool(Colours(codes=(codes[0], codes[1], bool(codes[3]))).as_coded)

    def __call__(self, part: Part) -> Rule | None:
        """Return the fate of the next part."""
        name = part.name
        if name in SINGLE and name in self.seen:
            return dropped(f"a second {name} chunk")
        self.seen.add(name)
        if name in ("acTL", "fcTL", "fdAT"):
            return self.animation if "acTL" in self.seen else dropped("frames of an undeclared animation")
        special = SPECIAL.get(name)
        return special(self, part) if special else FATES.get(name)

    def background(self, _: Part) -> Rule:
        """Of an opaque picture it says nothing."""
        return BACKGROUND if self.alpha or "tRNS" in self.seen else REPLACED

    def mastering(self, part: Part) -> Rule:
        """What was mastered for HDR stays true as long as the samples stay as they are coded."""
        whole = part.size == 12 + {"mDCV": 24, "cLLI": 8}[part.name]
        return CARRIED if self.as_coded and whole else MASTERS[part.name]

    def page(self, part: Part) -> Rule:
        """ImageMagick states a page, and where on it the picture lies, also where they are the picture itself."""
        size, place = (b"", part.head[:8]) if part.name == "oFFs" else (part.head[:8], part.head[8:16])
        return PAGE if size not in (b"", self.size) or place.strip(b"\0") else REPLACED

    def end(self, part: Part) -> Rule:
        """It has no content."""
        return REPLACED if part.size <= 12 else LOOSE[TRAILER]

    def orientation(self, part: Part) -> Rule:
        """ImageMagick's own; 0 is unknown, and 1 upright."""
        return ORIENTATION if part.head[:1] > b"\1" else REPLACED


SPECIAL: dict[str, Callable[[Rules, Part], Rule]] = {
    "bKGD": Rules.background,
    "mDCV": Rules.mastering,
    "cLLI": Rules.mastering,
    "oFFs": Rules.page,
    "vpAg": Rules.page,
    "caNv": Rules.page,
    "orNT": Rules.orientation,
    "IEND": Rules.end,
}


class PngFile(Parsed):
    """A PNG."""

    format, part = "PNG", "PNG chunk"

    @cached_property
    def chunks(self) -> Walk[png.Chunk]:
        """Return its chunks."""
        return Walk(png.chunks(self.data))

    @cached_property
    def texts(self) -> png_texts.Texts:
        """Return its texts."""
        return png_texts.read_texts(self.chunks)

    @cached_property
    def examined(self) -> apng.Examined:
        """Return its animation; raise EOFError where the file is cut off."""
        return apng.examine(self.data, self.chunks)

    def check(self) -> None:
        check_number((chunk.name for chunk in self.chunks), self.data, self.label)

    def header(self) -> Facts:
        chunks: dict[bytes, bytes] = {}
        for chunk in self.chunks:
            if chunk.name not in (*png.TEXTS, *png.SAMPLES):
                chunks.setdefault(chunk.name, chunk.body)
        if b"IHDR" not in chunks:
            raise ValueError("no IHDR chunk")
        width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
        if b"CgBI" in chunks and (depth, kind) not in ((8, 2), (8, 6)):
            refusal = "is a PNG in a form that only Apple devices read (CgBI)"
            return Facts(refusal=refusal, hint="Open it in Apple's Preview and export it from there.")
        index, fault = self.examined.index, self.examined.fault
        return Facts(
            bits=depth,
            deep=_deep_png(kind, key=b"tRNS" in chunks) if depth == 16 else None,
            canvas=(height, width),
            frames=1 if index is None else len(index.frames),
            exif=png_texts.read_exif(self.chunks, lambda: self.texts),
            colours=_png_colours(chunks),
            notes=(f"The animation is left out: {fault}.",) if fault else (),
            apple=b"CgBI" in chunks,
            key=_key(chunks.get(b"tRNS"), kind, depth),
            mastering=b"".join(
                png.chunk(name, chunks[name]) for name, size in MASTERING.items() if len(chunks.get(name, b"")) == size
            )
            or None,
        )

    @cached_property
    def index(self) -> FrameIndex | None:
        return self.examined.index

    @cached_property
    def found(self) -> Found:
        return _found(self.texts)

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            shown = not self.examined.fault
        except EOFError:
            shown = True
        return account(png.parts(self.data, self.chunks), Rules(self.data, self.chunks, shown=shown))

    @cached_property
    def prepared(self) -> bytes:
        """Return it without its texts and its animation, of which some make Pillow refuse the whole file."""
        return as_standard(png.without(self.data, (*png.TEXTS, *png.ANIMATION), self.chunks))

    @property
    def head(self) -> bytes:
        return self.prepared if self.facts.apple else png.head(self.data, self.chunks)


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


def _found(found: png_texts.Texts) -> Found:
    notes = []
    if found.broken:
        notes.append(f"{found.broken} of the PNG texts are damaged and are left out.")
    if found.long:
        beyond = f"{png_texts.TEXT_LIMIT >> 20} MiB"
        notes.append(f"Left out: texts beyond {beyond} ({listed(dict.fromkeys(found.long))}).")
    if found.tagged:
        notes.append("The language tags of PNG texts are left out.")
    if found.doubled:
        notes.append(f"Left out: texts that occur twice ({listed(dict.fromkeys(found.doubled))}).")
    if unread := found.profiles.keys() - PROFILES_READ:
        notes.append(f"Left out: profiles in PNG texts ({listed(sorted(unread))}).")
    blocks = found.profiles.get("8bim", b"")
    stated = found.profiles.get("iptc")
    records = None if stated is None else iptc.records_of(stated)
    if stated is not None and records is None:
        notes.append(iptc.DAMAGED_NOTE)
    packet = found.xmp or found.profiles.get("xmp") or found.profiles.get("app1", b"")
    stated_xmp = None if packet.startswith(b"Exif") else packet.removeprefix(jpeg.XMP_HEAD)
    return Found(stated_xmp, records, blocks, tuple(found.pairs), notes=tuple(notes))


def _encode(canvas: Canvas, bands: Bands, options: EncodeOptions) -> Pieces:
    del options
    yield png.SIGNATURE + b"".join(png.chunk(name, body) for name, body in chunks_of(canvas))
    yield from sample_chunks(bands, canvas.shape, canvas.dtype)
    yield png.chunk(b"IEND", b"")
    return ()


def chunks_of(canvas: Canvas) -> list[tuple[bytes, bytes]]:
    """Return name and body of the chunks of a PNG before its samples."""
    height, width, channels = canvas.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * canvas.dtype.itemsize, kind, 0, 0, 0))]
    chunks += [] if canvas.code_points is None else [(b"cICP", canvas.code_points)]
    chunks += [(each.name, each.body) for each in png.chunks(png.SIGNATURE + (canvas.mastering or b""))]
    chunks += [] if canvas.xmp is None else [png_texts.xmp_chunk(canvas.xmp)]
    chunks += [] if canvas.iptc is None else [png_texts.profile_chunk("iptc", iptc.wrapped(canvas.iptc))]
    chunks += [png_texts.text_chunk(keyword, text) for keyword, text in canvas.texts]
    exif = canvas.exif_block()
    chunks += [] if canvas.icc is None else [png_texts.icc_chunk(canvas.icc)]
    chunks += [] if canvas.dpi is None else [png_texts.resolution_chunk(canvas.dpi)]
    return chunks if exif is None else [*chunks, (b"eXIf", exif)]


WRITING = Writing(_encode, CARRIES, heeds=(), least_share=0.05, pace=0.15)
PNG = Format(
    "PNG",
    (".png", ".apng"),
    sniff=lambda head: head.startswith(png.SIGNATURE),
    parse=PngFile,
    moving=Moving(apng.canvases, lambda film, options: writing.encode_apng(film, options, WRITING)),
    writing=WRITING,
)
