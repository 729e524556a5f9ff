"""Reading a picture file: by its content, upright, in sRGB or grey, with every problem told in one plain line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nlsr_cli.images.border import border
from nlsr_cli.images.color.managed import claim_of, managed
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.formats import format_of_suffix
from nlsr_cli.images.gain_map import read_gain_map
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags, georeference
from nlsr_cli.images.metadata.statements import portable
from nlsr_cli.images.metadata.thumbnail import has_thumbnail
from nlsr_cli.images.opening import UNLIKE, Opened, looked_at, opened
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Header, Metadata, Picture
from nlsr_cli.options import DEFAULT_MAX_PIXELS


def read_picture(
    source: str | Path | bytes | Parsed, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Picture:
    """Read the first frame of a picture from a file, or from its bytes, which messages then call `name`.

    Raises:
        ImageReadError: it cannot be read, or not without loss, or has more than `max_pixels` pixels.
    """
    file = load(source, name, max_pixels)
    _ = file.facts  # which has errors of its own
    with border(file.data, file.label, file.max_pixels):
        return assemble(opened(file), file)


def probe(source: Path | bytes | Parsed, *, name: str | None = None, max_pixels: int) -> Header:
    """Return what the header of a picture file, or of its bytes, says; pixels are not decoded.

    Raises:
        ImageReadError: as `read_picture`, as far as the header can tell.
    """
    file = load(source, name, max_pixels)
    _ = file.facts
    with border(file.data, file.label, file.max_pixels):
        return looked_at(file)[0]


def assemble(found: Opened, file: Parsed) -> Picture:
    """Return decoded pixels, upright, with what their file says about them."""
    facts, decoded, raw, change = file.facts, found.decoded, found.raw, found.change
    claim = claim_of(found.info, facts.colours, raw, decoded.color.shape[2])
    seen = managed(decoded.color, claim.icc)
    exif, exif_notes = exif_tags.portable_exif(raw, from_tiff=file.tagged, change=change)
    oriented = exif_tags.states_orientation(raw) if facts.orientation is None else facts.orientation != 1
    said = portable(file.found, turned=file.tagged or oriented, change=change)
    dpi = exif_tags.resolution(found.info, raw, file.format)
    notes = [*_notes(found, file), *decoded.notes, *facts.notes, *claim.notes, *seen.notes, *exif_notes, *said.notes]
    notes += exif_tags.resolution_notes(found.info, raw, file.format, found=dpi)
    # A value that no sample has, or none at all; of samples that are stored otherwise, `hide` has told what is lost.
    unset = decoded.nodata is None and (found.mode not in UNLIKE or facts.nodata is None)
    tags, tag_notes = georeference.tags_of(raw, change, nodata=unset) if raw and file.tagged else ((), [])
    notes += [*tag_notes, *file.losses]
    gain_map = None
    if file.located is not None:
        size, turn = decoded.color.shape[:2], exif_tags.orientation(raw)
        gain_map, told = read_gain_map(file.data, file.located, size, turn, file.label)
        notes += told
    metadata = Metadata(
        file.format,
        found.mode,
        seen.icc,
        exif,
        dpi,
        facts.lossless,
        thumbnail=exif is not None and not file.tagged and has_thumbnail(raw or b""),
        xmp=said.xmp,
        iptc=said.iptc,
        texts=said.texts,
        comment=said.comment,
        code_points=claim.code_points,
        size=change.after,
        mastering=facts.mastering if claim.code_points is not None else None,
        tiff_tags=tags,
        nodata=decoded.nodata,
        masked=decoded.masked,
        jpeg_quality=file.quality,
    )
    alpha = None if decoded.alpha is None else np.ascontiguousarray(decoded.alpha)
    return Picture(np.ascontiguousarray(seen.pixels), alpha, metadata, tuple(notes), seen.excess, gain_map)


def _notes(found: Opened, file: Parsed) -> Iterator[str]:
    """Yield notes on what the file is called, and on what of it is read."""
    named = format_of_suffix(Path(file.label))
    if named is not None and named != file.format:
        yield f"The file is a {file.format} picture although its name says otherwise."
    if found.frames == 1:
        return
    if file.facts.still is not None and file.facts.frames is not None:
        yield f"Only the main one of {found.frames} pictures is read."
    else:
        many = file.tagged and found.frames >= tiff.MAX_PAGES
        yield f"Only the first of {'many frames' if many else f'{found.frames} frames'} is read."
