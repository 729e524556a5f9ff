"""Writing GIF (CompuServe, "Graphics Interchange Format, Version 89a"): indexed frames into one file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from nlsr_cli.images.animation.gif import coded_part
from nlsr_cli.images.animation.quantize import Shot, indexed
from nlsr_cli.images.containers.gif import APPLICATION, CONTROL, END, EXTENSION, IMAGE, TABLE, chain

FEW_COLORS = "GIF holds 255 colours per frame: other colours are approximated with dithering."
NO_HALF = "GIF has no partial transparency: pixels of at least half opacity become opaque, the others transparent."
STAY, TO_NOTHING = 1, 2  # disposals
MAX_LOOP, MAX_DELAY = 65536, 65535  # plays, hundredths of a second


def gif_of(
    images: Callable[[], Iterable[Image.Image]], delays: Sequence[int], *, loop: int
) -> tuple[bytes, tuple[str, ...]]:
    """Return a GIF of pictures in L, LA, RGB or RGBA, and notes on what it cannot hold of them.

    Each is shown for so many hundredths of a second, and all are played `loop` times, 0 for ever: a file without a loop
    count is played once. `images` gives the pictures anew each time it is called.
    """
    notes: dict[str, None] = {}

    def shots() -> Iterator[Shot]:
        for image in images():
            yield _shot(image, notes)

    frames = indexed(shots)
    size = next(iter(images())).size
    parts = [b"GIF89a", struct.pack("<HHBBB", *size, 0x70, 0, 0)]  # 0x70: 8 bits a colour, no shared table
    if loop != 1:
        parts.append(
            bytes([EXTENSION, APPLICATION, 11]) + b"NETSCAPE2.0" + chain(struct.pack("<BH", 1, max(loop - 1, 0)))
        )
    for frame, delay in zip(frames, delays, strict=True):
        disposal = TO_NOTHING if frame.clear else STAY
        key = len(frame.palette)
        control = struct.pack("<BHB", disposal << 2 | bool((frame.numbers == key).any()), delay, key)
        parts.append(bytes([EXTENSION, CONTROL]) + chain(control))
        down, across = frame.numbers.shape
        bits = max(key.bit_length(), 1)  # for key + 1 colours
        parts.append(struct.pack("<BHHHHB", IMAGE, frame.left, frame.top, across, down, TABLE | (bits - 1)))
        parts.append(frame.palette.tobytes().ljust(3 * 2**bits, b"\0"))
        parts.append(_coded(frame.numbers))
        if not frame.exact:
            notes[FEW_COLORS] = None
    return b"".join((*parts, bytes([END]))), tuple(notes)


def _shot(image: Image.Image, notes: dict[str, None]) -> Shot:
    """Return RGB (h, w, 3), and where it is visible, (h, w), if that is not everywhere."""
    samples = np.asarray(image, np.uint8)
    samples = samples[..., None] if samples.ndim == 2 else samples
    color = samples[..., :3] if image.mode in ("RGB", "RGBA") else np.repeat(samples[..., :1], 3, axis=2)
    if image.mode not in ("LA", "RGBA"):
        return color, None
    alpha = samples[..., -1]
    if bool(((alpha != 0) & (alpha != 255)).any()):
        notes[NO_HALF] = None
    visible = alpha >= 128
    return color, None if bool(visible.all()) else visible


def _coded(numbers: npt.NDArray[np.uint8]) -> bytes:
    """Return numbers (h, w) as Pillow compresses them."""
    height, width = numbers.shape
    buffer = BytesIO()
    image = Image.frombytes("L", (width, height), np.ascontiguousarray(numbers).tobytes())
    image.save(buffer, "GIF", optimize=False, interlace=0)
    return coded_part(buffer.getvalue())
