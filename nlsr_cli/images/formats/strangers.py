"""What a file that is no readable picture seems to be, told from its first bytes."""

from __future__ import annotations

import re

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
    (b"gimp xcf", "a GIMP project"),
    (b"RIFF", "an audio or video file"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
    (b"OggS", "an audio or video file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer (run: git lfs pull)"),
)


# A declaration and all that follows it, or comments, each to its first end (?>), and a document type.
SVG = re.compile(r"(?:<\?xml.*?|(?>(?:<!--.*?-->\s*)*)(?:<!doctype svg.*?)?)<svg[\s>]", re.DOTALL)
DEEPZOOM = "schemas.microsoft.com/deepzoom/"


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
    if DEEPZOOM in start:
        return "the description of a DeepZoom, whose pixels are in the tiles beside it"
    if start.startswith("<?xml"):
        return "an XML document"
    readable = "".join(character for character in text if character.isprintable() or character in "\r\n\t\f")
    # What did not decode is missing from `text`, so the bytes are counted, not the characters.
    return "a text file" if b"\0" not in head and len(readable.encode()) >= 0.95 * len(head) else None
