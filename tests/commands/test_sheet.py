"""`nlsr sheet` as people call it: the sheet, what is said of what it lacks, exit codes."""

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.test_cli import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("holiday/beach").mkdir(parents=True)
    for name, colour in (("a", "red"), ("b", "blue"), ("beach/c", "lime")):
        Image.new("RGB", (300, 200), colour).save(f"holiday/{name}.png")
    Path("holiday/list.txt").write_text("a b")
    return tmp_path / "holiday"


def test_the_sheet_lies_beside_the_folder(folder: Path) -> None:
    result = run("sheet", "holiday")
    assert (result.exit_code, result.stdout) == (0, "holiday_sheet.png\n")
    assert "2 pictures on" in result.stderr
    assert "skipped 1 subfolder (use -r to look into subfolders): beach" in result.stderr
    with Image.open("holiday_sheet.png") as image:
        assert (image.format, image.width) == ("PNG", 2 * (256 + 16) + 16)
    assert run("sheet", "holiday").exit_code == 1
    assert run("sheet", "holiday", "--overwrite", "-q").stderr == ""


def test_options(folder: Path) -> None:
    result = run("sheet", folder, "-r", "--columns", "3", "--size", "64", "-o", "small.jpg")
    assert result.exit_code == 0, result.stderr
    with Image.open("small.jpg") as image:
        assert (image.format, image.width) == ("JPEG", 3 * 72 + 8)


def test_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("sheet", ".").exit_code == 0
    assert (folder.parent / "holiday_sheet.png").exists()


def test_a_broken_picture_is_named_and_the_sheet_made(folder: Path) -> None:
    Path("holiday/b.png").write_bytes(Path("holiday/b.png").read_bytes()[:100])
    result = run("sheet", "holiday")
    assert result.exit_code == 3
    assert "holiday/b.png: is truncated" in result.stderr
    assert "1 picture on" in result.stderr
    assert Path("holiday_sheet.png").exists()


def test_without_one_whole_picture_there_is_no_sheet(folder: Path) -> None:
    for path in folder.glob("*.png"):
        os.truncate(path, 60)
    assert run("sheet", "holiday").exit_code == 1
    assert not Path("holiday_sheet.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "gone: does not exist"),
        (["holiday/a.png"], "holiday/a.png: is not a folder"),
        (["holiday", "--columns", "0"], "--columns must be from 1 to 1000, not 0"),
        (["holiday", "--size", "9"], "--size must be from 32 to 4096 pixels, not 9"),
        (["holiday", "-o", "-"], "nlsr sheet writes a file, not a stream"),
        (["holiday", "-o", "holiday/a.png", "--overwrite"], "holiday/a.png: is one of the pictures"),
        (["/"], "/ has no name that a sheet could take"),
    ],
)
def test_words_that_make_no_sense(folder: Path, arguments: list[str], message: str) -> None:
    result = run("sheet", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("holiday_sheet.png").exists()
