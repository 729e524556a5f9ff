"""XMP, IPTC, texts and comments: out of every format, into every format that holds them, with a note elsewhere."""

from __future__ import annotations

import re
import struct
import time
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nlsr_cli.images import Metadata, encode_picture, read_picture
from nlsr_cli.images.containers.gif import chain
from nlsr_cli.images.containers.tiff import EXIF_IFD, Block, Directory, Entry, integers, parse, serialise
from nlsr_cli.images.formats import writing_of
from nlsr_cli.images.inspection import inspect_picture
from nlsr_cli.images.metadata import iptc, jpeg, keeping
from nlsr_cli.images.metadata.photoshop import left_behind
from nlsr_cli.images.metadata.thumbnail import with_thumbnail
from nlsr_cli.images.metadata.xmp import UNFOLLOWED_NOTE
from nlsr_cli.images.picture import GainMap
from nlsr_cli.options import EncodeOptions
from tests.images import icc
from tests.images.files import SINGLE, camera_exif, gradient, picture, saved, shorts, tiff, with_png_chunk
from tests.images.metadata.test_xmp import packet

PLAIN = Image.fromarray(gradient())
OPTIONS = EncodeOptions()
IPTC_LIMIT = 65533 - len(b"Photoshop 3.0\0") - 12 - 1  # of a segment: what else an APP13 of Photoshop has, and a byte
WRITABLE = [name for name in SINGLE if name not in ("GIF", "JXL")]  # which Pillow opens
HOLDERS = [name for name in WRITABLE if writing_of(name).carries.xmp]
PACKET = packet(b'tiff:Orientation="6" tiff:ImageWidth="16"', b"<dc:title>A hill \xc3\xa4</dc:title>")
RECORDS = b"\x1c\x01\x5a\0\x03\x1b%G" + b"\x1c\x02\x78\0\x07Caption" + b"\x1c\x02\x19\0\x03sea"
TEXTS = (("Title", "A sunset"), ("Author", "J\xe4n"), ("Title", "\u65e5\u672c"), ("Long", "word " * 5000))


def with_xmp(format_: str) -> bytes:
    """Return a small file of a format with a packet, written by Pillow."""
    if format_ == "PNG":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", PACKET.decode())
        return saved(PLAIN, pnginfo=info)
    if format_ == "TIFF":
        return saved(PLAIN, "TIFF", tiffinfo={700: PACKET})
    return saved(PLAIN, format_, xmp=PACKET)


def resources(*pairs: tuple[int, bytes]) -> bytes:
    """Return a block of Photoshop's resources."""
    return b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2) for number, data in pairs
    )


def with_segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG with one more segment."""
    data = saved(PLAIN, "JPEG")
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


def photoshop(*pairs: tuple[int, bytes]) -> bytes:
    """Return a JPEG that has a block of Photoshop's resources."""
    return with_segment(0xED, b"Photoshop 3.0\0" + resources(*pairs))


@pytest.mark.parametrize("target", WRITABLE)
@pytest.mark.parametrize("source", HOLDERS)
def test_xmp_travels_from_format_to_format(source, target):
    """Orientation and size are corrected, everything else is the same, by Pillow's account too."""
    read = read_picture(with_xmp(source))
    data, notes = encode_picture(read, format=target, options=OPTIONS)
    if not writing_of(target).carries.xmp:
        assert notes == (f"{target} cannot hold XMP metadata; it is left out.",)
        return
    assert notes == ()
    assert read.notes == (() if source == "TIFF" else (UNFOLLOWED_NOTE,))
    expected = PACKET.replace(b'Orientation="6"', b'Orientation="1"')
    expected = expected.replace(b'ImageWidth="16"', b'ImageWidth="%d"' % read.width)
    with Image.open(BytesIO(data)) as image:
        assert image.info["xmp"] == expected
    assert read_picture(data).metadata.xmp == expected


