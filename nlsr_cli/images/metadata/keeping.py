"""What of a picture's metadata a format can hold: put into its form, or left out with a note."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import exif_tags, extended_xmp, georeference, iptc, jpeg, png, xmp
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.metadata.thumbnail import with_thumbnail
from nlsr_cli.images.picture import GainMap, Metadata

EXIF_HOLDERS = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF", "JXL")
ALPHA_HOLDERS = ("PNG", "WEBP", "AVIF", "GIF", "JXL")
XMP_HOLDERS = (*EXIF_HOLDERS, "GIF")
IPTC_HOLDERS = ("PNG", "JPEG", "TIFF")
COMMENT_HOLDERS = ("JPEG", "GIF", "PNG")
JPEG_EXIF_LIMIT = jpeg.SEGMENT - 6 - 64  # less its "Exif\0\0" and what a rewrite may add
JPEG_IPTC_LIMIT = jpeg.SEGMENT - len(jpeg.PHOTOSHOP_HEAD) - len(iptc.wrapped(b"")) - 1
SEEN = ("icc", "lossless", "code_points", "mastering", "size", "nodata", "masked")
GAIN_MAP_HOLDERS = ("JPEG",)


@dataclass(frozen=True)
class Kept:
    """Metadata that is ready for a file of its format and size, the thumbnail to be put into EXIF, and notes."""

    metadata: Metadata
    thumbnail: bytes | None
    notes: tuple[str, ...]


def stripped(given: Metadata) -> Metadata:
    """Return what says how pixels are to be seen, and nothing else: the profile, the code points of HDR, the value of
    those that hold no data.
    """
    return replace(Metadata(given.format, given.mode), **{name: getattr(given, name) for name in SEEN})


def kept(given: Metadata, format: str, size: tuple[int, int], thumbnail: bytes | None) -> Kept:  # noqa: A002
    """Return the metadata that a file of this format and (height, width) gets; the profile is not looked at.

    `thumbnail` is the new one, for pictures that had one.
    """
    notes: list[str] = []
    given = _enlarged(given, size, notes)
    exif, thumbnail = _exif(given.exif, thumbnail, format, notes)
    packet, records = _xmp(given, format, size, notes), _iptc(given.iptc, format, notes)
    texts, comment = _words(given, format, notes)
    tags = _tags(given, format, size, notes)
    held = replace(given, exif=exif, xmp=packet, iptc=records, texts=texts, comment=comment, tiff_tags=tags)
    if held.dpi is not None and format == "JPEG" and any(value != round(value) for value in held.dpi):
        listed = " × ".join(f"{value:.2f}" for value in dict.fromkeys(held.dpi))
        notes.append(f"JPEG counts whole dots per inch; the resolution of {listed} is rounded.")
    if held.dpi is not None and format == "GIF":
        held = replace(held, dpi=None)
        notes.append("GIF holds no resolution; it is left out.")
    return Kept(held, thumbnail, tuple(notes))


def _enlarged(given: Metadata, size: tuple[int, int], notes: list[str]) -> Metadata:
    """Return metadata whose EXIF, and whose resolution where it is a calibration, are true of this (height, width)."""
    if given.exif is None or given.size is None:
        return given
    change = Change(1, given.size, size)
    exif, lost = exif_tags.changed_exif(given.exif, change)
    notes += lost
    if given.dpi is None or not exif_tags.states_calibration(given.exif):
        return replace(given, exif=exif)
    across, down = (float(value * factor) for value, factor in zip(given.dpi, change.factors, strict=True))
    return replace(given, exif=exif, dpi=(across, down))


def _exif(
    exif: bytes | None,
    thumbnail: bytes | None,
    format: str,  # noqa: A002
    notes: list[str],
) -> tuple[bytes | None, bytes | None]:
    if exif is None:
        return None, None
    if format not in EXIF_HOLDERS:
        notes.append(f"{format} holds no EXIF data; it is left out.")
        return None, None
    if format == "JPEG" and len(exif) > JPEG_EXIF_LIMIT:
        notes.append("The EXIF data is too large for JPEG and is left out.")
        return None, None
    if thumbnail is not None and format == "TIFF":  # its second directory would be a second page
        notes.append("TIFF has no place for a thumbnail; it is left out.")
        thumbnail = None
    if thumbnail is not None and format == "JPEG" and len(with_thumbnail(exif, thumbnail)) > JPEG_EXIF_LIMIT:
        notes.append("The EXIF data leaves no room for a thumbnail in JPEG; it is left out.")
        thumbnail = None
    return exif, thumbnail


def _xmp(given: Metadata, format: str, size: tuple[int, int], notes: list[str]) -> bytes | None:  # noqa: A002
    if given.xmp is None:
        return None
    if format not in XMP_HOLDERS:
        notes.append(f"{format} holds no XMP metadata; it is left out.")
        return None
    sized = xmp.sized(given.xmp, *size, source=given.size)
    if not holds_packet(format, sized):
        notes.append(f"The XMP metadata of {len(sized)} bytes is too large for {format} and is left out.")
        return None
    return sized


def _tags(given: Metadata, format: str, size: tuple[int, int], notes: list[str]) -> tuple[georeference.Tag, ...]:  # noqa: A002
    """Return the tags of a TIFF for this size, with the one that states which pixels hold no data."""
    if format != "TIFF":
        notes += georeference.unheld(given.tiff_tags, format)
        if given.nodata is not None:
            kept = "; pixels without data are transparent" if given.masked and format in ALPHA_HOLDERS else ""
            notes.append(f"{format} holds no value for missing data ({given.nodata}); it is left out{kept}.")
        return ()
    tags = given.tiff_tags if given.size is None else georeference.sized(given.tiff_tags, Change(1, given.size, size))
    if given.nodata is None:
        return tags
    return (*tags, (georeference.GDAL_NODATA, tiff.ASCII, given.nodata.encode() + b"\0"))


def holds_packet(format: str, packet: bytes) -> bool:  # noqa: A002
    """Say whether a format that holds XMP has room for a sound packet."""
    if format == "JPEG" and len(packet) > jpeg.XMP_LIMIT:
        return extended_xmp.split(packet, jpeg.XMP_LIMIT) is not None
    return len(packet) <= xmp.PACKET_LIMIT


def kept_gain_map(given: GainMap | None, format: str, *, strip: bool, notes: list[str]) -> GainMap | None:  # noqa: A002
    """Return the gain map that a file of this format gets."""
    if given is None:
        return None
    if strip:
        notes.append("The gain map is left out with the metadata: the output is not HDR.")
        return None
    if format not in GAIN_MAP_HOLDERS:
        notes.append(f"{format} holds no gain map here; it is left out, and the output is not HDR.")
        return None
    return given


def _iptc(records: bytes | None, format: str, notes: list[str]) -> bytes | None:  # noqa: A002
    if records is None:
        return None
    if format not in IPTC_HOLDERS:
        notes.append(f"{format} holds no IPTC metadata; it is left out.")
        return None
    if format == "JPEG" and len(records) > JPEG_IPTC_LIMIT:
        notes.append("The IPTC metadata is too large for JPEG and is left out.")
        return None
    return records


def _words(given: Metadata, format: str, notes: list[str]) -> tuple[tuple[tuple[str, str], ...], bytes | None]:  # noqa: A002
    """Return texts and comment. A PNG's text of the keyword "Comment" is the comment of other formats."""
    texts, comment = given.texts, given.comment
    if format == "PNG":
        if comment is not None and all(word != png.COMMENT for word, _ in texts):
            texts = (*texts, (png.COMMENT, _decoded(comment)))
        return texts, None
    stated = next((text for word, text in texts if word == png.COMMENT), None)
    if comment is None and stated is not None and format in COMMENT_HOLDERS:
        comment = stated.encode("utf-8", "replace")
        texts = tuple(pair for pair in texts if pair != (png.COMMENT, stated))
    if texts:
        words = sorted({"".join(c if c.isprintable() else "?" for c in word)[:40] for word, _ in texts})
        listed = ", ".join(words[:4]) + (" and more" if len(words) > 4 else "")
        notes.append(f"{format} holds no texts as PNG does; they are left out ({listed}).")
    if comment is not None and format not in COMMENT_HOLDERS:
        notes.append(f"{format} holds no comment; it is left out.")
        comment = None
    elif comment is not None and format == "JPEG" and len(comment) > jpeg.SEGMENT:
        notes.append("The comment is too large for JPEG and is left out.")
        comment = None
    return (), comment


def _decoded(comment: bytes) -> str:
    """Return a comment as text: in UTF-8 where it is that, else in Latin-1, which takes any byte but the last ones."""
    try:
        text = comment.decode("utf-8")
    except UnicodeDecodeError:
        text = comment.decode("latin-1")
    return text.replace("\0", "")
