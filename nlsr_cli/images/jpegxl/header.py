"""The image header of a JPEG XL codestream (ISO/IEC 18181-1, annex D): read, and written with other colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from nlsr_cli.images.color.profiles import PRIMARIES, Chroma, Colours, profile_for
from nlsr_cli.images.jpegxl.bits import BitReader, BitWriter
from nlsr_cli.images.jpegxl.profile import read_profile, write_profile

SIGNATURE = b"\xff\x0a"
GREY, XYB = 1, 2  # colour spaces
ALPHA, BLACK = 0, 4
CHANNELS = ("alpha", "depth", "spot colour", "selection", "black", "CFA", "thermal")
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
SIZES = ((9, 1), (13, 1), (18, 1), (30, 1))
WHITES = {1: (0.3127, 0.329), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
CORNERS = {1: PRIMARIES[1][2:], 9: PRIMARIES[9][2:], 11: PRIMARIES[12][2:]}
# Primaries and white point by the numbers of JPEG XL, and their number in H.273, which its transfer functions share.
CODE_POINTS = {(1, 1): 1, (9, 1): 9, (11, 1): 12, (11, 11): 11}
GAMMAS = {8: 1.0, 17: 1 / 2.6}  # linear, DCI
UNKNOWN_TRANSFER = 2
# Those that profiles made of numbers follow as libjxl does: linear, sRGB, DCI. It takes BT.709 by its own curve, and
# profiles here by that of sRGB, as which such pictures are shown.
TRANSFERS = (8, 13, 17)
MAX_CHANNELS = 256


@dataclass(frozen=True)
class Extra:
    """A channel beside those of colour: its kind by number, its bits, whether colours are multiplied with it."""

    kind: int
    bits: int
    associated: bool = False


@dataclass
class ImageHeader:
    """What the header says. `orientation` is as of EXIF; `animated` says that there may be more frames than one,
    which are played `plays` times, 0 for ever.

    `xyb` says that colours are absolute, so that the codec can give them in any space. `colour` and `stop` are places
    in bits: where the colour encoding begins and ends; `frames_at` is the byte at which frames begin. `colours` is
    None where `icc` counts, and both are None for a space that nobody knows.
    """

    height: int
    width: int
    orientation: int = 1
    animated: bool = False
    plays: int = 1
    preview: bool = False
    bits: int = 8
    floating: bool = False
    extra: tuple[Extra, ...] = ()
    xyb: bool = True
    grey: bool = False
    colours: Colours | None = field(default_factory=Colours)
    icc: bytes | None = None
    default: bool = True
    bits_at: int = 0
    bits_end: int = 0
    colour: int = 0
    stop: int = 0
    header_end: int = 0
    frames_at: int = 0

    @property
    def upright(self) -> tuple[int, int]:
        """Return (height, width) as the picture is shown."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def read_header(data: bytes) -> ImageHeader:
    """Return the image header of a codestream.

    Raises:
        EOFError, ValueError: it is cut off, or makes no sense.
    """
    if not data.startswith(SIGNATURE):
        raise ValueError("no JPEG XL codestream")
    reader = BitReader(data, 2)
    header = ImageHeader(*_size(reader))
    header.default = reader.flag()
    header.colour = header.stop = reader.place
    if not header.default:
        _metadata(reader, header)
    if not reader.flag():  # the parameters of XYB and of upsampling are not the usual ones
        _custom_transform(reader, xyb=header.xyb)
    header.header_end = reader.place
    if header.icc is not None:
        header.icc = read_profile(reader)
    reader.align()
    header.frames_at = reader.place >> 3
    return header


