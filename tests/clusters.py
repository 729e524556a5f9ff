"""Ray clusters of several machines on this one, for tests: `python -m tests.clusters 1 2` has two machines.

It prints one line of JSON, the address and the process of each machine's raylet, and ends with its standard input.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTED = (
    "nlsr upscale holiday -r -o enlarged --scale 2 --precision fp32 --engine ray"  # runs on the cluster of tests
)
MEMORY = 100 * 2**20  # bytes for objects, of which there are none but messages


@dataclass(frozen=True)
class Machines:
    """A cluster that is running."""

    address: str
    raylets: tuple[int, ...]

    @property
    def actors(self) -> list[int]:
        """Return the processes that are actors of nlsr."""
        found = [pid for raylet in self.raylets for pid in children_of(raylet)]
        return [pid for pid in found if _command(pid).startswith(b"ray::Outpost")]


def need_ray() -> None:
    """Skip where Ray is not installed; in the gate, which sets REQUIRE_RAY, fail."""
    if importlib.util.find_spec("ray") is None:
        (pytest.fail if os.environ.get("REQUIRE_RAY") else pytest.skip)("needs ray", pytrace=False)


@contextmanager
def machines(*cpus: int, more: Sequence[str] = ()) -> Iterator[Machines]:
    """Run a cluster of machines with so many processors each; `more` are names and values of variables, NAME=VALUE, in
    the environment of the last one.
    """
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:  # sockets have short paths
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.clusters", *map(str, cpus), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"},
        )
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Machines(told["address"], tuple(told["raylets"]))
        finally:
            process.communicate()


def children_of(pid: int) -> list[int]:
    """Return the children of a process."""
    try:
        found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(word) for words in found for word in words.split()]


def _command(pid: int) -> bytes:
    with suppress(OSError):  # it has just ended
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def main(arguments: Sequence[str]) -> None:
    """Run a cluster until nobody needs it any more."""
    from ray.cluster_utils import Cluster

    cpus = [int(each) for each in arguments if "=" not in each]
    more = dict(each.split("=", 1) for each in arguments if "=" in each)
    common = {"object_store_memory": MEMORY, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**common, "num_cpus": cpus[0]})
    nodes = [cluster.head_node]
    for number, count in enumerate(cpus[1:], 2):
        if number == len(cpus):
            os.environ.update(more)
        nodes.append(cluster.add_node(num_cpus=count, object_store_memory=MEMORY, wait=False))
    cluster.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    sys.stdout.write(json.dumps({"address": cluster.address, "raylets": raylets}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
