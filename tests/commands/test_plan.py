"""`nlsr plan` as people call it: a line for one machine and one for all, figures that fit, and what is refused."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.test_cli import run

FAST = ("-s", "2", "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, side in (("a", 24), ("b", 48)):
        Image.new("RGB", (side, side), "red").save(f"photos/{name}.png")
    return tmp_path


def test_a_sample_stands_for_many(folder: Path) -> None:
    result = run("plan", "photos", *FAST, "--machines", "4", "--pictures", "1000", "--price", "0.5", "--json")
    assert result.exit_code == 0, result.stderr
    one, four = map(json.loads, result.stdout.splitlines())
    assert (one["machines"], four["machines"]) == (1, 4)
    assert one["pictures"] == four["pictures"] == 1000
    assert four["work_seconds"] == one["work_seconds"] > 0
    assert four["shared_seconds"] < four["sharded_seconds"] < one["shared_seconds"]
    assert four["cost"] == pytest.approx(0.5 * four["machine_hours"], abs=1e-4)
    assert sorted(path.name for path in folder.iterdir()) == ["photos"]
    assert len(list(Path("photos").iterdir())) == 2


def test_in_words(folder: Path) -> None:
    Path("photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    result = run("plan", "photos", *FAST, "--machines", "3")
    assert result.exit_code == 0
    assert "2 pictures: " in result.stderr
    assert "broken.png" in result.stderr
    first, second = result.stdout.splitlines()
    assert first.startswith("1 machine: ")
    assert second.startswith("3 machines: ")
    assert "if they share a folder" in second


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("photos", "--machines", "0"), "--machines must be from 1"),
        (("photos", "--pictures", "0"), "--pictures must be from 1"),
        (("photos", "--price", "-1"), "--price must be from 0"),
        (("-",), "files, not streams"),
        (("gone",), "gone: does not exist"),
        (("broken.png",), "no picture can be enlarged"),
    ],
)
def test_what_is_refused(folder: Path, arguments: tuple[str, ...], error: str) -> None:
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    result = run("plan", *arguments)
    assert result.exit_code in (1, 2)
    assert error in result.stderr
