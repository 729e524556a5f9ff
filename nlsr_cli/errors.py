"""Every error that nlsr raises on purpose, and the exit code that follows from it.

NlsrError(message, hint)
├── OptionError                     a value on the command line, or in an options object, makes no sense
│   └── UnknownChoice(kind, word)   a word that is none of those that can be chosen
├── ModelError
│   ├── UnknownModel                no model of that name, folder or scale
│   ├── WeightsCorrupt              the file is truncated, altered, hostile or not a checkpoint at all
│   ├── WeightsMismatch             a sound file, but not of this network or not of these shapes
│   └── DownloadFailed              the Hub could not be reached, or did not have it
├── ImageError(path, reason, hint)
│   ├── ImageReadError              empty, truncated, not a picture, too large, refused
│   │   └── MissingInput            a file that was named does not exist
│   ├── ImageWriteError             the output cannot be encoded or stored
│   ├── DestinationClash            the output exists, is the input itself, or two inputs claim it
│   └── NotComparable               two pictures are not of one scene, shape or size
├── TrainingError
│   ├── TrainingDiverged(step)      the loss of a training run is no longer a number
│   ├── TrainingTooLarge(device)    a training run does not fit into the memory of the device
│   └── RunFolderError(folder)      the folder of a run is damaged, busy, or cannot be written
├── ResultRejected                  what the network made cannot be an enlargement of the picture
├── OutOfMemory(tile)               not even the smallest tile fits the device
├── ScratchFull(folder)             what is too large for memory found no place on the disk
└── MissingExtra(name)              an optional package is needed for this

`message` is one line that says what is wrong; `hint` is one line that says what to do next, or is empty.
"""

from __future__ import annotations

import difflib
import importlib.util
import shlex
import shutil
import sys
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the process tells the shell."""

    OK = 0
    ERROR = 1
    USAGE = 2
    PARTIAL = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class NlsrError(Exception):
    """Base of all errors of nlsr: one line that says what is wrong and one that says what to do."""

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message and, on a line of its own, the hint: a traceback shows both."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def as_json(self) -> dict[str, str]:
        """Return it as plain values."""
        return {"type": type(self).__name__, "message": self.message, "hint": self.hint}

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild from the stored attributes, so that subclasses with other signatures can be pickled."""
        return (_rebuild, (type(self), dict(self.__dict__)))


def _rebuild(kind: type[NlsrError], state: dict[str, object]) -> NlsrError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.message,)
    return error


class OptionError(NlsrError):
    """A value that the caller chose makes no sense, alone or with the others."""

    exit_code = ExitCode.USAGE


class UnknownChoice(OptionError):
    """A word that is none of those that can be chosen; the hint offers the nearest and lists all."""

    def __init__(self, kind: str, word: str, choices: Iterable[str], *, meant: str | None = None) -> None:
        super().__init__(f"unknown {kind} '{word[:40]}'", nearest(meant or word, choices))
        self.word = word


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a sentence that lists the valid choices and, where one is close, asks whether it was meant."""
    listed = [choice for choice in choices if choice]
    close = difflib.get_close_matches(word.lower(), [choice.lower() for choice in listed], n=1)
    guess = next((choice for choice in listed if close and choice.lower() == close[0]), None)
    valid = f"Valid: {', '.join(listed)}."
    return f"Did you mean {guess}? {valid}" if guess else valid


class ModelError(NlsrError):
    """Something is wrong with a model."""


class UnknownModel(ModelError):
    """No model answers to that name, folder or scale."""

    exit_code = ExitCode.USAGE


class WeightsCorrupt(ModelError):
    """A weights file is truncated, altered, hostile, or no checkpoint at all."""


class WeightsMismatch(ModelError):
    """A sound weights file whose tensors are not those of the network that was asked for."""


class DownloadFailed(ModelError):
    """The Hub could not be reached or did not have what was asked for."""


class ImageError(NlsrError):
    """Something is wrong with one picture. `path` names the file, `reason` says what."""

    def __init__(self, path: Path | str, reason: str, hint: str = "") -> None:
        super().__init__(f"{path}: {reason}", hint)
        self.path = Path(path)
        self.reason = reason


class ImageReadError(ImageError):
    """The picture cannot be read faithfully, so it is not read at all."""


class MissingInput(ImageReadError):
    """A picture that was named does not exist."""

    exit_code = ExitCode.USAGE

    def __init__(self, path: Path | str, hint: str = "") -> None:
        super().__init__(path, "does not exist", hint)


class ImageWriteError(ImageError):
    """The picture cannot be encoded or stored; nothing was left under its name."""


class DestinationClash(ImageError):
    """The output exists already, is the input itself, or is claimed by two inputs."""


class NotComparable(ImageError):
    """A picture that was to be compared with another one is not of its scene, shape or size."""


class TrainingError(NlsrError):
    """A training run cannot go on; what was saved of it is untouched."""


class TrainingDiverged(TrainingError):
    """The loss of a training run became NaN or infinite; what was saved before is untouched."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"the training diverged before step {step}: its loss is no longer a number",
            "Start again with lower learning rates; whatever was saved before is kept.",
        )
        self.step = step


class TrainingTooLarge(TrainingError):
    """The device has too little memory for what a training run was `doing`."""

    def __init__(self, device: str, doing: str, hint: str) -> None:
        super().__init__(f"out of memory on {device} while {doing}", hint)
        self.device = device


class RunFolderError(TrainingError):
    """The folder of a training run is damaged, busy, or cannot be written."""

    def __init__(self, folder: Path | str, reason: str, hint: str = "") -> None:
        super().__init__(f"{folder}: {reason}", hint)
        self.folder = Path(folder)


class ResultRejected(NlsrError):
    """What the network made of a picture is not finite, or is no enlargement of it; it was not written."""


class OutOfMemory(NlsrError):
    """Not even the smallest tile fits into the memory of the device."""

    def __init__(self, tile: int, device: str) -> None:
        super().__init__(
            f"out of memory on {device}, even with tiles of {tile} pixels",
            "Close other programs that use the device, choose a smaller model, or run with --device cpu.",
        )
        self.tile = tile


class ScratchFull(NlsrError):
    """What is too large for memory found no place on the disk."""

    def __init__(self, folder: Path, size: int, *, full: bool) -> None:
        why = "has no room for" if full else "takes no file of"
        super().__init__(
            f"a large picture is kept on the disk while it is enlarged, and {folder} {why} {-(-size // 2**20)} MiB",
            "Free some space there, or write to another disk with -o; for streams, set TMPDIR to a folder on one.",
        )
        self.folder = folder


class MissingExtra(NlsrError):
    """An optional package is needed and not installed, or several, with spaces between their names."""

    def __init__(self, name: str, purpose: str) -> None:
        words = name.split()
        noun, them = ("package", "it") if len(words) == 1 else ("packages", "them")
        super().__init__(f"{purpose} needs the {noun} {name}", f"Install {them} with: {install_command(*words)}")
        self.name = name


def install_command(*words: str) -> str:
    """Return what installs packages where this very Python finds them; `words` are those after `install`."""
    python = shlex.quote(sys.executable or "python3")
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        return shlex.join(["uv", "pip", "install", "--python", sys.executable, *words])
    return f"{python} -m pip install {shlex.join(words)}"
