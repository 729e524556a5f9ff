"""Comic books on the command line: pages in order, all else kept, nothing lost in silence, no work lost."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ASSETS, skip_where_ignored
from tests.test_cli import NLSR, names, run

FAST = ("-s", "2", "--strength", "0", "--device", "cpu")
WHEN = (1999, 12, 31, 23, 59, 58)
INFO = """<?xml version="1.0"?>
<ComicInfo><Title>A &amp; B</Title><Pages>
<Page Image="0" ImageWidth="24" ImageHeight="30" ImageSize="{}" Type="FrontCover"/><Page Image="1" ImageWidth="25"/>
</Pages></ComicInfo>"""


def page(number: int, format_: str = "PNG") -> bytes:
    """Return a page of a width of its own."""
    held = io.BytesIO()
    with Image.open(ASSETS / "colosseum.png") as image:
        image.convert("RGB").crop((number, 9 * number, 24 + 2 * number, 30 + 9 * number)).save(held, format_)
    return held.getvalue()


def book(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.comment = b"for readers"
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name, WHEN), data, zipfile.ZIP_DEFLATED)
    return path


@pytest.fixture
def comic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a book of two pages with what books have, in the current folder."""
    monkeypatch.chdir(tmp_path)
    files = {
        "ComicInfo.xml": INFO.format(len(page(0))).encode(),
        "vol/": b"",
        "vol/01.png": page(0),
        "vol/02.png": page(1),
        "vol/._01.png": b"AppleDouble",
        "credits.txt": b"thanks",
    }
    return book(Path("comic.cbz"), files)


