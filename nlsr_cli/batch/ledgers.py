"""All ledgers of a folder as one: that of whoever does all, and those of shards, each written by one process only."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nlsr_cli.batch.ledger import LEDGER_NAME, Entry, Ledger, read_all, values_of
from nlsr_cli.shards import Shard

_OF_SHARD = re.compile(r"\.nlsr-ledger-(\d{1,6})of(\d{1,6})\.jsonl")
SHARD, WITHDRAWN = "shard", "withdrawn"  # states of lines that say what all pictures of a shard are made with


def name_of(shard: Shard | None) -> str:
    """Return the name of the ledger that a shard writes."""
    return LEDGER_NAME if shard is None else f".nlsr-ledger-{shard.number}of{shard.count}.jsonl"


def shard_of(name: str) -> Shard | None:
    """Return the shard that writes a ledger of this name; None of the common one."""
    found = _OF_SHARD.fullmatch(name)
    return Shard(int(found[1]), int(found[2])) if found and int(found[1]) < int(found[2]) else None


def ledgers_in(folder: Path) -> list[str]:
    """Return the names of the ledgers in a folder, the common one first; none where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        names = [each.name for each in entries if each.name == LEDGER_NAME or shard_of(each.name)]
        return sorted(names, key=lambda name: (name != LEDGER_NAME, name))
    return []


class Ledgers:
    """The ledgers in `folder`, which may not be there yet; of what they hold, only entries of `names` are kept.

    `shard` says which of them is written.
    """

    def __init__(self, folder: Path, names: Container[str], shard: Shard | None = None) -> None:
        self.folder = folder
        self._names = names
        self._own = Ledger(folder, names, name_of(shard))
        self._others: dict[str, Ledger] = {}
        self._looked: int | None = None  # when the folder had changed the last time that others were looked for
        self.path = self._own.path

    @property
    def trouble(self) -> str:
        """Return why one of them could not be read, if one could not."""
        return next((each.trouble for each in (self._own, *self._others.values()) if each.trouble), "")

    def entries(self, name: str, *, anew: bool = False) -> list[Entry]:
        """Return what is known of an output by now, the last line first; lines of other processes are seen too.

        To look for other ledgers takes long in a large folder: it is done once, and with `anew` if any was added.
        """
        self._find(anew=anew)
        found = [entry for ledger in (self._own, *self._others.values()) for entry in ledger.entries(name)]
        return sorted(found, key=lambda entry: -entry.time)

    def failures(self) -> dict[str, float]:
        """Return the inputs, by their absolute paths, of which a ledger says last that they failed, and when."""
        self._find(anew=False)
        found: dict[str, float] = {}
        for ledger in (self._own, *self._others.values()):
            for origin, time in ledger.failures().items():
                path = origin_at(self.folder, origin)
                found[path] = max(time, found.get(path, 0.0))
        return found

    def add(self, values: Mapping[str, Any]) -> None:
        """Add one line to the ledger of this process.

        Raises:
            OSError: as of `Ledger.add`.
        """
        self._own.add(values)

    def _find(self, *, anew: bool) -> None:
        if self._looked is not None and not anew:
            return
        try:
            changed = self.folder.stat().st_mtime_ns
        except OSError:
            return
        if changed != self._looked:
            self._looked = changed
            for name in ledgers_in(self.folder):
                if name != self.path.name and name not in self._others:
                    self._others[name] = Ledger(self.folder, self._names, name)


def origin_at(folder: Path, origin: str) -> str:
    """Return the absolute path of an input as a ledger in `folder` sees it."""
    return os.path.normpath(os.path.join(os.path.abspath(folder), origin))  # noqa: PTH100, PTH118 - links stay


def declared(path: Path) -> dict[str, Any] | None:
    """Return what the ledger of a shard says last of how all its pictures are made; None where it says nothing."""
    said: dict[str, Any] | None = None
    with suppress(OSError):
        for line in read_all(path):
            values = values_of(line)
            if values.get("state") in (SHARD, WITHDRAWN):
                said = values if values["state"] == SHARD else None
    return said
