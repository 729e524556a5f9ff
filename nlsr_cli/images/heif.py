"""What the boxes of an AVIF or HEIC say of the picture that is shown (HEIF: ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.containers import items
from nlsr_cli.images.containers.isobmff import Box, Item, Media, parse
from nlsr_cli.images.orientation import TURNS
from nlsr_cli.images.picture import Pixels

CODED = ("hvc1", "av01", "grid", "iden", "iovl")
XMP_TYPE = "application/rdf+xml"
NONSENSE_NOTE = "The clean aperture of the file makes no sense and is ignored."


@dataclass(frozen=True)
class Still:
    """The picture that an AVIF or HEIC shows: `main` is its item, `kept` are the items that hold its samples."""

    media: Media
    main: Item | None
    roles: dict[int, str]

    @cached_property
    def kept(self) -> tuple[Item, ...]:
        """Return the items of colour and alpha, with the tiles that they are made of."""
        return tuple(self.media.items[number] for number, role in self.roles.items() if role in items.KEPT)

    @property
    def alpha(self) -> bool:
        """Say whether an auxiliary picture is its alpha."""
        return items.ALPHA in self.roles.values()

    def coded(self, name: str, length: int) -> list[bytes]:
        """Return the beginnings of the properties that say how the samples are coded: one for each item that is."""
        found = [box for item in self.kept for box in item.properties if box.name == name]
        bodies = (self.media.body(box, 32) for box in dict.fromkeys(found))
        return [body for body in bodies if len(body) >= length]

    @property
    def unreadable(self) -> str:
        """Return the four letters of a coding other than HEVC or AV1 that samples have, or ""."""
        kind = next((item.kind for item in self.kept if item.kind not in CODED), "")
        return "".join(letter if letter.isprintable() else "?" for letter in kind)

    @property
    def pictures(self) -> int:
        """Return the number of pictures that stand beside each other in the file."""
        beside = (self.media.items[number] for number, role in self.roles.items() if role == items.OTHER)
        return 1 + sum(item.kind in items.PICTURES and items.stands_alone(self.media, item) for item in beside)

    @property
    def size(self) -> tuple[int, int] | None:
        """Return (height, width) as shown, if it is stated."""
        stored = self.stored
        return None if stored is None else self.upright(_unreal(stored)).shape

    @property
    def stored(self) -> tuple[int, int] | None:
        """Return (height, width) as coded, if it is stated."""
        body = self._first("ispe", 12)
        if len(body) < 12:
            return None
        width, height = struct.unpack_from(">II", body, 4)
        return (height, width) if width and height else None

    @property
    def colours(self) -> Colours | None:
        """Return what the file states by numbers, where it has no profile."""
        boxes = [self.media.body(box, 12) for box in self._colour_boxes()]
        nclx = next((body for body in boxes if body[:4] == b"nclx" and len(body) >= 8), None)
        if nclx is None or any(body[:4] in (b"prof", b"rICC") for body in boxes):
            return None
        return Colours(codes=(*struct.unpack_from(">HH", nclx, 4), True))  # the decoder has seen to the range

    @property
    def icc(self) -> bytes | None:
        """Return the colour profile, if there is one."""
        bodies = (self.media.body(box) for box in self._colour_boxes())
        return next((body[4:] for body in bodies if body[:4] in (b"prof", b"rICC") and len(body) > 4), None)

    @property
    def exif(self) -> bytes | None:
        """Return the TIFF structure of its EXIF item (ISO/IEC 23008-12, A.2.1), if there is one."""
        for number, role in self.roles.items():
            item = self.media.items[number]
            if role == items.METADATA and item.kind == "Exif":
                return _tiff_of(self.media.content(item))
        return None

    @property
    def xmp(self) -> bytes | None:
        """Return its XMP packet, if there is one."""
        for number, role in self.roles.items():
            item = self.media.items[number]
            if role == items.METADATA and (item.kind, item.content) == ("mime", XMP_TYPE):
                return self.media.content(item) or None
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the file states of the picture that cannot be followed."""
        body = self._first("pasp", 8)
        shape = struct.unpack(">II", body) if len(body) == 8 else (1, 1)
        notes = []
        if shape[0] != shape[1] and all(shape):
            notes.append(f"The file says that its pixels are not square ({shape[0]} : {shape[1]}); this is left out.")
        if self.stored is not None and self._turned(_unreal(self.stored))[1]:
            notes.append(NONSENSE_NOTE)
        return tuple(notes)

    @property
    def orientation(self) -> int:
        """Return the EXIF orientation (CIPA DC-008, tag 274) that turns as the rotations and mirrorings do together."""
        square = np.arange(4, dtype=np.uint8).reshape(2, 2)
        shown = square
        for box in self._properties():
            shown = _turned_by(box.name, self.media.body(box, 1), shown)
        return next(code for code, turn in TURNS.items() if np.array_equal(turn(square), shown))

    def upright(self, pixels: Pixels) -> Pixels:
        """Return coded pixels, (h, w) or (h, w, c), as they are shown: cropped, turned and mirrored in the order in
        which the file lists that (ISO/IEC 23008-12, 6.5.1).
        """
        return self._turned(pixels)[0]

    def _turned(self, pixels: Pixels) -> tuple[Pixels, bool]:
        """Return pixels as they are shown, and whether a crop makes no sense."""
        wrong = False
        for box in self._properties():
            body = self.media.body(box, 32)
            pixels = _turned_by(box.name, body, pixels)
            if box.name == "clap" and len(body) == 32:
                place = aperture(body, *pixels.shape[:2])
                wrong = wrong or place is None
                pixels = pixels if place is None else pixels[place]
        return pixels, wrong

    def _properties(self) -> tuple[Box, ...]:
        return () if self.main is None else self.main.properties

    def _named(self, name: str) -> list[Box]:
        return [box for box in self._properties() if box.name == name]

    def _colour_boxes(self) -> list[Box]:
        """Return what is said of the colours of the picture, or else of the tiles that it is made of."""
        tiles = (item for item in self.kept if self.roles[item.number] == items.PRIMARY)
        rows = (self._named("colr"), *([box for box in item.properties if box.name == "colr"] for item in tiles))
        return next((row for row in rows if row), [])

    def _first(self, name: str, limit: int) -> bytes:
        return next((self.media.body(box, limit) for box in self._named(name)), b"")


