"""The recipes of docs/recipes.md, run by a shell with the real programs, each with a look at what came of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
import xml.etree.ElementTree as ET
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.conftest import ASSETS
from tests.test_cli import run
from tests.tools.reference import ROOT

PAGE = (ROOT / "docs" / "recipes.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
PROGRAMS = ("convert", "ffmpeg", "ffprobe", "find", "xargs", "parallel", "make", "jq", "unzip")

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def blocks(section: str, language: str = "sh") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SECTIONS[section], re.DOTALL | re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with the files that the page speaks of, and `nlsr` as a program."""
    monkeypatch.chdir(tmp_path)
    for name in ("photo.jpg", "holiday/a.jpg", "holiday/beach/b.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ASSETS / "tower.jpg", name)
    with Image.open(ASSETS / "colosseum.png") as image:
        for name in ("logo.png", "icon.png"):
            image.crop((50, 50, 90, 80)).save(name)
        image.crop((0, 0, 40, 50)).save("fax.tif", save_all=True, append_images=[image.crop((0, 0, 30, 20))])
    with zipfile.ZipFile("book.cbz", "w") as book:
        book.write("photo.jpg", "001.jpg")
    Path("bin").mkdir()
    Path("bin/nlsr").write_text(f'#!/bin/sh\nexec {sys.executable} -m nlsr_cli "$@"\n')
    Path("bin/nlsr").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def shell(script: str) -> subprocess.CompletedProcess[str]:
    absent = [name for name in PROGRAMS if re.search(rf"\b{name} ", script) and shutil.which(name) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, errors="replace", check=False
    )


def cooked(section: str, number: int = 0) -> str:
    """Run a recipe, which must end well; return what it prints."""
    done = shell(blocks(section)[number])
    assert done.returncode == 0, done.stderr
    return done.stdout


def size(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def film(desk: Path) -> None:
    """Make a film of ten frames with sound."""
    done = shell(
        "ffmpeg -loglevel error -f lavfi -i testsrc=size=64x48:rate=10:duration=1 -f lavfi -i sine=duration=1 "
        "-pix_fmt yuv420p -shortest film.mp4"
    )
    assert done.returncode == 0, done.stderr


def test_imagemagick(desk: Path) -> None:
    cooked("ImageMagick")
    assert size("turned.png") == (150, 200)


def test_a_second_picture_in_a_pipe_is_left_out_with_a_note(desk: Path) -> None:
    done = shell("cat logo.png icon.png | nlsr upscale - -o one.png --scale 2 --strength 0")
    assert done.returncode == 0
    assert "note: Left out: data after the end of the picture" in done.stderr


def probed(path: str) -> str:
    told = "stream=codec_type,width,height,nb_read_frames,avg_frame_rate"
    return shell(f"ffprobe -v error -count_frames -show_entries {told} -of csv=p=0 {path}").stdout


def test_a_video_keeps_its_frames_and_its_sound(film: None) -> None:
    cooked("A video")
    before, after = (probed(name).splitlines() for name in ("film.mp4", "film_x2.mp4"))
    assert before[0] == "video,64,48,10/1,10"
    assert after[0] == "video,128,96,10/1,10"
    assert len(after) == len(before) == 2, "and the sound"
    assert not {"frames", "large"} & {path.name for path in Path().iterdir()}


def test_one_frame_of_a_video(film: None) -> None:
    cooked("A video", 1)
    assert size("frame.png") == (128, 96)


def test_find(desk: Path) -> None:
    assert sorted(cooked("find").splitlines()) == ["enlarged/a_x2.jpg", "enlarged/b_x2.jpg"]


def test_xargs_and_parallel(desk: Path) -> None:
    cooked("xargs and GNU parallel")
    assert [size(f"enlarged/{name}_x2.jpg") for name in "ab"] == [(256, 192)] * 2


@pytest.mark.parametrize("program", ["xargs -0 -n 6 -P 2", "parallel -0 -j 2 -N 6"])
def test_many_processes_in_one_folder_lose_nothing(desk: Path, program: str) -> None:
    """Nor a line of the ledger: the next call finds everything done."""
    Path("many").mkdir()
    for number in range(12):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(f"many/{number}.png")
    line = f"find many -name '*.png' -print0 | {program} nlsr upscale --resume -o out --scale 2 --strength 0"
    assert shell(line).returncode == 0
    assert sorted(path.name for path in Path("out").glob("*.png")) == sorted(f"{n}_x2.png" for n in range(12))
    again = shell("nlsr upscale many -o out --scale 2 --strength 0 --json | jq -c .summary.skipped | tail -1")
    assert again.stdout.strip() == "12"
    assert [path.name for path in Path("out").iterdir() if path.suffix == ".part"] == []


def test_shards_with_parallel(desk: Path) -> None:
    assert sorted(cooked("Shards").splitlines()) == ["2 done", "enlarged/a_x2.jpg", "enlarged/beach/b_x2.jpg"]


def done_by(calls: list[list[str]]) -> list[str]:
    """Run command lines of nlsr in this process, one after another; return the outputs, each as often as it is done."""
    results = [run(*words, "--strength", "0") for words in calls]
    assert [result.exit_code for result in results] == [0] * len(calls)
    return sorted(line for result in results for line in result.stdout.splitlines())


ALL_DONE = ["enlarged/a_x2.jpg", "enlarged/beach/b_x2.jpg"]


def test_shards_with_slurm(desk: Path) -> None:
    """Its script is one of bash; what Slurm does is to start it once for each number, with that in the environment."""
    (script,) = blocks("Shards", "bash")
    first, last = re.findall(r"^#SBATCH --array=(\d+)-(\d+)$", script, re.MULTILINE)[0]
    Path("bin/nlsr").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    calls = []
    for number in range(int(first), int(last) + 1):
        done = shell(f"export SLURM_CPUS_PER_TASK=8 SLURM_ARRAY_TASK_ID={number}\n{script}")
        assert done.returncode == 0, done.stderr
        calls.append(done.stdout.splitlines())
    assert done_by(calls) == ALL_DONE


def test_shards_with_kubernetes(desk: Path) -> None:
    """It starts a command once for each index, which it puts in place of the variable."""
    job = yaml.safe_load(blocks("Shards", "yaml")[0])
    assert (job["kind"], job["spec"]["completionMode"]) == ("Job", "Indexed")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    program, *words = container["command"]
    assert program == "nlsr"
    indices = map(str, range(job["spec"]["completions"]))
    calls = [[word.replace("$(JOB_COMPLETION_INDEX)", index) for word in words] for index in indices]
    assert done_by(calls) == ALL_DONE


@pytest.fixture
def makefile(desk: Path) -> None:
    """Write the Makefile of the page."""
    Path("Makefile").write_text(blocks("make", "make")[0])


def test_make_makes_what_is_older_than_its_source(makefile: None) -> None:
    cooked("make")
    assert size("logo_x2.png") == size("icon_x2.png") == (80, 60)
    assert "up to date" in cooked("make")
    before = Path("logo_x2.png").stat().st_mtime_ns
    os.utime("logo.png", (before / 1e9 + 5, before / 1e9 + 5))
    assert "nlsr upscale logo.png" in cooked("make")
    assert Path("logo_x2.png").stat().st_mtime_ns > before


def test_make_stops_where_a_picture_fails_and_leaves_no_target(makefile: None) -> None:
    Path("logo.png").write_bytes(Path("logo.png").read_bytes()[:-200])
    done = shell("make logo_x2.png")
    assert done.returncode == 2
    assert "logo.png: is truncated" in done.stderr
    assert not Path("logo_x2.png").exists()


def test_jq(desk: Path) -> None:
    Path("holiday/broken.jpg").write_bytes(Path("photo.jpg").read_bytes()[:2000])
    script = blocks("JSON and jq")[0]
    told = shell(script.replace("> report.jsonl\n", "> report.jsonl || test $? = 3\n"))
    assert told.returncode == 0, told.stderr
    first, done = told.stdout.splitlines()
    assert first.startswith("holiday/broken.jpg: holiday/broken.jpg: is truncated")
    assert done == "2"


def test_comic_books(desk: Path) -> None:
    assert "001.jpg" in cooked("Comic books")


def test_a_gigapixel_in_a_browser(desk: Path) -> None:
    """A viewer asks the server for the file that the page names, and for tiles of every level beside it."""
    cooked("A gigapixel in a browser")
    (page,) = blocks("A gigapixel in a browser", "html")
    (desk / "map.html").write_text(page)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(desk))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def fetched(name: str) -> bytes:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{name}") as answer:
                found: bytes = answer.read()
            return found

        (named,) = re.findall(r'tileSources: "([^"]+)"', fetched("map.html").decode())
        root = ET.fromstring(fetched(named))
        sides = [int(root[0].attrib[side]) for side in ("Width", "Height")]
        assert sides == [512, 384]
        tiles = re.sub(r"\.dzi$", "_files", named)
        for level, size in {9: (255, 255), 8: (255, 192), 0: (1, 1)}.items():
            with Image.open(BytesIO(fetched(f"{tiles}/{level}/0_0.{root.attrib['Format']}"))) as tile:
                assert tile.size == size
        server.shutdown()


def test_the_same_as_one_file_for_other_programs(desk: Path) -> None:
    cooked("A gigapixel in a browser", 1)
    with Image.open(desk / "map.tif") as image:
        assert (image.size, image.n_frames) == ((512, 384), 2)


def test_pages_of_a_tiff(desk: Path) -> None:
    cooked("Pages of a TIFF")
    with Image.open("fax_x2.tif") as whole, Image.open("fax_page2_x2.png") as page:
        assert (whole.n_frames, whole.size, page.size) == (2, (80, 100), (60, 40))
