"""Pictures through the network: depth, greyness and alpha kept, tiles without seams, the same bytes every time."""

import copy
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from nlsr_cli.api import load_model
from nlsr_cli.errors import NlsrError, OptionError, ResultRejected
from nlsr_cli.images import Metadata, Picture, read_picture, reduce_bicubic, resize_bicubic
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.memory import tile_bytes
from nlsr_cli.upscaling.stage import Stage
from tests.conftest import ASSETS

CPU = ComputeOptions("cpu", "fp32")
Maker = Callable[..., NLSN]


@pytest.fixture(scope="module")
def lite() -> NLSN:
    return load_model("lite", 4)


def picture(color: np.ndarray, alpha: np.ndarray | None = None) -> Picture:
    return Picture(color, alpha, Metadata("PNG", "RGB"))


def enlarger(model: NLSN, precision: str = "fp32", tile: TileOptions | None = None) -> Enlarger:
    return Enlarger(model, compute=ComputeOptions("cpu", precision), tile=tile, floor=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_depth_and_greyness_are_kept(lite: NLSN, dtype: type, channels: int) -> None:
    color = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (9, 7, channels)).astype(dtype)
    enlarged = enlarger(lite).upscale(picture(color)).picture
    assert (enlarged.color.shape, enlarged.color.dtype) == ((36, 28, channels), dtype)


def test_sixteen_bit_levels_survive(lite: NLSN) -> None:
    """A smooth ramp of 16 bits has far more levels than 256 after enlarging; 8-bit steps in between would show."""
    ramp = np.linspace(20000, 24000, 64).astype(np.uint16)
    color = np.broadcast_to(ramp[None, :, None], (16, 64, 1)).copy()
    enlarged = Enlarger(lite, compute=ComputeOptions("cpu")).upscale(picture(color))
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
    found = enlarger(lite).enlarge(np.asarray(lr)).astype(float)
    truth = np.asarray(hr, float)
    gain = 10 * np.log10(np.square(bicubic - truth).mean() / np.square(found - truth).mean())
    assert gain > 0.5


def test_an_ensemble_is_nearer_to_the_photograph_and_says_so(lite: NLSN) -> None:
    hr = read_picture(ASSETS / "colosseum.png").color[:128, :160]
    lr = picture(reduce_bicubic(hr, 4))
    single, mean = (Enlarger(lite, compute=CPU, ensemble=each).upscale(lr) for each in (False, True))
    errors = [np.square(each.picture.color.astype(float) - hr).mean() for each in (single, mean)]
    assert errors[1] < errors[0]
    assert (single.ensemble, mean.ensemble) == (False, True)


def test_an_ensemble_takes_alpha_along(lite: NLSN) -> None:
    alpha = np.tile(np.linspace(0, 255, 20).astype(np.uint8), (12, 1))
    source = picture(np.full((12, 20, 3), 90, np.uint8), alpha)
    found = Enlarger(lite, compute=CPU, ensemble=True).upscale(source).picture.alpha
    single = Enlarger(lite, compute=CPU).upscale(source).picture.alpha
    assert found is not None
    assert single is not None
    assert found.shape == (48, 80)
    assert 0 < np.abs(found.astype(int) - single).max() < 16


def test_constant_alpha_stays_exactly_constant_and_costs_nothing(lite: NLSN) -> None:
    calls: list[int] = []
    color = np.full((20, 20, 3), 90, np.uint8)
    alpha = np.full((20, 20), 255, np.uint8)
    enlarged = enlarger(lite).upscale(picture(color, alpha), lambda done, total: calls.append(total)).picture
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
    enlarged = enlarger(lite).upscale(picture(color, alpha)).picture
    assert enlarged.alpha is not None
    visible = enlarged.alpha > 8
    visible[:, 88:] = False  # the border of the picture is another matter
    assert np.abs(enlarged.color[visible].astype(int) - (250, 160, 40)).max() <= 2
    assert enlarged.alpha[:, :40].max() <= 8
    assert enlarged.alpha[:, 56:].min() >= 247


