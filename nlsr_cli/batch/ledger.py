"""The ledger of a folder of outputs: which file nlsr wrote there, from which content, with what. No torch, no pictures.

A ledger is a file of JSON lines, one object each. A line is added before an output takes its name ("begun") and another
one after it ("done"): whenever a process is killed, an output that is there has a line with the SHA-256 of its bytes.
What a line says holds for a file only as far as the file has these bytes, so that a ledger that is old, damaged or
invented can keep a file from being made again, or from being replaced, but never have a stranger's file replaced by
accident. Of several lines for one output the last one that fits its bytes counts.

A shard has a ledger of its own, so that shards on different machines never write one file; `ledgers.Ledgers` reads all
of a folder as one. A line may also say that a picture failed, or, in the ledger of a shard, what all its pictures are
made with.

It is never compacted: what is only ever added to cannot be lost by a process that is killed or by two that write at
once, and a picture that is made again adds about a kilobyte.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import threading
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from nlsr_cli.files import lock

LEDGER_NAME = ".nlsr-ledger.jsonl"
FAILED = "failed"  # the state of a line about a picture that failed
MAX_LINE = 2**16  # bytes; ours have about a thousand
MAX_READ = 2**29  # bytes: of a longer ledger, only what was added last is read
_FITTING = 8  # entries kept for one output: more than can be begun and killed before one is done
_PATIENCE = 10.0  # seconds that another process may take to add its line
_NEVER = 2.0**53  # seconds
_DIGEST = 64  # hexadecimal digits of a SHA-256


@dataclass(frozen=True)
class Entry:
    """One line, as far as it decides anything.

    `key` is that of the job (`fingerprint.Identity.key`), `content` the SHA-256 of the input, `sha256` and `size` are
    those of the output, `weights` the SHA-256 of each model in order. `origin` is the input as seen from the folder of
    the ledger, "" where there is none. `options` is the text of a JSON object, the same one for many lines,
    or "". `time` is when it was added, in seconds since 1970 by the clock of that machine; 0 where it does not say.
    """

    __slots__ = ("content", "key", "options", "origin", "output", "sha256", "size", "time", "weights")

    output: str
    key: str
    content: str
    size: int
    sha256: str
    weights: tuple[str, ...]
    origin: str
    options: str
    time: float


class Ledger:
    """One ledger in `folder`, which may not be there yet; of what it holds, only entries of `names` are kept."""

    def __init__(self, folder: Path, names: Container[str], name: str = LEDGER_NAME) -> None:
        self.path = folder / name
        self.trouble = ""  # why it could not be read, if it could not
        self._names = names
        self._mutex = threading.Lock()
        self._forget(None)

    def entries(self, name: str) -> list[Entry]:
        """Return what is known of an output by now, the last line first; lines of other processes are seen too."""
        with self._mutex:
            self._refresh()
            return self._entries.get(name, [])[::-1]

    def failures(self) -> dict[str, float]:
        """Return the inputs, as seen from the folder, of which the last line says that they failed, and when."""
        with self._mutex:
            self._refresh()
            return dict(self._failures)

    def add(self, values: Mapping[str, Any]) -> None:
        """Add one line, whole or torn but never mixed with another one, and force it to the disk.

        Raises:
            OSError: it cannot be written.
        """
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise OSError(errno.EMSGSIZE, "its line is too long")
        with self._mutex:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CAREFUL, 0o666)
            try:
                _check_regular(descriptor)
                lock(descriptor, patience=_PATIENCE)
                if _is_torn(descriptor):  # by a process that was killed: its line must end before ours begins
                    line = b"\n" + line
                if os.write(descriptor, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _refresh(self) -> None:
        """Read what was added since the last time; all of it, if it is another file now."""
        self.trouble = ""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | _CAREFUL)
        except OSError as exc:
            self._forget(None)
            self.trouble = "" if isinstance(exc, FileNotFoundError) else exc.strerror or str(exc)
            return
        try:
            status = _check_regular(descriptor)
            if (status.st_dev, status.st_ino) != self._file or status.st_size < self._offset:
                self._forget((status.st_dev, status.st_ino))
            if status.st_size > self._offset:
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    self._read(file, status.st_size)
        except OSError as exc:
            self.trouble = exc.strerror or str(exc)
        finally:
            os.close(descriptor)

    def _forget(self, file: tuple[int, int] | None) -> None:
        """Begin anew with this device and inode."""
        self._entries: dict[str, list[Entry]] = {}
        self._failures: dict[str, float] = {}
        self._file, self._offset = file, 0  # what was read the last time, and up to where

    def _read(self, file: BinaryIO, size: int) -> None:
        for line, end in _lines(file, self._offset, size):
            self._offset = end
            entry = parse(line) if line else None
            if entry is not None:
                self._failures.pop(entry.origin, None)
                if entry.output in self._names:
                    self._keep(entry)
            elif (values := values_of(line)).get("state") == FAILED:
                self._failures[str(values.get("origin"))] = time_of(values)

    def _keep(self, entry: Entry) -> None:
        known = [each for each in self._entries.get(entry.output, []) if each.sha256 != entry.sha256]
        self._entries[entry.output] = [*known, entry][-_FITTING:]


def _lines(file: BinaryIO, begin: int, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield each line from a place on that has an end, and where it ends; of one that is none of ours, b"".

    What has no end is being written just now, or was torn: it is read again when it has one.
    """
    start = max(begin, size - MAX_READ)
    whole = start == begin
    file.seek(start)
    while line := file.readline(MAX_LINE):
        if line.endswith(b"\n"):
            yield line if whole else b"", file.tell()
            whole = True
        elif len(line) == MAX_LINE:  # the middle of a line that is none of ours
            whole = False
            yield b"", file.tell()


