"""Folders as people have them: of a NAS, with brackets in names, with files that are no pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.test_cli import names, run

FAST = ("-s", "2", "--device", "cpu")
SYSTEM = [
    "@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "$Recycle.Bin", "System Volume Information", ".Trash-1000",
    ".Trashes", "__MACOSX", ".thumbnails", ".@__thumb", "@Recycle", ".Spotlight-V100", ".fseventsd", "lost+found",
    "@tmp", "@Recently-Snapshot", "~snapshot", "RECYCLER", "Network Trash Folder", ".AppleDouble", ".stversions",
]  # fmt: skip


def place(sample: Path, *paths: str) -> Path:
    """Put copies of the sample into a folder of their own, and return that."""
    folder = sample.parent / "album"
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample, folder / path)
    return folder


def planned(*arguments: object, code: int = 0) -> tuple[list[Path], dict]:
    """Return the sources that a call would read, and its summary."""
    result = run("upscale", *arguments, "--dry-run", "--json")
    assert result.exit_code == code, result.output
    *files, last = map(json.loads, result.stdout.splitlines())
    return [Path(each["source"]) for each in files], last["summary"]


@pytest.mark.parametrize("name", SYSTEM)
def test_what_systems_keep_for_themselves_is_passed_over_and_counted(sample: Path, name: str) -> None:
    folder = place(sample, "a.png", f"sub/{name}/a.png/THUMB.png", f"{name}/b.png", "sub/b.png")
    for source in (folder, f"{folder}/**/*.png"):
        sources, summary = planned(source, "-r")
        assert sources == [folder / "a.png", folder / "sub" / "b.png"]
        assert summary["passed_over"]["system"] == 2
    assert planned(folder)[1]["passed_over"].items() >= {"system": 1, "subfolders": 1}.items(), "-r would not help"


@pytest.mark.parametrize("name", ["@eaDir", "#recycle", ".Trash-1000", "__MACOSX"])
def test_what_is_named_is_taken(sample: Path, name: str) -> None:
    """As a folder, in a pattern, or as a file in it."""
    folder = place(sample, f"{name}/b.png", f"{name}/sub/@eaDir/t.png")
    for source in (folder / name, f"{folder}/{name}/*.png", folder / name / "b.png"):
        sources, summary = planned(source, "-r")
        assert [path.name for path in sources] == ["b.png"]
        assert summary["passed_over"]["system"] == (1 if source == folder / name else 0)
    assert planned(f"{folder}/**/{name}/*.png")[0] == [folder / name / "b.png"]


def test_apple_double_files_are_passed_over_and_counted(sample: Path) -> None:
    folder = place(sample, "a.jpg.png", "._a.jpg.png", "sub/._b.png")
    for source in (folder, f"{folder}/**/*.png"):
        sources, summary = planned(source, "-r")
        assert (sources, summary["passed_over"]["system"]) == ([folder / "a.jpg.png"], 2)
    assert planned(folder / "._a.jpg.png")[0] == [folder / "._a.jpg.png"], "what is named is taken"


def test_the_summary_tells_of_systems_in_words(sample: Path) -> None:
    folder = place(sample, "a.png", "@eaDir/a.png", "x/@eaDir/a.png", "__MACOSX/a.png", "._a.png", "#recycle/a.png")
    result = run("upscale", folder, "-r", *FAST)
    assert "skipped: 5 of a NAS or the system (#recycle, ._a.png, @eaDir, …)" in result.stderr
    assert names(folder) == ["#recycle", "._a.png", "@eaDir", "__MACOSX", "a.png", "a_x2.png", "x"]
    assert names(folder / "@eaDir") == ["a.png"]


def test_a_pattern_that_only_systems_match_says_so(sample: Path) -> None:
    folder = place(sample, "@eaDir/a.png")
    result = run("upscale", f"{folder}/**/*.png")
    assert result.exit_code == 2
    assert "no file matches" in result.stderr
    assert "hint: Files of a NAS or the system are skipped: name one to include it." in result.stderr
    assert "no pictures found, only @eaDir" in run("upscale", folder, "-r").stderr


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Album [2020]/*.png", ["Album [2020]/a.png", "Album [2020]/b[1].png"]),
        ("Album [2020]/**/*.png", ["Album [2020]/a.png", "Album [2020]/b[1].png", "Album [2020]/in [1]/c.png"]),
        ("Album [2020]/in [1]/?.png", ["Album [2020]/in [1]/c.png"]),
        ("Album [2020]/[ab]*.png", ["Album [2020]/a.png", "Album [2020]/b[1].png"]),
        ("Album [2020]/b[1]*.png", ["Album [2020]/b[1].png"]),
        ("*/in [1]/*.png", ["Album [2020]/in [1]/c.png"]),
        ("Album [2020]*/*.png", ["Album [2020]/a.png", "Album [2020]/b[1].png"]),
        ("photo[1].png", ["photo[1].png"]),
        ("photo[12].png", ["photo2.png"]),
        ("photo[!3].png", ["photo2.png"]),
        ("photo*.PNG", ["photo2.png", "photo[1].png", "photo{x}.png"]),
        ("a*b.png", ["a*b.png"]),
        ("a*[b].png", ["a*b.png", "axb.png"]),
        ("a?b.png", ["a*b.png", "axb.png"]),
        ("what?/*.png", ["what?/d.png"]),
        ("Album 2/*", ["Album 2/e.png"]),
        ("Album [[]2020]/a.png", ["Album [2020]/a.png"]),
        ("**/c.png", ["Album [2020]/in [1]/c.png"]),
        ("what?/**", ["what?/d.png"]),
    ],
)
def test_a_path_that_exists_is_no_pattern(sample: Path, pattern: str, expected: list[str]) -> None:
    """Neither the whole of it, nor a folder on its way; what follows still is."""
    folder = place(
        sample, "Album [2020]/a.png", "Album [2020]/b[1].png", "Album [2020]/in [1]/c.png", "Album 2/e.png",
        "photo[1].png", "photo2.png", "photo{x}.png", "a*b.png", "axb.png", "what?/d.png", "whats/f.png",
    )  # fmt: skip
    assert planned(f"{folder}/{pattern}")[0] == [folder / each for each in expected]


def test_outputs_of_a_pattern_after_brackets_mirror_the_tree(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the pattern is relative, and the folders before it are not part of the tree."""
    folder = place(sample, "Album [2020]/a.png", "Album [2020]/in [1]/c.png")
    monkeypatch.chdir(folder)
    result = run("upscale", "Album [2020]/**/*.png", "-o", "out", *FAST)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [str(Path("out", "a_x2.png")), str(Path("out", "in [1]", "c_x2.png"))]
    assert planned("Album [[]2020]/*.png")[0] == [Path("Album [2020]", "a.png")]
    assert run("upscale", "Album [2021]/*.png").exit_code == 2