def test_a_picture_without_colour_stays_without(lite: NLSN) -> None:
    """Also where its file stores three channels, as every WebP does."""
    grey = read_picture(ASSETS / "colosseum.png").color[:40, :40, :1]
    enlarged = enlarger(lite).upscale(picture(np.repeat(grey, 3, axis=2), None)).picture.color
    assert np.array_equal(enlarged, np.repeat(enlarger(lite).upscale(picture(grey, None)).picture.color, 3, axis=2))


def test_tiles_show_no_seam(lite: NLSN) -> None:
    """Attention looks further than any overlap, so that tiles change pixels a little; at their borders no more.

    Sixteen parts of the sample, so that what happens to lie at a border does not decide: of four it did, by 0.05.
    """
    sample = read_picture(ASSETS / "colosseum.png").color
    cut = enlarger(lite, tile=TileOptions(64, 16))
    plan = cut.plan(128, 128)
    borders = np.zeros((512, 512), bool)
    for axis, mask in ((plan.rows, borders), (plan.columns, borders.T)):
        for start in axis.starts:
            for border in (start, start + axis.size):
                if 0 < border < axis.length:
                    mask[border * 4 - 4 : border * 4 + 4] = True
    at_borders, elsewhere = [], []
    for top, left in product(range(0, 64, 20), repeat=2):
        part = np.ascontiguousarray(sample[top : top + 128, left : left + 128])
        whole = enlarger(lite, tile=TileOptions(0)).enlarge(part).astype(int)
        difference = np.abs(cut.enlarge(part).astype(int) - whole)
        assert 10 * np.log10(255**2 / np.square(difference).mean()) > 45
        at_borders.append(difference[borders].mean())
        elsewhere.append(difference[~borders].mean())
    assert np.mean(at_borders) <= 1.1 * np.mean(elsewhere)


def test_half_precision_is_close_to_float32(lite: NLSN) -> None:
    sample = read_picture(ASSETS / "colosseum.png").color[:64, :64]
    if "bf16" not in _cpu_precisions():
        pytest.skip("this processor has no native bf16")
    difference = enlarger(lite, "bf16").enlarge(sample).astype(int) - enlarger(lite).enlarge(sample)
    assert 10 * np.log10(255**2 / np.square(difference).mean()) > 55


def _cpu_precisions() -> tuple[str, ...]:
    from nlsr_cli.upscaling.device import supported_precisions

    return supported_precisions(torch.device("cpu"))


