"""PNG (Portable Network Graphics, Third Edition, W3C 2025), and animations in it (APNG)."""

from __future__ import annotations

import struct
import zlib
from typing import cast

from nlsr_cli.images.animation import apng, writing
from nlsr_cli.images.apple import as_standard
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.color.profiles import Chroma, Colours
from nlsr_cli.images.containers import png
from nlsr_cli.images.depth import deep_encoders
from nlsr_cli.images.facts import Deep, Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing
from nlsr_cli.images.metadata import iptc, jpeg
from nlsr_cli.images.metadata import png as png_texts
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parts import listed
from nlsr_cli.images.picture import Animation
from nlsr_cli.images.rules.png import account_png
from nlsr_cli.options import EncodeOptions

MASTERING = {b"mDCV": 24, b"cLLI": 8}  # bytes of chunks that speak of the master of an HDR picture
PROFILES_READ = {*png_texts.EXIF_PROFILES, "iptc", "8bim", "xmp"}
CARRIES = Carries("PNG", alpha=True, depth=16, iptc=True, comment=True, texts=True, code_points=True, side=2**31 - 1)


def _facts(data: bytes) -> Facts:
    chunks: dict[bytes, bytes] = {}
    for chunk in png.chunks(data):
        if chunk.name not in (*png.TEXTS, *png.SAMPLES):
            chunks.setdefault(chunk.name, chunk.body)
    if b"IHDR" not in chunks:
        raise ValueError("no IHDR chunk")
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    if b"CgBI" in chunks and (depth, kind) not in ((8, 2), (8, 6)):
        refusal = "is a PNG in a form that only Apple devices read (CgBI)"
        return Facts(refusal=refusal, hint="Open it in Apple's Preview and export it from there.")
    examined = apng.examine(data)
    return Facts(
        bits=depth,
        deep=_deep_png(kind, key=b"tRNS" in chunks) if depth == 16 else None,
        canvas=(height, width),
        frames=1 if examined.index is None else len(examined.index.frames),
        exif=png_texts.read_exif(data),
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


def _statements(data: bytes) -> Found:
    found = png_texts.read_texts(data)
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


def _check_parts(data: bytes, label: str) -> None:
    check_number((chunk.name for chunk in png.chunks(data)), data, label)


def _prepare(data: bytes) -> bytes:
    """Return a PNG without its texts and its animation, which are read here: of long texts and of frames out of
    sequence Pillow refuses the whole file.
    """
    return as_standard(png.without(data, (*png.TEXTS, *png.ANIMATION)))


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    # Runs alone, without a search for longer repeats: on an enlarged photograph a fifth of the time of level 6, and as
    # small. Pictures that repeat themselves exactly become larger, but what the network enlarges hardly does.
    exif = canvas.exif_block()
    data = canvas.saved("PNG", compress_type=zlib.Z_RLE, icc_profile=canvas.icc, exif=exif, dpi=canvas.dpi)
    if canvas.samples is not None:
        data = deep_encoders.png(canvas.samples, data)
    return png_texts.with_chunks(data, chunks_of(canvas)), ()


def chunks_of(canvas: Canvas) -> list[tuple[bytes, bytes]]:
    """Return name and body of the chunks of a PNG that hold code points, a master, XMP, IPTC and texts."""
    chunks = [] if canvas.code_points is None else [(b"cICP", canvas.code_points)]
    chunks += [(each.name, each.body) for each in png.chunks(png.SIGNATURE + (canvas.mastering or b""))]
    chunks += [] if canvas.xmp is None else [png_texts.xmp_chunk(canvas.xmp)]
    chunks += [] if canvas.iptc is None else [png_texts.profile_chunk("iptc", iptc.wrapped(canvas.iptc))]
    return chunks + [png_texts.text_chunk(keyword, text) for keyword, text in canvas.texts]


def _animate(animation: Animation, options: EncodeOptions) -> Encoded:
    return writing.encode_apng(animation, options, WRITING)


WRITING = Writing(_encode, CARRIES, heeds=(), least_share=0.05)
PNG = Format(
    "PNG",
    (".png", ".apng"),
    sniff=lambda head: head.startswith(png.SIGNATURE),
    facts=_facts,
    part="PNG chunk",
    account=account_png,
    statements=_statements,
    check_parts=_check_parts,
    prepare=_prepare,
    moving=Moving(apng.read_index, apng.canvases, _animate),
    writing=WRITING,
)