def _turned_by(name: str, body: bytes, pixels: Pixels) -> Pixels:
    """Return pixels turned by irot or imir; another property changes nothing."""
    if name == "irot" and body:
        return np.rot90(pixels, body[0] & 3)  # anticlockwise, as the angle of irot is
    if name == "imir" and body:
        return pixels[:, ::-1] if body[0] & 1 else pixels[::-1]
    return pixels


def still_of(data: bytes) -> Still:
    """Return the picture that an AVIF or HEIC shows.

    Raises:
        ValueError: it has too many boxes, items, properties or references.
    """
    media = parse(data)
    return Still(media, items.main_item(media), items.roles(media))


def aperture(body: bytes, height: int, width: int) -> tuple[slice, slice] | None:
    """Return the rows and columns of a clap box (ISO/IEC 14496-12, 12.1.4), None where it does not fit the picture.

    Its offset is that of its centre from the centre of the picture. MIAF (7.3.6.7) wants whole pixels; others are
    rounded as libheif does: the edge down, the size to the nearest.
    """
    numbers = struct.unpack(">IIIIiIiI", body)
    if not all(numbers[1::2]):
        return None
    across, down, right, below = (Fraction(*numbers[at : at + 2]) for at in (0, 2, 4, 6))
    slices = []
    for size, offset, whole in ((down, below, height), (across, right, width)):
        start = offset + Fraction(whole - 1, 2) - (size - 1) / 2
        first = start.__floor__()
        last = first + round(size)
        if first < 0 or last > whole or last <= first:
            return None
        slices.append(slice(first, last))
    return slices[0], slices[1]


def _unreal(size: tuple[int, int]) -> Pixels:
    """Return an array of this shape that takes no memory."""
    return np.broadcast_to(np.uint8(0), size)


def _tiff_of(block: bytes) -> bytes | None:
    """Return what follows the offset that an EXIF item begins with; some writers state a wrong one."""
    start = 4 + int.from_bytes(block[:4], "big")
    for place in (start, 4, 10, 0):
        if block[place : place + 4] in (b"II*\0", b"MM\0*"):
            return block[place:]
    return block[start:] or None