def test_names_match_in_either_unicode_form(sample: Path) -> None:
    """Archives made on a Mac hold the decomposed form, and nobody types that."""
    folder = place(sample, "cafe\u0301.png")
    assert planned(f"{folder}/*caf\u00e9*.png")[0] == [folder / "cafe\u0301.png"]


def test_patterns_do_not_follow_links_in_circles_and_tell_them(sample: Path) -> None:
    folder = place(sample, "a.png", "sub/b.png")
    (folder / "sub" / "circle").symlink_to(folder)
    (folder / "sub" / "itself").symlink_to("itself")
    sources, summary = planned(f"{folder}/**/*.png")
    assert sources == [folder / "a.png", folder / "sub" / "b.png"]
    assert summary["passed_over"]["linked_subfolders"] == 1
    assert planned(f"{folder}/sub/*/a.png")[0] == [folder / "sub" / "circle" / "a.png"], "one star looks into it"


def test_types_that_are_not_read_are_told_by_type_and_count(sample: Path) -> None:
    """In the summary and in JSON; the most frequent first, what has no ending last."""
    folder = place(sample, "ok.png")
    others = ["a.mp4", "b.MP4", "c.mp4", "x.kra", "x.xcf", "y.xcf", "README", "Dr. Who", "Makefile", "sub/z.svg"]
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"none of a kind that is known")
    shutil.copy(sample, folder / "unnamed picture")
    result = run("upscale", folder, "-r", *FAST)
    assert result.exit_code == 0
    line = "skipped: 3 .mp4, 2 .xcf, 1 .kra, 1 .svg, 3 without an ending"
    assert line in result.stderr.splitlines()
    assert "2 done in" in result.stderr, "a picture is known by its content"
    types = {".mp4": 3, ".xcf": 2, ".kra": 1, ".svg": 1, "": 3}
    for options in ((), ("--dry-run",)):
        result = run("upscale", folder, "-r", *FAST, "--skip-existing", *options, "--json")
        told = json.loads(result.stdout.splitlines()[-1])["summary"]["passed_over"]
        assert list(told["types"].items()) == list(types.items()), "in this order"
        assert told == {
            "types": types,
            "other_types": 0,
            "system": 0,
            "earlier_outputs": 2,
            "subfolders": 0,
            "linked_subfolders": 0,
        }
    assert line in run("upscale", folder, "-r", "--dry-run").stderr.splitlines()
    assert line.replace(" 1 .svg,", "") in run("upscale", f"{folder}/*", "--dry-run").stderr.splitlines()
    assert run("upscale", folder, "-r", *FAST, "--quiet", "--overwrite").stderr == ""


