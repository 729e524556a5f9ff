"""Writing a picture file: back to the colours and depth of its source, with its metadata, in one atomic step."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import nodata
from nlsr_cli.images.alpha import composite, parse_background
from nlsr_cli.images.animation.gif_writing import gif_of
from nlsr_cli.images.color import profiles, spaces
from nlsr_cli.images.color.out_of_gamut import add_excess, weighed
from nlsr_cli.images.depth import extra
from nlsr_cli.images.encoders import ENCODERS, Canvas
from nlsr_cli.images.metadata import gif_texts, keeping
from nlsr_cli.images.metadata.thumbnail import make_thumbnail
from nlsr_cli.images.picture import Animation, Picture, Pixels, quantised
from nlsr_cli.images.sniff import PACKAGES, native_formats
from nlsr_cli.images.storing import check_free, store
from nlsr_cli.options import EncodeOptions, format_of_suffix, parse_format


@dataclass(frozen=True)
class Abilities:
    """What a format can hold, and the largest side and file it allows (None: no limit within reach).

    `depth` is bits per channel, of which 32 are floating point.
    """

    alpha: bool
    grey: bool
    depth: int
    cmyk: bool
    metadata: bool
    side: int | None = None
    area: int | None = None
    content: int | None = None


# JPEG: libjpeg stops at 65500 although the format counts to 65535. AVIF: libavif's decoders, and with them browsers,
# open no larger picture. BMP and classic TIFF count bytes in 32 bits; TIFF is asked before it is compressed.
ABILITIES = {
    "PNG": Abilities(alpha=True, grey=True, depth=16, cmyk=False, metadata=True, side=2**31 - 1),
    "JPEG": Abilities(alpha=False, grey=True, depth=8, cmyk=True, metadata=True, side=65500),
    "WEBP": Abilities(alpha=True, grey=False, depth=8, cmyk=False, metadata=True, side=16383),
    "TIFF": Abilities(alpha=True, grey=True, depth=32, cmyk=True, metadata=True, content=2**32 - 2**20),
    "BMP": Abilities(alpha=False, grey=True, depth=8, cmyk=False, metadata=False, content=2**32 - 2**20),
    "GIF": Abilities(alpha=True, grey=True, depth=8, cmyk=False, metadata=False, side=65535),
    "AVIF": Abilities(alpha=True, grey=True, depth=16, cmyk=False, metadata=True, side=32768, area=2**28),
    "JXL": Abilities(alpha=True, grey=True, depth=32, cmyk=False, metadata=True, side=2**30 - 1),
}


def write_picture(
    picture: Picture,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word for it, in Pillow too
    options: EncodeOptions | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Encode a picture and store it under `path`, whole or not at all. Return a note for each thing that had to change.

    The same picture and options give the same bytes. `format` None is what the ending of `path` names.

    Raises:
        DestinationClash: `path` exists and `overwrite` is False.
        ImageWriteError: the format cannot hold the picture, or the file cannot be stored.
        OptionError: the background is needed and is no colour, or the ending names no format.
    """
    return write_encoded(partial(encode_picture, picture), path, format=format, options=options, overwrite=overwrite)


def write_encoded(
    encode: Callable[..., tuple[bytes, tuple[str, ...]]],
    path: str | Path,
    *,
    format: str | None,  # noqa: A002
    options: EncodeOptions | None,
    overwrite: bool,
) -> tuple[str, ...]:
    """Store what `encode`, called as `encode_picture` is without its picture, makes; see `write_picture`.

    Raises:
        DestinationClash, ImageWriteError, OptionError: as `write_picture`.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    wanted = format or format_of_suffix(path) or parse_format(path.suffix)
    data, notes = encode(format=wanted, options=options or EncodeOptions(), name=str(path))
    store(data, path, overwrite=overwrite)
    return notes


def encode_picture(
    picture: Picture,
    *,
    format: str,  # noqa: A002
    options: EncodeOptions,
    name: str = "-",
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of a picture file, which messages call `name`, and a note for each thing that had to change.

    Raises:
        ImageWriteError: the format cannot hold the picture.
        OptionError: the background is needed and is no colour.
    """
    path = Path(name)
    check_size(format, picture.height, picture.width, path, depth=picture.depth)
    check_picture(picture, format, path)
    try:
        canvas = prepare(picture, format, options)
        if format == "GIF":
            data, notes = gif_of(lambda: [canvas.image], [0], loop=1)
            data = gif_texts.with_words(data, canvas.xmp, canvas.comment)
            return data, (*canvas.notes, *notes)
        return ENCODERS[format](canvas, options), canvas.notes
    except MemoryError as exc:
        raise ImageWriteError(path, "does not fit into memory while it is encoded") from exc
    except (OSError, ValueError, RuntimeError, struct.error, OverflowError) as exc:
        raise ImageWriteError(path, f"cannot be encoded as {format}: {exc}") from exc


