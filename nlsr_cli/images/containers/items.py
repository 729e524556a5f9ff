"""The parts of an ISO base media file: what each item is to the picture that is shown, and which bytes are whose."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from nlsr_cli.images.containers.isobmff import Box, Item, Media, boxes
from nlsr_cli.images.parts import GAP, TRAILER, Part

HEAD = 64
PRIMARY, ALPHA, THUMBNAIL, OTHER, HIDDEN = "primary", "alpha", "thumbnail", "other", "hidden"
METADATA, REPEATED, ELSEWHERE = "metadata", "metadata again", "elsewhere"
GAIN_MAP, RECIPE = "gain map", "gain map recipe"
KEPT = (PRIMARY, ALPHA)
ALPHA_KINDS = ("auxiliary:alpha", ":auxid:1")  # ends of the names of the kind of an auxiliary picture
PICTURES = (
    "hvc1",
    "hev1",
    "lhv1",
    "av01",
    "avc1",
    "vvc1",
    "jpeg",
    "j2k1",
    "unci",
    "mski",
    "grid",
    "iden",
    "iovl",
    "tmap",
)
WORDS = ("Exif", "mime", "uri ")
PADDING = "padding"


def main_item(media: Media) -> Item | None:
    """Return the item that is shown: the primary one, or of a tone-mapped one (ISO 21496-1) its base picture."""
    item = media.items.get(media.primary or 0)
    if item is not None and item.kind == "tmap":
        base = media.references.get(("dimg", item.number), [])
        return media.items.get(base[0]) if base else None
    return item


def auxiliary_kind(media: Media, item: Item) -> str:
    """Return the name of the kind of an auxiliary picture, from its auxC property, or ""."""
    box = next((box for box in item.properties if box.name == "auxC"), None)
    return "" if box is None else media.body(box, 260)[4:].split(b"\0")[0].decode("utf-8", "replace")


def roles(media: Media) -> dict[int, str]:
    """Return what each item is to the picture that is shown: `PRIMARY` itself and the tiles that it is made of, an
    auxiliary picture by its kind, and so on; pictures beside it, with all that belongs to them, are `OTHER`.
    """
    found: dict[int, str] = {}
    main = main_item(media)
    if main is not None:
        _spread(media, main.number, PRIMARY, found)
        for number in media.referrers.get(("auxl", main.number), []):
            _spread(media, number, _auxiliary_role(media, number), found)
        for number in media.referrers.get(("dimg", main.number), []):
            if number in media.items and media.items[number].kind == "tmap":
                found[number] = RECIPE
                for target in media.references[("dimg", number)]:
                    _spread(media, target, GAIN_MAP, found)
        for number in media.referrers.get(("thmb", main.number), []):
            _spread(media, number, THUMBNAIL, found)
    read: set[tuple[str, str]] = set()
    for number, item in media.items.items():
        if number not in found:
            hidden = item.hidden and stands_alone(media, item)
            other = HIDDEN if hidden else OTHER
            found[number] = _word_role(media, item, found, read) if item.kind in WORDS else other
    return found


def _word_role(media: Media, item: Item, found: dict[int, str], read: set[tuple[str, str]]) -> str:
    """Return the role of metadata: of each kind, the first that describes the main picture counts."""
    described = media.references.get(("cdsc", item.number), [])
    if described and not any(found.get(at) in (PRIMARY, RECIPE) for at in described):
        return ELSEWHERE
    key = item.kind, item.content
    role = REPEATED if key in read else METADATA
    read.add(key)
    return role


def stands_alone(media: Media, item: Item) -> bool:
    """Say whether an item is no part of another, and not attached to one."""
    part = media.referrers.get(("dimg", item.number))
    return not (part or any(media.references.get((kind, item.number)) for kind in ("auxl", "thmb")))


def _auxiliary_role(media: Media, number: int) -> str:
    item = media.items.get(number)
    kind = auxiliary_kind(media, item) if item else ""
    if kind.endswith(ALPHA_KINDS):
        return ALPHA
    return GAIN_MAP if kind.endswith(":hdrgainmap") else f"auxiliary {kind}"


def _spread(media: Media, number: int, role: str, found: dict[int, str]) -> None:
    """Give a role to an item and to the items that it is made of; a thing that is left out takes what belongs to it."""
    waiting = [number]
    while waiting:
        at = waiting.pop()
        if at in found or at not in media.items:
            continue
        found[at] = role
        waiting += media.references.get(("dimg", at), [])
        if role not in KEPT:
            waiting += media.referrers.get(("auxl", at), []) + media.referrers.get(("thmb", at), [])


def parts(media: Media, known: dict[int, str]) -> Iterator[Part]:
    """Yield all parts of a file whose items have these roles, whatever is wrong with it: each byte belongs to one.

    Names are those of the boxes; of what an item holds its kind and role ("hvc1 primary"), of a property, a reference
    and a group the word before it ("property clap", "reference thmb"), of a sequence its brand ("moov of avis").
    """
    listed = ((number, media.items[number], role) for number, role in known.items())
    names = {number: f"{f'{item.kind} {item.content}'.strip()} {role}" for number, item, role in listed}
    walk = _Walk(media, names)
    for box in media.boxes:
        yield from walk.outer(box)
    yield from walk.rest(media.boxes[-1].stop if media.boxes else 0, len(media.data), TRAILER)


class _Walk:
    """One walk over the boxes of a file whose items are known."""

    def __init__(self, media: Media, names: dict[int, str]) -> None:
        self.media = media
        self.names = names
        spans = [(*extent, names[item.number]) for item in media.items.values() for extent in item.extents]
        self.spans = sorted(spans)
        self.starts = [span[0] for span in self.spans]
        infos = {item.box.start: names[item.number] for item in media.items.values()}
        owned: dict[int, str] = {}
        for item in media.items.values():
            kept = names[item.number].endswith(KEPT)
            for box in item.properties:
                owned[box.start] = "" if kept else owned.get(box.start, " elsewhere")
        self.infos, self.owned = infos, owned
        sequence = any(box.name in ("moov", "moof") for box in media.boxes)
        self.left = f"samples of {media.brand}" if sequence else GAP

    def outer(self, box: Box) -> Iterator[Part]:
        if box.name == "meta":
            yield from self._meta(box)
        elif box.name == "mdat":
            yield from self._filled(box)
        elif box.name in ("moov", "moof"):
            yield self._part(f"{box.name} of {self.media.brand}", box)
        else:
            yield self._part(box.name, box)

    def _meta(self, box: Box) -> Iterator[Part]:
        plain = self.media.data[box.body + 4 : box.body + 8] == b"hdlr"
        openings = {"iinf": self._infos, "iprp": self._properties, "iref": self._references, "grpl": self._groups}
        at = min(box.body + (0 if plain else 4), box.stop)
        yield self._header(box, at)
        for child in self._children(at, box.stop):
            if child.name in openings:
                yield from openings[child.name](child)
            elif child.name == "idat":
                yield from self._filled(child)
            else:
                yield self._part(f"meta {child.name}", child)
            at = child.stop
        yield from self.rest(at, box.stop, GAP)

    def _infos(self, box: Box) -> Iterator[Part]:
        wide = self.media.data[box.body : box.body + 1] != b"\0"
        return self._row(box, 8 if wide else 6, lambda child: self.infos.get(child.start, f"item entry {child.name}"))

    def _references(self, box: Box) -> Iterator[Part]:
        return self._row(box, 4, lambda child: f"reference {child.name}")

    def _groups(self, box: Box) -> Iterator[Part]:
        return self._row(box, 0, lambda child: f"group {child.name}")

    def _properties(self, box: Box) -> Iterator[Part]:
        yield self._header(box, box.body)
        at = box.body
        for child in self._children(at, box.stop):
            if child.name == "ipco":
                yield from self._row(child, 0, self._property_name)
            else:
                yield self._part(f"meta {child.name}", child)
            at = child.stop
        yield from self.rest(at, box.stop, GAP)

    def _property_name(self, box: Box) -> str:
        return f"property {box.name}{self.owned.get(box.start, ' elsewhere')}"

    def _row(self, box: Box, skipped: int, named: Callable[[Box], str]) -> Iterator[Part]:
        """Yield the header of a box and its children, whose content begins `skipped` bytes in."""
        at = min(box.body + skipped, box.stop)
        yield self._header(box, at)
        for child in self._children(at, box.stop):
            yield self._part(named(child), child)
            at = child.stop
        yield from self.rest(at, box.stop, GAP)

    def _children(self, start: int, stop: int) -> Iterable[Box]:
        return boxes(self.media.data, start, stop)

    def _filled(self, box: Box) -> Iterator[Part]:
        """Yield the header of a box, the pieces of items in it, and what lies between them."""
        yield self._header(box, box.body)
        at = box.body
        for start, stop, name in self.spans[bisect_left(self.starts, at) :]:
            if start >= box.stop:
                break
            first, last = max(start, at), min(stop, box.stop)
            yield from self.rest(at, first, self.left)
            if first < last:
                yield Part(name, first, last - first, self.media.data[first : min(last, first + HEAD)])
            at = max(at, last)
        yield from self.rest(at, box.stop, self.left)

    def rest(self, start: int, stop: int, name: str) -> Iterator[Part]:
        """Yield what lies between two places, if anything does; zeros are padding."""
        if start < stop:
            name = name if self.media.data[start:stop].strip(b"\0") else PADDING
            yield Part(name, start, stop - start, self.media.data[start : min(stop, start + HEAD)])

    def _header(self, box: Box, stop: int) -> Part:
        return Part(f"{box.name} header", box.start, stop - box.start)

    def _part(self, name: str, box: Box) -> Part:
        return Part(name, box.start, box.stop - box.start, self.media.data[box.body : min(box.stop, box.body + HEAD)])
