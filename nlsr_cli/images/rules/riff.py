"""What becomes of the chunks of a WebP file."""

from __future__ import annotations

from nlsr_cli.images.containers import riff
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


def account_webp(data: bytes) -> tuple[Accounted, ...]:
    """Return the fate of every part of a WebP file."""
    return account(riff.parts(data), _Rules(data))


class _Rules:
    """The rules for one file, by the flags of its header."""

    def __init__(self, data: bytes) -> None:
        self.flags = data[20] if data[12:16] == b"VP8X" and len(data) > 20 else 0
        self.seen: set[str] = set()

    def __call__(self, part: Part) -> Rule | None:
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
