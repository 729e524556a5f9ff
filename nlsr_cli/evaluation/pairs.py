"""Which pictures are compared: a true one, and the low resolution that belongs to it, found by its name."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from nlsr_cli.batch.inputs import find_sources
from nlsr_cli.batch.passed import PassedOver
from nlsr_cli.errors import ImageReadError, NlsrError, OptionError
from nlsr_cli.images import Pixels
from nlsr_cli.options import OutputOptions


@dataclass(frozen=True, eq=False)
class Pair:
    """A true picture and its low resolution: files, which are read when their turn comes, or pixels in memory.

    Pixels are (h, w, 1 or 3), 8 or 16 bit. `lr` None is what bicubic reduction makes of `hr`. `error` says why there
    is nothing to compare.
    """

    name: str
    hr: Path | Pixels
    lr: Path | Pixels | None = None
    error: NlsrError | None = None


@dataclass(frozen=True)
class Pairs:
    """The pairs of one call, in order, and what was passed over; `lonely` are of low resolution without a partner."""

    pairs: tuple[Pair, ...]
    passed: PassedOver = field(default_factory=PassedOver)
    lonely: list[Path] = field(default_factory=list)


def find_pairs(hr: str | Path, lr: str | Path | None, scale: int, *, recursive: bool = False) -> Pairs:
    """Return the true pictures in `hr`, a folder, a pattern or one file, each with its partner in `lr`.

    A partner has the same name, or one that says what it is: `a.png` belongs to `a.png`, `ax4.png`, `a_x4.jpg`,
    `a_LR.png` or `a_LR_x4.png`, and so does `a_HR.png`. `lr` None reduces the true pictures instead. With `recursive`,
    subfolders are looked into, and partners lie in subfolders of the same names.

    Raises:
        OptionError: there is not one picture in `hr` or `lr`.
    """
    truths, passed = _pictures(hr, "high-resolution", recursive)
    if lr is None:
        return Pairs(tuple(Pair(name, path) for path, name in truths.items()), passed)
    reduced, others = _pictures(lr, "low-resolution", recursive)
    passed.add(others)
    if [Path(hr), Path(lr)] == [*truths, *reduced]:  # both are named, so they belong together whatever their names are
        return Pairs((Pair(truths[Path(hr)], Path(hr), Path(lr)),), passed)
    by_folder: defaultdict[str, list[Path]] = defaultdict(list)
    for path, name in reduced.items():
        by_folder[os.path.dirname(name) if recursive else ""].append(path)  # noqa: PTH120 - names are text
    pairs = []
    for path, name in truths.items():
        inner = os.path.dirname(name) if recursive else ""  # noqa: PTH120
        pairs.append(_pair(path, name, by_folder[inner], Path(lr, inner), scale))
    taken = {pair.lr for pair in pairs if isinstance(pair.lr, Path)}
    return Pairs(tuple(pairs), passed, [path for path in reduced if path not in taken])


def _pictures(place: str | Path, what: str, recursive: bool) -> tuple[dict[Path, str], PassedOver]:
    """Return the pictures that `place` names, in order, each with its name as seen from there; and what is no part."""
    hint = f"Give the folder that holds the {what} pictures itself, a pattern or a file."
    try:
        found = find_sources([place], OutputOptions(recursive=recursive))
    except OptionError as error:
        raise OptionError(f"no {what} pictures in '{place}'", hint) from error
    if found.unreadable:
        path, why = found.unreadable[0]
        raise ImageReadError(path, f"the folder cannot be read: {why}")
    if not found.files:
        raise OptionError(f"no {what} pictures in '{place}'", hint)
    named = {path: path.relative_to(root).as_posix() for path, root in sorted(found.files)}
    first = next(iter(named))
    if not first.exists():
        raise OptionError(f"{first} does not exist", hint)
    return named, found.passed


def _pair(truth: Path, name: str, reduced: list[Path], folder: Path, scale: int) -> Pair:
    """Return the pair of a true picture, with an error where no or more than one picture answers to its name."""
    partners = _partners(truth, reduced, scale)
    if len(partners) == 1:
        return Pair(name, truth, partners[0])
    if not partners:
        reason = f"has no low-resolution partner in {folder}"
        hint = f"It must be named {truth.stem} or {truth.stem}x{scale}, with any ending."
    else:
        reason = f"has more than one low-resolution partner: {', '.join(path.name for path in partners)}"
        hint = "Omit one of them."
    return Pair(name, truth, error=ImageReadError(truth, reason, hint))


def _partners(truth: Path, reduced: list[Path], scale: int) -> list[Path]:
    """Return the pictures that answer to a name: those of the most exact of three ways to compare, if any."""
    by_way: defaultdict[int, list[Path]] = defaultdict(list)
    for path in reduced:
        if path.name == truth.name:
            by_way[0].append(path)
        elif path.stem == truth.stem:
            by_way[1].append(path)
        elif _bare(path, scale) == _bare(truth, scale):
            by_way[2].append(path)
    return by_way[min(by_way)] if by_way else []


def _bare(path: Path, scale: int) -> str:
    """Return a name without its ending, and without what it says of scale and resolution."""
    return re.sub(rf"([._-](hr|lr|lrbi))?([._-]?x{scale})?([._-](hr|lr|lrbi))?$", "", path.stem.casefold())
