"""An actor says what it sees where it is, and ends with its worker when its jobs are others' by then."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nlsr_cli.engines.messages import Ended
from nlsr_cli.engines.ray_actor import Outpost, release_of_torch
from nlsr_cli.version import __version__

ALONE = """
import time
from nlsr_cli.engines import ray_actor
ray_actor._TICK, ray_actor.{name} = 0.01, {seconds}
ray_actor.Outpost()
time.sleep(3)
"""


@pytest.fixture
def outpost(monkeypatch: pytest.MonkeyPatch) -> Outpost:
    """Return an actor that does not end this process when nobody asks it any more."""
    monkeypatch.setattr(Outpost, "_guard", lambda self: None)
    return Outpost()


def test_it_says_what_is_there_and_what_is_not(
    outpost: Outpost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: {"torch": "2.9.1+cu126"}[name])
    sight = outpost.look([str(tmp_path), str(tmp_path / "away")])
    assert (sight.nlsr, sight.torch, sight.unseen) == (__version__, "2.9.1", (str(tmp_path / "away"),))
    assert release_of_torch() == "2.9.1", "for whatever devices it was built"


def test_it_answers_though_there_is_no_news(outpost: Outpost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlsr_cli.engines.ray_actor.BEAT", 0.01)
    assert outpost.listen() == []
    outpost.stop()
    assert outpost.listen() == [Ended("was stopped")]


@pytest.mark.skipif(sys.platform == "win32", reason="there a process keeps the number of its parent")
def test_it_ends_with_the_process_that_has_started_it() -> None:
    alone = ALONE.format(name="FROZEN", seconds=60.0).replace("sleep(3)", "sleep(30)")
    parent = "import subprocess as s, sys; print(s.Popen([sys.executable, '-c', sys.argv[1]]).pid, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", parent, alone], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    time.sleep(1)
    assert Path(f"/proc/{pid}").exists()
    process.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    process.communicate()


@pytest.mark.parametrize(
    ("name", "seconds", "code"), [("FROZEN", -1.0, 1), ("DESERTED", -1.0, 1), ("DESERTED", 60.0, 0)]
)
def test_it_ends_when_it_was_frozen_or_nobody_asks_any_more(name: str, seconds: float, code: int) -> None:
    alone = ALONE.format(name=name, seconds=seconds).replace("sleep(3)", f"sleep({3 if code else 0.3})")
    assert subprocess.run([sys.executable, "-c", alone], check=False).returncode == code
