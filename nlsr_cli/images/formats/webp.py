"""WebP (RFC 9649), lossy, lossless and animated."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.animation import webp, writing
from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas, saved
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import riff
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing, encode_whole
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import CARRIED, PADDING, REPLACED, REWRITTEN, Accounted, Part, Rule, Walk, account, dropped
from nlsr_cli.images.picture import Pixels
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("WEBP", alpha=True, grey=False, side=16383)

ANIMATION = 0x02  # flag of the header
SINGLE = frozenset({"VP8X", "ANIM", "ICCP", "EXIF", "XMP ", "VP8 ", "VP8L", "ALPH"})
FATES: dict[str, Rule] = {
    **dict.fromkeys(("file header", "VP8X", "ANIM", PADDING), REPLACED),
    **dict.fromkeys(("ANMF/ALPH", "ANMF/VP8 ", "ANMF/VP8L"), REPLACED),
    "XMP ": REWRITTEN,
    "C2PA": dropped("content credentials (C2PA)"),
}
# What the header announces by a flag, with its word; decoders pass over what it does not announce.
ANNOUNCED: dict[str, tuple[int, Rule, str]] = {
    "ICCP": (0x20, CARRIED, "a colour profile"),
    "EXIF": (0x08, REWRITTEN, "EXIF data"),
    "ANMF": (ANIMATION, REPLACED, "frames of an animation"),
}


class Rules:
    """The rules for one file, by the flags of its header."""

    def __init__(self, data: bytes) -> None:
        self.flags = data[20] if data[12:16] == b"VP8X" and len(data) > 20 else 0
        self.seen: set[str] = set()

    def __call__(self, part: Part) -> Rule | None:
        """Return the fate of the next part."""
        name = part.name
        if name in self.seen:
            return dropped(f"a second {name.strip()} chunk")
        if name == "ANMF":
            self.seen -= {"ANMF/ALPH", "ANMF/VP8 ", "ANMF/VP8L"}
        elif name.removeprefix("ANMF/") in SINGLE:
            self.seen.add(name)
        if name in ANNOUNCED:
            flag, rule, word = ANNOUNCED[name]
            return rule if self.flags & flag else dropped(f"{word} that the file header does not declare")
        if name in ("VP8 ", "VP8L", "ALPH"):
            return dropped("a still picture beside the animation") if self.flags & ANIMATION else REPLACED
        return FATES.get(name)


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


def _encode(canvas: Canvas, pixels: Pixels, options: EncodeOptions) -> Encoded:
    data = saved(
        canvas.image(pixels),
        "WEBP",
        quality=options.quality,
        lossless=canvas.lossless,
        exact=True,
        icc_profile=canvas.icc,
        exif=canvas.exif_block(with_dpi=True),
        xmp=canvas.xmp,
    )
    return data, ()


WRITING = Writing(
    encode_whole(_encode), CARRIES, heeds=("quality", "lossless"), least_share=0.002, whole=True, pace=0.25
)
WEBP = Format(
    "WEBP",
    (".webp",),
    sniff=lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
    parse=WebpFile,
    plugin="WebPImagePlugin",
    feature="webp",
    moving=Moving(
        lambda image, index, facts, notes: webp.canvases(image, index),
        lambda film, options: writing.encode_webp(film, options, WRITING),
    ),
    writing=WRITING,
)
