"""The size of a pixel in microscopes' words: ImageJ, OME-XML and Aperio, in the ImageDescription of a TIFF.

Such files are measured with, and so their calibration follows the pixels, where a resolution for printing stays.
Descriptions are bytes decoded as Latin-1, so that what is not understood comes back unchanged.
Sources: ImageJ 1.x, TiffEncoder and FileSaver (`unit`, `xorigin`; XResolution counts pixels per unit); OME schema
2016-06 (PhysicalSizeX, "OME-TIFF: the planes"); Aperio's SVS format ("MPP = 0.2525").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from nlsr_cli.images.metadata import rdf
from nlsr_cli.images.metadata.geometry import Change, number, real

IMAGEJ, APERIO = "ImageJ=", "Aperio"
# What ImageJ says of the stack that a file holds; one picture is none.
STACK = re.compile(r"(?m)^(?:images|channels|slices|frames|hyperstack|mode)=.*(?:\r?\n|\Z)")
UNIT = re.compile(r"(?m)^unit=(?P<unit>[^\r\n]*)")
ORIGIN = re.compile(r"(?m)^(?P<axis>[xy])origin=(?P<value>[^\r\n]*)")
MICRONS = re.compile(r"(?<=\|)(?P<key>\s*MPP\s*=\s*)(?P<value>[\d.]+)")
PIXELS = ("", "pixel", "pixels")
OME_NOTE = "The OME-XML description is damaged and is left out."
SIZES, BOX = ("SizeX", "SizeY"), ("X", "Y", "Width", "Height")
SHAPES = ("Point", "Label", "Ellipse", "Line", "Rectangle", "Polygon", "Polyline")  # of regions; a mask has no places


def calibrated(description: str) -> bool:
    """Say whether the resolution beside a description is the calibration of ImageJ: pixels per unit, not for print."""
    unit = UNIT.search(description) if description.startswith(IMAGEJ) else None
    return unit is not None and unit["unit"].strip().lower() not in PIXELS


def is_ome(description: str) -> bool:
    """Say whether a description is OME-XML."""
    return re.search(r"<(?:\w+:)?OME[\s/>]", description[:4096]) is not None


def single(description: str, *, pages: bool) -> str:
    """Return a description that promises one picture, where it promised a stack; `pages` says that there were more.

    Raises:
        ValueError: it is OME-XML that is damaged.
    """
    if description.startswith(IMAGEJ):
        return STACK.sub("", description)
    return _single_plane(description) if pages and is_ome(description) else description


def rescaled(description: str, change: Change) -> str:
    """Return a description that is true of the changed picture.

    Raises:
        ValueError: it is OME-XML that is damaged.
    """
    if description.startswith(IMAGEJ):
        return _imagej(description, change)
    if description.startswith(APERIO):
        return MICRONS.sub(lambda found: found["key"] + _smaller(found["value"], change), description)
    return _ome(description, change) if is_ome(description) else description


def _smaller(text: str, change: Change) -> str:
    value = number(text)
    return text if value is None else real(change.pitch(value, value)[0])


def _imagej(description: str, change: Change) -> str:
    origin = {found["axis"]: number(found["value"]) for found in ORIGIN.finditer(description)}
    place = dict(zip("xy", change.point(*(origin.get(axis) or Fraction(0) for axis in "xy")), strict=True))

    def moved(found: re.Match[str]) -> str:
        axis = found["axis"]
        return found[0] if origin[axis] is None else f"{axis}origin={real(place[axis])}"

    return ORIGIN.sub(moved, description)


def _ome(description: str, change: Change) -> str:
    packet = description.encode("latin-1")
    edits: list[rdf.Edit] = []
    for element in rdf.parse(packet).everything():
        if element.name[1] == "Pixels":
            stated = {name[1]: each for name, each in element.stated().items()}
            sizes = [_stated(stated, name) for name in SIZES]
            if sizes == [change.before[1], change.before[0]]:
                edits += _replaced(stated, SIZES, [str(side) for side in change.after[::-1]])
            edits += _pixel(stated, change)
        elif element.name[1] in SHAPES:
            edits += _shape({name[1]: each for name, each in element.stated().items()}, change)
    return rdf.edited(packet, edits).decode("latin-1")


def _stated(stated: dict[str, rdf.Property], name: str) -> Fraction | None:
    return number(stated[name].text) if name in stated else None


def _replaced(stated: dict[str, rdf.Property], names: tuple[str, ...], texts: list[str]) -> Iterator[rdf.Edit]:
    return (stated[name].becomes(text) for name, text in zip(names, texts, strict=True))


def _pixel(stated: dict[str, rdf.Property], change: Change) -> Iterator[rdf.Edit]:
    """Yield the edits of the size of a pixel. Where rows become columns, it takes its unit along."""
    sizes, units = ("PhysicalSizeX", "PhysicalSizeY"), ("PhysicalSizeXUnit", "PhysicalSizeYUnit")
    given = [_stated(stated, name) for name in sizes]
    turned = change.pitch(*(value or Fraction(0) for value in given))
    there = [value is not None for value in (given[::-1] if change.sideways else given)]
    for name, value, known in zip(sizes, turned, there, strict=True):
        if name in stated:
            yield stated[name].becomes(real(value)) if known else stated[name].left_out()
    if change.sideways and all(name in stated for name in units):
        yield from _replaced(stated, units, [stated[name].text.replace("&", "&amp;") for name in units[::-1]])


def _shape(stated: dict[str, rdf.Property], change: Change) -> Iterator[rdf.Edit]:
    box = [_stated(stated, name) for name in BOX]
    sound = [value for value in box if value is not None]
    if len(sound) == 4:
        corner, extent = change.box(sound[0], sound[1], sound[2], sound[3], pixels=True)
        yield from _replaced(stated, BOX, [real(value) for value in (*corner, *extent)])
        return
    places = [(pair, change.point) for pair in (("X", "Y"), ("X1", "Y1"), ("X2", "Y2"))]
    for pair, move in [*places, (("RadiusX", "RadiusY"), change.extent)]:
        values = [value for value in (_stated(stated, name) for name in pair) if value is not None]
        if len(values) == 2:
            yield from _replaced(stated, pair, [real(value) for value in move(values[0], values[1])])
    if "Points" in stated:
        yield stated["Points"].becomes(" ".join(_vertices(stated["Points"].text, change)))


def _vertices(text: str, change: Change) -> Iterator[str]:
    for point in text.split():
        values = [value for value in map(number, point.split(",")) if value is not None]
        yield ",".join(map(real, change.point(values[0], values[1]))) if len(values) == 2 else "0,0"


def _single_plane(description: str) -> str:
    """Return OME-XML that promises the first plane of the first picture alone."""
    packet = description.encode("latin-1")
    images = [each for each in rdf.parse(packet).everything() if each.name[1] == "Image"]
    edits = [(each.start, each.stop, b"") for each in images[1:]]
    pixels = [each for image in images[:1] for each in image.children if each.name[1] == "Pixels"]
    for element in pixels[:1]:
        stated = {name[1]: each for name, each in element.stated().items()}
        channels = [each for each in element.children if each.name[1] == "Channel"]
        samples = [dict(each.given).get(("", "SamplesPerPixel"), "1") for each in channels[:1]] or ["1"]
        edits += [stated[name].becomes("1") for name in ("SizeZ", "SizeT") if name in stated]
        edits += [stated["SizeC"].becomes(samples[0])] if "SizeC" in stated else []
        for kind in ("Channel", "TiffData", "Plane"):
            same = [each for each in element.children if each.name[1] == kind]
            edits += [(each.start, each.stop, b"") for each in same[1:]]
    return rdf.edited(packet, edits).decode("latin-1")
