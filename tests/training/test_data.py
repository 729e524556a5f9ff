"""Which photographs are learned from and which are measured on: told, disjoint, the same each time."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.batch.inputs import Sources
from nlsr_cli.errors import OptionError
from nlsr_cli.training.data import gather
from nlsr_cli.training.plan import Plan
from nlsr_cli.training.recipe import Recipe
from tests.training.photographs import save_photographs, tiny_plan


@pytest.mark.parametrize(("count", "held"), [(2, 1), (20, 1), (21, 2), (61, 4), (350, 16)])
def test_some_photographs_are_held_back(tmp_path: Path, count: int, held: int) -> None:
    """One in 20, at least one and at most 16; none of them is learned from."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(count):
        Image.new("RGB", (16, 16), (index % 256, index // 256, 7)).save(folder / f"{index:03}.png")
    data = gather(tiny_plan(tmp_path))
    learned, measured = ({tuple(pair.hr[0, 0]) for pair in pairs} for pairs in (data.training[2], data.validation[2]))
    assert (len(learned), len(measured), data.held_out) == (count - held, held, True)
    assert not learned & measured


def test_held_back_is_the_middle(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos", 2)
    large = np.random.default_rng(0).integers(0, 255, (300, 401, 3), np.uint8)
    Image.fromarray(large).save(tmp_path / "photos" / "a.png")
    (pair,) = gather(tiny_plan(tmp_path)).validation[2]
    np.testing.assert_array_equal(pair.hr, large[22:278, 72:328])
    assert pair.lr.shape == (128, 128, 3)
    save_photographs(tmp_path / "photos", 1, size=(30, 31))
    (tmp_path / "photos" / "a.png").unlink()
    (pair,) = gather(tiny_plan(tmp_path, scales=(3,))).validation[3]
    assert pair.hr.shape == (30, 30, 3)


def test_one_photograph_is_too_few_unless_others_are_measured(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos", 1)
    with pytest.raises(OptionError, match="one photograph is not enough") as caught:
        gather(tiny_plan(tmp_path))
    assert "--validation" in caught.value.hint
    measured = save_photographs(tmp_path / "others", 2, size=(41, 60))
    data = gather(tiny_plan(tmp_path, validation=str(measured)))
    assert (len(data.photographs), [pair.hr.shape for pair in data.validation[2]]) == (1, [(40, 60, 3)] * 2)
    assert not data.held_out


def test_subfolders_and_what_is_passed_over(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos", 2)
    save_photographs(tmp_path / "photos" / "more", 3)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "small.png")
    data = gather(tiny_plan(tmp_path))
    told = {why: [path.name for path in paths] for why, paths in data.passed_over}
    assert told["file", "not in a picture format"] == ["notes.txt"]
    assert told["subfolder", "use -r to look into subfolders"] == ["more"]
    assert [error.path.name for error in data.unreadable] == ["broken.jpg"]
    assert [path.name for path in data.small] == ["small.png"]
    assert len(data.photographs) == 1
    assert len(gather(tiny_plan(tmp_path, recursive=True)).photographs) == 4


def test_the_folder_of_the_run_is_not_learned_from(tmp_path: Path) -> None:
    """The curve of a run is a picture too, and would change the photographs of the run that goes on."""
    photos = save_photographs(tmp_path / "photos", 3)
    (photos / "run").mkdir()
    Image.new("RGB", (90, 90)).save(photos / "run" / "curve.png")
    data = gather(tiny_plan(tmp_path, recursive=True, out=str(photos / "run")))
    assert len(data.photographs) == 2
    with pytest.raises(OptionError, match="cannot be the folder of the run"):
        gather(tiny_plan(tmp_path, out=str(photos)))


def test_the_fingerprint_sees_every_pixel(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos")
    first = gather(tiny_plan(tmp_path)).fingerprint
    assert gather(tiny_plan(tmp_path)).fingerprint == first
    path = tmp_path / "photos" / "photo001.png"
    with Image.open(path) as image:
        changed = image.copy()
    changed.putpixel((3, 3), (1, 2, 3))
    changed.save(path)
    assert gather(tiny_plan(tmp_path)).fingerprint != first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": ("nothing",)}, "nothing does not exist"),
        ({"data": ("*.xyz",)}, "no file matches"),
        ({"data": ("empty",)}, "no pictures"),
        ({"data": ("small",)}, r"none of 1 file can be read; small.broken\.jpg: is truncated"),
        ({"recipe": Recipe(patch=40)}, "none of 2 files is a photograph of at least 80 pixels on each side"),
        ({"validation": "small/broken.jpg"}, "no validation pictures"),
    ],
)
def test_nothing_to_learn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    save_photographs(tmp_path / "photos", 2)
    (tmp_path / "empty").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    plan: Plan = tiny_plan(tmp_path, **change)
    with pytest.raises(OptionError, match=said) as caught:
        gather(plan)
    assert caught.value.hint or "matches" in said


def test_subfolders_of_the_validation_folder_are_looked_into_too(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos", 2)
    save_photographs(tmp_path / "others" / "more", 3)
    (tmp_path / "others" / "notes.txt").write_text("no picture")
    with pytest.raises(OptionError, match=r"no pictures in .*others") as caught:
        gather(tiny_plan(tmp_path, validation=str(tmp_path / "others")))
    assert "--recursive" in caught.value.hint
    data = gather(tiny_plan(tmp_path, validation=str(tmp_path / "others"), recursive=True))
    assert data.measured == 3
    assert (("file", "not in a picture format"), [tmp_path / "others" / "notes.txt"]) in data.passed_over


def test_a_wrong_validation_folder_is_told_before_photographs_are_read(tmp_path: Path) -> None:
    save_photographs(tmp_path / "photos", 2)
    read: list[int] = []
    with pytest.raises(OptionError, match="nowhere does not exist"):
        gather(tiny_plan(tmp_path, validation="nowhere"), lambda done, _: read.append(done))
    assert not read


def test_pictures_that_are_measured_and_learned_from_are_counted(tmp_path: Path) -> None:
    """Whether they were given twice, or one that is held back has a copy."""
    photos = save_photographs(tmp_path / "photos", 3)
    assert gather(tiny_plan(tmp_path)).shared == 0
    others = save_photographs(tmp_path / "others", 5)
    assert gather(tiny_plan(tmp_path, validation=str(others))).shared == 3
    (photos / "photo000 copy.png").write_bytes((photos / "photo000.png").read_bytes())
    assert gather(tiny_plan(tmp_path)).shared == 1


def test_the_curve_of_the_run_is_never_a_photograph(tmp_path: Path) -> None:
    """A pattern leads to it as well, and then the run that goes on would find other photographs."""
    photos = save_photographs(tmp_path / "photos", 3)
    (tmp_path / "run").mkdir()
    first = gather(tiny_plan(tmp_path, data=(str(tmp_path / "*" / "*.png"),))).fingerprint
    (tmp_path / "run" / "curve.png").write_bytes((photos / "photo001.png").read_bytes())
    assert gather(tiny_plan(tmp_path, data=(str(tmp_path / "*" / "*.png"),))).fingerprint == first
    others = save_photographs(tmp_path / "others", 2)
    with pytest.raises(OptionError, match="cannot be the folder of the run"):
        gather(tiny_plan(tmp_path, validation=str(others), out=str(others)))


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_that_lead_nowhere_are_passed_over(tmp_path: Path) -> None:
    """One in a folder stops nothing; one that is named is no folder."""
    photos = save_photographs(tmp_path / "photos", 3)
    (photos / "dead.png").symlink_to("nowhere")
    (photos / "circle.png").symlink_to("circle.png")
    assert [error.path.name for error in gather(tiny_plan(tmp_path)).unreadable] == ["circle.png", "dead.png"]
    with pytest.raises(OptionError, match=r"none of 1 file can be read; .*circle\.png: cannot be read"):
        gather(tiny_plan(tmp_path, data=(str(photos / "circle.png"),)))


def test_a_name_that_is_too_long_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="does not exist"):
        gather(tiny_plan(tmp_path, data=("a" * 300,)))


def test_a_closed_folder_is_not_called_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its permissions are what is wrong; the superuser, who may run this, has none to lack."""
    (tmp_path / "photos").mkdir()

    def closed(*_: object) -> Sources:
        return Sources(unreadable=[(tmp_path / "photos", "Permission denied")])

    monkeypatch.setattr("nlsr_cli.training.data.find_sources", closed)
    with pytest.raises(OptionError, match="photos cannot be read: Permission denied"):
        gather(tiny_plan(tmp_path))
