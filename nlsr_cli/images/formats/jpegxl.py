"""JPEG XL (ISO/IEC 18181), coded by libjxl."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import PNG_HINT, Facts, Foreign, unsupported
from nlsr_cli.images.formats.format import Encoded, Format, Writing, encode_whole
from nlsr_cli.images.formats.isobmff import CREDENTIALS, DEPTH, GAIN_MAP_WORDS
from nlsr_cli.images.jpegxl.codec import decode_jpegxl, encode_jpegxl
from nlsr_cli.images.jpegxl.files import PADDING, Contents, open_file, parts
from nlsr_cli.images.jpegxl.header import ALPHA, BLACK, ImageHeader, read_header
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import CARRIED, REPLACED, Accounted, Part, Rule, account, dropped
from nlsr_cli.images.picture import Pixels
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("JXL", alpha=True, depth=32, grey16=False, side=2**30 - 1)

RULES: dict[str, Rule] = {
    **dict.fromkeys(("JXL ", "ftyp", "jxll", "jxlc", "jxlp", "jxli", "codestream", "preview", PADDING), REPLACED),
    **dict.fromkeys(("free", "skip"), REPLACED),
    **dict.fromkeys(("Exif", "xml ", "brob Exif", "brob xml "), CARRIED),
    "jbrd": REPLACED,  # how the coded samples become the JPEG again that they were
    "jumb": dropped(CREDENTIALS),
    "brob jumb": dropped(CREDENTIALS),
    "jhgm": dropped(GAIN_MAP_WORDS),
    "channel depth": dropped(DEPTH),
    "channel spot colour": dropped("a spot colour channel"),
    "channel selection": dropped("a selection mask"),
    "channel thermal": dropped("a thermal channel"),
    "channel alpha": dropped("a second alpha channel"),
}


def rule(part: Part) -> Rule | None:
    """Return the fate of a part of a JPEG XL file, or None for a part that nobody knows."""
    return RULES.get(part.name)


class JxlFile(Parsed):
    """A JPEG XL file."""

    format, part = "JXL", "container part"

    @cached_property
    def contents(self) -> Contents:
        """Return what it holds; raise ValueError where that is no codestream, or there are countless boxes."""
        return open_file(self.data)

    @cached_property
    def stream_header(self) -> ImageHeader:
        """Return the header of its codestream; raise ValueError or EOFError where that makes no sense."""
        return read_header(self.contents.stream)

    def header(self) -> Facts:
        found, header = self.contents, self.stream_header
        if header.colours is None and header.icc is None:
            return Facts(refusal=unsupported("an unknown colour space"), hint=PNG_HINT)
        if any(channel.kind == BLACK for channel in header.extra):
            return Facts(refusal=unsupported("CMYK"), hint="Convert it to TIFF first.")
        alpha = any(channel.kind == ALPHA for channel in header.extra)
        depth = 32 if header.floating else 8 if header.bits <= 8 else 16
        mode = ("L" if header.grey else "RGB") + "A" * alpha
        mode += {8: "", 16: f";{header.bits}", 32: f";{header.bits}F"}[depth]
        notes = ("Only the first frame of the animation is read.",) if header.animated else ()
        return Facts(
            bits=header.bits,
            canvas=(header.height, header.width),
            lossless=not (header.xyb or found.was_jpeg),
            colours=header.colours,
            exif=found.exif,
            xmp=found.xmp,
            foreign=Foreign(mode, header.upright, depth, alpha, header.icc),
            orientation=header.orientation,
            notes=notes,
            plays=header.plays if header.animated else None,
        )

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            header = self.stream_header
        except (ValueError, EOFError):  # which reading it tells
            header = None
        return account(parts(self.data, header), rule)

    def decoded(self) -> Decoded:
        return decode_jpegxl(self.contents.stream, self.stream_header)


def _encode(canvas: Canvas, pixels: Pixels, options: EncodeOptions) -> Encoded:
    words = canvas.exif_block(with_dpi=True), canvas.xmp
    data = encode_jpegxl(pixels, canvas.icc, quality=options.quality, lossless=canvas.lossless, words=words)
    return data, ()


JXL = Format(
    "JXL",
    (".jxl",),
    sniff=lambda head: head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    parse=JxlFile,
    package=extra.IMAGECODECS,
    called="a JPEG XL picture",
    writing=Writing(
        encode_whole(_encode), CARRIES, heeds=("quality", "lossless"), least_share=0.0005, whole=True, pace=0.35
    ),
)
