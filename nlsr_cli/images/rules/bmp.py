"""What becomes of the parts of a BMP."""

from __future__ import annotations

import struct

from nlsr_cli.images.containers import bmp
from nlsr_cli.images.parts import CARRIED, GAP, PADDING, REPLACED, Accounted, Rule, account, dropped

FATES: dict[str, Rule] = {
    **dict.fromkeys(("headers", "palette", "pixels", PADDING), REPLACED),
    "profile": CARRIED,
    GAP: dropped("data between header and pixels"),
}
LINKED = dropped("the name of a colour profile in another file")


def account_bmp(data: bytes) -> tuple[Accounted, ...]:
    """Return the fate of every part of a BMP."""
    try:
        linked = bmp.read_bitmap(data).space == bmp.LINKED
    except (ValueError, struct.error):
        linked = False
    fates = {**FATES, "profile": LINKED} if linked else FATES
    return account(bmp.parts(data), lambda part: fates.get(part.name))
