"""Ten thousand small files in one folder job: memory flat, time linear, Ctrl-C answered in under two seconds."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from tests.tools.torture.bench import NETWORK
from tests.tools.torture.command import helpers, kill_group, processor_time, resident, running, start
from tests.tools.torture.kills import contents, pictures
from tests.tools.torture.report import Result, markdown, result, say

ANSWER = 2.0  # seconds in which Ctrl-C must have ended everything
SLOPE = 2.0  # KiB of memory that one more file may cost while the job runs
GROWTH = 48 << 20  # bytes that the job may grow after its first fifth
LINEAR = (
    1.3  # how much more processor time the last tenth of the files may take than the first: others use the machine too
)
# What a traceback shows from where on nlsr answers to Ctrl-C: what is loaded before that, Python answers for.
LISTENS = re.compile(r"nlsr_cli/(?!__init__|__main__|version|container)")
# A network that costs nothing, so that a large picture is soon there to be written, and a mark that says when.
QUICK = f"""{NETWORK}
def broken(self, lr, sr):
    return torch.nn.functional.interpolate(lr, scale_factor=self.config.scale, mode="bilinear")
import os
from nlsr_cli.batch import delivery
_encode = delivery.pieces_of
def _marked(*arguments, **named):
    open(os.environ["TORTURE_MARK"], "w").close()
    return _encode(*arguments, **named)
delivery.pieces_of = _marked
"""


@dataclass(frozen=True)
class Counts:
    """Files of the job, how often Ctrl-C is tried at each moment, and the side of the large picture."""

    files: int
    interruptions: int
    large: int = 2000


SMALL, FULL = Counts(files=50, interruptions=1, large=0), Counts(files=10_000, interruptions=3)


@dataclass
class Watch:
    """What is seen of a job while it runs: (files done, bytes held, seconds of the processor), of all processes."""

    seen: list[tuple[int, int, float]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)


def run(folder: Path, counts: Counts) -> Result:
    """Run the job once undisturbed and watched, then interrupt it at many moments."""
    with result("many") as found:
        source = folder / "in"
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it, and so its heirs
        make_inputs(source, counts.files)
        watch = watched(found, source, folder / "calm")
        found.tried = len(watch.arrivals)
        if found.expect(len(watch.arrivals) == counts.files, f"{len(watch.arrivals)} outcomes of {counts.files} files"):
            _judge(found, watch)
            reference = pictures(contents(folder / "calm"))
            found.expect(len(reference) == counts.files, f"{len(reference)} outputs of {counts.files} files")
            rows = list(_interrupt_all(found, folder, source, watch, reference, counts))
            found.table = markdown(("Ctrl-C while", "answers (s)", "files done"), rows)
    return found


def make_inputs(folder: Path, count: int) -> None:
    """Write small pictures, all different, a hundred of other formats among each thousand."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        pixels = generator.integers(0, 256, (4, 4, 3), np.uint8).repeat(3, 0).repeat(3, 1)
        ending = {3: "jpg", 7: "webp"}.get(number % 20, "png")
        Image.fromarray(pixels).save(folder / f"f{number:05}.{ending}")


def command(source: Path, out: Path) -> list[object]:
    """Return the command line of the job."""
    return ["upscale", source, "-o", out, "--scale", 2, "--json"]


def watched(found: Result, source: Path, out: Path) -> Watch:
    """Run the job to its end and watch it."""
    watch, begun = Watch(), time.monotonic()
    process = start(*command(source, out))
    errors: list[str] = []
    drain = threading.Thread(target=lambda: errors.append(process.stderr.read() if process.stderr else ""), daemon=True)
    sampler = threading.Thread(target=_sample, args=(process, watch), daemon=True)
    drain.start()
    sampler.start()
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        if "source" in told:
            watch.arrivals.append(time.monotonic() - begun)
            watch.statuses.append(told["status"])
            if len(watch.arrivals) % 2000 == 0:
                say(f"  many: {len(watch.arrivals)} files done")
    process.wait()
    drain.join()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    found.expect(process.returncode == 0, f"exit {process.returncode}: {''.join(errors)[-300:]}")
    found.expect(set(watch.statuses) <= {"done"}, f"not all done: {sorted(set(watch.statuses))}")
    return watch


