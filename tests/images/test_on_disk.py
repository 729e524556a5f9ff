"""A file that is read where it is looked at: slices as of bytes, and no crash where it is cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlsr_cli.images.on_disk import OnDisk


def test_slices_are_those_of_the_bytes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3
    (tmp_path / "a").write_bytes(data)
    with OnDisk(tmp_path / "a") as file:
        assert len(file) == len(data)
        for place in (
            slice(0, 4),
            slice(None),
            slice(760, 900),
            slice(900, 1000),
            slice(9, 3),
            slice(-5, None),
            slice(0, 9, 2),
        ):
            assert file[place] == data[place]


def test_a_file_that_is_cut_short_ends_early(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    with OnDisk(tmp_path / "a") as file:
        (tmp_path / "a").write_bytes(bytes(10))
        assert (len(file), file[5:50]) == (100, bytes(5))


def test_what_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        OnDisk(tmp_path / "gone")
