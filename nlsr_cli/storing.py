"""Storing bytes under a name: all of them or nothing, and never over a file that was not meant."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from nlsr_cli.deepzoom import TileFolder
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.files import open_new, part_beside, remove, writing_in

# What a file system answers that knows no hard links (FAT, some network and FUSE mounts).
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL}
NO_FOLDER, FOLDER_HINT = "a DeepZoom is a file and a folder of tiles", "Give a file after -o, such as -o picture.dzi"
EXISTS_HINT = "Use --overwrite to replace it, or choose another name."
HINTS = {
    errno.ENOSPC: "Free some space, or choose another place.",
    errno.EDQUOT: "Free some space, or choose another place.",
    errno.EACCES: "Choose a folder that you can write to.",
    errno.EPERM: "Choose a folder that you can write to.",
    errno.EROFS: "Choose a folder that you can write to.",
    errno.ENOENT: "Create the folder first.",
    errno.ENOTDIR: "Create the folder first.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


class Patch(NamedTuple):
    """Bytes that take the place of as many that were written at `at`: what is known only at the end of a file."""

    at: int
    data: bytes


class Tile(NamedTuple):
    """A file in the folder that belongs to a DeepZoom: its place in there, and its bytes."""

    place: str
    data: bytes


# A file from its beginning on, what belongs to it, and notes.
Pieces: TypeAlias = Generator[bytes | Patch | Tile, None, tuple[str, ...]]


class Target(Protocol):
    """What takes the bytes of a file."""

    def append(self, data: bytes) -> None:
        """Write on."""
        ...

    def patch(self, at: int, data: bytes) -> None:
        """Write over bytes that were written before."""
        ...

    def tile(self, place: str, data: bytes) -> None:
        """Write a file in the folder that belongs to it."""
        ...


def pour(pieces: Pieces, target: Target) -> tuple[str, ...]:
    """Write a file, and return its notes."""
    while True:
        try:
            piece = next(pieces)
        except StopIteration as finished:
            notes: tuple[str, ...] = finished.value
            return notes
        if isinstance(piece, Patch):
            target.patch(*piece)
        elif isinstance(piece, Tile):
            target.tile(*piece)
        else:
            target.append(piece)


class Collected:
    """A file in memory."""

    def __init__(self) -> None:
        self._buffer = BytesIO()

    @property
    def data(self) -> bytes:
        """Return what was written."""
        return self._buffer.getvalue()

    def append(self, data: bytes) -> None:
        """Write on."""
        self._buffer.write(data)

    def patch(self, at: int, data: bytes) -> None:
        """Write over bytes that were written before."""
        self._buffer.seek(at)
        self._buffer.write(data)
        self._buffer.seek(0, os.SEEK_END)

    def tile(self, place: str, data: bytes) -> None:
        """Refuse it.

        Raises:
            ImageWriteError: always.
        """
        del place, data
        raise ImageWriteError("-", NO_FOLDER, FOLDER_HINT)


def collected(pieces: Pieces) -> tuple[bytes, tuple[str, ...]]:
    """Return a file in one piece, and its notes."""
    target = Collected()
    notes = pour(pieces, target)
    return target.data, notes


class FilePart:
    """A file in the making, under a temporary name beside its own. Its mode is what the umask gives.

    `check` is called last, when its bytes are on the disk, and may still refuse it by an error.
    """

    def __init__(self, path: Path, *, overwrite: bool, check: Callable[[], None] | None = None) -> None:
        self._path, self._overwrite, self._check = path, overwrite, check
        self._part = part_beside(path)
        self._file = open_new(self._part)
        self._digest = hashlib.sha256()
        self._patched = False  # since the digest was made
        self._tiles: TileFolder | None = None
        self.size = 0

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of what was written; a file with a patch is read again for that."""
        if self._patched:
            self._file.seek(0)
            self._digest = hashlib.file_digest(self._file, "sha256")  # type: ignore[arg-type]  # BinaryIO lacks readinto
            self._patched = False
            self._file.seek(0, os.SEEK_END)
        return self._digest.hexdigest()

    def append(self, data: bytes) -> None:
        """Write on."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def patch(self, at: int, data: bytes) -> None:
        """Write over bytes that were written before."""
        self._file.seek(at)
        self._file.write(data)
        self._file.seek(0, os.SEEK_END)
        self._patched = True

    def tile(self, place: str, data: bytes) -> None:
        """Write a file in the folder that belongs to it."""
        self._tiles = self._tiles or TileFolder(self._path, overwrite=self._overwrite)
        self._tiles.write(place, data)

    def commit(self) -> None:
        """Force it to the disk and give it its name, after the folder that belongs to it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._check is not None:
            self._check()
        if self._tiles is not None:
            self._tiles.place()
        if self._overwrite:
            self._part.replace(self._path)
        else:
            _claim(self._part, self._path)
        if self._tiles is not None:
            self._tiles.settle()

    def discard(self) -> None:
        """Remove what has no name yet."""
        if self._tiles is not None:
            self._tiles.discard()
        with suppress(OSError):  # what could not be written cannot be flushed either
            self._file.close()
        remove(self._part)