def _sample(process: subprocess.Popen[str], watch: Watch) -> None:
    while process.poll() is None:
        pids = (process.pid, *helpers(process))
        held, spent = sum(map(resident, pids)), sum(map(processor_time, pids))
        watch.seen.append((len(watch.arrivals), held, spent))
        time.sleep(0.25)


def _judge(found: Result, watch: Watch) -> None:
    """Hold memory and time against their bounds."""
    count = len(watch.arrivals)
    per_file = np.diff(watch.arrivals) * 1000
    tenth = max(1, count // 10)
    found.figures |= {
        "first outcome after": f"{watch.arrivals[0]:.1f} s",
        "first tenth": f"{per_file[:tenth].mean():.1f} ms a file",
        "last tenth": f"{per_file[-tenth:].mean():.1f} ms a file",
    }
    if count < 1000:  # a second or two: nothing to draw a line through
        return
    done, held, spent = np.array([each for each in watch.seen if each[1]], float).T
    spent = np.maximum.accumulate(spent)  # a decoder that has ended takes with it what it has spent
    first, last = (float(np.diff(np.interp(span, done, spent))[0]) for span in ((1, tenth), (count - tenth, count - 1)))
    found.figures["of the processor"] = f"{first / tenth * 1000:.1f} ms, then {last / tenth * 1000:.1f} ms"
    held, done = held[done >= count / 5], done[done >= count / 5]
    slope = float(np.polyfit(done, held, 1)[0]) / 1024
    growth = float(held[-len(held) // 10 :].mean() - held[: len(held) // 10].mean())
    found.figures |= {"memory": f"{held.max() / 2**20:.0f} MiB", "slope": f"{slope:.2f} KiB a file"}
    found.expect(slope <= SLOPE, f"memory grows by {slope:.2f} KiB with every file")
    found.expect(growth <= GROWTH, f"memory grew by {growth / 2**20:.0f} MiB after the first fifth")
    found.expect(last <= LINEAR * first, f"a file takes {last / first:.2f} times as much work at the end")


# Ctrl-C


@dataclass(frozen=True)
class Moment:
    """When to interrupt: `wait` returns once it is there."""

    name: str
    wait: Callable[[subprocess.Popen[str], Path], None]


def moments(watch: Watch, rng: random.Random) -> Sequence[Moment]:
    """Return the moments of the job at which it is interrupted."""
    planned, end = watch.arrivals[0], watch.arrivals[-1]
    middle = planned + rng.uniform(0.1, 0.5) * (end - planned)
    return (
        Moment("starting", lambda process, out: time.sleep(rng.uniform(0.05, 0.5))),
        Moment("planning", lambda process, out: time.sleep(max(0.6, planned * rng.uniform(0.5, 0.9)))),
        Moment("computing", lambda process, out: _after(process, out, 1, min(middle - planned, 20))),
        Moment("writing", _when_writing),
    )


def _after(process: subprocess.Popen[str], out: Path, files: int, more: float) -> None:
    while process.poll() is None and not (out.is_dir() and len(list(out.iterdir())) >= files):
        time.sleep(0.01)
    time.sleep(more)


def _when_writing(process: subprocess.Popen[str], out: Path) -> None:
    """Return as soon as a temporary file is there."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if out.is_dir() and any(name.endswith(".part") for name in os.listdir(out)):  # noqa: PTH208 - it is quick
            return


def _interrupt_all(
    found: Result, folder: Path, source: Path, watch: Watch, reference: dict[str, bytes], counts: Counts
) -> list[tuple[object, ...]]:
    answers: dict[str, list[str]] = {}
    done: dict[str, list[int]] = {}
    worst = 0.0
    for number in range(counts.interruptions):
        for moment in moments(watch, random.Random(number)):
            out = folder / f"out-{moment.name}-{number}"
            seconds = interrupted(found, command(source, out), out, moment)
            there = contents(out)
            for name, data in pictures(there).items():
                found.expect(data == reference.get(name), f"Ctrl-C while {moment.name}: {name} is not whole")
            answers.setdefault(moment.name, []).append("-" if seconds is None else f"{seconds:.2f}")
            done.setdefault(moment.name, []).append(len(pictures(there)))
            worst = max(worst, seconds or 0)
    if counts.large:
        for written in (False, True):
            name = f"a large {'picture is written' if written else 'tile is computed'}"
            seconds = _interrupt_large(found, folder, counts.large, written=written)
            found.expect(seconds is not None, f"Ctrl-C while {name}: it was over before")
            answers[name], done[name] = ["-" if seconds is None else f"{seconds:.2f}"], [0]
            worst = max(worst, seconds or 0)
    found.figures["slowest answer to Ctrl-C"] = f"{worst:.2f} s"
    return [(name, ", ".join(seconds), ", ".join(map(str, done[name]))) for name, seconds in answers.items()]


def interrupted(
    found: Result,
    arguments: list[object],
    out: Path,
    moment: Moment,
    prelude: str = "",
    env: dict[str, str] | None = None,
) -> float | None:
    """Start a job, press Ctrl-C at a moment, and return the seconds until all is over; None where it was done before.

    As a terminal does, the signal goes to the whole group.
    """
    begun = time.monotonic()
    process = start(*arguments, prelude=prelude, env=env)
    drained: list[tuple[str, str]] = []
    drain = threading.Thread(target=lambda: drained.append(process.communicate()), daemon=True)
    drain.start()
    moment.wait(process, out)
    if process.poll() is not None:
        drain.join()
        return None
    theirs = helpers(process)
    os.killpg(process.pid, signal.SIGINT)
    pressed = time.monotonic()
    drain.join(60)
    seconds = time.monotonic() - pressed
    where = f"Ctrl-C while {moment.name}"
    if not found.expect(not drain.is_alive(), f"{where}: it still runs after a minute"):
        kill_group(process)
        drain.join()
    found.expect(seconds < ANSWER, f"{where}: answered after {seconds:.1f} s")
    told = "".join(drained[0]) if drained else ""
    if moment.name != "starting" or LISTENS.search(told) or process.returncode == 130:
        found.expect(process.returncode == 130, f"{where}: exit {process.returncode}: {told[-300:]!r}")
        found.expect("Traceback" not in told, f"{where}: a traceback: {told[-400:]!r}")
    left = [str(path) for path in out.rglob("*.part")] if out.is_dir() else []
    found.expect(not left, f"{where}: left behind {left}")
    while running(theirs) and time.monotonic() < pressed + ANSWER:
        time.sleep(0.01)
    found.expect(not running(theirs), f"{where}: processes are left over")
    say(f"  many: Ctrl-C while {moment.name} ({pressed - begun:.1f} s in): {seconds:.2f} s")
    return seconds


def _when_marked(process: subprocess.Popen[str], mark: Path) -> None:
    """Return half a second after encoding has begun."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not mark.exists():
        time.sleep(0.02)
    time.sleep(0.5)


def _interrupt_large(found: Result, folder: Path, side: int, *, written: bool) -> float | None:
    """Press Ctrl-C while a large tile is computed, or while a large picture is encoded."""
    source, out, mark = folder / "large.png", folder / f"large-{written}", folder / "mark"
    if not source.is_file():
        generator = np.random.default_rng(1)
        Image.fromarray(generator.integers(0, 256, (side, side, 3), np.uint8)).save(source, compress_level=1)
    arguments: list[object] = ["upscale", source, "-o", out, "--scale", 4, "--json", "--tile", 256 if written else 0]
    if not written:
        moment = Moment("a large tile is computed", lambda process, out: time.sleep(4))
        return interrupted(found, arguments, out, moment)
    moment = Moment("a large picture is written", lambda process, out: _when_marked(process, mark))
    return interrupted(found, arguments, out, moment, QUICK, {"TORTURE_MARK": str(mark)})
