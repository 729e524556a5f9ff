"""What of Photoshop's resources is told when it is lost, one by one: a person's work, and what nobody knows."""

from __future__ import annotations

import struct

import pytest

from nlsr_cli.images.metadata.iptc import DAMAGED_NOTE, RECORDS
from nlsr_cli.images.metadata.photoshop import left_behind
from tests.images.metadata.test_iptc import CAPTION, resource

SILENT = (  # in the order of Adobe's list; between them lie what a person made, the records, and what nobody knows
    *(0x03E8, 0x03E9, 0x03EB, 0x03ED, 0x03EF, *range(0x03F1, 0x03FE), 0x03FF, 0x0400, *range(0x0402, 0x0407), 0x0409),
    *range(0x040C, 0x0410), *range(0x0411, 0x0418), *(0x0419, 0x041C, 0x041D), *range(0x0421, 0x0427), 0x0428,
    *(0x042A, 0x042B), *range(0x042D, 0x0431), *(0x0434, 0x0435, 0x0436, 0x0438),
    *range(0x043A, 0x0441), *(0x0BB8, 0x2710),
)  # fmt: skip
NAMED = {
    0x03EE: "channel names", 0x03F0: "a caption", 0x03FE: "a quick mask", 0x0401: "a working path",
    0x040A: "the copyright mark", 0x040B: "a web address", 0x0410: "a watermark", 0x041B: "a web address",
    0x0429: "layer comps", 0x0431: "colour samplers", 0x0432: "a measurement scale", 0x0433: "a timeline",
    0x07D0: "clipping paths", 0x0BB6: "clipping paths", 0x0BB7: "the name of a clipping path",
    0x0FA0: "plug-in data", 0x1387: "plug-in data", 0x1B58: "ImageReady variables",
    0x1B59: "ImageReady data sets", 0x1F40: "the Lightroom workflow",
}  # fmt: skip


def told(number: int, data: bytes) -> list[str]:
    """Return what the note on a block of one resource names."""
    notes = list(left_behind(resource(number, data)))
    return [note.removeprefix("Photoshop's own data is left out (").removesuffix(").") for note in notes]


@pytest.mark.parametrize("number", range(0x03E7, 0x0442))
def test_resources_are_settings_or_told(number):
    """Every number of Adobe's list, of which those that are not known are told by it."""
    expected = [] if number in SILENT else [NAMED.get(number, f"resource {number}")]
    if number == RECORDS:
        assert list(left_behind(resource(number, CAPTION))) == []
    elif number not in (0x0408, 0x041A, 0x041E):
        assert told(number, b"\0x") == expected


@pytest.mark.parametrize(
    ("number", "name"),
    [*NAMED.items(), (0x0BB8, None), (0x2710, None)]
    + [(number, f"resource {number}") for number in (0x07CF, 0x0F9F, 0x1388, 0x1B57, 0x1B5A, 0x1F3F, 0x1F41, 0x2711)],
)
def test_numbers_have_names(number, name):
    """At the ends of ranges, too."""
    assert told(number, b"\0x") == ([] if name is None else [name])


@pytest.mark.parametrize("number", [number for number in NAMED if number not in (0x07D0, 0x0BB6, 0x0FA0, 0x1387)])
@pytest.mark.parametrize("nothing", [b"", bytes(5)])
def test_what_is_empty_is_not_missed(number, nothing):
    """Photoshop writes some of them always."""
    assert told(number, nothing) == []


def slices(count: int, name: str = "") -> bytes:
    """Return slices as Photoshop 6 keeps them: version, four sides, a name of two bytes a letter, and how many."""
    return struct.pack(">6I", 6, 0, 0, 9, 9, len(name)) + name.encode("utf-16-be") + struct.pack(">I", count)


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (0x0408, bytes(16), []),
        (0x0408, bytes(20), []),
        (0x0408, bytes(15) + b"\1", ["guides"]),
        (0x0408, bytes(12) + b"\1\0\0", []),
        (0x0408, bytes(12) + b"\1" + bytes(8), ["guides"]),
        (0x0408, b"\1" * 12 + bytes(4), []),
        (0x041A, slices(1), []),
        (0x041A, slices(2), ["slices"]),
        (0x041A, slices(1, "ab"), []),
        (0x041A, slices(2, "ab"), ["slices"]),
        (0x041A, slices(2, "ab")[:-1], []),
        (0x041A, b"\0\0\0\6", []),
        (0x041A, b"\0\0\0\7 sliceID", []),
        (0x041A, b"\0\0\0\7 sliceID sliceID", ["slices"]),
        (0x041E, bytes(4), []),
        (0x041E, bytes(4) + b"x", []),
        (0x041E, b"\0\0\0\1x", ["web addresses"]),
    ],
)
def test_lists_are_told_if_they_have_entries(number, data, expected):
    """Guides, addresses, and slices besides the one of the whole picture."""
    assert told(number, data) == expected


def test_one_note_names_everything_once():
    """In the order of the alphabet; records that are damaged have a note of their own."""
    block = resource(2001, b"x") + resource(2000, b"y") + resource(0x03F0, b"z") + resource(RECORDS, b"nonsense")
    assert list(left_behind(block)) == ["Photoshop's own data is left out (a caption, clipping paths).", DAMAGED_NOTE]
    assert list(left_behind(resource(RECORDS, CAPTION) + resource(0x03ED, b"x"))) == []
    assert list(left_behind(b"nonsense")) == []