@contextmanager
def writing(path: Path, *, overwrite: bool, check: Callable[[], None] | None = None) -> Iterator[FilePart]:
    """Lend a file in the making, and remove it unless it was committed. A link at `path` is replaced, not followed.

    Raises:
        DestinationClash: `path` exists, or came to exist meanwhile, and `overwrite` is False.
        ImageWriteError: the data cannot be stored; nothing new is left behind.
    """
    check_free(path, overwrite=overwrite)
    try:
        with writing_in(path.parent):
            part = FilePart(path, overwrite=overwrite, check=check)
            try:
                yield part
            finally:
                part.discard()
    except FileExistsError as exc:
        raise DestinationClash(path, "exists already", EXISTS_HINT) from exc
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise ImageWriteError(path, f"cannot be written: {reason}", HINTS.get(exc.errno or 0, "")) from exc


def store(pieces: Pieces, path: Path, *, overwrite: bool) -> tuple[str, ...]:
    """Write a file as a whole, as `writing` does, and return its notes; it is begun when its first piece is there.

    Raises:
        DestinationClash, ImageWriteError: as `writing`.
    """
    ready = begun(pieces)
    with writing(path, overwrite=overwrite) as part:
        notes = pour(ready, part)
        part.commit()
    return notes


def begun(pieces: Pieces) -> Pieces:
    """Return the pieces of a file, of which the first is made by now."""
    first = next(pieces)

    def all_of_them() -> Pieces:
        yield first
        return (yield from pieces)

    return all_of_them()


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a name that is taken, before any work is done for it.

    Raises:
        DestinationClash: `path` exists and `overwrite` is False.
        ImageWriteError: `path` is a folder.
    """
    try:
        taken = os.path.lexists(path)
        folder = path.is_dir() and not path.is_symlink()
    except (OSError, ValueError) as exc:
        raise ImageWriteError(path, f"cannot be written: {exc}") from exc
    if folder:
        raise ImageWriteError(path, "is a folder", "Name a file in it.")
    if taken and not overwrite:
        raise DestinationClash(path, "exists already", EXISTS_HINT)


def check_space(path: Path, samples: int, share: float) -> None:
    """Refuse a picture of `samples` bytes for which the disk has hopelessly little room, before it is computed.

    `share` is the least share of them that a file of its format has taken.

    Raises:
        ImageWriteError: no file of this format could be so small.
    """
    folder = path.parent
    while not folder.exists() and folder != folder.parent:  # it is made when the first file is
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # who cannot ask will be told when writing
        return
    needed = int(samples * share)
    if free < needed:
        unit, step = ("MiB", 2**20) if needed >= 2**20 else ("KiB", 2**10)
        reason = f"the disk has {free / step:.1f} {unit} left, but the file needs at least {needed / step:.1f}"
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise ImageWriteError(path, reason, HINTS[errno.ENOSPC]) from full


def check_inside(path: Path, root: Path) -> None:
    """Refuse an output that lies below `root` by its name and elsewhere in truth, through a link or `..` on the way.

    Raises:
        ImageWriteError: it would leave the folder.
    """
    try:
        inside = path.parent.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as exc:  # links that lead in circles
        raise ImageWriteError(path, f"its folder cannot be found: {exc}", "Choose another place with -o.") from exc
    if not inside:
        raise ImageWriteError(
            path, f"its folder is a link that leads out of {root}", "Remove the link, or name the place with -o."
        )


def _claim(part: Path, path: Path) -> None:
    """Give `part` the name `path` unless that exists, in one step where the file system can."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        _claim_by_opening(part, path)


def _claim_by_opening(part: Path, path: Path) -> None:
    mine = False
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        mine = True
        os.close(handle)
        part.replace(path)
        mine = False
    finally:
        if mine:
            remove(path)
