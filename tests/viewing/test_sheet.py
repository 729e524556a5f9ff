"""A contact sheet shows each picture of a folder once, in order, and names those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import OptionError
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import SheetOptions
from nlsr_cli.viewing.sheet import Sheet, find_pictures, make_sheet

COLOURS = ("red", "lime", "blue", "yellow", "cyan")


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (200, 100), colour).save(tmp_path / f"{number}.png")
    return tmp_path


def drawn(decoder: Decoder, folder: Path, options: SheetOptions) -> Sheet:
    paths, _ = find_pictures(folder, recursive=False)
    return make_sheet(decoder, paths, folder, options, max_pixels=10**6, on_step=lambda number, path: None)


def colours_of(sheet: Sheet) -> list[list[tuple[int, ...]]]:
    """Return the bright colours on a sheet, row by row, each once where it begins."""
    pixels = sheet.picture.color
    vivid = (pixels.max(axis=2) == 255) & (pixels.min(axis=2) == 0)
    rows = np.nonzero(vivid.any(axis=1))[0]
    return [
        list(dict.fromkeys(map(tuple, pixels[row][vivid[row]].tolist())))
        for row in (run[len(run) // 2] for run in np.split(rows, np.nonzero(np.diff(rows) > 1)[0] + 1))
    ]


def test_pictures_stand_in_order(decoder: Decoder, folder: Path) -> None:
    named = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
    sheet = drawn(decoder, folder, SheetOptions(size=64))
    assert colours_of(sheet) == [named[:3], named[3:]]
    assert colours_of(drawn(decoder, folder, SheetOptions(columns=5, size=64))) == [named]
    assert (sheet.shown, sheet.failed) == (5, ())


def test_small_pictures_are_not_enlarged(decoder: Decoder, tmp_path: Path) -> None:
    Image.new("RGB", (10, 7), "red").save(tmp_path / "a.png")
    sheet = drawn(decoder, tmp_path, SheetOptions(size=64))
    assert (sheet.picture.color == (255, 0, 0)).all(axis=2).sum() == 70


def test_what_cannot_be_read_has_a_place_and_a_reason(decoder: Decoder, folder: Path) -> None:
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])
    sheet = drawn(decoder, folder, SheetOptions(size=64))
    assert sheet.shown == 4
    assert [error.path.name for error in sheet.failed] == ["1.png"]
    assert [len(row) for row in colours_of(sheet)] == [2, 2]


def test_enlarged_pictures_stand_beside_their_sources(folder: Path) -> None:
    Image.new("RGB", (4, 4)).save(folder / "0_x4.png")
    (folder / "sub").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "sub" / "z.png")
    paths, found = find_pictures(folder, recursive=False)
    assert [path.name for path in paths] == ["0.png", "0_x4.png", "1.png", "2.png", "3.png", "4.png"]
    assert [path.name for path in found.passed.unvisited] == ["sub"]
    assert [path.name for path in find_pictures(folder, recursive=True)[0]][-1] == "z.png"


def test_a_sheet_has_a_limit(decoder: Decoder, folder: Path) -> None:
    for number in range(9):
        Image.new("RGB", (4, 4)).save(folder / f"{number}.png")
    with pytest.raises(OptionError, match="is too large"):
        drawn(decoder, folder, SheetOptions(size=4096))


@pytest.mark.parametrize(("options", "message"), [({"columns": 0}, "--columns"), ({"size": 31}, "--size")])
def test_options_that_make_no_sense(options: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        SheetOptions(**options)