@pytest.mark.parametrize("more", [0, 1, 200_000])
def test_xmp_beyond_one_segment_of_a_jpeg_goes_into_an_extension(more):
    """One segment holds 64 kB; what is more comes back, in another order."""
    room = jpeg.XMP_LIMIT - len(packet(elements=b"<dc:x></dc:x><dc:y>b</dc:y>")) + more
    elements = b"<dc:x>" + b"a" * room + b"</dc:x>", b"<dc:y>b</dc:y>"
    source = picture(xmp=packet(b'tiff:Make="C"', elements=b"".join(elements)))
    data, notes = encode_picture(source, format="JPEG", options=OPTIONS)
    assert notes == ()
    read = read_picture(data)
    assert read.notes == ()
    assert all(element in read.metadata.xmp for element in (*elements, b'tiff:Make="C"'))
    assert (jpeg.EXTENDED_HEAD in data) is (len(source.metadata.xmp) > jpeg.XMP_LIMIT)


def test_xmp_that_no_extension_makes_small_is_left_out_with_a_note():
    """Attributes do not move."""
    source = picture(xmp=packet(b'tiff:Make="%s"' % (b"a" * 70_000)))
    data, notes = encode_picture(source, format="JPEG", options=OPTIONS)
    assert len(notes) == 1
    assert "too large for JPEG" in notes[0]
    assert read_picture(data).metadata.xmp is None


def test_extension_that_does_not_fit_is_told():
    """Its main packet does not name it, or there is none."""
    read = read_picture(with_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + bytes(8) + b"<x/>"))
    assert read.notes == ("The extension of the XMP metadata is damaged and is left out.",)


def tiff_of(tags: dict[int, tuple[int, int, bytes]]) -> bytes:
    """Return a small grey TIFF with more tags, which Pillow does not write as old programs did."""
    plain = {256: shorts("<", 4), 257: shorts("<", 2), 258: shorts("<", 8), 259: shorts("<", 1), 262: shorts("<", 1)}
    return tiff("<", {**plain, 277: shorts("<", 1), 278: shorts("<", 2), **tags}, bytes(range(8)))


def sources_of_iptc() -> dict[str, bytes]:
    """Return files that hold RECORDS, in each place where they are found."""
    info = PngInfo()
    digits = resources((0x0404, RECORDS)).hex()
    info.add_text("Raw profile type iptc", f"\niptc\n {len(digits) // 2}\n{digits}\n", zip=True)
    bare = PngInfo()
    bare.add_text("Raw profile type IPTC", f"\nIPTC\n {len(RECORDS)}\n{RECORDS.hex()}\n")
    padded = RECORDS + bytes(-len(RECORDS) % 4)
    longs = struct.unpack(f">{len(padded) // 4}I", padded)
    return {
        "JPEG": photoshop((0x03ED, bytes(16)), (0x0404, RECORDS)),
        "PNG": saved(PLAIN, pnginfo=info),
        "PNG, bare": saved(PLAIN, pnginfo=bare),
        "TIFF": saved(PLAIN, "TIFF", tiffinfo={33723: RECORDS}),
        "TIFF, in numbers": tiff_of({33723: (4, len(longs), struct.pack(f"<{len(longs)}I", *longs))}),
        "TIFF, Photoshop": saved(PLAIN, "TIFF", tiffinfo={34377: resources((0x0404, RECORDS))}),
    }


@pytest.mark.parametrize("target", WRITABLE)
@pytest.mark.parametrize("source", sources_of_iptc())
def test_iptc_travels_to_the_formats_that_hold_it(source, target):
    """Record for record; to others it is told."""
    read = read_picture(sources_of_iptc()[source])
    assert read.metadata.iptc == RECORDS
    assert read.notes == ()
    data, notes = encode_picture(read, format=target, options=OPTIONS)
    if writing_of(target).carries.iptc:
        assert notes == ()
        assert read_picture(data).metadata.iptc == RECORDS
    else:
        assert notes[-1] == f"{target} cannot hold IPTC metadata; it is left out."


