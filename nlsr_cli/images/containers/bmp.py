"""The parts of a BMP (Microsoft, "Bitmap Storage", BITMAPINFOHEADER to BITMAPV5HEADER; IBM, OS/2 2.0 bitmaps)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from nlsr_cli.images.parts import GAP, HEAD, TRAILER, Part, loose

FILE_HEADER, CORE, INFO, OS2 = 14, 12, 40, (16, 64)  # bytes of headers; OS/2 has some that are cut short
WITH_MASKS, WITH_ALPHA_MASK, V4, V5 = 52, 56, 108, 124
RAW, RLE8, RLE4, MASKS, JPEG, PNG, ALPHA_MASKS = 0, 1, 2, 3, 4, 5, 6
CALIBRATED, LINKED, EMBEDDED = 0, 0x4C494E4B, 0x4D424544  # colour spaces of the later headers
DEFAULT_MASKS = {
    16: (0x7C00, 0x03E0, 0x001F, 0),
    24: (0xFF0000, 0xFF00, 0xFF, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0),
}


@dataclass(frozen=True)
class Bitmap:
    """What the headers of a BMP say: `height` is never negative, `top_down` tells. `bits` are those of a pixel.

    `masks` are those of red, green, blue and alpha, 0 where there is none; a palette has `colours` entries of `entry`
    bytes at `palette`, and `ramp` marks one of equal steps from black to white. `per_metre` are pixels per metre,
    across and down, `space` is the number of its colour space, `endpoints` are CIE XYZ of red, green and blue, and
    `gamma` belongs to each. `profile` is its (start, end).
    """

    header: int
    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    palette: int
    colours: int
    entry: int
    pixels: int
    pixels_end: int
    per_metre: tuple[int, int] = (0, 0)
    space: int | None = None
    endpoints: tuple[float, ...] = ()
    gamma: tuple[float, ...] = ()
    profile: tuple[int, int] = (0, 0)
    ramp: bool = False

    @property
    def stride(self) -> int:
        """Return the bytes of a row without compression."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def os2(self) -> bool:
        """Say whether the header is one of OS/2, where numbers of compression mean something else."""
        return self.header in OS2


def read_bitmap(data: bytes) -> Bitmap:
    """Return what the headers of a BMP say.

    Raises:
        ValueError, struct.error: they are cut off or make no sense.
    """
    offset, size = struct.unpack_from("<II", data, 10)
    if size == CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        rest: tuple[int, ...] = (0,) * 6
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", data, 18)
        rest = struct.unpack_from("<IIiiII", data, 30) if size >= INFO else (0,) * 6
    compression, coded, across, down, colours, _ = rest
    if width <= 0 or height == 0:
        raise ValueError("the picture is empty")
    start = FILE_HEADER + size
    masks = DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
    if compression in (MASKS, ALPHA_MASKS) and size not in OS2:
        count = 4 if size >= WITH_ALPHA_MASK or (size == INFO and compression == ALPHA_MASKS) else 3
        red, green, blue, alpha = (*struct.unpack_from(f"<{count}I", data, FILE_HEADER + INFO), 0)[:4]
        masks, start = (red, green, blue, alpha), start + (4 * count if size == INFO else 0)
    entry = 3 if size == CORE else 4
    count = colours or (2**bits if bits <= 8 else 0)
    count = min(count, max(offset - start, 0) // entry) if offset else count
    pixels = offset or start + count * entry
    return Bitmap(
        size,
        width,
        abs(height),
        height < 0,
        bits,
        compression,
        masks,
        start,
        count,
        entry,
        pixels,
        pixels + _size(width, abs(height), bits, compression, coded, len(data) - pixels),
        (across, down),
        *_colour_space(data, size),
        ramp=bits <= 8 and data.startswith(_ramp(bits, entry), start) and count >= 2**bits,
    )


def _ramp(bits: int, entry: int) -> bytes:
    """Return the palette in which every number is a grey of its own, in their order."""
    levels = (number * 255 // (2**bits - 1) for number in range(2**bits)) if bits in (1, 2, 4, 8) else ()
    return b"".join(bytes((level, level, level, 0)[:entry]) for level in levels)


def _size(width: int, height: int, bits: int, compression: int, coded: int, rest: int) -> int:
    """Return the bytes of the pixels: compressed ones take as many as are stated, or all the `rest`."""
    if compression in (RAW, MASKS, ALPHA_MASKS):
        return (width * bits + 31) // 32 * 4 * height
    return coded if 0 < coded <= rest else max(rest, 0)


def _colour_space(data: bytes, size: int) -> tuple[int | None, tuple[float, ...], tuple[float, ...], tuple[int, int]]:
    """Return space, endpoints, gamma and profile of a BITMAPV4HEADER, or of a BITMAPV5HEADER, from whose beginning the
    place of the profile counts.
    """
    if size < V4:
        return None, (), (), (0, 0)
    found = struct.unpack_from("<I9i3I", data, FILE_HEADER + WITH_ALPHA_MASK)
    start = length = 0
    if size >= V5 and found[0] in (LINKED, EMBEDDED):
        start, length = struct.unpack_from("<II", data, FILE_HEADER + 112)
    place = (FILE_HEADER + start, FILE_HEADER + start + length) if length else (0, 0)
    return found[0], tuple(value / 2**30 for value in found[1:10]), tuple(value / 2**16 for value in found[10:]), place


def parts(data: bytes, found: Bitmap | None) -> Iterator[Part]:
    """Yield headers, palette, pixels, profile, and what lies between and behind: every byte of the file; of a file
    whose headers make no sense (None), all of it as one part.
    """
    if found is None:
        yield Part("headers", 0, len(data))
        return
    palette = found.palette + found.colours * found.entry
    places = [("headers", 0, found.palette), ("palette", found.palette, palette)]
    places += [("pixels", found.pixels, found.pixels_end), ("profile", *found.profile)]
    at = 0
    for name, start, end in sorted(places, key=lambda place: place[1]):
        end = min(end, len(data))  # noqa: PLW2901
        start = max(start, at)  # noqa: PLW2901 - parts that overlap: the first counts
        if start >= end:
            continue
        yield from loose(GAP, data, at, start)
        yield Part(name, start, end - start, data[start : min(end, start + HEAD)])
        at = end
    yield from loose(TRAILER, data, at)
