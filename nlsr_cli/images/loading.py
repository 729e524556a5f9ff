"""The bytes of a picture file or of standard input: none but a picture's, and no more than a picture can have."""

from __future__ import annotations

import hashlib
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from nlsr_cli.errors import ImageReadError, MissingInput
from nlsr_cli.images.border import CONVERT_HINT, DAMAGED_HINT, LIMIT_HINT
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats import FORMATS, HEAD_SIZE, format_of, identified, native_formats, parse
from nlsr_cli.images.formats.strangers import stranger_of
from nlsr_cli.images.mapped import Mapped, changed, state
from nlsr_cli.images.parsed import Parsed

# RGB and alpha take 8 bytes per pixel in 16 bits and 16 in floating point; with a quarter of a gigabyte besides, there
# is room for layers, previews, metadata and further frames.
BYTES_PER_PIXEL, ALLOWANCE = 16, 1 << 28
PIECE = 1 << 22  # read from a pipe at once
# What reads these formats looks at places of a file, and never needs all bytes at once; of how many bytes one is large.
MAPPED, LEAST = ("PNG", "JPEG", "TIFF", "WEBP"), 1 << 25


def load(source: str | Path | bytes | Parsed, name: str | None, max_pixels: int, *, mapped: bool = False) -> Parsed:
    """Return the file that a source is, which messages call by its name; one that was loaded before is returned.

    With `mapped`, the bytes of a large file stay on the disk: if it is cut short meanwhile, this process ends.

    Raises:
        ImageReadError: it cannot be opened, is no known picture, or is larger than any of `max_pixels` pixels.
    """
    if isinstance(source, Parsed):
        return source
    label = name or ("-" if isinstance(source, bytes) else str(source))
    if isinstance(source, bytes):
        data = source
    else:
        with reading(label):
            data = _bytes_of(Path(source), label, max_pixels, mapped=mapped)
    known = known_format(data, label)
    return parse(data if known in MAPPED else bytes(data), known, label, max_pixels)


def digest(source: Path | bytes | Mapped, label: str) -> str:
    """Return the SHA-256 of what a source holds, as hexadecimal digits; what is no regular file must come as bytes.

    Raises:
        ImageReadError: it cannot be read, or was changed since it was loaded.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    found = hashlib.sha256()
    if isinstance(source, Mapped):
        for piece in source.windows():
            found.update(piece)
        if source.has_changed:
            raise changed(label)
        return found.hexdigest()
    with reading(label), source.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def read_stream(stream: BinaryIO, *, name: str, max_pixels: int) -> bytes:
    """Return the bytes of a picture from a stream such as standard input, which messages call `name`.

    What is no known picture is refused by its first bytes, without reading on.

    Raises:
        ImageReadError: it cannot be read, is no known picture, or is larger than any of `max_pixels` pixels.
    """
    limit = largest(max_pixels)
    with reading(name):
        head = _up_to(stream, HEAD_SIZE)
        known_format(head, name)
        data = _up_to(stream, limit + 1, head)
    if len(data) > limit:
        raise too_long(name, f"has more than {limit} bytes", max_pixels)
    return data


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Map what opening and reading a source may raise to ImageReadError."""
    try:
        yield
    except FileNotFoundError as exc:
        raise MissingInput(label) from exc
    except PermissionError as exc:
        raise ImageReadError(label, "cannot be read: permission denied", "Change its permissions.") from exc
    except MemoryError as exc:
        raise ImageReadError(label, "does not fit into memory") from exc
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else None
        raise ImageReadError(label, f"cannot be read: {reason or exc}") from exc


def known_format(data: bytes, label: str) -> str:
    """Return the readable format that the beginning of a file announces.

    Raises:
        ImageReadError: it is empty, no known picture, or of a format that this Pillow cannot read.
    """
    if not data:
        raise ImageReadError(label, "is empty", DAMAGED_HINT)
    found = identified(data)
    if found is None:
        seems = stranger_of(data[:HEAD_SIZE])
        what = (
            f"is not a picture that nlsr can read: it looks like {seems}"
            if seems
            else "is not in a known picture format"
        )
        picture = seems is None or any(word in seems for word in ("picture", "drawing", "document", "project", "icon"))
        hint = CONVERT_HINT if picture else "To see which formats nlsr reads: nlsr doctor"
        if seems is not None and "DeepZoom" in seems:
            hint = "Name the picture that it was made of. To look at it in a browser: docs/recipes.md"
        if seems is not None and "video" in seems:
            hint = f"Take its pictures: mkdir frames && ffmpeg -i {shlex.quote(label)} frames/%06d.png"
        raise ImageReadError(label, what, hint)
    known = FORMATS[found]
    if known.package is not None and not extra.available(known.package):
        lacking = extra.missing(f"is {known.called}, which", known.package)
        raise ImageReadError(label, lacking.message, lacking.hint)
    if found not in native_formats().readable:
        raise ImageReadError(label, f"is {found}, which this installation of Pillow cannot read", CONVERT_HINT)
    return found


def largest(max_pixels: int) -> int:
    """Return the bytes that the file of a picture of `max_pixels` pixels may have."""
    return ALLOWANCE + BYTES_PER_PIXEL * max_pixels


def _bytes_of(path: Path, label: str, max_pixels: int, *, mapped: bool) -> bytes:
    """Return the content of a file; of one that is no picture, only its beginning."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise ImageReadError(path, "is a folder")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        raise ImageReadError(path, "is not a regular file")
    with path.open("rb") as file:
        if not stat.S_ISREG(status.st_mode) or not status.st_size:  # some file systems state no size
            return read_stream(file, name=label, max_pixels=max_pixels)
        head = file.read(HEAD_SIZE)
        if format_of(head) is None:
            return head
        if status.st_size > largest(max_pixels):
            raise too_long(label, f"has {status.st_size} bytes", max_pixels)
        file.seek(0)
        if mapped and status.st_size >= LEAST and format_of(head) in MAPPED:
            # What reads bytes reads this, too; a type of its own would have to be named in every reader.
            return cast("bytes", Mapped(file.fileno()))
        before = state(file.fileno())
        data = file.read(status.st_size)  # in one piece, because joining pieces takes the memory twice
        if state(file.fileno()) != before or len(data) != status.st_size:
            raise changed(label)
        return data


def _up_to(stream: BinaryIO, count: int, head: bytes = b"") -> bytes:
    """Return `head` and what follows in a stream, `count` bytes in all unless it ends; a read may give only some."""
    pieces = [head]
    missing = count - len(head)
    while missing > 0 and (piece := stream.read(min(PIECE, missing))):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def too_long(label: str, what: str, max_pixels: int) -> ImageReadError:
    """Return the error of a file that has more bytes than a picture of so many pixels."""
    return ImageReadError(label, f"{what}, more than a picture of {max_pixels} pixels can need", LIMIT_HINT)