def test_iptc_in_a_jpeg_is_where_others_look():
    """Pillow's own reading of APP13."""
    with Image.open(BytesIO(encode_picture(picture(iptc=RECORDS), format="JPEG", options=OPTIONS)[0])) as image:
        assert image.info["photoshop"] == {0x0404: RECORDS}


def test_iptc_too_large_for_jpeg_is_left_out_with_a_note():
    """As much as a segment holds, and a byte more."""
    for size, fits in ((IPTC_LIMIT, True), (IPTC_LIMIT + 1, False)):
        count = (size - 10) // 5
        records = b"\x1c\x02\x19\0\0" * count + b"\x1c\x02\x78" + struct.pack(">H", size - 5 * count - 5)
        records += b"x" * (size - len(records))
        data, notes = encode_picture(picture(iptc=records), format="JPEG", options=OPTIONS)
        assert (notes == ()) is fits
        assert (read_picture(data).metadata.iptc == records) is fits


def test_photoshops_own_data_is_told_where_it_speaks_of_the_picture():
    """Paths, slices and what nobody knows; not how it printed, and not the one slice that every file has."""
    path, printing, one = (2000, b"path" * 4), (0x03F3, bytes(9)), (0x041A, b"\0\0\0\6" + bytes(23) + b"\1")
    slices = (0x041A, b"\0\0\0\6" + bytes(23) + b"\2")
    read = read_picture(photoshop(path, printing, slices, (0x0404, RECORDS)))
    assert read.notes == ("Photoshop's own data is left out (clipping paths, slices).",)
    assert read.metadata.iptc == RECORDS
    assert read_picture(photoshop(printing, one, (0x0408, bytes(16)), (0x0425, bytes(16)))).notes == ()
    assert read_picture(photoshop((0x0BEE, b"x"))).notes == ("Photoshop's own data is left out (resource 3054).",)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_cut_off_resources_are_no_harm(cut):
    """A block may end anywhere."""
    whole = resources((0x03ED, bytes(16)), (0x0404, RECORDS))
    assert iptc.records_of(whole[:cut]) in (None, RECORDS)
    assert list(left_behind(whole[:cut])) == []
    read_picture(saved(PLAIN, "TIFF", tiffinfo={34377: whole[:cut] or b"8"}))
    assert iptc.records_of(RECORDS[:cut]) in (None, *(RECORDS[:n] for n in (8, 20, 28)))


def test_damaged_iptc_is_told():
    """What does not begin as IPTC does."""
    assert read_picture(photoshop((0x0404, b"nonsense"))).notes == (iptc.DAMAGED_NOTE,)
    assert read_picture(saved(PLAIN, "TIFF", tiffinfo={33723: b"nonsense"})).notes == (iptc.DAMAGED_NOTE,)