def with_header(data: bytes, icc: bytes | None, depth: tuple[int, bool]) -> bytes:
    """Return a codestream whose samples are said to be of another profile, or without one of sRGB or grey with its
    curve, and of another depth: bits (8, 16, or 32), and whether they are floating point.

    A profile of RGB that `read_header` makes of numbers is written as these numbers.

    Raises:
        EOFError, ValueError: as `read_header`.
    """
    header, reader, writer = read_header(data), BitReader(data), BitWriter()
    if header.default:
        raise ValueError("a header without colour information")
    writer.copy(reader, 0, header.bits_at)
    if depth[1]:
        writer.u(0b0111_00_1, 7)  # floating point, of 32 bits, 8 of them for the exponent
    elif depth[0] == 8:
        writer.u(0, 3)
    else:
        writer.u(3 << 1, 3)
        writer.u(depth[0] - 1, 6)
    writer.copy(reader, header.bits_end, header.colour)
    numbers = None if icc is None or header.grey else _numbered().get(icc)
    if icc is None and not header.grey:
        writer.u(1, 1)
    elif numbers is not None:
        icc = None
        writer.u(0, 4)  # not all is as usual, there is no profile, and the space is RGB
        for number in numbers[:2]:
            _enum(writer, number)
        writer.u(0, 1)  # no gamma
        _enum(writer, numbers[2])
        writer.u(1, 2)  # relative intent
    else:
        writer.u(0, 1)
        writer.u(icc is not None, 1)
        writer.u(1 if header.grey else 0, 2)  # the space
        if icc is None:  # grey: white D65, no gamma, transfer 13 (sRGB), relative intent
            writer.u(1, 2)
            writer.u(0, 1)
            writer.u(2, 2)
            writer.u(13 - 2, 4)
            writer.u(1, 2)
    writer.copy(reader, header.stop, header.header_end)
    if icc is not None:
        write_profile(writer, icc)
    return writer.bytes() + data[header.frames_at :]


@lru_cache(maxsize=1)
def _numbered() -> dict[bytes, tuple[int, int, int]]:
    """Return white point, primaries and transfer by the profile that is made of them where a codestream states them."""
    found = {}
    for primaries, white in CODE_POINTS:
        for transfer in TRANSFERS:
            profile = profile_for(_stated(white, primaries, transfer, None, (*WHITES[white], *CORNERS[primaries])), 3)
            if profile is not None:
                found[profile] = white, primaries, transfer
    return found


def _enum(writer: BitWriter, number: int) -> None:
    """Write a number that stands for a name, of at most 17."""
    writer.u(min(number, 2), 2)
    if number >= 2:
        writer.u(number - 2, 4)


def _size(reader: BitReader) -> tuple[int, int]:
    small = reader.flag()
    height = 8 * (reader.u(5) + 1) if small else reader.u32(SIZES)
    ratio = RATIOS.get(reader.u(3))
    if ratio is not None:
        return height, height * ratio[0] // ratio[1]
    return height, 8 * (reader.u(5) + 1) if small else reader.u32(SIZES)


def _metadata(reader: BitReader, header: ImageHeader) -> None:
    more = reader.flag()
    if more:
        header.orientation = 1 + reader.u(3)
        if reader.flag():
            _size(reader)  # in which it would like to be shown
        header.preview = reader.flag()
        if header.preview:
            _preview(reader)
        header.animated = reader.flag()
        if header.animated:
            reader.u32(((0, 100), (0, 1000), (10, 1), (30, 1)))
            reader.u32(((0, 1), (0, 1001), (8, 1), (10, 1)))
            header.plays = reader.u32(((0, 0), (3, 0), (16, 0), (32, 0)))
            reader.flag()
    header.bits_at = reader.place
    header.bits, header.floating = _depth(reader)
    header.bits_end = reader.place
    reader.flag()  # whether 16 bits suffice for the decoder's buffers
    count = reader.u32(((0, 0), (0, 1), (4, 2), (12, 1)))
    if count > MAX_CHANNELS:
        raise ValueError("too many channels")
    header.extra = tuple(_extra(reader) for _ in range(count))
    header.xyb = reader.flag()
    header.colour = reader.place
    _colours(reader, header)
    header.stop = reader.place
    if more and not reader.flag():  # tone mapping
        reader.u(16), reader.u(16), reader.flag(), reader.u(16)
    _extensions(reader)


