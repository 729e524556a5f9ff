"""What a part of the suite hands back: figures, failures that can be repeated, a table."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


@dataclass
class Result:
    """What one part found. It is good where `failures` is empty and something was tried at all.

    `figures` are numbers and short texts for the last table; `failures` one line each; `table` is Markdown.
    """

    part: str
    tried: int = 0
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    table: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Tell whether everything went as it must: nothing tried is nothing shown."""
        return self.tried > 0 and not self.failures

    def expect(self, condition: object, failure: str) -> bool:
        """Note `failure` unless the condition holds; return whether it does."""
        if not condition:
            self.failures.append(failure)
            say(f"  FAILED {self.part}: {failure}")
        return bool(condition)

    def save(self, folder: Path) -> Path:
        """Write the result as JSON into `folder`, and return its place."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.part}.json"
        content = {**asdict(self), "good": self.good}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
        if self.table:
            (folder / f"{self.part}.md").write_text(self.table, encoding="utf-8")
        return path


@contextmanager
def result(part: str) -> Iterator[Result]:
    """Give a result that knows how long it took."""
    found, start = Result(part), time.monotonic()
    say(f"{part}: begins")
    try:
        yield found
    finally:
        found.seconds = round(time.monotonic() - start, 1)
        say(f"{part}: {found.tried} tried, {len(found.failures)} failures, {found.seconds} s")


def say(line: str) -> None:
    """Print a line of progress."""
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {line}\n")
    sys.stderr.flush()


def progress(part: str, total: int, every: float = 20.0) -> Iterator[int]:
    """Yield 0, 1, ... up to `total`, and tell how far it is every so many seconds."""
    start = last = time.monotonic()
    for number in range(total):
        yield number
        now = time.monotonic()
        if now - last > every:
            last = now
            say(f"  {part}: {number + 1} of {total}, {(now - start) / (number + 1) * (total - number - 1):.0f} s left")


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def summary(results: Sequence[Result]) -> str:
    """Return the last table: every part with what it found."""
    rows = []
    for each in results:
        figures = "; ".join(f"{name} {value}" for name, value in each.figures.items())
        verdict = "good" if each.good else f"**{len(each.failures)} failures**" if each.tried else "**nothing tried**"
        skipped = f" ({len(each.skipped)} skipped)" if each.skipped else ""
        rows.append((each.part, each.tried, f"{verdict}{skipped}", f"{each.seconds:.0f} s", figures))
    return markdown(("part", "tried", "verdict", "time", "figures"), rows)
