"""EXIF and resolution: true of the new picture, complete in every format that can hold them."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffTags
from PIL.TiffImagePlugin import IFDRational

from nlsr_cli.images import Metadata, Picture, encode_picture, native_formats, read_picture
from nlsr_cli.images.color import profiles
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.formats import writing_of
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.options import EncodeOptions
from tests.images.files import MAKER_NOTE, camera_exif, gradient, picture, saved, shorts
from tests.images.files import tiff as tiff_file

HOLDERS = [name for name in native_formats().writable if writing_of(name).carries.exif and name != "JXL"]  # by Pillow
OPTIONS = EncodeOptions()
CASES = Path(__file__).parents[2] / "assets" / "cases"


def enlarged(source: Picture, scale: int = 3) -> Picture:
    """Return the picture with every pixel repeated, as the upscaler would hand it on."""
    return Picture(source.color.repeat(scale, 0).repeat(scale, 1), None, source.metadata)


def read_exif(data: bytes) -> Image.Exif:
    """Return the EXIF of a file as Pillow, an independent reader, finds it."""
    with Image.open(BytesIO(data)) as image:
        exif = image.getexif()
        for tag in (tiff.EXIF_IFD, tiff.GPS_IFD):
            exif.get_ifd(tag)
        return exif


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", HOLDERS)
@pytest.mark.parametrize("source", [name for name in HOLDERS if name != "TIFF"])
def test_exif_travels_from_format_to_format(source, target, order):
    """Camera, author, exposure, GPS and maker note survive; sizes are the new ones, orientation is 1."""
    block = camera_exif(6, order)
    given = b"Exif\0\0" + block if source == "JPEG" else block
    read = read_picture(saved(Image.fromarray(gradient()), source, exif=given))
    data, notes = encode_picture(enlarged(read), format=target, options=OPTIONS)
    exif = read_exif(data)
    inner, place = exif.get_ifd(tiff.EXIF_IFD), exif.get_ifd(tiff.GPS_IFD)
    assert (exif[271], exif[272], exif[315], exif[33432]) == ("Imaginary", "Camera 1", "A. Person", "(c) nobody")
    assert exif.get(274, 1) == 1
    assert inner[0x829A] == pytest.approx(1 / 250)
    assert (inner[0xA002], inner[0xA003]) == (36, 48)
    assert (inner[0x9000], inner[tiff.MAKER_NOTE]) == (b"0232", MAKER_NOTE)
    assert (place[1], place[2]) == ("N", (47, 22, 30))
    assert notes == (
        ("TIFF has no room for a thumbnail; it is left out.",) if target == "TIFF" and read.metadata.thumbnail else ()
    )
    assert b"THUMBNAIL" not in data


@pytest.mark.parametrize("target", HOLDERS)
def test_tags_of_a_tiff_that_describe_the_picture_travel(target):
    """Descriptive tags and the Exif and GPS directories of a TIFF go along; strips, bits and compression never."""
    exif = Image.Exif()
    exif.load(camera_exif(1))
    source = saved(Image.fromarray(gradient()), "TIFF", exif=exif, description="A hill")
    read = read_picture(source)
    kept = set(tiff.parse(read.metadata.exif).root.entries)
    assert kept <= exif_tags.DESCRIPTIVE
    assert {270, 271, 272, 315, 33432} <= kept
    data, _ = encode_picture(enlarged(read), format=target, options=OPTIONS)
    found = read_exif(data)
    assert (found[270], found[271]) == ("A hill", "Imaginary")
    assert found.get_ifd(tiff.GPS_IFD)[1] == "N"
    again = read_picture(data)
    assert (again.height, again.width) == (36, 48)


def test_tiff_without_anything_to_tell_has_no_exif():
    """Structure and resolution alone are no EXIF."""
    assert read_picture(saved(Image.fromarray(gradient()), "TIFF", dpi=(300, 300))).metadata.exif is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_portable_once_read(order):
    """What is kept has no thumbnail, orientation 1, and can be cleaned again without change."""
    cleaned, notes = exif_tags.portable_exif(camera_exif(8, order), from_tiff=False)
    assert notes == []
    assert exif_tags.orientation(cleaned) == 1
    assert exif_tags.orientation(camera_exif(8, order)) == 8
    assert b"THUMBNAIL" not in cleaned
    assert exif_tags.portable_exif(cleaned, from_tiff=False)[0] == cleaned


def test_sizes_beyond_16_bit_change_their_type():
    """A picture wider than 65535 needs a LONG where a SHORT stood."""
    block = tiff.parse(exif_tags.exif_for(camera_exif(), 70000, 5, dpi=None))
    inner = block.root.children[tiff.EXIF_IFD].entries
    assert tiff.integers(inner[exif_tags.PIXEL_Y], block.order) == (70000,)
    assert tiff.integers(inner[exif_tags.PIXEL_X], block.order) == (5,)


@pytest.mark.parametrize("raw", [b"nonsense", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0"])
def test_damaged_exif_is_left_out_with_a_note(raw):
    """Damaged EXIF costs the EXIF, not the picture."""
    read = read_picture(saved(Image.fromarray(gradient()), "JPEG", exif=b"Exif\0\0" + raw))
    assert read.metadata.exif is None
    assert "The EXIF data is damaged and is left out." in read.notes


def test_damaged_entries_are_left_out_with_a_note():
    """One bad entry costs that entry only."""
    raw = bytearray(camera_exif())
    at = raw.index((271).to_bytes(2, "little") + b"\2\0")
    raw[at + 8 : at + 12] = b"\xff\xff\xff\x7f"
    cleaned, notes = exif_tags.portable_exif(bytes(raw), from_tiff=False)
    assert notes == ["Some EXIF entries are damaged and are left out."]
    assert 271 not in tiff.parse(cleaned).root.entries
    assert 272 in tiff.parse(cleaned).root.entries


def test_exif_too_large_for_jpeg_is_left_out_with_a_note():
    """JPEG holds EXIF in one segment of 64 kB; PNG has no such limit."""
    root = tiff.Directory({270: tiff.Entry(2, 70000, b"a" * 69999 + b"\0")})
    source = picture(exif=tiff.serialise(tiff.Block("<", root)))
    data, notes = encode_picture(source, format="JPEG", options=OPTIONS)
    assert notes == ("The EXIF data is too large for JPEG and is left out.",)
    assert read_picture(data).metadata.exif is None
    assert encode_picture(source, format="PNG", options=OPTIONS)[1] == ()


def test_bmp_holds_no_exif():
    """What is dropped is told."""
    _, notes = encode_picture(picture(exif=camera_exif()), format="BMP", options=OPTIONS)
    assert notes == ("BMP cannot hold EXIF data; it is left out.",)


def test_exif_as_imagemagick_wrote_it_in_png():
    """Before PNG had eXIf, programs put it into a text chunk in hexadecimal; its orientation counts as well."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Raw profile type exif", f"\nexif\n  8\n{camera_exif(6).hex()}\n", zip=True)
    read = read_picture(saved(Image.fromarray(gradient()), pnginfo=info))
    assert (read.height, read.width) == (16, 12)
    assert read.metadata.exif is not None


