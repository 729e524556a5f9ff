"""APNG (PNG, Third Edition, W3C 2025, clauses 4.9, 11.3.6 and 13.15): frames into canvases, and pictures into frames.

The frames are laid on each other here, because Pillow blends half transparent ones over transparent ground to other
values than the standard; the pixels of a single frame are decoded by Pillow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

from PIL import Image

from nlsr_cli.images.animation.frames import CLEAR, KEEP, MAX_FRAMES, RESTORE, Frame, FrameIndex, Stage
from nlsr_cli.images.containers import png
from nlsr_cli.images.containers.png import SIGNATURE, chunk
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.modes import decode
from nlsr_cli.images.picture import Pixels

DISPOSALS = {0: KEEP, 1: CLEAR, 2: RESTORE}
HIDDEN = "The default image of the file is not part of its animation and is left out."
MORE = "The file holds more frames than it declares; those that viewers do not show are left out."
# What a decoder needs of the file for the pixels of any one frame.
SHARED = (b"PLTE", b"tRNS", b"sBIT")
MAX_SHARED = 768  # bytes: a palette of 256 colours


@dataclass(frozen=True)
class Examined:
    """The frames of a PNG, None where it is a still picture; that it is one for a `fault` in its animation, which is
    what must not be shown then (clause 13.15), is told in words that follow "The animation is left out: ".
    """

    index: FrameIndex | None
    fault: str = ""


def examine(data: bytes, chunks: Iterable[png.Chunk]) -> Examined:
    """Return the frames of a PNG with these chunks, or what is wrong with them; None where it has no animation that
    viewers show, or one frame only, which is the picture.

    Raises:
        EOFError: the file is cut off.
    """
    if b"acTL" not in data:
        return Examined(None)
    gathered, last = _Gathered(), b""
    try:
        for found in chunks:
            if not found.whole:
                break
            last = found.name
            gathered.take(found)
            if len(gathered.controls) > MAX_FRAMES:
                return Examined(gathered.index())
    except ValueError as exc:
        return Examined(None, str(exc) if any(found.name == b"acTL" for found in chunks) else "")
    if last != b"IEND":
        raise EOFError("cut off")
    try:
        return Examined(gathered.index())
    except ValueError as exc:
        return Examined(None, str(exc))


class _Gathered:
    """The chunks of an APNG, frame by frame."""

    def __init__(self) -> None:
        self.header = b""
        self.shared: dict[bytes, bytes] = {}
        self.controls: list[bytes] = []
        self.pieces: list[list[bytes]] = []
        self.count = self.plays = self.sequence = 0
        self.animated = self.hidden = self.begun = False

    def take(self, found: png.Chunk) -> None:
        name, body = found.name, found.body
        if name == b"CgBI":
            raise ValueError("the file is in a form for Apple devices")
        if name in png.ANIMATION and not found.sound:
            raise ValueError(f"the checksum of {name.decode()} is wrong")
        if name == b"IHDR":
            self.header = body
        elif name in SHARED:
            if len(body) > MAX_SHARED or name in self.shared:  # it goes before the pixels of every frame
                raise ValueError(f"{name.decode()} is too long, or occurs more than once")
            self.shared[name] = chunk(name, body)
        elif name == b"acTL" and not self.animated:
            self._announce(body)
        elif name == b"IDAT":
            self.hidden, self.begun = not self.controls, True
            if self.controls:
                self.pieces[0].append(body)
        elif name in (b"fcTL", b"fdAT"):
            self._take_frame(name, body)

    def _announce(self, body: bytes) -> None:
        if self.begun:
            raise ValueError("it is declared after the picture")
        if len(body) != 8 or len(self.header) != 13:
            raise ValueError("its header makes no sense")
        self.animated = True
        self.count, self.plays = struct.unpack(">II", body)

    def _take_frame(self, name: bytes, body: bytes) -> None:
        if len(body) < 4 or int.from_bytes(body[:4], "big") != self.sequence:
            raise ValueError("its frames are out of sequence")
        self.sequence += 1
        if name == b"fdAT":
            if not (self.begun and self.controls):
                raise ValueError("the pixels of a frame come before the frame")
            self.pieces[-1].append(body[4:])
        elif len(body) != 26 or body[24] not in DISPOSALS:
            raise ValueError("a frame makes no sense")
        else:
            self.controls.append(body)
            self.pieces.append([])

    def index(self) -> FrameIndex | None:
        """Return the frames.

        Raises:
            ValueError: some are missing, or lie where they cannot.
        """
        if not self.animated or (self.count == 1 == len(self.controls) and not self.hidden):
            return None
        if len(self.controls) < max(self.count, 1) <= MAX_FRAMES or not all(self.pieces[: min(self.count, MAX_FRAMES)]):
            raise ValueError("frames are missing")
        if self.count == 0 or (self.count == 1 and not self.hidden):
            raise ValueError("it holds more frames than it declares")
        width, height = struct.unpack_from(">II", self.header)
        frames = tuple(self._frame(number, height, width) for number in range(min(self.count, len(self.controls))))
        if not self.hidden and (frames[0].height, frames[0].width) != (height, width):
            raise ValueError("its first frame differs from the picture in size")
        notes = [HIDDEN] if self.hidden else []
        notes += [MORE] if len(self.controls) > self.count else []
        return FrameIndex(height, width, frames, self.plays, notes=tuple(notes))

    def _frame(self, number: int, canvas_height: int, canvas_width: int) -> Frame:
        width, height, left, top = struct.unpack_from(">IIII", self.controls[number], 4)
        numerator, denominator, disposal, blend = struct.unpack_from(">HHBB", self.controls[number], 20)
        if 0 in (height, width) or top + height > canvas_height or left + width > canvas_width:
            raise ValueError("a frame lies outside the picture")
        header = chunk(b"IHDR", struct.pack(">II", width, height) + self.header[8:])
        pixels = b"".join(chunk(b"IDAT", piece) for piece in self.pieces[number])
        parts = (SIGNATURE, header, *self.shared.values(), pixels, chunk(b"IEND", b""))
        duration = 1000 * numerator / (denominator or 100)
        return Frame(top, left, height, width, duration, DISPOSALS[disposal], over=blend == 1, parts=parts)


def delay(duration: float) -> tuple[int, int]:
    """Return milliseconds as the numerator and denominator, both of 16 bits, of as many seconds: the nearest there is.

    What `examine` made of such a pair comes back as the same fraction.
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
    for found in png.chunks(first):
        if found.name == b"IDAT" and controls:
            parts += [chunk(b"acTL", struct.pack(">II", len(durations), loop))]
            parts += [chunk(b"fcTL", struct.pack(">I", 0) + controls.pop())]
        if found.name != b"IEND":
            parts.append(first[found.start : found.end])
    for (data, top, left), duration in zip(others, durations[1:], strict=True):
        control = struct.pack(">I", sequence) + _control(*size_of(data), top, left, duration)
        sequence += 1
        parts.append(chunk(b"fcTL", control))
        for found in png.chunks(data):
            if found.name == b"IDAT":
                parts.append(chunk(b"fdAT", struct.pack(">I", sequence) + found.body))
                sequence += 1
    return b"".join((*parts, chunk(b"IEND", b"")))


def size_of(data: bytes) -> tuple[int, int]:
    """Return (height, width) of a PNG."""
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _control(height: int, width: int, top: int, left: int, duration: float) -> bytes:
    return struct.pack(">IIIIHHBB", width, height, left, top, *delay(duration), 0, 0)


def canvases(
    image: Image.Image, index: FrameIndex, facts: Facts, notes: list[str]
) -> Iterator[tuple[Pixels, Pixels | None]]:
    """Yield color and alpha of each frame, laid on those before it, and add to the notes."""
    stage: Stage | None = None
    for frame in index.frames:
        with Image.open(BytesIO(b"".join(frame.parts)), formats=["PNG"]) as shown:
            if facts.bits == 16 and not shown.mode.startswith("I;16"):
                raise ValueError("animations with 16-bit colour are not supported")
            shown.load()
            decoded = decode(shown, facts, keep_rgb=True)
        notes += [note for note in decoded.notes if "palette" not in note and note not in notes]
        if stage is None:
            stage = Stage(index.height, index.width, decoded.color.shape[2], decoded.color.dtype)
        yield stage.show(frame, decoded.color, decoded.alpha)
