"""What becomes of every part of a picture file: carried, rewritten, replaced, or dropped with a note.

A reader walks its container once, part by part, and asks the rules of the format for the fate of each. A part that no
rule names is dropped with a note: nothing can be lost because nobody thought of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import tee
from typing import Generic, TypeVar

SHOWN = 4  # names listed in one note; the rest is counted


class Fate(Enum):
    """What becomes of a part on the way from one file to the other."""

    CARRIED = "carried"  # the same content, wherever the target format holds it; the writer notes where it does not
    REWRITTEN = "rewritten"  # made true of the upright, enlarged picture, under the same condition
    REPLACED = "replaced"  # made anew by the writer: coded samples, sizes, checksums, tables, padding
    DROPPED = "dropped"  # left out, with a note


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a container, at `start` in the file and `size` bytes long, headers included.

    `name` is what the format's own documents call it: "APP11", "tEXt", "34377", "ANMF", "clap". `head` is the beginning
    of its content, at most 64 bytes, for rules that look inside. Bytes that belong to no part are parts named
    `TRAILER` (behind the end) or `GAP` (between parts), or `PADDING` where all of them are zero.
    """

    name: str
    start: int
    size: int
    head: bytes = b""


TRAILER, GAP, PADDING = "trailing data", "stray data", "padding"
HEAD = 64  # bytes of its content that a part shows


Piece = TypeVar("Piece")


class Walk(Generic[Piece]):
    """The pieces of a container for as many as ask: it is walked once, and no further than anybody has asked."""

    def __init__(self, coming: Iterator[Piece]) -> None:
        self._coming = coming

    def __iter__(self) -> Iterator[Piece]:
        self._coming, mine = tee(self._coming)  # which keeps what one of them has yet to give
        return mine


@dataclass(frozen=True)
class Rule:
    """The fate of a kind of part. `what` is the user's word for it ("content credentials (C2PA)"), used in the note.

    `quiet` marks a dropped part whose loss another note already names, in more detail.
    """

    fate: Fate
    what: str = ""
    quiet: bool = False


CARRIED, REWRITTEN, REPLACED = (Rule(fate) for fate in (Fate.CARRIED, Fate.REWRITTEN, Fate.REPLACED))
Rules = Callable[[Part], Rule | None]


@dataclass(frozen=True, slots=True)
class Accounted:
    """A part and the rule that decides about it."""

    part: Part
    rule: Rule


def loose(name: str, data: bytes, start: int, end: int | None = None) -> Iterator[Part]:
    """Yield the part that the bytes between two places of a file make, if there are any, under the name `name`."""
    end = len(data) if end is None else min(end, len(data))
    if start < end:
        empty = data.count(0, start, end) == end - start
        yield Part(PADDING if empty else name, start, end - start, data[start : min(end, start + HEAD)])


def account(parts: Iterable[Part], rules: Rules) -> tuple[Accounted, ...]:
    """Return the fate of every part, in the order of the file; what no rule names is dropped.

    What lies between the parts of a file or behind them is none of its parts, and is not called an unknown one.
    """
    return tuple(Accounted(part, rules(part) or LOOSE.get(part.name) or Rule(Fate.DROPPED)) for part in parts)


def dropped(what: str) -> Rule:
    """Return the rule for a part that is left out with a note that calls it `what`."""
    return Rule(Fate.DROPPED, what)


LOOSE = {
    GAP: dropped("data between the parts of the file"),
    TRAILER: dropped("data after the end of the picture"),
}


def loss_notes(accounted: Iterable[Accounted], kind: str) -> Iterator[str]:
    """Yield one note for each kind of thing that is dropped; `kind` is what the format calls a part ("PNG chunk")."""
    named: dict[str, list[Part]] = {}
    unknown: list[Part] = []
    for each in accounted:
        if each.rule.fate is not Fate.DROPPED or each.rule.quiet:
            continue
        if each.rule.what:
            named.setdefault(each.rule.what, []).append(each.part)
        else:
            unknown.append(each.part)
    for what, parts in named.items():
        yield f"Left out: {what} ({_size(parts)})."
    if unknown:
        names = dict.fromkeys(part.name for part in unknown)
        plural = "s" if len(unknown) > 1 else ""
        yield f"Left out: {len(unknown)} unknown {kind}{plural} ({listed(names)}; {_size(unknown)})."


def listed(names: Iterable[str]) -> str:
    """Return strangers' names for a note: a few, which can do no harm on a terminal, and how many more there are."""
    shown = [_printable(name) for name in names]
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")


def _size(parts: Iterable[Part]) -> str:
    count = sum(part.size for part in parts)
    return f"{count} byte{'s' if count != 1 else ''}"


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)[:24]