def test_batches_of_tiles_equal_single_tiles(lite: NLSN, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = read_picture(ASSETS / "colosseum.png").color[:48, :120]
    cut = enlarger(lite, tile=TileOptions(32, 8))
    single = cut.enlarge(sample).astype(int)
    monkeypatch.setattr(Stage, "_batch_size", lambda self, plan: 3)
    assert np.abs(cut.enlarge(sample) - single).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_any_size_from_one_pixel_up(lite: NLSN, size: tuple[int, int]) -> None:
    color = np.full((*size, 3), (10, 120, 240), np.uint8)
    enlarged = enlarger(lite, tile=TileOptions(16, 4)).enlarge(color)
    assert enlarged.shape == (4 * size[0], 4 * size[1], 3)
    assert np.abs(enlarged.astype(int) - (10, 120, 240)).max() <= 8


def test_same_pixels_twice_and_from_a_fresh_enlarger(lite: NLSN) -> None:
    sample = read_picture(ASSETS / "tower.jpg").color
    first = enlarger(lite)
    expected = first.enlarge(sample)
    first.enlarge(sample[:30])  # other work in between changes nothing
    assert np.array_equal(first.enlarge(sample), expected)
    assert np.array_equal(enlarger(load_model("lite", 4)).enlarge(sample), expected)


def test_metadata_travels_along(lite: NLSN, tmp_path: Path) -> None:
    source = Picture(np.zeros((4, 4, 3), np.uint8), None, Metadata("PNG", "RGB", dpi=(300.0, 300.0)), ("a note",))
    enlarged = enlarger(lite).upscale(source)
    assert enlarged.picture.metadata == source.metadata
    assert (enlarged.tiles, enlarged.tile_size, enlarged.events) == (1, (4, 4), ())


def test_memory_bounds_the_tiles_and_is_told(lite: NLSN) -> None:
    """With less memory the tiles are smaller, and the result says so; with enough of it nothing changes."""
    color = np.zeros((500, 500, 3), np.uint8)
    budget = tile_bytes(lite.config, 200**2, "fp32")  # which depends on the number of threads
    usual, small = (Enlarger(lite, compute=CPU, max_memory=each) for each in (2**31, budget))
    assert len(usual.plan(500, 500)) == 1
    plan = small.plan(500, 500)
    assert len(plan) > 4
    assert tile_bytes(lite.config, plan.rows.size * plan.columns.size, "fp32") <= budget
    enlarged = small.upscale(picture(color[:300, :300]))
    assert enlarged.tiles > 1
    assert enlarged.events == ("memory is short: tiles are smaller than usual",)
    assert enlarged.tile_bytes <= (enlarged.memory or 0) <= budget


def test_memory_that_holds_no_tile_is_told_before_anything_runs(lite: NLSN) -> None:
    with pytest.raises(
        OptionError, match=r"500×400 pixels in tiles of .* take [0-9]+ MiB, more than --max-memory"
    ) as error:
        Enlarger(lite, compute=CPU, max_memory=2**25).upscale(picture(np.zeros((400, 500, 3), np.uint8)))
    needed = int(error.value.hint.split()[1])
    Enlarger(lite, compute=CPU, max_memory=needed * 2**20).plan(400, 500)


def test_a_plan_knows_that_large_pictures_lie_on_the_disk(lite: NLSN) -> None:
    """A gigapixel has the tiles of a picture that is a thousandth of it, whatever memory there is."""
    plans = [Enlarger(lite, compute=CPU, max_memory=2**30).plan(side, side) for side in (1200, 30000)]
    assert plans[0].tile == pytest.approx(plans[1].tile, rel=0.1)


def test_a_tile_that_was_asked_for_must_fit_too(lite: NLSN) -> None:
    with pytest.raises(OptionError, match="in tiles of 500×400 take") as error:
        Enlarger(lite, compute=CPU, tile=TileOptions(0), max_memory=2**26).plan(400, 500)
    assert error.value.hint.endswith("or choose a smaller --tile.")


@pytest.fixture(scope="module")
def family() -> dict[int, NLSN]:
    return {scale: load_model("lite", scale) for scale in (2, 3, 4)}


def to(sizes: SizeOptions, networks: object, **settings: object) -> Enlarger:
    return Enlarger(networks, compute=CPU, sizes=sizes, **settings)  # type: ignore[arg-type]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - other).mean()))


@pytest.mark.parametrize("factor", [1.5, 2.5, 3.5])
def test_any_factor_is_better_than_interpolation(family: dict[int, NLSN], factor: float) -> None:
    hr = read_picture(ASSETS / "colosseum.png").color[:140, :175]
    lr = resize_bicubic(hr, round(140 / factor), round(175 / factor))
    enlarged = to(SizeOptions(width=175, height=140, fit="stretch"), family).enlarge(lr)
    assert psnr(enlarged, hr) > psnr(resize_bicubic(lr, 140, 175), hr) + 0.3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("sizes", "size", "stages"),
    [
        (SizeOptions(scale=2.5), (28, 23), (3,)),
        (SizeOptions(scale=6), (66, 54), (2, 3)),
        (SizeOptions(width=45, height=5, fit="stretch"), (5, 45), (2, 3)),
        (SizeOptions(width=5), (6, 5), ()),
        (SizeOptions(scale=1), (11, 9), ()),
    ],
)
def test_pictures_get_the_size_that_was_asked(
    family: dict[int, NLSN], sizes: SizeOptions, size: tuple[int, int], stages: tuple[int, ...], dtype: type
) -> None:
    source = (read_picture(ASSETS / "colosseum.png").color[:11, :9] / 255).astype(np.float32)
    color = source if dtype == np.float32 else np.rint(source * np.iinfo(dtype).max).astype(dtype)
    alpha = color[:, :, 0].copy()
    given = Picture(color, alpha, Metadata("PNG", "RGB"), excess=np.ones((11, 9, 3), np.int16))
    calls: list[tuple[int, int]] = []
    found = to(sizes, family).upscale(given, lambda done, total: calls.append((done, total)))
    assert found.picture.color.shape == (*size, 3)
    assert found.picture.color.dtype == dtype
    assert found.picture.alpha is not None
    assert (found.picture.alpha.shape, found.picture.alpha.dtype) == (size, dtype)
    assert found.picture.excess is not None
    assert (found.picture.excess.shape, found.picture.excess.dtype) == ((*size, 3), np.int16)
    assert (found.picture.excess == 1).all()
    assert found.stages == stages
    assert (found.precision, found.tiles) == (("fp32", len(stages)) if stages else (None, 0))
    assert calls == [(number, 2 * len(stages)) for number in range(1, 2 * len(stages) + 1)]
    if size == (11, 9):
        np.testing.assert_array_equal(found.picture.color, color)


