"""Reading a picture file: by its content, upright, in sRGB or grey, with every problem told in one plain line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import bitmap
from nlsr_cli.images.apple import as_seen
from nlsr_cli.images.border import DAMAGED_HINT, REPORT_HINT, TRUNCATED, border, check_pixels, failure, is_foreseen
from nlsr_cli.images.color import spaces
from nlsr_cli.images.color.out_of_gamut import Excess, excess_of
from nlsr_cli.images.color.stated import claim_of
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.containers.bmp import Bitmap
from nlsr_cli.images.depth import extra
from nlsr_cli.images.depth.deep import decode_deep, turned
from nlsr_cli.images.facts import Deep, Facts, Foreign
from nlsr_cli.images.formats import FORMATS, format_of_suffix, frame_index, losses, read_statements
from nlsr_cli.images.gain_map import read_gain_map
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags, georeference
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.images.metadata.thumbnail import has_thumbnail
from nlsr_cli.images.modes import Decoded, decode
from nlsr_cli.images.nodata import hide, left_out
from nlsr_cli.images.picture import Header, Metadata, Picture, Pixels
from nlsr_cli.images.silence import silenced
from nlsr_cli.options import DEFAULT_MAX_PIXELS

MAX_PROFILE = 255 * 65519  # bytes: the segments that a JPEG has for it (ICC.1, annex B.4); PNG is held to 16 MiB here

UNLIKE = ("LAB", "YCbCr", "P", "PA", "CMYK", "CMYKA", "CMYK;16", "CMYKA;16")  # stored otherwise than decoded


def read_picture(
    source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Picture:
    """Read the first frame of a picture from a file, or from its bytes, which messages then call `name`.

    Raises:
        ImageReadError: it cannot be read, or not without loss, or has more than `max_pixels` pixels.
    """
    label = name or ("-" if isinstance(source, bytes) else str(source))
    data, format = load(source if isinstance(source, bytes) else Path(source), label, max_pixels)  # noqa: A001 - the word for it, in Pillow too
    facts = facts_of(data, format, label)
    with border(data, label, max_pixels):
        check_pixels(facts.canvas, label, max_pixels)
        if facts.foreign is not None:
            check_pixels(facts.foreign.size, label, max_pixels)
            opened = _open_foreign(data, format, facts, facts.foreign)
        elif facts.deep is not None:
            opened = _open_deep(facts.source or data, format, facts, facts.deep, (label, max_pixels))
        elif facts.bitmap is not None:
            opened = _open_bitmap(data, facts.bitmap, facts)
        else:
            opening = partial(_open, facts.source or data, format, facts, label, max_pixels)
            opened = silenced(label, opening) if FORMATS[format].noisy else opening()
        return assemble(opened, facts, (format, label), data)


@dataclass(frozen=True)
class Opened:
    """A decoded picture, upright, with what was found beside it: Pillow's `info`, and EXIF as it was in the file.

    `stacked` frames of an animation lie one below the other. `orientation` is as of EXIF, where EXIF does not say it.
    """

    decoded: Decoded
    mode: str
    frames: int
    info: Mapping[Any, object]
    raw: bytes | None
    stacked: int = 1
    orientation: int | None = None

    @property
    def change(self) -> Change:
        """Return how the picture was turned."""
        height, width = self.decoded.color.shape[0] // self.stacked, self.decoded.color.shape[1]
        orientation = exif_tags.orientation(self.raw) if self.orientation is None else self.orientation
        return Change(orientation, (width, height) if orientation >= 5 else (height, width), (height, width))


def _open(data: bytes, format: str, facts: Facts, label: str, max_pixels: int) -> Opened:  # noqa: A002
    with pillow_image(data, format) as image:
        check_pixels((image.height, image.width), label, max_pixels)
        mode, frames = image.mode, _frames(image, facts)
        image.load()
        check_pixels((image.height, image.width), label, max_pixels)
        raw = facts.exif or (exif_tags.exif_block(image.info) if facts.still is None else None)
        info = image.info if facts.icc is None else {**image.info, "icc_profile": facts.icc}
        decoded = decode(image, facts, keep_rgb=has_rgb_profile(info))
        if facts.still is None and not FORMATS[format].turned:
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


def _open_foreign(data: bytes, format: str, facts: Facts, foreign: Foreign) -> Opened:  # noqa: A002
    decode_foreign = FORMATS[format].decode
    if decode_foreign is None:
        raise ValueError(f"nothing decodes {format}")
    decoded = decode_foreign(data)
    if decoded.color.shape[:2] != foreign.size:
        raise ValueError("the size does not match the header")
    info = {} if foreign.icc is None else {"icc_profile": foreign.icc}
    return Opened(decoded, foreign.mode, facts.frames or 1, info, facts.exif, orientation=facts.orientation)


def _open_bitmap(data: bytes, found: Bitmap, facts: Facts) -> Opened:
    info: dict[str, object] = {"dpi": bitmap.resolution_of(found)}
    if facts.icc is not None:
        info["icc_profile"] = facts.icc
    color, alpha, notes = bitmap.decode(data, found, keep_rgb=has_rgb_profile(info))
    return Opened(Decoded(color, alpha, notes), bitmap.mode_of(found), 1, info, None)


def _open_deep(data: bytes, format: str, facts: Facts, deep: Deep, limits: tuple[str, int]) -> Opened:  # noqa: A002
    """Decode without Pillow, which is asked for what lies beside the pixels; it does not open every such TIFF."""
    label, max_pixels = limits
    info: Mapping[Any, object] = {}
    frames = facts.frames or 1
    if deep.layout is not None:
        icc = tiff.parse(data).root.entries.get(exif_tags.ICC_PROFILE)
        info = {"icc_profile": icc.payload} if icc else {}
    else:
        with pillow_image(data, format) as image:
            check_pixels((image.height, image.width), label, max_pixels)
            info, frames = image.info, _frames(image, facts)
    decoded = silenced(label, partial(decode_deep, data, facts, deep, max_pixels))
    if facts.still is not None:
        return Opened(_as_shown(decoded, facts), deep.mode, frames, info, facts.exif, orientation=facts.orientation)
    raw = facts.exif or exif_tags.exif_block(info)
    return Opened(turned(decoded, exif_tags.orientation(raw)), deep.mode, frames, info, raw)


def probe(source: Path | bytes, *, name: str | None = None, max_pixels: int) -> Header:
    """Return what the header of a picture file, or of its bytes, says; pixels are not decoded.

    Raises:
        ImageReadError: as `read_picture`, as far as the header can tell.
    """
    label = name or ("-" if isinstance(source, bytes) else str(source))
    data, format = load(source, label, max_pixels)  # noqa: A001
    facts = facts_of(data, format, label)
    with border(data, label, max_pixels):
        check_pixels(facts.canvas, label, max_pixels)
        deep, foreign = facts.deep, facts.foreign
        if foreign is not None:
            check_pixels(foreign.size, label, max_pixels)
            return Header(format, foreign.mode, *foreign.size, foreign.depth, facts.frames or 1, foreign.alpha)
        if deep is not None and deep.layout is not None and facts.canvas is not None:
            height, width = facts.canvas
            if exif_tags.orientation(facts.exif) >= 5:
                height, width = width, height
            return Header(format, deep.mode, height, width, deep.depth, facts.frames or 1, deep.alpha)
        if facts.bitmap is not None:
            found = facts.bitmap
            depth, alpha = bitmap.depth_of(found), found.masks[3] != 0
            return Header(format, bitmap.mode_of(found), found.height, found.width, depth, 1, alpha)
        with pillow_image(facts.source or data, format) as image:
            check_pixels((image.height, image.width), label, max_pixels)
            height, width = image.height, image.width
            if facts.still is not None:
                height, width = facts.still.upright(np.broadcast_to(np.uint8(0), (height, width))).shape
            elif (
                not FORMATS[format].turned
                and exif_tags.orientation(facts.exif or exif_tags.exif_block(image.info)) >= 5
            ):
                height, width = width, height
            if deep is not None:
                return Header(format, deep.mode, height, width, deep.depth, _frames(image, facts), deep.alpha)
            depth = 16 if image.mode.startswith("I;16") else 8
            alpha = bool(image.has_transparency_data)
            index = frame_index(format, data)
            frames = _frames(image, facts) if index is None else len(index.frames)
            return Header(format, image.mode, height, width, depth, frames, alpha)


def _frames(image: Image.Image, facts: Facts) -> int:
    return facts.frames if facts.frames is not None else int(getattr(image, "n_frames", 1))


def facts_of(data: bytes, format: str, label: str) -> Facts:  # noqa: A002
    """Return the facts in a file's header.

    Raises:
        ImageReadError: the header is damaged, or says that the file cannot be read without loss, or it is of countless
            parts.
    """
    if (check := FORMATS[format].check_parts) is not None:
        check(data, label)
    try:
        facts = FORMATS[format].facts(data)
    except EOFError as exc:
        raise ImageReadError(label, TRUNCATED, DAMAGED_HINT) from exc
    except MemoryError as exc:
        raise ImageReadError(label, "does not fit into memory") from exc
    except Exception as exc:  # whatever a hostile header may provoke, one picture must not end the rest
        if not is_foreseen(exc):
            raise ImageReadError(label, failure(exc), REPORT_HINT) from exc
        raise ImageReadError(label, "is truncated or damaged: its header makes no sense", DAMAGED_HINT) from exc
    if facts.refusal:
        raise ImageReadError(label, facts.refusal, facts.hint)
    if facts.deep is not None and not extra.available():
        lacking = extra.missing(f"holds {facts.deep.what}, which")
        raise ImageReadError(label, lacking.message, lacking.hint)
    return facts


def pillow_image(data: bytes, format: str) -> Image.Image:  # noqa: A002
    """Return a file opened by the Pillow plug-ins that may: never one that was not meant, such as Ghostscript."""
    prepare = FORMATS[format].prepare
    return Image.open(BytesIO(data if prepare is None else prepare(data)), formats=[format])


def has_rgb_profile(info: Mapping[Any, object]) -> bool:
    """Say whether what was found beside a picture has a colour profile that speaks of three channels."""
    icc = info.get("icc_profile")
    return isinstance(icc, bytes) and spaces.space_of(icc) == "RGB"


def assemble(opened: Opened, facts: Facts, source: tuple[str, str], data: bytes) -> Picture:
    """Return decoded pixels, upright, with what their file says about them.

    `source` is its format and what it is called, `data` its bytes.
    """
    format, label = source  # noqa: A001
    decoded, info, raw, from_tiff = opened.decoded, opened.info, opened.raw, FORMATS[format].tagged
    claim = claim_of(info, facts.colours, raw, decoded.color.shape[2])
    managed = _managed(decoded.color, claim.icc)
    pixels, icc, colour_notes = _bounded(managed.pixels, managed.icc, managed.notes)
    exif, exif_notes = exif_tags.portable_exif(raw, from_tiff=from_tiff, change=opened.change)
    oriented = exif_tags.states_orientation(raw) if facts.orientation is None else facts.orientation != 1
    shown = facts.source or data
    said = read_statements(format, shown, facts.xmp, turned=from_tiff or oriented, change=opened.change)
    dpi = exif_tags.resolution(info, raw, format)
    notes = [f"The file is a {format} picture although its name says otherwise."] if _mislabelled(label, format) else []
    if opened.frames > 1:
        count = f"{opened.frames} frames" if opened.frames < tiff.MAX_PAGES or not from_tiff else "many frames"
        beside = facts.still is not None and facts.frames is not None
        notes.append(
            f"Only the main one of {opened.frames} pictures is read."
            if beside
            else f"Only the first of {count} is read."
        )
    notes += [*decoded.notes, *facts.notes, *claim.notes, *colour_notes, *exif_notes, *said.notes]
    notes += exif_tags.resolution_notes(info, raw, format, found=dpi)
    # A value that no sample has, or none at all; of samples that are stored otherwise, `hide` has told what is lost.
    unset = decoded.nodata is None and (opened.mode not in UNLIKE or facts.nodata is None)
    tags, tag_notes = georeference.tags_of(raw, opened.change, nodata=unset) if raw and from_tiff else ((), [])
    notes += [*tag_notes, *losses(format, data)]
    gain_map = None
    if FORMATS[format].gain_map is not None:
        gain_map, told = read_gain_map(data, decoded.color.shape[:2], exif_tags.orientation(raw), label)
        notes += told
    return Picture(
        color=np.ascontiguousarray(pixels),
        alpha=None if decoded.alpha is None else np.ascontiguousarray(decoded.alpha),
        metadata=Metadata(
            format,
            opened.mode,
            icc,
            exif,
            dpi,
            facts.lossless,
            thumbnail=exif is not None and not from_tiff and has_thumbnail(raw or b""),
            xmp=said.xmp,
            iptc=said.iptc,
            texts=said.texts,
            comment=said.comment,
            code_points=claim.code_points,
            size=opened.change.after,
            mastering=facts.mastering if claim.code_points is not None else None,
            tiff_tags=tags,
            nodata=decoded.nodata,
            masked=decoded.masked,
            jpeg_quality=None if (quality := FORMATS[format].quality) is None else quality(data),
        ),
        notes=tuple(notes),
        excess=managed.excess if icc is not None else None,
        gain_map=gain_map,
    )


def _mislabelled(label: str, format: str) -> bool:  # noqa: A002
    named = format_of_suffix(Path(label))
    return named is not None and named != format


def _bounded(pixels: Pixels, icc: bytes | None, notes: list[str]) -> tuple[Pixels, bytes | None, list[str]]:
    """Return the same without a profile that is larger than every format holds: pixels are sRGB, or grey made so."""
    if icc is None or len(icc) <= MAX_PROFILE:
        return pixels, icc, notes
    if pixels.shape[2] == 1 and pixels.dtype == np.uint8 and spaces.space_of(icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, icc)
    return pixels, None, [*notes, f"The colour profile of {len(icc)} bytes is too large to be kept."]


@dataclass
class _Managed:
    """Pixels in sRGB (grey: as stored), the profile that belongs to the picture from now on, notes, and the excess."""

    pixels: Pixels
    icc: bytes | None
    notes: list[str]
    excess: Excess | None = None


def _managed(pixels: Pixels, icc: object) -> _Managed:
    profile = icc if isinstance(icc, bytes) else None
    if pixels.shape[2] == 4:
        return _managed_cmyk(pixels, profile)
    return _managed_light(pixels, profile) if profile is not None else _Managed(pixels, None, [])


def _managed_light(pixels: Pixels, icc: bytes) -> _Managed:
    space, name = spaces.space_of(icc), spaces.name_of(icc)
    if space == "unreadable":
        note = "The colour profile is unreadable; it is kept, and colours are read as sRGB."
        return _Managed(pixels, icc, [note])
    if pixels.shape[2] == 1:
        if space == "GRAY":
            return _Managed(pixels, icc, [])
        if space == "RGB":
            note = f"The profile '{name}' is for RGB but the picture is grey; both are kept as they are."
            return _Managed(pixels, icc, [note])
    elif space == "RGB":
        return _managed_rgb(pixels, icc, name)
    return _Managed(pixels, None, [f"The profile '{name}' does not fit the picture and is left out."])


def _managed_rgb(pixels: Pixels, icc: bytes, name: str) -> _Managed:
    if spaces.is_nearly_srgb(icc):
        return _Managed(pixels, icc, [])
    converted = spaces.to_srgb(pixels, icc)
    if not spaces.is_invertible(icc):
        note = f"Colours are converted from '{name}' to sRGB and stay in sRGB: the profile cannot convert them back."
        return _Managed(converted, None, [note])
    note = f"Colours are converted from '{name}' to sRGB for enlarging, and back."
    return _Managed(converted, icc, [note], excess_of(pixels, converted, icc))


def _managed_cmyk(pixels: Pixels, icc: bytes | None) -> _Managed:
    if icc is not None and spaces.space_of(icc) == "CMYK":
        kept = icc if spaces.is_invertible(icc) else None
        note = (
            f"CMYK is converted from '{spaces.name_of(icc)}' to sRGB for enlarging, and converted back by that profile."
        )
        return _Managed(spaces.to_srgb(pixels, icc), kept, [note])
    return _Managed(spaces.plain_cmyk_to_rgb(pixels), None, ["CMYK without a usable profile is converted to RGB."])
