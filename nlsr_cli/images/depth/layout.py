"""How a TIFF file lays out samples that Pillow does not read as they are, and whether they can be read (TIFF 6.0).

All of it comes from the tags, before a decoder sees the file: what is promised here is what the decoder may allocate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers import tiff

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS_PER_STRIP = 256, 257, 258, 259, 262, 277, 278
FILL_ORDER, STRIP_OFFSETS, STRIP_COUNTS, PLANAR, TILE_WIDTH, TILE_LENGTH = 266, 273, 279, 284, 322, 323
TILE_OFFSETS, TILE_COUNTS, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, SUBSAMPLING = 324, 325, 332, 338, 339, 530

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
CHANNELS = {MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, RGB: 3, CMYK: 4}
NAMES = {1: "grey", 3: "colour", 4: "CMYK"}
# What Pillow has modes for beside these, by the numbers of samples.
OTHERS = {PALETTE: (1, 2), YCBCR: (1, 3), LAB: (3,)}
OTHER_NAMES = {PALETTE: "palette", 4: "mask", YCBCR: "YCbCr", LAB: "CIE L*a*b*", 9: "ICC L*a*b*", 10: "ITU L*a*b*"}
OTHER_NAMES |= {32844: "logarithmic luminance", 32845: "logarithmic colour"}
MODES = {1: "L", 3: "RGB", 4: "CMYK"}
UNSIGNED, FLOATING, UNDEFINED = 1, 3, 4
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha that is multiplied into the colours, and alpha that is not
# What libtiff and the decoders of segments know: none, LZW, Deflate twice, PackBits, LERC, LZMA, Zstandard; JPEG 2000,
# PNG, WebP, JPEG XL.
EVERYWHERE, JPEG = frozenset({1, 5, 8, 32946, 32773}), 7
PACKED = frozenset({1, 5, 8, 32946, 32773, 34887, 34925, 50000})
PICTURES = frozenset({33005, 34712, 34933, 50001, 50002, 52546})
COMPRESSIONS = PACKED | PICTURES
# What Pillow reads of 8 bits: also fax, JPEG twice, ThunderScan and SGI's logarithms, but neither LERC nor pictures.
PILLOW = PACKED - {34887} | {2, 3, 4, 6, 7, 32771, 32809, 34676, 34677}
MAX_SAMPLES = 8  # per pixel: more are scientific data, and would multiply the memory that a pixel is expected to take


COMPRESSION_NAMES = {
    22610: "JPEG XR", 34934: "JPEG XR",
    32895: "IT8", 32896: "IT8", 32897: "IT8", 32898: "IT8", 32908: "Pixar film", 32909: "Pixar log", 32947: "Kodak DCS",
    33003: "JPEG 2000 (Aperio, YCbCr)", 34661: "JBIG", 34663: "SGI", 34713: "Nikon NEF", 34715: "JBIG 2",
    34718: "MDI", 34719: "MDI", 34720: "MDI", 34892: "lossy JPEG (DNG)", 50013: "PixTIFF", 65000: "EER", 65001: "EER",
    65002: "EER",
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """The samples of one picture: its size, `channels` of colour (1, 3, or 4 of CMYK) among `samples`, bits of each.

    `alpha` is the place of the alpha sample, if any; `premultiplied` and `inverted` (0 is white) say how to read them.
    `ycbcr` marks RGB that is stored as YCbCr with fewer samples of colour than of luma.
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
    ycbcr: bool = False

    @property
    def what(self) -> str:
        """Return the layout in words: "16-bit colour with alpha"."""
        name = OTHER_NAMES[YCBCR] if self.ycbcr else NAMES[self.channels]
        kind = f"{self.bits}-bit {'floating point ' if self.floating else ''}{name}"
        return kind if self.alpha is None else f"{kind} with alpha"

    @property
    def depth(self) -> int:
        """Return the bits of the picture that they make."""
        return 32 if self.floating else self.bits

    @property
    def mode(self) -> str:
        """Return the layout in the manner of Pillow's modes: "RGBA;16", "L;32F"."""
        if self.ycbcr:
            return "YCbCr"
        letter = "" if self.alpha is None else "A"
        suffix = "" if self.bits == 8 else f";{self.bits}{'F' if self.floating else ''}"
        return f"{MODES[self.channels]}{letter}{suffix}"