def check_size(format: str, height: int, width: int, path: Path, *, depth: int = 8) -> None:  # noqa: A002
    """Refuse a size, or a format, that cannot be written, before anything is computed; `depth` is that of the picture.

    Raises:
        ImageWriteError: the format is not writable here, or holds no picture of that size.
    """
    if format in PACKAGES and not extra.available(PACKAGES[format]):
        lacking = extra.missing(f"{format}", PACKAGES[format])
        raise ImageWriteError(path, lacking.message, lacking.hint)
    if format not in ABILITIES or format not in native_formats().writable:
        hint = f"Writable here: {', '.join(native_formats().writable)}."
        raise ImageWriteError(path, f"{format} cannot be written by this installation of Pillow", hint)
    able = ABILITIES[format]
    hint = "Choose PNG, or a smaller scale."
    if able.side is not None and max(height, width) > able.side:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} ends at {able.side} per side", hint)
    if able.area is not None and height * width > able.area:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} ends at {able.area} pixels", hint)
    if able.content is not None and height * (width * 3 + 3) * min(depth, able.depth) // 8 > able.content:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} files end at 4 GiB", hint)


def check_picture(picture: Picture | Animation, format: str, path: Path) -> None:  # noqa: A002
    """Refuse a picture whose samples a format cannot hold, of which it knows the size already.

    Raises:
        ImageWriteError: what writes such a depth is not installed, or cannot say how the samples are coded.
    """
    first = picture.frames[0] if isinstance(picture, Animation) else picture
    _check_extra(first, format, path)
    codes = picture.metadata.code_points
    if codes is not None and format != "PNG":
        how = profiles.HDR.get(codes[1], "narrow range")
        raise ImageWriteError(path, f"{format} cannot say here that the samples are coded in {how}", "Choose PNG.")


def _check_extra(picture: Picture, format: str, path: Path) -> None:  # noqa: A002
    """Refuse samples that Pillow does not write where nothing else can, before they are converted."""
    marked = format == "TIFF" and picture.metadata.masked  # alpha that is written as a value of colour
    opaque = picture.alpha is None or marked or not ABILITIES[format].alpha
    grey16 = picture.is_grey and picture.depth == 16 and opaque and format != "AVIF"
    if picture.depth > 8 and not grey16 and not extra.available():
        kind = "floating point" if picture.depth == 32 else "16-bit"
        lacking = extra.missing(f"{kind} {'grey' if picture.is_grey else 'colour'}")
        raise ImageWriteError(path, f"{lacking.message}", lacking.hint)


