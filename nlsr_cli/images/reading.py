"""Reading a picture file: by its content, upright, in sRGB or grey, with every problem told in one plain line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nlsr_cli.images import bitmap
from nlsr_cli.images.apple import as_seen
from nlsr_cli.images.border import border, check_pixels
from nlsr_cli.images.color import spaces
from nlsr_cli.images.color.managed import Claim, Managed, claim_of, managed
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.bmp import Bitmap
from nlsr_cli.images.decoder_noise import silenced
from nlsr_cli.images.depth.deep import decode_deep
from nlsr_cli.images.facts import Deep, Facts, Foreign
from nlsr_cli.images.formats import format_of_suffix
from nlsr_cli.images.gain_map import read_gain_map
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags, georeference
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.metadata.statements import portable
from nlsr_cli.images.metadata.thumbnail import has_thumbnail
from nlsr_cli.images.modes import Decoded, decode, turned
from nlsr_cli.images.nodata import hide, left_out
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import GainMap, Header, Metadata, Picture
from nlsr_cli.options import DEFAULT_MAX_PIXELS

UNLIKE = ("LAB", "YCbCr", "P", "PA", "CMYK", "CMYKA", "CMYK;16", "CMYKA;16")  # stored otherwise than decoded
Info = Mapping[Any, object]  # what Pillow collects beside the pixels of a file, or what was found without it


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


@dataclass(frozen=True)
class Opened:
    """A decoded picture, upright, with what was found beside it, and EXIF as it was in the file.

    `stacked` frames of an animation lie one below the other. `orientation` is as of EXIF, where EXIF does not say it.
    """

    decoded: Decoded
    mode: str
    frames: int
    info: Info
    raw: bytes | None
    stacked: int = 1
    orientation: int | None = None

    @property
    def change(self) -> Change:
        """Return how the picture was turned."""
        size = self.decoded.color.shape[0] // self.stacked, self.decoded.color.shape[1]
        orientation = exif_tags.orientation(self.raw) if self.orientation is None else self.orientation
        return Change(orientation, _sides(size, orientation), size)


def opened(file: Parsed) -> Opened:
    """Return the first picture of a file.

    Raises:
        ImageReadError: it has too many pixels, or is found to be damaged.
        Exception: whatever decoders raise, for `border` to tell.
    """
    facts = file.facts
    check_pixels(facts.canvas, file.label, file.max_pixels)
    if facts.foreign is not None:
        return _foreign(file, facts, facts.foreign)
    if facts.deep is not None:
        return _deep(file, facts, facts.deep)
    if facts.bitmap is not None:
        return _bitmap(file, facts.bitmap)
    return silenced(file.label, partial(_by_pillow, file, facts)) if file.noisy else _by_pillow(file, facts)


def looked_at(file: Parsed) -> tuple[Header, Info]:
    """Return what the header of a file says, and what was found beside it, as far as `opened` would come."""
    facts = file.facts
    check_pixels(facts.canvas, file.label, file.max_pixels)
    deep, foreign, found, frames = facts.deep, facts.foreign, facts.bitmap, facts.frames or 1
    if foreign is not None:
        check_pixels(foreign.size, file.label, file.max_pixels)
        header = Header(file.format, foreign.mode, *foreign.size, foreign.depth, frames, foreign.alpha)
    elif deep is not None and deep.layout is not None and facts.canvas is not None:
        height, width = _sides(facts.canvas, exif_tags.orientation(facts.exif))
        header = Header(file.format, deep.mode, height, width, deep.depth, frames, deep.alpha)
    elif found is not None:
        depth, alpha = bitmap.depth_of(found), found.masks[3] != 0
        header = Header(file.format, bitmap.mode_of(found), found.height, found.width, depth, 1, alpha)
    else:
        with file.image(head=True) as image:
            return _header(file, image, facts), info_of(file) if file.tagged else {**image.info, **info_of(file)}
    return header, info_of(file)


def _header(file: Parsed, image: Image.Image, facts: Facts) -> Header:
    size = image.height, image.width
    check_pixels(size, file.label, file.max_pixels)
    if facts.still is not None:
        size = facts.still.upright(np.broadcast_to(np.uint8(0), size)).shape
    elif not file.turned:
        size = _sides(size, exif_tags.orientation(facts.exif or exif_tags.exif_block(image.info)))
    if facts.deep is not None:
        return Header(file.format, facts.deep.mode, *size, facts.deep.depth, frames_of(image, facts), facts.deep.alpha)
    depth, alpha = 16 if image.mode.startswith("I;16") else 8, bool(image.has_transparency_data)
    frames = frames_of(image, facts) if file.index is None else len(file.index.frames)
    return Header(file.format, image.mode, *size, depth, frames, alpha)


def info_of(file: Parsed) -> dict[Any, object]:
    """Return what lies beside the pixels and was found without Pillow: the profile, and the resolution of a BMP."""
    info: dict[Any, object] = {} if file.profile is None else {"icc_profile": file.profile}
    return info if file.facts.bitmap is None else {**info, "dpi": bitmap.resolution_of(file.facts.bitmap)}


def has_rgb_profile(info: Info) -> bool:
    """Say whether what was found beside a picture has a colour profile that speaks of three channels."""
    icc = info.get("icc_profile")
    return isinstance(icc, bytes) and spaces.space_of(icc) == "RGB"


def _by_pillow(file: Parsed, facts: Facts) -> Opened:
    with file.image() as image:
        check_pixels((image.height, image.width), file.label, file.max_pixels)
        mode, frames = image.mode, frames_of(image, facts)
        image.load()
        check_pixels((image.height, image.width), file.label, file.max_pixels)
        raw = facts.exif or (exif_tags.exif_block(image.info) if facts.still is None else None)
        info = image.info if facts.icc is None else {**image.info, "icc_profile": facts.icc}
        decoded = decode(image, facts, keep_rgb=has_rgb_profile(info))
        if facts.still is None and not file.turned:
            decoded = turned(decoded, exif_tags.orientation(raw))
        if facts.nodata is not None and (mode == "P" or mode not in UNLIKE):
            decoded = hide(decoded, facts.nodata, index=np.asarray(image) if mode == "P" else None)
        elif facts.nodata is not None:
            decoded = replace(decoded, notes=[*decoded.notes, left_out(facts.nodata, palette=mode == "PA")])
        decoded = as_seen(decoded) if facts.apple else decoded
        return Opened(_as_shown(decoded, facts), mode, frames, info, raw, orientation=facts.orientation)


def _as_shown(decoded: Decoded, facts: Facts) -> Decoded:
    """Return the picture as the boxes of its file say that it is shown, for which they are the authority."""
    if facts.still is None:
        return decoded
    show = facts.still.upright
    return Decoded(show(decoded.color), None if decoded.alpha is None else show(decoded.alpha), decoded.notes)


def _foreign(file: Parsed, facts: Facts, foreign: Foreign) -> Opened:
    check_pixels(foreign.size, file.label, file.max_pixels)
    decoded = file.decoded()
    if decoded.color.shape[:2] != foreign.size:
        raise ValueError("the size does not match the header")
    return Opened(decoded, foreign.mode, facts.frames or 1, info_of(file), facts.exif, orientation=facts.orientation)


def _bitmap(file: Parsed, found: Bitmap) -> Opened:
    info = info_of(file)
    color, alpha, notes = bitmap.decode(file.data, found, keep_rgb=has_rgb_profile(info))
    return Opened(Decoded(color, alpha, notes), bitmap.mode_of(found), 1, info, None)


def _deep(file: Parsed, facts: Facts, deep: Deep) -> Opened:
    """Decode without Pillow, which is asked for what lies beside the pixels; it does not open every such TIFF."""
    info: Info
    if deep.layout is not None:
        info, frames = info_of(file), facts.frames or 1
    else:
        with file.image() as image:
            check_pixels((image.height, image.width), file.label, file.max_pixels)
            info, frames = image.info, frames_of(image, facts)
    decoded = silenced(file.label, partial(decode_deep, file.prepared, facts, deep, file.max_pixels))
    if facts.still is not None:
        return Opened(_as_shown(decoded, facts), deep.mode, frames, info, facts.exif, orientation=facts.orientation)
    raw = facts.exif or exif_tags.exif_block(info)
    return Opened(turned(decoded, exif_tags.orientation(raw)), deep.mode, frames, info, raw)


def frames_of(image: Image.Image, facts: Facts) -> int:
    """Return how many pictures there are, from the header, or as Pillow counts them."""
    return facts.frames if facts.frames is not None else int(getattr(image, "n_frames", 1))


def _sides(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return (height, width) as it is before or after a picture is turned as EXIF says."""
    return size if orientation < 5 else size[::-1]