def _preview(reader: BitReader) -> None:
    small = reader.flag()
    sizes = ((0, 16), (0, 32), (5, 1), (9, 33)) if small else ((6, 1), (8, 65), (10, 321), (12, 1345))
    reader.u32(sizes)
    if not reader.u(3):
        reader.u32(sizes)


def _depth(reader: BitReader) -> tuple[int, bool]:
    """Return bits and whether they are floating point."""
    if reader.flag():
        bits = reader.u32(((0, 32), (0, 16), (0, 24), (6, 1)))
        reader.u(4)
        return bits, True
    return reader.u32(((0, 8), (0, 10), (0, 12), (6, 1))), False


def _extra(reader: BitReader) -> Extra:
    if reader.flag():
        return Extra(ALPHA, 8)
    kind = reader.enum()
    bits, _ = _depth(reader)
    reader.u32(((0, 0), (0, 3), (0, 4), (3, 1)))
    for _ in range(reader.u32(((0, 0), (4, 0), (5, 16), (10, 48)))):
        reader.u(8)
    associated = kind == ALPHA and reader.flag()
    if kind == CHANNELS.index("spot colour"):
        for _ in range(4):
            reader.u(16)
    if kind == CHANNELS.index("CFA"):
        reader.u32(((0, 1), (2, 0), (4, 3), (8, 19)))
    return Extra(kind, bits, associated)


def _colours(reader: BitReader, header: ImageHeader) -> None:
    if reader.flag():
        return
    by_profile = reader.flag()
    space = reader.enum()
    header.grey = space == GREY
    if by_profile:
        header.icc, header.colours = b"", None
        return
    if space == XYB:
        reader.enum()
        header.colours = None
        return
    white = reader.enum()
    chroma_white = _pair(reader) if white == 2 else WHITES.get(white)
    corners: tuple[float, ...] | None = CORNERS[1]
    primaries = 1
    if not header.grey:
        primaries = reader.enum()
        corners = (*_pair(reader), *_pair(reader), *_pair(reader)) if primaries == 2 else CORNERS.get(primaries)
    gamma = reader.u(24) / 1e7 if reader.flag() else None
    transfer = 0 if gamma is not None else reader.enum()
    reader.enum()  # the intent
    known = space in (0, GREY) and transfer != UNKNOWN_TRANSFER and chroma_white is not None and corners is not None
    header.colours = _stated(white, primaries, transfer, gamma, (*chroma_white, *corners)) if known else None  # type: ignore[misc]


def _stated(white: int, primaries: int, transfer: int, gamma: float | None, chroma: Chroma) -> Colours:
    code = CODE_POINTS.get((primaries, white))
    if gamma is None and code is not None:
        return Colours(codes=(code, transfer, True))
    return Colours(gamma=GAMMAS.get(transfer, gamma), chroma=chroma)


def _pair(reader: BitReader) -> tuple[float, float]:
    """Return x and y of a colour."""
    found = []
    for _ in range(2):
        packed = reader.u32(((19, 0), (19, 1 << 19), (20, 1 << 20), (21, 1 << 21)))
        found.append((packed >> 1 ^ -(packed & 1)) / 1e6)
    return found[0], found[1]


def _custom_transform(reader: BitReader, *, xyb: bool) -> None:
    if xyb and not reader.flag():
        for _ in range(16):
            reader.u(16)
    weights = reader.u(3)
    for bit, count in ((1, 15), (2, 55), (4, 210)):
        for _ in range(count if weights & bit else 0):
            reader.u(16)


def _extensions(reader: BitReader) -> None:
    present = reader.u64()
    sizes = [reader.u64() for bit in range(64) if present >> bit & 1]
    reader.place += sum(sizes)
