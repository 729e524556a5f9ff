"""Outputs that a file system takes for one are refused before the work, and nowhere else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nlsr_cli.names import first_claims
from tests.test_cli import names, run

PAIRS = {"case": ("Photo.png", "photo.png"), "form": ("caf\u00e9.png", "cafe\u0301.png")}
FAST = ("-s", "2", "--device", "cpu")


@pytest.fixture(params=PAIRS)
def fold(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def alike(sample: Path, fold: str) -> Path:
    """Return a folder with two pictures whose names differ in case or form alone."""
    folder = sample.parent / "alike"
    folder.mkdir()
    if len(set(first_claims(folder, PAIRS[fold]).values())) < 2:
        pytest.skip("the file system of the tests takes these names for one")
    for name in PAIRS[fold]:
        shutil.copy(sample, folder / name)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("options", [(), ("--skip-existing",), ("--overwrite",), ("--no-resume",), ("--dry-run",)])
def test_both_are_refused_before_the_work(
    alike: Path, fold: str, options: tuple[str, ...], folding: Callable[[str], Path]
) -> None:
    place = folding(fold)
    result = run("upscale", alike, "-o", place / "out", *FAST, *options, "--json")
    *files, summary = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1
    assert {Path(each["source"]).name for each in files} == set(PAIRS[fold])
    for each in files:
        assert each["error"]["type"] == "DestinationClash"
        assert "is one of several files with the same output" in each["error"]["message"]
        assert "are one file there)" in each["error"]["message"]
    assert summary["summary"].items() >= {"done": 0, "skipped": 0, "failed": 2}.items()
    assert list(place.iterdir()) == []


def test_where_names_are_told_apart_both_are_made(alike: Path, fold: str, tmp_path: Path) -> None:
    assert run("upscale", alike, "-o", tmp_path / "out", *FAST).exit_code == 0
    one, other = (name.replace(".png", "_x2.png") for name in PAIRS[fold])
    assert names(tmp_path / "out") == sorted([one, other])


def test_others_go_on_and_what_is_there_is_kept(
    alike: Path, fold: str, sample: Path, folding: Callable[[str], Path]
) -> None:
    """Also where one of the two is done already, by a call for it alone."""
    place = folding(fold)
    assert run("upscale", alike / PAIRS[fold][0], "-o", f"{place}/", *FAST).exit_code == 0
    before = everything(place)
    shutil.copy(sample, alike / "other.png")
    result = run("upscale", alike, "-o", place, *FAST, "--skip-existing", "--json")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()[:-1]] == ["failed", "failed", "done"]
    assert before.items() <= everything(place).items()
    assert "other_x2.png" in names(place)


def test_folders_that_are_one_have_clashes_inside(
    alike: Path, fold: str, sample: Path, folding: Callable[[str], Path]
) -> None:
    for name in PAIRS[fold]:
        (alike / name).unlink()
        (alike / name).mkdir()
        shutil.copy(sample, alike / name / "a.png")
    shutil.copy(sample, alike / PAIRS[fold][0] / "b.png")
    place = folding(fold)
    result = run("upscale", alike, "-r", "-o", place / "out", *FAST)
    assert result.exit_code == 3
    assert result.stderr.count("are one file there)") == 2
    assert names(place / "out" / PAIRS[fold][0]) == ["b_x2.png"]


def test_an_input_is_not_replaced_under_another_spelling(
    sample: Path, fold: str, folding: Callable[[str], Path]
) -> None:
    """Neither a picture's own file, nor that of another picture of the call."""
    place = folding(fold)
    one, other = PAIRS[fold]
    (place / "large").mkdir()
    for path in (place / one, place / "large" / other):
        shutil.copy(sample, path)
    before = everything(place)
    result = run("upscale", place / one, "-o", place / other, *FAST, "--overwrite")
    assert result.exit_code == 1
    assert "the output would replace the input itself" in result.stderr
    inputs = (place / "large" / other, place / one)
    result = run("upscale", *inputs, "-o", place, "--suffix", "", *FAST, "--overwrite")
    assert result.exit_code == 1
    assert f"the output of {inputs[0]} would replace {inputs[1]}, which is also an input" in result.stderr
    assert everything(place) == before
