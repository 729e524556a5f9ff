"""Hostile files of any structure cost memory and time in proportion to their size, and end in one plain line."""

from __future__ import annotations

import struct
import time

import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import native_formats, probe, read_picture
from nlsr_cli.images.containers import isobmff, tiff
from nlsr_cli.images.formats.png import PngFile
from nlsr_cli.images.metadata import exif_tags
from tests.images.files import gradient, plain_tiff, saved, with_png_chunk

PLAIN = Image.fromarray(gradient())


def overlapping(count: int, length: int) -> bytes:
    """Return an EXIF block of many entries that all have the same bytes."""
    rows = b"".join(struct.pack("<HHII", 1000 + tag, 7, length, 8 + 2 + 12 * count + 4) for tag in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + rows + bytes(4) + bytes(length)


def chained(count: int) -> bytes:
    """Return a TIFF of one page with a chain of empty directories behind it."""
    data = plain_tiff("<", (8,), 1, bytes(range(8)))
    start = int.from_bytes(data[4:8], "little")
    link = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    first = len(data)
    data = data[:link] + struct.pack("<I", first) + data[link + 4 :]
    return data + b"".join(
        struct.pack("<HHHIII", 1, 256, 4, 1, 4, first + 18 * (at + 1) if at + 1 < count else 0) for at in range(count)
    )


def test_overlapping_entries_do_not_multiply():
    """Together the entries have no more bytes than the block, and the rest is told as damaged."""
    exif = overlapping(4000, 100000)
    block = tiff.parse(exif)
    assert sum(len(entry.payload) for entry in block.root.entries.values()) <= len(exif)
    assert block.broken >= 3998
    picture = read_picture(with_png_chunk(saved(PLAIN), b"eXIf", exif))
    assert len(picture.metadata.exif) <= 2 * len(exif)
    assert "Some EXIF entries are damaged and are left out." in picture.notes


def test_one_value_for_two_tags_is_no_attack():
    """Some writers let both resolutions point at one fraction."""
    rows = b"".join(struct.pack("<HHII", tag, 5, 1, 38) for tag in (282, 283))
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + rows + bytes(4) + struct.pack("<II", 300, 1)
    assert tiff.parse(exif).broken == 0
    assert exif_tags.resolution({}, exif, "TIFF") == (300.0, 300.0)


def test_long_lists_of_numbers_are_cut():
    """A tag of millions of bytes does not become millions of Python integers."""
    assert len(tiff.integers(tiff.Entry(1, 10**6, bytes(10**6)), "<")) == tiff.MAX_NUMBERS


def test_deep_directories_end(tmp_path):
    """Two thousand directories, each within the one before: the known levels are read, the rest is damage."""
    nested = b"".join(struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8 + 18 * (at + 1), 0) for at in range(2000))
    data = b"II*\0\x08\0\0\0" + nested
    assert tiff.parse(data).broken == 1
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageReadError):
        probe(tmp_path / "a.tif", max_pixels=100)
    picture = read_picture(with_png_chunk(saved(PLAIN), b"eXIf", data))
    assert "Some EXIF entries are damaged and are left out." in picture.notes


def test_deep_boxes_end(tmp_path):
    """An AVIF whose boxes lie three thousand deep, or are countless."""
    nested = b""
    for _ in range(3000):
        nested = struct.pack(">I4sI", len(nested) + 12, b"meta", 0) + nested
    many = struct.pack(">I4s", 8, b"free") * (isobmff.MAX_BOXES + 1)
    for body in (nested, many):
        data = b"\0\0\0\x10ftypavif\0\0\0\0" + body
        if "AVIF" in native_formats().readable:
            (tmp_path / "a.avif").write_bytes(data)
            with pytest.raises(ImageReadError):
                probe(tmp_path / "a.avif", max_pixels=100)
    assert isobmff.parse(nested).items == {}
    with pytest.raises(ValueError, match="boxes"):
        isobmff.parse(many)


@pytest.mark.parametrize("trouble", [RecursionError(), TypeError("x"), MemoryError()])
def test_any_trouble_with_a_header_is_our_error(tmp_path, monkeypatch, trouble):
    """What the header reader may raise on a file nobody thought of must not end a whole batch."""

    def fail(*_):
        raise trouble

    monkeypatch.setattr(PngFile, "header", fail)
    (tmp_path / "a.png").write_bytes(saved(PLAIN))
    with pytest.raises(ImageReadError) as told:
        probe(tmp_path / "a.png", max_pixels=1000)
    if not isinstance(trouble, MemoryError):
        assert told.value.reason.startswith(f"nlsr failed on it ({type(trouble).__name__}")
        assert "NLSR_DEBUG" in told.value.hint
        assert "again" not in told.value.hint


def test_many_pages_cost_little(tmp_path):
    """Sixty thousand pages are not counted one by one in time that grows with their square."""
    data = chained(60000)
    (tmp_path / "a.tif").write_bytes(data)
    before = time.process_time()
    assert probe(tmp_path / "a.tif", max_pixels=100).frames == tiff.MAX_PAGES
    assert (
        "Only the first of many pages is read; --page N takes another one, and --format tiff keeps all."
        in read_picture(data).notes
    )
    assert time.process_time() - before < 3
    assert len(tiff.chain(chained(5))) == 6
    assert len(tiff.chain(saved(PLAIN, "TIFF", big_tiff=True))) == 1


def test_pages_in_a_circle_are_counted_once():
    """A last page that points at the first."""
    data = bytearray(chained(3))
    data[-4:] = data[4:8]
    assert len(tiff.chain(bytes(data))) == 4
