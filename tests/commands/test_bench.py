"""`nlsr bench` as people use it: a table or JSON lines, and a mistake told at once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Invoked

from nlsr_cli.cli import app
from nlsr_cli.errors import OptionError, RunFolderError
from nlsr_cli.evaluation.bench import Bench, Result
from nlsr_cli.training.folder import RunFolder
from nlsr_cli.training.pause import paused
from nlsr_cli.training.status import Status, read_status
from tests.conftest import skip_where_ignored
from tests.training.photographs import save_photographs

STATUS = Status("running", 3, 0.25, 4.0, 2.0, 16.0, 27.5, 2, 26.0, 12.0, 1_000.0)


@pytest.fixture(scope="module", autouse=True)
def _measured_once() -> Iterator[None]:
    """Let the first command of this process measure, and the others tell what it has found."""
    found: dict[tuple[str, ...], list[Result]] = {}
    measure = Bench.run

    def run_once(self: Bench) -> Iterator[Result]:
        key = tuple(self.options.cases)
        if key not in found:
            found[key] = list(measure(self))
        yield from found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bench, "run", run_once)
        yield


def run(*arguments: str) -> Invoked:
    return CliRunner().invoke(app, ["bench", *arguments])


def test_json_tells_the_machine_and_every_comparison() -> None:
    result = run("--case", "attention", "--quick", "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    machine, comparison = (json.loads(line) for line in result.stdout.splitlines())
    rates = machine["machine"]
    assert rates["matmul_flops"]["fp32"] > 1e8
    assert rates["copy_bytes_per_second"] > 1e7
    assert comparison["case"] == "attention"
    assert comparison["ours"]["seconds"]["median"] > 0
    assert comparison["reference"]["name"] == "textbook"
    assert comparison["largest_difference"] < 1e-4
    assert 0 < comparison["share_of_measured_rate"] < 1.5


def test_table_has_a_line_for_every_comparison() -> None:
    result = run("--case", "attention", "--quick", "--device", "cpu", "--quiet")
    assert result.exit_code == 0
    assert "GFLOP/s" in result.stdout
    assert "NLSA, 256 features, 64×64" in result.stdout
    assert result.stderr == ""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a run that is going on, and ends with the test."""
    folder = RunFolder(tmp_path / "run", resume=False)
    folder.write_status(STATUS)
    yield folder.path
    folder.close()


def answer(folder: Path, seen: list[bool], until: Callable[[], bool]) -> None:
    """Answer as a run does, and keep what is there of the file afterwards."""
    held, file = RunFolder.__new__(RunFolder), folder / "pause"
    held.path = folder
    while not until():
        seen.append(file.exists())
        held.write_status(replace(STATUS, state="paused" if file.exists() else "running"))
        time.sleep(0.02)


def test_a_run_waits_while_the_machine_is_measured(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And goes on afterwards, also where measuring fails."""
    seen: list[bool] = []
    over = threading.Event()
    thread = threading.Thread(target=answer, args=(held, seen, over.is_set))
    thread.start()
    during: list[str] = []

    class Watched(Bench):
        def run(self) -> Iterator[Result]:
            during.append(read_status(held).state)
            if len(during) > 1:
                raise OptionError("measuring failed")
            yield from super().run()

    monkeypatch.setattr("nlsr_cli.evaluation.bench.Bench", Watched)
    try:
        for code in (0, 2):
            result = run("--case", "attention", "--quick", "--device", "cpu", "--quiet", "--pause", str(held))
            assert result.exit_code == code, result.stderr
            assert not (held / "pause").exists()
    finally:
        over.set()
        thread.join()
    assert during == ["paused", "paused"]
    assert True in seen


def test_a_run_that_does_not_answer_is_told(held: Path) -> None:
    with pytest.raises(RunFolderError, match=r"has not paused within 0 s") as caught, paused([held], 0.3):
        raise AssertionError("it has not paused")
    assert caught.value.hint == f"See what it is doing: nlsr train --status {held}"
    assert not (held / "pause").exists()


def test_what_cannot_be_paused_is_told(held: Path, tmp_path: Path) -> None:
    """A folder without a run, and a run that somebody else lets wait, whose file stays."""
    for place, message in ((tmp_path / "none", "no run is training in"), (tmp_path, "no run is training in")):
        result = run("--quick", "--pause", str(held), "--pause", str(place))
        assert result.exit_code == 2
        assert message in result.stderr
        assert not (held / "pause").exists()
    (held / "pause").touch()
    result = run("--quick", "--pause", str(held))
    assert result.exit_code == 2
    assert "another process is pausing this run" in result.stderr
    assert (held / "pause").exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
def test_a_real_run_waits_for_a_bench_that_is_stopped(tmp_path: Path) -> None:
    """Two real processes: the run answers with an event, and goes on when the bench is told to end."""
    skip_where_ignored("SIGTERM")
    skip_where_ignored("SIGINT")  # which ends the run
    save_photographs(tmp_path / "photos")
    settings = [
        "--scale",
        "2",
        "--steps",
        "100000",
        "--patch",
        "8",
        "--batch",
        "1",
        "--device",
        "cpu",
        "--precision",
        "fp32",
    ]
    command = [sys.executable, "-m", "nlsr_cli", "train", "photos", "--out", "run", "--json", *settings]
    place: dict[str, Any] = {"cwd": tmp_path, "env": {**os.environ, "OMP_NUM_THREADS": "1"}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **place) as training:
        assert training.stdout is not None
        ended = threading.Timer(300, training.kill)  # where something is amiss: nobody waits for ever
        ended.start()
        events = (json.loads(line)["event"] for line in training.stdout)
        assert "progressed" in events
        measuring = [sys.executable, "-m", "nlsr_cli", "bench", "--pause", "run", "--device", "cpu", "--quiet"]
        with subprocess.Popen(measuring, stdout=subprocess.DEVNULL, **place) as bench:
            assert "paused" in events
            bench.send_signal(signal.SIGTERM)
            assert "resumed" in events
        assert bench.returncode == 130
        assert not (tmp_path / "run" / "pause").exists()
        training.send_signal(signal.SIGINT)
        assert list(events)[-1] == "interrupted"
        ended.cancel()


def test_an_unknown_case_is_told_before_anything_is_measured() -> None:
    result = run("--case", "atention")
    assert result.exit_code == 2
    assert "unknown case 'atention'" in result.stderr
    assert "Did you mean attention?" in result.stderr
