"""Microscopes' pictures stay measurable: the size of a pixel follows the pixels, and no stack is promised."""

from __future__ import annotations

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Picture, encode_picture, read_picture
from nlsr_cli.images.metadata import calibration
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
