"""What AVIF and HEIC share: the brands by which each is known (ISO/IEC 14496-12, 4.3), and what becomes of their parts
(ISO/IEC 23008-12, MIAF: ISO/IEC 23000-22, gain maps: ISO 21496-1).
"""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.containers import items
from nlsr_cli.images.containers.items import (
    ALPHA,
    ELSEWHERE,
    GAIN_MAP,
    HIDDEN,
    METADATA,
    OTHER,
    PADDING,
    PICTURES,
    PRIMARY,
    RECIPE,
    THUMBNAIL,
)
from nlsr_cli.images.heif import Still, still_of
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import CARRIED, HEAD, REPLACED, REWRITTEN, Accounted, Fate, Part, Rule, account, dropped

CODINGS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
}
OF_ANY_CODING = (b"mif1", b"mif2", b"miaf", b"msf1")


def coding_of(head: bytes) -> str | None:
    """Return the format of a file that begins with `head`: its own brand counts first, then compatible ones."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    for group in (brands[:1], brands):
        for coding, names in CODINGS.items():
            if any(brand in names for brand in group):
                return coding
    return "HEIC" if any(brand in OF_ANY_CODING for brand in brands) else None


C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
CREDENTIALS, GAIN_MAP_WORDS, DEPTH = "content credentials (C2PA)", "the gain map (HDR)", "the depth map"
QUIET = Rule(Fate.DROPPED, quiet=True)

# The skeleton of the file, and what belongs to the coding of samples.
SKELETON = {"ftyp", "styp", "free", "skip", "wide", "mdat header", "idat header", "meta header", PADDING}
SKELETON |= {f"meta {name}" for name in ("hdlr", "pitm", "iloc", "ipma", "dinf", "free", "skip")}
SKELETON |= {f"{name} header" for name in ("iinf", "iprp", "ipco", "iref", "grpl")}
SKELETON |= {f"reference {name}" for name in ("dimg", "auxl", "thmb", "cdsc", "prem", "base", "tbas", "exbl", "fdel")}
SKELETON |= {"group altr", "group eqiv", "group tsyn", "group brst", "group albc", "group favc"}
CODING = {"ispe", "pixi", "av1C", "a1op", "a1lx", "lsel", "hvcC", "lhvC", "oinf", "tols", "avcC", "vvcC", "jpgC"}
CODING |= {"j2kH", "uncC", "cmpd", "cpat", "auxC", "rloc", "rref", "rrtp", "free", "skip"}
SHOWN = {"colr": CARRIED, "irot": REWRITTEN, "imir": REWRITTEN, "clap": REWRITTEN}
# The shape of pixels has a note of its own, with its numbers.
SAID = {"pasp": QUIET, "udes": dropped("the description of the picture (udes)")}
SAID |= {name: dropped("HDR mastering data") for name in ("clli", "mdcv", "cclv", "amve", "reve", "ndwt")}
SAID |= {name: dropped("item timestamps") for name in ("crtt", "mdft")}
SAID |= {name: dropped("bracketing data") for name in ("aebr", "wbbr", "fobr", "afbr", "dobr")}
SAID |= {name: dropped("camera calibration") for name in ("cmin", "cmex")}
SAID |= {"altt": dropped("the alternative text (altt)"), "iscl": dropped("the scaling of the picture (iscl)")}
KNOWN = CODING | set(SHOWN) | set(SAID)

# Ends of the names that auxiliary pictures give their kind.
AUXILIARY = {
    "auxiliary:depth": dropped(DEPTH),
    ":auxid:2": dropped(DEPTH),
    "aux:disparity": dropped(DEPTH),
    "aux:portraiteffectsmatte": dropped("the portrait matte"),
    "matte": dropped("segmentation mattes"),
    "aux:styledeltamap": dropped("the photographic style map"),
    "aux:linearthumbnail": REPLACED,
}
ROLES = {
    **dict.fromkeys((PRIMARY, ALPHA, THUMBNAIL), REPLACED),
    **dict.fromkeys((OTHER, ELSEWHERE), QUIET),  # the number of pictures is told, and metadata elsewhere is theirs
    **dict.fromkeys((GAIN_MAP, RECIPE), dropped(GAIN_MAP_WORDS)),
    HIDDEN: dropped("hidden pictures"),
}
OUTER = {
    "mpvd": dropped("the video of a motion photo"),
    "jumb": dropped(CREDENTIALS),
    "group ster": dropped("the pairing of stereo pictures"),
    "moov of avis": QUIET,  # the number of its frames is told
    "moof of avis": QUIET,
    "samples of avis": QUIET,
}


def rule(part: Part) -> Rule | None:
    """Return the fate of a part of an ISO base media file, or None for a part that nobody knows."""
    name = part.name
    if name in SKELETON:
        return REPLACED
    if name in OUTER:
        return OUTER[name]
    if name.startswith("property "):
        return _property(name.removeprefix("property "))
    if name == "uuid":
        return dropped(CREDENTIALS) if part.head.startswith(C2PA_UUID) else None
    if name.startswith(("moov of", "moof of", "samples of")):
        return dropped("a video or an image sequence")
    return _item(name)


def _property(name: str) -> Rule | None:
    if name.endswith(f" {ELSEWHERE}"):
        return REPLACED if name.removesuffix(f" {ELSEWHERE}") in KNOWN else None
    if name in CODING:
        return REPLACED
    return SHOWN.get(name) or SAID.get(name)


def _item(name: str) -> Rule | None:
    kind, _, role = name.partition(" ")
    if role in (OTHER, HIDDEN) and kind not in PICTURES:
        return None
    if role.endswith(f" {ELSEWHERE}"):
        role = ELSEWHERE
    if role in ROLES:
        return ROLES[role]
    if role.startswith("auxiliary"):
        unknown = dropped("auxiliary pictures of an unknown kind")
        return next((fate for end, fate in AUXILIARY.items() if role.endswith(end)), unknown)
    carried = (kind, role) == ("Exif", METADATA) or (kind == "mime" and role == f"application/rdf+xml {METADATA}")
    return CARRIED if carried else None


class Heif(Parsed):
    """An ISO base media file that shows a picture."""

    part = "container part"

    @cached_property
    def still(self) -> Still:
        """Return the picture that it shows; raise ValueError where its boxes are countless."""
        return still_of(self.data)

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            still = self.still
        except ValueError:
            return account([Part("boxes without end", 0, len(self.data), self.data[:HEAD])], rule)
        return account(items.parts(still.media, still.roles), rule)