def prepare(picture: Picture, format: str, options: EncodeOptions) -> Canvas:  # noqa: A002
    """Bring a picture into what the format can hold."""
    able = ABILITIES[format]
    notes = list(_depth_notes(picture, able, format))
    flat = _flattened(picture, able, format, options, notes)
    if flat.is_grey:  # no colour that a wider space would hold, and so no transform that needs the depth
        flat = replace(flat, color=quantised(flat.color, able.depth), alpha=_quantised_alpha(flat, able))
    pixels, icc = _recoloured(flat, able, format, notes)
    pixels, alpha = quantised(pixels, able.depth), _quantised_alpha(flat, able)
    if format == "TIFF" and picture.metadata.nodata is not None:
        pixels, alpha = nodata.restore(pixels, alpha, picture.metadata.nodata, masked=picture.metadata.masked)
    grey = pixels.shape[2] == 1
    if grey and not able.grey:
        pixels = np.repeat(pixels, 3, axis=2)
        notes.append(f"{format} has no grey pictures; grey is written as RGB.")
    given = keeping.stripped(picture.metadata) if options.strip else picture.metadata
    small = _thumbnail(flat) if given.exif is not None and given.thumbnail else None
    held = keeping.kept(given, format, pixels.shape[:2], small)
    gain_map = keeping.kept_gain_map(picture.gain_map, format, strip=options.strip, notes=notes)
    image, samples = _images(pixels, alpha, format)
    bits = 10 if picture.metadata.mode.endswith(";10") else 12
    lossless = options.lossless or picture.metadata.lossless
    meta = held.metadata
    return Canvas(
        image,
        samples,
        pixels.shape[:2],
        alpha is not None,
        bits,
        grey,
        icc,
        meta.exif,
        meta.dpi,
        lossless,
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


def _thumbnail(picture: Picture) -> bytes:
    """Return the thumbnail of a picture: in sRGB, for it holds no profile, and grey may have a curve of its own."""
    pixels, icc = picture.color, picture.metadata.icc
    if icc is not None and picture.is_grey and spaces.space_of(icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, icc)
    return make_thumbnail(pixels, picture.alpha)


def _quantised_alpha(picture: Picture, able: Abilities) -> Pixels | None:
    return None if picture.alpha is None else quantised(picture.alpha, able.depth)


def _depth_notes(picture: Picture, able: Abilities, format: str) -> Iterator[str]:  # noqa: A002
    if picture.depth == 32 and able.depth < 32:
        held = f"{format} holds {12 if format == 'AVIF' else able.depth}-bit integers"
        yield f"{held}; floating point is clipped to 0 to 1 and rounded."
    elif format == "AVIF" and picture.depth == 16 and not picture.metadata.mode.endswith((";10", ";12")):
        yield "AVIF holds at most 12 bits per channel; 16 are rounded."
    elif picture.depth > able.depth:
        yield f"{format} holds 8 bits per channel; 16 are rounded."


def _flattened(picture: Picture, able: Abilities, format: str, options: EncodeOptions, notes: list[str]) -> Picture:  # noqa: A002
    """Return the picture without alpha, laid on the background, where the format has no alpha."""
    if picture.alpha is None or able.alpha:
        return picture
    notes.append(f"{format} has no transparency; the picture is laid on {options.background}.")
    background = parse_background(options.background)
    pixels, meta = picture.color, picture.metadata
    if picture.is_grey and len(set(background)) > 1:
        # A coloured ground makes a colour picture, for which a grey profile says nothing.
        if meta.icc is not None and spaces.space_of(meta.icc) == "GRAY":
            pixels = spaces.grey_to_srgb(pixels, meta.icc)
        pixels = np.repeat(pixels, 3, axis=2)
        meta = replace(meta, icc=None)
    ground = background if pixels.shape[2] == 3 else background[:1]
    excess = None if picture.excess is None else weighed(picture.excess, picture.alpha)
    return Picture(composite(pixels, picture.alpha, ground), None, meta, excess=excess)


def _recoloured(picture: Picture, able: Abilities, format: str, notes: list[str]) -> tuple[Pixels, bytes | None]:  # noqa: A002
    """Return pixels in the space in which they are stored, with the profile to embed."""
    pixels, icc = picture.color, picture.metadata.icc
    space = spaces.space_of(icc) if icc is not None else None
    if picture.excess is not None and not (space == "RGB" and able.metadata):
        notes.append("Colours outside sRGB are clipped.")
    if icc is None or space == "unreadable":
        if icc is not None and not able.metadata:
            notes.append(f"{format} holds no colour profile; it is left out.")
        return pixels, icc if able.metadata else None
    if picture.is_grey:
        return _recoloured_grey(pixels, icc, able, format, notes)
    if space == "CMYK" and able.cmyk and picture.alpha is None:
        if pixels.dtype == np.float32:
            notes.append("CMYK is written with 16 bits; floating point is clipped to 0 to 1 and rounded.")
        return spaces.from_srgb(quantised(pixels, 16), icc), icc
    if space != "RGB" or not able.metadata:
        what = "the profile" if space != "CMYK" else "CMYK with transparency" if able.cmyk else "CMYK"
        notes.append(f"{format} cannot hold {what}; written in sRGB.")
        return pixels, None
    if spaces.is_nearly_srgb(icc):
        return pixels, icc
    pixels = spaces.from_srgb(pixels, icc)
    if picture.excess is not None:
        add_excess(pixels, picture.excess)
    return pixels, icc


def _recoloured_grey(
    pixels: Pixels,
    icc: bytes,
    able: Abilities,
    format: str,  # noqa: A002
    notes: list[str],
) -> tuple[Pixels, bytes | None]:
    if able.metadata and (able.grey or spaces.space_of(icc) == "RGB"):
        return pixels, icc
    if spaces.space_of(icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, icc)
    notes.append(f"{format} cannot hold the grey profile; written with the tone curve of sRGB.")
    return pixels, None


def _images(pixels: Pixels, alpha: Pixels | None, format: str) -> tuple[Image.Image, Pixels | None]:  # noqa: A002
    """Return Pillow's picture of (h, w, 1, 3 or 4) pixels: L, I;16, LA, RGB, RGBA or CMYK.

    At a depth for which Pillow has no mode, it is a stand-in of one pixel, and the samples come beside it.
    """
    height, width, channels = pixels.shape
    plain_grey = channels == 1 and alpha is None
    if alpha is not None:
        pixels = np.concatenate((pixels, alpha[..., None]), axis=2)
    if pixels.dtype == np.uint16 and plain_grey and format not in ("AVIF", "JXL"):
        return Image.frombytes("I;16", (width, height), np.ascontiguousarray(pixels).astype("<u2").tobytes()), None
    mode = {1: "LA", 3: "RGBA"}[channels] if alpha is not None else {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    if pixels.dtype != np.uint8:
        return Image.new(mode, (1, 1)), pixels
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes()), None
