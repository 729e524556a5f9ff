"""GIF (CompuServe, "Graphics Interchange Format, Version 89a"): its frames, as browsers lay them on each other.

The blocks are read here, because the canvas that Pillow composes is another one where frames are cleared to the
background; the pixels of a single frame are decoded by Pillow.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images.animation.frames import CLEAR, KEEP, MAX_FRAMES, RESTORE, Frame, FrameIndex, Stage
from nlsr_cli.images.picture import Pixels

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
TABLE, INTERLACED = 0x80, 0x40  # flags
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
PADDING = re.compile(rb"\0*")  # that some writers leave between blocks
# The value 4 stands for 3 in files of some old writers, and browsers heed it.
DISPOSALS = {2: CLEAR, 3: RESTORE, 4: RESTORE}
NO_END = "The file has no end mark: if frames followed the last one, they are lost."
STRANGE_END = "Behind the last frame the file holds something that is no part of a GIF; it is left out."
OUTSIDE = "Parts of frames lie outside of the picture and are left out."


def table_size(flags: int) -> int:
    """Return the bytes of the colour table that the flags of a screen or an image announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & TABLE else 0


def read_index(data: bytes) -> FrameIndex | None:
    """Return the frames of a GIF, or None where it has one only. Counting ends behind ten thousand.

    A loop count of n means n repetitions, which is n + 1 times in all, as browsers play it; without one it is once.

    Raises:
        EOFError: the file ends within a block.
        ValueError, struct.error: it makes no sense.
    """
    width, height, _ = struct.unpack_from("<HHB", data, 6)
    frames, loop, notes = _blocks(data)
    if len(frames) < 2:
        return None
    if any(frame.top + frame.height > height or frame.left + frame.width > width for frame in frames):
        notes.append(OUTSIDE)
    if 0 in (height, width):
        raise ValueError("the canvas is empty")
    return FrameIndex(height, width, tuple(frames), loop, notes=tuple(notes))


def _blocks(data: bytes) -> tuple[list[Frame], int, list[str]]:
    """Return frames, loop and notes."""
    at = 13 + table_size(data[10])
    shared = data[13:at]
    frames: list[Frame] = []
    control, loop = b"", 1
    while len(frames) <= MAX_FRAMES:
        at = PADDING.match(data, at).end()  # type: ignore[union-attr]  # it matches nothing too
        if at >= len(data):
            return frames, loop, [NO_END]
        kind = data[at]
        if kind == TRAILER:
            break
        if kind == IMAGE:
            frame, at = _frame(data, at, shared, control)
            frames.append(frame)
            control = b""
        elif kind == EXTENSION:
            label, body, at = _extension(data, at)
            if label == CONTROL:
                control = body[:4]
            elif label == APPLICATION and body[:11] in LOOPS and body[11:12] == b"\1":
                count = int.from_bytes(body[12:14], "little")
                loop = count + 1 if count else 0
        else:
            return frames, loop, [STRANGE_END]
    return frames, loop, []


def _extension(data: bytes, at: int) -> tuple[int, bytes, int]:
    if at + 2 > len(data):
        raise EOFError("cut off")
    body, end = sub_blocks(data, at + 2)
    return data[at + 1], body, end


def _frame(data: bytes, at: int, shared: bytes, control: bytes) -> tuple[Frame, int]:
    if at + 11 > len(data):
        raise EOFError("cut off")
    left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    start = at + 10 + table_size(flags)
    table = data[at + 10 : start] if flags & TABLE else shared
    if start >= len(data):
        raise EOFError("cut off")
    if 0 in (height, width):
        raise ValueError("a frame is empty")
    coded, end = sub_blocks(data, start + 1)
    packed, hundredths, transparent = struct.unpack("<BHB", control) if len(control) == 4 else (0, 0, 0)
    key = bytes([transparent]) if packed & 1 else b""
    image = (table, bytes([flags & INTERLACED]), data[start : start + 1], coded, key)
    disposal = DISPOSALS.get(packed >> 2 & 7, KEEP)
    return Frame(top, left, height, width, 10.0 * hundredths, disposal, over=True, parts=image), end


def sub_blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the joined content of a chain of sub-blocks, and the place behind it.

    Raises:
        EOFError: the chain does not end.
    """
    pieces = []
    while at < len(data) and (size := data[at]):
        pieces.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    if at >= len(data):
        raise EOFError("cut off")
    return b"".join(pieces), at + 1


def chain(content: bytes) -> bytes:
    """Return bytes as a chain of sub-blocks."""
    pieces = (content[at : at + 255] for at in range(0, len(content), 255))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def coded_part(data: bytes) -> bytes:
    """Return what follows the colour table of the first image of a GIF: its code size and its sub-blocks."""
    frames, _, _ = _blocks(data)
    _, _, bits, coded, _ = frames[0].parts
    return bits + chain(coded)


def canvases(index: FrameIndex) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield each frame as the whole canvas, as it is seen: (h, w, 3) and alpha (h, w), which is 0 or 255.

    Where nothing was drawn, or a frame was cleared, the canvas is transparent, whatever the background colour: so do
    all browsers.

    Raises:
        OSError: a frame does not decode.
    """
    stage = Stage(index.height, index.width, 3, np.dtype(np.uint8))
    for frame in index.frames:
        numbers = _numbers(frame)
        table = np.zeros((256, 3), np.uint8)
        stated = np.frombuffer(frame.parts[0], np.uint8).reshape(-1, 3)
        table[: len(stated)] = stated
        key = frame.parts[4]
        alpha = np.where(numbers == key[0], 0, 255).astype(np.uint8) if key else None
        yield stage.show(frame, table[numbers], alpha)


def _numbers(frame: Frame) -> Pixels:
    """Return the numbers of a frame's colours, (h, w) uint8, as Pillow decodes them."""
    _, interlaced, bits, coded, _ = frame.parts
    ramp = bytes(level for level in range(256) for _ in range(3))  # with which Pillow returns the numbers themselves
    screen = struct.pack("<HHBBB", frame.width, frame.height, 0xF7, 0, 0)
    image = b"," + struct.pack("<HHHHB", 0, 0, frame.width, frame.height, interlaced[0])
    with Image.open(BytesIO(b"GIF89a" + screen + ramp + image + bits + chain(coded) + b";"), formats=["GIF"]) as one:
        one.load()
        return np.asarray(one, np.uint8)
