"""`python -m tests.tools.torture [PART ...] [--small]`: run parts, print a table, exit 1 if anything failed."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.tools.torture.report import ROOT, Result, say, summary

PARTS = ("matrix", "kills", "fuzz", "faults", "many", "same", "large")
ALL = (*PARTS, "cluster")  # of the last the gate takes no sample: a cluster takes its time to start
RESULTS = ROOT / "build" / "torture"


def run_part(part: str, folder: Path, *, small: bool) -> Result:
    """Run one part in an empty folder; `small` takes the counts of the gate."""
    module = importlib.import_module(f"tests.tools.torture.{part}")
    found: Result = module.run(folder, module.SMALL if small else module.FULL)
    return found


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(ALL)}; all if none is named")
    parser.add_argument("--small", action="store_true", help="the counts of the gate: seconds instead of an hour")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for JSON, tables and reproducers")
    parser.add_argument("--work", type=Path, help="folder to work in; temporary if none is named")
    asked = parser.parse_args(arguments)
    unknown = set(asked.parts) - set(ALL)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}: there are {', '.join(ALL)}")
    results = []
    for part in asked.parts or ALL:
        with tempfile.TemporaryDirectory(prefix=f"torture-{part}-", dir=asked.work) as folder:
            found = run_part(part, Path(folder), small=asked.small)
        say(f"{part}: written to {found.save(asked.results)}")
        results.append(found)
    for found in results:
        if found.table:
            sys.stdout.write(f"\n## {found.part}\n\n{found.table}")
        sys.stdout.writelines(f"- {found.part}: {failure}\n" for failure in found.failures)
        sys.stdout.writelines(f"- {found.part}, skipped: {reason}\n" for reason in found.skipped)
    table = summary(results)
    (asked.results / "summary.md").write_text(table, encoding="utf-8")
    sys.stdout.write(f"\n{table}")
    return 0 if all(found.good for found in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