def test_a_cascade_is_rounded_once(family: dict[int, NLSN]) -> None:
    """By eight bits in between, other levels would come out than by sixteen."""
    lr = read_picture(ASSETS / "colosseum.png").color[:24, :30]
    found = to(SizeOptions(scale=6), family).enlarge(lr)
    deep = enlarger(family[3]).enlarge(enlarger(family[2]).enlarge(lr.astype(np.uint16) * 257))
    assert np.abs(found - deep / 257).max() <= 0.5 + 1 / 257
    shallow = enlarger(family[3]).enlarge(enlarger(family[2]).enlarge(lr))
    assert not np.array_equal(found, shallow)


def test_one_network_is_repeated(family: dict[int, NLSN]) -> None:
    found = to(SizeOptions(scale=5), family[2]).upscale(picture(np.full((6, 5, 3), 90, np.uint8)))
    assert (found.stages, found.picture.color.shape) == ((2, 2, 2), (30, 25, 3))


def test_networks_are_loaded_when_a_picture_needs_them(family: dict[int, NLSN]) -> None:
    loaded: list[int] = []

    class Shelf:
        scales = (2, 3, 4)
        default = 4

        def load(self, scale: int) -> NLSN:
            loaded.append(scale)
            return family[scale]

    wide = to(SizeOptions(width=40), Shelf())
    for width, now in ((40, []), (20, [2]), (21, [2]), (10, [2, 4]), (20, [2, 4]), (60, [2, 4])):
        wide.enlarge(np.zeros((4, width, 3), np.uint8))
        assert loaded == now


def test_more_than_sixteen_times_is_refused(family: dict[int, NLSN]) -> None:
    with pytest.raises(OptionError, match=r"is 20\.0 times as large, more than 16"):
        to(SizeOptions(width=100), family).upscale(picture(np.zeros((5, 5, 3), np.uint8)))


def test_strength_goes_from_interpolation_to_the_network(lite: NLSN) -> None:
    source = read_picture(ASSETS / "colosseum.png").color[:20, :24]
    bicubic, network = resize_bicubic(source, 80, 96), enlarger(lite).enlarge(source)
    calls: list[int] = []
    none = Enlarger(lite, compute=CPU, strength=0).upscale(picture(source), lambda done, total: calls.append(total))
    np.testing.assert_array_equal(none.picture.color, bicubic)
    assert (calls, none.stages, none.events) == ([], (), ())
    half = Enlarger(lite, compute=CPU, strength=0.5).enlarge(source)
    assert np.abs(half - (bicubic.astype(float) + network) / 2).max() <= 1.01
    np.testing.assert_array_equal(Enlarger(lite, compute=CPU, strength=1).enlarge(source), network)


def test_light_beyond_white_is_kept(lite: NLSN) -> None:
    """A lamp of 20 times white, and light below black: what networks do not know goes around them."""
    color = np.full((24, 24, 3), 0.25, np.float32)
    color[8:16, 8:16] = 20
    color[20:] = -0.5
    found = enlarger(lite).upscale(picture(color))
    assert (found.precision, found.picture.color.dtype) == ("fp32", np.float32)
    np.testing.assert_allclose(found.picture.color[44:52, 44:52], 20, rtol=0.02)
    np.testing.assert_allclose(found.picture.color[92:], -0.5, atol=0.05)
    np.testing.assert_allclose(found.picture.color[:12], 0.25, atol=0.02)
    inside = enlarger(lite).enlarge(np.clip(color, 0, 1))
    assert inside.min() >= 0
    assert inside.max() <= 1


