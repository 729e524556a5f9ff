"""`nlsr upscale --watch` as it runs: files come, change and fail, a signal ends it, and the exit code says how."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import skip_where_ignored
from tests.test_cli import NLSR, names, run
from tests.test_cli_books import book, page

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals of Unix")
PATIENCE = 120


class Watching:
    """A process that watches `in`, and what it has printed so far."""

    def __init__(self, *arguments: str) -> None:
        with Path("lines").open("wb") as out, Path("talk").open("wb") as err:
            command = [*NLSR, "upscale", "in", "-r", "-o", "out", "--watch", "--interval", "0.2", "-s", "2", *arguments]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)

    @property
    def said(self) -> str:
        return Path("talk").read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path("lines").read_text().splitlines()]

    def wait(self, until: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not until():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def end(self, kind: str = "SIGTERM") -> int:
        self.process.send_signal(getattr(signal, kind))
        return self.process.wait(PATIENCE)


@pytest.fixture
def watching(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Watching]]:
    """Return a starter of processes in a folder with `in`, where the sample lies."""
    monkeypatch.chdir(sample.parent.parent)
    for kind in ("SIGINT", "SIGTERM"):
        skip_where_ignored(kind)
    started = []

    def start(*arguments: str) -> Watching:
        started.append(Watching(*arguments))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def test_files_are_taken_as_they_come_and_once(watching: Callable[..., Watching]) -> None:
    process = watching("--strength", "0", "--json")
    process.wait(lambda: len(process.lines()) == 1)
    Path("in/sub").mkdir()
    shutil.copy("in/photo.png", "in/sub/slow.png.part")
    Path("in/broken.png").write_bytes(Path("in/photo.png").read_bytes()[:-400])
    process.wait(lambda: len(process.lines()) == 2)
    Path("in/sub/slow.png.part").rename("in/sub/slow.png")
    book(Path("comic.cbz"), {"1.png": page(0)}).rename("in/comic.cbz")
    process.wait(lambda: len(process.lines()) == 4)
    time.sleep(1)
    assert process.end("SIGINT") == 3
    *files, last = process.lines()
    found = {each["source"]: each["status"] for each in files}
    assert found == {
        "in/photo.png": "done",
        "in/broken.png": "failed",
        "in/sub/slow.png": "done",
        "in/comic.cbz": "done",
    }
    assert last["summary"].items() >= {"done": 3, "failed": 1, "interrupted": False, "exit_code": 3}.items()
    assert (names(Path("out")), names(Path("out/sub"))) == (["comic_x2.cbz", "photo_x2.png", "sub"], ["slow_x2.png"])
    assert process.said.count("broken.png: is truncated") == 1
    assert process.said.count("interpolation on cpu") == 1
    assert "stopped watching" in process.said


def test_a_picture_that_changes_is_made_again_and_a_restart_makes_nothing_again(
    watching: Callable[..., Watching],
) -> None:
    process = watching("--strength", "0")
    process.wait(lambda: Path("out/photo_x2.png").exists())
    with Image.open("in/photo.png") as image:
        turned = image.rotate(180)
    turned.save("new.png")
    Path("new.png").replace("in/photo.png")
    process.wait(lambda: "its input has changed" in process.said)
    assert process.end() == 0
    made = Path("out/photo_x2.png").stat().st_mtime_ns
    again = watching("--strength", "0")
    again.wait(lambda: "done already" in again.said)
    assert again.end() == 0
    assert Path("out/photo_x2.png").stat().st_mtime_ns == made


def test_outputs_inside_the_folder_are_not_taken(watching: Callable[..., Watching]) -> None:
    process = watching("--strength", "0", "-o", "in/large", "--suffix", "")
    process.wait(lambda: Path("in/large/photo.png").exists())
    time.sleep(1.5)
    assert process.end() == 0
    assert names(Path("in/large")) == ["photo.png"]
    assert names(Path("in")) == ["large", "photo.png"]


@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM"])
def test_a_signal_that_cuts_a_picture_off_is_an_interruption(watching: Callable[..., Watching], kind: str) -> None:
    with Image.open("in/photo.png") as image:
        image.resize((800, 800)).save("in/photo.png")
    process = watching("--precision", "fp32", "--ensemble", "--tile", "64", "--json")
    process.wait(lambda: list(Path("out").glob(".nlsr-*.rows/*.row")))  # the first row of tiles is done
    assert process.end(kind) == 130
    assert process.lines()[-1]["summary"]["interrupted"] is True
    assert "The same command continues from here." in process.said
    assert names(Path("out")) == sorted(path.name for path in Path("out").glob(".nlsr-*.rows"))


def test_a_watch_without_anything_to_do_ends_well(watching: Callable[..., Watching]) -> None:
    Path("in/photo.png").unlink()
    process = watching("--json")
    process.wait(lambda: "watching in every 0.2 s; Ctrl-C ends it" in process.said)
    assert process.end("SIGINT") == 0
    assert process.lines()[-1]["summary"].items() >= {"done": 0, "exit_code": 0}.items()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["in", "--watch"], "--watch needs a folder for the outputs"),
        (["in/photo.png", "--watch", "-o", "out"], "--watch needs folders, and in/photo.png is not one"),
        (["in", "--watch", "-o", "in"], "-o in is the folder that is watched"),
        (["in", "--watch", "-o", "out.png"], "-o out.png is a file, but there are several inputs"),
        (["in", "--watch", "-o", "-"], "--watch and -o - cannot be combined"),
        (["in", "--watch", "-o", "out", "--shard", "0/2"], "--watch and --shard cannot be combined"),
        (["in", "--watch", "-o", "out", "--dry-run"], "--watch and --dry-run cannot be combined"),
        (["in", "--watch", "-o", "out", "--files-from", "x"], "--watch and --files-from cannot be combined"),
        (["in", "--watch", "-o", "out", "--interval", "0"], "--interval must be from 0.1 to 3600 seconds, not 0"),
        (["in", "-o", "out", "--interval", "5"], "--interval needs --watch"),
        (["in", "--watch", "-o", "out", "-m", "gone"], "unknown model 'gone'"),
    ],
)
def test_mistakes_are_told_at_once(
    sample: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    monkeypatch.chdir(sample.parent.parent)
    result = run("upscale", *arguments)
    assert result.exit_code == 2
    assert f"error: {error}" in result.stderr