def test_texts_of_a_png_stay():
    """In their order, twice the same keyword too, in Latin-1 and beyond; Pillow reads the same."""
    info = PngInfo()
    for keyword, text in TEXTS:
        info.add_text(keyword, text, zip=len(text) > 100)
    read = read_picture(saved(PLAIN, pnginfo=info))
    assert (read.metadata.texts, read.notes) == (TEXTS, ())
    data, notes = encode_picture(read, format="PNG", options=OPTIONS)
    assert notes == ()
    assert read_picture(data).metadata.texts == TEXTS
    with Image.open(BytesIO(data)) as image:
        assert image.text == dict(TEXTS)
    data, notes = encode_picture(read, format="WEBP", options=OPTIONS)
    assert notes == ("WEBP cannot hold texts as PNG does; they are left out (Author, Long, Title).",)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk."""
    data = saved(PLAIN)
    framed = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + framed + data[33:]


def test_languages_of_texts_are_told():
    """They have no place in what is kept."""
    read = read_picture(chunk(b"iTXt", b"Title\0\0\0de\0Titel\0Ein H\xc3\xbcgel"))
    assert read.metadata.texts == (("Title", "Ein Hügel"),)
    assert read.notes == ("The language tags of PNG texts are left out.",)


@pytest.mark.parametrize(
    ("name", "body"),
    [(b"tEXt", b"no end"), (b"tEXt", b"\0text"), (b"tEXt", b"a" * 80 + b"\0text"), (b"tEXt", b"Key\0a\0b")],
)
def test_damaged_texts_are_told(name, body):
    """One that no PNG may have."""
    read = read_picture(chunk(name, body))
    assert read.metadata.texts == ()
    assert read.notes == ("1 of the PNG texts are damaged and are left out.",)


@pytest.mark.parametrize("source", ["JPEG", "PNG"])
@pytest.mark.parametrize("target", WRITABLE)
def test_the_comment_of_a_jpeg_is_a_text_of_a_png(source, target):
    """There and back; elsewhere it is told."""
    given = saved(PLAIN, "JPEG", comment="A hill in März".encode())
    read = read_picture(
        given if source == "JPEG" else encode_picture(read_picture(given), format="PNG", options=OPTIONS)[0]
    )
    data, notes = encode_picture(read, format=target, options=OPTIONS)
    with Image.open(BytesIO(data)) as image:
        if target == "JPEG":
            assert image.info["comment"].decode() == "A hill in März"
        elif target == "PNG":
            assert image.text == {"Comment": "A hill in März"}
        else:
            assert len(notes) == 1
            assert re.fullmatch(f"{target} cannot hold .* left out.*", notes[0])
            return
    assert notes == ()


def test_strip_leaves_the_profile_and_says_nothing():
    """No EXIF, no words, no resolution, no thumbnail; the colours stay what they are."""
    profile = icc.rgb("Display P3", icc.DISPLAY_P3)
    source = picture(
        icc=profile, exif=camera_exif(), thumbnail=True, xmp=PACKET, iptc=RECORDS, texts=TEXTS, comment=b"hi",
        dpi=(300.0, 300.0),
    )  # fmt: skip
    for target in HOLDERS:
        data, notes = encode_picture(source, format=target, options=EncodeOptions(strip=True))
        assert notes == ()
        found = read_picture(data).metadata
        assert found.icc == profile
        assert (found.exif, found.xmp, found.iptc, found.texts, found.comment, found.dpi) == (None,) * 3 + (
            (),
            None,
            None,
        )
        whole = read_picture(encode_picture(source, format=target, options=OPTIONS)[0])
        np.testing.assert_array_equal(read_picture(data).color, whole.color)
        assert None not in (whole.metadata.exif, whole.metadata.xmp, whole.metadata.dpi), "so there was something"


@pytest.mark.parametrize("source", HOLDERS)
def test_mutated_words_cost_the_words_at_most(source):
    """Bytes changed at random in a packet: whatever it says then, the picture is read, with its pixels, and written."""
    random = np.random.default_rng(5)
    data = with_xmp(source)
    at = data.index(PACKET)
    kept = []
    for number in range(100):
        broken = bytearray(data)
        for place in random.integers(at, at + len(PACKET), 1 + number % 4):
            broken[place] = random.integers(0, 256) if number % 2 else ord("x")
        if source == "PNG":  # whose chunks have a checksum
            chunk = broken.index(b"iTXt")
            end = chunk + 4 + int.from_bytes(broken[chunk - 4 : chunk], "big")
            broken[end : end + 4] = zlib.crc32(broken[chunk:end]).to_bytes(4, "big")
        read = read_picture(bytes(broken))
        kept.append(read.metadata.xmp is not None)
        again = read_picture(encode_picture(read, format="PNG", options=OPTIONS)[0])
        np.testing.assert_array_equal(again.color, read.color)
        turned = [np.rot90(each, turns) for each in (read.color, read.color[::-1]) for turns in range(4)]
        expected = read_picture(data).color
        assert any(np.array_equal(each, expected) for each in turned), "as the packet may turn a TIFF"
    assert set(kept) == {False, True}, "some are words no more, some are other words"


@pytest.mark.parametrize(("keyword", "head"), [("xmp", b""), ("APP1", b"http://ns.adobe.com/xap/1.0/\0")])
def test_xmp_as_imagemagick_wrote_it_in_png(keyword, head):
    """In hexadecimal, before PNG had a place for it; as the segment of a JPEG, too."""
    info = PngInfo()
    info.add_text(f"Raw profile type {keyword}", f"\n{keyword}\n 9\n{(head + packet()).hex()}\n", zip=True)
    assert read_picture(saved(PLAIN, pnginfo=info)).metadata.xmp == packet()


LONG = b"x" * ((16 << 20) + 1)
TOO_LONG = {
    b"tEXt": b"Plain\0" + LONG,
    b"zTXt": b"Packed\0\0" + zlib.compress(LONG),
    b"iTXt": b"Named\0\1\0\0\0" + zlib.compress(LONG * 8),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_long_text_costs_the_text_and_not_the_picture(name):
    """Programs keep whole workflows in texts; the picture is sound, and so are the other texts."""
    body = TOO_LONG[name]
    data = with_png_chunk(chunk(b"tEXt", b"Title\0short"), name, body)
    read, word = read_picture(data), body.partition(b"\0")[0].decode()
    assert read.metadata.texts == (("Title", "short"),)
    assert read.notes == (f"Left out: texts beyond 16 MiB ({word}).",)
    assert inspect_picture(data).said.texts == read.metadata.texts


def test_texts_that_unfold_are_given_up_soon():
    """A thousand texts of 17 MiB each, in a file of 20 MB or less."""
    data = chunk(b"zTXt", TOO_LONG[b"zTXt"])
    at = data.index(b"zTXt") - 4
    part = data[at : data.index(b"IDAT") - 4]
    begun = time.process_time()
    assert len(read_picture(data[:at] + part * 1000 + data[at:]).notes) == 1
    assert time.process_time() - begun < 10


def test_a_text_with_a_wrong_checksum_is_left_out():
    """Decoders discard such a chunk; it is not part of the picture."""
    data = chunk(b"tEXt", b"Title\0text").replace(b"Title\0text", b"Title\0test")
    assert read_picture(data).notes == ("1 of the PNG texts are damaged and are left out.",)


def test_what_a_png_says_twice_is_told():
    """Of two packets and of two profiles of a kind the first counts; a profile that is not read is named."""
    stated = b"XML:com.adobe.xmp\0\0\0\0\0" + packet()
    data = with_png_chunk(with_png_chunk(saved(PLAIN), b"iTXt", stated), b"iTXt", stated)
    assert read_picture(data).notes == ("Left out: texts that occur twice (XML:com.adobe.xmp).",)
    raw = chunk(b"tEXt", b"Raw profile type icm\0\nicm\n 2\nabcd\n")
    assert read_picture(raw).notes == ("Left out: profiles in PNG texts (icm).",)


def test_old_places_of_exif_and_xmp_in_png():
    """The chunks zxIf and tXMP of drafts, which some files have."""
    exif = camera_exif(6)
    old = chunk(b"zxIf", b"\0" + struct.pack(">I", len(exif)) + zlib.compress(exif))
    assert read_picture(old).color.shape[:2] == (16, 12)
    assert read_picture(chunk(b"tXMP", packet())).metadata.xmp == packet()


def test_what_imagemagick_writes_into_gif_is_kept():
    """A colour profile (ICC.1:2001-04, annex B.4), and IPTC in the resources of Photoshop."""
    wide = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))
    records = b"\x1c\x02\x78\0\x05Title"
    data = saved(PLAIN.convert("P"), "GIF")
    blocks = [b"!\xff\x0bICCRGBG1012" + chain(wide), b"!\xff\x0bMGKIPTC0000" + chain(iptc.wrapped(records))]
    marked = data[:-1] + b"".join(blocks) + data[-1:]
    read = read_picture(marked)
    assert (read.metadata.icc, read.metadata.iptc) == (wide, records)
    assert read.notes[-1] == "Colours are converted from 'Wide' to sRGB for enlarging, and back."
    assert inspect_picture(marked).profile == "Wide"


def held(format_: str, now: tuple[int, int] = (12, 16), **given: object) -> tuple[Metadata, tuple[str, ...]]:
    """Return what a file of a format and a size keeps of metadata with these fields, and the notes."""
    found = keeping.kept(Metadata("PNG", "RGB", **given), writing_of(format_).carries, now, None)
    return found.metadata, found.notes


def exif_of(length: int) -> bytes:
    """Return an EXIF block of so many bytes, which are an even number."""
    empty = len(serialise(Block("<", Directory({270: Entry(2, 8, bytes(8))})))) - 8
    block = serialise(Block("<", Directory({270: Entry(2, length - empty, b"x" * (length - empty))})))
    assert len(block) == length
    return block


def test_exif_fills_a_segment_of_a_jpeg_but_for_a_reserve():
    """64 bytes remain for what writing adds: the size and a resolution."""
    limit = 65533 - 6 - 64
    block = exif_of(limit - 1)
    assert held("JPEG", exif=block)[0].exif == block
    for dpi in (None, (72.0, 72.0)):
        data, notes = encode_picture(picture(exif=block, dpi=dpi), format="JPEG", options=OPTIONS)
        assert notes == ()
        assert read_picture(data).metadata.exif == block
    beyond = exif_of(limit + 1)
    assert held("JPEG", exif=beyond) == (
        Metadata("PNG", "RGB"),
        ("The EXIF data is too large for JPEG and is left out.",),
    )
    assert held("PNG", exif=beyond)[0].exif == beyond


def test_a_thumbnail_fills_what_room_there_is():
    """To the last byte; a larger one is left out with a note, and the rest of EXIF stays."""
    block, limit = exif_of(60_000), 65533 - 6 - 64
    room = limit - len(with_thumbnail(block, b""))
    for size, fits in ((room, True), (room + 1, False)):
        found = keeping.kept(Metadata("PNG", "RGB", exif=block), writing_of("JPEG").carries, (12, 16), b"x" * size)
        assert found.metadata.exif == block
        assert (found.thumbnail is not None) is fits
        assert (found.notes == ()) is fits


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF", "GIF"])
def test_a_thumbnail_needs_a_place(format_):
    """EXIF that has a second directory; that of a TIFF would be a second page."""
    able = writing_of(format_).carries
    found = keeping.kept(Metadata("PNG", "RGB", exif=exif_of(100)), able, (12, 16), b"thumbnail")
    assert found.thumbnail == (b"thumbnail" if format_ in ("PNG", "WEBP") else None)
    told = {
        "TIFF": "TIFF has no room for a thumbnail; it is left out.",
        "GIF": "GIF cannot hold EXIF data; it is left out.",
    }
    assert found.notes == ((told[format_],) if format_ in told else ())
    assert keeping.kept(Metadata("PNG", "RGB", exif=exif_of(100)), able, (12, 16), None).notes == (
        (told["GIF"],) if format_ == "GIF" else ()
    )


@pytest.mark.parametrize(
    ("dpi", "listed"),
    [((300.0, 300.0), None), ((72.5, 72.5), "72.50"), ((300.0, 72.126), "300.00 × 72.13")],
)
def test_a_resolution_that_a_jpeg_cannot_count_is_told(dpi, listed):
    """It is kept as near as it comes; other formats say it as it is."""
    note = f"JPEG counts whole dots per inch; the resolution of {listed} is rounded."
    assert held("JPEG", dpi=dpi) == (Metadata("PNG", "RGB", dpi=dpi), (note,) if listed else ())
    assert held("PNG", dpi=dpi) == (Metadata("PNG", "RGB", dpi=dpi), ())
    assert held("GIF", dpi=dpi) == (Metadata("PNG", "RGB"), ("GIF cannot hold a resolution; it is left out.",))
    assert held("GIF") == (Metadata("PNG", "RGB"), ())


@pytest.mark.parametrize(("unit", "dpi"), [("micron", (600.0, 450.0)), (None, (300.0, 150.0))])
def test_what_exif_says_of_pixels_grows_with_them(unit, dpi):
    """Places in the picture always; the resolution only where it is the scale of a microscope."""
    subject = Directory({0xA214: Entry(3, 2, struct.pack("<HH", 4, 3))})
    described = {} if unit is None else {270: Entry(2, 23, f"ImageJ=1\nunit={unit}\n".encode().ljust(23, b"\0"))}
    block = serialise(Block("<", Directory(described, {EXIF_IFD: subject})))
    found, notes = held("TIFF", (36, 32), exif=block, size=(12, 16), dpi=(300.0, 150.0))
    moved = parse(found.exif).root.children[EXIF_IFD].entries[0xA214]
    assert integers(moved, "<") == (8, 9)
    assert (found.dpi, notes) == (dpi, ())
    assert held("TIFF", (36, 32), exif=block, size=(12, 16))[0].dpi is None
    assert held("TIFF", (36, 32), exif=block, dpi=(300.0, 150.0))[0].exif == block


def test_what_marks_missing_data_is_kept_or_told():
    """A TIFF states the value; elsewhere such pixels may be transparent."""
    tag = (33922, 12, struct.pack("<6d", 4, 3, 0, 500, 600, 0))
    found, notes = held("TIFF", (36, 32), tiff_tags=(tag,), nodata="-9999", size=(12, 16))
    moved = (33922, 12, struct.pack("<6d", 8, 9, 0, 500, 600, 0))
    assert (found.tiff_tags, notes) == ((moved, (42113, 2, b"-9999\0")), ())
    assert held("TIFF", tiff_tags=(tag,))[0].tiff_tags == (tag,)
    note = "{} cannot hold a no-data value (-9999); it is left out"
    for format_, masked, more in (("PNG", True, True), ("PNG", False, False), ("JPEG", True, False)):
        found, notes = held(format_, nodata="-9999", masked=masked)
        assert found.tiff_tags == ()
        assert notes == (note.format(format_) + ("; pixels without data are transparent." if more else "."),)
    assert held("PNG", tiff_tags=(tag,))[1] == ("PNG cannot hold a georeference; it is left out.",)


def test_room_for_a_packet_is_that_of_the_format():
    """16 MiB; in a JPEG what no extension takes must fit into one segment."""
    assert writing_of("PNG").carries.holds_packet(bytes(16 << 20)) is True
    assert writing_of("PNG").carries.holds_packet(bytes((16 << 20) + 1)) is False
    room = jpeg.XMP_LIMIT - len(packet(b'tiff:Make=""'))
    assert writing_of("JPEG").carries.holds_packet(packet(b'tiff:Make="%s"' % (b"a" * room))) is True
    assert writing_of("JPEG").carries.holds_packet(packet(b'tiff:Make="%s"' % (b"a" * (room + 1)))) is False
    assert writing_of("JPEG").carries.holds_packet(packet(elements=b"<dc:x>" + b"a" * 70_000 + b"</dc:x>")) is True
    note = "The XMP metadata of {} bytes is too large for {} and is left out."
    large = packet(elements=b"<dc:x>" + b"a" * (16 << 20) + b"</dc:x>")
    assert held("WEBP", xmp=large) == (Metadata("PNG", "RGB"), (note.format(len(large), "WEBP"),))
    assert held("BMP", xmp=packet())[1] == ("BMP cannot hold XMP metadata; it is left out.",)


@pytest.mark.parametrize("strip", [True, False])
@pytest.mark.parametrize("format_", ["JPEG", "AVIF"])
def test_a_gain_map_is_kept_or_told(format_, strip):
    """Without it the output is not HDR; where there is none, there is nothing to tell."""
    given, notes = GainMap(np.zeros((2, 2, 1), np.uint8)), []
    assert keeping.kept_gain_map(given, writing_of(format_).carries, strip=strip, notes=notes) is (
        given if (format_, strip) == ("JPEG", False) else None
    )
    told = "The gain map is left out with the metadata: the output is not HDR."
    if not strip:
        told = f"{format_} cannot hold a gain map here; it is left out, and the output is not HDR."
    assert notes == ([] if (format_, strip) == ("JPEG", False) else [told])
    assert keeping.kept_gain_map(None, writing_of(format_).carries, strip=strip, notes=notes) is None
    assert len(notes) <= 1


def test_iptc_fills_one_segment():
    """As Photoshop reads it: of more, readers find none."""
    assert len(jpeg.photoshop_segment(iptc.wrapped(bytes(IPTC_LIMIT)))) <= 4 + 65533
    with pytest.raises(ValueError, match="too large for a segment"):
        jpeg.photoshop_segment(iptc.wrapped(bytes(IPTC_LIMIT + 1)))


COMMENT = ("Comment", "A hill")


@pytest.mark.parametrize(
    ("format_", "texts", "comment", "kept_texts", "kept_comment", "told"),
    [
        ("PNG", (), b"A hill", (COMMENT,), None, ()),
        ("PNG", (COMMENT,), b"Another", (COMMENT,), None, ()),
        ("PNG", (("Title", "x"),), b"M\xe4rz", (("Title", "x"), ("Comment", "M\xe4rz")), None, ()),
        ("PNG", (("Title", "x"),), b"a\0b", (("Title", "x"), ("Comment", "ab")), None, ()),
        ("PNG", (COMMENT,), None, (COMMENT,), None, ()),
        ("JPEG", (COMMENT,), None, (), b"A hill", ()),
        ("GIF", (COMMENT,), None, (), b"A hill", ()),
        ("JPEG", (COMMENT, ("Title", "x")), None, (), b"A hill", ("texts as PNG does; they are left out (Title)",)),
        ("JPEG", (COMMENT, ("Comment", "x")), None, (), b"A hill", ("texts as PNG does; they are left out (Comment)",)),
        ("JPEG", (COMMENT,), b"Another", (), b"Another", ("texts as PNG does; they are left out (Comment)",)),
        ("WEBP", (COMMENT,), None, (), None, ("texts as PNG does; they are left out (Comment)",)),
        ("WEBP", (), b"A hill", (), None, ("a comment; it is left out",)),
        ("WEBP", (), None, (), None, ()),
    ],
)  # fmt: skip
def test_texts_and_comments_change_places(format_, texts, comment, kept_texts, kept_comment, told):
    """A PNG's text of that keyword is the comment of a JPEG or GIF; what has no place is told, and nothing else."""
    found, notes = held(format_, texts=texts, comment=comment)
    assert (found.texts, found.comment) == (kept_texts, kept_comment)
    assert notes == tuple(f"{format_} cannot hold {note}." for note in told)


def test_a_comment_fills_one_segment_of_a_jpeg():
    """To the last byte; a GIF has no such limit."""
    for size, fits in ((65533, True), (65534, False)):
        data, notes = encode_picture(picture(comment=b"x" * size), format="JPEG", options=OPTIONS)
        assert read_picture(data).metadata.comment == (b"x" * size if fits else None)
        assert notes == (() if fits else ("The comment is too large for JPEG and is left out.",))
        assert held("GIF", comment=b"x" * size)[0].comment == b"x" * size


@pytest.mark.parametrize(
    ("keywords", "listed"),
    [
        (("B", "A", "A"), "A, B"),
        (("D", "C", "B", "A"), "A, B, C, D"),
        (("E", "D", "C", "B", "A"), "A, B, C, D and more"),
        (("a" * 41,), "a" * 40),
        (("a\nb",), "a?b"),
    ],
)
def test_a_note_names_a_few_texts(keywords, listed):
    """However many there are and whatever they hold, it is one line."""
    _, notes = held("WEBP", texts=tuple((keyword, "x") for keyword in keywords))
    assert notes == (f"WEBP cannot hold texts as PNG does; they are left out ({listed}).",)
