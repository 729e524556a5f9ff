"""Pictures through the network: depth, greyness and alpha kept, tiles without seams, the same bytes every time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nlsr_cli.api import load_model
from nlsr_cli.errors import OptionError
from nlsr_cli.images import Metadata, Picture, read_picture, reduce_bicubic
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.upscaling.memory import tile_bytes
from nlsr_cli.upscaling.stage import Stage
from nlsr_cli.upscaling.upscaler import Upscaler
from tests.conftest import ASSETS

CPU = ComputeOptions("cpu", "fp32")
Maker = Callable[..., NLSN]


@pytest.fixture(scope="module")
def lite() -> NLSN:
    return load_model("lite", 4)


def picture(color: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    return Picture(color, alpha, Metadata("PNG", "RGB"))


def upscaler(model: NLSN, precision: str = "fp32", tile: TileOptions | None = None) -> Upscaler:
    return Upscaler(model, compute=ComputeOptions("cpu", precision), tile=tile)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_depth_and_greyness_are_kept(lite: NLSN, dtype: type, channels: int) -> None:
    color = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, channels)).astype(dtype)
    enlarged = upscaler(lite).upscale(picture(color)).picture
    assert (enlarged.color.shape, enlarged.color.dtype) == ((36, 28, channels), dtype)


def test_sixteen_bit_levels_survive(lite: NLSN) -> None:
    """A smooth ramp of 16 bits has far more levels than 256 after enlarging; 8-bit steps in between would show."""
    ramp = np.linspace(20000, 24000, 64).astype(np.uint16)
    color = np.broadcast_to(ramp[None, :, None], (16, 64, 1)).copy()
    enlarged = Upscaler(lite, compute=ComputeOptions("cpu")).upscale(picture(color))
    assert enlarged.precision == "fp32"
    middle = enlarged.picture.color[32, 16:-16, 0].astype(int)
    assert len(np.unique(middle)) > 200
    assert np.abs(np.diff(middle)).max() < 60


def test_better_than_interpolation_on_a_photograph(lite: NLSN) -> None:
    """The point of it all: reduce a photograph, enlarge it again, and be nearer to it than bicubic is."""
    from PIL import Image

    with Image.open(ASSETS / "colosseum.png") as image:
        hr = image.crop((0, 0, 160, 160))
    lr = hr.resize((40, 40), Image.Resampling.BICUBIC)
    bicubic = np.asarray(lr.resize(hr.size, Image.Resampling.BICUBIC), float)
    found = upscaler(lite).enlarge(np.asarray(lr)).astype(float)
    truth = np.asarray(hr, float)
    gain = 10 * np.log10(np.square(bicubic - truth).mean() / np.square(found - truth).mean())
    assert gain > 0.5


def test_an_ensemble_is_nearer_to_the_photograph_and_says_so(lite: NLSN) -> None:
    hr = read_picture(ASSETS / "colosseum.png").color[:128, :160]
    lr = picture(reduce_bicubic(hr, 4))
    single, mean = (Upscaler(lite, compute=CPU, ensemble=each).upscale(lr) for each in (False, True))
    errors = [np.square(each.picture.color.astype(float) - hr).mean() for each in (single, mean)]
    assert errors[1] < errors[0]
    assert (single.ensemble, mean.ensemble) == (False, True)


def test_an_ensemble_takes_alpha_along(lite: NLSN) -> None:
    alpha = np.tile(np.linspace(0, 255, 20).astype(np.uint8), (12, 1))
    source = picture(np.full((12, 20, 3), 90, np.uint8), alpha)
    found = Upscaler(lite, compute=CPU, ensemble=True).upscale(source).picture.alpha
    single = Upscaler(lite, compute=CPU).upscale(source).picture.alpha
    assert found is not None
    assert single is not None
    assert found.shape == (48, 80)
    assert 0 < np.abs(found.astype(int) - single).max() < 16


def test_constant_alpha_stays_exactly_constant_and_costs_nothing(lite: NLSN) -> None:
    calls: list[int] = []
    color = np.full((20, 20, 3), 90, np.uint8)
    alpha = np.full((20, 20), 255, np.uint8)
    enlarged = upscaler(lite).upscale(picture(color, alpha), lambda done, total: calls.append(total)).picture
    assert enlarged.alpha is not None
    assert enlarged.alpha.shape == (80, 80)
    assert (enlarged.alpha == 255).all()
    assert calls == [1]


def test_alpha_edge_has_no_fringe(lite: NLSN) -> None:
    """Orange on transparent black: enlarged without bleeding, the edge would turn dark brown."""
    color = np.zeros((24, 24, 3), np.uint8)
    alpha = np.zeros((24, 24), np.uint8)
    color[:, 12:] = (250, 160, 40)
    alpha[:, 12:] = 255
    enlarged = upscaler(lite).upscale(picture(color, alpha)).picture
    assert enlarged.alpha is not None
    visible = enlarged.alpha > 8
    assert np.abs(enlarged.color[visible].astype(int) - (250, 160, 40)).max() <= 4
    assert enlarged.alpha[:, :40].max() <= 8
    assert enlarged.alpha[:, 56:].min() >= 247


def test_tiles_show_no_seam(lite: NLSN) -> None:
    """Attention looks further than any overlap, so that tiles change pixels a little; at their borders no more.

    Four parts of the sample, so that what happens to lie at a border does not decide.
    """
    sample = read_picture(ASSETS / "colosseum.png").color
    cut = upscaler(lite, tile=TileOptions(64, 16))
    plan = cut.plan(128, 128)
    borders = np.zeros((512, 512), bool)
    for axis, mask in ((plan.rows, borders), (plan.columns, borders.T)):
        for start in axis.starts:
            for border in (start, start + axis.size):
                if 0 < border < axis.length:
                    mask[border * 4 - 4 : border * 4 + 4] = True
    at_borders, elsewhere = [], []
    for top, left in ((0, 0), (0, 11), (29, 0), (21, 33)):
        part = np.ascontiguousarray(sample[top : top + 128, left : left + 128])
        whole = upscaler(lite, tile=TileOptions(0)).enlarge(part).astype(int)
        difference = np.abs(cut.enlarge(part).astype(int) - whole)
        assert 10 * np.log10(255**2 / np.square(difference).mean()) > 45
        at_borders.append(difference[borders].mean())
        elsewhere.append(difference[~borders].mean())
    assert np.mean(at_borders) <= 1.1 * np.mean(elsewhere)


def test_half_precision_is_close_to_float32(lite: NLSN) -> None:
    sample = read_picture(ASSETS / "colosseum.png").color[:64, :64]
    if "bf16" not in _cpu_precisions():
        pytest.skip("this processor has no native bf16")
    difference = upscaler(lite, "bf16").enlarge(sample).astype(int) - upscaler(lite).enlarge(sample)
    assert 10 * np.log10(255**2 / np.square(difference).mean()) > 55


def _cpu_precisions() -> tuple[str, ...]:
    import torch

    from nlsr_cli.upscaling.device import supported_precisions

    return supported_precisions(torch.device("cpu"))


def test_batches_of_tiles_equal_single_tiles(lite: NLSN, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = read_picture(ASSETS / "colosseum.png").color[:48, :120]
    cut = upscaler(lite, tile=TileOptions(32, 8))
    single = cut.enlarge(sample).astype(int)
    monkeypatch.setattr(Stage, "_batch_size", lambda self, plan: 3)
    assert np.abs(cut.enlarge(sample) - single).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_any_size_from_one_pixel_up(lite: NLSN, size: tuple[int, int]) -> None:
    color = np.full((*size, 3), (10, 120, 240), np.uint8)
    enlarged = upscaler(lite, tile=TileOptions(16, 4)).enlarge(color)
    assert enlarged.shape == (4 * size[0], 4 * size[1], 3)
    assert np.abs(enlarged.astype(int) - (10, 120, 240)).max() <= 8


def test_same_pixels_twice_and_from_a_fresh_upscaler(lite: NLSN) -> None:
    sample = read_picture(ASSETS / "tower.jpg").color
    first = upscaler(lite)
    expected = first.enlarge(sample)
    first.enlarge(sample[:30])  # other work in between changes nothing
    assert np.array_equal(first.enlarge(sample), expected)
    assert np.array_equal(upscaler(load_model("lite", 4)).enlarge(sample), expected)


def test_metadata_travels_along(lite: NLSN, tmp_path: Path) -> None:
    source = Picture(np.zeros((4, 4, 3), np.uint8), None, Metadata("PNG", "RGB", dpi=(300.0, 300.0)), ("a note",))
    enlarged = upscaler(lite).upscale(source)
    assert enlarged.picture.metadata == source.metadata
    assert (enlarged.tiles, enlarged.tile_size, enlarged.events) == (1, (4, 4), ())


def test_memory_bounds_the_tiles_and_is_told(lite: NLSN) -> None:
    """With less memory the tiles are smaller, and the result says so; with enough of it nothing changes."""
    color = np.zeros((500, 500, 3), np.uint8)
    usual, small = (Upscaler(lite, compute=CPU, max_memory=each) for each in (2**31, 2**27))
    assert len(usual.plan(500, 500)) == 1
    plan = small.plan(500, 500)
    assert len(plan) > 4
    assert tile_bytes(lite.config, plan.rows.size * plan.columns.size, "fp32") <= 2**27
    enlarged = small.upscale(picture(color[:300, :300]))
    assert enlarged.tiles > 1
    assert enlarged.events == ("memory has no room for tiles of the usual size: they are smaller",)
    assert enlarged.tile_bytes <= (enlarged.memory or 0) <= 2**27


def test_memory_that_holds_no_tile_is_told_before_anything_runs(lite: NLSN) -> None:
    with pytest.raises(
        OptionError, match=r"500×400 pixels in tiles of .* take [0-9]+ MiB, more than --max-memory"
    ) as error:
        Upscaler(lite, compute=CPU, max_memory=2**25).upscale(picture(np.zeros((400, 500, 3), np.uint8)))
    needed = int(error.value.hint.split()[1])
    Upscaler(lite, compute=CPU, max_memory=needed * 2**20).plan(400, 500)


def test_a_tile_that_was_asked_for_must_fit_too(lite: NLSN) -> None:
    with pytest.raises(OptionError, match="in tiles of 500×400 take") as error:
        Upscaler(lite, compute=CPU, tile=TileOptions(0), max_memory=2**26).plan(400, 500)
    assert error.value.hint.endswith("or choose a smaller --tile.")