def examine(block: tiff.Block) -> tuple[Layout | None, str]:
    """Return how samples that are deeper than Pillow reads them are laid out, or what they are if nothing reads them.

    Both are empty where Pillow reads the samples faithfully: most kinds of 8 bits or fewer, and plain grey of 16 bits.

    Raises:
        ValueError: the tags contradict each other.
    """
    bits, formats = set(_numbers(block, BITS) or (1,)), set(_numbers(block, SAMPLE_FORMAT) or (UNSIGNED,)) - {UNDEFINED}
    photometric, samples = number(block, PHOTOMETRIC, MIN_IS_BLACK), number(block, SAMPLES, 1)
    most, floating = max(bits), FLOATING in formats
    grey16 = bits == {16} and samples == 1 and photometric in (MIN_IS_WHITE, MIN_IS_BLACK)
    compression = number(block, COMPRESSION, 1)
    eight = most <= 8 and (bits != {8} or photometric not in CHANNELS or _pillow_knows(block))
    if formats <= {UNSIGNED} and compression in PILLOW and (grey16 or eight):
        return _ycbcr(block), _beyond_pillow(bits, photometric, samples)
    if refusal := _refusal(block, bits, formats, photometric):
        return None, refusal
    return _layout(block, most, floating=floating), ""


def plain_layout(block: tiff.Block) -> Layout | None:
    """Return the layout of grey, RGB, CMYK, or RGB in JPEG, of 8 or 16 bits, or of 32 in floating point, in a
    compression that every libtiff knows; None where it is another.

    Raises:
        ValueError: the tags contradict each other.
    """
    bits, formats = set(_numbers(block, BITS)), set(_numbers(block, SAMPLE_FORMAT) or (UNSIGNED,))
    photometric, compression = number(block, PHOTOMETRIC, -1), number(block, COMPRESSION, 1)
    if formats not in ({UNSIGNED}, {FLOATING}) or number(block, FILL_ORDER, 1) != 1:
        return None
    floating = formats == {FLOATING}
    if bits not in (({32},) if floating else ({8}, {16})) or (floating and photometric == MIN_IS_WHITE):
        return None
    if compression == JPEG and bits == {8} and photometric in (MIN_IS_BLACK, RGB, YCBCR):
        return _layout(block, 8, floating=False)
    if compression not in EVERYWHERE or photometric not in CHANNELS:
        return None
    return _layout(block, max(bits), floating=floating)


def _layout(block: tiff.Block, bits: int, *, floating: bool) -> Layout:
    photometric, samples = number(block, PHOTOMETRIC, MIN_IS_BLACK), number(block, SAMPLES, 1)
    height, width = number(block, LENGTH, 0), number(block, WIDTH, 0)
    channels = 3 if photometric == YCBCR else CHANNELS[photometric]
    if min(height, width) < 1 or samples < channels:
        raise ValueError("a TIFF without a size, or with fewer samples than colours")
    kinds = _numbers(block, EXTRA_SAMPLES)[: samples - channels]
    place = next((at for at, kind in enumerate(kinds) if kind in (ASSOCIATED, UNASSOCIATED)), None)
    return Layout(
        height=height,
        width=width,
        channels=channels,
        samples=samples,
        bits=bits,
        floating=floating,
        alpha=None if place is None else channels + place,
        premultiplied=place is not None and kinds[place] == ASSOCIATED,
        inverted=photometric == MIN_IS_WHITE,
        planar=number(block, PLANAR, 1) == 2 and samples > 1,
    )


def _ycbcr(block: tiff.Block) -> Layout | None:
    """Return the layout of uncompressed YCbCr with fewer samples of colour, of which Pillow takes none for another."""
    stored = number(block, PHOTOMETRIC, MIN_IS_BLACK), number(block, SAMPLES, 1), number(block, COMPRESSION, 1)
    if stored != (YCBCR, 3, 1) or _numbers(block, SUBSAMPLING) == (1, 1) or number(block, PLANAR, 1) == 2:
        return None
    height, width = number(block, LENGTH, 0), number(block, WIDTH, 0)
    if min(height, width) < 1:
        raise ValueError("a TIFF without a size")
    return Layout(height, width, 3, 3, 8, False, None, False, False, False, ycbcr=True)


def _beyond_pillow(bits: set[int], photometric: int, samples: int) -> str:
    """Return what samples of 8 bits or fewer are for which Pillow has no mode, or ""."""
    most, grey = max(bits), photometric in (MIN_IS_WHITE, MIN_IS_BLACK)
    if most > 8 or (
        most == 8 and len(bits) == 1 and (photometric in CHANNELS or samples in OTHERS.get(photometric, ()))
    ):
        return ""
    if (grey or photometric == PALETTE) and samples == 1 and bits in ({1}, {2}, {4}):
        return ""
    name = NAMES[CHANNELS[photometric]] if photometric in CHANNELS else OTHER_NAMES.get(photometric, "colour")
    return f"{most}-bit {name} in {samples} sample{'s' if samples != 1 else ''} per pixel"


