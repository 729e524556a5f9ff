"""The guards: what no network may have made of a picture is noticed, and what one may is let through."""

import numpy as np
import pytest
from PIL import Image

from nlsr_cli import ComputeOptions, load_model
from nlsr_cli.errors import ResultRejected
from nlsr_cli.images import resize_bicubic, resize_lanczos
from nlsr_cli.options import DEFAULT_FLOOR
from nlsr_cli.upscaling.checks import Agreement, agreement, check_agreement, fault_of, patch_means
from nlsr_cli.upscaling.enlarger import Enlarger
from tests.conftest import ASSETS

RANDOM = np.random.default_rng(0)
LR = RANDOM.random((8, 8, 3)).astype(np.float32)
SR = LR.repeat(2, 0).repeat(2, 1)


def damaged(value: float) -> np.ndarray:
    sr = SR.copy()
    sr[3, 5, 1] = value
    return sr


@pytest.mark.parametrize(
    ("sr", "fault"),
    [
        (SR, ""),
        (damaged(-1.5), ""),  # sharp noise does that
        (damaged(3), ""),
        (damaged(-4), ""),  # the bounds themselves
        (damaged(5), ""),
        (damaged(-4.1), "far beyond"),
        (damaged(5.1), "far beyond"),
        (damaged(float("nan")), "finite"),
        (damaged(float("inf")), "finite"),
        (damaged(-float("inf")), "finite"),
        (damaged(40), "far beyond"),
        (damaged(-40), "far beyond"),
        (damaged(8), "far beyond"),  # more than twice of what the sharpest noise does
        (damaged(-6), "far beyond"),
        (np.zeros_like(SR), "one colour"),
        (np.full_like(SR, 0.5), "one colour"),
    ],
)
def test_faults_of_a_tile(sr: np.ndarray, fault: str) -> None:
    found = fault_of(LR, sr)
    assert fault in found
    assert bool(found) == bool(fault)


def test_one_colour_may_stay_one_colour() -> None:
    assert fault_of(np.full((8, 8, 3), 0.2, np.float32), np.full((16, 16, 3), 0.2, np.float32)) == ""


