"""`nlsr upscale --compare`: a page for each result, and never a word too few where there is none."""

import json
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.commands import opening
from nlsr_cli.viewing.page import is_page
from tests.test_cli import run

FAST = ("--scale", "2", "--strength", "0")


@pytest.fixture
def desk(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(sample.parent)
    return sample.parent


def test_a_page_is_made_and_shown(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(opening, "show", lambda path: shown.append(path) or "")
    result = run("upscale", "photo.png", *FAST, "--compare", "--open")
    assert (result.exit_code, result.stdout) == (0, "photo_x2.png\n")
    assert "before and after: photo_x2_compare.html" in result.stderr
    assert is_page(Path("photo_x2_compare.html"))
    assert [path.name for path in shown] == ["photo_x2_compare.html"]


def test_a_folder_gets_a_page_for_each(desk: Path) -> None:
    Image.open("photo.png").save("other.png")
    result = run("upscale", ".", "-o", "out", *FAST, "--compare", "--json")
    *lines, last = map(json.loads, result.stdout.splitlines())
    assert [line["comparison"] for line in lines] == ["out/other_x2_compare.html", "out/photo_x2_compare.html"]
    assert last["summary"]["exit_code"] == 0
    again = run("upscale", ".", "-o", "out", *FAST, "--compare", "--json")
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()[:-1]] == ["skipped"] * 2


def test_a_page_of_an_earlier_result_is_replaced_and_nothing_else(desk: Path) -> None:
    Path("photo_x2_compare.html").write_text("mine")
    result = run("upscale", "photo.png", *FAST, "--compare", "--json")
    assert result.exit_code == 3
    assert "photo_x2_compare.html: exists already" in result.stderr
    line, last = map(json.loads, result.stdout.splitlines())
    assert (line["status"], line["comparison"], last["summary"]["exit_code"]) == ("done", None, 3)
    assert Path("photo_x2_compare.html").read_text() == "mine"
    Path("photo_x2_compare.html").unlink()
    assert run("upscale", "photo.png", *FAST, "--overwrite", "--compare").exit_code == 0
    Path("photo_x2.png").unlink()
    assert run("upscale", "photo.png", *FAST, "--compare").exit_code == 0


def test_what_has_many_pictures_has_no_page_and_says_so(desk: Path) -> None:
    frames = [Image.new("RGB", (20, 16), colour) for colour in ("red", "blue")]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    frames[0].save("two.tif", save_all=True, append_images=frames[1:])
    for arguments, why in (
        (["two.gif"], "it is an animation"),
        (["two.tif"], "it is a page, or has pages"),
        (["two.tif", "--page", "2"], "it is a page, or has pages"),
        (["photo.png", "-o", "photo.dzi"], "a DeepZoom is not read"),
    ):
        result = run("upscale", *arguments, *FAST, "--compare")
        assert result.exit_code == 0, result.stderr
        assert f"No page shows it before and after: {why}." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "--dry-run"], "--compare and --dry-run cannot be combined"),
        ([".", "--watch"], "--compare and --watch cannot be combined"),
        (["photo.png", "--width", "9", "--height", "90", "--fit", "stretch"], "--compare and --fit stretch cannot be"),
        (["photo.png", "-o", "-"], "--compare needs files as input and output"),
        (["-", "-o", "a.png"], "--compare needs files as input and output"),
    ],
)
def test_words_that_make_no_sense(desk: Path, arguments: list[str], message: str) -> None:
    result = run("upscale", *arguments, "--compare")
    assert result.exit_code == 2
    assert message in result.stderr
