"""A DeepZoom on the disk: file and tiles come together or not at all, and no folder of somebody else is touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nlsr_cli import deepzoom
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.files import remove_dead_parts
from nlsr_cli.storing import Tile, store, writing
from tests.conftest import file_of

TILES = (Tile("0/0_0.jpg", b"small"), Tile("1/0_0.jpg", b"left"), Tile("1/1_0.jpg", b"right"))
SUMS = [(place, hashlib.sha256(data).hexdigest()) for place, data in TILES]
TEXT = f"<Image/>\n<!-- tiles: sha256 {deepzoom.digest(SUMS)} -->\n".encode()


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, with what they hold."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


WHOLE = {"a.dzi": TEXT} | {f"a_files/{place}": data for place, data in TILES}


def save(path: Path, *, text: bytes = TEXT, overwrite: bool = False) -> None:
    store(file_of(*TILES, text), path, overwrite=overwrite)


def test_file_and_tiles_stand_beside_each_other(tmp_path):
    save(tmp_path / "a.dzi")
    assert tree(tmp_path) == WHOLE
    assert deepzoom.is_whole(tmp_path / "a.dzi")
    assert deepzoom.holds_tiles(tmp_path / "a_files")
    assert not deepzoom.holds_tiles(tmp_path)


def test_the_folder_is_named_as_viewers_name_it(tmp_path):
    """They put it in place of the last ending."""
    assert deepzoom.folder_of(Path("x/map.v2.dzi")) == Path("x/map.v2_files")


def test_the_digest_is_what_other_programs_come_to(tmp_path):
    """`cd a_files && find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`"""
    assert deepzoom.digest(reversed(SUMS)) == deepzoom.digest(SUMS)
    lines = "".join(f"{each}  {place}\n" for place, each in sorted(SUMS))
    assert deepzoom.digest(SUMS) == hashlib.sha256(lines.encode()).hexdigest()


def test_what_is_not_committed_leaves_nothing(tmp_path):
    with writing(tmp_path / "a.dzi", overwrite=False) as part:
        part.tile("0/0_0.jpg", b"small")
        part.append(b"text")
    assert tree(tmp_path) == {}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("moment", ["rename", "replace", "link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_fails_leaves_what_was_there(tmp_path, monkeypatch, moment, overwrite):
    """Whichever of the steps that give names fails: the old one stays whole, or there is none."""
    if overwrite:
        save(tmp_path / "a.dzi", text=TEXT + b"old")
    before = tree(tmp_path)

    def failing(self: Path, target: Path) -> Path:
        raise OSError(5, "Input/output error")

    for owner, name in {"rename": [(Path, "rename")], "replace": [(Path, "replace")], "link": [(os, "link")]}[moment]:
        monkeypatch.setattr(owner, name, failing)
    expected = moment == "rename" or (moment == "replace") == overwrite
    if expected:
        with pytest.raises(ImageWriteError, match="input/output error"):
            save(tmp_path / "a.dzi", overwrite=overwrite)
        assert tree(tmp_path) == before
    else:
        save(tmp_path / "a.dzi", overwrite=overwrite)
        assert tree(tmp_path) == WHOLE
    monkeypatch.undo()


def test_at_no_moment_a_file_stands_beside_tiles_of_another_picture(tmp_path, monkeypatch):
    """Seen at every change of a name, as a crash would leave it."""
    save(tmp_path / "a.dzi", text=TEXT + b"old")
    seen = []
    rename, replace = Path.rename, Path.replace

    def look() -> None:
        seen.append(((tmp_path / "a.dzi").exists(), (tmp_path / "a_files").exists()))

    def watched(change):
        def changing(self: Path, target: Path) -> Path:
            made = change(self, target)
            look()
            return made

        return changing

    monkeypatch.setattr(Path, "rename", watched(rename))
    monkeypatch.setattr(Path, "replace", watched(replace))
    save(tmp_path / "a.dzi", overwrite=True)
    assert seen == [(False, True), (False, False), (False, True), (True, True)]
    assert tree(tmp_path) == WHOLE


def test_a_folder_that_is_there_is_kept(tmp_path):
    """Also where it holds tiles, without the file to which they belong."""
    save(tmp_path / "a.dzi")
    (tmp_path / "a.dzi").unlink()
    with pytest.raises(DestinationClash, match=r"the folder for the tiles of a\.dzi exists already") as caught:
        save(tmp_path / "a.dzi")
    assert "--overwrite" in caught.value.hint
    save(tmp_path / "a.dzi", overwrite=True)
    assert tree(tmp_path) == WHOLE


@pytest.mark.parametrize(
    "stranger", ["style.css", "0/0_0.gif", "0/a.jpg", "0/0_0.jpg/x", "notes/0_0.jpg", "123/0_0.jpg", "0/deep/0_0.jpg"]
)
def test_a_folder_of_somebody_else_is_not_replaced(tmp_path, stranger):
    """A browser that saves `a.html` puts its pictures into `a_files`."""
    path = tmp_path / "a_files" / stranger
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(DestinationClash, match="holds something else, and is not replaced") as caught:
        save(tmp_path / "a.dzi", overwrite=True)
    assert "--suffix" in caught.value.hint
    assert tree(tmp_path) == {f"a_files/{stranger}": b"mine"}


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere" / "0").mkdir(parents=True)
    (tmp_path / "elsewhere" / "0" / "0_0.jpg").write_bytes(b"mine")
    (tmp_path / "a_files").symlink_to("elsewhere")
    with pytest.raises(DestinationClash):
        save(tmp_path / "a.dzi", overwrite=True)
    assert (tmp_path / "elsewhere" / "0" / "0_0.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "0" / "0_0.jpg").write_bytes(b"smaller"),
        lambda folder: (folder / "1" / "1_0.jpg").unlink(),
        lambda folder: (folder / "1" / "2_0.jpg").write_bytes(b"more"),
        lambda folder: (folder / "1" / "1_0.jpg").rename(folder / "1" / "1_1.jpg"),
        lambda folder: (folder / "readme.txt").write_bytes(b""),
        lambda folder: folder.rename(folder.with_name("b_files")),
    ],
)
def test_a_change_of_the_tiles_is_noticed(tmp_path, change):
    save(tmp_path / "a.dzi")
    change(tmp_path / "a_files")
    assert not deepzoom.is_whole(tmp_path / "a.dzi")


def test_a_file_that_states_no_tiles_is_not_whole(tmp_path):
    save(tmp_path / "a.dzi", text=b"<Image/>")
    assert not deepzoom.is_whole(tmp_path / "a.dzi")
    assert not deepzoom.is_whole(tmp_path / "b.dzi")


def test_tiles_that_a_killed_process_has_left_are_removed(tmp_path):
    part = deepzoom.TileFolder(tmp_path / "a.dzi", overwrite=False)
    part.write("0/0_0.jpg", b"small")
    assert remove_dead_parts(tmp_path) == 1
    assert not list(tmp_path.iterdir())


def test_two_tiles_do_not_take_one_place(tmp_path):
    part = deepzoom.TileFolder(tmp_path / "a.dzi", overwrite=False)
    part.write("0/0_0.jpg", b"small")
    with pytest.raises(FileExistsError):
        part.write("0/0_0.jpg", b"other")
    part.discard()
    assert not list(tmp_path.iterdir())