def test_float_pictures_are_those_of_sixteen_bit_unrounded(lite: NLSN) -> None:
    levels = (read_picture(ASSETS / "colosseum.png").color[:20, :24].astype(np.uint16)) * 257
    found = enlarger(lite).enlarge((levels / 65535).astype(np.float32))
    np.testing.assert_allclose(found * 65535, enlarger(lite).enlarge(levels), atol=1)


def test_samples_that_are_no_numbers_are_refused(lite: NLSN) -> None:
    color = np.zeros((4, 4, 3), np.float32)
    color[1, 1, 1] = np.nan
    with pytest.raises(NlsrError, match="samples that are not finite"):
        enlarger(lite).upscale(picture(color))


def test_excess_is_bled_like_colour(lite: NLSN) -> None:
    """What an invisible pixel has outside of sRGB must not shine through the edge either."""
    alpha = np.zeros((16, 16), np.uint8)
    alpha[:, 8:] = 255
    excess = np.full((16, 16, 3), -99, np.int16)
    excess[:, 8:] = 12
    given = Picture(np.full((16, 16, 3), 90, np.uint8), alpha, Metadata("PNG", "RGBA"), excess=excess)
    found = enlarger(lite).upscale(given).picture
    assert found.excess is not None
    assert found.alpha is not None
    assert (found.excess[found.alpha > 0] == 12).all()


