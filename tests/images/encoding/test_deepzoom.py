"""The tiles of a DeepZoom are the picture cut up, and its copies cut up, as libvips cuts them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from nlsr_cli.images.encoding.deepzoom import OVERLAP, TILE, tiles
from nlsr_cli.images.encoding.pyramid import halving
from tests.images.encoding.pieces import bands, photograph


def cut_up(pixels, most):
    """Return the tiles of a picture by their places; they hold their samples as they are."""
    halve = halving(alpha=False)
    found = list(tiles(bands(pixels, most), pixels.shape, pixels.dtype, halve, lambda tile: tile.copy(), "npy"))
    assert len({tile.place for tile in found}) == len(found)
    return {tile.place: tile.data for tile in found}


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (254, 254), (255, 255), (256, 508), (509, 763), (2 * 254 + 1, 3), (700, 900)]
)
@pytest.mark.parametrize("most", [1, 37, 1000])
def test_each_tile_is_a_part_of_its_copy(size, most):
    pixels = photograph(*size)
    found, level = cut_up(pixels, most), math.ceil(math.log2(max(size)))
    while True:
        height, width = pixels.shape[:2]
        for row in range(-(-height // TILE)):
            for column in range(-(-width // TILE)):
                top, left = max(0, row * TILE - OVERLAP), max(0, column * TILE - OVERLAP)
                part = pixels[top : (row + 1) * TILE + OVERLAP, left : (column + 1) * TILE + OVERLAP]
                np.testing.assert_array_equal(found.pop(f"{level}/{column}_{row}.npy"), part)
        if not level:
            break
        pixels, level = halving(alpha=False)(pixels), level - 1
    assert pixels.shape[:2] == (1, 1)
    assert not found, "there are tiles that no viewer asks for"


@pytest.mark.parametrize("size", [(300, 513), (1, 2), (1017, 700)])
def test_libvips_cuts_the_same_tiles(size, tmp_path: Path):
    """What its `dzsave` writes is what viewers were made for: the same names, sizes and samples."""
    vips = pytest.importorskip("pyvips")
    pixels = photograph(*size)
    image = vips.Image.new_from_memory(pixels.tobytes(), size[1], size[0], 3, "uchar")
    image.dzsave(str(tmp_path / "a"), suffix=".png", tile_size=TILE, overlap=OVERLAP, depth="onepixel")
    folder = tmp_path / "a_files"
    theirs = {str(path.relative_to(folder).with_suffix("")): path for path in folder.glob("*/*.png")}
    ours = {str(Path(place).with_suffix("")): data for place, data in cut_up(pixels, 50).items()}
    assert ours.keys() == theirs.keys()
    for place, path in theirs.items():
        np.testing.assert_array_equal(ours[place], vips.Image.new_from_file(str(path)).numpy(), place)
