"""The coded samples of a JPEG, as those of many: each band is a picture to libjpeg, and an interval to the whole.

Between two restart markers nothing is carried over (ITU-T T.81, E.1.4), so that what is coded alone can be joined.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from nlsr_cli.images.canvas import saved
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.encoding.bands import Shape, in_order
from nlsr_cli.images.picture import Pixels

UNITS = {"4:4:4": (8, 8), "4:2:2": (8, 16), "4:2:0": (16, 16)}  # (height, width) of what is coded as one, in pixels
INTERVAL = 1 << 12  # of these between two restarts: a restart costs five bytes, and as many units seven thousand
MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def restarts_of(shape: Shape, subsampling: str) -> tuple[int, int]:
    """Return how many rows of a picture lie between two restarts, whole rows of units, and how many units these are."""
    high, wide = UNITS[subsampling if shape[2] > 1 else "4:4:4"]  # grey is coded in single blocks
    across = -(-shape[1] // wide)
    rows = max(1, INTERVAL // across)
    return rows * high, rows * across


def encoded(band: Pixels, quality: int, subsampling: str, **stated: object) -> bytes:
    """Return the JPEG of uint8 pixels (h, w, 1, 3, or 4 of CMYK), with what of `stated` is not None."""
    height, width, channels = band.shape
    image = Image.frombytes(MODES[channels], (width, height), np.ascontiguousarray(band).data)
    return saved(image, "JPEG", quality=quality, subsampling=subsampling, **stated)


def head_and_scan(data: bytes) -> tuple[bytes, bytes]:
    """Return a JPEG of one scan up to its coded samples, and these; without its end."""
    start = next(piece.stop for piece in jpeg.walk(data) if piece.marker == jpeg.SOS)
    return data[:start], data[start:-2]


def head_of(head: bytes, height: int, interval: int | None) -> bytes:
    """Return the head of a JPEG with another height, and with an interval of restarts if one is given."""
    frame = next(piece for piece in jpeg.walk(head) if piece.marker in jpeg.FRAMES)
    scan = next(piece for piece in jpeg.walk(head) if piece.marker == jpeg.SOS)
    restarts = b"" if interval is None else jpeg.segment(jpeg.DRI, interval.to_bytes(2, "big"))
    high = height.to_bytes(2, "big")
    return head[: frame.body + 1] + high + head[frame.body + 3 : scan.start] + restarts + head[scan.start :]


def joined(first: bytes, bands: Iterator[Pixels], quality: int, subsampling: str) -> Iterator[bytes]:
    """Yield the coded samples of a picture: those of its first band, and those of the others, coded here."""
    yield first
    scans = in_order(
        lambda band: head_and_scan(encoded(band, quality, subsampling))[1], (band.copy() for band in bands)
    )
    for number, scan in enumerate(scans):
        yield bytes((0xFF, jpeg.RESTARTS[number % len(jpeg.RESTARTS)])) + scan
