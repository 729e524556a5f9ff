"""A cluster gives what one process gives, whoever of it is lost, frozen or killed; what cannot be reached is named."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.sharing import PERMIT_SUFFIX, claims_in
from nlsr_cli.engines.ray_cluster import chosen
from nlsr_cli.engines.ray_worker import Post
from nlsr_cli.errors import OptionError
from nlsr_cli.workers import Workers
from tests.clusters import DOCUMENTED, Machines, children_of, machines, need_ray
from tests.conftest import ASSETS
from tests.test_cli import run

OPTIONS = ("--scale", "2", "--device", "cpu", "--precision", "fp32")
# The command, but that a worker which does not answer is missed soon; the current folder is none of modules.
PATIENT = """
import sys
from nlsr_cli.__main__ import main
from nlsr_cli.engines import ray_worker
ray_worker.SILENCE = 4
sys.argv[0] = "nlsr"
main()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Machines]:
    need_ray()
    with machines(2) as running:
        yield running


@pytest.fixture(autouse=True)
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder with six pictures, and its parent the current one."""
    monkeypatch.chdir(tmp_path)
    Path("holiday").mkdir()
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(6):
            image.crop((index, index, index + 90, index + 80)).save(f"holiday/{index}.png")


def started(cluster: Machines) -> subprocess.Popen[bytes]:
    """Start the documented command on the cluster to which this machine belongs."""
    more = ("--json", "--device", "cpu", "--ensemble", "--workers", "2")
    python = [sys.executable, "-P", "-c", PATIENT, *DOCUMENTED.split()[1:], *more]
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    with Path("notes").open("wb") as notes:
        return subprocess.Popen(python, stdout=subprocess.PIPE, stderr=notes, env=environment)


def waiting_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert what()


def outputs(folder: str = "enlarged") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("[!.]*")}


def test_who_is_frozen_or_interrupted_leaves_nothing_in_the_way(cluster: Machines) -> None:
    """What a frozen worker had is given away, and it finishes nothing when it wakes up; Ctrl-C ends all workers, and
    one process makes of the rest what it makes of all. No code of workers is taken from beside the pictures.
    """
    Path("PIL.py").write_text("raise SystemExit('a stranger')")
    process = started(cluster)
    waiting_for(lambda: list(Path("enlarged").glob("*.png")) and len(cluster.actors) == 2)
    first, second = cluster.actors
    idle, frozen = children_of(second), [first, *children_of(first)]  # nothing is done meanwhile
    permits = claims_in(Path("enlarged"), (PERMIT_SUFFIX,))
    for each in (*idle, *frozen):
        os.kill(each, signal.SIGSTOP)
    waiting_for(lambda: b"has not answered for 4 s: no more work goes there" in Path("notes").read_bytes())
    assert len(permits) - len(claims_in(Path("enlarged"), (PERMIT_SUFFIX,))) == 1
    there = outputs()
    for each in reversed(frozen):
        os.kill(each, signal.SIGCONT)
    waiting_for(lambda: not [each for each in frozen if Path(f"/proc/{each}").exists()])
    assert outputs() == there
    for each in idle:
        os.kill(each, signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    *lines, last = map(json.loads, process.communicate(timeout=60)[0].splitlines())
    assert {line["status"] for line in lines} == {"done"}
    assert (process.returncode, last["summary"]["interrupted"]) == (130, True)
    waiting_for(lambda: not cluster.actors)
    assert {Path(line["output"]).name for line in lines} <= outputs().keys()
    assert [path.name for path in Path("enlarged").glob(".nlsr-*")] == [LEDGER_NAME], "and no claim, permit or part"
    Path("PIL.py").unlink()
    for folder in ("enlarged", "alone"):
        assert run("upscale", "holiday", "-o", folder, *OPTIONS, "--ensemble").exit_code == 0
    assert outputs() == outputs("alone")


def test_what_a_cluster_lacks_is_said(cluster: Machines) -> None:
    command = [sys.executable, "-m", "nlsr_cli", "upscale", "holiday/0.png", "--engine", "ray", "--device", "cuda"]
    result = subprocess.run([*command, "--address", cluster.address], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    message, hint = "no machine of the cluster offers a GPU", "Use the processors with --device cpu."
    assert result.stderr == f"error: {message}\nhint: {hint}\n"


def test_where_no_cluster_is_that_is_said_soon() -> None:
    """Ray itself would wait for two minutes, and end this process."""
    need_ray()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    result = run("upscale", "holiday", "-o", "out", "--engine", "ray", "--address", address)
    assert result.exit_code == 1
    assert f"error: no Ray cluster at {address}: connection refused" in result.stderr
    assert "hint: Start Ray on this machine with: ray start --head" in result.stderr


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run("upscale", "holiday", "-o", "out", "--engine", "ray")
    assert result.exit_code == 1
    assert "error: --engine ray needs the package ray" in result.stderr
    assert result.stderr.rstrip().endswith("pip install ray")


def node(name: str, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "NodeManagerHostname": f"host-{name}", "Resources": resources}


HEAD, SMALL, LARGE = node("a", memory=1.0), node("b", CPU=2.0), node("c", CPU=8.0)
CARDS = node("d", CPU=16.0, GPU=2.0)


@pytest.mark.parametrize(
    ("nodes", "asked", "expected"),
    [
        ([HEAD, LARGE, SMALL], Workers(), [("b", 2, 0), ("c", 8, 0)]),
        ([HEAD, LARGE, SMALL], Workers(count=3), [("b", 2, 0), ("c", 4, 0), ("c", 4, 0)]),
        ([SMALL, LARGE], Workers(count=1), [("c", 8, 0)]),
        ([LARGE, CARDS], Workers(), [("d", 8, 1), ("d", 8, 1)]),
        ([LARGE, CARDS], Workers(count=1), [("d", 8, 1)]),
        ([LARGE, CARDS], Workers(("cpu",)), [("c", 8, 0), ("d", 16, 0)]),
    ],
)
def test_workers_are_where_most_is_left_for_each(
    nodes: list[dict[str, Any]], asked: Workers, expected: list[tuple[str, int, int]]
) -> None:
    kind, posts = chosen(nodes, asked)
    assert kind == ("cuda" if expected[0][2] else "cpu")
    assert list(posts) == [Post(name, f"host-{name}", cpus, gpus) for name, cpus, gpus in expected]


@pytest.mark.parametrize(
    ("nodes", "asked", "message"),
    [
        ([HEAD], Workers(), "no machine of the cluster offers a processor"),
        ([LARGE], Workers(("cuda",)), "no machine of the cluster offers a GPU"),
        ([CARDS], Workers(count=3), "--workers 3: the cluster has 2 GPUs"),
    ],
)
def test_what_the_machines_lack_is_said(nodes: list[dict[str, Any]], asked: Workers, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        chosen(nodes, asked)
