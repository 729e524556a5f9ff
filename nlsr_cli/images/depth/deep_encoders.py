"""From samples of 16 bits or floating point to the bytes of a PNG or TIFF; what else they say is put in by others."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.containers.png import SIGNATURE as PNG_SIGNATURE
from nlsr_cli.images.containers.png import chunks
from nlsr_cli.images.depth.extra import codecs
from nlsr_cli.images.depth.layout import (
    BITS,
    CMYK,
    COMPRESSION,
    EXTRA_SAMPLES,
    FLOATING,
    LENGTH,
    MIN_IS_BLACK,
    PHOTOMETRIC,
    PLANAR,
    RGB,
    ROWS_PER_STRIP,
    SAMPLE_FORMAT,
    SAMPLES,
    STRIP_COUNTS,
    STRIP_OFFSETS,
    UNASSOCIATED,
    UNSIGNED,
    WIDTH,
)
from nlsr_cli.images.picture import Pixels
from nlsr_cli.images.words import tiff

PREDICTOR, HORIZONTAL, FLOATING_POINT = 317, 2, 3  # of TIFF 6.0, and of Adobe's TechNote 3
DEFLATE, LEVEL = 8, 6
STRIP = 1 << 18  # bytes before compression: what a reader decodes at once


def png(samples: Pixels, model: bytes) -> bytes:
    """Return a PNG of uint16 samples (h, w, 1 to 4) with the chunks of another PNG, except for those of its picture.

    Raises:
        MissingExtra: imagecodecs is not installed.
    """
    # Runs alone, as for 8 bits: the smallest file of all strategies on photographs, and the fastest.
    grey = samples[..., 0] if samples.shape[2] == 1 else samples
    data: bytes = codecs().png_encode(np.ascontiguousarray(grey), 1, strategy=zlib.Z_RLE)
    pieces = [PNG_SIGNATURE]
    before, after = _chunks_beside_picture(model)
    for chunk in chunks(data):
        framed = data[chunk.start : chunk.end]
        pieces += [*after, framed] if chunk.name == b"IEND" else [framed]
        pieces += before if chunk.name == b"IHDR" else []
    return b"".join(pieces)


def _chunks_beside_picture(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the chunks that stand before the samples of a PNG, and those behind."""
    before: list[bytes] = []
    after: list[bytes] = []
    side = before
    for chunk in chunks(data):
        if chunk.name == b"IDAT":
            side = after
        elif chunk.name not in (b"IHDR", b"IEND"):
            side.append(data[chunk.start : chunk.end])
    return before, after


def tiff_samples(samples: Pixels, *, alpha: bool, cmyk: bool) -> tuple[bytes, tiff.Directory]:
    """Return the beginning of a little-endian TIFF with the samples (h, w, c), and the directory that describes them.

    They are uint16 or float32, compressed by Deflate strip by strip. The directory has still to be put behind them,
    and its place into bytes 4 to 8.

    Raises:
        MissingExtra: imagecodecs is not installed.
    """
    height, width, channels = samples.shape
    floating = samples.dtype == np.float32
    rows = max(1, STRIP // (width * channels * samples.dtype.itemsize))
    data = bytearray(b"II*\0" + bytes(4))
    starts, counts = [], []
    for top in range(0, height, rows):
        part = _predicted(samples[top : top + rows])
        strip = codecs().deflate_encode(part, LEVEL)
        starts.append(len(data))
        counts.append(len(strip))
        data += strip
        data += bytes(len(strip) % 2)
    colours = channels - alpha
    entries = {
        WIDTH: _longs(width),
        LENGTH: _longs(height),
        BITS: _shorts(*[samples.dtype.itemsize * 8] * channels),
        COMPRESSION: _shorts(DEFLATE),
        PHOTOMETRIC: _shorts(CMYK if cmyk else RGB if colours == 3 else MIN_IS_BLACK),
        STRIP_OFFSETS: _longs(*starts),
        SAMPLES: _shorts(channels),
        ROWS_PER_STRIP: _longs(rows),
        STRIP_COUNTS: _longs(*counts),
        PLANAR: _shorts(1),
        PREDICTOR: _shorts(FLOATING_POINT if floating else HORIZONTAL),
        SAMPLE_FORMAT: _shorts(*[FLOATING if floating else UNSIGNED] * channels),
    }
    if alpha:
        entries[EXTRA_SAMPLES] = _shorts(UNASSOCIATED)
    return bytes(data), tiff.Directory(entries)


def _predicted(part: Pixels) -> bytes:
    """Return a strip as differences along its rows, which compress better."""
    if part.dtype == np.float32:
        encoded: npt.NDArray[np.uint8] = codecs().floatpred_encode(np.ascontiguousarray(part), axis=-2)
        return encoded.tobytes()
    differences = part.astype("<u2")
    differences[:, 1:] -= part[:, :-1]  # modulo 65536, as the decoder adds
    return differences.tobytes()


def _shorts(*values: int) -> tiff.Entry:
    return tiff.Entry(tiff.SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def _longs(*values: int) -> tiff.Entry:
    return tiff.Entry(tiff.LONG, len(values), struct.pack(f"<{len(values)}I", *values))
