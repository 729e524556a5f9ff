"""A picture on its way into a file: brought into what the format holds, with all that is to be said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from nlsr_cli.images import nodata
from nlsr_cli.images.alpha import composite, parse_background
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.color import spaces
from nlsr_cli.images.color.out_of_gamut import add_excess, weighed
from nlsr_cli.images.metadata import exif_tags, keeping
from nlsr_cli.images.metadata.thumbnail import looked_at, make_thumbnail, with_thumbnail
from nlsr_cli.images.picture import GainMap, Picture, Pixels, quantised
from nlsr_cli.options import EncodeOptions
from nlsr_cli.scratch import bands


@dataclass(frozen=True)
class Canvas:
    """What an encoder is told before the first row: `shape` (height, width, channels) and type of the samples (uint8,
    uint16 or float32), the profile, EXIF bytes, resolution, notes on what changed, and the rest of the metadata as the
    format can hold it (see `Metadata`; `thumbnail` is the JPEG that goes into EXIF); `gain_map` is None where the
    format holds none.

    Alpha, if any, is the last channel; four channels without it are CMYK. `bits` are those that an AVIF gets.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    alpha: bool
    bits: int
    grey: bool
    icc: bytes | None
    exif: bytes | None
    dpi: tuple[float, float] | None
    lossless: bool
    notes: tuple[str, ...]
    thumbnail: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes | None = None
    code_points: bytes | None = None
    mastering: bytes | None = None
    tiff_tags: tuple[tuple[int, int, bytes], ...] = ()
    gain_map: GainMap | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return self.shape[:2]

    def bare(self, height: int, width: int) -> Canvas:
        """Return a part of the same kind, about which nothing is said."""
        shape = height, width, self.shape[2]
        return Canvas(shape, self.dtype, self.alpha, self.bits, self.grey, None, None, None, self.lossless, ())

    def image(self, pixels: Pixels) -> Image.Image:
        """Return Pillow's picture of pixels (h, w, c): L, LA, RGB, RGBA, CMYK, or deeper grey as I;16 or F."""
        height, width, channels = pixels.shape
        if channels == 1 and pixels.dtype != np.uint8:
            mode, kind = ("F", "<f4") if pixels.dtype == np.float32 else ("I;16", "<u2")
            return Image.frombytes(mode, (width, height), pixels.astype(kind).tobytes())
        mode = ("L", "LA" if self.alpha else "", "RGB", "RGBA" if self.alpha else "CMYK")[channels - 1]
        return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())

    def exif_block(self, *, with_dpi: bool = False, oriented: bool = True) -> bytes | None:
        """Return the EXIF bytes for this size, with the resolution where it has no place of its own."""
        dpi = self.dpi if with_dpi else None
        source = self.exif or (exif_tags.empty_exif() if dpi else None)
        if source is None:
            return None
        block = exif_tags.exif_for(source, *self.size, dpi=dpi, oriented=oriented)
        return block if self.thumbnail is None else with_thumbnail(block, self.thumbnail)


def saved(image: Image.Image, format: str, **parameters: object) -> bytes:  # noqa: A002 - the word for it, in Pillow too
    """Return what Pillow makes of a picture, with those parameters that are not None."""
    buffer = BytesIO()
    image.save(buffer, format, **{key: value for key, value in parameters.items() if value is not None})
    return buffer.getvalue()


def prepare(picture: Picture, able: Carries, options: EncodeOptions) -> tuple[Canvas, Iterator[Pixels]]:
    """Bring a picture into what a format can hold; return what is to be said of it, and its rows in bands (h, w, c).

    All that is done to pixels is done to each by itself, and what it comes to follows from type and metadata alone: so
    it is said of the first row what is said of all.
    """
    first = _samples(_rows(picture, slice(1)), able, options)
    notes = [*first.notes]
    given = keeping.stripped(picture.metadata) if options.strip else picture.metadata
    small = _thumbnail(picture, able, options) if given.exif is not None and given.thumbnail else None
    held = keeping.kept(given, able, picture.color.shape[:2], small)
    gain_map = keeping.kept_gain_map(picture.gain_map, able, strip=options.strip, notes=notes)
    meta = held.metadata
    canvas = Canvas(
        (picture.height, picture.width, first.pixels.shape[2]),
        first.pixels.dtype,
        first.alpha,
        10 if picture.metadata.mode.endswith(";10") else 12,
        first.grey,
        first.icc,
        meta.exif,
        meta.dpi,
        options.lossless or picture.metadata.lossless,
        (*notes, *held.notes),
        thumbnail=held.thumbnail,
        xmp=meta.xmp,
        iptc=meta.iptc,
        texts=meta.texts,
        comment=meta.comment,
        code_points=meta.code_points,
        mastering=meta.mastering,
        tiff_tags=meta.tiff_tags,
        gain_map=gain_map,
    )
    rows = bands((picture.height, picture.width, first.pixels.shape[2]))
    return canvas, (_samples(_rows(picture, band), able, options).pixels for band in rows)


@dataclass(frozen=True)
class _Samples:
    """Rows as a format holds them, (h, w, c) with alpha, if any, as the last channel, and what became of them."""

    pixels: Pixels
    alpha: bool
    grey: bool
    icc: bytes | None
    notes: tuple[str, ...]


def _rows(picture: Picture, rows: slice) -> Picture:
    """Return some rows of a picture as a picture."""
    alpha = None if picture.alpha is None else picture.alpha[rows]
    excess = None if picture.excess is None else picture.excess[rows]
    return replace(picture, color=picture.color[rows], alpha=alpha, excess=excess, gain_map=None)