def read_all(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of a ledger.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | _CAREFUL), "rb") as file:
        for line, _ in _lines(file, 0, _check_regular(file.fileno()).st_size):
            if line:
                yield line


# A link must not lead us to another file, nor a pipe keep us waiting.
_CAREFUL = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def digest_at(path: Path, sizes: Container[int]) -> str:
    """Return the SHA-256 of a regular file of one of these sizes; "" of anything else, such as a link."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _CAREFUL), "rb") as file:
            if _check_regular(file.fileno()).st_size not in sizes:
                return ""
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def parse(line: bytes) -> Entry | None:
    """Return the entry in a line, or None where it holds none: torn, damaged, or of somebody's own making."""
    try:
        values: Any = json.loads(line)
        models, options = values["models"], values.get("options")
        entry = Entry(
            output=values["output"],
            key=values["key"],
            content=values["input_sha256"],
            size=values["size"],
            sha256=values["sha256"],
            weights=tuple(model["sha256"] for model in models),
            origin=values["origin"],
            options=sys.intern(json.dumps(options)) if isinstance(options, dict) else "",
            time=time_of(values),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (entry.output, entry.key, entry.content, entry.sha256, entry.origin, *entry.weights)
    if not all(isinstance(text, str) for text in texts) or type(entry.size) is not int or entry.size < 0:
        return None
    return entry if all(len(each) == _DIGEST for each in (entry.key, entry.content, entry.sha256)) else None


def values_of(line: bytes) -> dict[str, Any]:
    """Return the values in a line of any kind; none where it is damaged."""
    try:
        values: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def time_of(values: Mapping[str, Any]) -> float:
    """Return when a line was added, in seconds since 1970; 0 where it does not say."""
    time = values.get("time")
    return float(time) if isinstance(time, (int, float)) and 0 <= time < _NEVER else 0.0


def _check_regular(descriptor: int) -> os.stat_result:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return status


def _is_torn(descriptor: int) -> bool:
    """Tell whether the last line of an open ledger has no end."""
    size = os.fstat(descriptor).st_size
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"
