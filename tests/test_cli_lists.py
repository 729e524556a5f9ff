"""`nlsr upscale --files-from`: what `find` finds, however it is called, goes in by a list."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import names, run

FAST = ("-s", "2", "--strength", "0", "--device", "cpu")
ODD = [b"two words.png", b"line\nfeed.png", b"[1]*.png", b"-o.png", b"latin \xe9.png"]


def odd_files(sample: Path) -> Path:
    """Put copies of the sample under names that trip scripts into a folder of their own, and return that."""
    folder = sample.parent / "odd"
    folder.mkdir()
    for name in ODD:
        try:
            shutil.copy(sample, os.fsencode(folder) + b"/" + name)
        except OSError:
            pytest.skip("needs a file system that takes any bytes for a name")
    return folder


@pytest.mark.skipif(shutil.which("find") is None or os.name == "nt", reason="needs find")
def test_all_that_find_finds_is_enlarged(sample: Path) -> None:
    folder = odd_files(sample)
    line = f"find . -name '*.png' -print0 | {sys.executable} -m nlsr_cli upscale --files-from - -0 -o out --json"
    result = subprocess.run([f"{line} {' '.join(FAST)}"], shell=True, cwd=folder, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    *files, last = map(json.loads, result.stdout.splitlines())
    assert sorted(os.fsencode(each["source"]) for each in files) == sorted(ODD)
    assert last["summary"]["done"] == len(ODD)
    expected = sorted(name.replace(b".png", b"_x2.png") for name in ODD)
    assert sorted(os.fsencode(name) for name in names(folder / "out")) == expected


def test_a_list_continues_where_it_was_interrupted(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.parent)
    Path("list.txt").write_text("photo.png\n")
    assert run("upscale", "--files-from", "list.txt", "-o", "out", *FAST).exit_code == 0
    again = run("upscale", "--files-from", "list.txt", "-o", "out", *FAST)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "done already" in again.stderr


def test_a_list_and_inputs_add_up(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.parent)
    shutil.copy(sample, "second.png")
    result = run("upscale", "photo.png", "--files-from", "-", "-o", "out", *FAST, stdin=b"second.png\nphoto.png\n")
    assert result.exit_code == 0, result.stderr
    assert names(Path("out")) == ["photo_x2.png", "second_x2.png"]


def test_an_empty_list_is_nothing_to_do(tmp_path: Path) -> None:
    """A script whose `find` finds nothing has not failed; that nothing was done is said."""
    result = run("upscale", "--files-from", "-", "--json", "-o", tmp_path / "out", stdin=b"")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["summary"]["done"] == 0
    assert "the list is empty: nothing to do" in result.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["photo.png", "-0"], "--null needs a list", "For example: "),
        (["-", "--files-from", "-"], "standard input cannot be a picture and a list", "Give the list as a file."),
        (["--files-from", "-0"], "the list in -0 cannot be read", "write: --files-from -"),
        (["--files-from", "-"], "the list in standard input holds NUL bytes", "Add -0"),
    ],
)
def test_mistakes_are_told(arguments: list[str], error: str, hint: str) -> None:
    result = run("upscale", *arguments, stdin=b"a.png\0b.png\0")
    assert result.exit_code == 2
    assert f"error: {error}" in result.stderr
    assert hint in result.stderr


def test_what_a_list_names_and_is_not_there_fails_alone(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.parent)
    result = run("upscale", "--files-from", "-", *FAST, stdin=b"gone*.png\nphoto.png\n")
    assert result.exit_code == 3
    assert "gone*.png: does not exist" in result.stderr
    assert names(sample.parent) == ["photo.png", "photo_x2.png"]
