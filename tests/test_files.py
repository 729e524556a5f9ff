"""Files are whole or not there, together and alone, and leave nothing temporary."""

from __future__ import annotations

import errno
import importlib.util
import os
import stat
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nlsr_cli import files

if sys.platform == "linux":
    import fcntl

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="its locks of open files stand for those of Windows")


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


class Msvcrt(ModuleType):
    """The locks of Windows: of bytes, for one open file alone. Those of Linux that belong to open files are such."""

    LK_NBLCK = 2

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert mode == self.LK_NBLCK
        where = os.lseek(descriptor, 0, os.SEEK_CUR)
        wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, where, count, 0)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
        except BlockingIOError as exc:
            raise PermissionError(errno.EACCES, "Permission denied") from exc


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module as Windows loads it."""
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt("msvcrt"))
    spec = importlib.util.spec_from_file_location("files_on_windows", files.__file__)
    module = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        spec.loader.exec_module(module)
    return module


@LINUX
def test_one_has_the_lock_of_windows_or_many_share_it(tmp_path: Path, windows: ModuleType) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    one, two, three = (os.open(path, os.O_RDWR) for _ in range(3))
    assert windows.lock(one) is True
    assert windows.lock(two) is False
    assert windows.lock(two, shared=True) is False
    assert os.read(two, 7) == b"content", "the place in the file is what it was"
    os.close(one)
    assert windows.lock(two, shared=True) is True
    assert windows.lock(three, shared=True) is True
    os.close(two)
    four = os.open(path, os.O_RDWR)
    assert windows.lock(four) is False
    os.close(three)
    assert windows.lock(four) is True
    os.close(four)


@LINUX
def test_the_lock_of_a_folder_on_windows_is_a_file_that_goes(tmp_path: Path, windows: ModuleType) -> None:
    (tmp_path / ".nlsr-dead.part").write_bytes(b"x")
    with windows.writing_in(tmp_path):
        assert windows.remove_dead_parts(tmp_path) == 0
        assert (tmp_path / ".nlsr-dead.part").exists()
    assert windows.remove_dead_parts(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    with windows.writing_in(tmp_path / "missing"):
        assert not (tmp_path / "missing").exists()


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
