"""Microscopes' pictures stay measurable: the size of a pixel follows the pixels, and no stack is promised."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Picture, encode_picture, read_picture
from nlsr_cli.images.metadata import calibration
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.options import EncodeOptions
from tests.images.files import gradient, saved

HEIGHT, WIDTH = 12, 16
IMAGEJ = "ImageJ=1.53t\nunit=micron\nxorigin=4.5\nyorigin=2\nspacing=0.5\nmin=0.0\nmax=255.0\n"
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    '<Image ID="Image:0"><Pixels ID="Pixels:0" SizeX="16" SizeY="12" SizeZ="{pages}" SizeC="1" SizeT="1" '
    'PhysicalSizeX="0.325" PhysicalSizeY="0.65" PhysicalSizeXUnit="\u00b5m" PhysicalSizeYUnit="nm" Type="uint8">'
    '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image>'
    '<ROI><Union><Rectangle X="2" Y="3" Width="4" Height="5"/><Polygon Points="1,2 3,4"/></Union></ROI></OME>'
)


def stored(description: str, *, pages: int = 1, orientation: int = 1, **tags: object) -> bytes:
    """Return a grey TIFF with a description, and with more tags by their numbers."""
    told = {270: description.encode("utf-8"), 274: orientation, **{int(name[1:]): tag for name, tag in tags.items()}}
    frames = [Image.fromarray(gradient(HEIGHT, WIDTH, 1)[..., 0] // (page + 1)) for page in range(pages)]
    return saved(frames[0], "TIFF", tiffinfo=told, save_all=True, append_images=frames[1:])


def enlarged(data: bytes, factors: tuple[int, int] = (2, 4), target: str = "TIFF") -> Image.Image:
    """Return the file that comes out, as Pillow, an independent reader, opens it."""
    read = read_picture(data)
    color = read.color.repeat(factors[0], 0).repeat(factors[1], 1)
    data, _ = encode_picture(Picture(color, None, read.metadata), format=target, options=EncodeOptions())
    return Image.open(BytesIO(data))


@pytest.mark.parametrize("target", ["TIFF", "PNG", "JPEG", "WEBP"])
def test_imagej_counts_pixels_per_unit(target):
    """XResolution without a unit of paper is the calibration; origins are in pixels; the depth of a slice stays."""
    found = enlarged(stored(IMAGEJ, t282=3.1, t283=1.5, t296=1), target=target).getexif()
    assert (float(found[282]), float(found[283]), found[296]) == (pytest.approx(12.4), 3.0, 1)
    expected = IMAGEJ.replace("xorigin=4.5\nyorigin=2\n", "xorigin=18\nyorigin=4\n")
    assert found[270].rstrip("\0") == expected


@pytest.mark.parametrize(("unit", "grows"), [("inch", True), ("cm", True), ("pixel", False), ("", False)])
def test_imagej_in_units_of_paper_is_a_calibration_too(unit, grows):
    """ImageJ sets the unit of TIFF for inch and cm; without a unit there is none, and a resolution is for print."""
    code = {"cm": 3}.get(unit, 2)
    data = stored(f"ImageJ=1.53t\nunit={unit}\n" if unit else "ImageJ=1.53t\n", t282=100.0, t283=100.0, t296=code)
    found = enlarged(data).info["dpi"]
    inches = 254 if unit == "cm" else 100
    assert found == pytest.approx((4 * inches, 2 * inches) if grows else (inches, inches))


def test_resolution_for_print_stays():
    """A description that is none of ImageJ's changes nothing."""
    found = enlarged(stored("unit=micron", t282=100.0, t283=100.0, t296=2))
    assert found.info["dpi"] == (100, 100)
    assert found.getexif()[270] == "unit=micron"


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_imagej_is_promised_no_stack(end):
    """One picture is in the output; ImageJ would look for the others behind it."""
    stack = end.join(("ImageJ=1.53t", "images=6", "slices=3", "channels=2", "hyperstack=true", "mode=composite"))
    if not end:
        stack = "ImageJ=1.53t\nimages=6"
    found = enlarged(stored(stack + "\nunit=micron", pages=2))
    assert found.getexif()[270].split() == ["ImageJ=1.53t", "unit=micron"]


@pytest.mark.parametrize("target", ["TIFF", "PNG"])
def test_ome_tells_the_size_of_the_pixels(target):
    """Sizes grow, pixels shrink, regions of interest follow; the rest of the text is the same."""
    given = OME.format(pages=1, planes="")
    found = enlarged(stored(given), target=target).getexif()[270].rstrip("\0")
    text = found.encode("latin-1").decode("utf-8") if "\u00c2" in found else found
    expected = given.replace('SizeX="16" SizeY="12"', 'SizeX="64" SizeY="24"').replace("0.325", "0.08125")
    expected = expected.replace('"0.65"', '"0.325"').replace('"2" Y="3"', '"8" Y="6"')
    expected = expected.replace('Width="4" Height="5"', 'Width="16" Height="10"')
    assert text == expected.replace("1,2 3,4", "4,4 12,8")
    ElementTree.fromstring(text.encode())


