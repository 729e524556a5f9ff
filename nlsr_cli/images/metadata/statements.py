"""What a file says in words beside its pixels, whatever its container: XMP, IPTC, texts and comments, made portable."""

from __future__ import annotations

from dataclasses import dataclass

from nlsr_cli.images.metadata import iptc, photoshop, xmp
from nlsr_cli.images.metadata.companions import without_companions
from nlsr_cli.images.metadata.geometry import Change

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
class Found:
    """What was found, as it stands in the file. `blocks` are those of Photoshop's resources."""

    xmp: bytes | None = None
    iptc: bytes | None = None
    blocks: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()
    comments: tuple[bytes, ...] = ()
    notes: tuple[str, ...] = ()


def portable(raw: Found, *, turned: bool = True, change: Change | None = None) -> Statements:
    """Return what was found in a form that any output can hold, made true of the upright picture.

    `turned` tells whether the picture was brought upright by what other parts of the file say, and `change` how.
    """
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
