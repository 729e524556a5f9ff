"""Files in one archive, which is made while it is sent: nothing of it is on the disk, and little in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path, PurePath

PIECE = 1 << 18  # bytes


class _Outlet(io.RawIOBase):
    """A file that can only be written on, and gives away what was written."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        """Say that it is."""
        return True

    def write(self, data: object, /) -> int:
        """Take bytes."""
        self._held += memoryview(data)  # type: ignore[arg-type]  # whatever zipfile writes is bytes
        return memoryview(data).nbytes  # type: ignore[arg-type]

    def taken(self) -> bytes:
        """Return what came since the last time."""
        data, self._held = bytes(self._held), bytearray()
        return data


def bundled(files: Sequence[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a ZIP of files under the names that they are to have; pictures are compressed already, and stored."""
    outlet = _Outlet()
    taken: set[str] = set()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            try:
                file = path.open("rb")
            except OSError:  # forgotten meanwhile
                continue
            own = _free(name, taken)
            with file, archive.open(own, "w", force_zip64=True) as entry:
                while data := file.read(PIECE):
                    entry.write(data)
                    yield outlet.taken()
    yield outlet.taken()


def _free(name: str, taken: set[str]) -> str:
    """Return a name, or with a number in it where it is taken; from then on that is taken, too."""
    pure = PurePath(name)
    numbered = (f"{pure.stem} ({number}){pure.suffix}" for number in count(2))
    free = next(each for each in chain([name], numbered) if each.lower() not in taken)
    taken.add(free.lower())
    return free