def opened(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def test_a_book_is_enlarged_page_by_page_and_all_else_is_kept(comic: Path) -> None:
    result = run("upscale", comic, *FAST)
    assert (result.exit_code, result.stdout) == (0, "comic_x2.cbz\n"), result.stderr
    assert "comic.cbz: 2 pages enlarged in" in result.stderr
    assert names(Path()) == ["comic.cbz", "comic_x2.cbz"]
    with opened("comic.cbz") as before, opened("comic_x2.cbz") as after:
        assert (after.namelist(), after.comment) == (before.namelist(), b"for readers")
        assert {info.date_time for info in after.infolist()} == {WHEN}
        assert [after.read(name) for name in ("credits.txt", "vol/._01.png")] == [b"thanks", b"AppleDouble"]
        sizes = {name: Image.open(io.BytesIO(after.read(name))).size for name in ("vol/01.png", "vol/02.png")}
        assert sizes == {"vol/01.png": (48, 60), "vol/02.png": (50, 60)}
        assert after.getinfo("vol/01.png").compress_type == zipfile.ZIP_STORED
        told = before.read("ComicInfo.xml").decode()
        size = len(after.read("vol/01.png"))
        for old, new in (('"24"', '"48"'), ('"30"', '"60"'), (f'"{len(page(0))}"', f'"{size}"'), ('"25"', '"50"')):
            told = told.replace(old, new)
        assert after.read("ComicInfo.xml").decode() == told


def test_the_same_book_gives_the_same_bytes(comic: Path) -> None:
    for name in ("a.cbz", "b.cbz"):
        assert run("upscale", comic, "-o", name, *FAST).exit_code == 0
        time.sleep(2.1)  # the clock of an archive counts pairs of seconds
    assert Path("a.cbz").read_bytes() == Path("b.cbz").read_bytes()


def test_a_broken_page_stays_as_it_was_and_is_named(comic: Path) -> None:
    """Hours of work are not lost for one page, and the exit code tells that it is not enlarged, with --quiet too."""
    broken = page(1)[:-400]
    book(comic, {"01.png": page(0), "02.png": broken, "notes.png": b"not a picture"})
    result = run("upscale", comic, *FAST, "--quiet", "--json")
    assert result.exit_code == 3
    assert "error: comic.cbz/02.png: is truncated" in result.stderr
    first, last = map(json.loads, result.stdout.splitlines())
    assert (first["status"], first["pages"]["total"], first["pages"]["enlarged"]) == ("done", 3, 1)
    assert [each["page"] for each in first["pages"]["kept"]] == ["02.png", "notes.png"]
    assert last["summary"]["exit_code"] == 3
    with opened("comic_x2.cbz") as after:
        assert (after.read("02.png"), after.read("notes.png")) == (broken, b"not a picture")


def test_a_book_without_a_sound_page_fails(comic: Path) -> None:
    book(comic, {"01.png": page(0)[:-400], "02.png": b"no"})
    result = run("upscale", comic, *FAST)
    assert result.exit_code == 1
    assert "comic.cbz: none of its 2 pages can be enlarged; the first: comic.cbz/01.png: is truncated" in result.stderr
    assert names(Path()) == ["comic.cbz"]


def test_a_book_without_pages_and_a_damaged_one_fail_alone(comic: Path) -> None:
    book(Path("empty.cbz"), {"readme.txt": b"no pages"})
    Path("cut.cbz").write_bytes(comic.read_bytes()[:-30])
    data = comic.read_bytes()
    Path("rotten.cbz").write_bytes(
        data.replace(b"thanks", b"thinks") if b"thanks" in data else data[:40] + b"!" + data[41:]
    )
    result = run("upscale", ".", "-o", "out", *FAST)
    assert result.exit_code == 3
    assert "empty.cbz: holds no pictures" in result.stderr
    assert "cut.cbz: is not a whole ZIP archive" in result.stderr
    assert "rotten.cbz: its file " in result.stderr
    assert names(Path("out")) == ["comic_x2.cbz"]


def test_pages_of_another_format_get_its_ending_and_never_the_name_of_another_file(comic: Path) -> None:
    book(comic, {"1.png": page(0), "1.jpg": page(1, "JPEG"), "2": page(2), "3.webp": page(3, "WEBP")})
    assert run("upscale", comic, "-f", "webp", "-o", "new.cbz", *FAST).exit_code == 0
    with opened("new.cbz") as after:
        assert after.namelist() == ["1.webp", "1.jpg.webp", "2.webp", "3.webp"]
        assert {Image.open(io.BytesIO(after.read(name))).format for name in after.namelist()} == {"WEBP"}


def test_what_a_page_loses_is_told_once_with_the_pages(comic: Path) -> None:
    held = io.BytesIO()
    Image.new("RGBA", (9, 9), (9, 9, 9, 99)).save(held, "PNG")
    book(comic, {f"{number}.png": held.getvalue() for number in range(5)})
    result = run("upscale", comic, "-f", "jpeg", *FAST)
    assert result.exit_code == 0
    notes = [line for line in result.stderr.splitlines() if "note: " in line]
    assert len(notes) == 1
    assert "note: 0.png, 1.png, 2.png and 2 more pages: " in notes[0]


def test_sizes_that_are_not_of_these_pages_are_kept_and_told(comic: Path) -> None:
    book(comic, {"ComicInfo.xml": b'<Page Image="0" ImageWidth="7"/>', "1.png": page(0)})
    result = run("upscale", comic, *FAST)
    assert (
        "note: The page sizes in ComicInfo.xml are not those of the pages, so they stay as they were." in result.stderr
    )
    with opened("comic_x2.cbz") as after:
        assert after.read("ComicInfo.xml") == b'<Page Image="0" ImageWidth="7"/>'


def test_books_in_folders_are_mirrored_and_done_once(comic: Path) -> None:
    Path("in/series").mkdir(parents=True)
    comic.rename("in/series/1.cbz")
    Path("in/2.cbr").write_bytes(b"Rar!\x1a\7\0")
    plan = run("upscale", "in", "-r", "-o", "out", *FAST, "--dry-run")
    assert plan.stdout == "would be written: in/series/1.cbz → out/series/1_x2.cbz  CBZ, pages: 2\n"
    assert run("upscale", "in", "-r", "-o", "out", *FAST).exit_code == 0
    again = run("upscale", "in", "-r", "-o", "out", *FAST)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "done already" in again.stderr
    assert "skipped: 1 .cbr" in again.stderr
    changed = run("upscale", "in", "-r", "-o", "out", *FAST, "--strip")
    assert "note: The output existed and is made again: other options (--strip)." in changed.stderr
    assert names(Path("out/series")) == ["1_x2.cbz"]


def test_an_output_that_exists_is_safe(comic: Path) -> None:
    Path("comic_x2.cbz").write_bytes(b"mine")
    result = run("upscale", comic, *FAST)
    assert result.exit_code == 1
    assert "its output comic_x2.cbz exists already" in result.stderr
    assert run("upscale", comic, *FAST, "--skip-existing").exit_code == 0
    assert Path("comic_x2.cbz").read_bytes() == b"mine"
    assert run("upscale", comic, *FAST, "--overwrite").exit_code == 0
    assert opened("comic_x2.cbz").testzip() is None


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["comic.cbz", "-o", "x.png"], 2, "-o x.png: a comic book is written as .cbz", "-o x.cbz"),
        (["page.png", "-o", "x.cbz"], 2, "-o x.cbz: only comic books are written as .cbz", "-o x.png"),
        (["comic.cbz", "-o", "-"], 1, "comic.cbz: a book needs a file as output", "Give a file after -o."),
        (["b.cbr"], 1, "b.cbr: is a RAR archive", "unar -o pages b.cbr && (cd pages && zip -r ../b.cbz .)"),
        (["b.pdf"], 1, "b.pdf: is a PDF document", "pdfimages -all b.pdf page"),
    ],
)
def test_mistakes_are_told(comic: Path, arguments: list[str], code: int, error: str, hint: str) -> None:
    Path("page.png").write_bytes(page(0))
    Path("b.cbr").write_bytes(b"Rar!\x1a\7\0")
    Path("b.pdf").write_bytes(b"%PDF-1.4")
    result = run("upscale", *arguments)
    assert result.exit_code == code
    assert f"error: {error}" in result.stderr
    assert hint in result.stderr


