"""Twenty thousand damaged pictures and two thousand damaged checkpoints: refused or read, never anything else.

Most go to the functions behind the command line, in processes that are watched from outside (`fuzz_worker`); some
hundred go through the command line itself. Each failure is kept as a file that shows it again.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.torture.command import environment, nlsr
from tests.tools.torture.fuzz_worker import MAX_PIXELS, checkpoint_case, picture_case
from tests.tools.torture.report import ROOT, Result, markdown, result, say

WORKER = (sys.executable, "-m", "tests.tools.torture.fuzz_worker")
HANG = 60.0  # seconds on one file, its reading, writing and all
REPRODUCERS = ROOT / "build" / "torture" / "reproducers"
BATCH = 50  # damaged pictures for one run of the command line
TOLD = ("error: ", "hint: ", "note: ", "  note: ", "nlsn-")  # how lines on stderr begin; others name a file


@dataclass(frozen=True)
class Counts:
    """Cases for the functions, and for the command line."""

    pictures: int
    checkpoints: int
    cli_pictures: int
    cli_checkpoints: int
    lanes: int = 2
    seed: int = 1


SMALL = Counts(pictures=100, checkpoints=20, cli_pictures=8, cli_checkpoints=1, lanes=1)
FULL = Counts(pictures=20_000, checkpoints=2_000, cli_pictures=400, cli_checkpoints=40)


@dataclass
class Seen:
    """What the workers of one kind told."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[int, str, str]] = field(default_factory=list)  # number, problem, detail
    contained: list[tuple[int, str]] = field(default_factory=list)  # number, what was said of the file


def run(folder: Path, counts: Counts) -> Result:
    """Meet all cases."""
    with result("fuzz") as found:
        for kind, count in (("pictures", counts.pictures), ("checkpoints", counts.checkpoints)):
            seen = _meet(kind, count, counts, folder)
            found.tried += count
            _add_up(found, kind, count, seen, counts.seed)
        _pictures_by_command(found, folder / "cli", counts)
        _checkpoints_by_command(found, folder / "cli-models", counts)
    return found


def _meet(kind: str, count: int, counts: Counts, folder: Path) -> Seen:
    seen = Seen()
    with ThreadPoolExecutor(counts.lanes) as pool:
        lanes = [pool.submit(_lane, kind, lane, count, counts, folder, seen) for lane in range(counts.lanes)]
        for lane in lanes:
            lane.result()
    return seen


def _lane(kind: str, lane: int, count: int, counts: Counts, folder: Path, seen: Seen) -> None:
    """Run one worker over its share, and another from the next case on where one crashes or hangs."""
    place = folder / f"{kind}{lane}"
    place.mkdir()
    first, begun = lane, time.monotonic()
    while first < count:
        command = [*WORKER, kind]
        command += [str(number) for number in (counts.seed, first, count, counts.lanes)]
        (place / "at").write_text(f"{first:10}")
        with (place / "stderr").open("w+b") as noise:
            how = {"stdout": subprocess.PIPE, "stderr": noise, "text": True, "env": environment()}
            with subprocess.Popen([*command, str(place)], **how) as worker:
                reader = threading.Thread(target=_listen, args=(worker, seen), daemon=True)
                reader.start()
                hung = _watch(worker, place / "at", kind, count, begun)
                reader.join()
        if worker.returncode == 0:
            return
        at = _case(place / "at")
        problem = "a hang" if hung else f"a crash (exit {worker.returncode})"
        seen.problems.append((at, problem, (place / "stderr").read_bytes()[-800:].decode("latin-1")))
        first = at + counts.lanes


def _listen(worker: subprocess.Popen[str], seen: Seen) -> None:
    assert worker.stdout is not None
    for line in worker.stdout:
        told = json.loads(line)
        if told["problem"] == "contained":
            seen.contained.append((told["number"], told["detail"]))
        elif told["problem"]:
            seen.problems.append((told["number"], told["problem"], told["detail"]))
        for name, value in told.get("done", {}).items():
            if name in ("slowest ms", "most MiB"):
                seen.counts[name] = max(seen.counts[name], value)
            else:
                seen.counts[name] += value


def _watch(worker: subprocess.Popen[str], at: Path, kind: str, count: int, begun: float) -> bool:
    """Wait for a worker; kill it, and return True, where it stays with one case for too long."""
    case, since, told = -1, time.monotonic(), time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            worker.wait(0.5)
            return False
        now = time.monotonic()
        if (number := _case(at)) != case:
            case, since = number, now
        if now - told > 20:
            told = now
            say(f"  fuzz: {kind} {case} of {count}, {(now - begun) / (case + 1) * (count - case):.0f} s left")
        if now - since > HANG + (30 if case < 4 else 0):  # the first one waits for torch
            worker.kill()
            worker.wait()
            return True