def _pillow_knows(block: tiff.Block) -> bool:
    """Say whether Pillow has a mode for 8-bit grey, RGB or CMYK samples with just these extra ones."""
    photometric, extra = number(block, PHOTOMETRIC, MIN_IS_BLACK), _numbers(block, EXTRA_SAMPLES)
    beyond = number(block, SAMPLES, 1) - CHANNELS[photometric]
    if photometric == RGB:
        plain = extra in ((), (999,)) and beyond <= 1  # 999 is what Corel Draw wrote
        return plain or (len(extra) == beyond <= 3 and extra[0] <= 2 and not any(extra[1:]))
    if photometric == CMYK:
        return len(extra) == beyond <= 2 and not any(extra) and number(block, INK_SET, 1) == 1
    if photometric == MIN_IS_BLACK:
        return len(extra) == beyond <= 1 and max(extra, default=0) <= 2
    return beyond == 0


def _refusal(block: tiff.Block, bits: set[int], formats: set[int], photometric: int) -> str:
    """Return what samples are that cannot be read at full depth, or ""."""
    most = max(bits)
    name = NAMES[CHANNELS[photometric]] if photometric in CHANNELS else "colour"
    compression = number(block, COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        return f"{most}-bit samples in the compression {COMPRESSION_NAMES.get(compression, compression)}"
    if formats - {UNSIGNED, FLOATING} or len(formats) > 1:
        return f"{most}-bit signed or complex samples"
    if FLOATING in formats and (photometric == CMYK or bits - {16, 32, 64} or len(bits) > 1):
        return f"{most}-bit floating point {name if photometric == CMYK else 'samples'}"
    if FLOATING not in formats and bits not in ({8}, {16}):
        return f"{most}-bit {name}"
    if photometric not in CHANNELS or (photometric == CMYK and number(block, INK_SET, 1) != 1):
        return f"{most}-bit samples that are neither grey, RGB nor CMYK"
    samples = number(block, SAMPLES, 1)
    return f"{samples} samples per pixel" if samples > MAX_SAMPLES else ""


@dataclass(frozen=True)
class Grid:
    """How the samples of a picture are cut into strips or tiles of (rows, columns), and where in the file each lies."""

    rows: int
    columns: int
    starts: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]

    def places(self, layout: Layout) -> Iterator[tuple[int, int, int]]:
        """Yield plane, top and left of each strip or tile, in the order of the file."""
        for plane in range(layout.samples if layout.planar else 1):
            for top in range(0, layout.height, self.rows):
                for left in range(0, layout.width, self.columns):
                    yield plane, top, left


def grid_of(block: tiff.Block, layout: Layout) -> Grid:
    """Return the strips or tiles of a picture, as many as its size asks for.

    Raises:
        ValueError: they have no size, or one is missing.
    """
    if TILE_OFFSETS in block.root.entries:
        rows, columns = number(block, TILE_LENGTH, 0), number(block, TILE_WIDTH, 0)
        places, counts = TILE_OFFSETS, TILE_COUNTS
    else:
        rows, columns = min(number(block, ROWS_PER_STRIP, layout.height), layout.height), layout.width
        places, counts = STRIP_OFFSETS, STRIP_COUNTS
    if min(rows, columns) < 1:
        raise ValueError("a strip or tile without a size")
    expected = -(-layout.height // rows) * -(-layout.width // columns) * (layout.samples if layout.planar else 1)
    starts, lengths = (tiff.numbers(block.root.entries.get(tag), block.order)[:expected] for tag in (places, counts))
    if len(starts) != expected or len(lengths) != expected:
        raise ValueError("a strip or tile is missing")
    return Grid(rows, columns, starts, lengths)


def check_segments(data: bytes, block: tiff.Block, layout: Layout, most: int) -> None:
    """Refuse a file in which a strip or tile is missing, lies outside, or is larger than `most` pixels.

    A decoder would fill what is missing with zeros, without a word. Tags that occur twice are refused as well, because
    it might believe the other one.

    Raises:
        ValueError: there is such a strip, tile or tag.
        EOFError: one goes on beyond the end of the file.
    """
    grid = grid_of(block, layout)
    if grid.rows * grid.columns > most:
        raise ValueError("too many strips or tiles")
    starts, lengths = grid.starts, grid.counts
    if not ((starts >= 8) & (lengths >= 1) & (starts <= len(data)) & (lengths <= len(data))).all():
        raise ValueError("a strip or tile is empty")
    if (starts + lengths > len(data)).any():
        raise EOFError("a strip or tile lies outside the file")
    tags = [tag for tag, _ in tiff.rows(data, tiff.header(data)[2])]
    if len(set(tags)) != len(tags):
        raise ValueError("a tag occurs twice")


def _numbers(block: tiff.Block, tag: int) -> tuple[int, ...]:
    return tiff.integers(block.root.entries.get(tag), block.order)


def number(block: tiff.Block, tag: int, default: int) -> int:
    """Return the first integer of a tag of the first directory."""
    return next(iter(_numbers(block, tag)), default)
