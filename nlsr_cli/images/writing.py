"""Writing a picture file: back to the colours and depth of its source, with its metadata, in one atomic step."""

from __future__ import annotations

import struct
from pathlib import Path

from nlsr_cli import deepzoom
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images.canvas import prepare
from nlsr_cli.images.color import profiles
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats import (
    FORMATS,
    WRITABLE,
    format_of_suffix,
    native_formats,
    parse_format,
    writing_of,
)
from nlsr_cli.images.picture import Animation, Picture
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Pieces, check_free, collected, store


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
    return write_any(picture, path, format=format, options=options, overwrite=overwrite)


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
    return collected(picture_pieces(picture, format=format, options=options, name=name))


def picture_pieces(picture: Picture, *, format: str, options: EncodeOptions, name: str) -> Pieces:  # noqa: A002
    """Yield a picture file in pieces, and return notes, as `encode_picture` does.

    Raises:
        ImageWriteError, OptionError: as `encode_picture`.
    """
    path = Path(name)
    check_options(format, options, path)
    check_size(format, picture.height, picture.width, path, depth=picture.depth)
    check_picture(picture, format, path)
    try:
        writing = writing_of(format)
        canvas, rows = prepare(picture, writing.carries, options)
        notes = yield from writing.encode(canvas, rows, options)
        return *canvas.notes, *notes
    except MemoryError as exc:
        raise ImageWriteError(path, "does not fit into memory while it is encoded") from exc
    except (OSError, ValueError, RuntimeError, struct.error, OverflowError) as exc:
        raise ImageWriteError(path, f"cannot be encoded as {format}: {exc}") from exc


def check_size(format: str, height: int, width: int, path: Path, *, depth: int = 8) -> None:  # noqa: A002
    """Refuse a size, or a format, that cannot be written, before anything is computed; `depth` is that of the picture.

    Raises:
        ImageWriteError: the format is not writable here, or holds no picture of that size.
    """
    package = FORMATS[format].package if format in WRITABLE else None
    if package is not None and not extra.available(package):
        lacking = extra.missing(format, package)
        raise ImageWriteError(path, lacking.message, lacking.hint)
    if format not in native_formats().writable:
        hint = f"Writable here: {', '.join(native_formats().writable)}."
        raise ImageWriteError(path, f"{format} cannot be written by this installation of Pillow", hint)
    able = writing_of(format).carries
    hint = "Choose PNG, or a smaller scale."
    if able.side is not None and max(height, width) > able.side:
        raise ImageWriteError(
            path, f"{width} × {height} is too large: {format} allows {able.side} pixels per side", hint
        )
    if able.area is not None and height * width > able.area:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} allows {able.area} pixels", hint)
    if able.content is not None and height * (width * 3 + 3) * min(depth, able.depth) // 8 > able.content:
        raise ImageWriteError(path, f"{width} × {height} is too large: {format} allows 4 GiB per file", hint)


def check_options(format: str, options: EncodeOptions, path: Path) -> None:  # noqa: A002
    """Refuse what is asked of a file and its format has no place for.

    Raises:
        ImageWriteError: reduced copies are asked for, and it holds none.
    """
    if options.pyramid and "pyramid" not in writing_of(format).heeds:
        hint = "Write TIFF (--format tiff, or -o NAME.tif), or omit --pyramid."
        raise ImageWriteError(path, f"--pyramid is for TIFF, and the output is written as {format}", hint)


def check_picture(picture: Picture | Animation, format: str, path: Path) -> None:  # noqa: A002
    """Refuse a picture whose samples a format cannot hold, of which it knows the size already.

    Raises:
        ImageWriteError: what writes such a depth is not installed, or cannot say how the samples are coded.
    """
    first = picture.frames[0] if isinstance(picture, Animation) else picture
    _check_extra(first, format, path)
    codes = picture.metadata.code_points
    if codes is not None and not writing_of(format).carries.code_points:
        how = profiles.HDR.get(codes[1], "narrow range")
        raise ImageWriteError(path, f"{format} cannot state that the samples are coded in {how}", "Choose PNG.")


