"""A GeoTIFF lies where it lay: turned, enlarged, by areas or by points, by scale, transformation or polynomials."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.images import encode_picture, read_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import georeference
from nlsr_cli.images.metadata.geometry import Change
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images.deep_files import deep_tiff, samples
from tests.images.files import shorts
from tests.images.files import tiff as tiff_of

CASES = ASSETS / "cases"
POINT = struct.pack("<8H", 1, 1, 0, 1, 1025, 0, 1, 2)
STATISTICS, SCENE = b'  <Item name="STATISTICS_MEAN" sample="0">5</Item>\n', b'  <Item name="SCENE">x</Item>\n'
METADATA = b"<GDALMetadata>\n" + STATISTICS + SCENE + b"</GDALMetadata>\0"


def doubles(*values: float) -> tuple[int, int, bytes]:
    return 12, len(values), struct.pack(f"<{len(values)}d", *values)


def geotiff(tags: dict[int, tuple[int, int, bytes]], orientation: int = 1, height: int = 4, width: int = 6) -> bytes:
    own = {256: shorts("<", width), 257: shorts("<", height), 258: shorts("<", 8), 259: shorts("<", 1)}
    own |= {262: shorts("<", 1), 277: shorts("<", 1), 278: shorts("<", height), 274: shorts("<", orientation)}
    return tiff_of("<", {**own, **tags}, bytes(range(height * width)))


SCALED = {33550: doubles(10, 20, 2), 33922: doubles(0, 0, 0, 500000, 4100000, 100)}
TIED = {33550: doubles(10, 20, 2), 33922: doubles(2, 1, 0, 500020, 4099980, 100)}
MATRIX = {34264: doubles(10, 3, 0, 500000, 2, -20, 0, 4100000, 0, 0, 2, 100, 0, 0, 0, 1)}


def ground(data: bytes, x: float, y: float) -> np.ndarray:
    """Return where on the ground a corner of pixels lies by the tags of a file, as GDAL computes it."""
    block = tiff.parse(data)
    values = {tag: tiff.numbers(block.root.entries.get(tag), block.order) for tag in (33550, 33922, 34264, 34735)}
    keys = values[34735].reshape(-1, 4)
    half = 0.5 if any(key[0] == 1025 and key[3] == 2 for key in keys) else 0.0
    if values[34264].size:
        return (values[34264].reshape(4, 4) @ [x - half, y - half, 0, 1])[:3]
    i, j, k, *origin = values[33922][:6]
    across, down, deep = values[33550]
    return np.add(origin, [(x - half - i) * across, -(y - half - j) * down, -k * deep])


def enlarged(data: bytes, height: int, width: int) -> bytes:
    """Return a file of nothing but the tags of another, at another size."""
    picture = read_picture(data)
    change = Change(1, picture.metadata.size, (height, width))
    tags = georeference.sized(picture.metadata.tiff_tags, change)
    entries = {tag: (kind, len(value) // tiff.SIZES[kind], value) for tag, kind, value in tags}
    return geotiff(entries, height=height, width=width)


@pytest.mark.parametrize("tags", [SCALED, TIED, MATRIX])
@pytest.mark.parametrize("keys", [{}, {34735: (3, 8, POINT)}])
@pytest.mark.parametrize("size", [(8, 12), (6, 15), (2, 3)])
def test_corners_stay_where_they_are(tags, keys, size):
    """Each by its own factor, and where pixels are points the first point moves by half of what the pixel loses."""
    data = geotiff({**tags, **keys})
    made = enlarged(data, *size)
    assert tiff.parse(made).root.entries.keys() == tiff.parse(data).root.entries.keys()
    for x, y in ((0, 0), (1, 0), (0, 1), (0.3, 0.8)):
        np.testing.assert_allclose(
            ground(made, x * size[1], y * size[0]), ground(data, x * 6, y * 4), rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tags", [SCALED, MATRIX])
@pytest.mark.parametrize("keys", [{}, {34735: (3, 8, POINT)}])
def test_a_turned_raster_has_its_pixels_where_they_were(orientation, tags, keys):
    """Pixel by pixel: the value that stands in a place of the upright picture lay on the same ground."""
    data = geotiff({**tags, **keys}, orientation)
    picture = read_picture(data)
    entries = {tag: (kind, len(value) // tiff.SIZES[kind], value) for tag, kind, value in picture.metadata.tiff_tags}
    upright = geotiff(entries)
    for value in (0, 1, 7, 23):
        (y,), (x,) = np.nonzero(picture.color[..., 0] == value)
        np.testing.assert_allclose(
            ground(upright, x + 0.5, y + 0.5), ground(data, value % 6 + 0.5, value // 6 + 0.5), rtol=0, atol=1e-6
        )


TURNED = Change(3, (4, 6), (4, 6))


def sized(tags: dict[int, tuple[int, int, bytes]], change: Change) -> dict[int, tuple[float, ...]]:
    """Return what a change of the raster makes of tags, all of them numbers."""
    told = tuple((tag, kind, value) for tag, (kind, _, value) in tags.items())
    return {tag: struct.unpack(f"<{len(value) // 8}d", value) for tag, _, value in georeference.sized(told, change)}


@pytest.mark.parametrize(
    ("scale", "depth", "height"), [((10, 20, 2), 2, 94), ((10, 20), 0, 100), ((10, 20, 0), 0, 100)]
)
@pytest.mark.parametrize("more", [(), (9, 9, 9, 9, 9, 9)])
def test_a_turned_raster_has_a_transformation(scale, depth, height, more):
    """Of the scale, which may be of two directions, and of the first tie point."""
    tags = {33550: doubles(*scale), 33922: doubles(2, 1, 3, 500020, 4099980, 100, *more)}
    made = (-10, 0, 0, 500060, 0, 20, 0, 4099920, 0, 0, depth, height, 0, 0, 0, 1)
    assert sized(tags, TURNED) == {34264: made}


def test_a_scale_without_a_tie_point_shrinks():
    """Of two directions or three: the third is no side of the raster."""
    for deep in ((), (7,)):
        assert sized({33550: doubles(10, 20, *deep)}, Change(1, (4, 6), (16, 12))) == {33550: (5, 5, *deep)}
        assert sized({33550: doubles(10, 20, *deep)}, Change(6, (4, 6), (6, 4))) == {33550: (20, 10, *deep)}


@pytest.mark.parametrize(
    ("keys", "point"),
    [
        (POINT, True),
        (POINT + b"abc", True),
        (struct.pack("<12H", 1, 1, 0, 2, 1024, 0, 1, 2, 1025, 0, 1, 2), True),
        (struct.pack("<8H", 1, 1, 0, 1, 1025, 0, 1, 1), False),
        (struct.pack("<8H", 1, 1, 0, 1, 1025, 34736, 1, 2), False),
        (struct.pack("<8H", 1025, 0, 1, 2, 1024, 0, 1, 2), False),
        (POINT[:8], False),
        (b"", False),
    ],
)
@pytest.mark.parametrize("kind", [3, 7])
def test_pixels_are_points_where_a_key_says_so(keys, point, kind):
    """In the directory of keys behind its header, in numbers of 16 bits."""
    tags = ((33922, *SCALED[33922][::2]), (34735, kind, keys))
    (_, _, tie), same = georeference.sized(tags, Change(1, (4, 6), (8, 12)))
    assert same == (34735, kind, keys)
    assert struct.unpack("<2d", tie[:16]) == ((0.5, 0.5) if point and kind == 3 else (0, 0))


def test_all_of_a_georeference_is_carried():
    """What names places follows a change of the raster, and every other tag is the same."""
    placed = {**SCALED, **MATRIX, 50844: doubles(*[1.0] * 92), 42112: (2, len(METADATA), METADATA)}
    others = {34735: (3, 8, POINT), 34736: doubles(1.5), 34737: (2, 2, b"a\0"), 50908: (2, 2, b"b\0")}
    change = Change(1, (4, 6), (8, 12))
    tags, notes = georeference.tags_of(geotiff({**placed, **others, 42113: (2, 2, b"9\0")}), change, nodata=False)
    assert {tag for tag, *_ in tags} == placed.keys() | others.keys() == georeference.CARRIED
    assert notes == []
    was = {tag: value for tag, _, value in tags}
    now = {tag: value for tag, _, value in georeference.sized(tags, change)}
    assert {tag for tag in was if now[tag] != was[tag]} == placed.keys() == georeference.SIZED
    assert 42113 in dict(
        each[:2] for each in georeference.tags_of(geotiff({42113: (2, 2, b"9\0")}), change, nodata=True)[0]
    )


def test_points_on_the_ground_are_moved_each():
    """Control points without a scale."""
    data = geotiff({33922: doubles(0, 0, 0, 1, 2, 3, 6, 4, 0, 7, 8, 9)})
    picture = read_picture(data)
    ((tag, _, value),) = georeference.sized(picture.metadata.tiff_tags, Change(1, (4, 6), (8, 18)))
    assert tag == 33922
    assert struct.unpack("<12d", value) == (0, 0, 0, 1, 2, 3, 18, 8, 0, 7, 8, 9)


def test_rational_polynomials_are_scaled_or_told():
    """Their lines and samples count from the centre of the first pixel."""
    values = [0.0] * 92
    values[2], values[3], values[7], values[8] = 1.5, 2.5, 2.0, 3.0
    tags = {50844: doubles(*values)}
    picture = read_picture(geotiff(tags))
    ((_, _, made),) = georeference.sized(picture.metadata.tiff_tags, Change(1, (4, 6), (8, 18)))
    found = struct.unpack("<92d", made)
    assert (found[2], found[3], found[7], found[8]) == (3.5, 8.5, 4.0, 9.0)
    turned = read_picture(geotiff(tags, 6))
    assert turned.metadata.tiff_tags == ()
    assert turned.notes == (georeference.TURNED_NOTE,)


@pytest.mark.parametrize(
    "tags",
    [
        {33550: doubles(1.0), 33922: SCALED[33922]},
        {33550: SCALED[33550], 33922: doubles(1, 2, 3)},
        {33550: doubles(0, 0, 0)},
        {34264: doubles(*[0.0] * 15)},
        {33550: doubles(np.nan, 1, 1)},
        {50844: doubles(1, 2)},
    ],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_damaged_georeference_is_told(tags, orientation):
    picture = read_picture(geotiff(tags, orientation))
    assert picture.metadata.tiff_tags == ()
    assert picture.notes in ((georeference.DAMAGED_NOTE,), (georeference.TURNED_NOTE,))


@pytest.mark.parametrize("name", ["05_geotiff.tif", "05b_geotiff_16bit.tif"])
def test_a_geotiff_stays_one_by_the_command_line(name, tmp_path):
    """Pixel scale 5 after twice the size, the tie point, keys, names and the value of missing data as they were."""
    result = CliRunner().invoke(app, ["upscale", str(CASES / name), "-s", "2", "-o", str(tmp_path / "a.tif")])
    assert result.exit_code == 0, result.output
    assert "note" not in result.stderr
    was, now = (tiff.parse(path.read_bytes()).root.entries for path in (CASES / name, tmp_path / "a.tif"))
    assert struct.unpack("<3d", now[33550].payload) == (5.0, 5.0, 0.0)
    for tag in (33922, 34735, 34737, 42113):
        assert now[tag][:3] == was[tag][:3]


def test_what_other_formats_do_not_hold_is_told():
    data = geotiff({**SCALED, 42112: (2, len(METADATA), METADATA), 42113: (2, 3, b"99\0")})
    picture = read_picture(data)
    for name in ("PNG", "JPEG", "WEBP"):
        _, notes = encode_picture(picture, format=name, options=EncodeOptions())
        assert [note for note in notes if "grey" not in note] == [
            f"{name} cannot hold a georeference; it is left out.",
            f"{name} cannot hold GDAL metadata; it is left out.",
            f"{name} cannot hold a no-data value (99); it is left out.",
        ]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((), []),
        ((42113,), []),
        ((33550,), ["a georeference"]),
        ((42112,), ["GDAL metadata"]),
        ((34735, 42112), ["a georeference", "GDAL metadata"]),
    ],
)
def test_nothing_is_told_of_what_was_not_there(numbers, told):
    """A note for each thing that a format has no place for."""
    notes = list(georeference.unheld(tuple((number, 7, b"") for number in numbers), "PNG"))
    assert notes == [f"PNG cannot hold {what}; it is left out." for what in told]


def test_statistics_of_the_source_do_not_outlive_it():
    """They are true of its samples alone; what else GDAL keeps there stays."""
    picture = read_picture(geotiff({42112: (2, len(METADATA), METADATA)}))
    ((_, _, same),) = georeference.sized(picture.metadata.tiff_tags, Change(1, (4, 6), (4, 6)))
    ((_, _, other),) = georeference.sized(picture.metadata.tiff_tags, Change(1, (4, 6), (8, 12)))
    assert same == METADATA
    assert other == METADATA.replace(STATISTICS, b"")


@pytest.mark.parametrize("hostile", [b" " * 200_000, b'<Item name="STATISTICS_' * 10_000, b" \t\n" * 70_000])
def test_statistics_are_looked_for_in_a_time_by_the_length(hostile):
    """Whatever the metadata of a stranger hold."""
    start = time.process_time()
    tags = ((42112, 2, hostile + STATISTICS + SCENE),)
    ((_, _, found),) = georeference.sized(tags, Change(1, (4, 6), (8, 12)))
    assert found.endswith(SCENE)
    assert b"_MEAN" not in found
    assert time.process_time() - start < 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_tags_are_written_beside_deep_samples_too(order, dtype):
    """In the order of the file that is written, whatever was that of the source."""
    data = deep_tiff(samples(3, dtype), 2, order=order, more={34735: ("H", (1, 1, 0, 1, 1025, 0, 1, 2))})
    out, notes = encode_picture(read_picture(data), format="TIFF", options=EncodeOptions())
    block = tiff.parse(out)
    assert tiff.integers(block.root.entries[34735], block.order) == (1, 1, 0, 1, 1025, 0, 1, 2)
    assert notes == ()
