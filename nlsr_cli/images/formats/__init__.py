"""Formats of picture files: one file for each, and this registry. A new one is a file and a line in `FORMATS`.

Whatever asks which format a file has, what it can hold, or who reads and writes it, asks here.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from PIL import Image, features

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats.avif import AVIF
from nlsr_cli.images.formats.bmp import BMP
from nlsr_cli.images.formats.dzi import DZI
from nlsr_cli.images.formats.format import Format, Writing
from nlsr_cli.images.formats.gif import GIF
from nlsr_cli.images.formats.heic import HEIC
from nlsr_cli.images.formats.jpeg import JPEG
from nlsr_cli.images.formats.jpegxl import JXL
from nlsr_cli.images.formats.png import PNG
from nlsr_cli.images.formats.qoi import QOI
from nlsr_cli.images.formats.raw import RAW, is_raw
from nlsr_cli.images.formats.tiff import TIFF
from nlsr_cli.images.formats.webp import WEBP
from nlsr_cli.images.parsed import Parsed

FORMATS: dict[str, Format] = {
    each.name: each for each in (PNG, JPEG, WEBP, TIFF, BMP, AVIF, GIF, JXL, QOI, DZI, HEIC, RAW)
}
WRITABLE = {name: each.suffixes for name, each in FORMATS.items() if each.writing is not None}
HEAD_SIZE = 4096  # bytes by which every format is known


class NativeFormats(NamedTuple):
    """Formats that can be read and written here, by Pillow's names."""

    readable: tuple[str, ...]
    writable: tuple[str, ...]


@lru_cache(maxsize=1)
def native_formats() -> NativeFormats:
    """Return the formats that can be read and written here; some need a package, or a Pillow built with them."""
    Image.preinit()
    for each in FORMATS.values():  # Image.init() loads forty plug-ins, which takes longer than a small picture
        if each.plugin:
            import_module(f"PIL.{each.plugin}")
    there = [
        name
        for name, each in FORMATS.items()
        if (each.feature is None or features.check(each.feature))
        and (each.package is None or extra.available(each.package))
    ]
    own = [name for name in there if FORMATS[name].package or FORMATS[name].parse is None]
    written = [name for name in there if name in WRITABLE and (name in Image.SAVE or name in own)]
    return NativeFormats(tuple(name for name in there if FORMATS[name].parse is not None), tuple(written))


def format_of(head: bytes) -> str | None:
    """Return the format that the first bytes of a file announce, or None."""
    return next((name for name, each in FORMATS.items() if each.sniff(head)), None)


def identified(data: bytes) -> str | None:
    """Return the format of a file, or None; some camera raw files begin as any TIFF does."""
    found = format_of(data[:HEAD_SIZE])
    return RAW.name if found == TIFF.name and is_raw(data) else found


def format_of_suffix(path: Path) -> str | None:
    """Return the writable format that the ending of `path` names, or None."""
    suffix = path.suffix.lower()
    return next((name for name, suffixes in WRITABLE.items() if suffix in suffixes), None)


def is_read_only(path: Path) -> bool:
    """Tell whether the ending of `path` names a format that is read and not written."""
    suffix = path.suffix.lower()
    return any(suffix in known.suffixes and known.writing is None for known in FORMATS.values())


def parse_format(text: str) -> str:
    """Return the Pillow name of a format given by name or ending (`jpg`, `.tif`, `WebP`).

    Raises:
        OptionError: no format of that name can be written.
    """
    wanted = text.lower().lstrip(".")
    for name, suffixes in WRITABLE.items():
        if wanted == name.lower() or f".{wanted}" in suffixes:
            return name
    if is_read_only(Path(f"x.{wanted}")):
        raise OptionError(f"nlsr reads '{text}' and does not write it", "For example: --format png")
    raise UnknownChoice("format", text, [name.lower() for name in WRITABLE])


def parse(data: bytes, format: str, label: str, max_pixels: int) -> Parsed:  # noqa: A002 - the word for it, in Pillow too
    """Return the value that a file of a format that can be read is; messages call it by its label."""
    parser = FORMATS[format].parse
    if parser is None:
        raise ValueError(f"{format} is not read")
    return parser(data, label, max_pixels)


def writing_of(format: str) -> Writing:  # noqa: A002 - the word for it, in Pillow too
    """Return how a format that can be written is written."""
    found = FORMATS[format].writing
    if found is None:
        raise ValueError(f"{format} is not written")
    return found


def kept_format(source: str, frames: int) -> tuple[str, str]:
    """Return the format in which a picture is written if no other is asked, and a note if that is not its own."""
    own = FORMATS.get(source)
    if own is None or own.writing is None:
        return PNG.name, "This format is read but not written; the output is a PNG, without loss."
    return own.single if own.single is not None and frames == 1 else (source, "")


def is_moving(format: str) -> bool:  # noqa: A002
    """Tell whether a format holds animations that are read and written whole."""
    return format in FORMATS and FORMATS[format].moving is not None
