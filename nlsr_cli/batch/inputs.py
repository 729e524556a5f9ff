"""Which files a call reads: files, folders and patterns become one list, and what is passed over is told."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from nlsr_cli.batch.ledgers import Ledgers, ledgers_in
from nlsr_cli.batch.passed import PassedOver, is_apple_double, is_system_folder
from nlsr_cli.batch.patterns import Pattern
from nlsr_cli.books.archive import is_book
from nlsr_cli.deepzoom import SUFFIX, folder_of, holds_tiles
from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions

HEAD_BYTES = 64  # enough of a file to know every format by its first bytes

# Endings under which people keep pictures, beside those of the formats. In a folder such a file is taken for a picture
# even if its content is none, so that a damaged picture is reported instead of passed over.
_OTHER_SUFFIXES = {
    ".mpo", ".dib", ".hif", ".avifs", ".jp2", ".psd", ".ico", ".tga", ".ppm", ".pgm",
    ".exr", ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".raf", ".orf", ".rw2", ".pef",
    ".srw", ".3fr", ".iiq", ".mrw", ".x3f"
}  # fmt: skip


@dataclass
class Sources:
    """The pictures of one call, each with the folder that its place in a mirrored tree is relative to."""

    files: list[tuple[Path, Path]] = field(default_factory=list)
    from_many: bool = False  # a folder or a pattern was among the inputs, so the target must be a folder
    passed: PassedOver = field(default_factory=PassedOver)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # folders, each with the reason


def find_sources(
    inputs: Sequence[str | Path], output: OutputOptions, *, listed: Sequence[Path] | None = None
) -> Sources:
    """Return the pictures that `inputs` name, in a fixed order, each once.

    A file that is named alone is always taken. Of a folder or pattern, files that are no pictures are passed over. So
    are `NAME_x4`, `NAME_2000x1500` and the like where NAME is there too, also of several names, which a shell may have
    made of a pattern: a second call must not enlarge what the first one made. So are folders in them that a NAS or an
    operating system keeps for itself. A path that exists is no pattern.

    `listed` are the names of a list, taken as they stand: none is a pattern. An empty list is no error.

    Raises:
        OptionError: a pattern matches nothing, or nothing at all is found.
    """
    found = Sources(from_many=listed is not None)
    named: list[tuple[Path, Path]] = []
    gathered: list[tuple[Path, Path]] = []
    literal = len(inputs)  # the place from which on names are no patterns
    for number, each in enumerate((*inputs, *(listed or ()))):
        path, text = Path(each), str(each)
        if each == "":
            raise OptionError("an input is empty", "Give files, folders or patterns.")
        if stat.S_ISDIR(mode_of(path)):
            gathered += [(file, path) for file in _walk(path, output, found)]
        elif number < literal and _is_pattern(text):
            gathered += _match(text, found)
        else:
            named.append((path, path.parent))
            continue
        found.from_many = True
    # What is to be replaced must not be a picture that somebody named: then it is an input, and that is refused.
    several = len(named) > 1 and output.existing != "overwrite"
    kept = _without_outputs(named, output, found) if several else named
    kept = kept + _without_outputs(gathered, output, found)
    # Two links to one file are two pictures with two outputs, hence no resolving.
    found.files = list({os.path.abspath(path): (path, root) for path, root in reversed(kept)}.values())[::-1]  # noqa: PTH100
    if not (found.files or found.passed.reasons() or found.unreadable or listed is not None):
        raise nothing_found(found)
    return found


def gathers(inputs: Sequence[str | Path]) -> bool:
    """Tell whether any of the inputs is a folder or a pattern."""
    return any(stat.S_ISDIR(mode_of(Path(each))) or _is_pattern(str(each)) for each in inputs)


def _is_pattern(text: str) -> bool:
    return glob.has_magic(text) and not os.path.lexists(text)


def nothing_found(found: Sources) -> OptionError:
    """Return the error for a call that has nothing to do, which names what was passed over."""
    seen = [path.name for _, paths in found.passed.reasons() for path in paths]
    told = f", only {', '.join(seen[:3])}{', …' if len(seen) > 3 else ''}" if seen else ""
    return OptionError(f"no pictures found{told}", "Give files, folders (with -r for their subfolders) or patterns.")


def _walk(folder: Path, output: OutputOptions, found: Sources) -> Iterable[Path]:
    """Yield the pictures of a folder in a fixed order; a folder inside that outputs go to is not looked into."""
    place = output.place
    own = place.stat() if place is not None and stat.S_ISDIR(mode_of(place)) else None
    if own is not None and _same(folder, own):
        own = None

    def on_error(error: OSError) -> None:
        found.unreadable.append((Path(error.filename or folder), error.strerror or str(error)))

    for base, folders, names in os.walk(folder, onerror=on_error):
        below = []
        for path in (Path(base) / name for name in sorted(folders)):
            if is_system_folder(path.name):
                found.passed.system.append(path)
            elif path.name.startswith(".") or (own is not None and _same(path, own)):
                continue
            elif holds_tiles(path):
                continue  # the file beside it is told
            elif not output.recursive:
                found.passed.unvisited.append(path)
            elif path.is_symlink():
                found.passed.linked.append(path)
            else:
                below.append(path.name)
        folders[:] = below
        yield from _pictures((Path(base) / name for name in sorted(names)), found)


def _same(path: Path, other: os.stat_result) -> bool:
    """Tell whether a path leads to what has this status, however it is spelled."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), other)
    return False


