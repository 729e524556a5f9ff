"""One file before and after: every difference is kept, told, or silent. Silence is what the matrix looks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tests.images import icc
from tests.tools.torture.carried import P3_CHRM
from tests.tools.torture.colours import Floats, difference, lab_of, reduced
from tests.tools.torture.facts import Facts

KEPT, SAID, SILENT = "kept", "said", "SILENT"
# Mean CIEDE2000 over the picture that the network causes, with a lossy codec, where transparency is laid on white in
# another space than this judge lays it in, in 256 dithered colours; and mean difference of opacity.
COLOUR_TOLERANCE, LOSSY_TOLERANCE, LAID_TOLERANCE, OPACITY_TOLERANCE = 1.2, 1.6, 3.5, 0.03
FRAME_TOLERANCE, THUMBNAIL_TOLERANCE = 6.0, 4.0  # of a thumbnail, of which wide colours are clipped to sRGB
LOSSY = ("JPEG", "WEBP", "AVIF", "GIF")
# By which words a note names a property: never words of another one. That of colours must admit other colours.
NAMED = {
    "kind": r"grey|CMYK|L\*a\*b|YCbCr",
    "bits": r"\bbit|float",
    "alpha": r"transparen|alpha|placed on",
    "frames": r"frame|animation",
    "profile": r"profile|is in sRGB|stay so",
    "code points": r"gamma|primaries|code points|cICP|cHRM|colour tags",
    "colours": r"ignored|as sRGB|without a usable|left out|not fit|unreadable|placed on|partial transp|outside|clipped",
    "exif": r"EXIF",
    "thumbnail": r"EXIF|thumbnail",
    "xmp": r"XMP",
    "iptc": r"IPTC",
    "dpi": r"resolution|dpi|dots per inch",
    "texts": r"PNG text|\btexts?\b",
    "comment": r"comment",
}


@dataclass(frozen=True)
class Verdict:
    """What became of one property of one file."""

    property: str
    outcome: str
    detail: str = ""


def compare(before: Facts, after: Facts, notes: Sequence[str], scale: int) -> list[Verdict]:
    """Return a verdict for each property that `before` has; none for what it does not have."""
    told = "\n".join(notes)
    verdicts = []
    for name, check in CHECKS.items():
        detail = check(before, after, scale)
        if detail is None:
            continue
        if not detail:
            verdicts.append(Verdict(name, KEPT))
        elif name in NAMED and re.search(NAMED[name], told, re.IGNORECASE):
            verdicts.append(Verdict(name, SAID, detail))
        else:
            verdicts.append(Verdict(name, SILENT, detail))
    return verdicts


# Each returns "" where the property is kept, what differs where it is not, None where there is nothing to keep.


def _size(before: Facts, after: Facts, scale: int) -> str | None:
    wanted = before.size[0] * scale, before.size[1] * scale
    return "" if after.size == wanted else f"{after.size} instead of {wanted}"


def _kind(before: Facts, after: Facts, scale: int) -> str | None:
    return "" if before.kind == after.kind else f"{before.kind} became {after.kind}"


def _bits(before: Facts, after: Facts, scale: int) -> str | None:
    if after.bits < before.bits:
        return f"{before.bits} became {after.bits}"
    if before.bits == 16 and before.pixels is not None and after.pixels is not None and after.bits == 16:
        levels = np.rint(after.pixels * 65535).astype(int)
        if len(np.unique(levels % 257)) < 8:  # 8 bits blown up
            return "16 bits of which only 8 are used"
    return ""


def _alpha(before: Facts, after: Facts, scale: int) -> str | None:
    if before.opacity is None or bool((before.opacity == 1).all()):
        return None
    if after.opacity is None:
        return "lost"
    small = reduced(after.opacity[..., None], scale)[..., 0]
    if small.shape != before.opacity.shape:
        return "of another size"
    error = float(np.abs(small - before.opacity).mean())
    return "" if error <= OPACITY_TOLERANCE else f"off by {error:.3f} in the mean"


def _frames(before: Facts, after: Facts, scale: int) -> str | None:
    if before.frames == 1:
        return None
    if after.frames != before.frames:
        return f"{before.frames} became {after.frames}"
    if any(abs(a - b) > 5 for a, b in zip(before.durations, after.durations, strict=True)):
        return f"durations {before.durations} became {after.durations}"
    if before.plays != after.plays:
        return f"shown {before.plays} times became {after.plays}"
    for number, (old, new) in enumerate(zip(before.moving, after.moving, strict=True)):
        if (new.shape[0], new.shape[1]) != (old.shape[0] * scale, old.shape[1] * scale):
            continue  # turned: the size is checked beside
        one, other = (lab_of(_on_white(frame), facts.icc) for frame, facts in ((old, before), (new, after)))
        if (error := float(difference(one, reduced(other, scale)).mean())) > FRAME_TOLERANCE:
            return f"frame {number}: ΔE {error:.1f}"
    return ""


def _on_white(rgba: Floats) -> Floats:
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]


def _profile(before: Facts, after: Facts, scale: int) -> str | None:
    if before.icc is None:
        return None
    return "" if after.icc == before.icc else ("another one" if after.icc else "lost")


def _code_points(before: Facts, after: Facts, scale: int) -> str | None:
    if not before.colours:
        return None
    return "" if after.colours == before.colours or after.icc else f"{before.colours} became {after.colours or 'none'}"


def _colours(before: Facts, after: Facts, scale: int) -> str | None:
    """Compare what is seen: both in Lab through what each file says of itself, on white where it is transparent."""
    if before.pixels is None or after.pixels is None or after.size != (before.size[0] * scale, before.size[1] * scale):
        return None
    one, other = _seen(before), _seen(after, scale)
    error = float(difference(one, other).mean())
    allowed = LOSSY_TOLERANCE if after.format in LOSSY else COLOUR_TOLERANCE
    if before.alpha and not after.alpha:
        allowed = LAID_TOLERANCE
    return "" if error <= allowed else f"ΔE {error:.1f} in the mean"


def _seen(facts: Facts, scale: int = 1) -> Floats:
    assert facts.pixels is not None
    pixels = facts.pixels.astype(float)
    if facts.opacity is not None:
        weight = facts.opacity[..., None]
        ground = 0.0 if facts.kind == "cmyk" else 1.0
        pixels = pixels * weight + ground * (1 - weight)
    pixels = reduced(pixels, scale)
    if facts.kind == "lab":
        signed = np.where(pixels[..., 1:] > 127.5 / 255, pixels[..., 1:] * 255 - 256, pixels[..., 1:] * 255)
        return np.concatenate((pixels[..., :1] * 100, signed), axis=-1)
    if facts.bits == 33:
        pixels = np.clip(pixels, 0, 1)
    return lab_of(pixels, facts.icc if facts.icc else _stated(facts, pixels.shape[2]))


def _stated(facts: Facts, channels: int) -> bytes | None:
    """Return a profile for what a file says of its colours in other ways."""
    if facts.adobe:
        return icc.rgb("Adobe RGB", icc.ADOBE_RGB)
    if channels == 4 or not facts.colours:
        return None
    if "cICP" in facts.colours:
        return _p3()
    gamma = 1.0 if facts.colours == "gAMA" else 2.2
    if channels == 1:
        return icc.grey(gamma)
    return _p3(gamma) if "cHRM" in facts.colours else icc.rgb("gamma", icc_srgb_colorants(), gamma)


def _p3(gamma: float = 2.2) -> bytes:
    assert P3_CHRM[2] == 68000  # the colorants below are those of the same primaries
    return icc.rgb("P3", icc.DISPLAY_P3, gamma)


def icc_srgb_colorants() -> tuple[tuple[float, float, float], ...]:
    """Return the colorants of sRGB, adapted to D50."""
    return ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def _exif(before: Facts, after: Facts, scale: int) -> str | None:
    if not before.exif:
        return None
    lost = sorted(name for name, value in before.exif.items() if after.exif.get(name) != value)
    return f"{', '.join(lost)} lost or changed" if lost else ""


def _thumbnail(before: Facts, after: Facts, scale: int) -> str | None:
    """Demand a new one: a JPEG that stands as the new picture does, and has its colours."""
    if before.thumbnail is None:
        return None
    if after.thumbnail is None:
        return "lost"
    try:
        with Image.open(BytesIO(after.thumbnail), formats=["JPEG"]) as image:
            shown = np.asarray(image.convert("RGB"), float) / 255
    except OSError:
        return "no picture"
    if abs(shown.shape[0] / shown.shape[1] - after.size[0] / after.size[1]) > 0.1:
        return f"{shown.shape[:2]} of a picture of {after.size}"
    error = float(difference(lab_of(shown, None).mean((0, 1)), _seen(after).mean((0, 1))))
    return "" if error < THUMBNAIL_TOLERANCE else f"ΔE {error:.1f}"


def _orientation(before: Facts, after: Facts, scale: int) -> str | None:
    return "" if after.orientation == 1 else f"still {after.orientation}"


def _xmp(before: Facts, after: Facts, scale: int) -> str | None:
    if not before.xmp:
        return None
    return "" if after.xmp and b"Torture title" in after.xmp and b'Rating="4"' in after.xmp else "lost"


def _same(name: str) -> Callable[[Facts, Facts, int], str | None]:
    def check(before: Facts, after: Facts, scale: int) -> str | None:
        had, has = getattr(before, name), getattr(after, name)
        if not had:
            return None
        if isinstance(had, dict):
            lost = sorted(key for key, value in had.items() if has.get(key) != value)
            return f"{', '.join(lost)} lost or changed" if lost else ""
        return "" if has == had else f"{_brief(had)} became {_brief(has)}"

    return check


def _brief(value: Any) -> str:
    return repr(value)[:40]


CHECKS: dict[str, Callable[[Facts, Facts, int], str | None]] = {
    "size": _size,
    "kind": _kind,
    "bits": _bits,
    "alpha": _alpha,
    "frames": _frames,
    "profile": _profile,
    "code points": _code_points,
    "colours": _colours,
    "orientation": _orientation,
    "exif": _exif,
    "thumbnail": _thumbnail,
    "xmp": _xmp,
    "iptc": _same("iptc"),
    "dpi": _same("dpi"),
    "texts": _same("texts"),
    "comment": _same("comment"),
}