@pytest.mark.parametrize("size", [(16, 24), (19, 9), (1, 1), (8, 65)])
@pytest.mark.parametrize("factor", [1, 2, 3, 2.5, 1.37])
def test_means_of_patches(size: tuple[int, int], factor: float) -> None:
    """The mean over a patch is the same in the source and in a picture of any size that has the same colours there."""
    across = round(size[1] * factor)
    ramp = np.broadcast_to(np.arange(size[1])[None, :, None] + 0.5, (*size, 1)).astype(np.float32)
    large = (np.arange(across) + 0.5) * size[1] / across
    result = np.broadcast_to(large[None, :, None], (round(size[0] * factor), across, 1)).astype(np.float32)
    expected = [np.mean(ramp[0, start : start + 8]) for start in range(0, size[1], 8)]
    assert patch_means(ramp, size).shape == (-(-size[0] // 8), -(-size[1] // 8), 1)
    np.testing.assert_allclose(patch_means(ramp, size)[0, :, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(patch_means(result, size)[-1, :, 0], expected, rtol=2e-2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_repeats_pixels_agrees(dtype: type) -> None:
    scale = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    source = (RANDOM.random((40, 70, 3)) * scale).astype(dtype)
    found = agreement(source, source.repeat(3, 0).repeat(3, 1))
    assert found.worst > 90
    assert found.psnr >= found.worst


def test_one_wrong_tile_among_hundreds_is_found_and_placed() -> None:
    with Image.open(ASSETS / "colosseum.png") as image:
        source = np.asarray(image.convert("RGB").resize((640, 640)))
    result = source.repeat(2, 0).repeat(2, 1)
    result[512:640, 256:384] = result[768:896, 640:768]  # a tile of another place
    found = agreement(source, result)
    assert found.psnr > 30
    assert found.worst < 20
    assert found.place == (256, 128)
    with pytest.raises(ResultRejected, match="around row 256, column 128"):
        check_agreement(source, result, 20)
    assert check_agreement(source, result, 0) == check_agreement(source, result, found.worst) == found


def test_other_faults_are_under_the_floor() -> None:
    with Image.open(ASSETS / "colosseum.png") as image:
        source = np.asarray(image.convert("RGB"))
    good = source.repeat(2, 0).repeat(2, 1)
    for bad in (good[::-1], good[..., ::-1] // 2, np.zeros_like(good), 255 - good, np.roll(good, 40, 1)):
        with pytest.raises(ResultRejected):
            check_agreement(source, np.ascontiguousarray(bad), 20)


def test_values_that_are_no_numbers_never_agree() -> None:
    source = RANDOM.random((16, 16, 3)).astype(np.float32)
    with pytest.raises(ResultRejected):
        check_agreement(source, np.full((32, 32, 3), np.nan, np.float32), 20)


def test_bicubic_pictures_of_any_size_pass() -> None:
    with Image.open(ASSETS / "tower.jpg") as image:
        source = np.asarray(image.convert("RGB"))
    for height, width in ((91, 77), (200, 333), (1000, 64)):
        size = max(height, source.shape[0]), max(width, source.shape[1])
        assert check_agreement(source, resize_bicubic(source, *size), 20).worst > 30


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(80, 64), (300, 240)])
def test_dithered_pictures_pass(size: tuple[int, int], scale: int) -> None:
    """Scans in black and white are clipped at every pixel; that is no fault, and the floor is below them."""
    with Image.open(ASSETS / "tower.jpg") as image:
        source = np.asarray(image.resize(size).convert("1").convert("L"))[..., None]
    enlarger = Enlarger(load_model("lite", scale), compute=ComputeOptions("cpu", "fp32"))
    assert check_agreement(source, enlarger.enlarge(source), DEFAULT_FLOOR).worst > DEFAULT_FLOOR + 1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", ["noise", "colour noise", "checkerboard", "stripes", "dots"])
def test_the_hardest_pictures_pass(scale: int, kind: str) -> None:
    """Black and white of single pixels is clipped at every one, so that its means move most; it is no false alarm.

    How far above the floor it comes depends on the weights: the least is 21.8 dB of those that know drawings.
    """
    rows, columns = np.mgrid[:64, :64]
    grey = {
        "noise": RANDOM.random((64, 64)) > 0.5,
        "checkerboard": (rows + columns) % 2,
        "stripes": columns % 2,
        "dots": RANDOM.random((64, 64)) > 0.98,
    }
    picture = RANDOM.random((64, 64, 3)) > 0.5 if kind == "colour noise" else grey[kind][..., None].repeat(3, 2)
    source = (picture * 255).astype(np.uint8)
    enlarger = Enlarger(load_model("lite", scale), compute=ComputeOptions("cpu", "fp32"))
    assert check_agreement(source, enlarger.enlarge(source), DEFAULT_FLOOR).worst > DEFAULT_FLOOR + 6


@pytest.mark.parametrize("size", [(65, 65), (1, 65), (9, 9), (2, 2), (1, 2), (129, 3)])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_border_of_few_pixels_is_no_false_alarm(size: tuple[int, int], scale: int) -> None:
    """A column that is left over is a patch of few pixels, whose mean moves most; alone in a window it was refused."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    enlarger = Enlarger(load_model("lite", scale), compute=ComputeOptions("cpu", "fp32"))
    for grey in (columns % 2, (rows + columns) % 2, columns == size[1] - 1, RANDOM.random(size) > 0.5):
        source = (grey[..., None].repeat(3, 2) * 255).astype(np.uint8)
        assert check_agreement(source, enlarger.enlarge(source), 20).worst > 20.5


def test_the_border_is_guarded_all_the_same() -> None:
    source = np.full((65, 65, 3), 255, np.uint8)
    result = source.repeat(2, 0).repeat(2, 1)
    result[:, 96:] = 0
    with pytest.raises(ResultRejected):
        check_agreement(source, result, 20)
    with pytest.raises(ResultRejected):
        check_agreement(source[:2, :2], np.zeros((4, 4, 3), np.uint8), 20)


def test_a_side_that_becomes_shorter_is_averaged_wider() -> None:
    """`--fit stretch` reduces one side: stripes wider than a patch become one colour there, and rightly so."""
    source = np.zeros((64, 96, 3), np.uint8)
    source[:, (np.arange(96) // 8) % 2 == 0] = 255
    assert check_agreement(source, resize_lanczos(source, 128, 10), 20).worst > 25
    with pytest.raises(ResultRejected):
        check_agreement(source, np.zeros((128, 10, 3), np.uint8), 20)


def test_ranges_that_become_one_colour() -> None:
    """Ten levels of detail are a faint texture, and must not vanish; four are the grain of a flat scan, and may."""
    flat = np.full((16, 16, 3), 0.5, np.float32)
    steps = (LR - LR.min()) / (LR.max() - LR.min())
    for levels, fault in ((10, "one colour"), (4.01, "one colour"), (3.99, ""), (3, "")):
        lr = 0.5 + levels / 255 * steps
        assert fault in fault_of(lr, flat)
        assert bool(fault_of(lr, flat)) == bool(fault)
        assert fault_of(lr, lr.repeat(2, 0).repeat(2, 1)) == ""


@pytest.mark.parametrize(("levels", "fault"), [(0.499, "one colour"), (0.501, "")])
def test_half_a_level_is_no_colour_of_its_own(levels: float, fault: str) -> None:
    """What is less apart in a result becomes one colour when it is written with 8 bits."""
    sr = np.full((16, 16, 3), 0.5, np.float32)
    sr[0, 0, 0] += levels / 255
    assert fault in fault_of(LR, sr)
    assert bool(fault_of(LR, sr)) == bool(fault)


def test_what_is_equal_agrees_to_100_db() -> None:
    """As the documented end of the scale, in the report as in the JSON."""
    source = RANDOM.integers(0, 256, (24, 80, 3), np.uint8)
    assert agreement(source, source) == Agreement(100, 100, (0, 0))


@pytest.mark.parametrize("levels", [1, 10, 40])
def test_a_shift_of_all_values_is_the_agreement(levels: int) -> None:
    """By the definition of the PSNR, in the whole and in every window."""
    source = RANDOM.integers(0, 200, (40, 70, 3), np.uint8)
    found = agreement(source, source.repeat(3, 0).repeat(3, 1) + np.uint8(levels))
    expected = 20 * np.log10(255 / levels)
    assert found.psnr == round(found.psnr, 3), "as it is told"
    assert (found.psnr, found.worst) == (pytest.approx(expected, abs=0.01), pytest.approx(expected, abs=0.01))


def test_a_fault_is_placed_where_one_side_became_shorter() -> None:
    """Patches are larger along that side alone, or nobody could tell where in the other one the fault is."""
    source = RANDOM.integers(0, 256, (128, 96, 3), np.uint8)
    result = resize_lanczos(source, 256, 10)
    result[192:] = 0
    assert agreement(source, result).place == (64, 0)


@pytest.mark.parametrize(("low", "high", "peak"), [(0, 1, 1), (0, 0.1, 1), (0, 8, 8), (-8, 1, 8)])
def test_the_peak_of_floats_is_white_or_what_goes_beyond(low: float, high: float, peak: float) -> None:
    source = np.linspace(low, high, 16 * 16 * 3, dtype=np.float32).reshape(16, 16, 3)
    assert agreement(source, source + np.float32(peak / 10)).psnr == pytest.approx(20, abs=0.01)


def test_the_agreement_of_the_whole_counts_every_patch() -> None:
    """Those at the upper and left border too: one patch of 64 that is off by ten levels, wherever it lies."""
    source = RANDOM.integers(0, 200, (64, 64, 3), np.uint8)
    for row, column in ((0, 0), (0, 56), (56, 0), (24, 32), (56, 56)):
        result = source.copy()
        result[row : row + 8, column : column + 8] += 10
        found, expected = agreement(source, result), 20 * np.log10(25.5) + 10 * np.log10(64)
        assert found == Agreement(found.psnr, found.psnr, (0, 0)), "all of it is one window"
        assert found.psnr == pytest.approx(expected, abs=0.01)


def test_means_of_doubles_are_exact() -> None:
    """Heights and the like are large numbers with small differences."""
    assert patch_means(np.full((8, 8, 1), 1e8 + 0.25, np.float64), (8, 8))[0, 0, 0] == 1e8 + 0.25
