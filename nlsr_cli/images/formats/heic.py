"""HEIC (HEVC in HEIF: ISO/IEC 23008-12, annex B; its decoder configuration: ISO/IEC 14496-15, 8.3.3)."""

from __future__ import annotations

from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import PNG_HINT, Deep, Facts, Foreign, unsupported
from nlsr_cli.images.formats.brands import coding_of
from nlsr_cli.images.formats.format import Format
from nlsr_cli.images.heic import decode_heic
from nlsr_cli.images.heif import still_of
from nlsr_cli.images.rules.isobmff import account_isobmff


def _facts(data: bytes) -> Facts:
    still = still_of(data)
    if still.main is None or still.size is None:
        return Facts(
            refusal="holds a video or an image sequence, but no still picture",
            hint="Save one of its frames as PNG first.",
        )
    if still.unreadable:
        return Facts(refusal=unsupported(f"samples coded as '{still.unreadable}'"), hint=PNG_HINT)
    if any(item.missing for item in still.kept):
        raise EOFError("the file ends before the samples do")
    codes = still.coded("hvcC", 19)
    bits = max((8 + max(body[17] & 7, body[18] & 7) for body in codes), default=8)
    grey = bool(codes) and all(body[16] & 3 == 0 for body in codes)
    letters = ("L" if grey else "RGB") + "A" * still.alpha
    deep = bits > 8
    mode = f"{letters};{bits}" if deep else letters
    return Facts(
        bits=bits,
        deep=Deep(f"{bits}-bit {'grey' if grey else 'colour'}", mode, 16, len(letters), still.alpha) if deep else None,
        canvas=still.stored,
        colours=still.colours,
        frames=still.pictures,
        exif=still.exif,
        still=still,
        orientation=still.orientation,
        xmp=still.xmp,
        foreign=Foreign(mode, still.size, 16 if deep else 8, still.alpha, still.icc),
        notes=still.notes,
    )


HEIC = Format(
    "HEIC",
    (".heic", ".heif"),
    sniff=lambda head: coding_of(head) == "HEIC",
    facts=_facts,
    part="container part",
    account=account_isobmff,
    decode=decode_heic,
    package=extra.PI_HEIF,
    called="a HEIC picture",
)
