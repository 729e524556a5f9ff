"""Formats are told by content; HEIC and AVIF, text and bitmaps are not mixed up."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, features

from nlsr_cli.images import native_formats
from nlsr_cli.images.formats import FORMATS, WRITABLE, format_of, format_of_suffix, parse_format
from nlsr_cli.images.formats.strangers import stranger_of
from tests.images.files import saved


@pytest.mark.parametrize("fmt", [name for name in native_formats().readable if FORMATS[name].package is None])
def test_every_readable_format_is_recognised(fmt):
    """What Pillow writes is recognised from its first bytes."""
    assert format_of(saved(Image.new("RGB", (3, 3)), fmt)[:64]) == fmt


@pytest.mark.parametrize("text", ["jpg", "JPEG", ".jpg", "Jpeg", "jfif"])
def test_formats_by_name_or_ending(text: str) -> None:
    assert parse_format(text) == "JPEG"


def test_format_of_a_path() -> None:
    assert format_of_suffix(Path("a.b/c.TIFF")) == "TIFF"
    assert format_of_suffix(Path("a.png/c")) is None


def test_formats_depend_on_how_pillow_was_built(monkeypatch):
    """Without AVIF in Pillow it is neither read nor written; the rest stays."""
    full = native_formats()
    assert set(full.writable) <= set(WRITABLE)
    assert "GIF" in full.readable
    native_formats.cache_clear()
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    try:
        assert "AVIF" not in native_formats().readable + native_formats().writable
        assert "PNG" in native_formats().writable
    finally:
        monkeypatch.undo()
        native_formats.cache_clear()


@pytest.mark.parametrize(
    ("brands", "fmt"),
    [
        (b"mif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"avif\0\0\0\0mif1heic", "AVIF"),
        (b"heic\0\0\0\0mif1avif", "HEIC"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"heix\0\0\0\0mif1", "HEIC"),
        (b"mif1\0\0\0\0miaf", "HEIC"),
        (b"msf1\0\0\0\0hevc", "HEIC"),
        (b"crx \0\0\0\1crx isom", "RAW"),
        (b"isom\0\0\0\0isomavc1", None),
    ],
)
def test_brands_tell_formats_apart(brands, fmt):
    """All are ISO media files; the brand of the file counts, then those that it is compatible with."""
    head = (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands
    assert format_of(head) == fmt
    assert fmt is not None or stranger_of(head) == "a video"


@pytest.mark.parametrize("head", [b"\xff\x0a" + bytes(20), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20)])
def test_jpeg_xl_with_and_without_a_container(head):
    assert format_of(head) == "JXL"


def test_unknown_bytes_are_not_guessed():
    """No guess is better than a wrong one."""
    assert stranger_of(bytes(range(128, 200))) is None
    assert stranger_of("Grüße an alle".encode()) == "a text file"
    assert stranger_of("<html>".encode("utf-16")) == "a web page"


@pytest.mark.parametrize(
    ("text", "seems"),
    [
        ("<svg>", "an SVG drawing"),
        ("<?xml version='1.0'?>\n<!-- a --> <!DOCTYPE svg PUBLIC 'x'>\n<svg\twidth='1'>", "an SVG drawing"),
        ("<!-- a -->\n<!-- -- b -->\n<!DOCTYPE svg><svg>", "an SVG drawing"),
        ("<!-- <svg> -->", "a text file"),
        ("<?xml version='1.0'?><svgs>", "an XML document"),
        ("<!---->" * 580, "a text file"),
        ("<!--" * 1000, "a text file"),
    ],
)
def test_drawings_are_told_from_other_text(text, seems):
    """In a time that does not double with every comment."""
    assert stranger_of(text.encode()) == seems
