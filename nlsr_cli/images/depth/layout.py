"""How a TIFF file lays out samples of more than 8 bits, and whether that can be read at full depth (TIFF 6.0).

All of it comes from the tags, before a decoder sees the file: what is promised here is what the decoder may allocate.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.words import tiff

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS_PER_STRIP = 256, 257, 258, 259, 262, 277, 278
STRIP_OFFSETS, STRIP_COUNTS, PLANAR, TILE_WIDTH, TILE_LENGTH = 273, 279, 284, 322, 323
TILE_OFFSETS, TILE_COUNTS, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT = 324, 325, 332, 338, 339

MIN_IS_WHITE, MIN_IS_BLACK, RGB, CMYK = 0, 1, 2, 5
CHANNELS = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, CMYK: 4}
NAMES = {1: "grey", 3: "colour", 4: "CMYK"}
MODES = {1: "L", 3: "RGB", 4: "CMYK"}
UNSIGNED, FLOATING, UNDEFINED = 1, 3, 4
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha that is multiplied into the colours, and alpha that is not
COMPRESSIONS = {1, 5, 8, 32946, 32773, 50000}  # none, LZW, Deflate twice, PackBits, Zstandard
MAX_SAMPLES = 8  # per pixel: more are scientific data, and would multiply the memory that a pixel is expected to take


@dataclass(frozen=True)
class Layout:
    """The samples of one picture: its size, `channels` of colour (1, 3, or 4 of CMYK) among `samples`, bits of each.

    `alpha` is the place of the alpha sample, if any; `premultiplied` and `inverted` (0 is white) say how to read them.
    """

    height: int
    width: int
    channels: int
    samples: int
    bits: int
    floating: bool
    alpha: int | None
    premultiplied: bool
    inverted: bool
    planar: bool

    @property
    def what(self) -> str:
        """Return the layout in words: "16-bit colour with alpha"."""
        kind = f"{self.bits}-bit {'floating point ' if self.floating else ''}{NAMES[self.channels]}"
        return kind if self.alpha is None else f"{kind} with alpha"

    @property
    def mode(self) -> str:
        """Return the layout in the manner of Pillow's modes: "RGBA;16", "L;32F"."""
        letter = "" if self.alpha is None else "A"
        return f"{MODES[self.channels]}{letter};{self.bits}{'F' if self.floating else ''}"


def examine(block: tiff.Block) -> tuple[Layout | None, str]:
    """Return how samples that are deeper than Pillow reads them are laid out, or what they are if nothing reads them.

    Both are empty where Pillow reads the samples faithfully: 8 bits or fewer, and plain grey of 16 bits.

    Raises:
        ValueError: the tags contradict each other.
    """
    bits, formats = set(_numbers(block, BITS) or (1,)), set(_numbers(block, SAMPLE_FORMAT) or (UNSIGNED,)) - {UNDEFINED}
    photometric, samples = _number(block, PHOTOMETRIC, MIN_IS_BLACK), _number(block, SAMPLES, 1)
    most, floating = max(bits), FLOATING in formats
    if formats <= {UNSIGNED} and (most <= 8 or (bits == {16} and samples == 1 and photometric in (0, 1))):
        return None, ""
    if refusal := _refusal(block, bits, formats, photometric):
        return None, refusal
    height, width, channels = _number(block, LENGTH, 0), _number(block, WIDTH, 0), CHANNELS[photometric]
    if min(height, width) < 1 or samples < channels:
        raise ValueError("a TIFF without size, or with fewer samples than colours")
    kinds = _numbers(block, EXTRA_SAMPLES)[: samples - channels]
    place = next((at for at, kind in enumerate(kinds) if kind in (ASSOCIATED, UNASSOCIATED)), None)
    return Layout(
        height=height,
        width=width,
        channels=channels,
        samples=samples,
        bits=most,
        floating=floating,
        alpha=None if place is None else channels + place,
        premultiplied=place is not None and kinds[place] == ASSOCIATED,
        inverted=photometric == MIN_IS_WHITE,
        planar=_number(block, PLANAR, 1) == 2 and samples > 1,
    ), ""


