"""What a call reads: pictures by content, each once, in a fixed order, and never its own earlier outputs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.batch.inputs import Sources, find_sources
from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions
from tests.batch.test_planning import picture, plan


def find(*inputs: str | Path, **output: object) -> Sources:
    return find_sources(inputs, OutputOptions(**output))  # type: ignore[arg-type]


def found_names(found: Sources) -> list[str]:
    return [path.name for path, _ in found.files]


def test_folder_takes_pictures_by_content_and_passes_over_the_rest(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "sub/c.png"):
        picture(tmp_path / name)
    picture(tmp_path / "unnamed", "PNG")
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / ".hidden.png").write_bytes(b"")
    found = find(tmp_path)
    assert found_names(found) == ["a.jpg", "b.png", "unnamed"]
    reasons = {reason: [path.name for path in paths] for reason, paths in found.passed.reasons()}
    assert reasons == {
        ("file", "not in a picture format"): ["notes.txt"],
        ("subfolder", "use -r to look into subfolders"): ["sub"],
    }


def test_recursion_mirrors_the_tree(tmp_path: Path) -> None:
    for name in ("a.png", "x/a.png", "x/y/b.jpg"):
        picture(tmp_path / "in" / name)
    jobs = plan(tmp_path / "in", target=tmp_path / "out", recursive=True).jobs
    targets = [job.sink.path.relative_to(tmp_path / "out").as_posix() for job in jobs]
    assert targets == ["a_x4.png", "x/a_x4.png", "x/y/b_x4.jpg"]
    assert not any(job.error for job in jobs)


@pytest.mark.parametrize(
    "output",
    [
        "a_x4.png",
        "a_x2.jpg",
        "a_x4_x2.png",
        "a-big2.png",
        "a_x2.5.png",
        "a_800x600.png",
        "a-big3.333.png",
        "a_page3_x2.png",
    ],
)
def test_outputs_of_an_earlier_call_are_passed_over_whatever_their_scale(tmp_path: Path, output: str) -> None:
    for name in ("a.png", "a_x4.png", output, "b_x4.png"):
        picture(tmp_path / name)
    found = find(tmp_path, suffix="-big{scale}")
    assert found_names(found) == ["a.png", "b_x4.png"], "b_x4 has no b beside it: it is somebody's picture"
    assert output in [path.name for path in found.passed.earlier]
    assert found_names(find(tmp_path / "a_x4.png")) == ["a_x4.png"], "what is named is taken"


def test_the_folder_that_outputs_go_to_is_not_looked_into(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "out" / "other.png")
    found = find(tmp_path, target=tmp_path / "out", recursive=True)
    assert found_names(found) == ["a.png"]


def test_patterns_are_expanded_and_names_win_over_patterns(tmp_path: Path) -> None:
    for name in ("a1.png", "a2.png", "a[1].png", "deep/er/a3.png"):
        picture(tmp_path / name)
    assert found_names(find(f"{tmp_path}/a?.png")) == ["a1.png", "a2.png"]
    assert found_names(find(f"{tmp_path}/a[1].png")) == ["a[1].png"]
    assert found_names(find(f"{tmp_path}/**/a3.png")) == ["a3.png"]
    with pytest.raises(OptionError, match="no file matches"):
        find(f"{tmp_path}/*.tiff")


def test_patterns_take_names_in_any_case(tmp_path: Path) -> None:
    """Cameras write IMG_0001.JPG, people type *.jpg."""
    picture(tmp_path / "IMG_1.JPG")
    picture(tmp_path / "img_2.jpg")
    assert found_names(find(f"{tmp_path}/*.jpg")) == ["IMG_1.JPG", "img_2.jpg"]


def test_patterns_mirror_the_tree_below_their_fixed_part(tmp_path: Path) -> None:
    for name in ("in/x/a.png", "in/y/a.png"):
        picture(tmp_path / name)
    (tmp_path / "in" / "x" / "notes.txt").write_text("text")
    jobs = plan(f"{tmp_path}/in/**/*", target=tmp_path / "out").jobs
    assert [job.sink.path.relative_to(tmp_path).as_posix() for job in jobs] == ["out/x/a_x4.png", "out/y/a_x4.png"]
    assert not any(job.error for job in jobs)


def test_same_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    assert len(find(path, path, tmp_path).files) == 1


def test_folders_that_cannot_be_read_are_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is incomplete without them, so the call must not end in success."""
    picture(tmp_path / "a.png")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def denied(path: object) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", denied)
    jobs = plan(tmp_path, recursive=True).jobs
    assert [str(job.error) for job in jobs if job.error] == [
        f"{tmp_path / 'locked'}: the folder cannot be read: Permission denied"
    ]
    assert [job.source.path.name for job in jobs if not job.error] == ["a.png"]


def test_linked_folders_are_told_not_followed(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "circle").symlink_to(tmp_path)
    found = find(tmp_path, recursive=True)
    assert found_names(found) == ["a.png"]
    assert [path.name for path in found.passed.linked] == ["circle"]


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no pictures found"):
        find(tmp_path)


def test_asking_what_inputs_are_loads_no_pictures() -> None:
    """It is asked before the process of decoders starts, which is to load while this one does."""
    code = "import sys, nlsr_cli.batch.inputs; sys.exit('PIL' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
