"""Patterns such as `holiday/**/*.jpg`: what the shell would make of them, but for folders as they are.

A part of a pattern that exists as it is written means what exists, so that `Album [2020]/*.png` looks into the folder
of that name. Names match in any case, as cameras write IMG_0001.JPG and people type *.jpg, and in either Unicode form.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import translate
from pathlib import Path
from unicodedata import normalize

from nlsr_cli.batch.passed import PassedOver, is_apple_double, is_system_folder


class Pattern:
    """One pattern of a call.

    Args:
        text: the pattern. `*`, `?` and `[...]` are as in the shell, `**` is any number of folders, but no linked ones.
        passed: gets what lies on the way and is passed over.
        unreadable: gets folders that cannot be read, each with the reason.
    """

    def __init__(self, text: str, passed: PassedOver, unreadable: list[tuple[Path, str]]) -> None:
        self._passed = passed
        self._unreadable = unreadable
        parts = [*Path(text).parts]
        if parts[-1] == "**":
            parts.append("*")
        self.root = Path()  # up to where it is no pattern
        while len(parts) > 1 and _is_literal(self.root, parts[0]):
            self.root /= parts.pop(0)
        *self._folders, self._name = parts

    def files(self) -> list[Path]:
        """Return the files that match, in a fixed order. Files whose name begins with a dot match only another dot."""
        folders = [self.root]
        for part in self._folders:
            folders = list(dict.fromkeys(each for folder in folders for each in self._below(folder, part)))
        return sorted((file for folder in folders for file in self._in(folder)), key=str)

    def _below(self, folder: Path, part: str) -> Iterator[Path]:
        """Yield the folders that one part of the pattern leads to."""
        if part == "**" and not os.path.lexists(folder / part):
            yield folder
            for path in self._subfolders(folder, "*"):
                if path.is_symlink():
                    self._passed.linked.append(path)
                else:
                    yield from self._below(path, part)
        elif _is_literal(folder, part):
            yield folder / part
        else:
            yield from self._subfolders(folder, part)

    def _subfolders(self, folder: Path, part: str) -> Iterator[Path]:
        names = [entry.name for entry in self._entries(folder) if _is_folder(entry)]
        matches = _matcher(part, names)
        for name in filter(matches, names):
            if is_system_folder(name):
                self._passed.system.append(folder / name)
            elif part.startswith(".") or not name.startswith("."):
                yield folder / name

    def _in(self, folder: Path) -> Iterator[Path]:
        """Yield the files of one folder that match."""
        if glob.has_magic(self._name) and _is_literal(folder, self._name):
            yield folder / self._name
            return
        names = [entry.name for entry in self._entries(folder) if not _is_folder(entry)]
        matches = _matcher(self._name, names, re.IGNORECASE)
        for name in names:
            hidden = name.startswith(".") and not self._name.startswith(".")
            if hidden and is_apple_double(name) and matches(name[2:]):
                self._passed.system.append(folder / name)
            elif not hidden and matches(name):
                yield folder / name

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            if (folder, exc.strerror) not in self._unreadable:
                self._unreadable.append((folder, exc.strerror or str(exc)))
            return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):  # a link that leads in a circle
        return entry.is_dir()
    return False


def _is_literal(folder: Path, part: str) -> bool:
    return not glob.has_magic(part) or os.path.lexists(folder / part)


def _matcher(part: str, names: list[str], flags: int = 0) -> Callable[[str], bool]:
    """Return what tells whether a name matches; brackets are a set unless some of `names` have them as they stand."""

    def made(part: str) -> Callable[[str], bool]:
        pattern = re.compile(translate(normalize("NFC", part)), flags)
        return lambda name: pattern.match(normalize("NFC", name)) is not None

    as_it_stands = made(part.replace("[", "[[]"))
    return as_it_stands if any(map(as_it_stands, names)) else made(part)
