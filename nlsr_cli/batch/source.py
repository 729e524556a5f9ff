"""Where a picture comes from: a file, standard input, bytes or pixels. A source is a value, and can be pickled."""

from __future__ import annotations

import hashlib
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from nlsr_cli.batch.inputs import mode_of
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Metadata, Page, Pages, Picture, Pixels, read_stream
from nlsr_cli.images.containers.tiff_pages import Leaf
from nlsr_cli.images.loading import digest, load
from nlsr_cli.images.parsed import PageKind

NAMELESS = Path("-")  # in outcomes and ledgers, in place of the path of what has none

Held: TypeAlias = "Path | bytes | Picture | Page"


class Source(Protocol):
    """What a job reads; outcomes and ledgers know it by `path`."""

    @property
    def path(self) -> Path:
        """Return the path that the caller gave, or a dash."""
        ...

    @property
    def name(self) -> str:
        """Return what messages call it."""
        ...

    @property
    def ends(self) -> bool:
        """Tell whether it can be read at any time: nobody has to wait for what a pipe or a person has to say."""
        ...

    def hold(self, max_pixels: int) -> Held:
        """Return what can be read more than once: a path, all bytes, a picture, or a page of a file.

        Raises:
            ImageReadError: it cannot be read, is no known picture, or is larger than any of `max_pixels` pixels.
        """
        ...


@dataclass(frozen=True)
class FileSource:
    """A file, or a pipe with a name."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path as it was given."""
        return str(self.path)

    @property
    def ends(self) -> bool:
        """Tell whether it is a regular file."""
        return stat.S_ISREG(mode_of(self.path))

    def hold(self, max_pixels: int) -> Path | bytes:
        """Return the path of a regular file, and the content of anything else, which can be read once only."""
        return self.path if self.ends else load(self.path, self.name, max_pixels).data


@dataclass(frozen=True)
class StandardInput:
    """Standard input of the process that runs the job."""

    path: Path = NAMELESS
    name: str = "standard input"
    ends: bool = False

    def hold(self, max_pixels: int) -> bytes:
        """Return all that comes."""
        if sys.stdin is None:
            raise ImageReadError(self.name, "is closed")
        return read_stream(sys.stdin.buffer, name=self.name, max_pixels=max_pixels)


@dataclass(frozen=True)
class BytesSource:
    """The content of a picture file in memory."""

    data: bytes
    name: str = "bytes"
    path: Path = NAMELESS
    ends: bool = True

    def hold(self, max_pixels: int) -> bytes:
        """Return the bytes of what is a picture by its first ones."""
        return load(self.data, self.name, max_pixels).data


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Pixels in memory: (h, w, 1) grey or (h, w, 3) sRGB, uint8, uint16 or float32 from 0 to 1."""

    pixels: Pixels
    name: str = "array"
    path: Path = NAMELESS
    ends: bool = True

    def hold(self, max_pixels: int) -> Held:
        """Return the picture; its output is a PNG where no other format is asked for."""
        height, width = self.pixels.shape[:2]
        if height * width > max_pixels:
            raise ImageReadError(self.name, f"has {height * width} pixels, more than {max_pixels}")
        return Picture(self.pixels, None, Metadata("PNG", "L" if self.pixels.shape[2] == 1 else "RGB"))


@dataclass(frozen=True)
class PageSource:
    """A page of a TIFF, counted from 1; of any other picture, page 1 is all of it. `leaf` is where it lies, and `whole`
    the SHA-256 of the file, if they are known.
    """

    file: FileSource | StandardInput | BytesSource
    number: int
    kind: PageKind = "alone"
    leaf: Leaf | None = None
    whole: str = ""

    @property
    def path(self) -> Path:
        """Return the path of the file."""
        return self.file.path

    @property
    def name(self) -> str:
        """Return the page and its file."""
        return f"page {self.number} of {self.file.name}"

    @property
    def ends(self) -> bool:
        """Tell whether the file does."""
        return self.file.ends

    def hold(self, max_pixels: int) -> Path | bytes | Page:
        """Return the page as a file of its own."""
        held = self.file.hold(max_pixels)
        with Pages(held, self.file.name) as pages:
            leaf = self.leaf or pages.leaf(self.number)
            return held if leaf is None else Page(pages.excerpt(leaf, self.name, max_pixels), self.kind)

    def content(self, max_pixels: int) -> str:
        """Return the SHA-256 of the file that holds it."""
        return self.whole or digest_of(self.file.hold(max_pixels), self.file.name)


def is_file(source: Source) -> bool:
    """Tell whether a source is a file, or a page of one, whose path is its own."""
    return isinstance(source.file if isinstance(source, PageSource) else source, FileSource)


def digest_of(held: Held, name: str) -> str:
    """Return the SHA-256 of what a source holds: of a file's bytes, or of the shape, type and samples of a picture.

    Raises:
        ImageReadError: a file cannot be read.
    """
    if not isinstance(held, Picture):
        return digest(held.data if isinstance(held, Page) else held, name)
    found = hashlib.sha256(f"{held.color.shape} {held.color.dtype}".encode())
    found.update(held.color.tobytes())
    return found.hexdigest()
