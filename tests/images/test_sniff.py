"""Formats are told by content; HEIC and AVIF, text and bitmaps are not mixed up."""

from __future__ import annotations

import pytest
from PIL import Image, features

from nlsr_cli.images import native_formats
from nlsr_cli.images.sniff import format_of, stranger_of
from nlsr_cli.options import FORMAT_SUFFIXES
from tests.images.files import saved


@pytest.mark.parametrize("fmt", native_formats().readable)
def test_every_readable_format_is_recognised(fmt):
    """What Pillow writes is recognised from its first bytes."""
    assert format_of(saved(Image.new("RGB", (3, 3)), fmt)[:64]) == fmt


def test_formats_depend_on_how_pillow_was_built(monkeypatch):
    """Without AVIF in Pillow it is neither read nor written; the rest stays."""
    full = native_formats()
    assert set(full.writable) <= set(FORMAT_SUFFIXES)
    assert "GIF" in full.readable
    native_formats.cache_clear()
    monkeypatch.setattr(features, "check", lambda name: name != "avif")
    try:
        assert "AVIF" not in native_formats().readable + native_formats().writable
        assert "PNG" in native_formats().writable
    finally:
        monkeypatch.undo()
        native_formats.cache_clear()


def test_brands_tell_avif_from_heic():
    """Both are ISO media files of major brand mif1; the list of compatible brands decides."""
    assert format_of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
    heic = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
    assert format_of(heic) is None
    assert stranger_of(heic) == "a HEIC picture"
    assert stranger_of(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1") == "a video or a camera raw file"


def test_unknown_bytes_are_not_guessed():
    """No guess is better than a wrong one."""
    assert stranger_of(bytes(range(128, 200))) is None
    assert stranger_of("Grüße an alle".encode()) == "a text file"
    assert stranger_of("<html>".encode("utf-16")) == "a web page"