def test_ome_turns_with_the_picture():
    """Rows become columns: the sizes of a pixel change places, and their units with them."""
    found = enlarged(stored(OME.format(pages=1, planes=""), orientation=6), (1, 1)).getexif()[270]
    pixels = ElementTree.fromstring(found.encode("latin-1") if "\u00c2" in found else found.encode())[0][0]
    assert (pixels.get("SizeX"), pixels.get("SizeY")) == ("12", "16")
    assert (pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit")) == ("0.65", "nm")
    assert (pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeYUnit")) == ("0.325", "\u00b5m")


def test_ome_promises_one_plane():
    """What is said of the others goes; of a file that has one, planes of its samples stay."""
    planes = (
        "".join(f'<TiffData IFD="{page}" FirstZ="{page}"/>' for page in range(3)) + '<Plane TheZ="0"/><Plane TheZ="1"/>'
    )
    found = enlarged(stored(OME.format(pages=3, planes=planes), pages=3)).getexif()[270]
    pixels = ElementTree.fromstring(found.encode("latin-1") if "\u00c2" in found else found.encode())[0][0]
    assert pixels.get("SizeZ") == "1"
    assert [child.tag.partition("}")[2] for child in pixels] == ["Channel", "TiffData", "Plane"]
    assert pixels[1].get("IFD") == "0"


@pytest.mark.parametrize("damaged", ["<OME ", "<OME><Pixels></OME>", "<!DOCTYPE x><OME/>", "<OME>" * 1000])
def test_damaged_ome_is_left_out_with_a_note(damaged):
    """It would tell of the source."""
    read = read_picture(stored(damaged, orientation=6, t315=b"A. Person"))
    assert calibration.OME_NOTE in read.notes
    found = Image.open(BytesIO(encode_picture(read, format="TIFF", options=EncodeOptions())[0])).getexif()
    assert 270 not in found
    assert found[315] == "A. Person"


def test_aperio_counts_micrometres_per_pixel():
    """Scanners of slides state one number for both axes."""
    given = "Aperio Image Library v11.2.1\n46000x32914 [0,0 1024x1024]|AppMag = 20|MPP = 0.4990|Date = 12/29/09"
    found = enlarged(stored(given), (2, 2)).getexif()[270]
    assert found == given.replace("0.4990", "0.2495")


def test_deep_pictures_are_calibrated_as_well():
    """16-bit grey, as microscopes store it."""
    pixels = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    data = saved(Image.fromarray(pixels), "TIFF", tiffinfo={270: IMAGEJ, 282: 2.0, 283: 2.0, 296: 1})
    found = enlarged(data).getexif()
    assert (found[282], found[283]) == (8, 4)


LARGER, LYING, SAME = Change(1, (12, 16), (24, 64)), Change(6, (12, 16), (48, 24)), Change(1, (12, 16), (12, 16))


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, "xorigin=4\nyorigin=3", "xorigin=16\nyorigin=6"),
        (LARGER, "xorigin=left\nyorigin=3", "xorigin=left\nyorigin=6"),
        (LARGER, "xorigin=0\nyorigin=0", "xorigin=0\nyorigin=0"),
        (LYING, "xorigin=4", "xorigin=24"),
        (LYING, "yorigin=4\r\nxorigin=1", "yorigin=3\r\nxorigin=16"),
        (LARGER, "min=1\n", "min=1\n"),
    ],
)
def test_origins_of_imagej_are_pixels(change, given, expected):
    """One that is not stated is 0; what is no number stays."""
    assert calibration.rescaled("ImageJ=1.5\n" + given, change) == "ImageJ=1.5\n" + expected


def test_one_number_of_aperio_is_that_across():
    """Where the picture does not grow alike, no number is right for both."""
    assert calibration.rescaled("Aperio a|MPP = 0.5|MPP=x", LARGER) == "Aperio a|MPP = 0.125|MPP=x"
    assert calibration.rescaled("Aperio a|MPP = 0.5", LYING) == "Aperio a|MPP = 0.25"


