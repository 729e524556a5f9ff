"""EXIF, resolution, and the tags that are left behind (CIPA DC-008-2019 "EXIF 2.32", TIFF 6.0, JFIF, PNG pHYs)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from nlsr_cli.images.containers import tiff, tiff_file
from nlsr_cli.images.metadata import calibration, exif_places
from nlsr_cli.images.metadata.geometry import Change

WIDTH, LENGTH, ORIENTATION = 256, 257, 274
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
PIXEL_X, PIXEL_Y, COLOR_SPACE = 0xA002, 0xA003, 0xA001
RELATED_WIDTH, RELATED_LENGTH = 0x1001, 0x1002  # of the Interoperability directory: the size of the picture, once more
ICC_PROFILE, XMP, IPTC, PHOTOSHOP, LAYERS = 34675, 700, 33723, 34377, 37724
INCH, CENTIMETRE = 2, 3
UNCALIBRATED = 0xFFFF

# Tags of the first directory that describe how the source file stored its samples or where in it something lies: in
# another file they would be lies. (Stride, compression, strips, tiles, JPEG tables, sub-directories, profiles.)
STRUCTURAL = frozenset(
    {254, 255, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293}
    | {301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, XMP, IPTC, PHOTOSHOP, ICC_PROFILE}
)
# Tags of a TIFF's first directory that speak of the picture rather than of the file: title, camera, dates, authors,
# rating, copyright, and the XP* texts of Windows.
DESCRIPTIVE = frozenset(
    {269, 270, 271, 272, 285, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, 305, 306, 315, 316, 337}
    | {18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095, 50341}
)
SIZE_TAGS = frozenset({WIDTH, LENGTH})
PAGE_TAGS = (254, 297)  # NewSubfileType, PageNumber
BLOCKS = frozenset({XMP, IPTC, ICC_PROFILE})
RESOLUTION_TAGS = frozenset({X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT})
# What a reduced copy that stands before its picture says of that too.
INHERITED = DESCRIPTIVE - RESOLUTION_TAGS | frozenset({XMP, IPTC, PHOTOSHOP, *tiff.CHILDREN})
UNREADABLE_NOTE = "The EXIF data is damaged and is left out."


def exif_block(info: Mapping[Any, object]) -> bytes | None:
    """Return the TIFF-structured EXIF bytes among what Pillow collected from a file, or None."""
    raw = info.get("exif")
    return raw.removeprefix(b"Exif\0\0") or None if isinstance(raw, bytes) else None


def orientation(raw: bytes | None) -> int:
    """Return the orientation (1 to 8) that EXIF bytes state; 1 where they state none or nonsense."""
    block = _parsed(raw)
    if block is None:
        return 1
    found = next(iter(tiff.integers(block.root.entries.get(ORIENTATION), block.order)), 1)
    return found if 1 <= found <= 8 else 1


def states_orientation(raw: bytes | None) -> bool:
    """Tell whether EXIF bytes say anything of how the picture is turned."""
    block = _parsed(raw)
    return block is not None and ORIENTATION in block.root.entries


def _parsed(raw: bytes | None) -> tiff.Block | None:
    try:
        return tiff.parse(raw) if raw else None
    except (ValueError, struct.error):
        return None


def portable_exif(
    raw: bytes | None, *, from_tiff: bool, change: Change | None = None, page: str = ""
) -> tuple[bytes | None, list[str]]:
    """Return EXIF bytes that are true of the upright picture in any file, and notes on what is left out.

    The orientation becomes 1, and places turn with the picture, as `change` says; the thumbnail and whatever describes
    the storage of the source go. Of a TIFF, whose first directory is mostly storage, only descriptive tags stay. A
    description of several pages stays where they are kept too (`page` is "bound"), else it becomes that of one.
    """
    if not raw:
        return None, []
    block = _parsed(raw)
    if block is None:
        return None, [UNREADABLE_NOTE]
    root = block.root.only(DESCRIPTIVE) if from_tiff else block.root.without(STRUCTURAL)
    if ORIENTATION in root.entries:
        root = root.updated({ORIENTATION: tiff.short_or_long(1, block.order)})
    notes: list[str] = []
    if from_tiff and page != "bound":
        several = page == "alone" or tiff_file.find_pages(raw).full > 1
        root = exif_places.described(root, lambda text: calibration.single(text, pages=several), notes)
    if change is not None:
        root, lost = exif_places.changed(root, block.order, change)
        notes += lost
    if block.broken:
        notes.append("Some EXIF entries are damaged and are left out.")
    if from_tiff and not (root.children or set(root.entries) - RESOLUTION_TAGS - {ORIENTATION}):
        return None, notes
    return tiff.serialise(tiff.Block(block.order, root)), notes


def changed_exif(exif: bytes, change: Change) -> tuple[bytes, list[str]]:
    """Return EXIF bytes that are true, in all that they state of places, of the changed picture, and notes."""
    block = tiff.parse(exif)
    root, notes = exif_places.changed(block.root, block.order, change)
    return tiff.serialise(tiff.Block(block.order, root)), notes


def page_tags(raw: bytes) -> tuple[tuple[int, int, bytes], ...]:
    """Return the tags of a TIFF by which a page is one of several: number, type, and values in little-endian order.

    Raises:
        ValueError, struct.error: this is no TIFF structure.
    """
    entries = tiff.reordered(tiff.parse(raw), "<").root.entries
    return tuple((tag, entries[tag].kind, entries[tag].payload) for tag in PAGE_TAGS if tag in entries)


def states_calibration(exif: bytes) -> bool:
    """Say whether the resolution is that of what is seen, as in a microscope's picture, and not of paper."""
    return exif_places.is_calibrated(tiff.parse(exif).root)


