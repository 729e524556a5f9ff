"""Places, sizes and densities in XMP and EXIF: true of the pixels in the output, whatever the orientation and scale.

A block of white pixels lies in a black picture; what the metadata says of it must hold for the white pixels of the
output, which are found by looking.
"""

from __future__ import annotations

import re
import struct
import time
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Picture, encode_picture, read_any, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import exif_tags, rdf, xmp, xmp_places
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.options import EncodeOptions
from tests.images.files import camera_exif, saved
from tests.images.metadata.test_xmp import packet

CASES = Path(__file__).parents[2] / "assets" / "cases"
HEIGHT, WIDTH = 40, 60
LEFT, TOP, BLOCK_WIDTH, BLOCK_HEIGHT = 6, 8, 10, 4  # the white block in the pixels as they are stored
X, Y = LEFT + BLOCK_WIDTH / 2, TOP + BLOCK_HEIGHT / 2
ORIENTATIONS = range(1, 9)
SIZES = [(2, 2), (3, 2)]  # factors down and across


def white(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the white pixels."""
    rows, columns = np.nonzero(pixels[..., 0] > 128)
    return (
        int(columns.min()),
        int(rows.min()),
        int(columns.max() - columns.min() + 1),
        int(rows.max() - rows.min() + 1),
    )


def exif_of(orientation: int, order: str = "<") -> bytes:
    """Return EXIF that tells of the white block, in every form that EXIF has."""
    block = tiff.parse(camera_exif(orientation, order, thumbnail=False))

    def shorts(*values: int) -> tiff.Entry:
        return tiff.Entry(tiff.SHORT, len(values), struct.pack(f"{order}{len(values)}H", *values))

    def fraction(above: int, below: int) -> tiff.Entry:
        return tiff.Entry(tiff.RATIONAL, 1, struct.pack(order + "II", above, below))

    exif = block.root.children[tiff.EXIF_IFD]
    told = {
        0x9214: shorts(int(X), int(Y), BLOCK_WIDTH, BLOCK_HEIGHT),
        0xA214: shorts(int(X), int(Y)),
        0xA20E: fraction(3000, 7),
        0xA20F: fraction(2000, 7),
    }
    root = block.root.updated({282: fraction(300, 1), 283: fraction(150, 1)})
    return tiff.serialise(tiff.Block(order, tiff.Directory(root.entries, {tiff.EXIF_IFD: exif.updated(told)})))


def source(orientation: int, words: bytes | None = None, fmt: str = "PNG", order: str = "<") -> bytes:
    """Return a file with the white block, EXIF that tells of it, and a packet."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[TOP : TOP + BLOCK_HEIGHT, LEFT : LEFT + BLOCK_WIDTH] = 255
    head = b"Exif\0\0" if fmt == "JPEG" else b""
    more = {"lossless": True} if fmt == "WEBP" else {}
    if words is not None and fmt == "PNG":
        from PIL.PngImagePlugin import PngInfo

        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", words.decode())
    elif words is not None:
        more["xmp"] = words
    return saved(Image.fromarray(pixels), fmt, exif=head + exif_of(orientation, order), **more)


def through(data: bytes, factors: tuple[int, int] = (2, 2), target: str = "PNG") -> tuple[Picture, tuple[str, ...]]:
    """Return what comes out when a file is enlarged by repeating its pixels, and the notes."""
    read = read_picture(data)
    color = read.color.repeat(factors[0], 0).repeat(factors[1], 1)
    written, notes = encode_picture(Picture(color, None, read.metadata), format=target, options=EncodeOptions())
    return read_picture(written), (*read.notes, *notes)


def numbers(found: Picture, *names: str) -> list[float]:
    """Return the numbers of attributes or elements of these local names, in the order of the names."""
    root = ElementTree.fromstring(found.metadata.xmp)
    told = {}
    for element in root.iter():
        for key, value in (*element.attrib.items(), (element.tag, element.text)):
            told.setdefault(key.partition("}")[2], value)
    return [float(Fraction(told[name])) for name in names]


REGION = (
    b'<mwg-rs:Regions rdf:parseType="Resource" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
    b'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#">'
    b'<mwg-rs:AppliedToDimensions stDim:w="%d" stDim:h="%d" stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>'
    b"<rdf:li><rdf:Description mwg-rs:Name='A'><mwg-rs:Area %s/></rdf:Description></rdf:li>"
    b"</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
)
AREA = 'stArea:x="{:.6f}" stArea:y="{:.6f}" stArea:w="{:.6f}" stArea:h="{:.6f}" stArea:unit="normalized"'
NORMAL = AREA.format(X / WIDTH, Y / HEIGHT, BLOCK_WIDTH / WIDTH, BLOCK_HEIGHT / HEIGHT).encode()


@pytest.mark.parametrize("factors", SIZES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_regions_stay_on_what_they_mark(fmt, orientation, factors):
    """MWG: normalized to the pixels as stored; the size for which they are meant is that of the output."""
    found, notes = through(source(orientation, packet(elements=REGION % (WIDTH, HEIGHT, NORMAL)), fmt), factors)
    left, top, width, height = white(found.color)
    expected = ((left + width / 2) / found.width, (top + height / 2) / found.height)
    expected += (width / found.width, height / found.height)
    assert numbers(found, "x", "y", "w", "h")[:2] == pytest.approx(expected[:2], abs=1e-5)
    area = ElementTree.fromstring(found.metadata.xmp).find(".//{*}Area")
    space = "{http://ns.adobe.com/xmp/sType/Area#}"
    assert [float(area.get(space + side)) for side in "wh"] == pytest.approx(expected[2:], abs=1e-5)
    assert numbers(found, "w", "h") == [found.width, found.height]
    assert notes == ()


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_regions_that_are_upright_already_stay(orientation):
    """Some programs mark the turned picture: the size that they state lies the other way."""
    found, _ = through(source(orientation, packet(elements=REGION % (HEIGHT, WIDTH, NORMAL))))
    assert NORMAL in found.metadata.xmp
    assert numbers(found, "w", "h") == [2 * HEIGHT, 2 * WIDTH]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_regions_counted_in_pixels_grow(orientation):
    """`unit` may be pixel, and places may be elements."""
    area = f'stArea:unit="pixel" stArea:x="{X:g}" stArea:y="{Y:g}" stArea:w="{BLOCK_WIDTH}" stArea:h="{BLOCK_HEIGHT}"'
    found, _ = through(source(orientation, packet(elements=REGION % (WIDTH, HEIGHT, area.encode()))))
    left, top, width, height = white(found.color)
    assert numbers(found, "x", "y") == [left + width / 2, top + height / 2]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_rectangles_of_people_stay_on_them(orientation):
    """Microsoft: left, top, width, height, normalized, in one text."""
    shares = LEFT / WIDTH, TOP / HEIGHT, BLOCK_WIDTH / WIDTH, BLOCK_HEIGHT / HEIGHT
    tagged = '<r:Rectangle xmlns:r="http://ns.microsoft.com/photo/1.2/t/Region#">{}, {}, {}, {}</r:Rectangle>'
    found, _ = through(source(orientation, packet(elements=tagged.format(*shares).encode())))
    text = ElementTree.fromstring(found.metadata.xmp).find(".//{*}Rectangle").text
    left, top, width, height = white(found.color)
    expected = left / found.width, top / found.height, width / found.width, height / found.height
    assert [float(part) for part in text.split(",")] == pytest.approx(expected, abs=1e-6)


BOUNDARY = (
    '<i:ImageRegion xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag><rdf:li rdf:parseType="Resource">'
    '<i:RegionBoundary rdf:parseType="Resource"><i:rbUnit>{}</i:rbUnit>{}</i:RegionBoundary>'
    "</rdf:li></rdf:Bag></i:ImageRegion>"
)


@pytest.mark.parametrize("factors", SIZES)
@pytest.mark.parametrize("unit", ["pixel", "relative"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_image_regions_of_iptc_stay_on_what_they_mark(orientation, unit, factors):
    """A rectangle by its corner, a polygon by its vertices, in pixels and in shares."""
    across, down = (1, 1) if unit == "pixel" else (WIDTH, HEIGHT)
    box = {"rbX": LEFT / across, "rbY": TOP / down, "rbW": BLOCK_WIDTH / across, "rbH": BLOCK_HEIGHT / down}
    fields = "".join(f"<i:{name}>{value}</i:{name}>" for name, value in box.items())
    found, _ = through(source(orientation, packet(elements=BOUNDARY.format(unit, fields).encode())), factors)
    left, top, width, height = white(found.color)
    across, down = (1, 1) if unit == "pixel" else (found.width, found.height)
    expected = [left / across, top / down, width / across, height / down]
    assert numbers(found, *box) == pytest.approx(expected, abs=1e-6)

    across, down = (1, 1) if unit == "pixel" else (WIDTH, HEIGHT)
    corners = [(LEFT, TOP), (LEFT + BLOCK_WIDTH, TOP + BLOCK_HEIGHT)]
    vertices = "".join(f'<rdf:li i:rbX="{x / across}" i:rbY="{y / down}"/>' for x, y in corners)
    fields = f"<i:rbVertices><rdf:Seq>{vertices}</rdf:Seq></i:rbVertices>"
    found, _ = through(source(orientation, packet(elements=BOUNDARY.format(unit, fields).encode())), factors)
    across, down = (1, 1) if unit == "pixel" else (found.width, found.height)
    pairs = re.findall(r'rbX="([\d.]+)" i:rbY="([\d.]+)"', found.metadata.xmp.decode())
    xs, ys = sorted(float(x) * across for x, _ in pairs), sorted(float(y) * down for _, y in pairs)
    assert [xs[0], ys[0], xs[1] - xs[0], ys[1] - ys[0]] == pytest.approx([left, top, width, height], abs=1e-4)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_radius_of_a_circle_is_a_share_of_the_width(orientation):
    """Which is another side once the picture is turned."""
    fields = "<i:rbX>0.5</i:rbX><i:rbY>0.5</i:rbY><i:rbRx>0.1</i:rbRx>"
    found, _ = through(source(orientation, packet(elements=BOUNDARY.format("relative", fields).encode())))
    assert numbers(found, "rbRx")[0] * found.width == pytest.approx(0.1 * WIDTH * 2)
    found, _ = through(
        source(orientation, packet(elements=BOUNDARY.format("pixel", fields.replace("0.1", "6")).encode()))
    )
    assert numbers(found, "rbRx") == [12]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("factors", SIZES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_tells_of_the_same_pixels(orientation, factors, fmt, order):
    """SubjectArea and SubjectLocation stay on the subject; densities turn, those of the focal plane grow as well."""
    found, _ = through(source(orientation, None, fmt, order), factors)
    with Image.open(BytesIO(encode_picture(found, format="PNG", options=EncodeOptions())[0])) as image:
        root, exif = image.getexif(), image.getexif().get_ifd(tiff.EXIF_IFD)
    left, top, width, height = white(found.color)
    assert exif[0x9214] == (left + width / 2, top + height / 2, width, height)
    assert exif[0xA214] == (left + width / 2, top + height / 2)
    planes, prints = (Fraction(3000, 7), Fraction(2000, 7)), (300, 150)
    if orientation >= 5:
        planes, prints = planes[::-1], prints[::-1]
    assert (exif[0xA20E], exif[0xA20F]) == pytest.approx(
        (float(planes[0] * factors[1]), float(planes[1] * factors[0])), rel=1e-9
    )
    assert (root[282], root[283]) == prints


def test_subjects_of_every_shape_in_exif():
    """A point, a circle, a rectangle; one value, or five, are none of these and stay."""
    change = Change(6, (40, 60), (120, 80))
    for given, expected in (
        ((10, 8), (64, 20)),
        ((10, 8, 6), (64, 20, 12)),
        ((10, 8, 6, 4), (64, 20, 8, 12)),
        ((7,), (7,)),
        ((1, 2, 3, 4, 5), (1, 2, 3, 4, 5)),
    ):
        entry = tiff.Entry(tiff.SHORT, len(given), b"".join(value.to_bytes(2, "little") for value in given))
        block = tiff.serialise(tiff.Block("<", tiff.Directory({}, {tiff.EXIF_IFD: tiff.Directory({0x9214: entry})})))
        found = tiff.parse(exif_tags.changed_exif(block, change)[0])
        assert tiff.integers(found.root.children[tiff.EXIF_IFD].entries[0x9214], "<") == expected


def test_a_subject_beyond_16_bit_changes_its_type():
    """And one at the edge stays inside the picture."""
    entry = tiff.Entry(tiff.SHORT, 2, (60000).to_bytes(2, "little") + (40).to_bytes(2, "little"))
    block = tiff.serialise(tiff.Block("<", tiff.Directory({}, {tiff.EXIF_IFD: tiff.Directory({0xA214: entry})})))
    changed, _ = exif_tags.changed_exif(block, Change(1, (40, 60000), (80, 120000)))
    found = tiff.parse(changed).root.children[tiff.EXIF_IFD].entries[0xA214]
    assert tiff.integers(found, "<") == (119999, 79)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_xmp_says_the_same_as_exif(orientation):
    """`exif:` and `tiff:` repeat the tags as texts and arrays."""
    array = "<exif:SubjectArea><rdf:Seq>{}</rdf:Seq></exif:SubjectArea>".format(
        "".join(f"<rdf:li>{value}</rdf:li>" for value in (int(X), int(Y), BLOCK_WIDTH, BLOCK_HEIGHT))
    )
    densities = b'exif:FocalPlaneXResolution="3000/7" exif:FocalPlaneYResolution="2000/7" '
    densities += b'tiff:XResolution="300/1" tiff:YResolution="150/1"'
    found, _ = through(source(orientation, packet(densities, array.encode())))
    left, top, width, height = white(found.color)
    items = ElementTree.fromstring(found.metadata.xmp).findall(".//{*}SubjectArea//{*}li")
    assert [float(item.text) for item in items] == [left + width / 2, top + height / 2, width, height]
    across, down = ("4000/7", "6000/7") if orientation >= 5 else ("6000/7", "4000/7")
    assert f'FocalPlaneXResolution="{across}" exif:FocalPlaneYResolution="{down}"'.encode() in found.metadata.xmp
    across, down = ("150/1", "300/1") if orientation >= 5 else ("300/1", "150/1")
    assert f'tiff:XResolution="{across}" tiff:YResolution="{down}"'.encode() in found.metadata.xmp


def test_resolution_turns_with_the_picture():
    """300 across and 150 down become 150 across and 300 down, in the container too."""
    assert read_picture(source(1)).metadata.dpi == (300, 150)
    assert read_picture(source(6)).metadata.dpi == (150, 300)
    assert through(source(6))[0].metadata.dpi == (150, 300)


GPANO = "http://ns.google.com/photos/1.0/panorama/"
PANORAMA = (
    'xmlns:g="{}" g:ProjectionType="equirectangular" g:FullPanoWidthPixels="{}" g:FullPanoHeightPixels="{}" '
    'g:CroppedAreaImageWidthPixels="{}" g:CroppedAreaImageHeightPixels="{}" '
    'g:CroppedAreaLeftPixels="{}" g:CroppedAreaTopPixels="{}" g:PoseHeadingDegrees="12.5"'
)
SIDES = ("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageWidthPixels")
SIDES += ("CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels", "CroppedAreaTopPixels")


def test_a_panorama_grows_with_its_pixels():
    """Whole and crop, as attributes; angles stay."""
    found, notes = through((CASES / "03_gpano_cropped.jpg").read_bytes(), target="JPEG")
    assert numbers(found, *SIDES) == [384, 192, 192, 128, 96, 32]
    assert notes == ()


@pytest.mark.parametrize("size", [(101, 67), (90, 60), (61, 43), (1000, 1)])
def test_the_crop_of_a_panorama_is_the_output_at_any_scale(size):
    """Whatever the factors; and it stays inside the whole, as a strip may reach its edge."""
    words = packet(PANORAMA.format(GPANO, 91, 53, WIDTH, HEIGHT, 31, -13).encode())
    found = xmp.sized(words, size[1], size[0], source=(HEIGHT, WIDTH)).decode()
    told = {name: int(value) for name, value in re.findall(r'g:(\w+Pixels)="(-?\d+)"', found)}
    assert (told["CroppedAreaImageWidthPixels"], told["CroppedAreaImageHeightPixels"]) == size
    assert told["CroppedAreaLeftPixels"] + size[0] <= told["FullPanoWidthPixels"]
    assert told["FullPanoWidthPixels"] == pytest.approx(91 * size[0] / WIDTH, abs=0.5)
    assert told["CroppedAreaTopPixels"] == pytest.approx(-13 * size[1] / HEIGHT, abs=0.5)
    assert 'PoseHeadingDegrees="12.5"' in found


def test_a_panorama_on_its_side_is_left_out():
    """A projection has axes; unless what is said holds for the upright picture."""
    lying = packet(b'dc:x="1" ' + PANORAMA.format(GPANO, 120, 60, WIDTH, HEIGHT, 30, 10).encode())
    found, notes = through(source(6, lying))
    assert b"g:" not in found.metadata.xmp.replace(b"xmlns:g", b"")
    assert b'dc:x="1"' in found.metadata.xmp
    assert notes == (xmp_places.PANORAMA_NOTE,)
    upright = packet(PANORAMA.format(GPANO, 120, 60, HEIGHT, WIDTH, 30, 0).encode())
    found, notes = through(source(6, upright))
    assert numbers(found, *SIDES) == [240, 120, 2 * HEIGHT, 2 * WIDTH, 60, 0]
    assert notes == ()


RAW = 'xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:HasCrop="{}" crs:CropTop="0.1" crs:Exposure="1"'


def test_a_crop_yet_to_be_made_is_left_out_where_the_picture_is_turned():
    """One that is made already, or none, is history and stays; and scaling changes no share."""
    waiting = packet(RAW.format("True").encode())
    found, notes = through(source(6, waiting))
    assert b"Crop" not in found.metadata.xmp
    assert b'crs:Exposure="1"' in found.metadata.xmp
    assert notes == (xmp_places.SETTINGS_NOTE,)
    for words, orientation in (
        (waiting, 1),
        (packet(RAW.format("False").encode()), 6),
        (packet(RAW.format("True").encode() + b' crs:AlreadyApplied="True"'), 6),
    ):
        found, notes = through(source(orientation, words))
        assert b"crs:HasCrop" in found.metadata.xmp
        assert notes == ()


def test_what_tells_of_other_pictures_stays():
    """Photoshop lists the files from which a picture was put together, with sizes and orientations of their own."""
    other = b'<m:Pantry xmlns:m="http://ns.adobe.com/xap/1.0/mm/"><rdf:Bag><rdf:li tiff:Orientation="6" '
    other += b'tiff:ImageWidth="9" exif:PixelXDimension="9"/></rdf:Bag></m:Pantry>'
    found, _ = through(source(6, packet(b'tiff:ImageWidth="60"', other)))
    assert other in found.metadata.xmp
    assert b'tiff:ImageWidth="80"' in found.metadata.xmp


@pytest.mark.parametrize(
    "junk",
    [
        b'<exif:FocalPlaneXResolution/><exif:SubjectArea/><exif:SubjectArea><rdf:Seq><rdf:li/></rdf:Seq></exif:SubjectArea>',
        b"<exif:FocalPlaneXResolution>1/0</exif:FocalPlaneXResolution>",
        b"<exif:FocalPlaneXResolution>nan</exif:FocalPlaneXResolution>",
        b"<exif:FocalPlaneXResolution>1e999999999</exif:FocalPlaneXResolution>",
        b"<exif:FocalPlaneXResolution>" + b"9" * 100_000 + b"</exif:FocalPlaneXResolution>",
        b'<r:Rectangle xmlns:r="http://ns.microsoft.com/photo/1.2/t/Region#">0.1, 0.2, x</r:Rectangle>',
        b'<g:CroppedAreaLeftPixels xmlns:g="http://ns.google.com/photos/1.0/panorama/">x</g:CroppedAreaLeftPixels>',
        REGION % (0, 0, b'stArea:x="0.5"'),
        REGION % (0, 0, b'stArea:x="0.5" stArea:y="much" stArea:w="" stArea:h="1"'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("orientation", [1, 3])
def test_what_is_no_number_stays_as_it_is(junk, orientation):
    """Nothing is known of it, and nothing fails."""
    given = packet(elements=junk)
    read = read_picture(source(orientation, given))
    assert read.metadata.xmp == given
    assert xmp.sized(given, 80, 120, source=(40, 60)) == given


LARGER, ROTATED, LYING = Change(1, (40, 60), (120, 120)), Change(3, (40, 60), (40, 60)), Change(6, (40, 60), (120, 120))
VOCABULARIES = (
    b'xmlns:gf="http://ns.google.com/photos/1.0/focus/" xmlns:dji="http://www.dji.com/drone-dji/1.0/" '
    b'xmlns:g="http://ns.google.com/photos/1.0/panorama/" xmlns:p="http://ns.microsoft.com/photo/1.2/t/Region#" '
    b'xmlns:mwg="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:acd="http://ns.acdsee.com/regions/" '
    b'xmlns:a="http://ns.adobe.com/xmp/sType/Area#" xmlns:b="http://ns.acdsee.com/sType/Area#" '
    b'xmlns:d="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:e="http://ns.acdsee.com/sType/Dimensions#" '
    b'xmlns:face="http://ns.apple.com/faceinfo/1.0/" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)


def moved(elements: str, change: Change) -> str:
    """Return what a change of the picture makes of the elements of a packet."""
    head, tail = packet(VOCABULARIES, b"|").split(b"|")
    given = head + elements.encode() + tail
    found = rdf.edited(given, xmp_places.changed(rdf.parse(given), change)[0])
    assert (found[: len(head)], found[-len(tail) :]) == (head, tail)
    return found[len(head) : -len(tail)].decode()


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (ROTATED, 'gf:FocalPointX="0" gf:FocalPointY="0.25"', 'gf:FocalPointX="1" gf:FocalPointY="0.75"'),
        (ROTATED, 'gf:FocalPointX="0.25" gf:FocalPointY="0"', 'gf:FocalPointX="0.75" gf:FocalPointY="1"'),
        (LARGER, 'exif:FocalPlaneXResolution="10"', 'exif:FocalPlaneXResolution="20"'),
        (LARGER, 'exif:FocalPlaneYResolution="10"', 'exif:FocalPlaneYResolution="30"'),
        (LARGER, 'tiff:XResolution="much" tiff:YResolution="10"', 'tiff:XResolution="much" tiff:YResolution="10"'),
        (
            LARGER,
            'exif:FocalPlaneXResolution="much" exif:FocalPlaneYResolution="10"',
            'exif:FocalPlaneXResolution="much" exif:FocalPlaneYResolution="30"',
        ),
        (LYING, 'exif:FocalPlaneXResolution="10"', ""),
        (LYING, 'exif:FocalPlaneYResolution="10"', ""),
        (LARGER, 'dji:CalibratedFocalLength="10.5"', 'dji:CalibratedFocalLength="21"'),
        (LYING, 'dji:CalibratedFocalLength="10.5"', 'dji:CalibratedFocalLength="31.5"'),
        (LARGER, 'dji:CalibratedFocalLength="long"', 'dji:CalibratedFocalLength="long"'),
        (
            LYING,
            'dji:CalibratedOpticalCenterX="20" dji:CalibratedOpticalCenterY="10.5"',
            'dji:CalibratedOpticalCenterX="89" dji:CalibratedOpticalCenterY="40"',
        ),
        (
            LARGER,
            'g:LargestValidInteriorRectLeft="1" g:LargestValidInteriorRectTop="2.0" '
            'g:LargestValidInteriorRectWidth="3" g:LargestValidInteriorRectHeight="4"',
            'g:LargestValidInteriorRectLeft="2" g:LargestValidInteriorRectTop="6" '
            'g:LargestValidInteriorRectWidth="6" g:LargestValidInteriorRectHeight="12"',
        ),
    ],
)  # fmt: skip
def test_properties_of_a_node_change_one_by_one(change, given, expected):
    """Those that come from one another go where the other is missing; a text that is no number stays as it is."""
    assert moved(f"<dc:x><dc:y {given}/></dc:x>", change) == f"<dc:x><dc:y{' ' if expected else ''}{expected}/></dc:x>"
    fields, expected_fields = (re.sub(r' ?([\w:]+)="(.*?)"', r"<\1>\2</\1>", each) for each in (given, expected))
    whole = '<dc:x rdf:parseType="Resource">{}</dc:x>'
    assert moved(whole.format(fields), change) == whole.format(expected_fields)


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, "0.10, .2,0.3, 0.4", "0.10, .2,0.3, 0.4"),
        (ROTATED, "0.1,0.2,0.3,0.4", "0.6, 0.4, 0.3, 0.4"),
        (LYING, "0.1,0.2,0.3,0.4", "0.4, 0.1, 0.4, 0.3"),
        (ROTATED, "0.1, 0.2, x, 0.3, 0.4", "0.1, 0.2, x, 0.3, 0.4"),
        (ROTATED, "0.1, 0.2, x, 0.3", "0.1, 0.2, x, 0.3"),
        (ROTATED, "0.1, 0.2, 0.3", "0.1, 0.2, 0.3"),
    ],
)
def test_rectangles_are_four_numbers(change, given, expected):
    """Left, top, width and height, which enlarging leaves as they are written; anything else is not understood."""
    rectangle = "<p:Rectangle>{}</p:Rectangle>"
    assert moved(rectangle.format(given), change) == rectangle.format(expected)


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (
            LARGER,
            '<{0}:AppliedToDimensions {1}:w="60" {1}:h="40"/>',
            '<{0}:AppliedToDimensions {1}:w="120" {1}:h="120"/>',
        ),
        (
            LYING,
            '<{0}:AppliedToDimensions {1}:w="60" {1}:h="40" {1}:unit=" Pixel"/>',
            '<{0}:AppliedToDimensions {1}:w="120" {1}:h="120" {1}:unit=" Pixel"/>',
        ),
        (
            LYING,
            '<{0}:AppliedToDimensions {1}:w="6" {1}:h="4" {1}:unit="inch"/>',
            '<{0}:AppliedToDimensions {1}:w="4" {1}:h="6" {1}:unit="inch"/>',
        ),
        (
            LYING,
            '<{0}:AppliedToDimensions {1}:w="6"/><{0}:Area {2}:x="0.1" {2}:y="0.2"/>',
            '<{0}:AppliedToDimensions {1}:w="6"/><{0}:Area {2}:x="0.8" {2}:y="0.1"/>',
        ),
        (
            LYING,
            '<{0}:AppliedToDimensions {1}:h="6"/><{0}:Area {2}:x="0.1" {2}:y="0.2"/>',
            '<{0}:AppliedToDimensions {1}:h="6"/><{0}:Area {2}:x="0.8" {2}:y="0.1"/>',
        ),
        (
            LYING,
            '<{0}:AppliedToDimensions {1}:w="10" {1}:h="10"/><{0}:Area {2}:x="0.1" {2}:y="0.2"/>',
            '<{0}:AppliedToDimensions {1}:w="30" {1}:h="20"/><{0}:Area {2}:x="0.8" {2}:y="0.1"/>',
        ),
        (
            Change(6, (40, 40), (40, 40)),
            '<{0}:AppliedToDimensions {1}:w="60" {1}:h="40"/><{0}:Area {2}:x="0.1" {2}:y="0.2"/>',
            '<{0}:AppliedToDimensions {1}:w="40" {1}:h="60"/><{0}:Area {2}:x="0.8" {2}:y="0.1"/>',
        ),
        (
            LYING,
            '<{0}:Area rdf:parseType="Resource"><{2}:x>0.1</{2}:x><{2}:y>0.2</{2}:y></{0}:Area>',
            '<{0}:Area rdf:parseType="Resource"><{2}:x>0.8</{2}:x><{2}:y>0.1</{2}:y></{0}:Area>',
        ),
        (LYING, '<{0}:Area {2}:x="0.1"/><{0}:Area {2}:y="0.1"/>', '<{0}:Area {2}:x="0.1"/><{0}:Area {2}:y="0.1"/>'),
        (
            LARGER,
            '<{0}:Area {2}:x="3" {2}:y="4" {2}:d="10" {2}:unit="pixel"/>',
            '<{0}:Area {2}:x="6" {2}:y="12" {2}:d="20" {2}:unit="pixel"/>',
        ),
        (LARGER, '<{0}:Area {2}:d="0.1" {2}:unit="normalized"/>', '<{0}:Area {2}:d="0.1" {2}:unit="normalized"/>'),
        (LARGER, '<{0}:x face:AngleInfoRoll="9"/>', '<{0}:x face:AngleInfoRoll="9"/>'),
        (Change(2, (40, 60), (40, 60)), '<{0}:x face:AngleInfoRoll="9"/>', "<{0}:x/>"),
        (ROTATED, '<{0}:x face:AngleInfoRoll="9"/>', "<{0}:x/>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefixes", [("mwg", "d", "a"), ("acd", "e", "b")])
def test_fields_of_regions_change_one_by_one(prefixes, change, given, expected):
    """In the vocabularies of two makers: sizes, centres, extents and diameters; how a face leans goes with a turn."""
    around = "<{0}:Regions rdf:parseType='Resource'>{1}</{0}:Regions>"
    given, expected = (around.format(prefixes[0], each.format(*prefixes)) for each in (given, expected))
    assert moved(given * 2, change) == expected * 2, "structures that follow one another, too"


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, "Unit=pixel X=1 Y=2 W=3 H=4", "Unit=pixel X=2 Y=6 W=6 H=12"),
        (LARGER, "Unit=Pixel  X=1 Y=2 W=wide H=4", "Unit=Pixel  X=2 Y=6 W=wide H=4"),
        (LARGER, "X=0.1 Y=0.2", "X=0.1 Y=0.2"),
        (ROTATED, "X=0.1 Y=0.2 W=0.3 H=0.4", "X=0.6 Y=0.4 W=0.3 H=0.4"),
        (ROTATED, "Unit=relative X=0.1 Y=0.2 Rx=0.3", "Unit=relative X=0.9 Y=0.8 Rx=0.3"),
        (ROTATED, "X=0.1 Rx=much", "X=0.1 Rx=much"),
        (LYING, "Rx=0.10", "Rx=0.15"),
        (LYING, "Unit=pixel Rx=10", "Unit=pixel Rx=30"),
        (LARGER, "Unit=pixel Rx=10", "Unit=pixel Rx=20"),
        (LARGER, "Unit=pixel (1,2) (3,x) (5,6)", "Unit=pixel (2,6) (3,x) (10,18)"),
        (LYING, "(0.1,0.2) (0.3,0.4)", "(0.8,0.1) (0.6,0.3)"),
    ],
)
def test_boundaries_of_iptc_are_read_as_far_as_they_are_numbers(change, given, expected):
    """Rectangles by their corner, circles by centre and radius, polygons; shares where no unit is stated."""

    def boundary(told: str) -> str:
        fields, _, vertices = told.partition("(")
        vertices = re.sub(r"\(?([^ ,]+),([^ ]+)\) ?", r'<rdf:li i:rbX="\1" i:rbY="\2"/>', vertices)
        fields = re.sub(r"(\w+)=(\S*) ?", r"<i:rb\1>\2</i:rb\1>", fields)
        fields += f"<i:rbVertices><rdf:Seq>{vertices}</rdf:Seq></i:rbVertices>" if vertices else ""
        return f"<i:RegionBoundary rdf:parseType='Resource'>{fields}</i:RegionBoundary>"

    assert moved(boundary(given), change) == boundary(expected)


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, ["3", "4"], ["6", "12"]),
        (LARGER, ["3", "4", "10"], ["6", "12", "25"]),
        (LARGER, ["3", "4", "x"], ["3", "4", "x"]),
        (LARGER, ["3"], ["3"]),
        (LARGER, ["3", "4", "5", "6", "7"], ["3", "4", "5", "6", "7"]),
        (LARGER, [], []),
    ],
)
def test_subjects_are_two_to_four_numbers(change, given, expected):
    """A point, a circle by its diameter, or a rectangle."""
    listed = "<exif:SubjectArea><rdf:Seq>{}</rdf:Seq></exif:SubjectArea>"
    given, expected = (
        listed.format("".join(f"<rdf:li>{item}</rdf:li>" for item in each)) for each in (given, expected)
    )
    assert moved(given, change) == expected


