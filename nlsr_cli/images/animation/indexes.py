"""Which formats hold animations that are read whole, and what such a file says of its frames."""

from __future__ import annotations

from nlsr_cli.images.animation import apng, gif, webp
from nlsr_cli.images.animation.frames import FrameIndex

INDEXES = {"GIF": gif.read_index, "PNG": apng.read_index, "WEBP": webp.read_index}
FILMS = tuple(INDEXES)


def frame_index(format: str, data: bytes) -> FrameIndex | None:  # noqa: A002 - the word for it, in Pillow too
    """Return what a file says of its frames, or None where it is no animation that is read whole.

    Raises:
        EOFError: it is cut off.
        ValueError, struct.error, IndexError: it makes no sense.
    """
    return INDEXES[format](data) if format in INDEXES else None
