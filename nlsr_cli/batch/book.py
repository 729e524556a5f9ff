"""What comes and goes out in pages, a comic book or a TIFF: each page is a job, and what came of them is bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from nlsr_cli.errors import ImageReadError, NlsrError

if TYPE_CHECKING:
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.source import Source
    from nlsr_cli.storing import Pieces
    from nlsr_cli.upscaling.route import Route


@dataclass(frozen=True)
class Contents:
    """What a plan knows of a book: its kind, how many pages it has, and of the first that can be read, its pixels and
    its way.
    """

    kind: Literal["CBZ", "TIFF"]
    pages: int
    first: int
    route: Route

    @property
    def pixels(self) -> int:
        """Return about how many pixels all pages have."""
        return self.pages * self.first


class Book(Protocol):
    """An open book, a context manager."""

    @property
    def pages(self) -> Mapping[str, Source]:
        """Return where its pages come from, in their order, by the names that notes give them."""
        ...

    @property
    def keeps(self) -> bool:
        """Tell whether a page that cannot be enlarged stays in it as it was."""
        ...

    def __enter__(self) -> Book: ...

    def __exit__(self, *error: object) -> None: ...

    def bound(self, outcomes: Mapping[str, Outcome]) -> Pieces:
        """Yield the bytes of the book that the pages make whose outcomes these are.

        Raises:
            NlsrError: the book cannot be read.
            OSError: a page cannot be read.
        """
        ...


def none_readable(book: Path, pages: int, first: NlsrError | None) -> ImageReadError:
    """Return the error for a book of which no page can be enlarged; `first` is what is wrong with the first one."""
    why = f"; the first: {first.message}" if first is not None else ""
    return ImageReadError(book, f"none of its {pages} pages can be enlarged{why}", first.hint if first else "")
