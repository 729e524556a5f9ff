"""What becomes of the parts of a JPEG XL file (ISO/IEC 18181-2; gain maps: ISO 21496-1)."""

from __future__ import annotations

from nlsr_cli.images.jpegxl.files import PADDING
from nlsr_cli.images.parts import CARRIED, REPLACED, Part, Rule, dropped
from nlsr_cli.images.rules.isobmff import CREDENTIALS, DEPTH, GAIN_MAP_WORDS

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
