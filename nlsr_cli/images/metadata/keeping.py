"""What of a picture's metadata a format can hold: put into its form, or left out with a note."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import exif_tags, georeference, png, xmp
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.metadata.thumbnail import with_thumbnail
from nlsr_cli.images.picture import GainMap, Metadata

SEEN = ("icc", "lossless", "code_points", "mastering", "size", "nodata", "masked")


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


def kept(given: Metadata, able: Carries, size: tuple[int, int], thumbnail: bytes | None) -> Kept:
    """Return the metadata that a file of a format and (height, width) gets; the profile is not looked at.

    `thumbnail` is the new one, for pictures that had one.
    """
    notes: list[str] = []
    given = _enlarged(given, size, notes)
    exif, thumbnail = _exif(given.exif, thumbnail, able, notes)
    packet, records = _xmp(given, able, size, notes), _iptc(given.iptc, able, notes)
    texts, comment = _words(given, able, notes)
    tags = _tags(given, able, size, notes)
    held = replace(given, exif=exif, xmp=packet, iptc=records, texts=texts, comment=comment, tiff_tags=tags)
    if held.dpi is not None and able.dpi == "whole" and any(value != round(value) for value in held.dpi):
        listed = " × ".join(f"{value:.2f}" for value in dict.fromkeys(held.dpi))
        notes.append(f"{able.format} counts whole dots per inch; the resolution of {listed} is rounded.")
    if held.dpi is not None and able.dpi == "none":
        held = replace(held, dpi=None)
        notes.append(f"{able.format} cannot hold a resolution; it is left out.")
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
    exif: bytes | None, thumbnail: bytes | None, able: Carries, notes: list[str]
) -> tuple[bytes | None, bytes | None]:
    if exif is None:
        return None, None
    if not able.exif:
        notes.append(f"{able.format} cannot hold EXIF data; it is left out.")
        return None, None
    if able.exif_limit is not None and len(exif) > able.exif_limit:
        notes.append(f"The EXIF data is too large for {able.format} and is left out.")
        return None, None
    if thumbnail is not None and not able.thumbnail:
        notes.append(f"{able.format} has no room for a thumbnail; it is left out.")
        thumbnail = None
    limit = able.exif_limit
    if thumbnail is not None and limit is not None and len(with_thumbnail(exif, thumbnail)) > limit:
        notes.append(f"The EXIF data leaves no room for a thumbnail in {able.format}; the thumbnail is left out.")
        thumbnail = None
    return exif, thumbnail


def _xmp(given: Metadata, able: Carries, size: tuple[int, int], notes: list[str]) -> bytes | None:
    if given.xmp is None:
        return None
    if not able.xmp:
        notes.append(f"{able.format} cannot hold XMP metadata; it is left out.")
        return None
    sized = xmp.sized(given.xmp, *size, source=given.size)
    if not able.holds_packet(sized):
        notes.append(f"The XMP metadata of {len(sized)} bytes is too large for {able.format} and is left out.")
        return None
    return sized


def _tags(given: Metadata, able: Carries, size: tuple[int, int], notes: list[str]) -> tuple[georeference.Tag, ...]:
    """Return the tags of a TIFF for this size, with the one that states which pixels hold no data."""
    if not able.tags:
        notes += georeference.unheld(given.tiff_tags, able.format)
        if given.nodata is not None:
            kept = "; pixels without data are transparent" if given.masked and able.alpha else ""
            notes.append(f"{able.format} cannot hold a no-data value ({given.nodata}); it is left out{kept}.")
        return ()
    tags = given.tiff_tags if given.size is None else georeference.sized(given.tiff_tags, Change(1, given.size, size))
    if given.nodata is None:
        return tags
    return (*tags, (georeference.GDAL_NODATA, tiff.ASCII, given.nodata.encode() + b"\0"))


def kept_gain_map(given: GainMap | None, able: Carries, *, strip: bool, notes: list[str]) -> GainMap | None:
    """Return the gain map that a file of a format gets."""
    if given is None:
        return None
    if strip:
        notes.append("The gain map is left out with the metadata: the output is not HDR.")
        return None
    if not able.gain_map:
        notes.append(f"{able.format} cannot hold a gain map here; it is left out, and the output is not HDR.")
        return None
    return given


def _iptc(records: bytes | None, able: Carries, notes: list[str]) -> bytes | None:
    if records is None:
        return None
    if not able.iptc:
        notes.append(f"{able.format} cannot hold IPTC metadata; it is left out.")
        return None
    if able.iptc_limit is not None and len(records) > able.iptc_limit:
        notes.append(f"The IPTC metadata is too large for {able.format} and is left out.")
        return None
    return records


def _words(given: Metadata, able: Carries, notes: list[str]) -> tuple[tuple[tuple[str, str], ...], bytes | None]:
    """Return texts and comment. A PNG's text of the keyword "Comment" is the comment of other formats."""
    texts, comment = given.texts, given.comment
    if able.texts:
        if comment is not None and all(word != png.COMMENT for word, _ in texts):
            texts = (*texts, (png.COMMENT, _decoded(comment)))
        return texts, None
    stated = next((text for word, text in texts if word == png.COMMENT), None)
    if comment is None and stated is not None and able.comment:
        comment = stated.encode("utf-8", "replace")
        texts = tuple(pair for pair in texts if pair != (png.COMMENT, stated))
    if texts:
        words = sorted({"".join(c if c.isprintable() else "?" for c in word)[:40] for word, _ in texts})
        listed = ", ".join(words[:4]) + (" and more" if len(words) > 4 else "")
        notes.append(f"{able.format} cannot hold texts as PNG does; they are left out ({listed}).")
    if comment is not None and not able.comment:
        notes.append(f"{able.format} cannot hold a comment; it is left out.")
        comment = None
    elif comment is not None and able.comment_limit is not None and len(comment) > able.comment_limit:
        notes.append(f"The comment is too large for {able.format} and is left out.")
        comment = None
    return (), comment


def _decoded(comment: bytes) -> str:
    """Return a comment as text: in UTF-8 where it is that, else in Latin-1, which takes any byte but the last ones."""
    try:
        text = comment.decode("utf-8")
    except UnicodeDecodeError:
        text = comment.decode("latin-1")
    return text.replace("\0", "")