@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, '<Point X="1" Y="2"/>', '<Point X="4" Y="4"/>'),
        (LYING, '<Label X="1" Y="2" FontSize="3"/>', '<Label X="20" Y="3" FontSize="3"/>'),
        (LARGER, '<Ellipse X="1" Y="2" RadiusX="3" RadiusY="4"/>', '<Ellipse X="4" Y="4" RadiusX="12" RadiusY="8"/>'),
        (LYING, '<Ellipse RadiusX="3" RadiusY="4"/>', '<Ellipse RadiusX="8" RadiusY="9"/>'),
        (LARGER, '<Line X1="1" Y1="2" X2="3" Y2="4"/>', '<Line X1="4" Y1="4" X2="12" Y2="8"/>'),
        (LYING, '<Rectangle X="1" Y="2" Width="3" Height="4"/>', '<Rectangle X="12" Y="3" Width="8" Height="9"/>'),
        (LARGER, '<Rectangle X="1" Y="2" Width="w" Height="4"/>', '<Rectangle X="4" Y="4" Width="w" Height="4"/>'),
        (LARGER, '<Line X1="1" Y1="2" X2="3"/>', '<Line X1="4" Y1="4" X2="3"/>'),
        (LYING, "<Polygon Points='1,2 3,4'/>", "<Polygon Points='20,3 16,9'/>"),
        (LARGER, '<Polyline Points="1,2  3,&lt;"/>', '<Polyline Points="1,2  3,&lt;"/>'),
        (LARGER, '<Polyline Points="1,2,3 3,4"/>', '<Polyline Points="1,2,3 3,4"/>'),
        (LARGER, '<Mask X="1" Y="2"/>', '<Mask X="1" Y="2"/>'),
        (LARGER, '<Pixels SizeX="16" SizeY="12"/>', '<Pixels SizeX="64" SizeY="24"/>'),
        (LARGER, '<Pixels SizeX="16" SizeY="11"/>', '<Pixels SizeX="16" SizeY="11"/>'),
        (LARGER, '<Pixels SizeX="16"/>', '<Pixels SizeX="16"/>'),
        (LARGER, '<Pixels PhysicalSizeX="0" PhysicalSizeY="1"/>', '<Pixels PhysicalSizeX="0" PhysicalSizeY="0.5"/>'),
        (LARGER, '<Pixels PhysicalSizeX="1"/>', '<Pixels PhysicalSizeX="0.25"/>'),
        (LARGER, '<Pixels PhysicalSizeX="x"/>', "<Pixels/>"),
        (LYING, '<Pixels PhysicalSizeX="1" PhysicalSizeXUnit="a"/>', '<Pixels PhysicalSizeXUnit="a"/>'),
        (
            LYING,
            "<Pixels PhysicalSizeXUnit='&quot;' PhysicalSizeYUnit=\"&lt;'&amp;\"/>",
            "<Pixels PhysicalSizeXUnit='&lt;&#x27;&amp;' PhysicalSizeYUnit=\"&quot;\"/>",
        ),
        (SAME, '<Point X="1" Y="2"/>', '<Point X="1" Y="2"/>'),
    ],
)  # fmt: skip
def test_elements_of_ome_change_one_by_one(change, given, expected):
    """Shapes by what they state; a size that is not that of the picture, and what is no number, are not understood."""
    assert calibration.rescaled(f"<OME>{given}</OME>", change) == f"<OME>{expected}</OME>"


PLANES = '<Channel ID="1"{}/><Channel ID="2" SamplesPerPixel="9"/><TiffData/><Plane/><Plane a="1"/><TiffData a="1"/>'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            '<Image><Pixels SizeZ="5" SizeC="6" SizeT="7" SizeX="8">' + PLANES.format("") + "</Pixels></Image>",
            '<Image><Pixels SizeZ="1" SizeC="1" SizeT="1" SizeX="8">'
            '<Channel ID="1"/><TiffData/><Plane/></Pixels></Image>',
        ),
        (
            '<Image><Pixels SizeC="6">' + PLANES.format(' SamplesPerPixel="3"') + "</Pixels></Image>",
            '<Image><Pixels SizeC="3"><Channel ID="1" SamplesPerPixel="3"/><TiffData/><Plane/></Pixels></Image>',
        ),
        (
            '<Image><Pixels SizeC="6"><Channel SamplesPerPixel="&quot;&lt;"/></Pixels></Image>',
            '<Image><Pixels SizeC="1"><Channel SamplesPerPixel="&quot;&lt;"/></Pixels></Image>',
        ),
        (
            '<Image><x SizeZ="2"/><Pixels SizeZ="5"/><Pixels SizeZ="6"/></Image><y/><Image>a</Image><Image/>',
            '<Image><x SizeZ="2"/><Pixels SizeZ="1"/><Pixels SizeZ="6"/></Image><y/>',
        ),
        ("<Image/><Image><Pixels SizeZ='2'/></Image>", "<Image/>"),
        ("<Pixels SizeZ='2'/>", "<Pixels SizeZ='2'/>"),
    ],
)  # fmt: skip
def test_ome_promises_the_first_plane_of_the_first_image(given, expected):
    """With as many samples as its first channel has; and nothing changes where there is one page."""
    given = f"<OME>{given}</OME>"
    assert calibration.single(given, pages=True) == f"<OME>{expected}</OME>"
    assert calibration.single(given, pages=False) == given
    assert calibration.single("A text", pages=True) == "A text"


@pytest.mark.parametrize(
    ("description", "is_ome"),
    [
        ("<OME>", True),
        ("<ome:OME a", True),
        ("<OMEGA>", False),
        (" " * 4091 + "<OME/", True),
        (" " * 4092 + "<OME/", False),
    ],
)
def test_ome_is_known_by_its_beginning(description, is_ome):
    """4096 characters, in which a comment fits."""
    assert calibration.is_ome(description) is is_ome
