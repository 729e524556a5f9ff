"""QOI (D. Szablewski, "The Quite OK Image Format, Specification Version 1.0", 2022): 8-bit RGB and RGBA, lossless."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Writing
from nlsr_cli.images.parts import REPLACED, TRAILER, Part, account, loose
from nlsr_cli.options import EncodeOptions

MAGIC = b"qoif"
HEADER = struct.Struct(">4sIIBB")  # magic, width, height, channels, color space
LINEAR = 1  # of all channels; 0 is sRGB with linear alpha
LINEAR_NOTE = (
    "The file says that its colours are linear, as some programs claim of every picture; they are read as sRGB."
)
END = b"\0\0\0\0\0\0\0\1"
CARRIES = Carries(
    "QOI",
    alpha=True,
    grey=False,
    icc=False,
    exif=False,
    xmp=False,
    dpi="none",
    area=400_000_000,  # where the reference decoder ends
)


def _facts(data: bytes) -> Facts:
    _, width, height, channels, space = HEADER.unpack_from(data)
    if not width or not height or channels not in (3, 4):
        raise ValueError("no size, or no known number of channels")
    return Facts(bits=8, canvas=(height, width), frames=1, notes=(LINEAR_NOTE,) if space == LINEAR else ())


def _parts(data: bytes) -> Iterator[Part]:
    """Yield the parts of a file. It does not say how long its samples are; they end where the end marker is."""
    found = data.rfind(END, HEADER.size)
    stop = len(data) if found < 0 else found + len(END)
    yield Part("header", 0, min(HEADER.size, len(data)))
    yield from loose("samples", data, HEADER.size, stop)
    yield from loose(TRAILER, data, stop)


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    return canvas.saved("QOI", colorspace="sRGB"), ()


QOI = Format(
    "QOI",
    (".qoi",),
    sniff=lambda head: head.startswith(MAGIC),
    facts=_facts,
    part="QOI part",
    account=lambda data: account(_parts(data), lambda part: None if part.name == TRAILER else REPLACED),
    plugin="QoiImagePlugin",
    writing=Writing(_encode, CARRIES, heeds=(), least_share=0.02),
)
