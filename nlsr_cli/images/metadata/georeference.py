"""Where on the earth the pixels of a GeoTIFF lie, kept true while they are turned and enlarged (OGC 19-008r4).

A tie point names a place of the raster, a pixel scale and a transformation say what lies around it. In raster space
(0, 0) is the corner of the first pixel where pixels are areas, and its centre where they are points
(GTRasterTypeGeoKey).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata.geometry import Change

PIXEL_SCALE, TIE_POINTS, TRANSFORMATION = 33550, 33922, 34264
KEYS, KEY_DOUBLES, KEY_TEXTS, GDAL_METADATA, RPC, DGIWG_ID = 34735, 34736, 34737, 42112, 50844, 50908
GDAL_NODATA = 42113
PLACEMENT = frozenset({PIXEL_SCALE, TIE_POINTS, TRANSFORMATION})
SIZED = PLACEMENT | {GDAL_METADATA, RPC}
GEOREFERENCE = PLACEMENT | {KEYS, KEY_DOUBLES, KEY_TEXTS, RPC, DGIWG_ID}
CARRIED = GEOREFERENCE | {GDAL_METADATA}

RASTER_TYPE, PIXEL_IS_POINT = 1025, 2
# Of the rational polynomials: the offsets and scales of lines and of samples, which count from the centre of the first
# pixel (STDI-0002, appendix E: RPC00B; NITF).
LINE_OFFSET, SAMPLE_OFFSET, LINE_SCALE, SAMPLE_SCALE, RPC_VALUES = 2, 3, 7, 8, 92
# An item with the blanks around it; it is tried once in a run of blanks, and never beyond the next tag.
STATISTICS = re.compile(rb'(?<![ \t])[ \t]*<Item name="STATISTICS_[^"<]*"[^><]*>[^<]*</Item>[ \t]*\r?\n?')
DAMAGED_NOTE = "The georeference is damaged and is left out."
TURNED_NOTE = "The rational polynomials of the georeference (RPC) are left out: the picture is turned upright."

Tag = tuple[int, int, bytes]  # number, TIFF type, and values in little-endian order
Matrix = npt.NDArray[np.float64]


def tags_of(data: bytes, change: Change, *, nodata: bool) -> tuple[tuple[Tag, ...], list[str]]:
    """Return the tags of a TIFF that its output keeps beside EXIF, true of its upright picture, with notes.

    `nodata` says that the value of missing data is kept as it is stated, because it has no other use.

    Raises:
        ValueError, struct.error: this is no TIFF structure.
    """
    entries = tiff.reordered(tiff.parse(data), "<").root.entries
    wanted = CARRIED | {GDAL_NODATA} if nodata else CARRIED
    tags = {tag: (entries[tag].kind, entries[tag].payload) for tag in sorted(wanted & entries.keys())}
    notes = []
    if change.orientation != 1 and RPC in tags:
        del tags[RPC]
        notes.append(TURNED_NOTE)
    try:
        moved = _moved(tags, change)
    except (ValueError, struct.error, np.linalg.LinAlgError):
        moved = {tag: value for tag, value in tags.items() if tag not in GEOREFERENCE}
        notes.append(DAMAGED_NOTE)
    return tuple((tag, *value) for tag, value in moved.items()), notes


def sized(tags: tuple[Tag, ...], change: Change) -> tuple[Tag, ...]:
    """Return tags that are true of the enlarged picture; statistics of the samples are true of none but the source."""
    moved = _moved({tag: (kind, payload) for tag, kind, payload in tags}, change)
    if change.before != change.after and GDAL_METADATA in moved:
        kind, payload = moved[GDAL_METADATA]
        moved[GDAL_METADATA] = kind, STATISTICS.sub(b"", payload)
    return tuple((tag, *value) for tag, value in moved.items())


def _matrix(change: Change) -> Matrix:
    """Return the matrix that takes corners of pixels, (x, y, 1), to their places in the changed raster."""
    nothing, one = Fraction(0), Fraction(1)
    origin, right, below = (
        np.array(change.point(x, y), np.float64) for x, y in ((nothing, nothing), (one, nothing), (nothing, one))
    )
    made = np.eye(3)
    made[:2] = np.stack((right - origin, below - origin, origin), axis=1)
    return made


def _moved(tags: dict[int, tuple[int, bytes]], change: Change) -> dict[int, tuple[int, bytes]]:
    """Return tags of which raster places have gone where they are in the changed picture.

    Raises:
        ValueError, LinAlgError: the tags are not what the standard says.
    """
    values = {tag: _doubles(*tags[tag]) for tag in (PLACEMENT | {RPC}) & tags.keys()}
    _check(values)
    if change.orientation == 1 and change.before == change.after:
        return tags
    matrix = _matrix(change)
    centres = _at_centres(matrix)
    made = {tag: value for tag, value in tags.items() if tag not in values}
    if RPC in values:
        made[RPC] = _packed(_polynomials(values.pop(RPC), centres))
    placed = _placed(values, centres if _is_point(tags) else matrix)
    made |= {tag: _packed(each) for tag, each in placed.items()}
    return dict(sorted(made.items()))


def _check(values: Mapping[int, Matrix]) -> None:
    scale, points, matrix = (values.get(tag) for tag in (PIXEL_SCALE, TIE_POINTS, TRANSFORMATION))
    if scale is not None and (len(scale) not in (2, 3) or not scale[:2].all()):
        raise ValueError("a pixel scale that does not have two or three values")
    if points is not None and (not len(points) or len(points) % 6):
        raise ValueError("tie points that do not have six values")
    if matrix is not None and len(matrix) != 16:
        raise ValueError("a transformation that does not have sixteen values")
    if RPC in values and len(values[RPC]) != RPC_VALUES:
        raise ValueError("rational polynomials with the wrong number of values")


def _placed(values: Mapping[int, Matrix], move: Matrix) -> dict[int, Matrix]:
    """Return pixel scale, tie points and transformation for a raster of which each place has gone where `move` says.

    A raster that is turned has no pixel scale, which knows rows that go down alone, but a transformation.
    """
    made = dict(values)
    upright = min(move[0, 0], move[1, 1]) > 0  # both are 0 where rows become columns
    if PIXEL_SCALE in made and not upright and TIE_POINTS in made:
        made[TRANSFORMATION] = _transformation(made.pop(PIXEL_SCALE), made.pop(TIE_POINTS))
    if PIXEL_SCALE in made:
        scale = made[PIXEL_SCALE].copy()
        scale[:2] = np.abs(np.linalg.inv(move[:2, :2])) @ scale[:2]
        made[PIXEL_SCALE] = scale
    if TIE_POINTS in made:
        points = made[TIE_POINTS].reshape(-1, 6).copy()
        points[:, :2] = points[:, :2] @ move[:2, :2].T + move[:2, 2]
        made[TIE_POINTS] = points.ravel()
    if TRANSFORMATION in made:
        whole = np.eye(4)
        whole[np.ix_((0, 1, 3), (0, 1, 3))] = move
        made[TRANSFORMATION] = (made[TRANSFORMATION].reshape(4, 4) @ np.linalg.inv(whole)).ravel()
    return made


def _transformation(scale: Matrix, points: Matrix) -> Matrix:
    """Return what a pixel scale and a tie point say as a transformation (GeoTIFF 1.1, annex B)."""
    across, down, deep = (*scale, 0.0)[:3]
    i, j, k, x, y, z = points[:6]
    rows = [[across, 0, 0, x - i * across], [0, -down, 0, y + j * down], [0, 0, deep, z - k * deep], [0, 0, 0, 1]]
    return np.array(rows, np.float64).ravel()


def _polynomials(values: Matrix, centres: Matrix) -> Matrix:
    made: Matrix = values.copy()
    made[LINE_OFFSET] = made[LINE_OFFSET] * centres[1, 1] + centres[1, 2]
    made[SAMPLE_OFFSET] = made[SAMPLE_OFFSET] * centres[0, 0] + centres[0, 2]
    made[[LINE_SCALE, SAMPLE_SCALE]] *= centres[[1, 0], [1, 0]]
    return made


def _at_centres(matrix: Matrix) -> Matrix:
    """Return a matrix for the corners of pixels as one for their centres."""
    half = np.eye(3)
    half[:2, 2] = 0.5
    return np.asarray(np.linalg.inv(half) @ matrix @ half, np.float64)


def _is_point(tags: Mapping[int, tuple[int, bytes]]) -> bool:
    kind, payload = tags.get(KEYS, (tiff.SHORT, b""))
    keys = np.frombuffer(payload[: len(payload) // 8 * 8], "<u2").reshape(-1, 4)[1:]
    told = (key == RASTER_TYPE and place == 0 and value == PIXEL_IS_POINT for key, place, _, value in keys)
    return kind == tiff.SHORT and any(told)


def _doubles(kind: int, payload: bytes) -> Matrix:
    values = tiff.numbers(tiff.Entry(kind, 0, payload), "<")
    if not np.isfinite(values).all():
        raise ValueError("a position that is not a number")
    return values


def _packed(values: Matrix) -> tuple[int, bytes]:
    return tiff.DOUBLE, values.astype("<f8").tobytes()


def number_of(text: str | None) -> float | None:
    """Return the value that GDAL_NODATA names, which may be "nan" or infinite; None where it is no number."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def unheld(tags: tuple[Tag, ...], format: str) -> Iterator[str]:  # noqa: A002 - the word for it, in Pillow too
    """Yield a note for what a format has no place for."""
    numbers = {tag for tag, *_ in tags}
    if numbers & GEOREFERENCE:
        yield f"{format} cannot hold a georeference; it is left out."
    if GDAL_METADATA in numbers:
        yield f"{format} cannot hold GDAL metadata; it is left out."
