"""What `nlsr inspect` prints: a few lines for each file, its provenance last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console, printable, size_text
from nlsr_cli.errors import ImageReadError
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.images import Header
    from nlsr_cli.images.inspection import Inspection

MAX_LISTED = 8  # keywords of texts


class InspectionConsole(Console):
    """Prints for `nlsr inspect`."""

    def inspection(self, found: Inspection, *, first: bool) -> None:
        """Print what one file is and says."""
        if self.speech.as_json:
            self.json_line(found.as_json())
            return
        if not first:
            self.line("")
        self.facts([("file", found.path), *_facts(found)])


_GREY = {"L": "grey", "LA": "grey", "I": "grey", "F": "grey", "P": "palette", "PA": "palette"}


def _kind(header: Header) -> str:
    """Return bits and colours in words: `8-bit RGB`, `16-bit grey`."""
    mode, _, bits = header.mode.partition(";")  # the bits that a sample has in the file, where they are others
    if mode == "1":
        return "black and white"
    digits = re.match("[0-9]+", bits)
    return f"{digits[0] if digits else header.depth}-bit {_GREY.get(mode, mode.removesuffix('A'))}"


def _facts(found: Inspection) -> Iterator[tuple[str, object]]:
    header = found.header
    alpha = ", with transparency" if header.has_alpha else ""
    frames = f", {counted(header.frames, 'frame')}" if header.frames > 1 else ""
    frames = frames if found.counted else ", animation whose frames are not counted"
    frames += "" if found.plays is None else f", played {_times(found.plays)}"
    size = size_text((header.height, header.width))
    frames = f", {len(found.pages)} pages" if found.pages else frames
    yield "picture", f"{header.format}, {size}, {_kind(header)}{alpha}{frames}"
    yield from _pages(found)
    yield "size", counted(found.size, "byte")
    yield "pixels", "not checked: only headers and metadata were read"
    yield "profile", found.profile or "none"
    yield "resolution", "none" if found.dpi is None else f"{' × '.join(f'{v:g}' for v in dict.fromkeys(found.dpi))} dpi"
    yield "metadata", ", ".join(_metadata(found)) or "none"
    for note in found.said.notes:
        yield "note", note
    if not found.provenance:
        yield "provenance", "none: the file does not say that nlsr made it"
    for number, step in enumerate(found.provenance, 1):
        yield "provenance", f"enlargement {number} of {len(found.provenance)}"
        for name, value in step.items():
            yield f"  {name}", value


def _pages(found: Inspection) -> Iterator[tuple[str, object]]:
    """Yield what each page is, those that follow each other and are alike together."""
    first = 1
    for said, alike in groupby(map(_page, found.pages)):
        last = first + sum(1 for _ in alike) - 1
        yield f"page {first}" if first == last else f"pages {first} to {last}", said
        first = last + 1


def _page(page: Header | ImageReadError) -> str:
    if isinstance(page, ImageReadError):
        return page.reason
    alpha = ", with transparency" if page.has_alpha else ""
    return f"{size_text((page.height, page.width))}, {_kind(page)}{alpha}"


def _times(plays: int) -> str:
    return "for ever" if plays == 0 else "once" if plays == 1 else f"{plays} times"


def _metadata(found: Inspection) -> Iterator[str]:
    said = found.said
    if found.exif:
        yield "EXIF with thumbnail" if found.thumbnail else "EXIF"
    if said.xmp is not None:
        yield "XMP"
    if said.iptc is not None:
        yield "IPTC"
    if found.gain_map is not None:
        yield f"gain map for HDR ({size_text(found.gain_map)})"
    if said.comment is not None:
        yield "comment"
    if said.texts:
        words = list(dict.fromkeys(printable(keyword) for keyword, _ in said.texts))
        yield f"texts ({', '.join(words[:MAX_LISTED])}{', …' if len(words) > MAX_LISTED else ''})"
