"""The bytes of a file that stay on the disk and are read where they are looked at: for the process that must not end
when the file is cut short meanwhile, as it would with a mapping.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast


class OnDisk:
    """An open file for whatever slices `bytes`; a context manager. What was cut off meanwhile is missing in a slice.

    Args:
        path: of a regular file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._length = self._file.seek(0, 2)

    def __enter__(self) -> bytes:
        return cast("bytes", self)  # of which it has what walkers of containers use

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: slice) -> bytes:
        start, stop, step = place.indices(self._length)
        self._file.seek(start)
        return self._file.read(max(stop - start, 0))[::step]
