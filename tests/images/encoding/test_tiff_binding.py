"""Files of single pages bound to one: the pages are the same, and BigTIFF where classic TIFF has no room."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Picture, write_picture
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.encoding.tiff_binding import bound
from nlsr_cli.images.picture import Metadata
from nlsr_cli.storing import collected
from tests.images.deep_files import deep_tiff, samples
from tests.images.files import picture


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return pages of several kinds, of which the second has many strips."""
    tall = Picture(
        np.arange(600 * 600 * 3, dtype=np.uint32).astype(np.uint8).reshape(600, 600, 3), None, Metadata("TIFF", "RGB")
    )
    made = [picture(), tall, picture(1, alpha=True), picture(1, deep=True)]
    paths = [tmp_path / f"{number}.tif" for number in range(len(made))]
    for each, path in zip(made, paths, strict=True):
        write_picture(each, path)
    return paths


@pytest.mark.parametrize("most", [2**32 - 1, 2**20])
def test_the_pages_are_those_of_the_files(files: list[Path], most: int, tmp_path: Path) -> None:
    data, notes = collected(bound(files, most=most))
    assert notes == ()
    assert tiff.header(data)[1] == (tiff.BIG if most == 2**20 else tiff.CLASSIC)
    assert data == collected(bound(files, most=most))[0]
    (tmp_path / "all.tif").write_bytes(data)
    with Image.open(tmp_path / "all.tif") as whole:
        assert whole.n_frames == len(files)
        for number, file in enumerate(files):
            whole.seek(number)
            with Image.open(file) as alone:
                assert whole.mode == alone.mode
                told = [{tag: value for tag, value in each.tag_v2.items() if tag != 273} for each in (whole, alone)]
                assert told[0] == told[1]
            assert np.array_equal(
                imagecodecs.tiff_decode(data, index=number), imagecodecs.tiff_decode(file.read_bytes())
            )


def test_tiles_and_several_directories_of_a_page_stay_together(tmp_path: Path) -> None:
    """As of files in which reduced copies stand behind the picture."""
    (tmp_path / "a.tif").write_bytes(deep_tiff(samples(3), 2, tile=16))
    (tmp_path / "b.tif").write_bytes(collected(bound([tmp_path / "a.tif"] * 2))[0])
    data, _ = collected(bound([tmp_path / "b.tif", tmp_path / "a.tif"]))
    assert len(tiff.chain(data)) == 3
    assert all(np.array_equal(imagecodecs.tiff_decode(data, index=number), samples(3)) for number in range(3))


def test_what_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(deep_tiff(samples(1), 1, order=">"))
    with pytest.raises(ValueError, match="byte order"):
        collected(bound([tmp_path / "a.tif"]))
