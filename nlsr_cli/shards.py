"""Dividing many pictures among processes that never speak with each other: by their names alone."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass

from nlsr_cli.errors import OptionError

_EXAMPLE = "Shards count from 0. For two processes: --shard 0/2 and --shard 1/2"


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a job; `number` counts from 0."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise OptionError(f"--shard {self} has no parts", _EXAMPLE)
        if not 0 <= self.number < self.count:
            last = Shard(self.count - 1, self.count)
            hint = f"Shards count from 0, so the last of {self.count} is --shard {last}"
            raise OptionError(f"--shard {self} is not one of {self.count}", hint)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Build from a text such as `2/8`.

        Raises:
            OptionError: it is none, or a part that there is not.
        """
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
        if not found:
            raise OptionError(f"--shard must be a number and how many there are, not '{text[:40]}'", _EXAMPLE)
        return cls(int(found[1]), int(found[2]))

    def takes(self, name: str) -> bool:
        """Tell whether a picture is in this part. `name` is as it is on the disk, relative to the folder given.

        It follows from the name alone, so that it does not matter what else is there, and when.
        """
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number
