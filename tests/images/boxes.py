"""HEIF files laid out box by box around coded data that others made (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from nlsr_cli.images.containers.isobmff import parse

ASSETS = Path(__file__).parent.parent / "assets"


@dataclass
class Entry:
    """An item to be written: its kind, data, properties as name and body, and MIME type."""

    kind: bytes
    data: bytes
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    content: bytes = b""
    hidden: bool = False


def box(name: bytes, body: bytes = b"") -> bytes:
    """Return one box."""
    return struct.pack(">I4s", len(body) + 8, name) + body


def full(name: bytes, body: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags) + body)


def main_entry(data: bytes) -> Entry:
    """Return the main item of a file, or its tile where heif-enc made a grid of one, with its data and properties."""
    media = parse(data)
    item = media.items[media.primary]
    if item.kind == "grid":
        item = media.items[media.references["dimg", item.number][0]]
    properties = [(each.name.encode("latin-1"), media.body(each)) for each in item.properties]
    return Entry(item.kind.encode(), media.content(item), properties)


def heic(name: str = "plain") -> bytes:
    """Return a HEIC of the assets."""
    return (ASSETS / "heic" / f"{name}.heic").read_bytes()


def heif(
    entries: list[Entry],
    references: list[tuple[bytes, int, list[int]]] = (),
    *,
    brand: bytes = b"heic",
    in_meta: bytes = b"",
    in_iprp: bytes = b"",
    in_ipco: bytes = b"",
    before: bytes = b"",
    between: bytes = b"",
    behind: bytes = b"",
    in_mdat: bytes = b"",
) -> bytes:
    """Return a file of items, numbered from 1, of which the first is the main one; the rest are bytes for the places
    that their names say.
    """
    pool, links = [], b""
    for number, entry in enumerate(entries, 1):
        links += struct.pack(">HB", number, len(entry.properties))
        for name, body in entry.properties:
            pool.append(box(name, body))
            essential = name in (b"av1C", b"hvcC", b"clap", b"irot", b"imir")
            links += bytes((len(pool) | 0x80 * essential,))
    infos = b"".join(_info(number, entry) for number, entry in enumerate(entries, 1))
    rows = [box(kind, struct.pack(f">HH{len(to)}H", at, len(to), *to)) for kind, at, to in references]
    ipma = full(b"ipma", struct.pack(">I", len(entries)) + links)
    iprp = box(b"iprp", box(b"ipco", b"".join(pool) + in_ipco) + ipma + in_iprp)

    def meta(offset: int) -> bytes:
        places, at = b"", offset
        for number, entry in enumerate(entries, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(entry.data))
            at += len(entry.data)
        body = full(b"hdlr", bytes(4) + b"pict" + bytes(13)) + full(b"pitm", struct.pack(">H", 1))
        body += full(b"iloc", struct.pack(">BBH", 0x44, 0, len(entries)) + places)
        body += full(b"iinf", struct.pack(">H", len(entries)) + infos) + iprp
        body += (full(b"iref", b"".join(rows)) if rows else b"") + in_meta
        return full(b"meta", body)

    front = box(b"ftyp", brand + bytes(4) + b"mif1" + brand) + before
    offset = len(front) + len(meta(0)) + len(between) + 8 + len(in_mdat)
    return front + meta(offset) + between + box(b"mdat", in_mdat + b"".join(e.data for e in entries)) + behind


def _info(number: int, entry: Entry) -> bytes:
    body = struct.pack(">HH4s", number, 0, entry.kind) + b"\0" + (entry.content + b"\0" if entry.content else b"")
    return full(b"infe", body, 2, int(entry.hidden))


def clap(
    width: int, height: int, across: tuple[int, int] = (0, 1), down: tuple[int, int] = (0, 1)
) -> tuple[bytes, bytes]:
    """Return a clean aperture property; offsets are fractions."""
    return b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *across, *down)


def auxiliary(entry: Entry, kind: bytes) -> Entry:
    """Return an item as an auxiliary picture of a kind."""
    return Entry(entry.kind, entry.data, [*entry.properties, (b"auxC", bytes(4) + kind + b"\0")])