def _case(at: Path) -> int:
    with suppress(ValueError, OSError):
        return int(at.read_text())
    return 0


def _add_up(found: Result, kind: str, count: int, seen: Seen, seed: int) -> None:
    told = ", ".join(f"{name} {value}" for name, value in sorted(seen.counts.items()))
    found.figures[kind] = f"{count} ({told})"
    for number, problem, detail in seen.problems:
        where = _reproducer(kind, seed, number)
        found.expect(False, f"{problem} with {where}: {detail.strip().splitlines()[-1] if detail.strip() else ''}")
    rows = [(what.rpartition(": ")[2], _reproducer(kind, seed, number)) for number, what in sorted(seen.contained)]
    if rows:
        found.table += markdown(("a file failed because", "file"), rows)
    share = seen.counts["read" if kind == "pictures" else "loaded"] / count
    found.expect(0.02 < share < 0.98, f"{share:.0%} of the damaged {kind} were accepted: the damage is no test")


def _reproducer(kind: str, seed: int, number: int) -> Path:
    """Write the files of a case to where they stay, and return the place."""
    place = REPRODUCERS / f"{kind}-{seed}-{number}"
    place.mkdir(parents=True, exist_ok=True)
    if kind == "pictures":
        name, damage, data = picture_case(seed, number)
        files = {name: data}
    else:
        case = checkpoint_case(seed, number, place / "canary")
        damage, files = case.damage, case.files
    for name, data in files.items():
        (place / name).write_bytes(data)
    (place / "damage.txt").write_text(damage + "\n", encoding="utf-8")
    return place.relative_to(ROOT) if place.is_relative_to(ROOT) else place


# Through the command line


def _pictures_by_command(found: Result, folder: Path, counts: Counts) -> None:
    for number, first in enumerate(range(0, counts.cli_pictures, BATCH)):
        place = folder / str(number)
        place.mkdir(parents=True)
        names = []
        for case in range(first, min(first + BATCH, counts.cli_pictures)):
            name, _, data = picture_case(counts.seed + 1, case)
            names.append(f"{case:05}-{name}")
            (place / names[-1]).write_bytes(data)
        options = ("--scale", 2, "--json", "--max-pixels", MAX_PIXELS)
        ended = nlsr("upscale", place, "-o", folder / f"out{number}", *options)
        found.tried += len(names)
        kept = f"kept in {_kept(place)}" if not ended.clean else ""
        found.expect(ended.clean and ended.code in (0, 1, 3), f"damaged pictures {first} and on: {ended} {kept}")
        missing = sorted(set(names) - set(ended.outcomes))
        found.expect(not missing, f"no outcome for {', '.join(missing[:3])}")
        odd = [line for line in ended.stderr.splitlines() if not _expected(line, str(place))]
        found.expect(not odd, f"odd words on the screen: {odd[:2]}")
        left = [path.name for path in (folder / f"out{number}").rglob("*.part")]
        found.expect(not left, f"left behind: {left[:3]}")
        shutil.rmtree(place)


def _expected(line: str, place: str) -> bool:
    return line.startswith((*TOLD, place, "skipped", "    ")) or " done" in line or " failed" in line or not line


def _kept(place: Path) -> Path:
    kept = REPRODUCERS / f"cli-{place.name}"
    shutil.copytree(place, kept, dirs_exist_ok=True)
    return kept


def _checkpoints_by_command(found: Result, folder: Path, counts: Counts) -> None:
    for case, arguments in _model_commands(folder, counts):
        ended = nlsr(*arguments)
        found.tried += 1
        if not found.expect(ended.clean and ended.code in (0, 1, 2), f"nlsr {arguments[0]} {arguments[1]}: {ended}"):
            _reproducer("checkpoints", counts.seed + 1, case)
        found.expect(not (folder / "canary").exists(), f"checkpoint {case} was executed")


def _model_commands(folder: Path, counts: Counts) -> Iterator[tuple[int, list[object]]]:
    folder.mkdir(parents=True)
    for number in range(counts.cli_checkpoints):
        case = checkpoint_case(counts.seed + 1, number, folder / "canary")
        place = folder / str(number)
        place.mkdir()
        for name, data in case.files.items():
            (place / name).write_bytes(data)
        if case.pickled:
            yield number, ["models", "convert", place / case.pickled, folder / f"converted{number}"]
            yield number, ["models", "info", place / case.pickled]
        else:
            yield number, ["models", "verify", place]
