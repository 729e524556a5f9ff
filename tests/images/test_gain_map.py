"""Gain maps of HDR JPEGs: found by what they say, enlarged with the picture, written so that readers find them."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import encode_picture, inspect_picture, read_picture, resize_gain_map
from nlsr_cli.images.containers import jpeg, mpf
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images import icc, jpegs
from tests.images.files import SINGLE, camera_exif, parsed
from tests.images.jpegs import APPLE_XMP, HDRGM, ISO, MAP_XMP, map_file, ultra_hdr

OPTIONS = EncodeOptions()
CASES = ASSETS / "cases"
BOTH = map_file(jpegs.xmp(MAP_XMP), jpegs.iso(ISO))
APPLE_FILE = jpegs.mpf(jpegs.jpeg(), (0, map_file(jpegs.xmp(APPLE_XMP))))
ISO_FILE = jpegs.mpf(jpegs.jpeg(jpegs.iso(bytes(4))), (0, map_file(jpegs.iso(ISO))))
KINDS = {
    "Ultra HDR": ultra_hdr(),
    "Ultra HDR and ISO 21496-1": ultra_hdr(BOTH),
    "ISO 21496-1": ISO_FILE,
    "ISO 21496-1, without a directory": jpegs.jpeg() + map_file(jpegs.iso(ISO)),
    "Apple": APPLE_FILE,
    "in colour": ultra_hdr(map_file(jpegs.xmp(MAP_XMP), channels=3)),
    "as large as the picture": ultra_hdr(map_file(height=24, width=32)),
    "behind padding": jpegs.jpeg() + bytes(700) + map_file(),
    "behind a preview": jpegs.mpf(jpegs.jpeg(), (0x010002, jpegs.jpeg(height=6, width=8)), (0, map_file())),
    "in a motion photo": ultra_hdr(trailer=jpegs.VIDEO),
    "in a Samsung motion photo": ultra_hdr() + jpegs.samsung(("MotionPhoto_Data", jpegs.VIDEO)),
    "little-endian directory": jpegs.mpf(jpegs.jpeg(), (0, map_file()), order="<"),
}


def twice(data: bytes, **options: object) -> tuple[bytes, tuple[str, ...]]:
    """Return the file of a picture of twice the size, and the notes of reading and writing."""
    read = read_picture(data)
    gain_map = resize_gain_map(read.gain_map, (read.height, read.width), (2 * read.height, 2 * read.width))
    large = replace(read, color=read.color.repeat(2, 0).repeat(2, 1), gain_map=gain_map)
    written, notes = encode_picture(large, format="JPEG", options=EncodeOptions(**options))
    return written, (*read.notes, *notes)


@pytest.mark.parametrize("kind", KINDS)
def test_gain_map_is_kept_with_equal_metadata(kind):
    """Whatever the file says of it, and wherever it lies."""
    data = KINDS[kind]
    source = parsed("JPEG", data).located
    written, notes = twice(data)
    made = parsed("JPEG", written).located
    assert made.size == (2 * source.size[0], 2 * source.size[1])
    assert made.iso == source.iso
    assert made.xmp == source.xmp
    assert [note for note in notes if "video" not in note] == []
    with (
        Image.open(BytesIO(data[source.start : source.stop])) as one,
        Image.open(BytesIO(written[made.start :])) as two,
    ):
        assert one.mode == two.mode
        reduced = np.asarray(two.resize(one.size, Image.Resampling.BOX), int)
        assert np.abs(reduced - np.asarray(one)).max() <= 12


@pytest.mark.parametrize("kind", KINDS)
def test_directories_of_the_output_are_true(kind):
    """Offsets and lengths in both directories are those of the file, and nothing is claimed in another form."""
    written, _ = twice(KINDS[kind])
    made = parsed("JPEG", written).located
    assert made.stop == len(written)
    (body,) = [body for marker, body in jpeg.Jpeg(written).header() if body.startswith(b"MPF\0")]
    assert [entry.start for entry in mpf.parse(body, written.index(body))] == [0, made.start]
    with Image.open(BytesIO(written)) as image:  # another reader of the directory
        listed = image._getmp()[0xB002]
    assert [each["Size"] for each in listed] == [made.start, len(written) - made.start]
    head = written[: made.start]
    lengths = re.findall(rb'Item:Length="(\d+)"', head)
    adobe = made.xmp is not None and HDRGM.encode() in made.xmp
    assert lengths == ([b"%d" % (len(written) - made.start)] if adobe else [])
    assert (b'hdrgm:Version="1.0"' in head) is adobe
    assert (jpegs.ISO_HEAD + bytes(4) in head) is (made.iso is not None)
    assert (b"AMPF" in head) is (kind == "Apple")
    assert b"MotionPhoto" not in written


def test_same_picture_gives_the_same_bytes():
    assert twice(KINDS["Ultra HDR and ISO 21496-1"])[0] == twice(KINDS["Ultra HDR and ISO 21496-1"])[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_gain_map_is_turned_as_the_picture_is(orientation):
    """Base and gain map show the same gradient, and must still do so when they are upright."""
    second = map_file(height=24, width=32)
    read = read_picture(ultra_hdr(second, exif=b"Exif\0\0" + camera_exif(orientation)))
    upright = read.gain_map.pixels[..., 0].astype(int)
    assert np.abs(upright - read.color[..., 0]).max() <= 6
    assert read.gain_map.pixels.shape[:2] == read.color.shape[:2]


@pytest.mark.parametrize("target", [name for name in SINGLE if name != "JPEG"])
def test_other_formats_tell_that_they_are_not_hdr(target):
    """And say nothing of a gain map."""
    read = read_picture(ultra_hdr(more='xmlns:dc="urn:dc" dc:title="A hill"'))
    data, notes = encode_picture(read, format=target, options=OPTIONS)
    told = f"{target} cannot hold a gain map here; it is left out, and the output is not HDR."
    assert notes.count(told) == 1
    assert b"hdrgm" not in data
    assert b"hdr-gain-map" not in data
    assert b"GainMap" not in data
    found = read_picture(data)
    assert found.gain_map is None
    assert found.metadata.xmp is None or b"A hill" in found.metadata.xmp


def test_strip_leaves_it_out_with_a_note():
    data, notes = twice(ultra_hdr(BOTH), strip=True)
    assert notes == ("The gain map is left out with the metadata: the output is not HDR.",)
    assert parsed("JPEG", data).located is None
    assert b"hdrgm" not in data
    assert b"MPF" not in data
    assert b"21496" not in data


@pytest.mark.parametrize("kind", ["Ultra HDR", "ISO 21496-1", "Apple"])
def test_pictures_that_pillow_writes_without_a_jfif_header(kind):
    """CMYK has none, which must not be taken for one."""
    read = read_picture(KINDS[kind])
    profile = icc.cmyk()
    data, _ = encode_picture(
        replace(read, metadata=replace(read.metadata, icc=profile)), format="JPEG", options=OPTIONS
    )
    found = read_picture(data)
    assert found.metadata.mode == "CMYK"
    assert found.gain_map.pixels.shape == read.gain_map.pixels.shape


def test_profile_of_a_gain_map_is_kept():
    """In some settings it is the one in which gains apply."""
    profile = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))
    segment = jpegs.segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
    written, _ = twice(ultra_hdr(map_file(jpegs.xmp(MAP_XMP), segment)))
    assert read_picture(written).gain_map.icc == profile


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (map_file()[:-200], "damaged"),
        (map_file(height=25, width=32), "larger than the picture"),
        (map_file(height=24, width=33), "larger than the picture"),
        (map_file(*[jpegs.segment(0xFE)] * 4500, jpegs.xmp(MAP_XMP)), "damaged"),
        (map_file(jpegs.xmp(f'{MAP_XMP} xmlns:dc="urn:dc" dc:x="{"a" * 64500}"')), "too large"),
    ],
)
def test_gain_map_that_cannot_be_used_does_not_cost_the_picture(second, told):
    """It goes, and what the file says of it goes with it."""
    read = read_picture(ultra_hdr(second))
    assert read.gain_map is None
    (note,) = read.notes
    assert told in note
    assert note.endswith("is left out: the output is not HDR.")
    assert HDRGM.encode() not in (read.metadata.xmp or b"")
    assert np.abs(read.color.astype(int) - jpegs.soft(24, 32)).max() <= 6


def test_claim_without_a_gain_map_is_removed():
    """As messengers leave it, which drop what lies behind the picture."""
    read = read_picture(jpegs.jpeg(jpegs.xmp(f'xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0"')))
    assert read.gain_map is None
    assert read.notes == ()
    assert b"hdrgm" not in read.metadata.xmp


def test_second_gain_map_is_told():
    """There is a place for one."""
    data = jpegs.mpf(jpegs.jpeg(), (0, map_file()), (0, map_file(jpegs.xmp(APPLE_XMP))))
    read = read_picture(data)
    assert HDRGM.encode() in read.gain_map.xmp
    (note,) = read.notes
    assert note.startswith("Left out: another gain map (")


def test_gain_map_of_a_large_packet_is_found_in_the_first_segment():
    """XMP beyond 64 kB moves into an extension; the directory must not, for readers look no further."""
    elements = "".join(f'<dc:e{n} xmlns:dc="urn:dc">{"a" * 1000}</dc:e{n}>' for n in range(200))
    read = read_picture(ultra_hdr())
    large = replace(read, metadata=replace(read.metadata, xmp=jpegs.packet("", elements)))
    data, notes = encode_picture(large, format="JPEG", options=OPTIONS)
    assert notes == ()
    (first,) = [body for marker, body in jpeg.Jpeg(data).header() if body.startswith(b"http://ns.adobe.com/xap/1.0/\0")]
    assert b'Item:Semantic="GainMap"' in first
    assert read_picture(data).metadata.xmp.count(b"a" * 1000) == 200


@pytest.mark.parametrize("name", ["01_ultrahdr.jpg", "01b_ultrahdr_iso.jpg"])
def test_files_of_public_encoders(name):
    """The second is written by libultrahdr (through libvips 8.18), which has MPF behind the tables."""
    data = (CASES / name).read_bytes()
    source = parsed("JPEG", data).located
    written, _ = twice(data)
    made = parsed("JPEG", written).located
    assert (made.iso, made.xmp) == (source.iso, source.xmp)
    assert made.size == (2 * source.size[0], 2 * source.size[1])


def test_inspection_tells_of_it():
    found = inspect_picture(ultra_hdr())
    assert found.gain_map == (12, 16)
    assert found.as_json()["metadata"]["gain_map"] == {"height": 12, "width": 16}
    assert inspect_picture(jpegs.jpeg()).as_json()["metadata"]["gain_map"] is None
