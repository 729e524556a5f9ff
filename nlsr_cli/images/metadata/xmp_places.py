"""The places, sizes and densities that an XMP packet states, brought through a change of the picture.

The table in `geometry` says what is changed; sources: XMP specification part 2 (`exif:`, `tiff:`, stDim), MWG
Guidelines 2.0 (5.9, stArea), Microsoft's People Tagging (MPReg), IPTC Photo Metadata Standard 2019.1 (ImageRegion),
Google's Photo Sphere XMP (GPano).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction

from nlsr_cli.images.metadata.geometry import Change, Point, like, number, real, subject, whole
from nlsr_cli.images.metadata.rdf import Edit, Element, Name, Property

TIFF = "http://ns.adobe.com/tiff/1.0/"
EXIF = "http://ns.adobe.com/exif/1.0/"
RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
GPANO = "http://ns.google.com/photos/1.0/panorama/"
GFOCUS = "http://ns.google.com/photos/1.0/focus/"
DJI = "http://www.dji.com/drone-dji/1.0/"
MPREG = "http://ns.microsoft.com/photo/1.2/t/Region#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
# Regions of the Metadata Working Group, and those of ACDSee, which are made alike.
REGIONS = tuple(
    (f"http://{host}/regions/", "Regions") for host in ("www.metadataworkinggroup.com/schemas", "ns.acdsee.com")
)
AREAS = ("http://ns.adobe.com/xmp/sType/Area#", "http://ns.acdsee.com/sType/Area#")
DIMENSIONS = ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http://ns.acdsee.com/sType/Dimensions#")
# What tells of other files, from which this one was put together.
FOREIGN = (("http://ns.adobe.com/xap/1.0/mm/", "Pantry"),)
# Settings of Camera Raw that speak of places; what is applied already speaks of another file.
LOCAL = (
    "HasCrop",
    "CropTop",
    "CropLeft",
    "CropBottom",
    "CropRight",
    "CropAngle",
    "CropWidth",
    "CropHeight",
    "CropUnit",
    "CropUnits",
    "CropConstrainToWarp",
    "RetouchInfo",
    "RetouchAreas",
    "RedEyeInfo",
    "GradientBasedCorrections",
    "CircularGradientBasedCorrections",
    "PaintBasedCorrections",
    "MaskGroupBasedCorrections",
)

PANORAMA_NOTE = "The panorama metadata (GPano) describes the picture before it was turned upright, and is left out."
SETTINGS_NOTE = (
    "Crop and local adjustments of Camera Raw, not applied yet, do not fit the turned picture and are left out."
)

Stated = dict[Name, Property]


def changed(root: Element, change: Change) -> tuple[list[Edit], list[str]]:
    """Return the edits that make a packet true of the changed picture, and notes on what cannot be made so.

    Numbers that are none, and what belongs to other pictures (`FOREIGN`), stay as they are.
    """
    if change.orientation == 1 and change.before == change.after:
        return [], []
    edits: list[Edit] = []
    notes: list[str] = []
    done = root.start  # up to where structures were looked through: one inside another is part of that
    for element in root.everything(FOREIGN):
        if element.name in ELEMENTS and element.start >= done:
            edits += ELEMENTS[element.name](element, change)
            done = element.stop
        if any(name in STATED for name, _ in element.given) or any(child.name in STATED for child in element.children):
            stated = element.stated()
            edits += [*_pairs(stated, change), *_focal_length(stated, change), *_panorama(stated, change)]
            edits += _rectangle(stated, change)
    for left_out, note in ((_lying_panorama, PANORAMA_NOTE), (_unapplied_settings, SETTINGS_NOTE)):
        gone = left_out(root, change)
        edits += [each.left_out() for each in gone]
        notes += [note] if gone else []
    return edits, notes


# Two properties that belong together, across and down, and what becomes of them.
PAIRS: tuple[tuple[Name, Name, Callable[[Change, Fraction, Fraction], Point]], ...] = (
    ((EXIF, "FocalPlaneXResolution"), (EXIF, "FocalPlaneYResolution"), Change.density),
    ((TIFF, "XResolution"), (TIFF, "YResolution"), Change.share_extent),
    ((GFOCUS, "FocalPointX"), (GFOCUS, "FocalPointY"), Change.share),
    ((DJI, "CalibratedOpticalCenterX"), (DJI, "CalibratedOpticalCenterY"), Change.point),
)
FACES = ("http://ns.apple.com/faceinfo/1.0/", "AngleInfoRoll")  # how a face leans, in terms that Apple does not tell
BOX = ((IPTC, "rbX"), (IPTC, "rbY"), (IPTC, "rbW"), (IPTC, "rbH"))  # of a region, from its upper left corner
FOCAL_LENGTH, RECTANGLE = (DJI, "CalibratedFocalLength"), (MPREG, "Rectangle")
# The properties of a panorama that are counted in pixels: across (0) and down (1).
PANORAMA = {
    (GPANO, "FullPanoWidthPixels"): 0,
    (GPANO, "FullPanoHeightPixels"): 1,
    (GPANO, "CroppedAreaImageWidthPixels"): 0,
    (GPANO, "CroppedAreaImageHeightPixels"): 1,
    (GPANO, "CroppedAreaLeftPixels"): 0,
    (GPANO, "CroppedAreaTopPixels"): 1,
    (GPANO, "LargestValidInteriorRectLeft"): 0,
    (GPANO, "LargestValidInteriorRectTop"): 1,
    (GPANO, "LargestValidInteriorRectWidth"): 0,
    (GPANO, "LargestValidInteriorRectHeight"): 1,
}


def _number(stated: Stated, name: Name) -> Fraction | None:
    """Return the number that a property is; None where it is none, or not there."""
    return number(stated[name].text) if name in stated else None


def _rewritten(stated: Stated, name: Name, value: Fraction) -> Edit:
    return stated[name].becomes(like(value, stated[name].text))


def _pairs(stated: Stated, change: Change) -> Iterator[Edit]:
    for first, second, move in PAIRS:
        x, y = _number(stated, first), _number(stated, second)
        moved = move(change, x or Fraction(0), y or Fraction(0))
        sources = (y, x) if change.sideways else (x, y)
        for name, old, source, new in zip((first, second), (x, y), sources, moved, strict=True):
            if old is not None:
                yield stated[name].left_out() if source is None else _rewritten(stated, name, new)


def _focal_length(stated: Stated, change: Change) -> Iterator[Edit]:
    length = _number(stated, FOCAL_LENGTH)
    if length is not None:
        yield _rewritten(stated, FOCAL_LENGTH, length * change.factors[0])


def _panorama(stated: Stated, change: Change) -> Iterator[Edit]:
    for name, axis in PANORAMA.items():
        size = _number(stated, name)
        if size is not None:  # a whole number, also where a writer made a decimal of it
            yield stated[name].becomes(str(whole(size * change.factors[axis])))


def _lying_panorama(root: Element, change: Change) -> list[Property]:
    """Return all that is said of a panorama if it is said of the pixels as stored, and these are turned sideways."""
    if not change.sideways:
        return []
    said = [each for each in root.named({GPANO}) if each.name[0] == GPANO]
    sizes = {each.name[1]: number(each.text) for each in said}
    stated = [sizes.get("CroppedAreaImageHeightPixels"), sizes.get("CroppedAreaImageWidthPixels")]
    return [] if stated == [Fraction(side) for side in change.after] else said


def _unapplied_settings(root: Element, change: Change) -> list[Property]:
    """Return the settings of Camera Raw that speak of places, if the picture is turned before they are applied."""
    if change.orientation == 1:
        return []
    applied = any(each.text.strip().lower() == "true" for each in root.named({(RAW, "AlreadyApplied")}))
    local = [] if applied else list(root.named({(RAW, name) for name in LOCAL}))
    idle = all(each.name[1].startswith("Crop") or each.text.strip().lower() == "false" for each in local)
    return [] if idle else local


def _rectangle(stated: Stated, change: Change) -> Iterator[Edit]:
    each = stated.get(RECTANGLE)
    if each is None or change.orientation == 1:
        return
    match [number(part) for part in each.text.split(",")]:
        case [Fraction() as x, Fraction() as y, Fraction() as width, Fraction() as height]:
            corner, extent = change.box(x, y, width, height, pixels=False)
            yield each.becomes(", ".join(real(value) for value in (*corner, *extent)))


def _subject(element: Element, change: Change) -> Iterator[Edit]:
    items = [item.property() for item in element.items()]
    values = [value for item in items if (value := number(item.text)) is not None]
    if len(values) == len(items):
        yield from map(Property.becomes, items, map(str, subject(values, change)))


def _regions(element: Element, change: Change) -> Iterator[Edit]:
    """Yield the edits of a list of regions and the size for which they are meant.

    Some programs write both for the upright picture: they are upright where that size is, and the pixels are not.
    """
    sizes = [each for each in element.everything() if each.name[1] == "AppliedToDimensions"]
    dimensions = [each.node().stated() for each in sizes]
    if change.sideways and any(_lies_otherwise(each, change.before) for each in dimensions):
        return
    for stated, space in itertools.product(dimensions, DIMENSIONS):
        unit = stated.get((space, "unit"))
        pixels = unit is None or unit.text.strip().lower() in ("", "pixel")
        move = change.extent if pixels else change.share_extent
        yield from _moved(stated, (space, "w"), (space, "h"), move)
    if change.orientation != 1:
        yield from (each.left_out() for each in element.named({FACES}))
    for node in element.everything():
        for space in AREAS:
            if any(name[0] == space for name, _ in node.given) or any(
                child.name[0] == space for child in node.children
            ):
                yield from _area(node.stated(), space, change)


def _area(stated: Stated, space: str, change: Change) -> Iterator[Edit]:
    unit = stated.get((space, "unit"))
    pixels = unit is not None and unit.text.strip().lower() == "pixel"
    yield from _moved(stated, (space, "x"), (space, "y"), change.point if pixels else change.share)
    yield from _moved(stated, (space, "w"), (space, "h"), change.extent if pixels else change.share_extent)
    if pixels:
        yield from _moved(stated, (space, "d"), (space, "d"), change.extent)


def _lies_otherwise(stated: Stated, size: tuple[int, int]) -> bool:
    """Say whether the stated size is upright and this one lies, or the other way round."""
    stated_sizes = ((_number(stated, (space, "h")), _number(stated, (space, "w"))) for space in DIMENSIONS)
    return any(
        height is not None and width is not None and (height - width) * (size[0] - size[1]) < 0
        for height, width in stated_sizes
    )


def _moved(stated: Stated, first: Name, second: Name, move: Callable[[Fraction, Fraction], Point]) -> Iterator[Edit]:
    """Yield the edits of two numbers that belong together; where one is missing, neither is understood."""
    x, y = _number(stated, first), _number(stated, second)
    if x is not None and y is not None:
        moved = move(x, y)
        yield _rewritten(stated, first, moved[0])
        yield _rewritten(stated, second, moved[1])


def _boundary(element: Element, change: Change) -> Iterator[Edit]:
    """Yield the edits of the boundary of an image region: a rectangle by its corner, a circle, or a polygon."""
    stated = element.node().stated()
    unit = stated.get((IPTC, "rbUnit"))
    pixels = unit is not None and unit.text.strip().lower() == "pixel"
    point = change.point if pixels else change.share
    match [_number(stated, name) for name in BOX]:
        case [Fraction() as x, Fraction() as y, Fraction() as width, Fraction() as height]:
            corner, extent = change.box(x, y, width, height, pixels=pixels)
            yield from map(_rewritten, itertools.repeat(stated), BOX, (*corner, *extent))
        case _:
            yield from _moved(stated, *BOX[:2], point)
    radius = _number(stated, (IPTC, "rbRx"))
    if radius is not None:
        shares = Fraction(change.before[1], change.before[0]) if change.sideways else Fraction(1)  # of the width
        yield _rewritten(stated, (IPTC, "rbRx"), radius * (change.factors[0] if pixels else shares))
    lists = (each for each in element.node().children if each.name == (IPTC, "rbVertices"))
    for vertex in (item for each in lists for item in each.items()):
        yield from _moved(vertex.node().stated(), *BOX[:2], point)


ELEMENTS: dict[Name, Callable[[Element, Change], Iterator[Edit]]] = {
    **dict.fromkeys(REGIONS, _regions),
    (EXIF, "SubjectArea"): _subject,
    (EXIF, "SubjectLocation"): _subject,
    (IPTC, "RegionBoundary"): _boundary,
}
STATED = {name for first, second, _ in PAIRS for name in (first, second)} | {FOCAL_LENGTH, RECTANGLE, *PANORAMA}
