"""Tag directories: read as they are, written back with types, order and maker notes intact."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from nlsr_cli.images.containers import tiff
from tests.images.files import MAKER_NOTE, camera_exif, saved


def plain(directory: tiff.Directory) -> dict[int, object]:
    """Return a directory as nested dictionaries without offsets."""
    found: dict[int, object] = {tag: entry[:3] for tag, entry in directory.entries.items()}
    return {**found, **{tag: plain(child) for tag, child in directory.children.items()}}


@pytest.mark.parametrize("order", ["<", ">"])
def test_block_survives_a_round_trip(order):
    """Every tag of every directory keeps its type, count and bytes."""
    block = tiff.parse(camera_exif(6, order))
    assert block.order == order
    assert set(block.root.children) == {tiff.EXIF_IFD, tiff.GPS_IFD}
    again = tiff.parse(tiff.serialise(block))
    assert plain(again.root) == plain(block.root)
    assert again.broken == 0


def test_maker_note_keeps_its_offset():
    """Makers count offsets from the start of the block, so their notes must not move."""
    data = camera_exif()
    written = tiff.serialise(tiff.parse(data))
    assert written.index(MAKER_NOTE) == data.index(MAKER_NOTE)
    assert tiff.serialise(tiff.parse(written)) == written


def test_byte_order_can_be_changed_and_back():
    """Numbers are swapped by their word size, undefined data is not touched."""
    block = tiff.parse(camera_exif(order=">"))
    little = tiff.reordered(block, "<")
    assert tiff.rational(little.root.entries[282], "<") == 72
    assert little.root.children[tiff.EXIF_IFD].entries[tiff.MAKER_NOTE].payload == MAKER_NOTE
    assert plain(tiff.reordered(little, ">").root) == plain(block.root)


def test_pillow_reads_what_is_written():
    """An independent reader finds the same values where it expects them."""
    exif = Image.Exif()
    exif.load(tiff.serialise(tiff.parse(camera_exif(3, ">"))))
    assert (exif[271], exif[274]) == ("Imaginary", 3)
    assert exif.get_ifd(tiff.EXIF_IFD)[0x829A] == pytest.approx(1 / 250)
    assert exif.get_ifd(tiff.GPS_IFD)[2] == (47, 22, 30)
    assert exif.get_ifd(tiff.INTEROP_IFD)[1] == "R98"


def test_big_tiff_is_understood():
    """BigTIFF has wider counts and offsets and is otherwise the same."""
    data = saved(Image.new("L", (5, 3)), "TIFF", big_tiff=True)
    block = tiff.parse(data)
    assert tiff.integers(block.root.entries[256], block.order) == (5,)


@pytest.mark.parametrize("data", [b"", b"II*\0", b"XX*\0aaaa", b"II*\0\xff\xff\0\0", b"II\x2b\0\x08\0\0\0"])
def test_nonsense_is_a_value_error(data):
    """What is no TIFF structure is one known exception."""
    with pytest.raises(ValueError, match="TIFF"):
        tiff.parse(data)


def test_circles_and_lies_are_survived():
    """A directory that contains itself, entries beyond the end, unknown types: counted, not followed."""
    rows = struct.pack("<HHHII", 3, tiff.EXIF_IFD, 4, 1, 8)
    rows += struct.pack("<HHII", 271, 2, 2**31, 8) + struct.pack("<HHII", 272, 99, 1, 8)
    block = tiff.parse(b"II*\0\x08\0\0\0" + rows + bytes(4))
    assert block.broken == 3
    assert plain(block.root) == {}
