"""A batch on a cluster of three machines, each simulated on this one: what a fault costs, and that no byte differs.

A worker, a machine and the call itself are killed, and a machine is frozen, in the middle of a batch. The folder must
then be that of one process, with nothing left over. At last many tiny pictures tell what a cluster costs for each.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from PIL import Image

from nlsr_cli.batch.sharing import PERMIT_SUFFIX, claims_in
from tests.clusters import Machines, children_of, machines
from tests.conftest import ASSETS
from tests.tools.torture.command import Run, finish, nlsr, resident, running, start
from tests.tools.torture.kills import contents, pictures
from tests.tools.torture.report import Result, markdown, result, say

SIDE = 40  # of a picture that takes a moment, in pixels
TINY = 8
PATIENCE = 10.0  # seconds in which workers must end
SETTINGS = ("--scale", 2, "--device", "cpu", "--precision", "fp32", "--json")


@dataclass(frozen=True)
class Counts:
    """How much is done: pictures for each fault, and tiny ones for the cost."""

    pictures: int
    tiny: int


SMALL, FULL = Counts(12, 20), Counts(200, 1000)


@dataclass(frozen=True)
class Fault:
    """What happens in the middle of a batch, to processes of machines that have workers."""

    name: str
    strike: Callable[[Machines, int], Sequence[int]]  # returns who is to be woken in the end
    ends: bool = False  # whether the call itself is killed, and another one continues
    noticed: bool = True  # whether the call is to notice it


def run(folder: Path, counts: Counts) -> Result:
    """Try each fault on a cluster of its own, and measure."""
    with result("cluster") as found:
        source = folder / "in"
        make(source, counts.pictures, SIDE)
        alone = nlsr("upscale", source, "-o", folder / "alone", *SETTINGS)
        reference = pictures(contents(folder / "alone"))
        if not found.expect(alone.code == 0 and len(reference) == counts.pictures, f"one process: {alone}"):
            return found
        rows = [trial(found, folder, source, fault, reference) for fault in FAULTS]
        head = ("fault", "seconds", "seconds until somebody else had the job", "computed twice")
        found.table = markdown(head, rows) + "\n" + costs(found, folder, counts.tiny)
        found.figures = {"one process": f"{alone.seconds:.1f} s", "pictures": counts.pictures}
    return found


def make(folder: Path, count: int, side: int) -> None:
    """Write small pictures, each another one."""
    folder.mkdir()
    with Image.open(ASSETS / "colosseum.png") as image:
        photo = image.convert("RGB").resize((400, 400))
    for number in range(count):
        left, top = number % 40 * 8, number // 40 * 8
        photo.crop((left, top, left + side, top + side)).save(folder / f"{number:04}.png")


def trial(found: Result, folder: Path, source: Path, fault: Fault, reference: dict[str, bytes]) -> tuple[object, ...]:
    """Run a batch with a fault in its middle, and judge what became of it; return a line of the table."""
    out = folder / fault.name.replace(" ", "-")
    order = ("upscale", source, "-o", out, *SETTINGS, "--engine", "ray", "--address")
    with machines(0, 1, 1, 1) as cluster, ThreadPoolExecutor(1) as reader:  # a pipe that nobody reads would stop it
        begun = time.monotonic()
        process = start(*order, cluster.address)
        ending = reader.submit(finish, process, begun)
        while process.poll() is None and len(pictures(contents(out))) < len(reference) // 4:
            time.sleep(0.05)
        workers = [(actor, *children_of(actor)) for actor in cluster.actors]
        struck, permits = time.monotonic(), claims_in(out, (PERMIT_SUFFIX,))
        asleep = fault.strike(cluster, process.pid)
        noticed = _noticed(process, out, permits) - struck if fault.noticed else None
        ended = ending.result()
        made = _stamps(out)
        for pid in asleep:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if fault.ends:
            found.expect(ended.code == -signal.SIGKILL, f"{fault.name}: {ended}")
            ended = nlsr(*order, cluster.address)
        if asleep:
            time.sleep(10)  # whoever wakes up may do its worst
            found.expect(_stamps(out) == made, f"{fault.name}: who woke up has written over what is done")
        left = wait_for_end([pid for worker in workers for pid in worker])
        found.expect(not left, f"{fault.name}: {len(left)} workers of {len(workers)} still run")
    _judge(found, fault, ended, out, reference)
    twice = _computed(out) - len(reference)
    row = fault.name, f"{ended.seconds:.1f}", "-" if noticed is None else f"{noticed:.1f}", twice
    say(f"  cluster: {' | '.join(map(str, row))}")
    return row


def _noticed(process: Popen[str], out: Path, permits: Sequence[Path]) -> float:
    """Return the time at which the call took a worker's permit away, or ended."""
    while process.poll() is None and not set(permits) - set(claims_in(out, (PERMIT_SUFFIX,))):
        time.sleep(0.02)
    return time.monotonic()


