"""The places, densities and calibrations that EXIF and TIFF tags state, brought through a change of the picture.

The table in `geometry` says what is changed; sources: CIPA DC-008-2019, 4.6 (SubjectArea, FocalPlaneXResolution), TIFF
6.0 (XResolution), TIFF/EP (ISO 12234-2) for the older numbers of the focal plane's tags.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from nlsr_cli.images.containers import tiff
from nlsr_cli.images.metadata import calibration
from nlsr_cli.images.metadata.geometry import Change, Point, rational, subject

DESCRIPTION, X_RESOLUTION, Y_RESOLUTION = 270, 282, 283
SUBJECTS = (0x9214, 0xA214)
FOCAL_PLANES = ((0xA20E, 0xA20F), (0x920E, 0x920F))


def changed(root: tiff.Directory, order: str, change: Change) -> tuple[tiff.Directory, list[str]]:
    """Return the first directory, and its Exif directory, as they are true of the changed picture, and notes."""
    notes: list[str] = []
    if change.orientation != 1 or change.before != change.after:
        children = {
            tag: _directory(child, order, change) if tag == tiff.EXIF_IFD else child
            for tag, child in root.children.items()
        }
        move = Change.density if is_calibrated(root) else Change.share_extent
        root = _directory(replace(root, children=children), order, change)
        root = _pair(root, (X_RESOLUTION, Y_RESOLUTION), order, change, move)
        root = described(root, lambda text: calibration.rescaled(text, change), notes)
    return root, notes


def described(root: tiff.Directory, rewrite: Callable[[str], str], notes: list[str]) -> tiff.Directory:
    """Return the directory with its description rewritten, or without it, and with a note, where it is damaged."""
    entry = root.entries.get(DESCRIPTION)
    if entry is None or entry.kind not in (tiff.BYTE, tiff.ASCII, tiff.UNDEFINED):
        return root
    try:
        text = rewrite(_text(entry))
    except ValueError:
        notes.append(calibration.OME_NOTE)
        return root.without(frozenset({DESCRIPTION}))
    if text == _text(entry):
        return root
    payload = text.encode("latin-1") + b"\0"
    return root.updated({DESCRIPTION: tiff.Entry(entry.kind, len(payload), payload)})


def is_calibrated(root: tiff.Directory) -> bool:
    """Say whether the resolution counts pixels per unit of what is seen, and not of paper."""
    entry = root.entries.get(DESCRIPTION)
    return entry is not None and calibration.calibrated(_text(entry))


def _text(entry: tiff.Entry) -> str:
    return entry.payload.rstrip(b"\0").decode("latin-1")


def _directory(directory: tiff.Directory, order: str, change: Change) -> tiff.Directory:
    for tags in FOCAL_PLANES:
        directory = _pair(directory, tags, order, change, Change.density)
    for tag in SUBJECTS:
        values = tiff.integers(directory.entries.get(tag), order)
        if 2 <= len(values) <= 4:
            moved = subject([Fraction(value) for value in values], change)
            kind, code = (tiff.SHORT, "H") if max(moved) < 65536 else (tiff.LONG, "I")
            packed = struct.pack(f"{order}{len(moved)}{code}", *moved)
            directory = directory.updated({tag: tiff.Entry(kind, len(moved), packed)})
    return directory


def _pair(
    directory: tiff.Directory,
    tags: tuple[int, int],
    order: str,
    change: Change,
    move: Callable[[Change, Fraction, Fraction], Point],
) -> tiff.Directory:
    """Return the directory with two densities that belong together; one that comes from one that is missing goes."""
    values = [_fraction(directory.entries.get(tag), order) for tag in tags]
    if not any(values):
        return directory
    moved = move(change, values[0], values[1])
    fractions = {tag: rational(value) for tag, value in zip(tags, moved, strict=True) if value}
    entries = {
        tag: tiff.Entry(tiff.RATIONAL, 1, struct.pack(order + "II", value.numerator, value.denominator))
        for tag, value in fractions.items()
    }
    return directory.without(frozenset(tags)).updated(entries)


def _fraction(entry: tiff.Entry | None, order: str) -> Fraction:
    """Return the first value of an entry, or 0 where that is no positive number."""
    if entry is None or entry.number < 1:
        return Fraction(0)
    if entry.kind == tiff.RATIONAL:
        numerator, denominator = struct.unpack_from(order + "II", entry.payload)
        return Fraction(numerator, denominator) if denominator else Fraction(0)
    return Fraction(max(next(iter(tiff.integers(entry, order)), 0), 0))
