"""Several processes with one command share a folder: each picture is computed once, whoever is killed meanwhile."""

import json
import os
import signal
import subprocess
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.sharing import Claims, claims_in
from tests.conftest import ASSETS
from tests.test_cli import NLSR, run

OPTIONS = ("--scale", "2", "--device", "cpu", "--precision", "fp32")
COMMAND = [*NLSR, "upscale", "holiday", "-r", "-o", "out", "--json", *OPTIONS]


@pytest.fixture(autouse=True)
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder with eight pictures, and its parent the current one."""
    monkeypatch.chdir(tmp_path)
    Path("holiday").mkdir()
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(8):
            image.crop((index, index, index + 90, index + 80)).save(f"holiday/{index}.png")


def started(*more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def statuses(processes: Sequence[subprocess.Popen[bytes]]) -> list[dict[str, str]]:
    """Wait for processes, which must end well; return what each said of each picture."""
    told = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    lines = [[json.loads(line) for line in out.splitlines()[:-1]] for out, _ in told]
    return [{Path(line["source"]).name: line["status"] for line in each} for each in lines]


def outputs() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("out").iterdir() if path.name != LEDGER_NAME}


def waiting_for(what: str) -> None:
    deadline = time.monotonic() + 60
    while not list(Path("out").glob(what)) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert list(Path("out").glob(what))


@pytest.mark.parametrize("option", ["--resume", "--skip-existing"])
def test_two_processes_compute_no_picture_twice(option: str) -> None:
    first, second = statuses([started(option), started(option)])
    assert sorted([*first, *second]) == sorted([f"{index}.png" for index in range(8)] * 2), "each tells of all"
    done = [name for told in (first, second) for name, status in told.items() if status == "done"]
    assert sorted(done) == [f"{index}.png" for index in range(8)]
    shared = outputs()
    assert run("upscale", "holiday", "-o", "alone", *OPTIONS).exit_code == 0
    assert shared == {path.name: path.read_bytes() for path in Path("alone").glob("*.png")}
    lines = Path("out", LEDGER_NAME).read_text().splitlines()
    assert len(lines) == 16, "one before each name, and one after it"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such end")
def test_what_a_killed_process_was_at_is_done_by_the_others() -> None:
    victim = started()
    waiting_for(".nlsr-*.claim")
    other = started()
    waiting_for("*.png")
    victim.kill()
    victim.communicate()
    statuses([other])
    assert sorted(outputs()) == [f"{index}_x2.png" for index in range(8)], "and no claim is left"
    assert run("check", "out").exit_code == 0


def test_what_another_process_has_is_waited_for_and_not_computed() -> None:
    """And taken over when that one lets go of it without having done it."""
    claims = Claims()
    claim = claims.take(Path("out/3_x2.png"))
    assert claim is not None
    process = started()
    deadline = time.monotonic() + 60
    while len(list(Path("out").glob("*.png"))) < 7 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert process.poll() is None, "it waits"
    summary = json.loads(run("status", "out", "--json").stdout.splitlines()[-1])["summary"]
    assert [(each["output"], each["process"]) for each in summary["working"]] == [("out/3_x2.png", os.getpid())]
    assert f"out/3_x2.png: process {os.getpid()} on " in run("status", "out").stderr
    claims.close()
    assert statuses([process])[0]["3.png"] == "done"


def test_what_is_done_before_it_is_had_is_kept() -> None:
    """The last look is taken with the claim in hand."""
    claims = Claims()
    claim = claims.take(Path("out/3_x2.png"))
    assert claim is not None
    process = started("-q")
    waiting_for("7_x2.png")
    assert run("upscale", "holiday/3.png", "-o", "elsewhere/", *OPTIONS, "--resume").exit_code == 0
    line = Path("elsewhere", LEDGER_NAME).read_bytes()
    with Path("out", LEDGER_NAME).open("ab") as ledger:
        ledger.write(line)
    Path("elsewhere/3_x2.png").rename("out/3_x2.png")
    claims.release(claim)
    out, _ = process.communicate(timeout=120)
    said = {Path(each["source"]).name: each for each in map(json.loads, out.splitlines()) if "source" in each}
    assert (said["3.png"]["status"], said["3.png"]["reason"]) == ("skipped", "done by another process meanwhile")


@pytest.mark.skipif(os.name == "nt", reason="needs a signal")
def test_an_interrupted_process_leaves_its_picture_to_others() -> None:
    process = started("--ensemble")
    waiting_for(".nlsr-*.claim")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert claims_in(Path("out")) == []


def test_books_are_shared_too() -> None:
    for path in sorted(Path("holiday").iterdir()):
        with zipfile.ZipFile(path.with_suffix(".cbz"), "w") as book:
            book.write(path, "1.png")
        path.unlink()
    for number in range(2, 8):
        Path(f"holiday/{number}.cbz").unlink()
    first, second = statuses([started(), started()])
    assert sorted([*first.values(), *second.values()]) == ["done", "done", "skipped", "skipped"]
    assert sorted(outputs()) == ["0_x2.cbz", "1_x2.cbz"]


def test_shards_and_what_replaces_claim_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Claims, "take", never)
    assert run("upscale", "holiday", "-o", "out", "--strength", "0", *OPTIONS, "--shard", "0/1").exit_code == 0
    assert run("upscale", "holiday", "-o", "out", "--strength", "0", *OPTIONS, "--overwrite").exit_code == 0
    assert run("upscale", "holiday/1.png", "-o", "one.png", "--strength", "0", *OPTIONS).exit_code == 0
