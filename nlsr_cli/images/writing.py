"""Writing a picture file: back to the colours and depth of its source, with its metadata, in one atomic step."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images import color as colour
from nlsr_cli.images.alpha import composite, parse_background
from nlsr_cli.images.encoders import ENCODERS, Canvas
from nlsr_cli.images.gif_writing import gif_of
from nlsr_cli.images.picture import Picture, Pixels
from nlsr_cli.images.sniff import native_formats
from nlsr_cli.images.storing import check_free, store
from nlsr_cli.options import EncodeOptions, format_of_suffix, parse_format

JPEG_EXIF_LIMIT = 65533 - 6 - 64  # an APP1 segment, less its "Exif\0\0" and what a rewrite may add


@dataclass(frozen=True)
class Abilities:
    """What a format can hold, and the largest side and file it allows (None: no limit within reach)."""

    alpha: bool
    grey: bool
    sixteen: bool
    cmyk: bool
    metadata: bool
    side: int | None = None
    area: int | None = None
    content: int | None = None


# JPEG: libjpeg stops at 65500 although the format counts to 65535. AVIF: libavif's decoders, and with them browsers,
# open no larger picture. BMP and classic TIFF count bytes in 32 bits; TIFF is asked before it is compressed.
ABILITIES = {
    "PNG": Abilities(alpha=True, grey=True, sixteen=True, cmyk=False, metadata=True, side=2**31 - 1),
    "JPEG": Abilities(alpha=False, grey=True, sixteen=False, cmyk=True, metadata=True, side=65500),
    "WEBP": Abilities(alpha=True, grey=False, sixteen=False, cmyk=False, metadata=True, side=16383),
    "TIFF": Abilities(alpha=True, grey=True, sixteen=True, cmyk=True, metadata=True, content=2**32 - 2**20),
    "BMP": Abilities(alpha=False, grey=True, sixteen=False, cmyk=False, metadata=False, content=2**32 - 2**20),
    "GIF": Abilities(alpha=True, grey=True, sixteen=False, cmyk=False, metadata=False, side=65535),
    "AVIF": Abilities(alpha=True, grey=True, sixteen=False, cmyk=False, metadata=True, side=32768, area=2**28),
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
    path = Path(path)
    check_free(path, overwrite=overwrite)
    wanted = format or format_of_suffix(path) or parse_format(path.suffix)
    data, notes = encode_picture(picture, format=wanted, options=options or EncodeOptions(), name=str(path))
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
    check_size(format, picture.height, picture.width, path)
    check_depth(picture, format, path)
    try:
        canvas = prepare(picture, format, options)
        if format == "GIF":
            data, notes = gif_of(lambda: [canvas.image], [0], loop=1)
            return data, (*canvas.notes, *notes)
        return ENCODERS[format](canvas, options), canvas.notes
    except MemoryError as exc:
        raise ImageWriteError(path, "does not fit into memory while it is encoded") from exc
    except (OSError, ValueError, RuntimeError, struct.error, OverflowError) as exc:
        raise ImageWriteError(path, f"cannot be encoded as {format}: {exc}") from exc


def check_size(format: str, height: int, width: int, path: Path) -> None:  # noqa: A002
    """Refuse a size, or a format, that cannot be written, before anything is computed.

    Raises:
        ImageWriteError: the format is not writable here, or holds no picture of that size.
    """
    if format not in ABILITIES or format not in native_formats().writable:
        hint = f"Writable here: {', '.join(native_formats().writable)}."
        raise ImageWriteError(path, f"{format} cannot be written by this installation of Pillow", hint)
    able = ABILITIES[format]
    hint = "Choose PNG, or a smaller scale."
    if able.side is not None and max(height, width) > able.side:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} ends at {able.side} per side", hint)
    if able.area is not None and height * width > able.area:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} ends at {able.area} pixels", hint)
    if able.content is not None and height * (width * 3 + 3) > able.content:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} files end at 4 GiB", hint)


def check_depth(picture: Picture, format: str, path: Path) -> None:  # noqa: A002
    """Refuse a picture of more bits than a format can hold.

    Raises:
        ImageWriteError: it has more.
    """
    if picture.depth == 8:
        return
    if not ABILITIES[format].sixteen:
        raise ImageWriteError(path, f"{format} cannot hold 16 bits per channel", "Choose PNG or TIFF.")
    if not picture.is_grey or picture.alpha is not None:
        what = "16-bit colour" if not picture.is_grey else "16-bit grey with an alpha channel"
        raise ImageWriteError(path, f"{what} cannot be written yet", "Convert it to 8 bit first.")


def prepare(picture: Picture, format: str, options: EncodeOptions) -> Canvas:  # noqa: A002
    """Bring a picture into what the format can hold."""
    able = ABILITIES[format]
    notes: list[str] = []
    flat = _flattened(picture, able, format, options, notes)
    pixels, icc = _recoloured(flat, able, format, notes)
    grey = pixels.shape[2] == 1
    if grey and not able.grey:
        pixels = np.repeat(pixels, 3, axis=2)
        notes.append(f"{format} has no grey pictures; grey is written as RGB.")
    exif = picture.metadata.exif
    if exif is not None and not able.metadata:
        exif = None
        notes.append(f"{format} holds no EXIF data; it is left out.")
    if exif is not None and format == "JPEG" and len(exif) > JPEG_EXIF_LIMIT:
        exif = None
        notes.append("The EXIF data is too large for JPEG and is left out.")
    dpi = picture.metadata.dpi
    if dpi is not None and format == "JPEG" and any(value != round(value) for value in dpi):
        listed = " × ".join(f"{value:.2f}" for value in dict.fromkeys(dpi))
        notes.append(f"JPEG counts whole dots per inch; the resolution of {listed} is rounded.")
    if dpi is not None and format == "GIF":
        dpi = None
        notes.append("GIF holds no resolution; it is left out.")
    image = _image(pixels, flat.alpha)
    lossless = options.lossless or picture.metadata.lossless
    return Canvas(image, grey, icc, exif, dpi, lossless, tuple(notes))


def _flattened(picture: Picture, able: Abilities, format: str, options: EncodeOptions, notes: list[str]) -> Picture:  # noqa: A002
    """Return the picture without alpha, laid on the background, where the format has no alpha."""
    if picture.alpha is None or able.alpha:
        return picture
    notes.append(f"{format} has no transparency; the picture is laid on {options.background}.")
    background = parse_background(options.background)
    pixels, meta = picture.color, picture.metadata
    if picture.is_grey and len(set(background)) > 1:
        # A coloured ground makes a colour picture, for which a grey profile says nothing.
        if meta.icc is not None and colour.space_of(meta.icc) == "GRAY":
            pixels = colour.grey_to_srgb(pixels, meta.icc)
        pixels = np.repeat(pixels, 3, axis=2)
        meta = type(meta)(meta.format, meta.mode, None, meta.exif, meta.dpi, meta.lossless)
    ground = background if pixels.shape[2] == 3 else background[:1]
    return Picture(composite(pixels, picture.alpha, ground), None, meta)


def _recoloured(picture: Picture, able: Abilities, format: str, notes: list[str]) -> tuple[Pixels, bytes | None]:  # noqa: A002
    """Return pixels in the space in which they are stored, with the profile to embed."""
    pixels, icc = picture.color, picture.metadata.icc
    space = colour.space_of(icc) if icc is not None else None
    if icc is None or space == "unreadable":
        if icc is not None and not able.metadata:
            notes.append(f"{format} holds no colour profile; it is left out.")
        return pixels, icc if able.metadata else None
    if picture.is_grey:
        return _recoloured_grey(pixels, icc, able, format, notes)
    if space == "CMYK" and able.cmyk and picture.alpha is None:
        return colour.from_srgb(pixels, icc), icc
    if space != "RGB" or not able.metadata:
        notes.append(f"{format} cannot hold {'CMYK' if space == 'CMYK' else 'the profile'}; written in sRGB.")
        return pixels, None
    return pixels if colour.is_nearly_srgb(icc) else colour.from_srgb(pixels, icc), icc


def _recoloured_grey(
    pixels: Pixels,
    icc: bytes,
    able: Abilities,
    format: str,  # noqa: A002
    notes: list[str],
) -> tuple[Pixels, bytes | None]:
    if able.metadata and (able.grey or colour.space_of(icc) == "RGB"):
        return pixels, icc
    if colour.space_of(icc) == "GRAY":
        pixels = colour.grey_to_srgb(pixels, icc)
    notes.append(f"{format} cannot hold the grey profile; written with the tone curve of sRGB.")
    return pixels, None


def _image(pixels: Pixels, alpha: Pixels | None) -> Image.Image:
    """Return Pillow's picture of (h, w, 1, 3 or 4) pixels: L, I;16, LA, RGB, RGBA or CMYK."""
    height, width, channels = pixels.shape
    if pixels.dtype == np.uint16:
        return Image.frombytes("I;16", (width, height), np.ascontiguousarray(pixels).astype("<u2").tobytes())
    if alpha is not None:
        pixels = np.concatenate((pixels, alpha[..., None]), axis=2)
        mode = {1: "LA", 3: "RGBA"}[channels]
    else:
        mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