def test_inspect_says_how_to_see_the_pages(comic: Path) -> None:
    result = run("inspect", comic)
    assert result.exit_code == 1
    assert "error: comic.cbz: is a comic book, not a picture" in result.stderr
    assert "unzip -d pages comic.cbz" in result.stderr


def started(*arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*NLSR, *map(str, arguments)], stderr=subprocess.PIPE, text=True, env=environment)


def finished_pages() -> list[Path]:
    return [path for path in Path().glob(".nlsr-*.pages/*") if path.name.isdigit()]


@pytest.mark.skipif(os.name == "nt", reason="needs signals of Unix")
@pytest.mark.parametrize("kind", ["SIGINT", "SIGKILL"])
def test_an_interrupted_book_continues_with_the_page_it_was_at(comic: Path, kind: str) -> None:
    """No half-written book is there, the pages that were done are not computed again, and the bytes are the same."""
    if kind == "SIGINT":
        skip_where_ignored(kind)
    with Image.open(ASSETS / "colosseum.png") as image:
        held = io.BytesIO()
        image.convert("RGBA").crop((0, 0, 96, 96)).save(held, "PNG")
    book(comic, {f"{number}.png": held.getvalue() for number in range(8)})
    fast = ("-s", "2", "--device", "cpu", "--precision", "fp32", "-f", "jpeg")
    process = started("upscale", comic, *fast)
    end = time.monotonic() + 120
    while len(finished_pages()) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(getattr(signal, kind))
    said = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if kind == "SIGINT" else -signal.SIGKILL), said
    assert names(Path())[1:] == ["comic.cbz"]
    done = {path: path.stat().st_mtime_ns for path in finished_pages()}
    assert 2 <= len(done) < 8
    process = started("upscale", comic, *fast)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    assert "8 pages enlarged" in said
    assert "note: 0.png, 1.png, 2.png and 5 more pages: " in said, "also of pages that the first call has finished"
    assert names(Path()) == ["comic.cbz", "comic_x2.cbz"]
    assert run("upscale", comic, "-o", "at_once.cbz", *fast).exit_code == 0
    assert Path("at_once.cbz").read_bytes() == Path("comic_x2.cbz").read_bytes()


def test_two_processes_on_one_book_lose_nothing(comic: Path) -> None:
    both = [started("upscale", comic, *FAST, "--resume") for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert names(Path()) == ["comic.cbz", "comic_x2.cbz"]
    assert opened("comic_x2.cbz").testzip() is None


def test_a_planted_link_does_not_take_the_pages(comic: Path) -> None:
    from nlsr_cli.batch.workplace import Workplace

    place = Workplace(Path("comic_x2.cbz"))
    place.discard()
    Path("elsewhere").mkdir()
    place.folder.symlink_to("elsewhere")
    result = run("upscale", comic, *FAST)
    assert result.exit_code == 1
    assert "the folder for its pages cannot be made" in result.stderr
    assert names(Path("elsewhere")) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux to tell the memory")
def test_memory_follows_the_page_and_not_the_book(comic: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from nlsr_cli import upscale_files, UpscaleOptions;"
        "from nlsr_cli.options import OutputOptions;"
        "o = [*upscale_files([sys.argv[1]], OutputOptions(existing='overwrite'), UpscaleOptions(scale=2, strength=0))];"
        "assert o[0].status == 'done', o; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    held = io.BytesIO()
    Image.effect_noise((256, 256), 90).save(held, "PNG")
    used = []
    for count in (2, 40):
        book(comic, {f"{number:02}.png": held.getvalue() for number in range(count)})
        done = subprocess.run([sys.executable, "-c", code, comic], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        used.append(int(done.stdout))
    assert used[1] < used[0] + 20 * 1024, "a page takes less than a MiB, and the book a hundred times that"
