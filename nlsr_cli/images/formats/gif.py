"""GIF (CompuServe, "Graphics Interchange Format, Version 89a")."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.animation import gif as frames
from nlsr_cli.images.animation import writing
from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.animation.gif import LOOPS
from nlsr_cli.images.animation.gif_writing import gif_of
from nlsr_cli.images.bounds import check_number
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import gif
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats.format import Encoded, Format, Moving, Writing, encode_whole
from nlsr_cli.images.metadata import gif_texts, iptc
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import CARRIED, PADDING, REPLACED, REWRITTEN, Accounted, Part, Rule, Walk, account, dropped
from nlsr_cli.images.picture import Pixels
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("GIF", alpha=True, icc=False, exif=False, comment=True, dpi="none", side=65535)
SINGLE_NOTE = "A GIF of one frame becomes a PNG: 256 colours could not hold the result."

SINGLE = {
    gif_texts.XMP_NAME: REWRITTEN,
    gif_texts.ICC_NAME: CARRIED,
    gif_texts.IPTC_NAME: CARRIED,
    gif_texts.PHOTOSHOP_NAME: CARRIED,  # what of it is left out has notes of its own
}
FATES: dict[str, Rule] = {
    **dict.fromkeys(("screen", "colour table", "image", "end", "0xF9", PADDING), REPLACED),
    **dict.fromkeys((name.decode() for name in LOOPS), REPLACED),
    **{name.decode(): rule for name, rule in SINGLE.items()},
    "0xFE": CARRIED,
    "0x01": dropped("text that few programs show (plain text extension)"),
    "ADOBE:IR1.0": dropped("editing data of Adobe ImageReady"),
}
MOST = {"0xF9": 8, **dict.fromkeys((name.decode() for name in LOOPS), 32)}  # bytes
C2PA = "C2PA_GIF"
GAMMA = "ImageMagick"
USUAL = b"gamma=0.45"  # which is that of sRGB


class Rules:
    """The rules for one file; of some extensions the first counts."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, part: Part) -> Rule | None:
        """Return the fate of the next part."""
        name = part.name
        if name in self.seen:
            return dropped(f"a second extension {name.rstrip('0123456789.')}")
        if name.encode("latin-1") in SINGLE:
            self.seen.add(name)
        if part.size > MOST.get(name, part.size):  # something else is hidden in it
            return None
        if name.startswith(C2PA):
            return dropped("content credentials (C2PA)")
        if name == GAMMA:
            return REPLACED if USUAL in part.head else dropped("a gamma that only ImageMagick follows")
        return FATES.get(name)


class GifFile(Parsed):
    """A GIF."""

    format, part = "GIF", "GIF extension"

    @cached_property
    def blocks(self) -> Walk[gif.Block]:
        """Return its blocks."""
        return Walk(gif.blocks(self.data))

    @cached_property
    def words(self) -> gif_texts.Words:
        """Return what its extensions say."""
        return gif_texts.read_words(self.blocks)

    def check(self) -> None:
        """Count the blocks, and what lies between them, of which Pillow skips each byte."""
        data, places = self.data, ((each.start, each.start + 1 if each.kind else each.end) for each in self.blocks)
        check_number((data[at : at + 1] for start, end in places for at in range(start, end)), data, self.label)

    def header(self) -> Facts:
        frames = sum(block.kind == gif.IMAGE for block in self.blocks)
        data = self.data
        aspect = (data[12] + 15) / 64 if len(data) >= gif.SCREEN and data[12] else 1
        note = f"The file says that its pixels are not square ({aspect:g} : 1); this is left out."
        return Facts(frames=max(frames, 1), icc=self.words.icc, notes=(note,) if aspect != 1 else ())

    @cached_property
    def index(self) -> FrameIndex | None:
        return frames.read_index(self.data, self.blocks)

    @cached_property
    def found(self) -> Found:
        found = self.words
        records = None if found.iptc is None else iptc.records_of(found.iptc)
        notes = (iptc.DAMAGED_NOTE,) if found.iptc is not None and records is None else ()
        return Found(found.xmp, records, found.photoshop or b"", comments=tuple(found.comments), notes=notes)

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        return account(gif.parts(self.data, self.blocks), Rules())


def _encode(canvas: Canvas, pixels: Pixels, options: EncodeOptions) -> Encoded:
    image = canvas.image(pixels)
    data, notes = gif_of(lambda: [image], [0], loop=1)
    return gif_texts.with_words(data, canvas.xmp, canvas.comment), notes


WRITING = Writing(encode_whole(_encode), CARRIES, heeds=(), least_share=0.02, whole=True, pace=0.3)
GIF = Format(
    "GIF",
    (".gif",),
    sniff=lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    parse=GifFile,
    single=("PNG", SINGLE_NOTE),
    moving=Moving(
        lambda image, index, facts, notes: frames.canvases(index),
        lambda film, options: writing.encode_gif(film, options, WRITING),
        palette=True,
    ),
    writing=WRITING,
)
