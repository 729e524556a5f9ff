"""WebP (RFC 9649), lossy, lossless and animated."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.animation import webp, writing
from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import riff
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import Accounted, Walk, account
from nlsr_cli.images.picture import Animation
from nlsr_cli.images.rules.riff import Rules
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("WEBP", alpha=True, grey=False, side=16383)


class WebpFile(Parsed):
    """A WebP."""

    format, part = "WEBP", "WebP chunk"

    @cached_property
    def chunks(self) -> Walk[riff.Chunk]:
        """Return its chunks."""
        return Walk(riff.chunks(self.data))

    def check(self) -> None:
        check_number((chunk.name for chunk in self.chunks), self.data, self.label)

    def header(self) -> Facts:
        if riff.stated_end(self.data) > len(self.data):
            raise EOFError("the file is shorter than it says")
        canvas = None
        for chunk in self.chunks:
            name = chunk.name
            if name == b"VP8X":
                places = (chunk.start + 4, chunk.start + 7)
                width, height = (int.from_bytes(self.data[at : at + 3], "little") + 1 for at in places)
                canvas = (height, width)
            elif name == b"ANMF":
                name = next((inner.name for inner in riff.inner(chunk) if inner.name != b"ALPH"), b"")
            if name == b"VP8L":
                return Facts(canvas=canvas, lossless=True)
            if name in (b"VP8 ", b"ALPH"):
                return Facts(canvas=canvas)
        return Facts(canvas=canvas)

    @cached_property
    def index(self) -> FrameIndex | None:
        return webp.read_index(self.data, self.chunks)

    @cached_property
    def found(self) -> Found:
        return Found(next((chunk.body for chunk in self.chunks if chunk.name == b"XMP "), None))

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        return account(riff.parts(self.data, self.chunks), Rules(self.data))


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    data = canvas.saved(
        "WEBP",
        quality=options.quality,
        lossless=canvas.lossless,
        exact=True,
        icc_profile=canvas.icc,
        exif=canvas.exif_block(with_dpi=True),
        xmp=canvas.xmp,
    )
    return data, ()


def _animate(animation: Animation, options: EncodeOptions) -> Encoded:
    return writing.encode_webp(animation, options, WRITING)


WRITING = Writing(_encode, CARRIES, heeds=("quality", "lossless"), least_share=0.002)
WEBP = Format(
    "WEBP",
    (".webp",),
    sniff=lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
    parse=WebpFile,
    plugin="WebPImagePlugin",
    feature="webp",
    moving=Moving(lambda image, index, facts, notes: webp.canvases(image, index), _animate),
    writing=WRITING,
)
