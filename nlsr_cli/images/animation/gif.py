"""GIF (CompuServe, "Graphics Interchange Format, Version 89a"): its frames, as browsers lay them on each other.

The blocks are read here, because the canvas that Pillow composes is another one where frames are cleared to the
background; the pixels of a single frame are decoded by Pillow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from nlsr_cli.images.animation.frames import CLEAR, KEEP, MAX_FRAMES, RESTORE, Frame, FrameIndex, Stage
from nlsr_cli.images.containers import gif
from nlsr_cli.images.containers.gif import APPLICATION, CONTROL, EXTENSION, IMAGE, INTERLACED, TABLE, chain, table_size
from nlsr_cli.images.picture import Pixels

LOOPS: tuple[bytes, ...] = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
# The value 4 stands for 3 in files of some old writers, and browsers heed it.
DISPOSALS = {2: CLEAR, 3: RESTORE, 4: RESTORE}
NO_END = "The file has no end mark: if frames followed the last one, they are lost."
OUTSIDE = "Parts of frames lie outside the picture and are left out."


def read_index(data: bytes, blocks: Iterable[gif.Block]) -> FrameIndex | None:
    """Return the frames of a GIF with these blocks, or None where it has one only. Counting ends behind ten thousand.

    A loop count of n means n repetitions, which is n + 1 times in all, as browsers play it; without one it is once.

    Raises:
        EOFError: the file ends within a block.
        ValueError, struct.error: it makes no sense.
    """
    width, height, _ = struct.unpack_from("<HHB", data, 6)
    frames, loop, notes = _frames(data, blocks)
    if len(frames) < 2:
        return None
    if any(frame.top + frame.height > height or frame.left + frame.width > width for frame in frames):
        notes.append(OUTSIDE)
    if 0 in (height, width):
        raise ValueError("the canvas is empty")
    return FrameIndex(height, width, tuple(frames), loop, notes=tuple(notes))


def _frames(data: bytes, blocks: Iterable[gif.Block]) -> tuple[list[Frame], int, list[str]]:
    """Return frames, loop and notes.

    Raises:
        EOFError: the file ends within a block.
    """
    shared = data[gif.SCREEN : gif.SCREEN + table_size(data[10])]
    frames: list[Frame] = []
    control, loop, end = b"", 1, gif.SCREEN + len(shared)
    for block in blocks:
        end = block.end
        if block.kind in (IMAGE, EXTENSION) and not block.whole:
            raise EOFError("cut off")
        if block.kind == IMAGE:
            frames.append(_frame(block, shared, control))
            control = b""
            if len(frames) > MAX_FRAMES:
                return frames, loop, []
        elif block.label == CONTROL:
            control = block.content[:4]
        elif block.label == APPLICATION and block.identifier in LOOPS:
            loop = _loop(block, loop)
        elif block.kind == gif.END:
            return frames, loop, []
    return frames, loop, [NO_END] if not data[end:].strip(b"\0") else []


def _loop(block: gif.Block, known: int) -> int:
    """Return how often the frames are played by a block of Netscape's, of which some say other things."""
    body = block.content[gif.IDENTIFIER :]
    count = int.from_bytes(body[1:3], "little")
    return known if body[:1] != b"\1" else count + 1 if count else 0


def _frame(block: gif.Block, shared: bytes, control: bytes) -> Frame:
    data, at = block.data, block.start
    left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    if 0 in (height, width):
        raise ValueError("a frame is empty")
    table = data[at + 10 : block.chain - 1] if flags & TABLE else shared
    packed, hundredths, transparent = struct.unpack("<BHB", control) if len(control) == 4 else (0, 0, 0)
    key = bytes([transparent]) if packed & 1 else b""
    image = (table, bytes([flags & INTERLACED]), data[block.chain - 1 : block.chain], block.content, key)
    disposal = DISPOSALS.get(packed >> 2 & 7, KEEP)
    return Frame(top, left, height, width, 10.0 * hundredths, disposal, over=True, parts=image)


def coded_part(data: bytes) -> bytes:
    """Return what follows the colour table of the first image of a GIF: its code size and its sub-blocks."""
    frames, _, _ = _frames(data, gif.blocks(data))
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