def test_exif_behind_the_pixels_of_a_png_counts():
    """An eXIf chunk may follow the image data (PNG specification, third edition, 11.3.4.5)."""
    data = saved(Image.fromarray(gradient()), exif=camera_exif(6))
    at = data.index(b"eXIf") - 4
    length = 12 + int.from_bytes(data[at : at + 4], "big")
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    assert read_picture(moved).width == 12
    assert read_picture(moved).metadata.exif is not None


@pytest.mark.parametrize("channels", [1, 3])
def test_adobe_rgb_of_cameras_becomes_a_profile(channels):
    """DCF marks Adobe RGB by an interoperability index instead of a profile; the output has the profile."""
    block = tiff.parse(camera_exif())
    exif = block.root.children[tiff.EXIF_IFD].updated({0xA001: tiff.short_or_long(0xFFFF, "<")})
    index = tiff.Directory({1: tiff.Entry(2, 4, b"R03\0")})
    exif = tiff.Directory(exif.entries, {tiff.INTEROP_IFD: index})
    marked = tiff.serialise(tiff.Block("<", tiff.Directory(block.root.entries, {tiff.EXIF_IFD: exif})))
    source = Image.fromarray(gradient() // 4 + 96).convert("L" if channels == 1 else "RGB")
    read = read_picture(saved(source, "JPEG", exif=b"Exif\0\0" + marked))
    assert (
        read.notes[0] == "EXIF says Adobe RGB, but there is no colour profile; one is built from its published values."
    )
    data, _ = encode_picture(read, format="PNG", options=OPTIONS)
    with Image.open(BytesIO(data)) as image:
        assert image.info["icc_profile"] == profiles.adobe_rgb(channels)
        stored = np.asarray(image).astype(int)
    np.testing.assert_allclose(stored, np.asarray(Image.open(BytesIO(saved(source, "JPEG")))), atol=2)


@pytest.mark.parametrize("dpi", [(72.0, 72.0), (96.0, 96.0), (300.0, 300.0), (600.0, 300.0), (1200.0, 1200.0)])
@pytest.mark.parametrize("target", [*HOLDERS, "BMP"])
@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF", "BMP"])
def test_resolution_stays_the_same_number(source, target, dpi):
    """Whatever unit the formats count in, the number that people see comes back."""
    read = read_picture(saved(Image.fromarray(gradient()), source, dpi=dpi))
    assert read.metadata.dpi == dpi
    data, _ = encode_picture(enlarged(read), format=target, options=OPTIONS)
    assert read_picture(data).metadata.dpi == dpi


@pytest.mark.parametrize("target", ["WEBP", *(["AVIF"] if "AVIF" in HOLDERS else [])])
def test_resolution_goes_into_exif_where_there_is_no_other_place(target):
    """It joins the EXIF of the picture, or makes one."""
    for exif in (None, camera_exif(1, ">")):
        data, _ = encode_picture(picture(dpi=(240.0, 240.0), exif=exif), format=target, options=OPTIONS)
        assert read_exif(data)[282] == 240
        assert read_picture(data).metadata.dpi == (240.0, 240.0)


@pytest.mark.parametrize(
    "info",
    [{}, {"dpi": 300}, *({"dpi": pair} for pair in [(0, 0), (1, 1), (-3, -3), (10**9, 10**9), ("a", 2)])],
)
def test_silly_resolutions_are_ignored(info):
    """A resolution that cannot be meant is none."""
    assert exif_tags.resolution(info, None, "PNG") is None
    for number in (float("inf"), float("nan")):
        assert exif_tags.resolution({"dpi": (number, 300.0)}, None, "PNG") is None


def test_resolution_in_centimetres_and_without_tags():
    """TIFF may count in centimetres; a TIFF without the tags has none, although Pillow reports 1 dpi."""
    plain = Image.fromarray(gradient())
    assert read_picture(saved(plain, "TIFF")).metadata.dpi is None
    data = saved(plain, "TIFF", resolution=100, resolution_unit=3)
    assert read_picture(data).metadata.dpi == (254.0, 254.0)


@pytest.mark.parametrize("target", [*HOLDERS, "BMP"])
def test_no_resolution_is_made_up(target):
    """A picture that states none gets none; Pillow alone would write 96 dpi into a BMP."""
    assert read_picture(encode_picture(picture(), format=target, options=OPTIONS)[0]).metadata.dpi is None


def jpeg_of(density: tuple[int, int], unit: int, tags: dict[int, tuple[int, int, bytes]] | None) -> bytes:
    """Return a JPEG with this JFIF density and EXIF of these tags."""
    data = bytearray(saved(Image.fromarray(gradient()), "JPEG"))
    struct.pack_into(">BHH", data, 13, unit, *density)  # behind the version in APP0, with which Pillow begins
    if tags is None:
        return bytes(data)
    entries = {tag: tiff.Entry(*entry) for tag, entry in tags.items()}
    body = b"Exif\0\0" + tiff.serialise(tiff.Block("<", tiff.Directory(entries)))
    return bytes(data[:20] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[20:])


def fractions(*pairs: tuple[int, int]) -> tuple[int, int, bytes]:
    """Return the fields of a RATIONAL entry."""
    return tiff.RATIONAL, len(pairs), b"".join(struct.pack("<II", *pair) for pair in pairs)


UNIT = {code: (tiff.SHORT, 1, struct.pack("<H", code)) for code in range(5)}


@pytest.mark.parametrize(
    ("tags", "dpi", "notes"),
    [
        ({282: fractions((1, 1)), 283: fractions((1, 1)), 296: UNIT[1]}, None, 0),
        ({282: fractions((300, 1)), 283: fractions((300, 1)), 296: UNIT[1]}, None, 0),
        ({282: fractions((2, 1)), 283: fractions((1, 1)), 296: UNIT[1]}, None, 1),
        ({282: fractions((72, 0)), 283: fractions((72, 0)), 296: UNIT[2]}, None, 0),
        ({282: fractions((0, 0)), 283: fractions((72, 1)), 296: UNIT[2]}, None, 0),
        ({282: fractions((0, 1)), 283: fractions((0, 1)), 296: UNIT[2]}, None, 0),
        ({282: fractions((1, 2)), 283: fractions((1, 2)), 296: UNIT[2]}, None, 1),
        ({282: fractions((2**32 - 1, 1)), 283: fractions((2**32 - 1, 1)), 296: UNIT[2]}, None, 1),
        ({282: fractions((72, 1), (9, 1)), 283: fractions((72, 1), (9, 1)), 296: UNIT[2]}, (72.0, 72.0), 0),
        ({282: fractions(), 283: fractions(), 296: UNIT[2]}, None, 0),
        ({282: UNIT[4], 283: UNIT[4], 296: UNIT[2]}, None, 0),
        ({282: (2, 3, b"72\0"), 283: (2, 3, b"72\0"), 296: UNIT[2]}, None, 0),
        ({282: fractions((100, 1)), 283: fractions((100, 1)), 296: UNIT[3]}, (254.0, 254.0), 0),
        ({282: fractions((300, 1)), 283: fractions((300, 1))}, (300.0, 300.0), 0),
        ({282: fractions((72, 1)), 283: fractions((72, 1)), 296: UNIT[4]}, None, 0),
        ({271: (2, 2, b"A\0")}, None, 0),
        (None, None, 0),
    ],
)
@pytest.mark.parametrize("jfif", [True, False])
def test_every_resolution_in_exif_is_read_or_left_out(tags, dpi, notes, jfif):
    """Whatever fraction it is, with a unit or without, a JPEG is enlarged, and none is made up. With a JFIF header, and
    in the JPEG of a camera, which has none.
    """
    data = jpeg_of((1, 1), 0, tags)
    read = read_picture(data if jfif else data[:2] + data[20:])
    assert read.metadata.dpi == dpi
    assert len(read.notes) == notes
    encode_picture(read, format="JPEG", options=OPTIONS)


def test_a_resolution_without_a_unit_ends_no_reading():
    """Pillow hands it over as a fraction of its own, which no format of numbers takes."""
    read = read_picture(CASES / "10_exif_xres1_unit_none.jpg")
    assert (read.metadata.dpi, read.notes) == (None, ())


@pytest.mark.parametrize("unit", [1, 2])
def test_resolution_of_jfif_counts_before_exif(unit):
    """In dots per inch, and in dots per centimetre."""
    tags = {282: fractions((72, 1)), 283: fractions((72, 1)), 296: UNIT[2]}
    assert read_picture(jpeg_of((100, 100), unit, tags)).metadata.dpi == ((100, 100) if unit == 1 else (254, 254))


@pytest.mark.parametrize(
    "pair",
    [
        (IFDRational(1, 0), IFDRational(1)),
        (IFDRational(0, 0),) * 2,
        ((1, 2), (1, 2)),
        (None, 3),
        (10**400, 1),
        [1, 2],
        3,
    ],
)
def test_pairs_of_any_kind_are_taken_or_ignored(pair):
    """What Pillow hands over depends on the file: whole numbers, fractions of its own, pairs of them, nothing."""
    for info in ({"dpi": pair}, {"aspect": pair}, {"jfif_unit": 0, "jfif_density": pair}):
        assert exif_tags.resolution(info, None, "PNG") is None
        assert list(exif_tags.resolution_notes(info, None, "PNG", found=None)) == []


def test_metadata_defaults_say_nothing():
    """A picture made in memory carries nothing."""
    assert Metadata("PNG", "RGB") == Metadata("PNG", "RGB", None, None, None, False)


def test_resolutions_that_are_no_whole_numbers_stay_what_they_are():
    """Only what a PNG's dots per metre cannot say is rounded: 299.8 dpi are not 300."""
    for stated in (299.8, 72.25, 71.98):
        assert exif_tags.resolution({"dpi": (stated, 300.0)}, None, "PNG") == (stated, 300.0)
    assert exif_tags.resolution({"dpi": (299.9994, 72.0088)}, None, "PNG") == (300.0, 72.0)


# As TIFF 6.0 and its supplements call the tags; Pillow knows their numbers.
STORAGE = (
    "NewSubfileType SubfileType BitsPerSample Compression PhotometricInterpretation Threshholding CellWidth CellLength "
    "FillOrder StripOffsets SamplesPerPixel RowsPerStrip StripByteCounts MinSampleValue MaxSampleValue "
    "PlanarConfiguration FreeOffsets FreeByteCounts GrayResponseUnit GrayResponseCurve T4Options T6Options "
    "TransferFunction Predictor WhitePoint PrimaryChromaticities ColorMap HalftoneHints TileWidth TileLength "
    "TileOffsets TileByteCounts SubIFDs InkSet InkNames NumberOfInks DotRange ExtraSamples SampleFormat "
    "SMinSampleValue SMaxSampleValue TransferRange JPEGTables JPEGProc JPEGInterchangeFormat "
    "JPEGInterchangeFormatLength JPEGRestartInterval JPEGLosslessPredictors JPEGPointTransforms JPEGQTables "
    "JPEGDCTables JPEGACTables YCbCrCoefficients YCbCrSubSampling YCbCrPositioning ReferenceBlackWhite XMP "
    "IptcNaaInfo PhotoshopInfo ICCProfile"
)
DESCRIBING = (
    "DocumentName ImageDescription Make Model Orientation XResolution YResolution PageName ResolutionUnit Software "
    "DateTime Artist HostComputer TargetPrinter Copyright"
)
NUMBERS = {tag.name: number for number, tag in TiffTags.TAGS_V2.items()}
# Rating and RatingPercent, the XP* texts of Windows, PrintImageMatching: Pillow has no names for them.
NAMELESS = (18246, 18249, *range(40091, 40096), 50341)


def block_of(tags, order="<", children=None) -> bytes:
    """Return EXIF in which each of these tags is one SHORT of 1, or the entry that is given."""
    entries = tags if isinstance(tags, dict) else dict.fromkeys(tags, tiff.short_or_long(1, order))
    return tiff.serialise(tiff.Block(order, tiff.Directory(entries, children or {})))


def first_tags(exif: bytes | None) -> set[int]:
    """Return the tags of the first directory of EXIF."""
    return set(tiff.parse(exif).root.entries)


@pytest.mark.parametrize("name", STORAGE.split())
def test_what_speaks_of_the_storage_of_the_source_goes(name):
    """A reader that believed it of the output would look for strips or colours that are not there."""
    given = block_of((NUMBERS[name], 271, 60000))
    assert first_tags(exif_tags.portable_exif(given, from_tiff=False)[0]) == {271, 60000}


@pytest.mark.parametrize("number", [*(NUMBERS[name] for name in DESCRIBING.split()), *NAMELESS])
def test_what_speaks_of_the_picture_stays_of_a_tiff(number):
    """Title, camera, dates, authors, rating; what nobody knows may be storage, and goes."""
    found, _ = exif_tags.portable_exif(tiff_of({number: (3, 1, b"\1\0"), 60000: (3, 1, b"\1\0")}), from_tiff=True)
    alone = number in exif_tags.RESOLUTION_TAGS | {274}
    assert found is None if alone else first_tags(found) == {number}


def tiff_of(tags: dict[int, tuple[int, int, bytes]]) -> bytes:
    """Return a small grey TIFF with more tags."""
    plain = {256: shorts("<", 4), 257: shorts("<", 2), 258: shorts("<", 8), 259: shorts("<", 1), 262: shorts("<", 1)}
    return tiff_file("<", {**plain, 277: shorts("<", 1), 278: shorts("<", 2), **tags}, bytes(range(8)))


@pytest.mark.parametrize("child", [tiff.EXIF_IFD, tiff.GPS_IFD])
def test_a_tiff_that_tells_the_place_alone_has_exif(child):
    """A scan without a title may yet say where it was made."""
    given = block_of({}, children={child: tiff.Directory({1: tiff.Entry(2, 2, b"N\0")})})
    found, _ = exif_tags.portable_exif(given, from_tiff=True)
    assert tiff.parse(found).root.children[child].entries[1].payload == b"N\0"


@pytest.mark.parametrize("pages", [1, 2])
def test_a_stack_in_one_file_is_promised_no_more(pages):
    """OME-XML of a file with one page speaks of its other files; of a file with two, only the first page comes out."""
    text = b'<OME xmlns="urn:o"><Image><Pixels SizeZ="2" SizeC="1" SizeT="1"/></Image></OME>'
    frames = [Image.fromarray(gradient(channels=1)[..., 0] // (page + 1)) for page in range(pages)]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:], tiffinfo={270: text})
    found = tiff.parse(read_picture(data).metadata.exif).root.entries[270].payload.rstrip(b"\0")
    assert found == (text if pages == 1 else text.replace(b'"2"', b'"1"'))


def test_a_reduced_copy_speaks_for_its_picture():
    """Some cameras put all that they know into the small copy that leads a TIFF; its resolution is its own."""
    assert {270, 271, 274, 306, 315, 33432, 700, 33723, 34377, tiff.EXIF_IFD, tiff.GPS_IFD} <= exif_tags.INHERITED
    assert not exif_tags.INHERITED & {256, 257, 259, 273, 282, 283, 296, 34675}


def test_sizes_are_those_of_the_output_wherever_exif_states_them():
    """In the first directory, in Exif, and in the directory for interoperability."""
    related = tiff.Directory({0x1001: tiff.short_or_long(1, "<"), 0x1002: tiff.short_or_long(1, "<")})
    exif = tiff.Directory({0xA002: tiff.short_or_long(1, "<"), 0xA003: tiff.short_or_long(1, "<")}, {0xA005: related})
    given = block_of((256, 257), children={0x8769: exif})
    root = tiff.parse(exif_tags.exif_for(given, 30, 40, dpi=None)).root
    inner = root.children[0x8769]
    found = {**root.entries, **inner.entries, **inner.children[0xA005].entries}
    assert {tag: tiff.integers(entry, "<") for tag, entry in found.items()} == {
        256: (40,), 257: (30,), 0xA002: (40,), 0xA003: (30,), 0x1001: (40,), 0x1002: (30,),
    }  # fmt: skip


@pytest.mark.parametrize("oriented", [True, False])
def test_the_orientation_is_left_out_where_asked(oriented):
    """A format that has its own would turn the picture twice."""
    found = exif_tags.exif_for(block_of((274, 271)), 3, 4, dpi=None, oriented=oriented)
    assert first_tags(found) == ({271, 274} if oriented else {271})
    assert first_tags(exif_tags.exif_for(block_of((274, 271)), 3, 4, dpi=None)) == {271, 274}


@pytest.mark.parametrize(("stated", "expected"), [*((n, n) for n in range(1, 9)), (0, 1), (9, 1), (6000, 1)])
def test_orientations_that_are_none_turn_nothing(stated, expected):
    """Eight are defined; a picture must not be turned by any other number."""
    raw = block_of({274: tiff.short_or_long(stated, "<")})
    assert exif_tags.orientation(raw) == expected
    assert exif_tags.states_orientation(raw) is True


@pytest.mark.parametrize("raw", [None, b"", b"nonsense", b"II*\0\xff\xff\xff\xff"])
def test_exif_that_is_none_says_nothing(raw):
    """Every question has an answer all the same."""
    assert exif_tags.orientation(raw) == 1
    assert exif_tags.states_orientation(raw) is False
    assert exif_tags.states_adobe_rgb(raw) is False
    assert exif_tags.resolution({}, raw, "JPEG") is None
    assert list(exif_tags.resolution_notes({}, raw, "JPEG", found=None)) == []
    assert exif_tags.orientation(block_of((271,))) == 1
    assert exif_tags.states_orientation(block_of((271,))) is False


@pytest.mark.parametrize(
    ("space", "index", "adobe"),
    [(0xFFFF, b"R03\0", True), (1, b"R03\0", False), (0xFFFF, b"R98\0", False), (0xFFFF, None, False)],
)
def test_adobe_rgb_needs_both_marks(space, index, adobe):
    """Uncalibrated alone may be anything; its colours must not be made wider."""
    interop = tiff.Directory({} if index is None else {1: tiff.Entry(2, 4, index)})
    exif = tiff.Directory({0xA001: tiff.short_or_long(space, "<")}, {0xA005: interop})
    assert exif_tags.states_adobe_rgb(block_of({}, children={0x8769: exif})) is adobe


def test_exif_as_pillow_hands_it_over():
    """With the mark of a JPEG or without; a mark alone is nothing, and what is no bytes is none."""
    block = camera_exif()
    assert exif_tags.exif_block({"exif": block}) == exif_tags.exif_block({"exif": b"Exif\0\0" + block}) == block
    assert [exif_tags.exif_block(info) for info in ({"exif": b"Exif\0\0"}, {"exif": ""}, {})] == [None] * 3
    assert exif_tags.portable_exif(None, from_tiff=False) == (None, [])


@pytest.mark.parametrize("unit", ["micron", "inch", "pixel"])
def test_a_calibration_is_told_from_a_resolution_for_print(unit):
    """Where pixels are measured with, the resolution must grow with them."""
    text = f"ImageJ=1\nunit={unit}\n".encode() + b"\0"
    assert exif_tags.states_calibration(block_of({270: tiff.Entry(2, len(text), text)})) is (unit != "pixel")
    assert exif_tags.states_calibration(block_of((271,))) is False


def test_resolutions_are_written_as_fractions_in_lowest_terms():
    """Whole numbers as cameras write them, others to four digits."""
    found = exif_tags.resolution_entries((300.0, 72.25), ">")
    assert found == {
        282: tiff.Entry(tiff.RATIONAL, 1, struct.pack(">II", 300, 1)),
        283: tiff.Entry(tiff.RATIONAL, 1, struct.pack(">II", 722500, 10000)),
        296: tiff.Entry(tiff.SHORT, 1, struct.pack(">H", 2)),
    }


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_resolution_is_that_of_the_upright_picture(orientation):
    """Across and down change places where rows become columns, whoever states them."""
    raw = block_of({274: tiff.short_or_long(orientation, "<"), **exif_tags.resolution_entries((300.0, 150.0), "<")})
    upright = (150.0, 300.0) if orientation >= 5 else (300.0, 150.0)
    assert exif_tags.resolution({}, raw, "JPEG") == exif_tags.resolution({"dpi": (300, 150)}, raw, "PNG") == upright


@pytest.mark.parametrize(
    ("stated", "expected"),
    [((1.0, 1.0), None), ((1.5, 1.5), (1.5, 1.5)), ((65535, 65535), (65535, 65535)), ((65536, 300), None)],
)
def test_resolutions_have_bounds(stated, expected):
    """1 dpi is what programs write that know none, and a JPEG counts to 65535; a poster may have less than 2."""
    assert exif_tags.resolution({"dpi": stated}, None, "PNG") == expected


SILLY = "The resolution of 0.5 × 0.25 dpi makes no sense and is left out."
OBLONG = "The file says that its pixels are not square ({}); this is left out."


@pytest.mark.parametrize(
    ("info", "raw", "note"),
    [
        ({"dpi": (0.5, 0.25)}, None, SILLY),
        ({"dpi": (0.5, 0.25)}, block_of((271,)), SILLY),
        ({"aspect": (2, 1)}, None, OBLONG.format("2 : 1")),
        ({"jfif_unit": 0, "jfif_density": (1, 3)}, None, OBLONG.format("1 : 3")),
        ({"jfif_unit": 1, "jfif_density": (1, 3)}, None, None),
        ({"dpi": (0, 0.25)}, None, None),
    ],
)
def test_what_is_stated_and_not_kept_is_told(info, raw, note):
    """In numbers, across before down."""
    assert list(exif_tags.resolution_notes(info, raw, "PNG", found=None)) == ([note] if note else [])