@pytest.mark.parametrize("how", ["model", "lanczos"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("scale", [4, 2.5])
def test_masks_come_out_clean(lite: NLSN, how: str, dtype: type, scale: float) -> None:
    """A pixel away from the edge a mask is exactly what it was: opaque, or nothing."""
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    alpha = np.zeros((24, 24), dtype)
    alpha[:, 12:] = full
    color = np.full((24, 24, 3), full // 2, dtype)
    found = to(SizeOptions(scale=scale), lite, alpha=how).upscale(picture(color, alpha)).picture.alpha
    assert found is not None
    assert found.min() >= 0
    assert found.max() <= full
    side = int(24 * scale)
    edge = int(12 * scale)
    assert (found[:, : edge - int(scale) - 1] == 0).all()
    assert (found[:, edge + int(scale) + 1 :] == full).all()
    assert found.shape == (side, side)


def test_alpha_by_lanczos_costs_no_network(lite: NLSN) -> None:
    calls: list[int] = []
    alpha = np.tile(np.linspace(0, 255, 20).astype(np.uint8), (12, 1))
    source = picture(np.full((12, 20, 3), 90, np.uint8), alpha)
    found = Enlarger(lite, compute=CPU, alpha="lanczos").upscale(source, lambda done, total: calls.append(total))
    assert calls == [1]
    assert found.picture.alpha is not None
    assert np.abs(found.picture.alpha.astype(int) - resize_bicubic(alpha[:, :, None], 48, 80)[:, :, 0]).max() <= 4


def texture(side: int) -> np.ndarray:
    """Return a part of the sample whose borders fade into each other."""
    source = read_picture(ASSETS / "colosseum.png").color[: side + 16, : side + 16].astype(float)
    fade = (np.arange(16) + 0.5) / 16
    source[:16] = source[:16] * fade[:, None, None] + source[side:] * (1 - fade)[:, None, None]
    source[:, :16] = source[:, :16] * fade[:, None] + source[:, side:] * (1 - fade)[:, None]
    return np.rint(source[:side, :side]).astype(np.uint8)


@pytest.mark.parametrize("tile", [TileOptions(), TileOptions(64, 12)])
@pytest.mark.parametrize("scale", [2, 2.5])
def test_a_texture_has_no_seam(family: dict[int, NLSN], scale: float, tile: TileOptions) -> None:
    """Rolling the input rolls the output, but for the little that tiles and attention change; no line shows."""
    source, shift = texture(80), 20
    wrapping = to(SizeOptions(scale=scale), family, tile=tile, wrap="xy")
    moved = int(shift * scale)
    found = wrapping.enlarge(source)
    rolled = np.roll(wrapping.enlarge(np.roll(source, (shift, shift), (0, 1))), (-moved, -moved), (0, 1))
    assert psnr(found, rolled) > 48
    assert np.abs(found.astype(int) - rolled).max() <= 24
    across = np.abs(np.diff(np.concatenate((found, found[:, :1]), axis=1).astype(int), axis=1)).mean(axis=(0, 2))
    assert across[-1] <= np.quantile(across, 0.9), "the gradient at the seam is one like others"
    plain = to(SizeOptions(scale=scale), family, tile=tile)
    apart = np.roll(plain.enlarge(np.roll(source, (shift, shift), (0, 1))), (-moved, -moved), (0, 1))
    assert psnr(plain.enlarge(source), apart) < psnr(found, rolled) - 3, "without it a seam is there"


def test_textures_smaller_than_what_goes_around_them(lite: NLSN) -> None:
    found = Enlarger(lite, compute=CPU, wrap="xy").enlarge(np.full((3, 5, 1), 77, np.uint8))
    assert found.shape == (12, 20, 1)
    assert np.abs(found.astype(int) - 77).max() <= 8


def test_the_memory_of_all_stages_counts(family: dict[int, NLSN]) -> None:
    """What a cascade makes on its way must fit beside the tiles: 16 times needs more than 4 times does."""
    color = np.zeros((150, 150, 3), np.uint8)

    def least(scale: int) -> int:
        """Return the MiB that are enough, whatever this machine's threads take."""
        for allowed in range(1, 500):
            try:
                Enlarger(family, compute=CPU, sizes=SizeOptions(scale=scale), max_memory=allowed << 20).plan(150, 150)
            except OptionError:
                continue
            return allowed
        raise AssertionError("nothing is enough")

    needed = least(4)
    sixteen = Enlarger(family, compute=CPU, sizes=SizeOptions(scale=16), max_memory=needed << 20)
    with pytest.raises(OptionError, match=r"pixels in tiles of .* take [0-9]+ MiB, more than --max-memory"):
        sixteen.upscale(picture(color))


def shifted(model: NLSN, *shift: float) -> NLSN:
    """Return a copy of a network that adds so much to red, green and blue: one that is damaged, yet plausible."""
    damaged = copy.deepcopy(model)
    with torch.no_grad():
        damaged.add_mean.bias += torch.tensor(shift)
    return damaged


def test_alpha_is_compared_with_its_source_too(lite: NLSN) -> None:
    """Black stays black where everything becomes darker, but a shape in the alpha channel is not what it was."""
    alpha = np.tile(np.linspace(80, 255, 40).astype(np.uint8), (24, 1))
    source = picture(np.zeros((24, 40, 3), np.uint8), alpha)
    assert Enlarger(lite, compute=CPU).upscale(source).picture.alpha is not None
    dark = shifted(lite, -0.4, -0.4, -0.4)
    Enlarger(dark, compute=CPU).upscale(picture(source.color))
    with pytest.raises(ResultRejected, match="does not match the picture"):
        Enlarger(dark, compute=CPU).upscale(source)


@pytest.mark.parametrize("shift", [(0.2, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, 0.2)])
def test_grey_is_the_luma_of_what_the_network_makes(lite: NLSN, shift: tuple[float, float, float]) -> None:
    """By ITU-R BT.601: green counts for more than red, and red for more than blue."""
    grey = read_picture(ASSETS / "colosseum.png").color[:16, :20, 1:2] // 2
    tinted = enlarger(shifted(lite, *shift))
    colours = tinted.enlarge(grey.repeat(3, axis=2)).astype(float)
    luma = 0.299 * colours[..., 0] + 0.587 * colours[..., 1] + 0.114 * colours[..., 2]
    assert np.abs(tinted.enlarge(grey)[..., 0] - luma).max() <= 1
