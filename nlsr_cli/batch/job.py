"""A job: one picture, where it comes from and goes to, and all that decides about it. It can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field

from nlsr_cli.batch.book import Contents
from nlsr_cli.batch.sink import Sink
from nlsr_cli.batch.source import Source
from nlsr_cli.errors import NlsrError
from nlsr_cli.images import Header
from nlsr_cli.images.formats import is_moving
from nlsr_cli.options import UpscaleOptions
from nlsr_cli.upscaling.route import Route


@dataclass(frozen=True)
class Job:
    """One input and what is to become of it. `error` says why nothing will; `skip` that the output is there already.

    `format` "" is that of the picture. `route` says through which networks it goes to which size; None where it is not
    known before the picture is read. `options` are those of the whole call. `book` is what is known of a comic book,
    whose pages get `format`; it has no header and no route, as each page has its own.
    """

    source: Source
    sink: Sink
    format: str = ""
    header: Header | None = None
    error: NlsrError | None = None
    skip: bool = False
    route: Route | None = None
    options: UpscaleOptions = field(default_factory=UpscaleOptions)
    book: Contents | None = None

    @property
    def foreseen(self) -> Route | None:
        """Return the route as far as it is known: of a book, that of its first page."""
        return self.route if self.book is None else self.book.route

    @property
    def pixels(self) -> int:
        """Return how many pixels there are to enlarge, of a book roughly; 0 where nothing is known."""
        if self.book is not None:
            return self.book.pixels
        return self.header.height * self.header.width if self.header is not None else 0

    @property
    def frames(self) -> int:
        """Return how many frames are read and written, as far as the header is known."""
        return self.header.frames if self.header is not None and self.moves else 1

    @property
    def moves(self) -> bool:
        """Tell whether every frame of the source is read and written, as far as its header is known."""
        return self.header is not None and is_moving(self.header.format) and is_moving(self.format)
