"""What may be compared, what is refused and why, and that the figures are those of evaluation and of the checks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from nlsr_cli.errors import ImageReadError, MissingInput, NotComparable
from nlsr_cli.evaluation import score
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.upscaling.checks import agreement
from nlsr_cli.viewing.comparison import Comparison, compare
from tests.conftest import ASSETS
from tests.viewing.pages import array_of, interpolated, save_pair

MOST = 2**20


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def compared(decoder: Decoder, *paths: Path, truth: Path | None = None) -> Comparison:
    return compare(decoder, paths[0], paths[1:], truth=truth, max_pixels=MOST)


def test_layers_and_figures(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    with Image.open(result) as image:
        ImageEnhance.Contrast(image).enhance(1.1).save(tmp_path / "truth.png")
    found = compared(decoder, source, result, truth=tmp_path / "truth.png")
    assert [layer.kind for layer in found.layers] == ["source", "bicubic", "result", "truth"]
    assert (found.size, found.scale) == ((240, 320), 4)
    smooth, truth = interpolated(source, result), array_of(tmp_path / "truth.png")
    assert (found.bicubic.pixels == smooth).all()
    assert found.bicubic.score == score(smooth, truth, 4)
    assert found.results[0].score == score(array_of(result), truth, 4)
    assert found.results[0].agreement == agreement(array_of(source), array_of(result))
    assert found.source.score is found.truth.score is None
    top, left, height, width, levels = found.places[0]
    box = slice(top, top + height), slice(left, left + width)
    assert levels == pytest.approx(np.abs(array_of(result)[box].astype(int) - truth[box]).mean(), abs=0.01)


def test_the_truth_itself_is_said_to_be_identical(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    found = compared(decoder, source, result, truth=result)
    (said,) = found.as_json()["results"]
    assert (said["psnr"], said["ssim"], said["identical"]) == (None, 1, True)
    assert found.places == ()


def test_what_is_too_small_has_no_score(decoder: Decoder, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), "red").save(tmp_path / "a.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "b.png")
    found = compared(decoder, tmp_path / "a.png", tmp_path / "b.png", truth=tmp_path / "b.png")
    assert found.results[0].score is None
    assert found.as_json()["results"][0]["psnr"] is None


@pytest.mark.parametrize("scale", [0.5, 1, 2.4, 3.37, 16])
@pytest.mark.parametrize("size", [(3, 2), (17, 41), (60, 60)])
def test_every_size_that_nlsr_writes_is_of_the_same_shape(
    decoder: Decoder, tmp_path: Path, size: tuple[int, int], scale: float
) -> None:
    """Sides are rounded, and small ones much."""
    with Image.open(ASSETS / "tower.jpg") as image:
        small = image.convert("RGB").resize(size, Image.Resampling.BOX)
    small.save(tmp_path / "a.png")
    small.resize([max(1, round(side * scale)) for side in size], Image.Resampling.BICUBIC).save(tmp_path / "b.png")
    assert compared(decoder, tmp_path / "a.png", tmp_path / "b.png").results


def test_another_shape_is_refused_and_never_stretched(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    with Image.open(result) as image:
        image.crop((0, 0, 310, 240)).save(tmp_path / "cropped.png")
        image.rotate(90, expand=True).save(tmp_path / "turned.png")
    with pytest.raises(
        NotComparable, match=r"has another shape than photo\.png: 310×240 is not an enlargement of 80×60"
    ):
        compared(decoder, source, tmp_path / "cropped.png")
    with pytest.raises(NotComparable) as caught:
        compared(decoder, source, tmp_path / "turned.png")
    assert "turned by 90 degrees" in caught.value.hint


def test_another_scene_is_refused(decoder: Decoder, tmp_path: Path) -> None:
    """Of pictures of one shape, no two are taken for each other, and each is taken for itself."""
    names = ("set5/butterfly_corner.png", "tower.jpg", "colosseum.png", "drawings/chart.webp", "drawings/sketch.webp")
    paths = [tmp_path / f"{number}.png" for number in range(len(names))]
    for name, path in zip(names, paths, strict=True):
        with Image.open(ASSETS / name) as image:
            image.convert("RGB").resize((64, 64)).save(path)
    for one, other in permutations(paths, 2):
        with pytest.raises(NotComparable, match="does not show what"):
            compared(decoder, one, other)
    for path in paths:
        with Image.open(path) as image:
            image.resize((128, 128), Image.Resampling.NEAREST).save(tmp_path / "same.jpg", quality=10)
        assert compared(decoder, path, tmp_path / "same.jpg").results


def test_a_tint_or_more_contrast_is_no_other_scene(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    with Image.open(result) as image:
        ImageEnhance.Color(image).enhance(0).save(tmp_path / "grey.png")
        ImageEnhance.Brightness(image).enhance(0.85).save(tmp_path / "dark.png")
    assert compared(decoder, source, tmp_path / "grey.png", tmp_path / "dark.png").results


def test_results_of_several_sizes_are_refused(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    with Image.open(source) as image:
        image.resize((160, 120)).save(tmp_path / "photo_x2.png")
    with pytest.raises(NotComparable, match=r"has 160×120 pixels, but photo_x4\.png has 320×240"):
        compared(decoder, source, result, tmp_path / "photo_x2.png")
    with pytest.raises(NotComparable, match="160×120"):
        compared(decoder, source, result, truth=tmp_path / "photo_x2.png")


def test_files_that_cannot_be_read(decoder: Decoder, tmp_path: Path) -> None:
    source, result = save_pair(tmp_path)
    result.write_bytes(result.read_bytes()[:500])
    with pytest.raises(ImageReadError, match="truncated"):
        compared(decoder, source, result)
    with pytest.raises(MissingInput):
        compared(decoder, source, tmp_path / "gone.png")
    with pytest.raises(ImageReadError, match="4800 pixels"):
        compare(decoder, source, [source], max_pixels=100)
