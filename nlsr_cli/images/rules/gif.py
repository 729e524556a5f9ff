"""What becomes of the blocks of a GIF. Those of applications go by the names that these give themselves."""

from __future__ import annotations

from nlsr_cli.images.animation.gif import LOOPS
from nlsr_cli.images.containers import gif
from nlsr_cli.images.metadata import gif_texts
from nlsr_cli.images.parts import (
    CARRIED,
    PADDING,
    REPLACED,
    REWRITTEN,
    Accounted,
    Part,
    Rule,
    account,
    dropped,
)

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


def account_gif(data: bytes) -> tuple[Accounted, ...]:
    """Return the fate of every part of a GIF."""
    return account(gif.parts(data), _Rules())


class _Rules:
    """The rules for one file; of some extensions the first counts."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, part: Part) -> Rule | None:
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
