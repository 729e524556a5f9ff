"""A DeepZoom on the disk: a file `NAME.dzi` that states a size, and beside it the folder `NAME_files` with the tiles.

Browsers save pages into folders of that name too, so only what holds nothing but tiles is taken for one of ours. The
standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from nlsr_cli.errors import DestinationClash
from nlsr_cli.files import open_new, part_beside, remove_part

SUFFIX = ".dzi"
_FOLDER = "_files"  # what viewers put in place of the ending
_LEVEL, _TILE = re.compile(r"\d{1,2}"), re.compile(r"\d+_\d+\.(?:jpg|jpeg|png)")
_STATED = re.compile(rb"<!-- tiles: sha256 ([0-9a-f]{64}) -->")
_MAX_FILE = 4096  # bytes of a description; ours have 300
_CLASH_HINT = "Choose another name with -o or --suffix."


def folder_of(path: Path) -> Path:
    """Return the folder in which viewers look for the tiles of a DeepZoom."""
    return path.with_name(path.stem + _FOLDER)


def holds_tiles(folder: Path) -> bool:
    """Tell whether a folder is that of a DeepZoom, by the name and the file beside it."""
    name = folder.name.removesuffix(_FOLDER)
    return name != folder.name and folder.with_name(name + SUFFIX).is_file()


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse the place of a DeepZoom whose folder is taken: by anything, or with `overwrite` by what is no tiles.

    Raises:
        DestinationClash: it is.
    """
    folder = folder_of(path)
    if not os.path.lexists(folder):
        return
    if not overwrite:
        hint = f"Add --overwrite to replace it, or c{_CLASH_HINT[1:]}"
        raise DestinationClash(folder, f"the folder for the tiles of {path.name} exists already", hint)
    if _tiles_of(folder) is None:
        reason = f"the folder for the tiles of {path.name} holds something else, and is not replaced"
        raise DestinationClash(folder, reason, _CLASH_HINT)


def digest(tiles: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of all tiles, given the place and the SHA-256 of each.

    It is that of what `sha256sum` prints of them in the order of their places, byte by byte.
    """
    lines = (f"{each}  {place}\n" for place, each in sorted(tiles))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_whole(path: Path) -> bool:
    """Tell whether the tiles of a DeepZoom are those that its file states."""
    folder = folder_of(path)
    try:
        with path.open("rb") as file:
            stated = _STATED.search(file.read(_MAX_FILE))
        tiles = _tiles_of(folder)
        if stated is None or tiles is None:
            return False
        return digest((place, _sha256(folder / place)) for place in tiles) == stated[1].decode()
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tiles_of(folder: Path) -> list[str] | None:
    """Return the places of all tiles in a folder, None if it holds anything else or is none.

    Raises:
        OSError: it cannot be read.
    """
    if folder.is_symlink() or not folder.is_dir():
        return None
    places = []
    for level in folder.iterdir():
        if not _LEVEL.fullmatch(level.name) or level.is_symlink() or not level.is_dir():
            return None
        with os.scandir(level) as tiles:
            for tile in tiles:
                if not _TILE.fullmatch(tile.name) or not tile.is_file(follow_symlinks=False):
                    return None
                places.append(f"{level.name}/{tile.name}")
    return places


class TileFolder:
    """The tiles of a DeepZoom in the making, in a hidden folder beside their place.

    `place` gives that its name, `settle` makes it final, and `discard` undoes what is not.

    Args:
        path: the file to which they belong.
        overwrite: whether a DeepZoom that stands there is replaced.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._path, self._overwrite = path, overwrite
        self._part = part_beside(path)
        self._part.mkdir()
        self._levels: set[Path] = set()
        self._aside: list[tuple[Path, Path]] = []  # where something stood, and where it is meanwhile
        self._placed = self._settled = False

    def write(self, place: str, data: bytes) -> None:
        """Write a tile.

        Raises:
            OSError: it is there already, or cannot be written.
        """
        tile = self._part / place
        if tile.parent not in self._levels:
            tile.parent.mkdir()
            self._levels.add(tile.parent)
        with open_new(tile) as file:
            file.write(data)

    def place(self) -> None:
        """Force all tiles to the disk, and put them in their place.

        Of a DeepZoom that is replaced, the file goes first: at no moment one stands beside tiles of another picture.

        Raises:
            DestinationClash: something stands there that is to stay.
            OSError: they cannot be stored.
        """
        self._sync()
        check_free(self._path, overwrite=self._overwrite)
        folder = folder_of(self._path)
        for taken in (self._path, folder) if self._overwrite else ():
            if os.path.lexists(taken):
                aside = part_beside(taken)
                taken.rename(aside)
                self._aside.append((taken, aside))
        try:
            self._part.rename(folder)
        except OSError:
            check_free(self._path, overwrite=False)  # it may have come to exist just now
            raise
        self._placed = True

    def _sync(self) -> None:
        for folder in self._levels:
            for tile in folder.iterdir():
                _force(tile)
        for folder in () if os.name == "nt" else (*self._levels, self._part):  # there folders cannot be opened
            _force(folder)

    def settle(self) -> None:
        """Make it final: what stood there goes, or is left to `remove_dead_parts` if it cannot."""
        self._settled = True
        for _, aside in self._aside:
            with suppress(OSError):
                remove_part(aside)

    def discard(self) -> None:
        """Remove the tiles, unless they are final, and put back what stood there."""
        if self._settled:
            return
        with suppress(OSError):
            if self._placed:
                folder_of(self._path).rename(self._part)
            while self._aside:
                taken, aside = self._aside.pop()
                aside.rename(taken)
        with suppress(OSError):
            remove_part(self._part)


def _force(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
