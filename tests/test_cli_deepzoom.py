"""DeepZoom on the command line: a file and a folder, where both may stand, and what later calls make of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ASSETS, pixels
from tests.test_cli import names, run

PLAIN = ["--strength", 0, "--scale", 2]
DZI = [*PLAIN, "--format", "dzi"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a photograph of 192x192 pixels."""
    (tmp_path / "a.png").write_bytes((ASSETS / "colosseum.png").read_bytes())
    return tmp_path


def test_each_tile_is_a_part_of_the_plain_result(folder: Path) -> None:
    result = run("upscale", folder / "a.png", *DZI, "--lossless")
    assert (result.exit_code, result.stdout) == (0, f"{folder}/a_x2.dzi\n"), result.stderr
    assert names(folder) == ["a.png", "a_x2.dzi", "a_x2_files"]
    assert run("upscale", folder / "a.png", *PLAIN).exit_code == 0
    whole = pixels(folder / "a_x2.png")
    assert whole.shape == (384, 384, 3)
    tiles = folder / "a_x2_files" / "9"
    assert names(tiles) == ["0_0.png", "0_1.png", "1_0.png", "1_1.png"]
    for tile in tiles.iterdir():
        left, top = (max(0, 254 * int(number) - 1) for number in tile.stem.split("_"))
        part = whole[top : top + (255 if not top else 256), left : left + (255 if not left else 256)]
        np.testing.assert_array_equal(pixels(tile), part)


def test_tiles_are_jpeg_of_a_quality(folder: Path) -> None:
    assert run("upscale", folder / "a.png", *DZI, "-o", folder / "b.dzi", "--quality", 50).exit_code == 0
    with Image.open(folder / "b_files" / "0" / "0_0.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (1, 1))


def test_the_ending_asks_for_it_too(folder: Path) -> None:
    assert run("upscale", folder / "a.png", *PLAIN, "-o", folder / "b.dzi").exit_code == 0
    assert names(folder) == ["a.png", "b.dzi", "b_files"]


def test_what_exists_is_kept_or_replaced_as_a_whole(folder: Path) -> None:
    assert run("upscale", folder / "a.png", *DZI).exit_code == 0
    result = run("upscale", folder / "a.png", *DZI)
    assert result.exit_code == 1
    assert f"its output {folder}/a_x2.dzi exists already" in result.stderr
    assert run("upscale", folder / "a.png", *DZI, "--skip-existing").exit_code == 0
    before = (folder / "a_x2.dzi").read_bytes()
    assert run("upscale", folder / "a.png", *DZI, "--overwrite", "--lossless").exit_code == 0
    assert (folder / "a_x2.dzi").read_bytes() != before
    assert not list(folder.glob("a_x2_files/*/*.jpg")), "tiles of two pictures lie in one folder"
    assert names(folder) == ["a.png", "a_x2.dzi", "a_x2_files"]


@pytest.mark.parametrize("asked", [[], ["--skip-existing"], ["--resume"]])
def test_a_folder_without_its_file_is_told_before_the_work(folder: Path, asked: list[str]) -> None:
    (folder / "a_x2_files").mkdir()
    result = run("upscale", folder / "a.png", *DZI, *asked, "--dry-run")
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {folder}/a_x2_files: the folder for the tiles of a_x2.dzi exists already\n"
        "hint: Add --overwrite to replace it, or choose another name with -o or --suffix.\n"
    )


def test_a_page_that_a_browser_has_saved_is_not_replaced(folder: Path) -> None:
    (folder / "a_x2_files").mkdir()
    (folder / "a_x2_files" / "style.css").write_text("")
    result = run("upscale", folder / "a.png", *DZI, "--overwrite")
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {folder}/a_x2_files: the folder for the tiles of a_x2.dzi holds something else, and is not replaced\n"
        "hint: Choose another name with -o or --suffix.\n"
    )
    assert names(folder / "a_x2_files") == ["style.css"]


def test_resume_knows_the_tiles(folder: Path) -> None:
    """What is whole is done; what was changed is not replaced; other options make it again."""
    assert run("upscale", folder / "a.png", *DZI, "--resume").exit_code == 0
    result = run("upscale", folder / "a.png", *DZI, "--resume")
    assert (result.exit_code, "done already" in result.stderr) == (0, True), result.stderr
    result = run("upscale", folder / "a.png", *DZI, "--resume", "--quality", 60)
    assert (result.exit_code, "other options (--quality)" in result.stderr) == (0, True), result.stderr
    (folder / "a_x2_files" / "9" / "0_0.jpg").write_bytes(b"mine")
    result = run("upscale", folder / "a.png", *DZI, "--resume", "--quality", 60)
    assert result.exit_code == 1
    assert f"its output {folder}/a_x2.dzi was changed since nlsr wrote it" in result.stderr


def test_pictures_of_one_name_do_not_share_a_folder(folder: Path) -> None:
    with Image.open(folder / "a.png") as image:
        image.save(folder / "a.jpg")
    result = run("upscale", folder, *DZI)
    assert result.exit_code == 1
    assert "is one of several files with the same output: " in result.stderr
    assert run("upscale", folder, *DZI, "--suffix", "_{ext}_x{scale}").exit_code == 0
    assert names(folder) == [
        "a.jpg",
        "a.png",
        *(f"a_{ext}_x2{end}" for ext in ("jpg", "png") for end in (".dzi", "_files")),
    ]


def test_tiles_are_no_pictures_of_a_folder(folder: Path) -> None:
    """A second call with -r, or a pattern, does not enlarge thousands of tiles."""
    assert run("upscale", folder, *DZI).exit_code == 0
    result = run("upscale", folder, "-r", *DZI)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "skipped 1 file (made by an earlier call): a_x2.dzi" in result.stderr
    result = run("upscale", folder / "**" / "*.jpg", *DZI, "--dry-run")
    assert result.exit_code == 2
    assert "no pictures found" in result.stderr
    for named in (folder / "a_x2_files" / "9", folder / "a_x2_files" / "9" / "0_*.jpg"):
        result = run("upscale", named, *PLAIN, "-o", f"{folder}/out/", "--dry-run")
        assert (result.exit_code, "would be written" in result.stdout + result.stderr) == (0, True), (
            "who asks for them gets them"
        )


def test_standard_output_takes_no_folder(folder: Path) -> None:
    for source, stdin in ((folder / "a.png", None), ("-", (folder / "a.png").read_bytes())):
        result = run("upscale", source, *DZI, "-o", "-", stdin=stdin)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "error: standard output takes one file, and a DeepZoom is a file and a folder of tiles\n"
            "hint: Give a file after -o, such as -o picture.dzi\n"
        )


def test_a_comic_book_takes_no_folder(folder: Path) -> None:
    with zipfile.ZipFile(folder / "book.cbz", "w") as book:
        book.write(folder / "a.png", "1.png")
    result = run("upscale", folder / "book.cbz", *DZI)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: the pages of a comic book are files, and a DeepZoom is a file and a folder")


def test_inspect_says_what_it_is(folder: Path) -> None:
    assert run("upscale", folder / "a.png", *DZI).exit_code == 0
    result = run("inspect", folder / "a_x2.dzi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is not a picture that nlsr can read: it looks like the description of a DeepZoom" in result.stderr
    assert "hint: Name the picture that it was made of. To look at it in a browser: docs/recipes.md" in result.stderr
