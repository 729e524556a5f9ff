"""What is large lies in files: it counts as memory no longer than it is worked on, and leaves nothing behind."""

import os
import resource
import sys
from pathlib import Path

import numpy as np
import pytest

from nlsr_cli import scratch
from nlsr_cli.errors import ScratchFull

LARGE = (scratch.LEAST // 1024, 1024)


def resident() -> int:
    """Return the bytes of memory of this process that lie in mapped files, and are its own."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_small_arrays_stay_in_memory(tmp_path: Path) -> None:
    with scratch.placed(tmp_path / "none"):
        assert scratch.empty((10, 10, 3), np.uint8).shape == (10, 10, 3)


def test_large_arrays_lie_in_a_file_without_a_name(tmp_path: Path) -> None:
    with scratch.placed(tmp_path):
        made = scratch.empty(LARGE, np.uint8)
    made[:] = 7
    scratch.relax()
    assert made.flags.writeable
    assert (made == 7).all(), "what was written stays"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_given_back_it_counts_no_longer(tmp_path: Path) -> None:
    with scratch.placed(tmp_path):
        made = scratch.empty((4 * LARGE[0], LARGE[1]), np.uint8)
    before = resident()
    made[:] = 1
    assert resident() - before > made.nbytes / 2
    scratch.relax()
    assert resident() - before < made.nbytes / 8


def test_bands_cover_every_row_once() -> None:
    rows = [row for band in scratch.bands((1000, 7, 3), samples=500) for row in range(1000)[band]]
    assert rows == list(range(1000))
    assert list(scratch.bands((2, 10**9))) == [slice(0, 1), slice(1, 2)], "a row is the least"


def test_a_disk_without_room_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with scratch.placed(tmp_path), pytest.raises(ScratchFull, match="no room for 32 MiB") as caught:
        scratch.empty(LARGE, np.uint8)
    assert "another disk with -o" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files(tmp_path: Path) -> None:
    with scratch.placed(tmp_path / "none"), pytest.raises(ScratchFull, match="takes no file of"):
        scratch.empty(LARGE, np.uint8)
