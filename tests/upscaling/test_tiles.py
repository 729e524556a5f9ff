"""Tiles cover everything, are equal, and join without a trace; the joining never holds the whole picture."""

from collections.abc import Iterator

import numpy as np
import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSNConfig
from nlsr_cli.options import TileOptions
from nlsr_cli.upscaling.tiles import Tile, TilePlan, plan_axis, plan_for, plan_tiles, stitch

LENGTHS = [1, 2, 7, 12, 31, 32, 33, 63, 64, 65, 100, 127, 511]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("size", "overlap", "minimum"), [(32, 8, 8), (32, 0, 1), (33, 16, 12), (12, 5, 12), (8, 3, 12)]
)
def test_axis_covers_everything_with_equal_tiles(length: int, size: int, overlap: int, minimum: int) -> None:
    axis = plan_axis(length, size=size, overlap=overlap, minimum=minimum)
    covered = np.zeros(length, int)
    for start in axis.starts:
        assert 0 <= start <= length - axis.size
        covered[start : start + axis.size] += 1
    assert covered.min() >= 1
    assert axis.size <= max(size, minimum)
    assert axis.size >= min(minimum, length)
    pairs = zip(axis.starts, axis.starts[1:], strict=False)
    assert all(a < b and a + axis.size - b >= min(overlap, (axis.size - 1) // 2) - 1 for a, b in pairs)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("overlap", [0, 1, 3, 8, 15])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_weights_sum_to_one_everywhere_also_at_the_border(length: int, overlap: int, scale: int) -> None:
    axis = plan_axis(length, size=32, overlap=overlap)
    total = np.zeros(length * scale)
    for start, weight in zip(axis.starts, axis.weights(scale), strict=True):
        assert weight.min() >= 0
        total[start * scale : start * scale + len(weight)] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_tiles_shrink_together_instead_of_leaving_a_sliver() -> None:
    axis = plan_axis(130, size=64, overlap=0)
    assert (axis.size, axis.starts) == (44, (0, 43, 86))


def test_size_zero_is_the_whole_picture() -> None:
    plan = plan_tiles(300, 20, size=0, overlap=16)
    assert list(plan) == [Tile(0, 0, 300, 20)]


def run(picture: np.ndarray, scale: int, size: int, overlap: int) -> np.ndarray:
    """Enlarge by repeating pixels, tile by tile."""
    plan = plan_tiles(*picture.shape[:2], size=size, overlap=overlap)
    out = np.full((picture.shape[0] * scale, picture.shape[1] * scale, 3), np.nan, np.float32)

    parts = (picture[t.top : t.top + t.height, t.left : t.left + t.width] for t in plan)
    enlarged = (part.repeat(scale, axis=0).repeat(scale, axis=1) for part in parts)

    for row, column, block in stitch(plan, scale, enlarged):
        target = out[row : row + block.shape[0], column : column + block.shape[1]]
        assert np.isnan(target).all(), "every pixel is handed on once"
        target[:] = block
    return out


@pytest.mark.parametrize("size", [12, 17, 64, 0])
@pytest.mark.parametrize("overlap", [0, 3, 5])
@pytest.mark.parametrize("scale", [2, 3])
def test_tiled_equals_whole_for_a_local_function(size: int, overlap: int, scale: int) -> None:
    picture = np.random.default_rng(0).random((41, 29, 3)).astype(np.float32)
    expected = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    np.testing.assert_allclose(run(picture, scale, size, overlap), expected, atol=1e-6)


def test_a_tile_is_taken_when_the_one_before_is_done() -> None:
    """Memory must not grow with the picture: no tile is asked for before all that is final was handed on."""
    plan = plan_tiles(200, 90, size=32, overlap=8)
    taken: list[int] = []
    done: list[int] = []

    def parts() -> Iterator[np.ndarray]:
        for index, tile in enumerate(plan):
            assert len(done) == index
            taken.append(index)
            yield np.zeros((tile.height * 2, tile.width * 2, 3), np.float32)

    for _, _, block in stitch(plan, 2, parts()):
        done.append(block.shape[0] * block.shape[1])
    assert len(done) == len(plan)
    assert sum(done) == 400 * 180


def test_border_of_a_tile_has_no_say_where_a_neighbour_has() -> None:
    """The outer quarter of an overlap saw the border of its tile instead of the picture."""
    axis = plan_axis(100, size=60, overlap=16)
    first, second = axis.weights(1)
    assert first[-4:].tolist() == second[:4].tolist() == [0] * 4
    assert first[:40].min() == 1


def lite(scale: int = 4) -> NLSNConfig:
    return NLSNConfig(scale, 48, 8, 2, 64, upsampler="pixelshuffledirect")


def largest(plan: TilePlan) -> int:
    return plan.rows.size * plan.columns.size


def test_automatic_tiles_depend_on_the_network() -> None:
    """A wide network takes its time: its tiles are smaller, so that a tile is never a matter of minutes."""
    small, wide = (plan_for(config, TileOptions(), 3000, 4000) for config in (lite(), NLSNConfig()))
    assert 400**2 < largest(small) <= 13 * 2**20 // 48
    assert 200**2 < largest(wide) <= 13 * 2**20 // 256


@pytest.mark.parametrize(
    "size", [(532, 532), (545, 545), (600, 600), (700, 400), (40, 8000), (3000, 100), (1, 1), (4096, 4096)]
)
def test_automatic_tiles_compute_little_twice(size: tuple[int, int]) -> None:
    """A picture that is a little larger than a tile is not cut into tiles that are mostly overlap."""
    plan = plan_for(lite(), TileOptions(), *size)
    assert len(plan) * largest(plan) <= 1.14 * size[0] * size[1]
    if size[0] * size[1] <= 13 * 2**20 // 48:
        assert len(plan) == 1


@pytest.mark.parametrize("most", [2**18, 2**15, 2**13, 4096, 100, 0])
def test_automatic_tiles_keep_within_memory(most: int) -> None:
    plan = plan_for(lite(), TileOptions(), 1000, 1400, most=most)
    assert largest(plan) <= max(most, 64 * 64)
    for axis, length in ((plan.rows, 1000), (plan.columns, 1400)):
        assert axis.starts[-1] + axis.size == length


def test_memory_without_need_changes_nothing() -> None:
    """The same picture must give the same bytes on a machine with more memory."""
    given = (lite(), TileOptions(), 2000, 1400)
    assert plan_for(*given, most=10**9) == plan_for(*given)


def test_an_overlap_beyond_the_tiles_is_refused() -> None:
    with pytest.raises(OptionError, match="--overlap 400 is too large for automatic tiles of 532"):
        plan_for(lite(), TileOptions(None, 400), 100, 100)


def test_no_tile_is_smaller_than_the_network_takes() -> None:
    plan = plan_for(NLSNConfig(chunk_size=144), TileOptions(8, 2), 100, 100)
    assert plan.rows.size >= 12


def test_a_few_pixels_less_are_not_worth_more_tiles() -> None:
    """Every tile takes a moment beside its pixels: of two plans that compute nearly as much, fewer tiles are taken."""
    for size, most, count in (((2000, 3000), 50_000, 140), ((1500, 1500), 50_000, 54)):
        plan = plan_for(lite(), TileOptions(), *size, most=most)
        assert len(plan) <= count
        assert len(plan) * largest(plan) <= 1.16 * size[0] * size[1]
