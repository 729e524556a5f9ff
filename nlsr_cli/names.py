"""Which names lead to one file: a question that only the file system can answer. The standard library only.

Volumes of Windows, macOS, cameras and memory cards (NTFS, exFAT, FAT, APFS, HFS+), many network shares, and folders of
ext4 after `chattr +F` take `Photo.png` and `photo.png` for one name. Some do the same with "é" as one code point and as
two (NFC and NFD, Unicode Standard Annex 15). Which ones do is a matter of the volume, of how it was made and mounted,
even of the folder, and each has its own table of letters. So names that might be one are tried where they shall stand.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import category, normalize

from nlsr_cli.files import PART_PREFIX, PART_SUFFIX, writing_in

Ask = Callable[[Path, Sequence[str]], dict[str, str]]

# Code points without a shape of their own that are no format characters, of those that Unicode lets software ignore
# (DerivedCoreProperties, Default_Ignorable_Code_Point); ext4 and HFS+ compare names without them.
_IGNORABLE = frozenset(
    map(chr, [0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0])
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000))))


def first_claims(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return for each name the first of `names` that is the same to the file system in `folder`, mostly itself.

    The names are given to empty files in a folder of their own, which is removed at once, inside `folder` or, while
    that is not there, inside the nearest folder above it. Where nothing can be made, no output can be lost either, and
    all names are taken for different ones.
    """
    while not folder.is_dir():
        folder = folder.parent
    try:
        with (
            writing_in(folder),
            TemporaryDirectory(prefix=PART_PREFIX, suffix=PART_SUFFIX, dir=folder, ignore_cleanup_errors=True) as probe,
        ):
            return {name: _claim(Path(probe), name) for name in names}
    except OSError:
        return {name: name for name in names}


def _claim(folder: Path, name: str) -> str:
    """Return the name under which a file was made before, if `name` leads to it; else make one that holds its name.

    What it holds tells, not its number: the numbers of some file systems (exFAT through FUSE) go by the spelling.
    """
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        return os.fsdecode(path.read_bytes())
    except (OSError, ValueError):  # no name of this file system: who writes there will hear of it
        return name
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.fsencode(name))
    return name


def one_spelling(outputs: Iterable[Path], inputs: Iterable[Path], ask: Ask = first_claims) -> dict[Path, Path]:
    """Return, for paths that lead to one file under several spellings, the spelling that shall stand for all of them.

    Paths that nothing resembles are not in the result, and no folder is asked about them. They need not exist, nor need
    their folders. `inputs` count where an output resembles them: nothing is tried where only inputs are.

    Args:
        outputs: files that will be written.
        inputs: files that are read.
        ask: tells of names in a folder which are one, as `first_claims` does.
    """
    folders: dict[Path, Path] = {}
    real = {path: _real(path, folders) for path in (*outputs, *inputs)}
    groups: defaultdict[tuple[str, ...], set[Path]] = defaultdict(set)
    for path in outputs:
        groups[likeness(real[path])].add(real[path])
    for path in inputs:
        alike = groups.get(likeness(real[path]))
        if alike is not None:
            alike.add(real[path])
    settled: dict[Path, Path] = {}
    for group in groups.values():
        if len(group) > 1:
            settled.update(_settle(group, ask))
    return {path: settled[place] for path, place in real.items() if place in settled}


def _real(path: Path, folders: dict[Path, Path]) -> Path:
    """Return a path whose folders are no links; its last part may be one, as writing replaces that."""
    if path.parent not in folders:  # once, not for each of thousands of files
        folders[path.parent] = Path(os.path.realpath(path.parent))
    return folders[path.parent] / path.name


def _settle(group: set[Path], ask: Ask) -> dict[Path, Path]:
    """Return what stands for each path of a group that looks alike, decided from the root down, name by name."""
    stands = {path: Path(path.parts[0]) for path in group}
    for depth in range(1, len(min(group).parts)):
        names: defaultdict[Path, set[str]] = defaultdict(set)
        for path, folder in stands.items():
            names[folder].add(path.parts[depth])
        first = {folder: ask(folder, sorted(each)) for folder, each in names.items() if len(each) > 1}
        for path, folder in stands.items():
            name = path.parts[depth]
            stands[path] = folder / first.get(folder, {}).get(name, name)
    return stands


def likeness(path: Path) -> tuple[str, ...]:
    """Return what all paths share that any file system may take for one."""
    return tuple(map(_bare, path.parts))


@lru_cache(maxsize=2**16)
def _bare(name: str) -> str:
    """Return what all names share that any file system may take for one: too much rather than too little.

    Besides case and form, some ignore what has no shape, and Windows spaces and dots at the end ("Naming Files, Paths,
    and Namespaces").
    """
    shown = (c for c in normalize("NFD", name) if category(c) != "Cf" and c not in _IGNORABLE)
    return normalize("NFD", "".join(shown).casefold().upper().casefold()).rstrip(" .")
