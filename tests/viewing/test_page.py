"""The page as a file: whole, alone, the same every time, and never over what is not ours to replace."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from nlsr_cli.errors import DestinationClash
from nlsr_cli.viewing.page import check_page, is_page, page_beside
from tests.test_cli import run
from tests.viewing.pages import save_pair


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert run("compare", *save_pair(folder)).exit_code == 0
    return folder / "photo_x4_compare.html"


def test_it_names_no_place_but_itself(made: Path) -> None:
    text = made.read_text("utf-8")
    assert re.findall(r"(?:src|href)=\"(?!data:)[^\"]*", text) == []
    assert re.findall(r"https?://|@import|url\(", text) == []


def test_its_policy_allows_its_own_style_and_script_alone(made: Path) -> None:
    text = made.read_text("utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_the_slider_needs_little_script(made: Path) -> None:
    """It is made of native parts: a range, and a clip-path that follows it."""
    text = made.read_text("utf-8")
    lines = [line for line in re.findall(r"<script>(.*)</script>", text, re.DOTALL)[0].splitlines() if "split" in line]
    assert sum(map(len, lines)) < 1024
    assert "$" not in re.sub(r"\$\{", "", text), "no name of the template is left"


def test_the_same_files_give_the_same_page(made: Path) -> None:
    again = made.with_name("again.html")
    assert run("compare", made.with_name("photo.png"), made.with_name("photo_x4.png"), "-o", again).exit_code == 0
    assert again.read_bytes() == made.read_bytes()


def test_a_page_of_ours_is_known(made: Path, tmp_path: Path) -> None:
    assert is_page(made)
    (tmp_path / "a.html").write_text('<!doctype html><meta name="generator" content="other">')
    assert not is_page(tmp_path / "a.html")
    assert not is_page(tmp_path / "gone.html")
    assert page_beside(Path("out/photo_x4.jpg")) == Path("out/photo_x4_compare.html")


def test_it_is_never_written_over_one_of_the_pictures(tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    (tmp_path / "link.html").symlink_to(source)
    for place in (result, tmp_path / "link.html"):
        with pytest.raises(DestinationClash, match="is one of the pictures"):
            check_page(place, [source, result], overwrite=True)
    check_page(tmp_path / "new.html", [source, result, tmp_path / "gone.png"], overwrite=False)