def states_adobe_rgb(raw: bytes | None) -> bool:
    """Say whether EXIF bytes state Adobe RGB as cameras do (DCF 2.0): uncalibrated, interoperability index R03."""
    block = _parsed(raw)
    if block is None:
        return False
    exif = block.root.children.get(tiff.EXIF_IFD, tiff.Directory())
    index = exif.children.get(tiff.INTEROP_IFD, tiff.Directory()).entries.get(1)
    space = tiff.integers(exif.entries.get(COLOR_SPACE), block.order)
    return space == (UNCALIBRATED,) and index is not None and index.payload.startswith(b"R03")


def exif_for(exif: bytes, height: int, width: int, *, dpi: tuple[float, float] | None, oriented: bool = True) -> bytes:
    """Return EXIF bytes for a file of the given size.

    Sizes are corrected where the block states them. `dpi` is put in where given, for formats that have no other place
    for it. `oriented` False leaves the orientation tag out, as AVIF wants, which has its own.
    """
    block = tiff.parse(exif)
    root = block.root if oriented else block.root.without(frozenset({ORIENTATION}))
    sizes = {WIDTH: width, LENGTH: height, PIXEL_X: width, PIXEL_Y: height}
    sizes |= {RELATED_WIDTH: width, RELATED_LENGTH: height}
    root = _resized(root, sizes, block.order)
    if dpi is not None:
        root = root.updated(resolution_entries(dpi, block.order))
    return tiff.serialise(tiff.Block(block.order, root))


def _resized(directory: tiff.Directory, sizes: dict[int, int], order: str) -> tiff.Directory:
    """Return a directory with sizes corrected where it states them, and where those of Exif below it do."""
    children = {
        tag: child if tag == tiff.GPS_IFD else _resized(child, sizes, order)
        for tag, child in directory.children.items()
    }
    known = {tag: tiff.short_or_long(value, order) for tag, value in sizes.items() if tag in directory.entries}
    return tiff.Directory({**directory.entries, **known}, children)


def empty_exif() -> bytes:
    """Return an EXIF block that says nothing yet."""
    return tiff.serialise(tiff.Block("<", tiff.Directory()))