def _match(text: str, found: Sources) -> list[tuple[Path, Path]]:
    """Return the pictures that match a pattern; their tree begins where it becomes one."""
    unreadable: list[tuple[Path, str]] = []
    pattern = Pattern(text, found.passed, unreadable)
    files = pattern.files()
    found.unreadable += unreadable
    if not files and not unreadable:
        hint = "Files of a NAS or the system are skipped: name one to include it." if found.passed.system else ""
        raise OptionError(f"no file matches '{text}'", hint)
    wanted = (path for path in files if not _is_tile(path, pattern.root))
    return [(path, pattern.root) for path in _pictures(wanted, found)]


def _is_tile(path: Path, root: Path) -> bool:
    """Tell whether a file is the tile of a DeepZoom, into whose folder nobody but a pattern has led."""
    folder = path.parents[1] if len(path.parents) > 1 else root
    return not root.is_relative_to(folder) and holds_tiles(folder)


def _pictures(files: Iterable[Path], found: Sources) -> Iterable[Path]:
    for path in files:
        if is_apple_double(path.name):
            found.passed.system.append(path)
        elif path.suffix.lower() == SUFFIX and folder_of(path).is_dir():
            found.passed.earlier.append(path)
        elif path.name.startswith("."):
            continue
        elif path.suffix.lower() in picture_suffixes() or is_book(path) or _looks_like_picture(path):
            yield path
        else:
            found.passed.strangers.append(path)


@lru_cache(maxsize=1)
def picture_suffixes() -> set[str]:
    """Return the endings, in lower case, under which people keep pictures."""
    from nlsr_cli.images.formats import FORMATS  # with Pillow: whether inputs are folders is asked before it loads

    return _OTHER_SUFFIXES.union(*(each.suffixes for each in FORMATS.values() if each.parse is not None))


def _looks_like_picture(path: Path) -> bool:
    """Tell whether a file without a picture's ending begins like a picture; pipes and devices are never opened."""
    from nlsr_cli.images.formats import format_of  # late, as above

    try:
        if not stat.S_ISREG(mode_of(path)):
            return False
        with path.open("rb") as file:
            return format_of(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def _without_outputs(
    gathered: list[tuple[Path, Path]], output: OutputOptions, found: Sources
) -> list[tuple[Path, Path]]:
    """Leave out what earlier calls made of pictures that are gathered too: by their names, or by a ledger."""
    endings = [r"_x\d+(?:\.\d+)?", r"_\d+x\d+"]
    if output.suffix_pattern:
        endings.append(output.suffix_pattern)
    made = re.compile(rf"(?P<stem>.+?)(?:_page\d+)?(?:{'|'.join(endings)})", re.DOTALL)
    there = {(path.parent, path.stem) for path, _ in gathered}
    entered = _entered([path for path, _ in gathered])
    kept = []
    for path, root in gathered:
        match = made.fullmatch(path.stem)
        if path in entered or (match and (path.parent, match["stem"]) in there):
            found.passed.earlier.append(path)
        else:
            kept.append((path, root))
    return kept


def _entered(paths: Sequence[Path]) -> set[Path]:
    """Return those of some files that a ledger beside them says were made of others of them."""
    names: defaultdict[Path, set[str]] = defaultdict(set)
    for path in paths:
        names[path.parent].add(path.name)
    ledgers = {folder: Ledgers(folder, each) for folder, each in names.items() if ledgers_in(folder)}
    if not ledgers:
        return set()
    sources = {os.path.abspath(path) for path in paths}  # noqa: PTH100 - links are pictures of their own
    found = set()
    for path in paths:
        for entry in ledgers[path.parent].entries(path.name) if path.parent in ledgers else ():
            source = os.path.abspath(path.parent / entry.origin)  # noqa: PTH100
            if entry.origin and source in sources and source != os.path.abspath(path) and _has_size(path, entry.size):  # noqa: PTH100
                found.add(path)
    return found


def _has_size(path: Path, size: int) -> bool:
    with suppress(OSError):
        return path.stat().st_size == size
    return False


def mode_of(path: Path) -> int:
    """Return the type bits of what `path` leads to (for `stat.S_ISDIR` and the like), 0 where nothing can be said."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0
