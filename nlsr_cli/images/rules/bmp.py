"""What becomes of the parts of a BMP."""

from __future__ import annotations

from nlsr_cli.images.containers import bmp
from nlsr_cli.images.parts import CARRIED, GAP, PADDING, REPLACED, Part, Rule, dropped

FATES: dict[str, Rule] = {
    **dict.fromkeys(("headers", "palette", "pixels", PADDING), REPLACED),
    "profile": CARRIED,
    GAP: dropped("data between header and pixels"),
}
LINKED = dropped("the name of a colour profile that lies in another file")


def rule_of(part: Part, found: bmp.Bitmap | None) -> Rule | None:
    """Return the fate of a part of a BMP of this header, None where that makes no sense; None for unknown parts."""
    linked = part.name == "profile" and found is not None and found.space == bmp.LINKED
    return LINKED if linked else FATES.get(part.name)
