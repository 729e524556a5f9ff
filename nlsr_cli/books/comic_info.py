"""ComicInfo.xml, what readers of comic books know of one: the sizes of pages in it follow the pages.

It is text for people's tools, and stays as it is but for these numbers, byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAME = "ComicInfo.xml"
# To the next < at most, so that it takes linear time.
_PAGE = re.compile(rb"<Page\b(?:[^<>\"']|\"[^<\"]*\"|'[^<']*')*>")
_NUMBERS = re.compile(rb"(?<=\s)(ImageWidth|ImageHeight|ImageSize|Image)(\s*=\s*[\"'])\s*(-?\d{1,15})\s*(?=[\"'])")
_SIZES = (b"ImageWidth", b"ImageHeight", b"ImageSize")


@dataclass(frozen=True)
class Measures:
    """Size of a page in pixels, and of its file in bytes."""

    width: int
    height: int
    size: int

    def number(self, name: bytes) -> int:
        """Return what an attribute says of it."""
        return {b"ImageWidth": self.width, b"ImageHeight": self.height, b"ImageSize": self.size}[name]


def says_sizes(data: bytes) -> bool:
    """Tell whether it says sizes of pages."""
    return any(name in tag for tag in _PAGE.findall(data) for name in _SIZES)


def with_sizes(
    data: bytes, orders: Sequence[Sequence[str]], before: Mapping[str, Measures], after: Mapping[str, Measures]
) -> bytes | None:
    """Return the file with the sizes of the enlarged pages, or None where its sizes are not those of the book's pages.

    Args:
        data: the file.
        orders: the names of all pages in the orders that readers may number them in; the first that fits counts.
        before: the pages as they were; one that is missing fits anything.
        after: those that were enlarged.
    """
    if not _PAGE.search(data):  # in another encoding, for example
        return None
    for order in orders:
        if all(_fits(tag, order, before) for tag in _PAGE.findall(data)):
            return _PAGE.sub(lambda found, order=order: _written(found[0], order, after), data)  # type: ignore[misc]
    return None


def _page(tag: bytes, order: Sequence[str]) -> str | None:
    """Return which page a tag is of; None where there is no such page."""
    number = next((int(value) for name, _, value in _NUMBERS.findall(tag) if name == b"Image"), -1)
    return order[number] if 0 <= number < len(order) else None


def _fits(tag: bytes, order: Sequence[str], before: Mapping[str, Measures]) -> bool:
    page = _page(tag, order)
    stated = [(name, int(value)) for name, _, value in _NUMBERS.findall(tag) if name in _SIZES]
    if page is None:
        return not stated
    return page not in before or all(before[page].number(name) == value for name, value in stated)


def _written(tag: bytes, order: Sequence[str], after: Mapping[str, Measures]) -> bytes:
    page = _page(tag, order)
    if page not in after or page is None:
        return tag
    new = after[page]

    def number(found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] == b"Image" else found[1] + found[2] + str(new.number(found[1])).encode()

    return _NUMBERS.sub(number, tag)
