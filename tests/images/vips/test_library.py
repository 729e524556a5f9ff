"""Files that break on the way fail with the row, and what only sounds like damage does not."""

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.vips import library
from nlsr_cli.images.vips.library import bands
from tests.images import files
from tests.images.deep_files import deep_tiff
from tests.images.vips.kinds import BANDED, needs_vips

NOISE = np.random.default_rng(3).integers(0, 256, (400, 300, 3)).astype(np.uint8)
LOADERS = {"PNG": "pngload_source", "JPEG": "jpegload_source", "TIFF": "tiffload_source"}


def read(data, loader, size=(400, 300)):
    return np.concatenate(list(bands(data, loader, size, "a file")))


@needs_vips
@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_fails_with_the_row(fmt, share, monkeypatch):
    monkeypatch.setattr(library, "BAND", 2000)
    data = files.saved(Image.fromarray(NOISE), fmt)
    assert abs(row_of(data[: int(len(data) * share)], LOADERS[fmt]) - 400 * share) < 40


@needs_vips
def test_a_tiff_with_damaged_strips_fails_with_the_row(monkeypatch):
    monkeypatch.setattr(library, "BAND", 2000)
    data = bytearray(deep_tiff(NOISE, 2, compression="lzw"))
    at = len(data) // 2
    data[at : at + 20_000] = bytes(20_000)
    assert abs(row_of(bytes(data), LOADERS["TIFF"]) - 200) < 40


def row_of(data, loader):
    with pytest.raises(ImageReadError, match=r"breaks at row \d+ of 400") as caught:
        read(data, loader)
    return int(caught.value.reason.split("row ")[1].split()[0])


@needs_vips
def test_rows_before_the_break_are_those_of_the_file(monkeypatch):
    monkeypatch.setattr(library, "BAND", 1)
    data = files.saved(Image.fromarray(NOISE))
    coming, rows = bands(data[: len(data) // 2], LOADERS["PNG"], (400, 300), "a file"), []
    with pytest.raises(ImageReadError):
        rows.extend(coming)
    assert 150 < len(rows) < 220
    assert np.array_equal(np.concatenate(rows), NOISE[: len(rows)])


@needs_vips
def test_a_jpeg_whose_coded_samples_are_damaged_fails():
    data = bytearray(files.saved(Image.fromarray(NOISE), "JPEG", restart_marker_rows=1))
    at = len(data) // 2
    del data[at : at + 600]
    with pytest.raises(ImageReadError, match="breaks at row"):
        read(bytes(data), LOADERS["JPEG"])


@needs_vips
def test_stray_bytes_are_no_damage():
    assert read(BANDED["jpeg stray bytes"], LOADERS["JPEG"], (40, 30)).shape == (40, 30, 3)


@needs_vips
def test_another_size_than_the_header_says_is_refused():
    with pytest.raises(ValueError, match="size"):
        read(BANDED["png"], LOADERS["PNG"])


@needs_vips
def test_lack_of_memory_is_told_as_that(monkeypatch):
    vips = library.library()

    def fails(*_, **__):
        raise vips.Error("unable to call", "vips_tracked: out of memory -- size == 3gb")
        yield

    monkeypatch.setattr(library, "_decoded", fails)
    with pytest.raises(MemoryError):
        read(BANDED["png"], LOADERS["PNG"])


@pytest.mark.parametrize("error", [ImportError, OSError])
def test_pyvips_without_libvips_counts_as_missing(error, monkeypatch):
    def fails(_):
        raise error("libvips.so.42: cannot open shared object file")

    monkeypatch.setattr(library.importlib, "import_module", fails)
    library.library.cache_clear()
    try:
        assert library.library() is None
    finally:
        library.library.cache_clear()
