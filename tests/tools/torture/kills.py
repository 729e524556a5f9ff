"""SIGKILL at random moments of a folder job, each followed by `--resume`: nothing lost, nothing half written.

A job of small pictures and one that takes several rows of tiles is killed again and again, resumed each time, until a
run ends by itself; then the next job begins. After every kill each file under a final name must have the bytes of an
undisturbed run; after the last run the folder must be that of an undisturbed run, with nothing left over.
"""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from subprocess import Popen

from PIL import Image

from tests.conftest import ASSETS
from tests.tools.torture.command import finish, helpers, nlsr, running, start
from tests.tools.torture.report import Result, result, say

SIDE, TILE = 200, 64  # of the one larger picture: five rows of tiles
PER_JOB = 6  # kills after which a job is left in peace, so that there are ends to look at
FORMATS = ("png", "jpg", "webp", "tif", "bmp", "png")
# A disk that takes its time, so that kills also hit what lies between a write and the change of names.
SLOW_DISK = """
import os, time
def slowly(call):
    def slow(*arguments, **named):
        time.sleep(0.02)
        result = call(*arguments, **named)
        time.sleep(0.02)
        return result
    return slow
for name in ("fsync", "link", "replace", "rename"):
    setattr(os, name, slowly(getattr(os, name)))
"""
ORPHAN_PATIENCE = 5.0  # seconds in which decoders must notice that nobody waits for them any more


@dataclass(frozen=True)
class Counts:
    """How much is done: kills in all, and jobs side by side."""

    kills: int
    lanes: int = 2
    seed: int = 5


SMALL, FULL = Counts(kills=3, lanes=1), Counts(kills=200)


@dataclass
class Tally:
    """What one lane of jobs saw."""

    kills: int = 0
    jobs: int = 0
    early: int = 0  # killed before anything was written
    inside: int = 0  # killed when some outputs were there and some were not
    rows: int = 0  # killed when finished rows of the large picture were there
    parts: int = 0  # killed when a file was half written, under a temporary name
    orphans: int = 0  # decoders that ran when nlsr was killed
    redone: int = 0  # finished files that a later run wrote again
    failures: list[str] = field(default_factory=list)


def make_inputs(folder: Path) -> None:
    """Write twelve small pictures, some in a subfolder, an animation, and a larger picture."""
    (folder / "sub").mkdir(parents=True)
    with Image.open(ASSETS / "colosseum.png") as image:
        photo = image.convert("RGB")
    for number in range(12):
        small = photo.crop((number * 5, number * 3, number * 5 + 40, number * 3 + 32))
        place = folder / "sub" if number % 4 == 3 else folder
        small.save(place / f"p{number:02}.{FORMATS[number % len(FORMATS)]}")
    frames = [photo.crop((step, 0, step + 24, 20)) for step in range(3)]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:], duration=80, loop=0)
    photo.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / "large.png")


@lru_cache(maxsize=1)
def resume_option() -> str:
    """Return `--resume`, or what comes nearest where this version does not have it."""
    return "--resume" if "--resume" in nlsr("upscale", "--help").stdout else "--skip-existing"


def arguments(source: Path, out: Path) -> list[object]:
    """Return the command line of the job."""
    return ["upscale", source, "-r", "-o", out, "--scale", 2, "--tile", TILE, "--json", resume_option()]


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its name in it."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def pictures(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what has a final name: nlsr's own files and folders are hidden."""
    return {name: data for name, data in files.items() if not is_hidden(Path(name))}


def is_hidden(place: Path) -> bool:
    """Tell whether a place in an output folder is nlsr's own: its ledger, finished rows, or a part of a file."""
    return any(name.startswith(".") for name in place.parts)


