"""What a file says in words beside its pixels, whatever its container: XMP, IPTC, texts and comments, made portable."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nlsr_cli.images.containers import riff, tiff
from nlsr_cli.images.metadata import exif_tags, gif_texts, iptc, jpeg, photoshop, png, xmp
from nlsr_cli.images.metadata.companions import without_companions
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.parts import listed

PROFILES_READ = {*png.EXIF_PROFILES, "iptc", "8bim", "xmp"}
# What XMP says of the layers of a document (Adobe, XMP Specification Part 2, section 3.2), which no output has.
LAYER_CLAIMS = (("http://ns.adobe.com/photoshop/1.0/", "TextLayers"),)
COMMENT_LIMIT = 1 << 20  # bytes


@dataclass(frozen=True)
class Statements:
    """The fields of `Metadata` of the same names, and a note for each thing that is left out."""

    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Raw:
    """What was found, as it stands in the file. `blocks` are those of Photoshop's resources."""

    xmp: bytes | None = None
    iptc: bytes | None = None
    blocks: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()
    comments: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()


def read_statements(
    format: str,  # noqa: A002 - the word for it, in Pillow too
    data: bytes,
    packet: bytes | None = None,
    *,
    turned: bool = True,
    change: Change | None = None,
) -> Statements:
    """Return what a file of the given format says; `packet` is the XMP that its header was found to hold, for AVIF and
    HEIC. `turned` tells whether the picture was brought upright by what other parts of the file say, and `change` how.

    Nothing in it can fail: what is damaged is left out, with a note.
    """
    readers = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff, "GIF": _gif}
    raw = readers[format](data) if format in readers else _Raw(packet)
    packet, notes = xmp.portable(raw.xmp, turned=turned, change=change)
    if packet is not None:
        packet, told = without_companions(packet)
        notes += told
    notes += [*photoshop.left_behind(raw.blocks), *raw.notes]
    comment = b"\n".join(filter(None, raw.comments)) or None
    if comment is not None and len(comment) > COMMENT_LIMIT:
        notes.append(f"The comment of {len(comment)} bytes is too large and is left out.")
        comment = None
    records = raw.iptc or iptc.records_of(raw.blocks)
    return Statements(packet, records, raw.texts, comment, tuple(notes))


def _png(data: bytes) -> _Raw:
    found = png.read_texts(data)
    notes = []
    if found.broken:
        notes.append(f"{found.broken} of the PNG texts are damaged and are left out.")
    if found.long:
        beyond = f"{png.TEXT_LIMIT >> 20} MiB of texts"
        notes.append(f"Left out: what exceeds {beyond} ({listed(dict.fromkeys(found.long))}).")
    if found.tagged:
        notes.append("The languages that PNG texts state are left out.")
    if found.doubled:
        notes.append(f"Left out: what the file holds twice ({listed(dict.fromkeys(found.doubled))}).")
    if unread := found.profiles.keys() - PROFILES_READ:
        notes.append(f"Left out: profiles that texts of the PNG hold ({listed(sorted(unread))}).")
    blocks = found.profiles.get("8bim", b"")
    stated = found.profiles.get("iptc")
    records = None if stated is None else iptc.records_of(stated)
    if stated is not None and records is None:
        notes.append(iptc.DAMAGED_NOTE)
    packet = found.xmp or found.profiles.get("xmp") or found.profiles.get("app1", b"")
    stated_xmp = None if packet.startswith(b"Exif") else packet.removeprefix(jpeg.XMP_HEAD)
    return _Raw(stated_xmp, records, blocks, tuple(found.pairs), notes=tuple(notes))


def _jpeg(data: bytes) -> _Raw:
    found = jpeg.read_words(data)
    notes = ("The extension of the XMP metadata is damaged and is left out.",) if found.incomplete else ()
    return _Raw(found.xmp, None, found.photoshop, comments=tuple(found.comments), notes=notes)


def _webp(data: bytes) -> _Raw:
    return _Raw(next((chunk.body for chunk in riff.chunks(data) if chunk.name == b"XMP "), None))


def _gif(data: bytes) -> _Raw:
    found = gif_texts.read_words(data)
    records = None if found.iptc is None else iptc.records_of(found.iptc)
    notes = (iptc.DAMAGED_NOTE,) if found.iptc is not None and records is None else ()
    return _Raw(found.xmp, records, found.photoshop or b"", comments=tuple(found.comments), notes=notes)


def _tiff(data: bytes) -> _Raw:
    try:
        block = tiff.parse(data)
    except (ValueError, struct.error):
        return _Raw()
    entries = block.root.entries
    stated_xmp, blocks = entries.get(exif_tags.XMP), entries.get(exif_tags.PHOTOSHOP)
    packet = stated_xmp.payload if stated_xmp else None
    if packet is not None and exif_tags.LAYERS in entries:
        packet = xmp.without(packet, LAYER_CLAIMS)
    raw = _Raw(packet, None, blocks.payload if blocks else b"")
    stated = entries.get(exif_tags.IPTC)
    if stated is not None:
        swapped = stated.kind == tiff.LONG and block.order == "<"
        raw.iptc = iptc.from_tag(stated.payload, longs_swapped=swapped)
        raw.notes = (iptc.DAMAGED_NOTE,) if raw.iptc is None and stated.payload.strip(b"\0") else ()
    return raw
