"""APNG (PNG, Third Edition, W3C 2025, clauses 4.9, 11.3.6 and 13.15): frames into canvases, and pictures into frames.

The frames are laid on each other here, because Pillow blends half transparent ones over transparent ground to other
values than the standard; the pixels of a single frame are decoded by Pillow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction

from nlsr_cli.images.animation.frames import CLEAR, KEEP, MAX_FRAMES, RESTORE, Frame, FrameIndex

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DISPOSALS = {0: KEEP, 1: CLEAR, 2: RESTORE}
HIDDEN = "The default image of the file is not part of its animation and is left out."
MORE = "The file holds more frames than it says; what viewers do not show is left out."
# What a decoder needs of the file for the pixels of any one frame.
SHARED = (b"PLTE", b"tRNS", b"sBIT")
MAX_SHARED = 768  # bytes: a palette of 256 colours


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and bodies of a PNG's chunks up to its end.

    Raises:
        EOFError: the file ends before its end chunk.
        ValueError: a checksum is wrong.
    """
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        if name in (b"acTL", b"fcTL", b"fdAT") and zlib.crc32(body, zlib.crc32(name)) != _check(data, at + 8 + length):
            raise ValueError(f"the checksum of {name.decode()} is wrong")
        yield name, body
        if name == b"IEND":
            return
        at += 12 + length
    raise EOFError("cut off")


def _check(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def read_index(data: bytes) -> FrameIndex | None:
    """Return the frames of an APNG, or None where a PNG is not animated or has only one frame, which is the picture.

    Raises:
        EOFError: the file is cut off, or has fewer frames than it says.
        ValueError, struct.error: it makes no sense.
    """
    if b"acTL" not in data:
        return None
    gathered = _Gathered()
    for name, body in chunks(data):
        gathered.take(name, body)
        if len(gathered.controls) > MAX_FRAMES:
            break
    return gathered.index()


class _Gathered:
    """The chunks of an APNG, frame by frame."""

    def __init__(self) -> None:
        self.header = b""
        self.shared: dict[bytes, bytes] = {}
        self.controls: list[bytes] = []
        self.pieces: list[list[bytes]] = []
        self.count = self.plays = self.sequence = 0
        self.animated = self.hidden = self.begun = False

    def take(self, name: bytes, body: bytes) -> None:
        if name == b"IHDR":
            self.header = body
        elif name in SHARED:
            if len(body) > MAX_SHARED or name in self.shared:  # it goes before the pixels of every frame
                raise ValueError(f"{name.decode()} is longer than it can be, or there are several")
            self.shared[name] = chunk(name, body)
        elif name == b"acTL" and not (self.animated or self.begun):  # behind the pixels it means nothing
            self.count, self.plays = struct.unpack(">II", body)
            self.animated = True
        elif name == b"fcTL":
            self._in_sequence(body)
            self.controls.append(body)
            self.pieces.append([])
        elif name == b"IDAT":
            self.hidden, self.begun = not self.controls, True
            if self.controls:
                self.pieces[0].append(body)
        elif name == b"fdAT":
            self._in_sequence(body)
            self.pieces[-1].append(body[4:])

    def _in_sequence(self, body: bytes) -> None:
        if struct.unpack_from(">I", body)[0] != self.sequence:
            raise ValueError("frames are out of sequence")
        self.sequence += 1

    def index(self) -> FrameIndex | None:
        if not self.animated or (self.count < 2 and not self.hidden):
            return None
        if len(self.controls) < self.count <= MAX_FRAMES or not all(self.pieces[: min(self.count, MAX_FRAMES)]):
            raise EOFError("frames are missing")
        width, height = struct.unpack_from(">II", self.header)
        frames = tuple(self._frame(number, height, width) for number in range(min(self.count, len(self.controls))))
        notes = [HIDDEN] if self.hidden else []
        notes += [MORE] if len(self.controls) > self.count else []
        return FrameIndex(height, width, frames, self.plays, notes=tuple(notes))

    def _frame(self, number: int, canvas_height: int, canvas_width: int) -> Frame:
        width, height, left, top = struct.unpack_from(">IIII", self.controls[number], 4)
        numerator, denominator, disposal, blend = struct.unpack_from(">HHBB", self.controls[number], 20)
        if 0 in (height, width) or top + height > canvas_height or left + width > canvas_width:
            raise ValueError("a frame lies outside of the picture")
        header = chunk(b"IHDR", struct.pack(">II", width, height) + self.header[8:])
        pixels = b"".join(chunk(b"IDAT", piece) for piece in self.pieces[number])
        parts = (SIGNATURE, header, *self.shared.values(), pixels, chunk(b"IEND", b""))
        duration = 1000 * numerator / (denominator or 100)
        return Frame(top, left, height, width, duration, DISPOSALS[disposal], over=blend == 1, parts=parts)


def delay(duration: float) -> tuple[int, int]:
    """Return milliseconds as the numerator and denominator, both of 16 bits, of as many seconds: the nearest there is.

    What `read_index` made of such a pair comes back as the same fraction.
    """
    seconds = Fraction(duration) / 1000
    if seconds >= 65535:
        return 65535, 1
    most = 65535 if seconds <= 1 else int(65535 / seconds)
    found = seconds.limit_denominator(most)
    return found.numerator, found.denominator


def animated(first: bytes, others: Sequence[tuple[bytes, int, int]], durations: Sequence[float], loop: int) -> bytes:
    """Return the PNG `first`, of the whole canvas, as the first frame of an APNG.

    `others` are the PNG files of the frames that follow, each of the area that it replaces, with its top and left.
    """
    controls = [_control(*size_of(first), 0, 0, durations[0])]
    parts, sequence = [SIGNATURE], 1
    for name, body in chunks(first):
        if name == b"IDAT" and controls:
            parts += [chunk(b"acTL", struct.pack(">II", len(durations), loop))]
            parts += [chunk(b"fcTL", struct.pack(">I", 0) + controls.pop())]
        if name != b"IEND":
            parts.append(chunk(name, body))
    for (data, top, left), duration in zip(others, durations[1:], strict=True):
        control = struct.pack(">I", sequence) + _control(*size_of(data), top, left, duration)
        sequence += 1
        parts.append(chunk(b"fcTL", control))
        for name, body in chunks(data):
            if name == b"IDAT":
                parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + body))
                sequence += 1
    return b"".join((*parts, chunk(b"IEND", b"")))


def size_of(data: bytes) -> tuple[int, int]:
    """Return (height, width) of a PNG."""
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _control(height: int, width: int, top: int, left: int, duration: float) -> bytes:
    return struct.pack(">IIIIHHBB", width, height, left, top, *delay(duration), 0, 0)