def run(folder: Path, counts: Counts) -> Result:
    """Kill and resume until all kills are spent."""
    with result("kills") as found:
        source = folder / "in"
        make_inputs(source)
        begun = time.monotonic()
        undisturbed = nlsr(*arguments(source, folder / "calm"))
        duration = time.monotonic() - begun
        reference = contents(folder / "calm")
        found.expect(undisturbed.code == 0, f"the undisturbed run: {undisturbed}")
        found.expect(len(pictures(reference)) == 14, f"it wrote {sorted(reference)}")
        if found.failures:
            return found
        share = -(-counts.kills // counts.lanes)
        lanes = [Lane(source, folder / f"lane{n}", reference, duration, counts.seed + n) for n in range(counts.lanes)]
        with ThreadPoolExecutor(counts.lanes) as pool:
            tallies = list(pool.map(lambda lane: lane.spend(share), lanes))
        _add_up(found, tallies, duration)
    return found


def _add_up(found: Result, tallies: list[Tally], duration: float) -> None:
    found.tried = sum(tally.kills for tally in tallies)
    for tally in tallies:
        for failure in tally.failures:
            found.expect(False, failure)
    redone = sum(tally.redone for tally in tallies)
    found.figures = {
        "kills": found.tried,
        "before the first output": sum(tally.early for tally in tallies),
        "in the middle": sum(tally.inside for tally in tallies),
        "with finished rows": sum(tally.rows for tally in tallies),
        "with a part of a file": sum(tally.parts for tally in tallies),
        "jobs finished": sum(tally.jobs for tally in tallies),
        "decoders that ended after it": sum(tally.orphans for tally in tallies),
        "finished files written again": redone,
        "undisturbed run": f"{duration:.1f} s",
        "resumed with": resume_option(),
    }
    found.expect(redone <= found.tried, f"{redone} finished files were written again after {found.tried} kills")


class Lane:
    """One job after the other in a folder of its own, each killed at random and resumed."""

    def __init__(self, source: Path, out: Path, reference: dict[str, bytes], duration: float, seed: int) -> None:
        self._source, self._out, self._reference = source, out, reference
        self._duration = duration
        self._random = random.Random(seed)
        self._tally = Tally()

    def spend(self, kills: int) -> Tally:
        """Kill `kills` times, finish what is then begun, and return what was seen."""
        while self._tally.kills < kills:
            self._job(kills)
            if len(self._tally.failures) > 20:
                break
        return self._tally

    def _job(self, kills: int) -> None:
        """Run one job to its end, killing it as long as there are kills left."""
        for name in sorted(self._out.rglob("*"), reverse=True) if self._out.is_dir() else []:
            name.rmdir() if name.is_dir() else name.unlink()
        last = min(kills, self._tally.kills + PER_JOB)
        while True:
            before = self._stamps()
            begun = time.monotonic()
            slow = SLOW_DISK if self._random.random() < 0.5 else ""
            process = start(*arguments(self._source, self._out), prelude=slow)
            if self._tally.kills < last and self._killed(process):
                self._check_kill(before)
                continue
            self._check_end(finish(process, begun), before)
            return

    def _killed(self, process: Popen[str]) -> bool:
        """Wait for a random moment and kill what runs; False where it ended before that moment."""
        moment = time.monotonic() + self._random.uniform(0, self._duration)
        if self._random.random() < 0.5:  # half of them when there is something to lose
            wait_for_output(process, self._out, self._duration)
            moment = time.monotonic() + self._random.uniform(0, self._duration / 2)
        while time.monotonic() < moment:
            if process.poll() is not None:
                return False
            time.sleep(0.002)
        if process.poll() is not None:
            return False
        theirs = helpers(process)
        whole = self._random.random() < 0.5
        for pid in (*theirs, process.pid) if whole else (process.pid,):  # a power cut, or memory that ran out
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._check_orphans(theirs)
        process.communicate()
        self._tally.kills += 1
        if self._tally.kills % 20 == 0:
            say(f"  kills: {self._tally.kills} in {self._out.name}, {self._tally.jobs} jobs finished")
        return True

    def _check_orphans(self, decoders: list[int]) -> None:
        """Demand that decoders end by themselves once nobody waits for them any more."""
        deadline = time.monotonic() + ORPHAN_PATIENCE
        while (left := running(decoders)) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._tally.orphans += len(decoders)
        if left:
            self._fail(f"{len(left)} processes still run {ORPHAN_PATIENCE:.0f} s after nlsr was killed")

    def _check_kill(self, before: dict[str, tuple[int, int]]) -> None:
        everything = contents(self._out)
        there = pictures(everything)
        self._tally.early += not there
        self._tally.rows += any(name.endswith(".row") for name in everything)
        self._tally.parts += any(name.endswith(".part") for name in everything)
        self._tally.inside += bool(there) and len(there) < len(pictures(self._reference))
        for name, data in there.items():
            if name not in self._reference:
                self._fail(f"kill {self._tally.kills}: {name} has a final name and belongs to nothing")
            elif data != self._reference[name]:
                self._fail(f"kill {self._tally.kills}: {name} has a final name and other bytes ({len(data)})")
        self._count_redone(before)

    def _check_end(self, ended: object, before: dict[str, tuple[int, int]]) -> None:
        self._tally.jobs += 1
        self._count_redone(before)
        if getattr(ended, "code", None) != 0:
            self._fail(f"a resumed job ended badly: {ended}")
        there = contents(self._out)
        if pictures(there) != pictures(self._reference):
            wrong = sorted(
                name
                for name in {*pictures(there), *pictures(self._reference)}
                if there.get(name) != self._reference.get(name)
            )
            self._fail(f"after the last resume these differ from an undisturbed run: {', '.join(wrong)}")
        if extra := sorted(set(there) - set(self._reference)):
            self._fail(f"left over after the last resume: {', '.join(extra[:4])} ({len(extra)} files)")

    def _stamps(self) -> dict[str, tuple[int, int]]:
        """Return what changes when a file is written again: its inode and the time of its last change."""
        stats = {}
        for path in self._out.rglob("*") if self._out.is_dir() else []:
            if path.is_file() and not is_hidden(path.relative_to(self._out)):
                stats[str(path)] = path.stat()
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

    def _count_redone(self, before: dict[str, tuple[int, int]]) -> None:
        after = self._stamps()
        self._tally.redone += sum(after.get(name) != stamp for name, stamp in before.items())

    def _fail(self, failure: str) -> None:
        self._tally.failures.append(failure)
        say(f"  kills: {failure}")


def wait_for_output(process: Popen[str], out: Path, patience: float) -> None:
    """Return as soon as there is anything in a run's output folder."""
    deadline = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < deadline and not (out.is_dir() and any(out.iterdir())):
        time.sleep(0.005)
