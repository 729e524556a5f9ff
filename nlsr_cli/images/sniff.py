"""What a file is, told from its first bytes, and which formats this Pillow can read and write."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

from PIL import Image, features

from nlsr_cli.images.depth import extra
from nlsr_cli.options import FORMAT_SUFFIXES

HEAD_SIZE = 4096
PACKAGES = {
    "HEIC": extra.PI_HEIF,
    "JXL": extra.IMAGECODECS,
    "RAW": extra.RAWPY,
}  # what reads the formats that Pillow does not
NAMES = {"HEIC": "a HEIC picture", "JXL": "a JPEG XL picture", "RAW": "a camera raw file"}
READ_ONLY = ("HEIC", "RAW")
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIC", "JXL", "RAW")

AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
HEIF_BRANDS = (b"mif1", b"mif2", b"miaf", b"msf1")  # of any coding

# What people pass by mistake; each value completes "It is ..., not a picture".
STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"PK\x03\x04", "a ZIP archive (or an office document)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"%!PS", "a PostScript document"),
    (b"\0\0\x01\0", "an icon"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"#?RADIANCE", "a Radiance HDR picture"),
    (b"qoif", "a QOI picture"),
    (b"gimp xcf", "a GIMP project"),
    (b"RIFF", "a sound or video file"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or video file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer (run: git lfs pull)"),
)


# A declaration and all that follows it, or comments, each to its first end (?>), and a document type.
SVG = re.compile(r"(?:<\?xml.*?|(?>(?:<!--.*?-->\s*)*)(?:<!doctype svg.*?)?)<svg[\s>]", re.DOTALL)

# Camera raw files that are no TIFFs: Fujifilm, Olympus (twice, and in the other order), Panasonic, Canon's oldest,
# Minolta, Sigma. Canon's newest are ISO media files.
RAW_MAGICS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")


class NativeFormats(NamedTuple):
    """Formats that this Pillow can read and write, by Pillow's names."""

    readable: tuple[str, ...]
    writable: tuple[str, ...]


@lru_cache(maxsize=1)
def native_formats() -> NativeFormats:
    """Return the formats that can be read and written here; AVIF and WebP only where Pillow was built with them."""
    missing = {name for name, feature in (("AVIF", "avif"), ("WEBP", "webp")) if not features.check(feature)}
    missing |= {name for name, package in PACKAGES.items() if not extra.available(package)}
    Image.preinit()
    for name in ("AvifImagePlugin", "MpoImagePlugin", "TiffImagePlugin", "WebPImagePlugin"):
        import_module(
            f"PIL.{name}"
        )  # those few, because Image.init() loads forty, which takes longer than a small picture
    return NativeFormats(
        tuple(name for name in READABLE if name not in missing),
        tuple(name for name in FORMAT_SUFFIXES if name not in missing and (name in Image.SAVE or name in PACKAGES)),
    )


def format_of(head: bytes) -> str | None:  # noqa: PLR0911 - one line per format
    """Return the readable format that the first bytes of a file announce, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "JXL"
    if head.startswith(RAW_MAGICS) or head[4:12] == b"ftypcrx ":
        return "RAW"
    if head[4:8] == b"ftyp":
        return _format_of_brands(_brands(head))
    # Two letters are weak evidence: plain text may begin with them, so the size of the second header is asked too.
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    return None


def _format_of_brands(brands: list[bytes]) -> str | None:
    """Return the format of an ISO media file: its own brand counts first, then those that it is compatible with."""
    for group in (brands[:1], brands):
        for names, found in ((AVIF_BRANDS, "AVIF"), (HEIC_BRANDS, "HEIC")):
            if any(brand in names for brand in group):
                return found
    return "HEIC" if any(brand in HEIF_BRANDS for brand in brands) else None


def _brands(head: bytes) -> list[bytes]:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def stranger_of(head: bytes) -> str | None:
    """Return what a file that is no readable picture seems to be ("a PDF document"), or None if nothing tells."""
    known = next((name for magic, name in STRANGERS if head.startswith(magic)), None)
    if known is not None:
        return known
    if head[4:8] == b"ftyp":
        return "a video"
    return _kind_of_text(head)


def _kind_of_text(head: bytes) -> str | None:
    try:
        text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "ignore")
    except UnicodeError:
        return None
    start = text.lstrip().lower()
    if SVG.match(start):
        return "an SVG drawing"
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "a web page"
    if start.startswith("<?xml"):
        return "an XML document"
    readable = "".join(character for character in text if character.isprintable() or character in "\r\n\t\f")
    # What did not decode is missing from `text`, so the bytes are counted, not the characters.
    return "a text file" if b"\0" not in head and len(readable.encode()) >= 0.95 * len(head) else None
