"""QOI (D. Szablewski, "The Quite OK Image Format, Specification Version 1.0", 2022): 8-bit RGB and RGBA, lossless."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

from nlsr_cli.images.canvas import saved
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Format, Writing, encode_whole
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import REPLACED, TRAILER, Accounted, Part, account, loose

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


class QoiFile(Parsed):
    """A QOI."""

    format, part = "QOI", "QOI part"

    def header(self) -> Facts:
        _, width, height, channels, space = HEADER.unpack_from(self.data)
        if not width or not height or channels not in (3, 4):
            raise ValueError("no size, or no known number of channels")
        return Facts(bits=8, canvas=(height, width), frames=1, notes=(LINEAR_NOTE,) if space == LINEAR else ())

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        return account(self._parts(), lambda part: None if part.name == TRAILER else REPLACED)

    def _parts(self) -> Iterator[Part]:
        """Yield the parts. It does not say how long its samples are; they end where the end marker is."""
        found = self.data.rfind(END, HEADER.size)
        stop = len(self.data) if found < 0 else found + len(END)
        yield Part("header", 0, min(HEADER.size, len(self.data)))
        yield from loose("samples", self.data, HEADER.size, stop)
        yield from loose(TRAILER, self.data, stop)


QOI = Format(
    "QOI",
    (".qoi",),
    sniff=lambda head: head.startswith(MAGIC),
    parse=QoiFile,
    plugin="QoiImagePlugin",
    writing=Writing(
        encode_whole(lambda canvas, pixels, _: (saved(canvas.image(pixels), "QOI", colorspace="sRGB"), ())),
        CARRIES,
        heeds=(),
        least_share=0.02,
        whole=True,
        pace=2.3,
    ),
)