def _samples(picture: Picture, able: Carries, options: EncodeOptions) -> _Samples:
    notes = list(_depth_notes(picture, able))
    flat = _flattened(picture, able, options, notes)
    pixels, icc = _recoloured(flat, able, notes)
    pixels, alpha = quantised(pixels, able.depth), _quantised_alpha(flat, able)
    if able.tags and picture.metadata.nodata is not None:
        pixels, alpha = nodata.restore(pixels, alpha, picture.metadata.nodata, masked=picture.metadata.masked)
    grey = pixels.shape[2] == 1
    if grey and not able.grey:
        pixels = np.repeat(pixels, 3, axis=2)
        notes.append(f"{able.format} has no grey mode; grey is written as RGB.")
    if alpha is not None:
        pixels = np.concatenate((pixels, alpha[..., None]), axis=2)
    return _Samples(pixels, alpha is not None, grey, icc, tuple(notes))


def _thumbnail(picture: Picture, able: Carries, options: EncodeOptions) -> bytes:
    """Return the thumbnail of a picture: in sRGB, for it holds no profile, and grey may have a curve of its own."""
    rows, columns = looked_at(picture.color.shape)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    few = replace(picture, color=picture.color[rows, columns], alpha=alpha, excess=None, gain_map=None)
    flat = _flattened(few, able, options, [])
    pixels, icc = flat.color, flat.metadata.icc
    if icc is not None and flat.is_grey and spaces.space_of(icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, icc)
    return make_thumbnail(pixels, flat.alpha, (picture.height, picture.width))


def _quantised_alpha(picture: Picture, able: Carries) -> Pixels | None:
    return None if picture.alpha is None else quantised(picture.alpha, able.depth)


def _depth_notes(picture: Picture, able: Carries) -> Iterator[str]:
    if picture.depth == 32 and able.depth < 32:
        held = f"{able.format} holds {able.integers or able.depth}-bit integers"
        yield f"{held}; floating point is clipped to 0 to 1 and rounded."
    elif able.integers is not None and picture.depth == 16 and not picture.metadata.mode.endswith((";10", ";12")):
        yield f"{able.format} holds at most {able.integers} bits per channel; 16-bit samples are rounded."
    elif picture.depth > able.depth:
        yield f"{able.format} holds 8 bits per channel; 16-bit samples are rounded."


def _flattened(picture: Picture, able: Carries, options: EncodeOptions, notes: list[str]) -> Picture:
    """Return the picture without alpha, laid on the background, where the format has no alpha; grey in its depth."""
    flat = picture if picture.alpha is None or able.alpha else _laid(picture, picture.alpha, able, options, notes)
    if not flat.is_grey:
        return flat
    # No colour that a wider space would hold, and so no transform that needs more.
    return replace(flat, color=quantised(flat.color, able.depth), alpha=_quantised_alpha(flat, able))


def _laid(picture: Picture, alpha: Pixels, able: Carries, options: EncodeOptions, notes: list[str]) -> Picture:
    """Return the picture on the background."""
    notes.append(f"{able.format} has no transparency; the picture is placed on {options.background}.")
    background = parse_background(options.background)
    pixels, meta = picture.color, picture.metadata
    if picture.is_grey and len(set(background)) > 1:
        # A coloured ground makes a colour picture, for which a grey profile says nothing.
        if meta.icc is not None and spaces.space_of(meta.icc) == "GRAY":
            pixels = spaces.grey_to_srgb(pixels, meta.icc)
        pixels = np.repeat(pixels, 3, axis=2)
        meta = replace(meta, icc=None)
    ground = background if pixels.shape[2] == 3 else background[:1]
    excess = None if picture.excess is None else weighed(picture.excess, alpha)
    return Picture(composite(pixels, alpha, ground), None, meta, excess=excess)


def _recoloured(picture: Picture, able: Carries, notes: list[str]) -> tuple[Pixels, bytes | None]:
    """Return pixels in the space in which they are stored, with the profile to embed."""
    pixels, icc = picture.color, picture.metadata.icc
    space = spaces.space_of(icc) if icc is not None else None
    if picture.excess is not None and not (space == "RGB" and able.icc):
        notes.append("Colours outside sRGB are clipped.")
    if icc is None or space == "unreadable":
        if icc is not None and not able.icc:
            notes.append(f"{able.format} cannot hold a colour profile; it is left out.")
        return pixels, icc if able.icc else None
    if picture.is_grey:
        return _recoloured_grey(pixels, icc, able, notes)
    if space == "CMYK" and able.cmyk and picture.alpha is None:
        if pixels.dtype == np.float32:
            notes.append("CMYK is written with 16 bits; floating point is clipped to 0 to 1 and rounded.")
        return spaces.from_srgb(quantised(pixels, 16), icc), icc
    if space != "RGB" or not able.icc:
        what = "the profile" if space != "CMYK" else "CMYK with transparency" if able.cmyk else "CMYK"
        notes.append(f"{able.format} cannot hold {what}; the output is in sRGB.")
        return pixels, None
    if spaces.is_nearly_srgb(icc):
        return pixels, icc
    pixels = spaces.from_srgb(pixels, icc)
    if picture.excess is not None:
        add_excess(pixels, picture.excess)
    return pixels, icc


def _recoloured_grey(pixels: Pixels, icc: bytes, able: Carries, notes: list[str]) -> tuple[Pixels, bytes | None]:
    if able.icc and (able.grey or spaces.space_of(icc) == "RGB"):
        return pixels, icc
    if spaces.space_of(icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, icc)
    notes.append(f"{able.format} cannot hold the grey profile; the output has the tone curve of sRGB.")
    return pixels, None
