"""What becomes of the chunks of a PNG.

Names beyond the standard are those of the register of PNG extensions, of ImageMagick (coders/png.c), Adobe Fireworks,
Apple, Microsoft Office, Android, and C2PA (Technical Specification 2.1, appendix A).
"""

from __future__ import annotations

from collections.abc import Callable

from nlsr_cli.images.animation import apng
from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.containers import png
from nlsr_cli.images.parts import (
    CARRIED,
    LOOSE,
    PADDING,
    REPLACED,
    REWRITTEN,
    TRAILER,
    Accounted,
    Fate,
    Part,
    Rule,
    account,
    dropped,
)

BACKGROUND = dropped("the background colour (bKGD)")
MASTERS = {
    "mDCV": dropped("the colours of the mastering display (mDCV)"),
    "cLLI": dropped("the content light levels (cLLI)"),
}
PAGE = dropped("its position on a larger page")
ORIENTATION = dropped("an orientation that only ImageMagick follows (orNT)")
FIREWORKS = dropped("editing data of Adobe Fireworks")
NINE_PATCH = dropped("the stretch marks of an Android nine-patch")
FROM_GIF = dropped("extensions of the original GIF")
# The palette goes with the indices, significant bits are those of new samples, a time of change is that of the file,
# and what numbers say of the colours becomes a profile, or is sRGB, with notes of its own.
FATES: dict[str, Rule] = {
    **dict.fromkeys(("signature", "IHDR", "PLTE", "IDAT", "tRNS", PADDING), REPLACED),
    **dict.fromkeys(("gAMA", "cHRM", "sRGB", "sBIT", "tIME", "iDOT", "CgBI"), REPLACED),
    **dict.fromkeys(("cICP", "iCCP", "pHYs", "tEXt", "zTXt", "iTXt"), CARRIED),
    **dict.fromkeys(("eXIf", "zxIf", "tXMP"), REWRITTEN),
    "caBX": dropped("content credentials (C2PA)"),
    "dSIG": dropped("a digital signature (dSIG)"),
    "hIST": dropped("the palette histogram (hIST)"),
    "sPLT": dropped("a suggested palette (sPLT)"),
    "pCAL": dropped("the calibration of the samples (pCAL)"),
    "sCAL": dropped("the physical scale of the subject (sCAL)"),
    "sTER": dropped("the mark of a stereo pair (sTER)"),
    "fRAc": dropped("the parameters of a fractal (fRAc)"),
    "msOG": dropped("the GIF that Microsoft Office embeds (msOG)"),
    **dict.fromkeys(("gIFg", "gIFt", "gIFx"), FROM_GIF),
    **dict.fromkeys(("mkBF", "mkBS", "mkBT", "mkTS", "prVW"), FIREWORKS),
    **dict.fromkeys(("npTc", "npLb", "npOl"), NINE_PATCH),
}
# Of these the first counts, here and in other readers.
SINGLE = frozenset({"IHDR", "PLTE", "tRNS", "gAMA", "cHRM", "sRGB", "cICP", "iCCP", "pHYs", "eXIf", "zxIf", "tXMP"})
SINGLE |= {"acTL", "mDCV", "cLLI"}


def account_png(data: bytes) -> tuple[Accounted, ...]:
    """Return the fate of every part of a PNG."""
    return account(png.parts(data), _Rules(data))


def _animation_rule(data: bytes) -> Rule:
    """Return the rule for the chunks of an animation, of which another note says why it is left out, where it is."""
    try:
        fault = apng.examine(data).fault
    except EOFError:
        return REPLACED
    return Rule(Fate.DROPPED, "the animation", quiet=True) if fault else REPLACED


class _Rules:
    """The rules for one file: what a chunk means depends on its header, and on the chunks before."""

    def __init__(self, data: bytes) -> None:
        self.seen: set[str] = set()
        self.size, self.alpha = data[16:24], data[25:26] in (b"\4", b"\6")
        self.animation = _animation_rule(data)
        codes = next((chunk.body for chunk in png.chunks(data) if chunk.name == b"cICP"), b"")
        self.as_coded = len(codes) >= 4 and bool(Colours(codes=(codes[0], codes[1], bool(codes[3]))).as_coded)

    def __call__(self, part: Part) -> Rule | None:
        name = part.name
        if name in SINGLE and name in self.seen:
            return dropped(f"a second {name} chunk")
        self.seen.add(name)
        if name in ("acTL", "fcTL", "fdAT"):
            return self.animation if "acTL" in self.seen else dropped("frames of an undeclared animation")
        special = SPECIAL.get(name)
        return special(self, part) if special else FATES.get(name)

    def background(self, _: Part) -> Rule:
        """Of an opaque picture it says nothing."""
        return BACKGROUND if self.alpha or "tRNS" in self.seen else REPLACED

    def mastering(self, part: Part) -> Rule:
        """What was mastered for HDR stays true as long as the samples stay as they are coded."""
        whole = part.size == 12 + {"mDCV": 24, "cLLI": 8}[part.name]
        return CARRIED if self.as_coded and whole else MASTERS[part.name]

    def page(self, part: Part) -> Rule:
        """ImageMagick states a page, and where on it the picture lies, also where they are the picture itself."""
        size, place = (b"", part.head[:8]) if part.name == "oFFs" else (part.head[:8], part.head[8:16])
        return PAGE if size not in (b"", self.size) or place.strip(b"\0") else REPLACED

    def end(self, part: Part) -> Rule:
        """It has no content."""
        return REPLACED if part.size <= 12 else LOOSE[TRAILER]

    def orientation(self, part: Part) -> Rule:
        """ImageMagick's own; 0 is unknown, and 1 upright."""
        return ORIENTATION if part.head[:1] > b"\1" else REPLACED


SPECIAL: dict[str, Callable[[_Rules, Part], Rule]] = {
    "bKGD": _Rules.background,
    "mDCV": _Rules.mastering,
    "cLLI": _Rules.mastering,
    "oFFs": _Rules.page,
    "vpAg": _Rules.page,
    "caNv": _Rules.page,
    "orNT": _Rules.orientation,
    "IEND": _Rules.end,
}