def assemble(found: Opened, file: Parsed) -> Picture:
    """Return decoded pixels, upright, with what their file says about them."""
    decoded = found.decoded
    claim = claim_of(found.info, file.facts.colours, found.raw, decoded.color.shape[2])
    seen = managed(decoded.color, claim.icc)
    metadata, notes, gain_map = described(found, file, claim, seen)
    alpha = None if decoded.alpha is None else np.ascontiguousarray(decoded.alpha)
    return Picture(np.ascontiguousarray(seen.pixels), alpha, metadata, notes, seen.excess, gain_map)


def described(
    found: Opened, file: Parsed, claim: Claim, seen: Managed
) -> tuple[Metadata, tuple[str, ...], GainMap | None]:
    """Return what a file says about its picture, with notes, and its gain map; of the pixels only the shape counts."""
    facts, decoded, raw, change = file.facts, found.decoded, found.raw, found.change
    exif, exif_notes = exif_tags.portable_exif(raw, from_tiff=file.tagged, change=change, page=file.page)
    oriented = exif_tags.states_orientation(raw) if facts.orientation is None else facts.orientation != 1
    said = portable(file.found, turned=file.tagged or oriented, change=change)
    dpi = exif_tags.resolution(found.info, raw, file.format)
    notes = [*_notes(found, file), *decoded.notes, *facts.notes, *claim.notes, *seen.notes, *exif_notes, *said.notes]
    notes += exif_tags.resolution_notes(found.info, raw, file.format, found=dpi)
    # A value that no sample has, or none at all; of samples that are stored otherwise, `hide` has told what is lost.
    unset = decoded.nodata is None and (found.mode not in UNLIKE or facts.nodata is None)
    tags, tag_notes = georeference.tags_of(raw, change, nodata=unset) if raw and file.tagged else ((), [])
    tags += exif_tags.page_tags(raw) if raw and file.page == "bound" else ()
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
    return metadata, tuple(notes), gain_map


def _notes(found: Opened, file: Parsed) -> Iterator[str]:
    """Yield notes on what the file is called, and on what of it is read."""
    named = format_of_suffix(Path(file.label))
    if named is not None and named != file.format:
        yield f"The file is a {file.format} picture although its name says otherwise."
    if found.frames == 1:
        return
    if file.facts.still is not None and file.facts.frames is not None:
        yield f"Only the main one of {found.frames} pictures is read."
    elif file.tagged:
        count = "many" if found.frames >= tiff.MAX_PAGES else found.frames
        yield f"Only the first of {count} pages is read; --page N takes another one, and --format tiff keeps all."
    else:
        yield f"Only the first of {found.frames} frames is read."
