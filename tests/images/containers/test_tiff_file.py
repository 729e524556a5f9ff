"""Every part of a TIFF file has a fate: nothing that no rule names, and nothing that no entry points to, can vanish."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import probe, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.parts import Fate
from tests.conftest import ASSETS
from tests.images.deep_files import deep_tiff, samples
from tests.images.files import account_of, camera_exif, gradient, losses, saved, shorts
from tests.images.files import tiff as tiff_of

PLAIN = Image.fromarray(gradient())
BYTES = bytes(range(1, 251)) * 8


def grey(tags: dict[int, tuple[int, int, bytes]] | None = None, order: str = "<", side: int = 8) -> bytes:
    """Return a grey TIFF with further tags."""
    own = {256: shorts(order, side), 257: shorts(order, side), 258: shorts(order, 8), 259: shorts(order, 1)}
    own |= {262: shorts(order, 1), 277: shorts(order, 1), 278: shorts(order, side)}
    return tiff_of(order, {**own, **(tags or {})}, bytes(range(side * side)))


def chained(*files: bytes) -> bytes:
    """Return one little-endian classic TIFF with the directories of all, one behind the other."""
    data = bytearray(files[0])
    pointer = _pointer_behind(files[0], 0)
    for file in files[1:]:
        data += bytes(len(data) % 2)
        base = len(data)
        moved = bytearray(file)
        start = struct.unpack_from("<I", file, 4)[0]
        for tag, at in tiff.rows(file, start):
            _, kind, count = struct.unpack_from("<HHI", file, at)
            beyond = tiff.SIZES[kind] * count > 4
            if beyond or tag == 273:
                struct.pack_into("<I", moved, at + 8, struct.unpack_from("<I", file, at + 8)[0] + base)
        struct.pack_into("<I", data, pointer, start + base)
        data += moved
        pointer = _pointer_behind(file, base)
    return bytes(data)


def _pointer_behind(file: bytes, base: int) -> int:
    start = struct.unpack_from("<I", file, 4)[0]
    return base + start + 2 + 12 * struct.unpack_from("<H", file, start)[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [900, 32767, 32768, 50999, 65000, 65535])
@pytest.mark.parametrize("payload", [b"", b"abcd", BYTES])
def test_tags_that_nobody_knows_are_told(order, tag, payload):
    """Public or private, empty, short or long, in either byte order."""
    notes = losses("TIFF", grey({tag: (7, len(payload), payload)}, order))
    size = 12 + (len(payload) if len(payload) > 4 else 0)
    assert notes == (f"Left out: 1 unknown TIFF tag ({tag}; {size} bytes).",)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (37724, "layers and other Photoshop document data"),
        (50838, "ImageJ data"),
        (50839, "ImageJ data"),
        (34412, "microscope data (Zeiss LSM)"),
        (33628, "microscope data (MetaMorph)"),
        (32932, "annotations (Wang Imaging)"),
        (43314, "an NIH Image header"),
        (37680, "document properties (Microsoft Office"),
        (50740, "raw development settings (DNG)"),
        (33424, "camera data (Kodak)"),
        (343, "a clipping path"),
        (33434, "camera settings outside EXIF"),
        (286, "the position on a page"),
    ],
)
def test_what_programs_write_is_told_by_its_name(tag, words):
    (note,) = read_picture(grey({tag: (7, 40, b"\1" * 40)})).notes
    assert note.startswith(f"Left out: {words}")
    assert note.endswith("(52 bytes).")


def test_claims_of_layers_go_with_them():
    """Otherwise the packet would promise texts that can be edited."""
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Rome">'
        b"<photoshop:TextLayers><rdf:Bag/></photoshop:TextLayers></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    stated = {700: (1, len(packet), packet)}
    alone, layered = (read_picture(grey(tags)) for tags in (stated, {**stated, 37724: (7, 40, b"8" * 40)}))
    assert b"TextLayers" in alone.metadata.xmp
    assert b"TextLayers" not in layered.metadata.xmp
    assert b"Rome" in layered.metadata.xmp


def test_a_second_tag_of_a_number_is_told():
    """Readers take one of the two, and the other is gone."""
    data = bytearray(grey({270: (2, 4, b"one\0"), 271: (2, 4, b"two\0")}))
    at = next(at for tag, at in tiff.rows(bytes(data), struct.unpack_from("<I", data, 4)[0]) if tag == 271)
    struct.pack_into("<H", data, at, 270)
    assert losses("TIFF", bytes(data)) == ("Left out: 1 unknown TIFF tag (second 270; 12 bytes).",)


def test_bytes_behind_and_between_are_told_and_slack_is_not():
    """What no entry points to: told where it is more than writers leave between parts, and not where it is zeros."""
    data = grey()
    assert losses("TIFF", data + bytes(5000)) == ()
    assert losses("TIFF", data + b"\r\n\0\0") == ()
    assert losses("TIFF", data + bytes(7) + BYTES) == ("Left out: data after the end of the picture (2000 bytes).",)
    moved = chained(data, grey(side=4))  # a second page that no directory points to any more is stray data
    pointer = _pointer_behind(data, 0)
    alone = moved[:pointer] + bytes(4) + moved[pointer + 4 :]
    assert losses("TIFF", alone)[0].startswith("Left out: data after the end of the picture (")
    between = chained(data + BYTES, grey(side=4))
    assert losses("TIFF", between) == (
        "Left out: data between the parts of the file (2005 bytes).",
    )  # with the second header
    assert losses("TIFF", chained(data + BYTES[:200], grey(side=4))) == ()


@pytest.mark.parametrize("big", [True, False])
def test_every_byte_of_a_file_belongs_to_a_part(big):
    """Headers, directories, values, strips: the sizes of the parts come to the size of the file."""
    data = deep_tiff(samples(3), 2, big=big, more={270: ("B", tuple(b"a description")), 65000: ("B", (7,) * 99)})
    assert sum(each.part.size for each in account_of("TIFF", data)) == len(data)


@pytest.mark.parametrize("fmt", ["TIFF"])
@pytest.mark.parametrize("how", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"big_tiff": True}])
def test_ordinary_files_have_no_notes(fmt, how):
    data = saved(PLAIN, fmt, dpi=(300, 300), description="a", software="b", icc_profile=None, **how)
    assert read_picture(data).notes == ()
    fates = [each.rule.fate for each in account_of(fmt, data)]
    assert Fate.DROPPED not in fates
    assert {Fate.REPLACED, Fate.CARRIED} <= set(fates)


def test_colours_by_numbers_are_told_unless_they_are_those_of_srgb():
    """ImageMagick writes the chromaticities of sRGB into every file."""
    for points, told in (((64, 33, 30, 60, 15, 6), False), ((64, 33, 21, 71, 15, 6), True)):
        for order in "<>":
            packed = struct.pack(f"{order}12I", *(number for point in points for number in (point, 100)))
            notes = losses("TIFF", grey({319: (5, 6, packed)}, order))
            assert bool(notes) is told


def test_exif_inside_a_tiff_is_carried_whole():
    data = saved(PLAIN, "TIFF", exif=camera_exif(thumbnail=False))
    carried = [each.part.name for each in account_of("TIFF", data) if each.rule.fate is Fate.CARRIED]
    assert "Exif 37500" in carried
    assert "GPS 2" in carried
    assert losses("TIFF", data) == ()


# The picture that counts


def test_the_full_picture_behind_its_reduced_copy_is_read():
    """Directory 0 is 24x16 and says that it is a reduced copy (NewSubfileType); the picture is 96x64."""
    path = ASSETS / "cases" / "09_thumbnail_first.tif"
    picture = read_picture(path)
    assert picture.color.shape == (64, 96, 3)
    assert picture.notes == (
        "The first picture in the file is a reduced copy; the full one is read.",
        "Left out: reduced copies of the picture (1296 bytes).",
    )
    header = probe(path, max_pixels=10**6)
    assert (header.height, header.width, header.frames) == (64, 96, 1)


@pytest.mark.parametrize("kind", [{254: (4, 1, struct.pack("<I", 1))}, {255: shorts("<", 2)}])
def test_what_the_reduced_copy_says_holds_for_the_picture_too(kind):
    """TIFF/EP keeps camera and date with the small picture; its resolution is its own."""
    small = grey({**kind, 271: (2, 6, b"Maker\0"), 282: (5, 1, struct.pack("<II", 72, 1))}, side=4)
    picture = read_picture(chained(small, grey({272: (2, 6, b"Model\0")})))
    assert picture.color.shape == (8, 8, 1)
    assert picture.metadata.exif is not None
    assert picture.metadata.dpi is None
    entries = tiff.parse(picture.metadata.exif).root.entries
    assert (entries[271].payload, entries[272].payload) == (b"Maker\0", b"Model\0")
    assert sum("Left out" in note for note in picture.notes) == 1


@pytest.mark.parametrize("bits", [4, 5])
def test_masks_are_no_pictures(bits):
    mask = grey({254: (4, 1, struct.pack("<I", bits))}, side=4)
    for data in (chained(mask, grey()), chained(grey(), mask)):
        picture = read_picture(data)
        assert picture.color.shape == (8, 8, 1)
        assert [note for note in picture.notes if "frames" in note] == []
        assert any(note.startswith("Left out: a mask (") for note in picture.notes)


def below(small: bytes, *full: bytes) -> bytes:
    """Return a TIFF whose SubIFDs are the directories of others."""
    whole = chained(small, *full)
    starts = list(tiff.chain(whole))
    data, pointer = bytearray(whole), _pointer_behind(small, 0)
    struct.pack_into("<I", data, pointer, 0)
    at = next(at for tag, at in tiff.rows(small, starts[0]) if tag == 330)
    struct.pack_into("<I", data, at + 8, starts[1])
    return bytes(data)


def test_the_full_picture_in_a_sub_ifd_is_read():
    small = grey({254: (4, 1, struct.pack("<I", 1)), 330: (4, 1, bytes(4)), 271: (2, 6, b"Maker\0")}, side=4)
    picture = read_picture(below(small, grey()))
    assert picture.color.shape == (8, 8, 1)
    assert picture.metadata.exif is not None
    np.testing.assert_array_equal(picture.color.ravel(), np.arange(64))


def test_a_further_picture_in_a_sub_ifd_is_told():
    picture = read_picture(below(grey({330: (4, 1, bytes(4))}), grey(side=4)))
    assert picture.color.shape == (8, 8, 1)
    assert [note for note in picture.notes if note.startswith("Left out: a further picture (")]


@pytest.mark.parametrize("tags", [{262: shorts("<", 32803)}, {50706: (1, 4, b"\1\4\0\0")}])
def test_samples_of_a_sensor_are_developed_or_refused_wherever_they_are(tags):
    """Never is the reduced copy beside them taken for the picture; these are no samples that LibRaw knows."""
    small = grey(
        {254: (4, 1, struct.pack("<I", 1)), 330: (4, 1, bytes(4)), **({50706: tags[50706]} if 50706 in tags else {})},
        side=4,
    )
    with pytest.raises(ImageReadError, match="camera raw"):
        read_picture(below(small, grey(tags)))


def test_reduced_copies_behind_are_no_pages():
    """Pyramids of maps and slides hold the picture again and again, smaller."""
    data = chained(grey(), *(grey({254: (4, 1, struct.pack("<I", 1))}, side=side) for side in (4, 2)))
    picture = read_picture(data)
    assert [note.split(" (")[0] for note in picture.notes] == ["Left out: reduced copies of the picture"]
    pages = chained(grey(), grey(side=4), grey({254: (4, 1, struct.pack("<I", 1))}, side=4))
    assert (
        "Only the first of 2 pages is read; --page N takes another one, and --format tiff keeps all."
        in read_picture(pages).notes
    )


def test_hostile_directories_take_no_time():
    """A thousand directories of four thousand entries each that overlap in one place."""
    rows = struct.pack("<H", 4096) + b"".join(struct.pack("<HHII", 65000, 7, 1, 0) for _ in range(4096))
    data = b"II*\0\x08\0\0\0" + rows
    data = data + bytes(4)
    begun = time.process_time()
    losses("TIFF", data * 3)
    for end in range(0, len(data), 97):
        losses("TIFF", data[:end])
    assert time.process_time() - begun < 10
