"""A book bound again: its files in their order, pages in place of those that were enlarged, all else as it was.

The same book and the same pages give the same bytes: names, times and attributes come from the book.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nlsr_cli.books.archive import Archive
from nlsr_cli.storing import Pieces

_UTF8 = 0x800  # the flag of a name that is UTF-8
_ZIP64, _TIMES, _UNICODE_PATH, _AES = 0x0001, 0x5455, 0x7075, 0x9901  # kinds of extra fields


@dataclass(frozen=True)
class Replacement:
    """What stands in place of a file of a book: its content, in a file or in memory, and its name.

    `name` differs from that of the file in its ending, or by one more ending. `compress` says whether compressing it
    may gain anything.
    """

    content: Path | bytes
    name: str
    compress: bool = False

    def read(self) -> bytes:
        """Return the content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def bind(archive: Archive, replacements: Mapping[str, Replacement]) -> Pieces:
    """Yield the bytes of a book, file by file, with some of its files replaced, by their names in `archive`; no notes.

    Raises:
        ImageReadError: a file of the book is damaged.
        OSError: a replacement cannot be read.
    """
    out = _Outgoing()
    with zipfile.ZipFile(out, "w") as bound:
        bound.comment = archive.comment
        for given in archive.files:
            info, new = _Entry(given), replacements.get(given.filename)
            if new is not None:
                info.replaced_by(new)
                bound.writestr(info, new.read())
            elif given.is_dir():
                bound.writestr(info, b"")
            else:
                with bound.open(info, "w") as file:
                    for piece in archive.pieces(given.filename):
                        file.write(piece)
            info.external_attr = given.external_attr  # which writing fills in where the book says nothing
            yield out.drain()
    yield out.drain()
    return ()


class _Entry(zipfile.ZipInfo):
    """A file of a book as it is written again: with the bytes of its name, its times, attributes and comment."""

    def __init__(self, given: zipfile.ZipInfo) -> None:
        super().__init__(given.filename, given.date_time)
        self.compress_type = given.compress_type
        self.comment = given.comment
        self.extra = _kept(given.extra)
        self.create_system = given.create_system
        self.internal_attr = given.internal_attr
        self.external_attr = given.external_attr
        self.name_flag = given.flag_bits & _UTF8
        self.name_bytes = given.orig_filename.encode("utf-8" if self.name_flag else "cp437")

    def replaced_by(self, new: Replacement) -> None:
        """Take the name of a replacement, and its way of being stored."""
        self.compress_type = zipfile.ZIP_DEFLATED if new.compress else zipfile.ZIP_STORED
        if new.name != self.filename:
            ending = b"" if new.name.startswith(self.filename) else PurePosixPath(self.filename).suffix.encode()
            renamed = self.name_bytes.removesuffix(ending) + PurePosixPath(new.name).suffix.encode()
            self.filename, self.name_bytes = new.name, renamed
            self.extra = b"".join(field for kind, field in _fields(self.extra) if kind != _UNICODE_PATH)

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - of zipfile, which would write names as UTF-8
        """Return the name as it was: of one that is not marked as UTF-8, nobody knows what the bytes stand for."""
        return self.name_bytes, self.flag_bits | self.name_flag


def _kept(extra: bytes) -> bytes:
    """Return the extra fields that stay true: not those of sizes and of encryption, which are written anew."""
    kept = b""
    for kind, field in _fields(extra):
        if kind == _TIMES and len(field) >= 9 and field[4] & 1:  # a list of files holds one, whatever it says
            kept += struct.pack("<HHB", kind, 5, 1) + field[5:9]
        elif kind not in (_ZIP64, _AES, _TIMES):
            kept += field
    return kept


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and bytes of the extra fields of a file; what is no whole field is left out."""
    at = 0
    while at + 4 <= len(extra):
        kind, count = struct.unpack_from("<HH", extra, at)
        field = extra[at : at + 4 + count]
        if len(field) == 4 + count:
            yield kind, field
        at += 4 + count


class _Outgoing(io.RawIOBase):
    """What `ZipFile` writes, to be taken away file by file: it goes back only within the file that it writes."""

    def __init__(self) -> None:
        self._gone = 0  # bytes that were taken away
        self._held = io.BytesIO()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._gone + self._held.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._gone + self._held.seek(offset - self._gone if whence == 0 else offset, whence)

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        return self._held.write(data)

    def drain(self) -> bytes:
        """Take away what was written."""
        data = self._held.getvalue()
        self._gone += len(data)
        self._held = io.BytesIO()
        return data
