"""Uncompressed BMP to samples: palettes, and pixels whose channels lie under masks of any kind.

Pillow, which decodes the compressed ones, knows few masks, and fewer headers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nlsr_cli import scratch
from nlsr_cli.images.color.profiles import D65, Chroma, Colours
from nlsr_cli.images.containers import bmp
from nlsr_cli.images.containers.bmp import Bitmap
from nlsr_cli.images.depth import extra
from nlsr_cli.images.picture import Pixels

INDEXED, DIRECT = (1, 2, 4, 8), (16, 24, 32)
INCHES = 39.3701  # in a metre
NO_ALPHA = "Alpha is 0 everywhere and is ignored."
UNUSED = "Pixel bits without a stated meaning are left out."


def refusal_of(found: Bitmap) -> str:
    """Return why neither this module nor Pillow decodes a bitmap; "" where one does."""
    kinds = {bmp.JPEG: "a JPEG", bmp.PNG: "a PNG"}
    if found.os2 and found.compression in (bmp.MASKS, bmp.JPEG):
        kinds = {bmp.MASKS: "the fax compression of OS/2", bmp.JPEG: "the RLE24 compression of OS/2"}
    if found.compression in kinds:
        return f"is a BMP that holds {kinds[found.compression]}, which is not supported"
    if found.compression > bmp.ALPHA_MASKS:
        return f"is a BMP with compression {found.compression}, which is not supported"
    if found.bits not in (*INDEXED, *DIRECT):
        return f"is a BMP with {found.bits} bits per pixel, which are not supported"
    return ""


def channel_bits(found: Bitmap) -> int:
    """Return the most bits that a channel has."""
    return 8 if found.bits in INDEXED else max(mask.bit_count() for mask in found.masks)


def depth_of(found: Bitmap) -> int:
    """Return the bits of a channel once read: 16 where it has more than 8, and something can write those."""
    return 16 if channel_bits(found) > 8 and extra.available() else 8


def mode_of(found: Bitmap) -> str:
    """Return the mode that Pillow has for such samples, or one in its manner ("RGBA;16")."""
    if found.bits in INDEXED:
        return ("1" if found.bits == 1 else "L") if found.ramp else "P"
    letters = "RGBA" if found.masks[3] else "RGB"
    if depth_of(found) == 8:
        return letters
    return f"{letters};{next(bits for bits in (10, 12, 16, 32) if channel_bits(found) <= bits)}"


def resolution_of(found: Bitmap) -> tuple[float, float]:
    """Return (horizontal, vertical) dots per inch, 0 where they are not stated."""
    return found.per_metre[0] / INCHES, found.per_metre[1] / INCHES


def colours_of(found: Bitmap) -> Colours | None:
    """Return the primaries and gamma that BITMAPV4HEADER states; None where it states none, or leaves them empty."""
    sums = [sum(found.endpoints[at : at + 3]) for at in (0, 3, 6)]
    if found.space != bmp.CALIBRATED or not found.gamma or min(*sums, *found.gamma) <= 0:
        return None
    white = np.reshape(found.endpoints, (3, 3)).sum(axis=0)
    mere = all(abs(total - 1) < 0.001 for total in sums)  # many writers put chromaticities there, without a white
    points = [D65 if mere else (white[0] / white.sum(), white[1] / white.sum())]
    points += [
        (found.endpoints[at] / total, found.endpoints[at + 1] / total)
        for at, total in zip((0, 3, 6), sums, strict=True)
    ]
    chroma: Chroma = tuple(float(value) for point in points for value in point)  # type: ignore[assignment]
    return Colours(gamma=3 / sum(found.gamma), chroma=chroma)


def decode(data: bytes, found: Bitmap, *, keep_rgb: bool) -> tuple[Pixels, Pixels | None, list[str]]:
    """Return the samples of an uncompressed bitmap: grey (h, w, 1) or RGB (h, w, 3), alpha (h, w) or None, and notes.

    `keep_rgb` keeps grey palettes in three channels.

    Raises:
        EOFError: the file ends before the picture does.
        ValueError: its masks make no sense.
    """
    least = found.stride * (found.height - 1) + (found.width * found.bits + 7) // 8  # the last row may lack its padding
    if found.pixels + least > len(data):
        raise EOFError("cut off")
    if found.bits in INDEXED:
        return _indexed(data, found, keep_rgb=keep_rgb)
    return _direct(data, found)


def _rows(data: bytes, found: Bitmap) -> Iterator[tuple[slice, npt.NDArray[np.uint8]]]:
    """Yield bands of rows (n, stride) in the order of the file, with their place in the picture."""
    for rows in scratch.bands((found.height, found.width)):
        first, count = rows.start, rows.stop - rows.start
        start = found.pixels + first * found.stride
        raw = data[start : start + count * found.stride].ljust(count * found.stride, b"\0")
        band = np.frombuffer(raw, np.uint8).reshape(count, found.stride)
        if found.top_down:
            yield slice(first, first + count), band
        else:
            yield slice(found.height - first - count, found.height - first), band[::-1]


def _indexed(data: bytes, found: Bitmap, *, keep_rgb: bool) -> tuple[Pixels, None, list[str]]:
    count = min(found.colours, 256)
    stated = np.frombuffer(data, np.uint8, count * found.entry, found.palette).reshape(count, found.entry)
    table = np.zeros((256, 3), np.uint8)  # colours that the palette lacks are black
    table[:count] = stated[:, 2::-1]
    grey = not keep_rgb and bool((table[:, :1] == table[:, 1:]).all())
    table = table[:, :1] if grey else table
    result = scratch.empty((found.height, found.width, table.shape[1]), np.uint8)
    shifts = np.arange(8 - found.bits, -1, -found.bits, dtype=np.uint8)
    for place, band in _rows(data, found):
        numbers = (band[..., None] >> shifts & (2**found.bits - 1)).reshape(len(band), -1)[:, : found.width]
        result[place] = table[numbers]
    if grey and found.ramp:
        return result, None, [] if found.bits == 8 else [f"{found.bits}-bit grey is read as 8-bit grey."]
    return result, None, ["The grey palette is read as grey." if grey else "The palette is read as RGB."]


def _direct(data: bytes, found: Bitmap) -> tuple[Pixels, Pixels | None, list[str]]:
    depth = depth_of(found)
    channels = [_Channel(mask, found.bits, depth) for mask in found.masks]
    if not any(found.masks[:3]):
        raise ValueError("no mask covers a colour")
    result = np.zeros((found.height, found.width, 4 if found.masks[3] else 3), np.uint8 if depth == 8 else np.uint16)
    red, green, blue, alpha = found.masks
    unstated, unused = ~(red | green | blue | alpha) & 2**found.bits - 1, 0
    for place, band in _rows(data, found):
        pixels = _numbers(band, found)
        unused |= int(np.bitwise_or.reduce(pixels, axis=None)) & unstated
        for number in range(result.shape[2]):
            result[place][..., number] = channels[number].of(pixels)
    notes = [UNUSED] if unused else []
    if channel_bits(found) > 8 and depth == 8:
        notes.append(f"{channel_bits(found)}-bit channels are read as 8-bit: higher depths need the extra 'deep'.")
    if not found.masks[3]:
        return result, None, notes
    if not result[..., 3].any():
        return result[..., :3], None, [*notes, NO_ALPHA]
    return result[..., :3], result[..., 3], notes


def _numbers(band: npt.NDArray[np.uint8], found: Bitmap) -> npt.NDArray[np.uint32]:
    """Return the pixels of rows as numbers (n, w)."""
    size = found.bits // 8
    used = band[:, : found.width * size].reshape(len(band), found.width, size)
    pixels = np.zeros(used.shape[:2], np.uint32)
    for place in range(size):
        pixels |= used[..., place].astype(np.uint32) << np.uint32(8 * place)
    return pixels


class _Channel:
    """Where a channel lies in a pixel, and its levels as those of 8 or 16 bits."""

    def __init__(self, mask: int, bits: int, depth: int) -> None:
        self.mask = mask
        self.shift = (mask & -mask).bit_length() - 1 if mask else 0
        self.white, self.full = mask >> self.shift, 2**depth - 1
        if mask >> bits or self.white & (self.white + 1):
            raise ValueError("a mask has gaps, or lies outside the pixel")

    def of(self, pixels: npt.NDArray[np.uint32]) -> Pixels:
        """Return the levels of the channel, rounded; 0 where there is none."""
        levels = (pixels & np.uint32(self.mask)) >> np.uint32(self.shift)
        if self.white not in (0, self.full):
            few = self.white < 1 << 16
            scaled = np.rint((np.arange(self.white + 1) if few else levels) * (self.full / self.white))
            levels = scaled[levels] if few else scaled
        result: Pixels = levels.astype(np.uint8 if self.full == 255 else np.uint16)
        return result
