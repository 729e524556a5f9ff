"""A mapped file answers as its bytes do, takes little memory, and tells that it was changed."""

import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nlsr_cli.images import mapped
from nlsr_cli.images.mapped import Mapped, search

DATA = np.random.default_rng(1).integers(0, 200, 300_000).astype(np.uint8).tobytes() + b"\xff\xd9"


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "file"
    made.write_bytes(DATA)
    return made


@pytest.fixture
def file(path):
    with path.open("rb") as opened:
        return Mapped(opened.fileno())


def test_it_answers_as_bytes_do(file):
    assert len(file) == len(DATA)
    assert file[10:5000] == DATA[10:5000]
    assert file[-2:] == b"\xff\xd9"
    assert file[7] == DATA[7]
    assert file.startswith(DATA[:4])
    assert file.startswith((b"no", DATA[9:12]), 9)
    assert not file.startswith(b"\xff")
    assert file.count(b"\7") == DATA.count(b"\7")
    assert file.count(0, 50, 70_000) == DATA.count(0, 50, 70_000)
    assert file.index(DATA[150_000:150_020], 9) == DATA.index(DATA[150_000:150_020], 9)
    with pytest.raises(ValueError, match="not found"):
        file.index(b"not in there")
    assert b"".join(file.windows(3, 200_000, 777)) == DATA[3:200_000]


@pytest.mark.parametrize("window", [1 << 24, 1000, 3])
def test_what_lies_across_two_windows_is_found(file, monkeypatch, window):
    monkeypatch.setattr(mapped, "WINDOW", window)
    assert DATA[2998:3003] in file
    assert b"\xff\xd9" in file
    assert b"\xd9\xff" not in file
    for pattern in (re.compile(rb"\xff\xd9"), re.compile(re.escape(DATA[2999:3001]))):
        assert search(pattern, file, 5).span() == search(pattern, DATA, 5).span()
    assert search(re.compile(rb"\xfe\xfe"), file, 0) is None


def test_only_bytes_are_searched_for(file):
    with pytest.raises(TypeError, match="holds bytes, not int"):
        _ = 5 in file


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read as Linux tells it")
def test_looking_at_all_of_a_large_file_takes_little_memory(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(400 << 20)
    with path.open("rb") as opened:
        file = Mapped(opened.fileno())
    for at in range(0, len(file), 4096):
        _ = file[at : at + 8]
    mine = Path("/proc/self/smaps").read_text(encoding="utf-8").split(str(path))[1]
    assert int(re.search(r"Rss:\s+(\d+)", mine)[1]) < 64 << 10


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written again"])
def test_it_tells_that_it_was_changed(path, file, change):
    assert not file.has_changed
    if change == "grows":
        with path.open("ab") as opened:
            opened.write(b"more")
    elif change == "shrinks":
        os.truncate(path, 100)
    else:
        time.sleep(0.02)
        with path.open("r+b") as opened:
            opened.write(b"other")
    assert file.has_changed


def test_another_file_under_its_name_is_no_change(path, file):
    other = path.with_name("other")
    other.write_bytes(b"something else")
    other.replace(path)
    assert not file.has_changed
    assert file[:9] == DATA[:9]
