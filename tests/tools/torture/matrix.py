"""The round-trip matrix: formats x modes x depths x profiles x targets. Every cell is kept, told or refused.

All files are enlarged by the command line, once for each target format, and what comes out is compared with what went
in by `compare`, which knows nothing of nlsr but its notes. Beside it: the error in colour for each profile.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.torture import facts, gamut
from tests.tools.torture.cells import Cell, cells
from tests.tools.torture.command import nlsr
from tests.tools.torture.compare import KEPT, SAID, SILENT, Verdict, compare
from tests.tools.torture.report import Result, markdown, result, say

SCALE = 2
TARGETS = ("own", "png", "jpeg", "webp", "tiff", "bmp", "avif", "gif")
# A refusal must say why. These blame the file, and no file of the matrix is damaged.
BLAMES = re.compile(r"damaged|truncated|makes no sense|unexpected |is not in a known picture format")


@dataclass(frozen=True)
class Counts:
    """Each so-manieth file, and the targets."""

    every: int = 1
    targets: Sequence[str] = TARGETS
    side: int = 48  # of the pictures for the error in colour


SMALL, FULL = Counts(every=24, targets=("own", "jpeg"), side=24), Counts()


def run(folder: Path, counts: Counts) -> Result:
    """Enlarge all files to all targets and judge."""
    with result("matrix") as found:
        made = {cell.name: cell for cell in cells(counts.every)}
        source = folder / "in"
        source.mkdir()
        for name, cell in made.items():
            (source / name).write_bytes(cell.data)
        before = {name: facts.read(cell.data) for name, cell in made.items()}
        rows: list[dict[str, Any]] = []
        for target in counts.targets:
            rows += list(_target(found, folder, made, before, target))
            say(f"  matrix: {target} done, {len(rows)} cells")
        _judge(found, rows)
        colour = gamut.run(folder / "gamut", counts.side)
        found.failures += colour.failures
        found.figures |= colour.figures
        found.table = f"{_table(rows)}\n{colour.table}"
        (folder / "cells.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        found.figures["silent"] = sum(bool(row["silent"]) for row in rows)
    return found


def _target(
    found: Result, folder: Path, made: dict[str, Cell], before: dict[str, facts.Facts], target: str
) -> Iterable[dict[str, Any]]:
    out = folder / target
    chosen = [] if target == "own" else ["--format", target]
    ended = nlsr("upscale", folder / "in", "-o", out, "--scale", SCALE, "--json", *chosen, patience=3600)
    found.expect(ended.clean and ended.code in (0, 3), f"target {target}: {ended}")
    outcomes = ended.outcomes
    for name, cell in made.items():
        outcome = outcomes.get(name)
        if not found.expect(outcome, f"{cell} to {target}: no outcome at all"):
            continue
        yield _row(cell, before[name], target, outcome)


def _row(cell: Cell, before: facts.Facts, target: str, outcome: dict[str, Any]) -> dict[str, Any]:
    row = {"format": cell.format, "mode": cell.mode, "profile": cell.profile, "load": cell.load, "target": target}
    row |= {"refusal": "", "verdicts": {}, "silent": [], "notes": outcome["notes"]}
    if outcome["status"] == "failed":
        row["refusal"] = outcome["error"]["message"].partition(": ")[2]
        return row
    after = facts.read(Path(outcome["output"]).read_bytes())
    verdicts: list[Verdict] = compare(before, after, outcome["notes"], SCALE)
    row["verdicts"] = {each.property: each.outcome for each in verdicts}
    row["silent"] = [f"{each.property}: {each.detail}" for each in verdicts if each.outcome == SILENT]
    return row


def _judge(found: Result, rows: list[dict[str, Any]]) -> None:
    found.tried = len(rows)
    outcomes: Counter[str] = Counter()
    silent: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        cell = f"{row['format']} {row['mode']} ({row['profile']}, {row['load']}) to {row['target']}"
        for loss in row["silent"]:
            silent[f"{loss}"].append(cell)
        if row["refusal"] and BLAMES.search(row["refusal"]):
            silent[f"refused with a wrong reason: {row['refusal']}"].append(cell)
        verdicts = row["verdicts"].values()
        outcomes[
            "refused" if row["refusal"] else "silent" if row["silent"] else SAID if SAID in verdicts else KEPT
        ] += 1
    found.figures = {"cells": len(rows), **{f"{name} cells": outcomes[name] for name in (KEPT, SAID, "refused")}}
    for loss, places in sorted(silent.items()):
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        found.expect(False, f"{loss}: {'; '.join(places[:3])}{more}")


def _table(rows: list[dict[str, Any]]) -> str:
    """Return one row for each format and mode, one column for each target: the worst that happened there."""
    grouped: defaultdict[tuple[str, str], defaultdict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in rows:
        grouped[row["format"], row["mode"]][row["target"]].append(row)
    targets = list(dict.fromkeys(row["target"] for row in rows))
    lines = [[*key, *(_brief(columns[target]) for target in targets)] for key, columns in grouped.items()]
    return markdown(("format", "mode", *targets), lines)


def _brief(rows: list[dict[str, Any]]) -> str:
    """Return what happened to the files of one format and mode: what was told by property, what was silent."""
    if not rows:
        return ""
    if all(row["refusal"] for row in rows):
        return f"refused: {rows[0]['refusal'][:60]}"
    silent = sorted({loss.partition(":")[0] for row in rows for loss in row["silent"]})
    said = sorted({name for row in rows for name, outcome in row["verdicts"].items() if outcome == SAID})
    parts = [f"**silent: {', '.join(silent)}**"] if silent else []
    parts += [f"said: {', '.join(said)}"] if said else []
    parts += [f"{sum(bool(row['refusal']) for row in rows)} refused"] if any(row["refusal"] for row in rows) else []
    return "; ".join(parts) or KEPT
