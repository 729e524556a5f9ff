"""Descriptions of damage: what they mean, what they refuse, and that the same seed gives the same pixels."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import OptionError
from nlsr_cli.evaluation.degrade import Degradation
from nlsr_cli.images import reduce_bicubic

FLAT = np.full((64, 64, 3), 128, np.uint8)
SMOOTH = np.stack([np.add.outer(np.arange(64), np.arange(64))] * 3, axis=2).astype(np.uint8)


def damaged(text: str, pixels: np.ndarray = FLAT, seed: int = 0) -> np.ndarray:
    return Degradation.parse(text).apply(pixels, np.random.default_rng(seed)).pixels


def test_nothing_leaves_pictures_as_they_are() -> None:
    assert np.array_equal(damaged("", SMOOTH), SMOOTH)
    assert Degradation.parse("").margin == 0


@pytest.mark.parametrize("variant", ["gauss", "poisson", "grain", "chroma"])
def test_noise_is_as_strong_as_stated(variant: str) -> None:
    assert damaged(f"noise:8/{variant}").std() == pytest.approx(8, rel=0.1)


def test_poisson_noise_grows_with_the_light() -> None:
    dark, bright = np.full_like(FLAT, 20), np.full_like(FLAT, 200)
    assert damaged("noise:8/poisson", bright).std() > 2 * damaged("noise:8/poisson", dark).std()


def test_grain_is_alike_in_neighbours_and_colours() -> None:
    grain = damaged("noise:8/grain").astype(float) - 128
    assert np.corrcoef(grain[:, 1:, 0].ravel(), grain[:, :-1, 0].ravel())[0, 1] > 0.3
    assert np.array_equal(grain[..., 0], grain[..., 2])


def test_noise_of_colour_leaves_the_light_alone() -> None:
    chroma = damaged("noise:8/chroma").astype(float) - 128
    assert chroma.mean(axis=2).std() < 0.5 * damaged("noise:8/gauss").astype(float).mean(axis=2).std()


@pytest.mark.parametrize(("variant", "sampling"), [("420", "4:2:0"), ("444", "4:4:4")])
def test_jpeg_is_what_the_library_makes_of_it(variant: str, sampling: str) -> None:
    buffer = BytesIO()
    Image.fromarray(SMOOTH).save(buffer, "JPEG", quality=50, subsampling=sampling)
    assert np.array_equal(damaged(f"jpeg:50/{variant}", SMOOTH), np.asarray(Image.open(buffer)))


def test_blur_keeps_the_mean_and_takes_the_edges() -> None:
    edge = np.where(np.arange(64)[None, :, None] < 32, 50, 200).repeat(64, 0).repeat(3, 2).astype(np.uint8)
    blurred = damaged("blur:2", edge)
    assert abs(blurred.mean() - edge.mean()) < 0.5
    assert np.abs(np.diff(blurred[0, :, 0].astype(int))).max() < 40


def test_an_oblique_blur_has_a_direction() -> None:
    dot = np.zeros((41, 41, 3), np.uint8)
    dot[20, 20] = 255
    spots = [damaged("blur:2.5/oblique", dot, seed)[..., 0].astype(float) for seed in range(8)]
    y, x = np.mgrid[-20:21, -20:21]
    spreads = [np.linalg.eigvalsh(np.cov(np.stack([y.ravel(), x.ravel()]), aweights=spot.ravel())) for spot in spots]
    assert max(wide / narrow for narrow, wide in spreads) > 2


def test_a_shift_moves_the_grid() -> None:
    shapes = {damaged("shift:7", SMOOTH, seed).shape for seed in range(30)}
    assert len(shapes) > 10
    assert all(57 <= height <= 64 and 57 <= width <= 64 for height, width, _ in shapes)


def test_the_same_seed_gives_the_same_pixels() -> None:
    text = "blur:0.3-1.2/any@0.5,noise:0-16/any@0.5,jpeg:30-98/any@0.7,shift:7,webp:40-90@0.5"
    assert np.array_equal(damaged(text, SMOOTH, 3), damaged(text, SMOOTH, 3))
    assert len({damaged(text, SMOOTH, seed).tobytes() for seed in range(20)}) > 15


def test_a_network_is_told_the_worst_of_what_was_done() -> None:
    twice = Degradation.parse("jpeg:40,jpeg:90,noise:4,noise:40").apply(SMOOTH, np.random.default_rng(0))
    assert twice.compression == pytest.approx(0.8)
    assert twice.noise == 1
    clean = Degradation.parse("jpeg:40@0").apply(SMOOTH, np.random.default_rng(0))
    assert (clean.compression, clean.noise) == (0, 0)


def test_a_picture_is_reduced_as_described() -> None:
    generator = np.random.default_rng(0)
    assert np.array_equal(Degradation.parse("").reduce(SMOOTH, 4, generator), reduce_bicubic(SMOOTH, 4))
    blocks = np.kron(np.arange(16, dtype=np.uint8).reshape(4, 4), np.ones((4, 4), np.uint8))[..., None].repeat(3, 2)
    for kernel in ("area", "nearest"):
        reduced = Degradation.parse(f"reduce/{kernel}").reduce(blocks, 4, generator)
        assert np.array_equal(reduced[..., 0], np.arange(16).reshape(4, 4))
    drawn = {Degradation.parse("reduce/any").reduce(SMOOTH**2, 2, generator).tobytes() for _ in range(40)}
    assert len(drawn) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jpg:50", "unknown degradation 'jpg'"),
        ("jpeg", "'jpeg' is not a degradation"),
        ("jpeg:0", "the value of jpeg must be from 1 to 100"),
        ("jpeg:90-50", "the lower end of a range first"),
        ("jpeg:50/422", "unknown variant '422' of jpeg"),
        ("noise:5@1.5", "the chance of noise must be from 0 to 1"),
        ("jpeg:50,reduce/area", "reduce must be the first"),
        ("reduce:2/area", "'reduce:2/area' is not a degradation"),
        ("noise:5;jpeg:50", "'noise:5;jpeg:50' is not a degradation"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as refused:
        Degradation.parse(text)
    assert refused.value.hint
