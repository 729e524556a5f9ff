"""Finished rows of a large picture, kept on the disk while it is computed, so that a crash does not begin it again.

Beside the output lies a folder `.nlsr-OUTPUT-KEY.rows` while a picture of many tiles is computed. Each layer has a file
there with its pixels as they will be in the picture, in which the network's results are put together, and one small
file for each row of tiles that is done; for the last ones, also the strip that the next row of tiles is blended with,
in float32 as it was: what is taken up again gives the same bytes. The folder is removed when the output has its name.
Its files are not forced to the disk, which costs time: a checksum tells what a power cut has spoilt.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.files import part_beside, remove, remove_parts
from nlsr_cli.images import Pixels
from nlsr_cli.upscaling.rows_folder import folder_for, folders_of_rows, locked, remove_dead, remove_folder, stem_of
from nlsr_cli.upscaling.tiles import Floats, TilePlan

LEAST_TILES = 16  # smaller pictures are computed again in less time than it takes to explain
_MAX_HEAD = 2**20  # bytes
_DIGITS = 64  # of a checksum


def is_worth_keeping(plan: TilePlan) -> bool:
    """Tell whether rows of a picture are kept: those of several rows of tiles, and of many tiles."""
    return len(plan.rows.starts) > 1 and len(plan) >= LEAST_TILES


class Rows:
    """The finished rows of one output, which other processes leave alone as long as this one lives.

    Nothing touches the disk before the first row of a picture that is worth it is to be taken up.

    Args:
        target: the output.
        key: gives what the output follows from; asked when it is needed.
        found: the folders of rows beside the output, where they have been listed already.
    """

    def __init__(self, target: Path, key: Callable[[], str], found: list[Path] | None = None) -> None:
        self._target = target
        self._key = key
        self._found = found
        self._folder: Path | None = None
        self._lock: int | None = None
        self._opened = False
        self.taken = 0  # rows that were there already
        self.kept = 0  # rows that are on the disk
        self.notes: list[str] = []

    @property
    def held(self) -> int:
        """Return the bytes that an earlier call has left, which this one takes up or removes."""
        return sum(file.stat().st_size for folder in self._others() for file in folder.glob("*.pixels"))

    def layer(self, name: str, plan: TilePlan, scale: int, facts: Mapping[str, Any]) -> Layer | None:
        """Return where the rows of one layer (such as "alpha") are kept, None where they are not.

        Args:
            name: of the layer, fit for the name of a file.
            plan: its tiles.
            scale: how many times they are enlarged.
            facts: whatever else its pixels follow from, such as the precision; as JSON can hold it.
        """
        if not is_worth_keeping(plan):
            return None
        self._open()
        return None if self._folder is None else Layer(self, name, plan, scale, facts)

    def array(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
        """Return an array that is kept under a name, with what it held; one that is not kept, if that fails.

        Raises:
            ScratchFull: there is no room for it.
        """
        if self._folder is not None:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
            try:
                descriptor = os.open(self._folder / name, flags | getattr(os, "O_BINARY", 0), 0o666)
                try:
                    return scratch.mapped(descriptor, shape, dtype)
                finally:
                    os.close(descriptor)
            except OSError as exc:
                self._give_up(exc)
        return scratch.empty(shape, dtype)

    def write(
        self,
        name: str,
        head: Mapping[str, Any],
        arrays: list[Pixels],
        told: Sequence[str] = (),
        *,
        beside: bool = False,
    ) -> bool:
        """Keep some arrays under a name; if that fails, give back what is taken, keep no more, and return False.

        Of arrays that are kept `beside` it, only the checksum counts.
        """
        if self._folder is None:
            return False
        part = part_beside(self._folder / name)
        try:
            try:
                with part.open("xb") as file:
                    _write(file, head, arrays, told, beside=beside)
                part.replace(self._folder / name)
            finally:
                remove(part)
        except OSError as exc:
            self._give_up(exc)
            return False
        return True

    def _give_up(self, exc: OSError) -> None:
        self.notes.append(_LOST.format((exc.strerror or str(exc)).lower()))
        self.discard()

    def read(
        self, name: str, head: Mapping[str, Any], arrays: list[Pixels], *, beside: bool = False
    ) -> list[str] | None:
        """Fill arrays with what is kept under a name, or find them `beside` it, and return what was told of it.

        None says that it is not there, is damaged, or is of something else; the arrays may hold anything then.
        """
        if self._folder is None:
            return None
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            with os.fdopen(os.open(self._folder / name, flags), "rb") as file:
                return _read(file, head, arrays, beside=beside)
        except (OSError, ValueError, RecursionError):
            return None

    def forget(self, name: str) -> None:
        """Remove what is kept under a name."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove everything that is kept for this output, of earlier calls too, and keep no more."""
        for folder in self._others():
            remove_dead(folder)
        if self._folder is not None:
            remove_folder(self._folder)
        self._opened, self._folder, self.kept = True, None, 0
        self.close()

    def close(self) -> None:
        """Leave what is kept to whoever comes next."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open(self) -> None:
        """Make the folder, or take the one that is there; remove those of other keys."""
        if self._opened:
            return
        self._opened = True
        folder = folder_for(self._target, self._key())
        for other in self._others():
            if other != folder:
                remove_dead(other)
        try:
            self._lock = locked(folder)
        except BlockingIOError:
            return  # another process computes this picture just now, and keeps its rows
        except OSError as exc:
            self.notes.append(_LOST.format((exc.strerror or str(exc)).lower()))
            return
        self._folder = folder
        remove_parts(folder)

    def _others(self) -> list[Path]:
        if self._found is None:
            self._found = folders_of_rows(self._target.parent).get(stem_of(self._target), [])
        return [folder for folder in self._found if folder != self._folder]


class Layer:
    """The rows of one layer of a picture."""

    def __init__(self, rows: Rows, name: str, plan: TilePlan, scale: int, facts: Mapping[str, Any]) -> None:
        self._rows = rows
        self._name = name
        self._bounds = plan.rows.bounds(scale)  # where the rows begin in the enlarged layer, and where the last ends
        self._high, self._width = plan.rows.size * scale, plan.columns.length * scale
        tiles = [[axis.length, axis.size, list(axis.starts)] for axis in (plan.rows, plan.columns)]
        self._facts = {"layer": name, "tiles": tiles, "scale": scale, **facts}

    def load(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Pixels, int, Floats | None, list[str]]:
        """Return the enlarged layer, (height, width, channels), as far as it is there.

        Returns:
            The layer, the number of rows of tiles that are in it, the strip below them (None at the beginning and after
            the last row), and what was told while they were computed.

        Raises:
            ScratchFull: there is no room for it.
        """
        out = self._rows.array(f"{self._name}.pixels", shape, dtype)
        told: list[str] = []
        done = 0
        while done < len(self._bounds) - 1:
            pixels = [self._pixels(done, out)]
            events = self._rows.read(self._file(done, "row"), self._head(done, out), pixels, beside=True)
            if events is None:
                break
            done, told = done + 1, events
        above: Floats | None = None
        while 0 < done < len(self._bounds) - 1:
            above = np.empty(self._strip_shape(done - 1), np.float32)
            if self._rows.read(self._file(done - 1, "strip"), self._head(done - 1, above), [above]) is not None:
                break
            done, above = done - 1, None  # the row is computed again, if there is a strip above it
        self._rows.taken += done
        self._rows.kept += done
        return out, done, above, told if done else []

    def keep(self, row: int, out: Pixels, strip: Floats | None, told: Sequence[str]) -> None:
        """Keep a row of tiles that is done, with the strip below it and what was told of all rows so far.

        Args:
            row: its number.
            out: the enlarged layer, (height, width, channels).
            strip: what the next row needs; None after the last.
            told: sentences for the user.
        """
        if strip is not None:
            self._rows.write(self._file(row, "strip"), self._head(row, strip), [strip])
        pixels = [self._pixels(row, out)]
        if self._rows.write(self._file(row, "row"), self._head(row, out), pixels, told, beside=True):
            self._rows.kept += 1
        self._rows.forget(self._file(row - 2, "strip"))  # the last but one stays, for when the last is damaged

    def _pixels(self, row: int, out: Pixels) -> Pixels:
        return out[self._bounds[row] : self._bounds[row + 1]]

    def _strip_shape(self, row: int) -> tuple[int, int, int]:
        return self._high - (self._bounds[row + 1] - self._bounds[row]), self._width, 3

    def _file(self, row: int, kind: str) -> str:
        return f"{self._name}-{row:06d}.{kind}"

    def _head(self, row: int, array: Pixels) -> dict[str, Any]:
        return {**self._facts, "row": row, "dtype": array.dtype.str, "shape": list(array.shape)}


_LOST = "finished rows of the picture are not kept ({}): a crash would lose them"


def _write(
    file: BinaryIO, head: Mapping[str, Any], arrays: Sequence[Pixels], told: Sequence[str], *, beside: bool
) -> None:
    """Write a checksum, a line of JSON and, unless they lie `beside` it, the bytes of arrays."""
    line = json.dumps({"head": head, "told": list(told)}).encode() + b"\n"
    digest = hashlib.sha256(line)
    for piece in _pieces(arrays):
        digest.update(piece)
    file.write(digest.hexdigest().encode() + b"\n" + line)
    for piece in () if beside else _pieces(arrays):
        file.write(piece)


def _pieces(arrays: Sequence[Pixels]) -> Iterator[memoryview]:
    """Yield the bytes of arrays in bands of rows; one may be empty: tiles that do not overlap leave no strip."""
    for array in arrays:
        for rows in scratch.bands(array.shape):
            yield np.ascontiguousarray(array[rows]).reshape(-1).view(np.uint8).data


def _read(file: BinaryIO, head: Mapping[str, Any], arrays: Sequence[Pixels], *, beside: bool) -> list[str] | None:
    """Read what `_write` has written into arrays of the same shapes; None unless everything is as it was.

    Raises:
        OSError, ValueError, RecursionError: it is something else.
    """
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    checksum, line = file.readline(_DIGITS + 1), file.readline(_MAX_HEAD)
    if status.st_size != len(checksum) + len(line) + (0 if beside else sum(array.nbytes for array in arrays)):
        return None
    values = json.loads(line)
    told = values.get("told") if isinstance(values, dict) and values.get("head") == head else None
    if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        return None
    digest = hashlib.sha256(line)
    for piece in _pieces(arrays):
        if not beside and file.readinto(piece) != len(piece):  # type: ignore[attr-defined]  # BinaryIO lacks it
            return None
        digest.update(piece)
    return told if checksum == digest.hexdigest().encode() + b"\n" else None
