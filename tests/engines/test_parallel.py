"""Workers give what one process gives, whoever of them is killed; what cannot be done by any of them is named."""

import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli import upscale_files
from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.sharing import claims_in
from tests.conftest import ASSETS
from tests.test_cli import NLSR, run

OPTIONS = ("--scale", "2", "--device", "cpu", "--precision", "fp32")
COMMAND = [*NLSR, "upscale", "holiday", "-r", "-o", "out", "--json", *OPTIONS, "--workers", "2"]

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds workers in /proc")


@pytest.fixture(autouse=True)
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder with eight pictures, and its parent the current one."""
    monkeypatch.chdir(tmp_path)
    Path("holiday").mkdir()
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(8):
            image.crop((index, index, index + 90, index + 80)).save(f"holiday/{index}.png")


def few(count: int) -> None:
    """Leave only so many pictures."""
    for number in range(count, 8):
        Path(f"holiday/{number}.png").unlink()


def started(*more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told(process: subprocess.Popen[bytes]) -> tuple[list[dict], dict, str]:
    """Wait for a process; return what it said of each picture, its summary, and its notes."""
    out, err = process.communicate(timeout=240)
    *lines, last = map(json.loads, out.splitlines())
    return lines, last["summary"], err.decode()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the workers of a process that is running."""
    children = [
        int(word) for path in Path(f"/proc/{process.pid}/task").glob("*/children") for word in path.read_text().split()
    ]
    return [each for each in children if b"engines.processes" in Path(f"/proc/{each}/cmdline").read_bytes()]


def waiting_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert what()


def outputs(folder: str = "out") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name != LEDGER_NAME}


@pytest.fixture
def alone() -> Iterator[dict[str, bytes]]:
    """Give what one process makes of the folder."""
    assert run("upscale", "holiday", "-o", "alone", *OPTIONS).exit_code == 0
    return outputs("alone")


@needs_proc
def test_a_killed_worker_costs_the_pictures_it_was_at(alone: dict[str, bytes]) -> None:
    """And a book is done by workers as pictures are."""
    with zipfile.ZipFile("holiday/book.cbz", "w") as book:
        book.write("holiday/0.png", "1.png")
    process = started()
    waiting_for(lambda: list(Path("out").glob("*.png")))
    os.kill(workers_of(process)[0], signal.SIGKILL)
    lines, summary, notes = told(process)
    assert (process.returncode, summary["done"] + summary["skipped"]) == (0, 9)
    assert len({line["source"] for line in lines}) == 9
    assert "was killed, perhaps because memory ran out: what it had is done again" in notes
    made = outputs()
    assert zipfile.ZipFile("out/book_x2.cbz").namelist() == ["1.png"]
    del made["book_x2.cbz"]
    assert made == alone, "and no claim and no part is left"
    assert run("check", "out").exit_code == 0


@needs_proc
def test_an_interrupted_call_stops_its_workers_and_continues() -> None:
    few(5)
    process = started("--ensemble")
    waiting_for(lambda: list(Path("out").glob("*.png")))
    there = workers_of(process)
    assert len(there) == 2
    process.send_signal(signal.SIGINT)
    lines, summary, notes = told(process)
    assert (process.returncode, summary["interrupted"]) == (130, True)
    assert {line["status"] for line in lines} == {"done"}
    assert len(list(Path("out").glob("*.png"))) == len(lines)
    assert not [each for each in there if Path(f"/proc/{each}").exists()]
    assert claims_in(Path("out")) == []
    assert "The same command continues from here." in notes
    again = run("upscale", "holiday", "-o", "out", "--json", *OPTIONS, "--ensemble")
    assert json.loads(again.stdout.splitlines()[-1])["summary"]["skipped"] == len(lines)


@needs_proc
def test_a_picture_over_which_three_workers_ended_is_named() -> None:
    few(1)
    process = started()
    killed: set[int] = set()
    while process.poll() is None and len(killed) < 3:
        for each in set(workers_of(process)) - killed:
            os.kill(each, signal.SIGKILL)
            killed.add(each)
        time.sleep(0.01)
    (line,), summary, _ = told(process)
    assert (process.returncode, summary["failed"], len(killed)) == (1, 1, 3)
    assert line["error"]["message"] == "holiday/0.png: 3 workers ended while they had it"
    assert claims_in(Path("out")) == []


@needs_proc
def test_workers_end_with_the_process_that_started_them() -> None:
    process = started("--ensemble")
    waiting_for(lambda: claims_in(Path("out")) and workers_of(process))
    there = workers_of(process)
    process.kill()
    process.communicate()
    waiting_for(lambda: not [each for each in there if Path(f"/proc/{each}").exists()])


def test_python_shares_too_and_a_call_without_work_starts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"device": "cpu,cpu", "precision": "fp32", "scale": 2, "strength": 0}
    Path("holiday/7.png").write_bytes(b"no picture")
    tiles: list[tuple[int, int]] = []
    outcomes = list(upscale_files(["holiday"], "out", **settings, on_tile=lambda *each: tiles.append(each)))
    assert sorted((outcome.source.name, outcome.status) for outcome in outcomes) == [
        *((f"{index}.png", "done") for index in range(7)),
        ("7.png", "failed"),
    ]
    assert run("upscale", "holiday", "-o", "alone", *OPTIONS, "--strength", "0").exit_code == 3
    assert outputs() == outputs("alone")
    monkeypatch.setattr("nlsr_cli.engines.devices.Process", None)
    again = list(upscale_files(["holiday"], "out", **settings, workers=2))
    assert sorted(outcome.status for outcome in again) == ["failed", *["skipped"] * 7]


@pytest.mark.parametrize("inputs", [("-", "-o", "out.png"), ("holiday/1.png", "-o", "-")])
def test_streams_belong_to_one_process(inputs: tuple[str, ...]) -> None:
    result = run("upscale", *inputs, *OPTIONS, "--workers", "2", stdin=b"")
    assert result.exit_code == 2
    assert "workers take files, and standard" in result.stderr
    assert "hint: Omit --workers, and name one device." in result.stderr