def _refusal(block: tiff.Block, bits: set[int], formats: set[int], photometric: int) -> str:
    """Return what samples are that cannot be read at full depth, or ""."""
    most = max(bits)
    name = NAMES[CHANNELS[photometric]] if photometric in CHANNELS else "colour"
    compression = _number(block, COMPRESSION, 1)
    if formats - {UNSIGNED, FLOATING} or len(formats) > 1:
        return f"{most}-bit signed or complex samples"
    if FLOATING in formats and (photometric == CMYK or bits - {16, 32, 64} or len(bits) > 1):
        return f"{most}-bit floating point {name if photometric == CMYK else 'samples'}"
    if FLOATING not in formats and bits != {16}:
        return f"{most}-bit {name}"
    if photometric not in CHANNELS or (photometric == CMYK and _number(block, INK_SET, 1) != 1):
        return f"{most}-bit samples that are neither grey, RGB nor CMYK"
    if compression not in COMPRESSIONS:
        return f"{most}-bit samples in an unusual compression ({compression})"
    samples = _number(block, SAMPLES, 1)
    return f"{samples} samples per pixel" if samples > MAX_SAMPLES else ""


def check_segments(data: bytes, block: tiff.Block, layout: Layout, most: int) -> None:
    """Refuse a file in which a strip or tile is missing, lies outside, or is larger than `most` pixels.

    A decoder would fill what is missing with zeros, without a word. Tags that occur twice are refused as well, because
    it might believe the other one.

    Raises:
        ValueError: there is such a strip, tile or tag.
    """
    if TILE_OFFSETS in block.root.entries:
        rows, columns = _number(block, TILE_LENGTH, 0), _number(block, TILE_WIDTH, 0)
        places, counts = TILE_OFFSETS, TILE_COUNTS
    else:
        rows, columns = min(_number(block, ROWS_PER_STRIP, layout.height), layout.height), layout.width
        places, counts = STRIP_OFFSETS, STRIP_COUNTS
    if min(rows, columns) < 1 or rows * columns > most:
        raise ValueError("a strip or tile of no size, or of too much")
    expected = -(-layout.height // rows) * -(-layout.width // columns) * (layout.samples if layout.planar else 1)
    starts, lengths = (_all_numbers(block, tag)[:expected] for tag in (places, counts))
    if len(starts) != expected or len(lengths) != expected:
        raise ValueError("a strip or tile is missing")
    if (starts < 8).any() or (lengths < 1).any() or (starts > len(data)).any() or (lengths > len(data)).any():
        raise ValueError("a strip or tile is empty")
    if (starts + lengths > len(data)).any():
        raise EOFError("a strip or tile lies outside the file")
    tags = [tag for tag, _ in tags_of(data, block.order)]
    if len(set(tags)) != len(tags):
        raise ValueError("a tag occurs twice")


def tags_of(data: bytes, order: str) -> list[tuple[int, int]]:
    """Return the tags of the first directory of a TIFF that `tiff.parse` accepts, with the places of their entries."""
    layout = tiff.BIG if struct.unpack_from(order + "H", data, 2)[0] == 43 else tiff.CLASSIC
    start = struct.unpack_from(order + layout.offset, data, 4 if layout is tiff.CLASSIC else 8)[0]
    first = start + struct.calcsize("<" + layout.counter)
    size = struct.calcsize("<" + layout.entry) + layout.field_size
    count = min(struct.unpack_from(order + layout.counter, data, start)[0], tiff.MAX_ENTRIES + 1, len(data) // size)
    places = [at for at in range(first, first + count * size, size) if at + size <= len(data)]
    return [(struct.unpack_from(order + "H", data, at)[0], at) for at in places]


def _numbers(block: tiff.Block, tag: int) -> tuple[int, ...]:
    return tiff.integers(block.root.entries.get(tag), block.order)


def _number(block: tiff.Block, tag: int, default: int) -> int:
    return next(iter(_numbers(block, tag)), default)


def _all_numbers(block: tiff.Block, tag: int) -> npt.NDArray[np.float64]:
    """Return every value of an entry, however many, as floating point: sums of wild offsets must not wrap around."""
    entry = block.root.entries.get(tag)
    if entry is None or entry.kind not in tiff.CODES:
        return np.empty(0)
    code = {"B": "u1", "H": "u2", "I": "u4", "Q": "u8", "b": "i1", "h": "i2", "i": "i4", "q": "i8"}
    return np.frombuffer(entry.payload, block.order + code[tiff.CODES[entry.kind]]).astype(np.float64)
