"""The pages of a TIFF, each as the file that it makes alone: what reads single pictures reads it."""

from __future__ import annotations

import struct
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import DAMAGED_HINT
from nlsr_cli.images.containers import tiff, tiff_pages
from nlsr_cli.images.formats import HEAD_SIZE, identified
from nlsr_cli.images.formats.tiff import TIFF
from nlsr_cli.images.formats.tiff_parts import rule_of
from nlsr_cli.images.loading import largest, reading, too_long
from nlsr_cli.images.on_disk import OnDisk
from nlsr_cli.images.parsed import PageKind
from nlsr_cli.images.parts import account, loss_notes
from nlsr_cli.storing import collected


@dataclass(frozen=True)
class Page:
    """A page as a file of its own. `kind` says whether the other pages are kept with it ("bound") or not ("alone")."""

    data: bytes
    kind: PageKind


class Pages:
    """The pages of a file, numbered from 1. A file that is no TIFF, or holds a single picture, is its own only page.

    Args:
        source: a regular file, or its bytes.
        label: what messages call it.

    Raises:
        ImageReadError: it cannot be opened.
    """

    def __init__(self, source: Path | bytes, label: str) -> None:
        self._label, self._open = label, ExitStack()
        with reading(label):
            self._data = source if isinstance(source, bytes) else self._open.enter_context(OnDisk(source))

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def leaves(self) -> tuple[tiff_pages.Leaf, ...]:
        """Return where the pages lie; none where the file is its own only page.

        Raises:
            ImageReadError: it cannot be read.
        """
        with reading(self._label):
            if not TIFF.sniff(self._data[:HEAD_SIZE]) or identified(self._data) != TIFF.name:
                return ()
            try:
                found = tiff_pages.leaves(self._data)
            except (ValueError, struct.error):  # which reading it explains
                return ()
        return found if len(found) > 1 else ()

    @property
    def count(self) -> int:
        """Return how many pages there are."""
        return max(len(self.leaves), 1)

    def leaf(self, number: int) -> tiff_pages.Leaf | None:
        """Return where a page lies; None where the file is its own only page.

        Raises:
            ImageReadError: there is no such page, or the file cannot be read.
        """
        if number <= self.count:
            return self.leaves[number - 1] if self.leaves else None
        if not self.leaves:
            raise ImageReadError(self._label, f"has a single page, so there is no page {number}", "Omit --page.")
        hint = f"Choose from --page 1 to --page {self.count}."
        raise ImageReadError(self._label, f"has {self.count} pages, so there is no page {number}", hint)

    @property
    def counted(self) -> bool:
        """Tell whether these are all."""
        return sum(len(leaf.directories) for leaf in self.leaves) < tiff.MAX_PAGES

    def excerpt(self, leaf: tiff_pages.Leaf, name: str, max_pixels: int) -> bytes:
        """Return the file that a page makes, which messages call `name`.

        Raises:
            ImageReadError: it cannot be read, or is larger than any of `max_pixels` pixels.
        """
        with reading(self._label):
            try:
                page = tiff_pages.Excerpt(self._data, leaf)
                if page.size > largest(max_pixels):
                    raise too_long(name, f"has {page.size} bytes", max_pixels)
                return collected(page.pieces())[0]
            except (ValueError, struct.error) as exc:
                raise ImageReadError(name, "is truncated or damaged: its header makes no sense", DAMAGED_HINT) from exc

    @property
    def losses(self) -> tuple[str, ...]:
        """Return a note for what lies in a file of several pages and belongs to none."""
        if not self.leaves:
            return ()
        with reading(self._label):
            try:
                parts = list(tiff_pages.strays(self._data, self.leaves))
            except (ValueError, struct.error):
                return ()
        return tuple(loss_notes(account(parts, rule_of), ""))