def wait_for_end(pids: Sequence[int]) -> list[int]:
    """Return those of some processes that are still there after a while."""
    deadline = time.monotonic() + PATIENCE
    while (left := running(pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _judge(found: Result, fault: Fault, ended: Run, out: Path, reference: dict[str, bytes]) -> None:
    found.tried += 1
    there = contents(out)
    found.expect(ended.code == 0 and ended.clean, f"{fault.name}: {ended}")
    differing = [name for name in {*reference, *pictures(there)} if there.get(name) != reference.get(name)]
    found.expect(not differing, f"{fault.name}: {len(differing)} differ from one process, such as {differing[:3]}")
    extra = sorted(set(there) - set(reference) - {".nlsr-ledger.jsonl"})
    found.expect(not extra, f"{fault.name}: left over are {extra[:3]}")


def _computed(out: Path) -> int:
    """Return how many outputs were about to be stored: what a worker lost before that has no line in the ledger."""
    return (out / ".nlsr-ledger.jsonl").read_text(encoding="utf-8").count('"state":"begun"')


def _stamps(out: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("[!.]*")}


def _kill_worker(cluster: Machines, _: int) -> Sequence[int]:
    (first, *_others) = cluster.actors
    for pid in (*children_of(first), first):
        os.kill(pid, signal.SIGKILL)
    return ()


def _kill_machine(cluster: Machines, _: int) -> Sequence[int]:
    os.kill(cluster.raylets[-1], signal.SIGKILL)
    return ()


def _freeze_machine(cluster: Machines, _: int) -> Sequence[int]:
    raylet = cluster.raylets[-1]
    asleep = [raylet]
    for pid in children_of(raylet):
        asleep += [pid, *children_of(pid)]
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    return asleep[::-1]


def _kill_call(_: Machines, call: int) -> Sequence[int]:
    os.kill(call, signal.SIGKILL)
    return ()


FAULTS = (
    Fault("none", lambda cluster, call: (), noticed=False),
    Fault("worker killed", _kill_worker),
    Fault("machine killed", _kill_machine),
    Fault("machine frozen", _freeze_machine),
    Fault("call killed", _kill_call, ends=True, noticed=False),
)


def costs(found: Result, folder: Path, count: int) -> str:
    """Return a table of what tiny pictures cost with one process, and with one and two workers of a cluster."""
    make(folder / "tiny", count, TINY)
    plain = ("upscale", folder / "tiny", *SETTINGS, "--strength", 0)
    rows = []
    with machines(0, 1, 1) as cluster:
        for name, more in (
            ("one process", ()),
            ("--workers 2", ("--workers", 2)),
            ("1 worker of a cluster", ("--engine", "ray", "--address", cluster.address, "--workers", 1)),
            ("2 workers of a cluster", ("--engine", "ray", "--address", cluster.address, "--workers", 2)),
        ):
            out = folder / name.replace(" ", "-")
            rows.append((name, *_cost(found, out, count, (*plain, "-o", out, *more))))
    return markdown(("tiny pictures with", "ms for each", "seconds to the first", "MiB of the call"), rows)


def _cost(found: Result, out: Path, count: int, order: Sequence[object]) -> tuple[str, str, str]:
    begun = time.monotonic()
    process = start(*order)
    first, most = 0.0, 0
    with ThreadPoolExecutor(1) as reader:  # a pipe that nobody reads would stop it
        ending = reader.submit(finish, process, begun)
        while not ending.done():
            if not first and out.is_dir() and any(out.glob("[!.]*")):
                first = time.monotonic() - begun
            most = max(most, resident(process.pid))
            time.sleep(0.02)
    ended = ending.result()
    found.tried += 1
    found.expect(ended.code == 0 and len(list(out.glob("[!.]*"))) == count, f"{out.name}: {ended}")
    return f"{(ended.seconds - first) / count * 1000:.1f}", f"{first:.1f}", f"{most >> 20}"
