"""The size of a pixel in microscopes' words: ImageJ, OME-XML and Aperio, in the ImageDescription of a TIFF.

Such files are measured with, and so their calibration follows the pixels, where a resolution for printing stays.
Descriptions are bytes decoded as Latin-1, so that what is not understood comes back unchanged.
Sources: ImageJ 1.x, TiffEncoder and FileSaver (`unit`, `xorigin`; XResolution counts pixels per unit); OME schema
2016-06 (PhysicalSizeX, "OME-TIFF: the planes"); Aperio's SVS format ("MPP = 0.2525").
"""

from __future__ import annotations

import html
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
PLANES = ("Channel", "TiffData", "Plane")  # what tells of each plane
SHAPES = ("Point", "Label", "Ellipse", "Line", "Rectangle", "Polygon", "Polyline")  # of regions; a mask has no places


Fields = dict[str, rdf.Property]  # of an element of OME-XML, by their names without a namespace


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
            stated = _fields(element)
            sizes = [_stated(stated, name) for name in SIZES]
            if sizes == [change.before[1], change.before[0]]:
                edits += _replaced(stated, SIZES, [str(side) for side in change.after[::-1]])
            edits += _pixel(stated, change)
        elif element.name[1] in SHAPES:
            edits += _shape(_fields(element), change)
    return rdf.edited(packet, edits).decode("latin-1")


def _fields(element: rdf.Element) -> Fields:
    return {name[1]: each for name, each in element.stated().items()}


def _stated(stated: Fields, name: str) -> Fraction | None:
    return number(stated[name].text) if name in stated else None


def _replaced(stated: Fields, names: tuple[str, ...], texts: list[str]) -> Iterator[rdf.Edit]:
    return (stated[name].becomes(text) for name, text in zip(names, texts, strict=True))


def _pixel(stated: Fields, change: Change) -> Iterator[rdf.Edit]:
    """Yield the edits of the size of a pixel. Where rows become columns, it takes its unit along."""
    sizes, units = ("PhysicalSizeX", "PhysicalSizeY"), ("PhysicalSizeXUnit", "PhysicalSizeYUnit")
    given = [_stated(stated, name) for name in sizes]
    turned = change.pitch(*(value or Fraction(0) for value in given))
    there = [value is not None for value in (given[::-1] if change.sideways else given)]
    for name, value, known in zip(sizes, turned, there, strict=True):
        if name in stated:
            yield stated[name].becomes(real(value)) if known else stated[name].left_out()
    if change.sideways and all(name in stated for name in units):
        yield from _replaced(stated, units, [html.escape(stated[name].text) for name in units[::-1]])


def _shape(stated: Fields, change: Change) -> Iterator[rdf.Edit]:
    match [_stated(stated, name) for name in BOX]:
        case [Fraction() as x, Fraction() as y, Fraction() as width, Fraction() as height]:
            corner, extent = change.box(x, y, width, height, pixels=True)
            yield from _replaced(stated, BOX, [real(value) for value in (*corner, *extent)])
            return
    places = [(pair, change.point) for pair in (("X", "Y"), ("X1", "Y1"), ("X2", "Y2"))]
    for pair, move in [*places, (("RadiusX", "RadiusY"), change.extent)]:
        match [_stated(stated, name) for name in pair]:
            case [Fraction() as x, Fraction() as y]:
                yield from _replaced(stated, pair, [real(value) for value in move(x, y)])
    if "Points" in stated:
        text = stated["Points"].text
        vertices = list(_vertices(text, change))
        if len(vertices) == len(text.split()):  # all of them are understood
            yield stated["Points"].becomes(" ".join(vertices))


def _vertices(text: str, change: Change) -> Iterator[str]:
    for point in text.split():
        match [number(part) for part in point.split(",")]:
            case [Fraction() as x, Fraction() as y]:
                yield ",".join(map(real, change.point(x, y)))


def _single_plane(description: str) -> str:
    """Return OME-XML that promises the first plane of the first picture alone."""
    packet = description.encode("latin-1")
    images = [each for each in rdf.parse(packet).everything() if each.name[1] == "Image"]
    edits = [(each.start, each.stop, b"") for each in images[1:]]
    pixels = next((each for image in images for each in image.children if each.name[1] == "Pixels"), None)
    if pixels is not None:
        parts = {kind: [each for each in pixels.children if each.name[1] == kind] for kind in PLANES}
        samples = next((_stated(_fields(each), "SamplesPerPixel") for each in parts["Channel"]), None)
        stated = _fields(pixels)
        sizes = {"SizeZ": "1", "SizeT": "1", "SizeC": real(samples or Fraction(1))}
        edits += [stated[name].becomes(text) for name, text in sizes.items() if name in stated]
        edits += [(each.start, each.stop, b"") for same in parts.values() for each in same[1:]]
    return rdf.edited(packet, edits).decode("latin-1")
