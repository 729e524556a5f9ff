"""Where a picture goes: a file, standard output or memory. Each takes it as a part, and is complete or untouched."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from nlsr_cli.batch.source import NAMELESS
from nlsr_cli.errors import ImageWriteError
from nlsr_cli.storing import Collected, check_free, check_inside, check_space, writing


class Part(Protocol):
    """What was written so far. It counts once it is committed, and leaves nothing behind if it never is."""

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        ...

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes, as hexadecimal digits."""
        ...

    def append(self, data: bytes) -> None:
        """Write on."""
        ...

    def patch(self, at: int, data: bytes) -> None:
        """Write over bytes that were written before."""
        ...

    def tile(self, place: str, data: bytes) -> None:
        """Write a file in the folder that belongs to it."""
        ...

    def commit(self) -> None:
        """Force it to its place and give it its name."""
        ...


class Sink(Protocol):
    """What a job writes; outcomes and ledgers know it by `path`."""

    @property
    def path(self) -> Path:
        """Return the path of the output, or a dash."""
        ...

    @property
    def name(self) -> str:
        """Return what messages call it."""
        ...

    @property
    def on_disk(self) -> bool:
        """Tell whether `path` is a file, beside which ledgers and finished rows can lie."""
        ...

    @property
    def scratch(self) -> Path | None:
        """Return the folder on whose disk a large picture is worked; None is that for temporary files."""
        ...

    def check(self, samples: int, share: float) -> None:
        """Refuse, before it is computed, a picture of so many bytes; files of its format took this share at least.

        Raises:
            ImageWriteError: there is no room for it, or its place has moved.
        """
        ...

    def prepare(self, *, replace: bool) -> None:
        """Get the place ready; `replace` says that what stands there may go.

        Raises:
            DestinationClash: something stands there that is to be kept.
            ImageWriteError: nothing can be written there.
        """
        ...

    def begin(self, *, replace: bool = False) -> AbstractContextManager[Part]:
        """Return a part to write; without a commit nothing has happened when the context ends.

        Raises:
            DestinationClash, ImageWriteError: as `prepare`, also while it is written.
        """
        ...


@dataclass(frozen=True)
class FileSink:
    """A file. `root` is the folder that it must not leave through a link; `overwrite` replaces what stands there.
    `permit` is a file without which it does not get its name: whoever has given the job away removes that.
    """

    path: Path
    root: Path | None = None
    overwrite: bool = False
    permit: Path | None = None

    @property
    def name(self) -> str:
        """Return the path."""
        return str(self.path)

    @property
    def on_disk(self) -> bool:
        """It is."""
        return True

    @property
    def scratch(self) -> Path:
        """Return the folder of the file, or the nearest one above it that is there yet."""
        return next(folder for folder in self.path.absolute().parents if folder.is_dir())

    def check(self, samples: int, share: float) -> None:
        """Look for links and for room: what came before may have taken it."""
        if self.root is not None:
            check_inside(self.path, self.root)
        check_space(self.path, samples, share)

    def prepare(self, *, replace: bool) -> None:
        """Make the folder, and look once more whether the name is free and does not lead elsewhere."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise ImageWriteError(self.path.parent, f"the folder cannot be made: {exc.strerror}") from exc
        if self.root is not None:  # a link may have been planted since the plan was made
            check_inside(self.path, self.root)
        check_free(self.path, overwrite=self.overwrite or replace)

    def begin(self, *, replace: bool = False) -> AbstractContextManager[Part]:
        """Return a file beside it, which gets its name in one step."""
        return writing(self.path, overwrite=self.overwrite or replace, check=self._check_permit)

    def _check_permit(self) -> None:
        """Refuse to finish what was given to somebody else meanwhile. Opening asks the server of a network mount, where
        a look might be answered from memory.

        Raises:
            ImageWriteError: the permit is gone.
        """
        if self.permit is None:
            return
        try:
            os.close(os.open(self.permit, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)))
        except OSError as exc:
            raise ImageWriteError(
                self.path, "another worker has it by now", "The same command continues from here."
            ) from exc


class _Delivered(Collected):
    """A part in memory; what is sent on cannot be taken back, so it is sent as a whole."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        super().__init__()
        self._deliver = deliver

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()

    def commit(self) -> None:
        self._deliver(self.data)


class _Elsewhere:
    """What is not on a disk has room for all pictures, and nothing stands in its place."""

    path = NAMELESS
    on_disk = False
    scratch = None

    def check(self, samples: int, share: float) -> None:
        """Take any picture."""

    def prepare(self, *, replace: bool) -> None:
        """Need nothing."""

    @contextmanager
    def begin(self, *, replace: bool = False) -> Iterator[Part]:
        """Return a part that is delivered as a whole."""
        del replace
        yield _Delivered(self._take)

    def _take(self, data: bytes) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class StandardOutput(_Elsewhere):
    """Standard output of the process that runs the job."""

    name: str = "standard output"

    def _take(self, data: bytes) -> None:
        if sys.stdout is None:
            raise ImageWriteError(self.name, "is closed")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as exc:
            raise ImageWriteError(self.name, f"cannot be written: {exc.strerror}") from exc


@dataclass
class MemorySink(_Elsewhere):
    """Memory of the process that runs the job: `data` is the content of the file, None before there is one."""

    data: bytes | None = None
    name: str = "memory"

    def _take(self, data: bytes) -> None:
        self.data = data