def _check_extra(picture: Picture, format: str, path: Path) -> None:  # noqa: A002
    """Refuse samples that Pillow does not write where nothing else can, before they are converted."""
    able = writing_of(format).carries
    marked = able.tags and picture.metadata.masked  # alpha that is written as a value of colour
    opaque = picture.alpha is None or marked or not able.alpha
    grey16 = picture.is_grey and picture.depth == 16 and opaque and able.grey16
    if picture.depth > 8 and not grey16 and not extra.available():
        kind = "floating point" if picture.depth == 32 else "16-bit"
        lacking = extra.missing(f"{kind} {'grey' if picture.is_grey else 'colour'}")
        raise ImageWriteError(path, f"{lacking.message}", lacking.hint)


def write_any(
    picture: Picture | Animation,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word for it, in Pillow too
    options: EncodeOptions | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Encode a picture or an animation and store it under `path`, as `write_picture` does, and return notes as that.

    Raises:
        DestinationClash: `path` exists and `overwrite` is False.
        ImageWriteError: the format cannot hold it, or the file cannot be stored.
        OptionError: the background is needed and is no colour, or the ending names no format.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    wanted = format or format_of_suffix(path) or parse_format(path.suffix)
    if writing_of(wanted).tiled:
        deepzoom.check_free(path, overwrite=overwrite)
    pieces = pieces_of(picture, format=wanted, options=options or EncodeOptions(), name=str(path))
    return store(pieces, path, overwrite=overwrite)


def encode_any(
    picture: Picture | Animation,
    *,
    format: str,  # noqa: A002
    options: EncodeOptions,
    name: str = "-",
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of a picture or of an animation, as `encode_picture` and `encode_animation` do."""
    return collected(pieces_of(picture, format=format, options=options, name=name))


def pieces_of(picture: Picture | Animation, *, format: str, options: EncodeOptions, name: str) -> Pieces:  # noqa: A002
    """Yield the file of a picture or of an animation in pieces, and return notes, as `encode_any` does.

    Raises:
        ImageWriteError, OptionError: as `encode_picture`.
    """
    if isinstance(picture, Animation):
        data, notes = encode_animation(picture, format=format, options=options, name=name)
        yield data
        return notes
    return (yield from picture_pieces(picture, format=format, options=options, name=name))


def encode_animation(
    animation: Animation,
    *,
    format: str,  # noqa: A002
    options: EncodeOptions,
    name: str = "-",
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of an animation, which messages call `name`, and a note for each thing that had to change.

    Every frame stays one, with its time, also where it equals the one before. Of a format without animations it is the
    first frame.

    Raises:
        ImageWriteError: the format cannot hold the frames.
    """
    moving = FORMATS[format].moving
    if moving is None:
        data, notes = encode_picture(animation.frames[0], format=format, options=options, name=name)
        return data, (
            f"{format} cannot hold an animation; only the first of {len(animation.frames)} frames is written.",
            *notes,
        )
    path, first = Path(name), animation.frames[0]
    check_options(format, options, path)
    check_size(format, first.height, first.width, path)
    _check_depth(first, format, path)
    check_picture(first, format, path)
    try:
        return moving.encode(animation, options)
    except MemoryError as exc:
        raise ImageWriteError(path, "does not fit into memory while it is encoded") from exc
    except (OSError, ValueError, RuntimeError, struct.error, OverflowError) as exc:
        raise ImageWriteError(path, f"cannot be encoded as {format}: {exc}") from exc


def _check_depth(picture: Picture, format: str, path: Path) -> None:  # noqa: A002
    """Refuse frames of more bits than Pillow writes: none but plain grey of 16 bits, in a PNG."""
    plain = picture.depth == 16 and picture.is_grey and picture.alpha is None
    if picture.depth > 8 and not (plain and writing_of(format).carries.depth > 8):
        reason = f"frames of {picture.depth} bits per channel cannot be written as {format}"
        raise ImageWriteError(path, reason, "Convert it to 8 bits first.")
