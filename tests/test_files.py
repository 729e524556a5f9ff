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
