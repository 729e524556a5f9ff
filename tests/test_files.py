"""Files are whole or not there, together and alone, and leave nothing temporary."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nlsr_cli import files


def test_files_are_replaced_with_the_mode_of_the_umask(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    before = os.umask(0o027)
    try:
        files.replace_files({tmp_path / "a": b"new", tmp_path / "b": b""})
    finally:
        os.umask(before)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new", "b": b""}
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_trouble_with_the_last_file_keeps_all_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A model whose weights are new and whose config is old would be worse than the old model."""
    (tmp_path / "a").write_bytes(b"old")
    original = files.write_new

    def fail_at_b(part: Path, data: bytes) -> None:
        original(part, data)
        if data == b"b":
            raise error

    monkeypatch.setattr(files, "write_new", fail_at_b)
    with pytest.raises(type(error)):
        files.replace_files({tmp_path / "a": b"a", tmp_path / "b": b"b"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_a_new_file_never_replaces_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_parts_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    """Another process may be writing in the folder just now."""
    (tmp_path / ".nlsr-dead.part").write_bytes(b"x")
    (tmp_path / "photo.png").write_bytes(b"x")
    with files.writing_in(tmp_path):
        assert files.remove_dead_parts(tmp_path) == 0
    assert files.remove_dead_parts(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
    assert files.remove_dead_parts(tmp_path / "missing") == 0


def test_where_no_lock_can_tell_only_old_parts_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_try_lock", lambda *_args, **_kwargs: None)
    for name, age in (("new", 0), ("old", 2 * 24 * 3600)):
        path = tmp_path / f".nlsr-{name}.part"
        path.write_bytes(b"x")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    assert files.remove_dead_parts(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".nlsr-new.part"]


def test_a_folder_that_somebody_keeps_does_not_stop_anyone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `flock out nlsr upscale in -o out` does."""
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    keeper = files._opened(tmp_path)
    assert keeper is None or files.lock(keeper) is not False
    with files.writing_in(tmp_path):
        files.write_new(tmp_path / "a", b"x")
    if keeper is not None:
        os.close(keeper)
    assert (tmp_path / "a").read_bytes() == b"x"