def resolution_entries(dpi: tuple[float, float], order: str) -> dict[int, tiff.Entry]:
    """Return the tags that state a resolution in dots per inch."""

    def entry(value: float) -> tiff.Entry:
        denominator = 1 if value == round(value) else 10000
        packed = struct.pack(order + "II", round(value * denominator), denominator)
        return tiff.Entry(tiff.RATIONAL, 1, packed)

    return {
        X_RESOLUTION: entry(dpi[0]),
        Y_RESOLUTION: entry(dpi[1]),
        RESOLUTION_UNIT: tiff.short_or_long(INCH, order),
    }


def resolution(info: Mapping[Any, object], raw: bytes | None, format: str) -> tuple[float, float] | None:  # noqa: A002
    """Return (horizontal, vertical) dots per inch of the upright picture: from the container, from EXIF, or None."""
    stated = _container_resolution(info, format)
    found = None if stated is None else _sensible(*stated)
    if found is None:
        across, down, factor = _tagged_resolution(raw)
        found = _sensible(across * factor, down * factor)
    return found[::-1] if found is not None and orientation(raw) >= 5 else found


def _container_resolution(info: Mapping[Any, object], format: str) -> tuple[float, float] | None:  # noqa: A002
    """Return the dots per inch that the container itself states.

    Of a TIFF these are its tags, and of a JPEG without a unit in its JFIF header there are none: what Pillow reports
    there it took from EXIF, whatever its unit, or made up.
    """
    if format == "TIFF" or (format == "JPEG" and info.get("jfif_unit") not in (1, 2)):
        return None
    return _numbers(info.get("dpi"))


def _tagged_resolution(raw: bytes | None) -> tuple[float, float, float]:
    """Return the two densities that EXIF states, 0 where it does not, and their factor to inches: 0 for no unit."""
    block = _parsed(raw)
    if block is None:
        return 0.0, 0.0, 0.0
    entries = block.root.entries
    unit = next(iter(tiff.integers(entries.get(RESOLUTION_UNIT), block.order)), INCH)
    across, down = (tiff.rational(entries.get(tag), block.order) or 0.0 for tag in (X_RESOLUTION, Y_RESOLUTION))
    return across, down, {INCH: 1.0, CENTIMETRE: 2.54}.get(unit, 0.0)


def resolution_notes(
    info: Mapping[Any, object],
    raw: bytes | None,
    format: str,  # noqa: A002
    *,
    found: tuple[float, float] | None,
) -> Iterator[str]:
    """Yield a note if the file states a resolution in which none was `found`, or pixels that are not square."""
    across, down, factor = _tagged_resolution(raw)
    stated = _container_resolution(info, format)
    if factor and across and down:
        stated = across * factor, down * factor
    if found is None and stated is not None and all(stated):
        yield f"The resolution of {stated[0]:g} × {stated[1]:g} dpi makes no sense and is left out."
    density = info.get("jfif_density") if info.get("jfif_unit") == 0 else None
    for shape in (_numbers(info.get("aspect")), _numbers(density), None if factor else (across, down)):
        if shape is not None and all(shape) and shape[0] != shape[1]:
            yield f"The file says that its pixels are not square ({shape[0]:g} : {shape[1]:g}); this is left out."
            return


def _numbers(given: object) -> tuple[float, float] | None:
    """Return a pair of numbers as Pillow hands them over, whole, broken or as its own fractions; None if it is none."""
    if not isinstance(given, tuple) or len(given) != 2:
        return None
    try:
        across, down = float(given[0]), float(given[1])
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (across, down) if math.isfinite(across) and math.isfinite(down) else None


def _sensible(across: float, down: float) -> tuple[float, float] | None:
    """Return two numbers as a resolution, or None if they cannot be one. PNG counts whole dots per metre, so that 300
    dpi come back as 299.9994: within half such a step a whole number is meant.
    """
    if not all(1 < number <= 65535 for number in (across, down)):
        return None
    first, second = (float(round(n)) if abs(n - round(n)) <= 0.0128 else n for n in (across, down))
    return first, second
