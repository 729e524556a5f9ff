"""Simulated faults: each with the outcome and the exit code that it must have, and nothing lost beside it.

A fault is put into the real command line by a prelude: Python that runs in the process before `nlsr` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.tools.torture import faults_disk, faults_hub, faults_names, faults_tiles
from tests.tools.torture.bench import Bench, NotHere
from tests.tools.torture.report import Result, markdown, result, say

FAULTS: dict[str, Callable[[Bench], str]] = {
    "out of memory on a large tile": faults_tiles.memory_on_large_tile,
    "out of memory on every tile": faults_tiles.memory_on_every_tile,
    "non-finite tile in half precision": faults_tiles.not_finite_in_half,
    "non-finite tile in float32": faults_tiles.not_finite,
    "constant tile": faults_tiles.constant,
    "tile out of range": faults_tiles.out_of_range,
    "tile of another place": faults_tiles.misplaced,
    "lost decoder": faults_tiles.lost_decoder,
    "clock jumps back": faults_tiles.clock_jump,
    "file-size limit": faults_disk.file_size_limit,
    "full disk": faults_disk.full_disk,
    "full disk under an old output": faults_disk.full_disk_keeps_old,
    "read-only folder": faults_disk.read_only,
    "vanished input": faults_disk.vanished,
    "input changed between plan and run": faults_disk.changed,
    "input changed after it was done": faults_disk.changed_after,
    "output folder removed meanwhile": faults_disk.folder_removed,
    "two processes on one folder": faults_disk.two_processes,
    "link planted at an output": faults_names.link_at_output,
    "link planted meanwhile": faults_names.link_meanwhile,
    "linked folder in the output": faults_names.linked_folder,
    "`..` in a pattern": faults_names.dots_in_pattern,
    "`..` in a suffix": faults_names.dots_in_suffix,
    "`..` in a model's name": faults_names.dots_in_model,
    "Hub: no such repository": faults_hub.missing,
    "Hub: error 500": faults_hub.broken,
    "Hub: download cut off once": faults_hub.cut_once,
    "Hub: download cut off always": faults_hub.cut_always,
    "Hub: other bytes than published": faults_hub.altered,
}


@dataclass(frozen=True)
class Counts:
    """Which faults; None is all."""

    names: Sequence[str] | None = None


SMALL = Counts(("out of memory on a large tile", "file-size limit", "link planted at an output", "Hub: error 500"))
FULL = Counts()


def run(folder: Path, counts: Counts) -> Result:
    """Try every fault."""
    with result("faults") as found:
        rows = []
        for number, name in enumerate(counts.names or FAULTS):
            bench = Bench(name, folder / str(number), found)
            before = len(found.failures)
            try:
                outcome = FAULTS[name](bench)
            except NotHere as reason:
                found.skipped.append(f"{name}: {reason}")
                rows.append((name, f"not tried: {reason}", "", ""))
                continue
            finally:
                bench.clean()
            found.tried += 1
            good = len(found.failures) == before
            say(f"  faults: {name}: {'good' if good else 'FAILED'}")
            rows.append((name, outcome, ", ".join(map(str, bench.codes)), "good" if good else "**failed**"))
        found.table = markdown(("fault", "outcome", "exit", "verdict"), rows)
        found.figures = {"good": found.tried - sum("failed" in row[3] for row in rows), "of": found.tried}
    return found
