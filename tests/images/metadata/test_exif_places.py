"""Places, densities and descriptions in the tags of EXIF and TIFF, one by one: what changes, what goes, what stays."""

from __future__ import annotations

import struct

import pytest

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import calibration, exif_places
from nlsr_cli.images.metadata.geometry import Change

LARGER, LYING = Change(1, (40, 60), (120, 120)), Change(6, (40, 60), (120, 120))  # by 2 and 3; by 3 and 2
SAME, TURNED = Change(1, (40, 60), (40, 60)), Change(3, (40, 60), (40, 60))
DESCRIPTION, X, Y = 270, 282, 283
MICRONS = b"ImageJ=1.5\nunit=micron\n\0"


def ratio(above: int, below: int, order: str = "<") -> tiff.Entry:
    return tiff.Entry(tiff.RATIONAL, 1, struct.pack(order + "II", above, below))


def whole(*values: int, kind: int = tiff.SHORT, order: str = "<") -> tiff.Entry:
    return tiff.Entry(kind, len(values), struct.pack(f"{order}{len(values)}{tiff.CODES[kind]}", *values))


def text(value: bytes, kind: int = tiff.ASCII) -> tiff.Entry:
    return tiff.Entry(kind, len(value), value)


def changed(tags: dict[int, tiff.Entry], change: Change) -> dict[int, tiff.Entry]:
    """Return what a change of the picture makes of the tags of the first directory."""
    return exif_places.changed(tiff.Directory(tags), "<", change)[0].entries


@pytest.mark.parametrize("pair", [(0xA20E, 0xA20F), (0x920E, 0x920F)])
@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, (ratio(3000, 7), ratio(2000, 7)), (ratio(6000, 7), ratio(6000, 7))),
        (LYING, (ratio(3000, 7), ratio(2000, 7)), (ratio(6000, 7), ratio(6000, 7))),
        (LARGER, (whole(10), whole(20, kind=tiff.LONG)), (ratio(20, 1), ratio(60, 1))),
        (LARGER, (ratio(10, 1), None), (ratio(20, 1), None)),
        (LYING, (ratio(10, 1), None), (None, ratio(20, 1))),
        (LARGER, (ratio(1, 0), ratio(10, 1)), (None, ratio(30, 1))),
        (LARGER, (whole(-1, kind=8), whole(10)), (None, ratio(30, 1))),
        (LARGER, (ratio(1, 0), ratio(0, 1)), (ratio(1, 0), ratio(0, 1))),
        (LARGER, (whole(0), text(b"10")), (whole(0), text(b"10"))),
        (LARGER, (tiff.Entry(tiff.RATIONAL, 0, b""), whole()), (tiff.Entry(tiff.RATIONAL, 0, b""), whole())),
        (LARGER, (None, None), (None, None)),
        (SAME, (whole(10), None), (whole(10), None)),
    ],
)  # fmt: skip
def test_densities_of_the_focal_plane_are_positive_numbers(pair, change, given, expected):
    """Of any type; what is none goes beside one that is, and stays where nothing is understood."""
    given, expected = (
        {tag: entry for tag, entry in zip(pair, each, strict=True) if entry is not None} for each in (given, expected)
    )
    assert changed(given, change) == expected
    inside = tiff.Directory({}, {tiff.EXIF_IFD: tiff.Directory(given), tiff.GPS_IFD: tiff.Directory(given)})
    found = exif_places.changed(inside, "<", change)[0]
    assert found.children[tiff.EXIF_IFD].entries == expected
    assert found.children[tiff.GPS_IFD].entries == given


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [0x9214, 0xA214])
@pytest.mark.parametrize(
    ("change", "given", "expected"),
    [
        (LARGER, (1, 2), (2, 6)),
        (LYING, (1, 2, 3, 4), (114, 2, 12, 6)),
        (TURNED, (1, 2, 3), (59, 38, 3)),
        (LARGER, (1,), (1,)),
        (LARGER, (1, 2, 3, 4, 5), (1, 2, 3, 4, 5)),
        (LARGER, (), ()),
        (SAME, (70, 2), (70, 2)),
    ],
)
def test_subjects_have_two_to_four_numbers(tag, order, change, given, expected):
    """Anything else is no subject and stays."""
    root = tiff.Directory({tag: whole(*given, kind=tiff.LONG, order=order)})
    kind = tiff.LONG if given == expected else tiff.SHORT
    assert exif_places.changed(root, order, change)[0].entries == {tag: whole(*expected, kind=kind, order=order)}


@pytest.mark.parametrize(("width", "kind"), [(65535, tiff.SHORT), (65536, tiff.LONG)])
def test_a_subject_takes_the_type_that_holds_it(width, kind):
    """16 bits to the last number, and 32 beyond."""
    given = {0x9214: whole(1, 1, 1, 1, kind=tiff.LONG)}
    assert changed(given, Change(1, (2, 2), (2, 2 * width))) == {0x9214: whole(width, 1, width, 1, kind=kind)}


@pytest.mark.parametrize(
    ("description", "change", "expected"),
    [
        (None, LARGER, (10, 20)),
        (None, LYING, (20, 10)),
        (b"unit=micron\n\0", LARGER, (10, 20)),
        (b"ImageJ=1.5\nunit=pixel\n\0", LARGER, (10, 20)),
        (MICRONS, LARGER, (20, 60)),
        (MICRONS, LYING, (60, 20)),
        (MICRONS, SAME, (10, 20)),
    ],
)
def test_a_resolution_grows_where_it_is_a_calibration(description, change, expected):
    """And turns with the picture in any case."""
    tags = {} if description is None else {DESCRIPTION: text(description)}
    found = changed({**tags, X: ratio(10, 1), Y: ratio(20, 1)}, change)
    assert found == {**tags, X: ratio(expected[0], 1), Y: ratio(expected[1], 1)}


@pytest.mark.parametrize(
    ("kind", "change", "given", "expected"),
    [
        (tiff.ASCII, LARGER, b"Aperio|MPP = 0.5\0\0", b"Aperio|MPP = 0.25\0"),
        (tiff.BYTE, LARGER, b"Aperio|MPP = 0.5", b"Aperio|MPP = 0.25\0"),
        (tiff.UNDEFINED, LARGER, b"Aperio|MPP = 0.5", b"Aperio|MPP = 0.25\0"),
        (6, LARGER, b"Aperio|MPP = 0.5", b"Aperio|MPP = 0.5"),
        (tiff.ASCII, SAME, b"Aperio|MPP = 0.50", b"Aperio|MPP = 0.50"),
        (tiff.ASCII, LARGER, b"M\xe4rz\0\0", b"M\xe4rz\0\0"),
        (tiff.ASCII, LARGER, b"<OME>", None),
        (tiff.ASCII, SAME, b"<OME>", b"<OME>"),
    ],
)
def test_a_description_is_written_again_where_it_changes(kind, change, given, expected):
    """Elsewhere its bytes are the same; one that is damaged goes with a note."""
    tags = {DESCRIPTION: text(given, kind), 271: text(b"Maker\0")}
    found, notes = exif_places.changed(tiff.Directory(tags), "<", change)
    told = {} if expected is None else {DESCRIPTION: text(expected, kind)}
    assert found.entries == {**told, 271: text(b"Maker\0")}
    assert notes == ([calibration.OME_NOTE] if expected is None else [])
