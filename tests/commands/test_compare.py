"""`nlsr compare` as people call it: the page, the words on stderr, exit codes, JSON."""

import json
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.commands import opening
from tests.test_cli import run
from tests.viewing.pages import save_pair


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_pair(tmp_path)
    return tmp_path


def test_the_page_lies_beside_the_result(desk: Path) -> None:
    (desk / "out").mkdir()
    Path("photo_x4.png").rename("out/photo_x4.png")
    result = run("compare", "photo.png", "out/photo_x4.png")
    assert (result.exit_code, result.stdout) == (0, "out/photo_x4_compare.html\n")
    assert "photo_x4.png: agrees with the source to" in result.stderr
    assert sorted(path.name for path in Path("out").iterdir()) == ["photo_x4.png", "photo_x4_compare.html"]


def test_a_page_that_is_there_stays(desk: Path) -> None:
    Path("photo_x4_compare.html").write_text("mine")
    result = run("compare", "photo.png", "photo_x4.png")
    assert result.exit_code == 1
    assert "photo_x4_compare.html: exists already" in result.stderr
    assert Path("photo_x4_compare.html").read_text() == "mine"
    assert run("compare", "photo.png", "photo_x4.png", "--overwrite").exit_code == 0
    assert Path("photo_x4_compare.html").read_text("utf-8").startswith("<!doctype html>")


def test_figures_against_the_truth(desk: Path) -> None:
    result = run("compare", "photo.png", "photo_x4.png", "--truth", "photo_x4.png", "-o", "page.html")
    assert "photo_x4.png: the truth, pixel by pixel, SSIM 1.0000, agrees with the source to" in result.stderr
    assert "bicubic: PSNR " in result.stderr
    assert ">same pixels</td>" in Path("page.html").read_text("utf-8")


def test_json(desk: Path) -> None:
    result = run("compare", "photo.png", "photo_x4.png", "--json", "--quiet")
    said = json.loads(result.stdout)
    assert result.stderr == ""
    assert (said["page"], said["size"], said["truth"]) == ("photo_x4_compare.html", {"height": 240, "width": 320}, None)
    assert said["results"][0]["agreement_db"]["all"] > 40
    assert said["bicubic"]["psnr"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["photo.png"], 2, "missing argument 'OUT'", "Try: "),
        (["photo.png", "gone.png"], 2, "gone.png: does not exist", ""),
        (["-", "photo.png"], 2, "nlsr compare reads and writes files, not streams", "Give the names of files."),
        (["photo.png", "turned.png"], 1, "turned.png: has another shape than photo.png", "turned by 90 degrees"),
        (["photo.png", "red.png"], 1, "red.png: does not show what photo.png shows", "Name the picture first"),
        (["photo.png", "text.png"], 1, "text.png: is not a picture", ""),
        (["photo.png", "photo_x4.png", "-o", "gone/page.html"], 1, "gone/page.html: cannot be written", "Create"),
        (
            ["photo.png", "photo_x4.png", "-o", "photo.png", "--overwrite"],
            1,
            "is one of the pictures",
            "Choose another",
        ),
        (["photo.png", "photo_x4.png", "--max-pixels", "5000"], 1, "76800 pixels", "--max-pixels"),
    ],
)
def test_errors_say_what_to_do_and_leave_nothing(
    desk: Path, arguments: list[str], code: int, message: str, hint: str
) -> None:
    with Image.open("photo_x4.png") as image:
        image.rotate(90, expand=True).save("turned.png")
    Image.new("RGB", (160, 120), "red").save("red.png")
    Path("text.png").write_text("no picture")
    before = sorted(desk.iterdir())
    result = run("compare", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert hint in result.stderr
    assert result.stdout == ""
    assert sorted(desk.iterdir()) == before


def test_it_is_shown(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(opening, "show", lambda path: shown.append(path) or "no viewer")
    result = run("compare", "photo.png", "photo_x4.png", "--open")
    assert shown == [Path("photo_x4_compare.html")]
    assert "note: no viewer" in result.stderr
