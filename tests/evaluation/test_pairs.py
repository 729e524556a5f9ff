"""Partners are found by name, whatever the habits of whoever made the folders; what has none is told."""

from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.evaluation import find_pairs


def folder(root: Path, name: str, files: list[str]) -> Path:
    place = root / name
    place.mkdir()
    for file in files:
        Image.new("RGB", (4, 4)).save(place / file)
    return place


@pytest.mark.parametrize(
    ("truth", "reduced"),
    [
        ("a.png", "a.png"),
        ("a.png", "a.bmp"),
        ("a.png", "ax4.png"),
        ("a.png", "a_x4.png"),
        ("0801.png", "0801X4.png"),
        ("a.png", "a_LR.png"),
        ("a_HR.png", "a_LR.png"),
        ("img_001_HR.png", "img_001_LR_x4.png"),
        ("a_HR_x4.png", "a_x4_LR.png"),
        ("a-HR.png", "a.png"),
    ],
)
def test_partners_share_a_name(tmp_path: Path, truth: str, reduced: str) -> None:
    high, low = folder(tmp_path, "high", [truth, "other.png"]), folder(tmp_path, "low", [reduced, "else.png"])
    found = find_pairs(high, low, 4)
    first = next(pair for pair in found.pairs if pair.name == truth)
    assert (first.hr, first.lr, first.error) == (high / truth, low / reduced, None)
    other = next(pair for pair in found.pairs if pair.name == "other.png")
    assert isinstance(other.error, ImageReadError)
    assert "has no low-resolution partner in" in other.error.message
    assert found.lonely == [low / "else.png"]


@pytest.mark.parametrize("reduced", ["ax2.png", "b.png", "a_small.png", "xa.png"])
def test_strangers_are_no_partners(tmp_path: Path, reduced: str) -> None:
    found = find_pairs(folder(tmp_path, "high", ["a.png"]), folder(tmp_path, "low", [reduced]), 4)
    assert found.pairs[0].error is not None


def test_the_more_exact_name_wins(tmp_path: Path) -> None:
    high, low = folder(tmp_path, "high", ["a.png"]), folder(tmp_path, "low", ["a.png", "a.bmp", "ax4.png"])
    assert find_pairs(high, low, 4).pairs[0].lr == low / "a.png"
    (low / "a.png").unlink()
    assert find_pairs(high, low, 4).pairs[0].lr == low / "a.bmp"


def test_two_that_answer_alike_are_an_error(tmp_path: Path) -> None:
    high, low = folder(tmp_path, "high", ["a.png"]), folder(tmp_path, "low", ["a-x4.png", "a_x4.png"])
    error = find_pairs(high, low, 4).pairs[0].error
    assert error is not None
    assert error.message == f"{high / 'a.png'}: has more than one low-resolution partner: a-x4.png, a_x4.png"


def test_two_files_belong_together_whatever_their_names(tmp_path: Path) -> None:
    high, low = folder(tmp_path, "high", ["a.png"]), folder(tmp_path, "low", ["b.png"])
    (pair,) = find_pairs(high / "a.png", low / "b.png", 4).pairs
    assert (pair.hr, pair.lr, pair.error) == (high / "a.png", low / "b.png", None)


def test_without_a_folder_of_low_resolution_there_is_none(tmp_path: Path) -> None:
    high = folder(tmp_path, "high", ["b.png", "a.png"])
    (high / "notes.txt").write_text("no picture")
    (high / "more").mkdir()
    found = find_pairs(high, None, 4)
    assert [(pair.name, pair.lr) for pair in found.pairs] == [("a.png", None), ("b.png", None)]
    assert (found.passed.strangers, found.passed.unvisited) == ([high / "notes.txt"], [high / "more"])


def test_recursion_compares_pictures_of_the_same_subfolder(tmp_path: Path) -> None:
    """The picture of that name in another subfolder is another picture, and is not compared in its place."""
    for place, names in {"high": ["x/a.png", "y/a.png", "b.png"], "low": ["y/ax4.png", "bx4.png"]}.items():
        for name in names:
            (tmp_path / place / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(tmp_path / place / name)
    found = find_pairs(tmp_path / "high", tmp_path / "low", 4, recursive=True)
    low = tmp_path / "low"
    assert {pair.name: pair.lr for pair in found.pairs} == {
        "b.png": low / "bx4.png",
        "x/a.png": None,
        "y/a.png": low / "y" / "ax4.png",
    }
    assert [pair.name for pair in found.pairs if pair.error] == ["x/a.png"]
    assert f"has no low-resolution partner in {low / 'x'}" in str(found.pairs[1].error)
    assert [pair.name for pair in find_pairs(tmp_path / "high", None, 4, recursive=True).pairs] == [
        "b.png", "x/a.png", "y/a.png",
    ]  # fmt: skip


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    high, empty = folder(tmp_path, "high", ["a.png"]), folder(tmp_path, "empty", [])
    for place in (empty, tmp_path / "*.png"):
        with pytest.raises(OptionError, match="no high-resolution pictures in"):
            find_pairs(place, None, 4)
    with pytest.raises(OptionError, match="no low-resolution pictures in"):
        find_pairs(high, empty, 4)
    with pytest.raises(OptionError, match="nowhere does not exist"):
        find_pairs(tmp_path / "nowhere", None, 4)
