"""One result per picture, whatever happens to the others; the same figures from files as from pixels."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ExitCode, ImageReadError
from nlsr_cli.evaluation import Pair, PictureScore, Score, Summary, evaluate_pictures, score
from nlsr_cli.evaluation.degrade import Degradation
from nlsr_cli.evaluation.metrics import luma, psnr
from nlsr_cli.images import read_picture, reduce_bicubic, resize_bicubic
from tests.conftest import ASSETS

PHOTO = read_picture(ASSETS / "colosseum.png").color


def bicubic(lr: np.ndarray) -> np.ndarray:
    return resize_bicubic(lr, lr.shape[0] * 4, lr.shape[1] * 4)


def one(pair: Pair, **options: object) -> PictureScore:
    (result,) = evaluate_pictures(bicubic, [pair], 4, **options)  # type: ignore[arg-type]
    return result


def test_the_score_is_that_of_the_reduced_and_enlarged_picture() -> None:
    result = one(Pair("photo", PHOTO))
    assert result.error is None
    assert result.score == score(bicubic(reduce_bicubic(PHOTO, 4)), PHOTO, 4)
    assert (result.size, result.notes) == ((192, 192), ())
    assert result.megapixels == pytest.approx(0.036864)


def test_bicubic_is_scored_as_papers_print_it() -> None:
    """Y alone, reduced and enlarged without rounding in between: 33.66, 30.39 and 28.42 dB on Set5 at x2, x3 and x4."""
    truth = np.floor(luma(PHOTO) + 0.5)
    low = resize_bicubic(truth.astype(np.float32)[:, :, None], 48, 48)
    found = np.floor(resize_bicubic(low, 192, 192)[:, :, 0].clip(0, 255) + 0.5)
    expected = psnr(found[4:-4, 4:-4].astype(np.float64), truth[4:-4, 4:-4])
    result = one(Pair("photo", PHOTO))
    assert result.bicubic is not None
    assert result.score is not None
    assert result.bicubic.psnr == pytest.approx(expected, abs=1e-9)
    assert result.bicubic.psnr == pytest.approx(result.score.psnr, abs=0.05)  # of 8-bit RGB, by the same interpolation
    (alone,) = evaluate_pictures(None, [Pair("photo", PHOTO)], 4, baseline=False)
    assert (alone.score, alone.bicubic, alone.seconds_per_megapixel) == (result.bicubic, None, None)


def test_files_and_pixels_score_alike(tmp_path: Path) -> None:
    low = tmp_path / "low.png"
    Image.fromarray(reduce_bicubic(PHOTO, 4)).save(low)
    found = [one(Pair("a", hr, lr)).score for hr in (ASSETS / "colosseum.png", PHOTO) for lr in (low, None)]
    assert len(set(found)) == 1


def test_a_low_resolution_that_is_given_is_the_one_that_is_enlarged() -> None:
    other = np.zeros((48, 48, 3), np.uint8)
    assert one(Pair("a", PHOTO, other)).score == score(np.zeros_like(PHOTO), PHOTO, 4)


def test_the_truth_is_cropped_to_multiples() -> None:
    whole = PHOTO[:100, :96]
    lr = reduce_bicubic(whole, 4)
    cropped = one(Pair("a", PHOTO[:103, :97], lr))
    assert cropped.score == one(Pair("a", whole, lr)).score
    assert cropped.size == (100, 96)
    assert one(Pair("a", PHOTO[:103, :97])).score == one(Pair("a", whole)).score


def test_grey_is_scored_as_rgb_and_sixteen_bit_as_eight() -> None:
    grey = PHOTO[:, :, :1]
    expected = one(Pair("a", grey.repeat(3, axis=2)))
    assert one(Pair("a", grey)) == PictureScore(**{**vars(expected), "seconds": pytest.approx(0, abs=5)})
    deep = one(Pair("a", grey.astype(np.uint16) * 257 + 60))
    assert deep.score == expected.score
    assert deep.notes == ("16-bit samples are rounded to 8 bits.",)


def test_alpha_is_left_out_and_told(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([PHOTO, PHOTO[..., 0]])).save(tmp_path / "a.png")
    result = one(Pair("a", tmp_path / "a.png"))
    assert result.score == one(Pair("a", PHOTO)).score
    assert result.notes == ("The alpha channel is not compared.",)


def test_one_bad_picture_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    error = ImageReadError("c", "has no low-resolution partner")
    pairs = [Pair("broken", tmp_path / "broken.png"), Pair("a", PHOTO), Pair("c", PHOTO, error=error)]
    first, second, third = evaluate_pictures(bicubic, pairs, 4)
    assert isinstance(first.error, ImageReadError)
    assert second.score is not None
    assert third.error is error


def test_a_bug_in_enlarging_is_the_pictures_own_error() -> None:
    def broken(lr: np.ndarray) -> np.ndarray:
        raise RuntimeError("boom")

    (result,) = evaluate_pictures(broken, [Pair("a", PHOTO)], 4)
    assert result.error is not None
    assert "unexpected RuntimeError: boom" in result.error.message


@pytest.mark.parametrize(
    ("low", "hint"),
    [((96, 96), "It seems to be reduced 2x."), ((64, 64), "It seems to be reduced 3x."), ((48, 47), "")],
)
def test_sizes_that_do_not_fit_are_both_named(low: tuple[int, int], hint: str) -> None:
    result = one(Pair("a.png", PHOTO, np.zeros((*low, 3), np.uint8)))
    assert result.error is not None
    assert result.error.message == f"a.png: 192×192 is not 4 times its low resolution of {low[1]}×{low[0]}"
    assert result.error.hint == hint


def test_small_pictures_have_no_ssim_and_say_so() -> None:
    result = one(Pair("a", PHOTO[:16, :40]))
    assert result.score is not None
    assert result.score.ssim is None
    assert result.notes == ("Fewer than 11×11 pixels, SSIM's window, lie inside the border: there is no SSIM.",)
    for shape in ((8, 40), (3, 3)):
        error = one(Pair("a", PHOTO[: shape[0], : shape[1]])).error
        assert error is not None
        assert f"{shape[1]}×{shape[0]} pixels are too few at 4x" in error.message


def test_the_baseline_can_be_left_out() -> None:
    assert one(Pair("a", PHOTO), baseline=False).bicubic is None


def test_the_largest_picture_that_is_read_can_be_set() -> None:
    error = one(Pair("a", ASSETS / "colosseum.png"), max_pixels=100).error
    assert error is not None
    assert "100" in error.message


def test_means_and_exit_codes() -> None:
    good = PictureScore("a", (1000, 1000), Score(30.0, 0.9), Score(28.0, 0.8), 2.0)
    small = PictureScore("b", (500, 1000), Score(40.0, None), Score(30.0, None), 4.0)
    bad = PictureScore("c", error=ImageReadError("c", "is empty"))
    summary = Summary(3, 4, pictures=[good, small])
    assert (summary.mean, summary.mean_bicubic) == (Score(35.0, 0.9), Score(29.0, 0.8))
    assert summary.seconds_per_megapixel == pytest.approx(4)
    assert summary.exit_code == ExitCode.OK
    assert Summary(3, 4, pictures=[good, bad]).exit_code == ExitCode.PARTIAL
    assert Summary(3, 4, pictures=[bad]).exit_code == ExitCode.ERROR
    assert Summary(3, 4, pictures=[good], interrupted=True).exit_code == ExitCode.INTERRUPTED
    assert Summary(0, 4).mean is None


def test_json_has_no_infinities() -> None:
    perfect = PictureScore("a", (100, 100), Score(math.inf, 1.0))
    values = [perfect.as_json(), Summary(1, 4, pictures=[perfect]).as_json(), Summary(1, 4).as_json()]
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert (values[0]["psnr"], values[0]["identical"]) == (None, True)


def test_damage_is_the_same_whatever_the_company_and_bicubic_gets_it_too() -> None:
    degradation = Degradation.parse("noise:12,jpeg:50")
    pairs = [Pair("a", PHOTO), Pair("b", PHOTO)]
    together = list(evaluate_pictures(bicubic, pairs, 4, degradation=degradation))
    (alone,) = evaluate_pictures(bicubic, [pairs[1]], 4, degradation=degradation)
    assert together[1].score == alone.score != together[0].score
    assert all(result.gain == 0 for result in together)  # what is scored here is bicubic interpolation itself
    clean = next(evaluate_pictures(bicubic, [pairs[0]], 4))
    assert together[0].score is not None
    assert clean.score is not None
    assert together[0].score.psnr < clean.score.psnr - 1


def test_the_summary_names_the_smallest_gain() -> None:
    better, worse = (
        PictureScore(name, (8, 8), Score(psnr, None), Score(30.0, None)) for name, psnr in (("a", 31.0), ("b", 29.5))
    )
    summary = Summary(2, 4, pictures=[better, worse])
    assert summary.as_json()["summary"]["worst"] == {"name": "b", "gain": -0.5}