def test_a_picture_made_in_memory_keeps_what_it_is_given():
    """Where the size of the source is not known, there is nothing to scale by."""
    given = packet(b'exif:FocalPlaneXResolution="3/1"')
    assert xmp.sized(given, 80, 120) == given


def test_structures_in_structures_take_time_by_their_length():
    """Regions in regions, each of which holds all that follows, would take minutes if each were looked through."""
    spaces = b'xmlns:m="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:C="http://ns.google.com/photos/1.0/container/"'
    for before, after in (
        (b"<m:Regions>", b"</m:Regions>"),
        (b"<C:Directory><rdf:Seq><rdf:li>", b"</rdf:li></rdf:Seq></C:Directory>"),
    ):
        depth = 180 // before.count(b"<")
        given = packet(spaces, before * depth + b"<dc:x/>" * 190_000 + after * depth)
        start = time.process_time()
        assert xmp.sized(given, 80, 120, source=(40, 60)) == given
        assert time.process_time() - start < 10


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_animations_know_the_size_of_a_frame(fmt):
    """Frames are read as one tall stack; what is said holds for each of them."""
    frames = [Image.fromarray(np.full((40, 60, 3), shade, np.uint8)) for shade in (0, 90, 180)]
    exif = exif_of(6 if fmt == "PNG" else 1)
    data = saved(frames[0], fmt, save_all=True, append_images=frames[1:], duration=40, exif=exif)
    film = read_any(data)
    assert len(film.frames) == 3
    assert film.metadata.size == (film.height, film.width) == ((60, 40) if fmt == "PNG" else (40, 60))
    subject = tiff.parse(film.metadata.exif).root.children[tiff.EXIF_IFD].entries[0xA214]
    assert tiff.integers(subject, "<") == ((40 - int(Y), int(X)) if fmt == "PNG" else (int(X), int(Y)))