def test_the_list_of_types_has_an_end(sample: Path) -> None:
    folder = place(sample, "ok.png")
    for number in range(60):
        (folder / f"a.{number:03}").touch()
    (folder / "b.059").touch()
    result = run("upscale", folder, "--dry-run", "--json")
    told = json.loads(result.stdout.splitlines()[-1])["summary"]["passed_over"]
    assert list(told["types"].items())[:3] == [(".059", 2), (".000", 1), (".001", 1)]
    assert (len(told["types"]), told["other_types"]) == (50, 10)
    assert ", 1 .018, 40 of 40 other types\n" in result.stderr


def test_a_file_that_is_named_passes_nothing_over(sample: Path) -> None:
    (sample.parent / "a.mp4").touch()
    sources, summary = planned(sample)
    assert sources == [sample]
    assert summary["passed_over"]["types"] == {}


def test_a_folder_of_outputs_is_found_however_it_is_spelled(sample: Path) -> None:
    """What lies in it is no input, though a link leads to it."""
    folder = place(sample, "a.png", "out/b.png")
    (sample.parent / "link").symlink_to(folder / "out")
    assert planned(folder, "-r", "-o", sample.parent / "link")[0] == [folder / "a.png"]


def test_evaluate_looks_into_subfolders_and_passes_over_the_same(sample: Path) -> None:
    folder = place(sample, "a.png", "x/a.png", "x/@eaDir/t.png", "._a.png")
    (folder / "x" / "film.mp4").touch()
    result = run("evaluate", "bicubic", folder, "-s", "2", "-r", "--json")
    assert result.exit_code == 0, result.stderr
    *pictures, last = map(json.loads, result.stdout.splitlines())
    assert [each["name"] for each in pictures] == ["a.png", "x/a.png"]
    assert last["summary"]["passed_over"].items() >= {"types": {".mp4": 1}, "system": 2, "subfolders": 0}.items()
    assert "skipped: 1 .mp4, 2 of a NAS or the system (._a.png, @eaDir)" in result.stderr
    flat = run("evaluate", "bicubic", folder, "-s", "2")
    assert "x/a.png" not in flat.stdout
    assert "skipped 1 subfolder (use -r to look into subfolders): x" in flat.stderr
