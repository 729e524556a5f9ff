"""What becomes of each part of a JPEG file: its segments, and the pictures, videos and records behind it.

Which application segments there are is told by ITU-T T.81 and T.86, JFIF, CIPA DC-008 and DC-007, the XMP and C2PA
specifications, ISO 21496-1, and for those of manufacturers by ExifTool's documentation ("JPEG Tags").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nlsr_cli.images import gain_map
from nlsr_cli.images.containers import jpeg, mpf, samsung
from nlsr_cli.images.metadata import companions, rdf
from nlsr_cli.images.metadata.jpeg import EXTENDED_HEAD, PHOTOSHOP_HEAD, XMP_HEAD, read_words
from nlsr_cli.images.parts import CARRIED, GAP, REPLACED, REWRITTEN, TRAILER, Part, Rule, dropped

DEPTH, MANIFEST = dropped("a depth map"), dropped("content credentials (C2PA)")
MOTION = dropped("the video of a motion photo")
THUMBNAIL = dropped("a thumbnail in the JFIF header")
FLASHPIX, THERMAL = dropped("FlashPix data"), dropped("thermal data")
SECOND_XMP, SECOND_EXIF = dropped("a second XMP packet"), dropped("a second block of EXIF data")
LATE = dropped("metadata after the first scan")

# What a decoder uses up, and an encoder makes anew.
CODING = frozenset(
    {"SOI", "EOI", "SOS", "samples", "fill bytes", "DQT", "DHT", "DAC", "DNL", "DRI", "TEM", jpeg.PADDING}
    | {f"SOF{number}" for number in range(16)}
    | {f"RST{number}" for number in range(8)}
)
# By the segment and how its content begins. Makers' own data is named by the maker.
KNOWN: tuple[tuple[str, bytes, Rule], ...] = (
    ("APP0", b"JFXX\0", THUMBNAIL),
    ("APP0", b"AVI1", REPLACED),
    ("APP0", b"II", dropped("Canon's camera data (CIFF)")),
    ("APP0", b"MM", dropped("Canon's camera data (CIFF)")),
    ("APP1", b"FLIR\0", THERMAL),
    ("APP1", b"PARROT\0", THERMAL),
    ("APP1", b"QVCI\0", dropped("Casio's camera data")),
    ("APP2", b"ICC_PROFILE\0", CARRIED),
    ("APP2", mpf.HEAD, REPLACED),
    ("APP2", gain_map.ISO_HEAD, REPLACED),
    ("APP2", b"FPXR\0", FLASHPIX),
    ("APP3", b"Meta\0\0", dropped("Kodak's camera data (Meta)")),
    ("APP3", b"META\0\0", dropped("Kodak's camera data (Meta)")),
    ("APP3", b"Exif\0\0", dropped("Kodak's camera data (Meta)")),
    ("APP3", b"_JPSJPS_", dropped("the layout of a stereo picture (JPS)")),
    ("APP4", b"SCALADO\0", dropped("Scalado's index of the picture")),
    ("APP4", b"FPXR\0", FLASHPIX),
    ("APP5", b"RMETA\0", dropped("Ricoh's camera data")),
    ("APP5", b"ssuniqueid\0", dropped("Samsung's shot identifier")),
    ("APP6", b"EPPIM\0", dropped("print instructions (PIM)")),
    ("APP6", b"NITF\0", dropped("NITF data")),
    ("APP6", b"NTIF\0", dropped("NITF data")),
    ("APP6", b"TDHD\1\0\0\0", dropped("HP's camera data")),
    ("APP6", b"GoPro\0", dropped("GoPro's camera data")),
    ("APP7", b"PENTAX \0", dropped("Pentax's camera data")),
    ("APP7", b"RICOH\0", dropped("Ricoh's camera data")),
    ("APP7", b"HUAWEI\0", dropped("Huawei's camera data")),
    ("APP7", b"\x1aQualcomm Camera Attributes", dropped("Qualcomm's camera data")),
    ("APP7", b"DJI-DBG\0", dropped("DJI's camera data")),
    ("APP7", b"[ae_dbg_info:", dropped("DJI's camera data")),
    ("APP8", b"SPIFF\0", REPLACED),
    ("APP8", b"SEAL\0", dropped("a signature (SEAL)")),
    ("APP9", b"SEAL\0", dropped("a signature (SEAL)")),
    ("APP9", b"Media Jukebox\0", dropped("Media Jukebox data")),
    ("APP10", b"UNICODE\0", dropped("a comment in Unicode (APP10)")),
    ("APP11", b"HDR_RI ", dropped("HDR data (JPEG-HDR)")),
    ("APP12", b"[picture info]", dropped("camera data (picture info)")),
    ("APP12", b"Type=", dropped("camera data (picture info)")),
    ("APP12", b"ID=", dropped("camera data (picture info)")),
    ("APP13", PHOTOSHOP_HEAD, CARRIED),  # notes tell which of the resources are not
    ("APP13", b"Adobe_CM", REPLACED),
    ("APP14", b"Adobe", REPLACED),
    ("APP15", b"Q ", REPLACED),  # how well GraphicConverter compressed it
    ("COM", b"", CARRIED),
)
BEHIND: tuple[tuple[bytes, Rule], ...] = (
    (b"CANON OPTIONAL DATA\0", dropped("Canon's edits (VRD)")),
    (b"AXS!", dropped("captions (AFCP)")),
    (b"AXS*", dropped("captions (AFCP)")),
    (b"LIVE_", MOTION),
)
SAMSUNG_KINDS = {"MotionPhoto": MOTION, "Depth": DEPTH, "SoundShot": dropped("a sound recording")}
SAMSUNG = dropped("Samsung's data about the shot")
SEMANTICS = {"depth": DEPTH, "depthmap": DEPTH, "confidence": DEPTH, "confidencemap": DEPTH}
SEMANTICS |= {"original": dropped("the original of an edited picture"), "motionphoto": MOTION}
PICTURE = dropped("other pictures in the file")
KINDS = {
    mpf.PANORAMA: dropped("the other pictures of a panorama"),
    mpf.DISPARITY: dropped("the other picture of a stereo pair"),
    mpf.MULTI_ANGLE: dropped("pictures from other angles"),
    **dict.fromkeys(mpf.PREVIEWS, REPLACED),  # in the size of a screen, which the output is looked at without
}
MATTE = dropped("a portrait matte")
AUXILIARY = {"depth": DEPTH, "disparity": DEPTH, "matte": MATTE, "hdrgainmap": dropped("another gain map")}
C2PA_BOX = b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"  # the type of the box of a manifest store


@dataclass(frozen=True)
class Beside:
    """A part behind the first picture: a gain map, or else a thing whose own words give it a rule."""

    part: Part
    gain_map: gain_map.Located | None = None
    rule: Rule | None = None


def beside(first: jpeg.Jpeg) -> Iterator[Beside]:
    """Yield what lies behind the first picture of a file."""
    for part, picture in jpeg.behind(first):
        if picture is None:
            yield Beside(part)
            continue
        packet = read_words(picture).xmp
        located = gain_map.described(picture, packet, part.start + part.size)
        yield Beside(part, located, AUXILIARY["hdrgainmap"] if located is not None else _by_its_words(packet))


class Rules:
    """The rules for the parts of one file, in their order: what counts depends on what came before.

    `further` gives the rules of known parts behind the picture by their places, once that is reached.
    """

    def __init__(self, further: Callable[[], dict[int, Rule]]) -> None:
        self._further = further
        self._scanned = False
        self._ended = False
        self._seen: set[str] = set()
        self._manifests: set[bytes] = set()
        self._behind: dict[int, Rule] = {}

    def __call__(self, part: Part) -> Rule | None:
        """Return the fate of the next part."""
        if self._ended:
            return self._of_what_follows(part)
        if part.name in CODING:
            self._scanned |= part.name == "SOS"
            if part.name == "EOI":
                self._ended = True
                self._behind = self._further()
            return REPLACED
        if part.name == GAP:
            return REPLACED if part.size <= len(part.head) and not part.head.strip(b"\0\xff") else None
        if self._scanned:
            return LATE if part.name == "COM" or part.name.startswith("APP") else None
        return self._of_segment(part)

    def _of_segment(self, part: Part) -> Rule | None:
        special = {"APP0": self._jfif, "APP1": self._app1, "APP11": self._boxes, "APP12": self._ducky}.get(part.name)
        found = special(part) if special else None
        if found is not None:
            return found
        return next((rule for name, head, rule in KNOWN if name == part.name and part.head.startswith(head)), None)

    def _jfif(self, part: Part) -> Rule | None:
        if not part.head.startswith(b"JFIF\0"):
            return None
        return THUMBNAIL if len(part.head) >= 14 and part.head[12] * part.head[13] else REPLACED

    def _app1(self, part: Part) -> Rule | None:
        if part.head.startswith(b"Exif\0"):  # what is too long goes on in a second segment without a header
            whole = part.head[6:10] in (b"II*\0", b"MM\0*")
            return REWRITTEN if self._first("EXIF") or not whole else SECOND_EXIF
        if part.head.startswith(XMP_HEAD):
            return REWRITTEN if self._first("XMP") else SECOND_XMP
        return REWRITTEN if part.head.startswith(EXTENDED_HEAD) else None

    def _first(self, what: str) -> bool:
        first = what not in self._seen
        self._seen.add(what)
        return first

    def _boxes(self, part: Part) -> Rule | None:
        """Return the fate of a JUMBF or JPEG XT box (ISO/IEC 19566-5, annex D; 18477-3, annex B): it may go on in
        further segments of the same number, which do not tell what it is.
        """
        if not part.head.startswith(b"JP"):
            return None
        number = part.head[2:4]
        if C2PA_BOX in part.head:
            self._manifests.add(number)
        if number in self._manifests:
            return MANIFEST
        jumbf = part.head[12:16] == b"jumb"
        return dropped("JUMBF data" if jumbf else "JPEG XT data that refines the samples")

    def _ducky(self, part: Part) -> Rule | None:
        """Return the fate of what Photoshop says when it saves for the web: the quality, rarely more."""
        if not part.head.startswith(b"Ducky"):
            return None
        return REPLACED if part.size <= 4 + 5 + 8 + 2 else dropped("a Photoshop comment (Ducky)")

    def _of_what_follows(self, part: Part) -> Rule | None:
        if part.start in self._behind:
            return self._behind[part.start]
        if part.name.startswith(samsung.PREFIX):
            name = part.name.removeprefix(samsung.PREFIX)
            return (
                REPLACED
                if name == "directory"
                else next((rule for mark, rule in SAMSUNG_KINDS.items() if mark in name), SAMSUNG)
            )
        if part.name in (TRAILER, GAP):
            known = next((rule for head, rule in BEHIND if part.head.startswith(head)), None)
            return known or dropped("data after the picture")
        return {jpeg.PADDING: REPLACED, jpeg.VIDEO: MOTION, jpeg.PICTURE: PICTURE}.get(part.name)


def further(first: jpeg.Jpeg, said: bytes | None, behind: Iterable[Beside]) -> Iterator[tuple[int, Rule]]:
    """Yield the places of what is known behind the first picture, whose XMP is `said`, and what becomes of it."""
    for item in companions.items(said, first.stop):
        if item.semantic.lower() in SEMANTICS:
            yield item.start, SEMANTICS[item.semantic.lower()]
    for entry in _directory(first):
        if entry.kind in KINDS:
            yield entry.start, KINDS[entry.kind]
    kept = next((each for each in behind if each.gain_map is not None), None)
    for each in behind:
        if each.rule is not None:
            yield each.part.start, REWRITTEN if each is kept else each.rule


def _directory(first: jpeg.Jpeg) -> tuple[mpf.Entry, ...]:
    for segment in first.pieces:
        if segment.marker == jpeg.SOS:
            break
        if segment.marker == jpeg.APP2 and first.data.startswith(mpf.HEAD, segment.body):
            return mpf.parse(first.data[segment.body : segment.stop], segment.body)
    return ()


def _by_its_words(packet: bytes | None) -> Rule | None:
    """Return what becomes of a picture behind the first by the XMP that it has, None where that says nothing."""
    try:
        root = rdf.parse((packet or b"").rstrip(b"\0"))
    except ValueError:
        return None
    kinds = " ".join(each.text.lower() for each in root.named({companions.APPLE_KIND}))
    return next((rule for mark, rule in AUXILIARY.items() if mark in kinds), None)
