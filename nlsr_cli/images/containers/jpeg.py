"""The pieces of a JPEG file: segments and coded samples of its first picture, and whatever lies behind its end.

ITU-T T.81, annex B; what follows the EOI marker is told by its own first bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from nlsr_cli.images.containers import samsung
from nlsr_cli.images.mapped import search
from nlsr_cli.images.parts import GAP, TRAILER, Part, Walk

TEM, SOI, EOI, SOS, DQT, DRI, COM = 0x01, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD, 0xFE
APP0, APP1, APP2, APP11, APP12, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEC, 0xED, 0xEE
END = bytes((0xFF, EOI))
CODED, FILL, STRAY = 0x100, 0x101, 0x102  # what is no segment: coded samples, fill bytes, bytes of no known meaning
RESTARTS = range(0xD0, 0xD8)
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15; not DHT, JPG and DAC

PICTURE, VIDEO, PADDING = "picture", "video", "padding"  # names of parts behind the end
# Pieces of a picture, parts behind it, and boxes of a video; what is beyond them is one. Of the first picture, `bounds`
# allows fewer pieces than that.
MAX_PIECES, MAX_BEHIND, MAX_BOXES = 1 << 14, 4096, 4096
HEAD = 64

MARKER = re.compile(rb"\xff[\x01-\xfe]")
END_OF_CODED = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # zeros are stuffed, restart markers belong to the samples
ZEROS = re.compile(rb"\0+")
BOX = re.compile(rb"[ -~\xa9]{4}")
KNOWN_START = re.compile(rb"\xff\xd8\xff|[\0-\x7f][\s\S]{3}ftyp")

# For each place of a block, row by row, where its step stands in a table (T.81, figure A.6: along the diagonals).
_DIAGONALS = sorted(range(64), key=lambda p: (p // 8 + p % 8, p // 8 if (p // 8 + p % 8) % 2 else p % 8))
PLACES = [_DIAGONALS.index(place) for place in range(64)]

NAMES = {0xC4: "DHT", 0xC8: "JPG", 0xCC: "DAC", SOI: "SOI", EOI: "EOI", SOS: "SOS", DQT: "DQT", 0xDC: "DNL"}
NAMES |= {DRI: "DRI", 0xDE: "DHP", 0xDF: "EXP", COM: "COM", TEM: "TEM", CODED: "samples", FILL: "fill bytes"}
NAMES |= {STRAY: GAP} | {marker: f"SOF{marker - 0xC0}" for marker in FRAMES}
NAMES |= {0xE0 + number: f"APP{number}" for number in range(16)}
NAMES |= {0xF0 + number: f"JPG{number}" for number in range(14)} | {
    0xD0 + number: f"RST{number}" for number in range(8)
}


class Segment(NamedTuple):
    """One piece of a picture: from `start` to `stop` in the file, its content from `body` on.

    `marker` is the second byte of its marker, or one of CODED, FILL and STRAY.
    """

    marker: int
    start: int
    body: int
    stop: int


def walk(data: bytes, at: int = 0) -> Iterator[Segment]:
    """Yield every piece of the picture whose SOI marker stands at `at`, up to its EOI marker or the end of the file.

    It finds the next marker behind damage in the same way as libjpeg, which must not see more than this does.
    """
    yield Segment(SOI, at, at + 2, at + 2)
    at += 2
    coded = False
    for _ in range(MAX_PIECES):
        found = search(END_OF_CODED if coded else MARKER, data, at)
        start = len(data) if found is None else found.start()
        if start > at:
            fill = data.count(b"\xff", at, start) == start - at
            yield Segment(FILL if fill else CODED if coded else STRAY, at, at, start)
        at = start
        if found is None:
            break
        piece = _segment(data, at)
        yield piece
        at, coded = piece.stop, piece.marker == SOS
        if piece.marker == EOI:
            return
    if at < len(data):
        yield Segment(STRAY, at, at, len(data))


def _segment(data: bytes, at: int) -> Segment:
    """Return what the marker at a place begins, which is STRAY where the file ends within its length."""
    marker, behind = data[at + 1], at + 2
    if marker == TEM or marker in RESTARTS or marker in (SOI, EOI):
        return Segment(marker, at, behind, behind)
    if behind + 2 > len(data):
        return Segment(STRAY, at, at, len(data))
    stop = min(len(data), behind + max(2, int.from_bytes(data[behind : behind + 2], "big")))
    return Segment(marker, at, behind + 2, stop)


class Jpeg:
    """One picture, whose SOI marker stands at `start` in the file `data`; its pieces are walked once."""

    def __init__(self, data: bytes, start: int = 0) -> None:
        self.data, self.start = data, start
        self.pieces = Walk(walk(data, start))

    @cached_property
    def stop(self) -> int:
        """Return the place behind it."""
        return [piece.stop for piece in self.pieces][-1]

    def header(self) -> Iterator[tuple[int, bytes]]:
        """Yield marker and content of each segment before the first scan."""
        for piece in self.pieces:
            if piece.marker == SOS:
                return
            if piece.marker < CODED and piece.body > piece.start + 2:
                yield piece.marker, self.data[piece.body : piece.stop]

    def parts(self) -> Iterator[Part]:
        """Yield its pieces as parts of the file."""
        for piece in self.pieces:
            head = self.data[piece.body : min(piece.body + HEAD, piece.stop)]
            name = NAMES.get(piece.marker, f"{piece.marker:02X}")
            yield Part(name, piece.start, piece.stop - piece.start, head)


def quantisation(picture: Jpeg) -> list[int] | None:
    """Return the quantisation of the first component, 64 steps row by row; None where the picture states none.

    ITU-T T.81, B.2.2 and B.2.4.1; a progressive file has one too, and of several with one number the last counts.
    """
    tables: dict[int, bytes] = {}
    wanted = 0
    for marker, body in picture.header():
        if marker in FRAMES and len(body) >= 9:
            wanted = body[8]
        at = 0
        while marker == DQT and at < len(body):
            size = 129 if body[at] >> 4 else 65
            tables[body[at] & 15] = body[at : at + size]
            at += size
    table = tables.get(wanted, b"")
    if len(table) not in (65, 129):
        return None
    steps = struct.unpack(f">{'64H' if len(table) == 129 else '64B'}", table[1:])
    return [max(1, steps[place]) for place in PLACES]


def behind(first: Jpeg) -> Iterator[tuple[Part, Jpeg | None]]:
    """Yield every part behind the first picture of a file, and of the further pictures what they consist of.

    Those (each one part), videos, padding of zeros, the records of Samsung's trailer under their names, and TRAILER
    for all else. No further picture is held here once the next part is asked for.
    """
    data, at = first.data, first.stop
    records = samsung.records(data, at)
    limit = records[0].start if records else len(data)
    for number in range(MAX_BEHIND + 1):
        if at >= limit:
            break
        name, stop, picture = _next(data, at) if number < MAX_BEHIND else (TRAILER, limit, None)
        stop = min(stop, limit)
        yield Part(name, at, stop - at, data[at : min(at + HEAD, stop)]), picture
        at = stop
    yield from ((record, None) for record in records)


def _next(data: bytes, at: int) -> tuple[str, int, Jpeg | None]:
    """Return what begins at a place behind the first picture, where it ends, and a picture."""
    if data.startswith(b"\xff\xd8\xff", at):
        picture = Jpeg(data, at)
        return PICTURE, picture.stop, picture
    if data[at + 4 : at + 8] == b"ftyp":
        return VIDEO, _end_of_boxes(data, at), None
    zeros = ZEROS.match(data, at)
    if zeros is not None:  # the size of a box begins with some, too
        video = next((zeros.end() - back for back in range(4) if data[zeros.end() - back + 4 :][:4] == b"ftyp"), None)
        if video != at:
            return PADDING, max(at + 1, video or zeros.end()), None
    found = KNOWN_START.search(data, at + 1)
    return TRAILER, len(data) if found is None else found.start(), None


def _end_of_boxes(data: bytes, at: int) -> int:
    """Return the place behind the boxes of an ISO base media file (ISO/IEC 14496-12, 4.2)."""
    for _ in range(MAX_BOXES):
        if at + 8 > len(data) or not BOX.fullmatch(data, at + 4, at + 8):
            return at
        (size,) = struct.unpack_from(">I", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size == 0:
            break
        if size < 8:
            return at
        at = min(len(data), at + size)
    return len(data)


def segment(marker: int, body: bytes) -> bytes:
    """Return the bytes of a segment.

    Raises:
        ValueError: its content is larger than a segment holds.
    """
    if len(body) > 65533:
        raise ValueError("too large for a segment")
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def with_segments(data: bytes, segments: bytes) -> bytes:
    """Return a JPEG with more segments, behind its own application segments and comments."""
    place = 2
    for piece in walk(data):
        if APP0 <= piece.marker <= 0xEF or piece.marker == COM:
            place = piece.stop
        elif piece.marker != SOI:
            break
    return data[:place] + segments + data[place:]
