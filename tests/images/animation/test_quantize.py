"""Pictures of many colours as GIF frames: near to what they were, the same each time, and what moves is drawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nlsr_cli.images.animation.gif_writing import gif_of
from nlsr_cli.images.animation.quantize import indexed

ASSETS = Path(__file__).parent.parent.parent / "assets"


def photograph() -> np.ndarray:
    return np.asarray(Image.open(ASSETS / "colosseum.png").convert("RGB").crop((20, 20, 180, 140)))


def portrait() -> np.ndarray:
    return np.asarray(Image.open(ASSETS / "tower.jpg").convert("RGB").resize((160, 120)))


def drawing() -> np.ndarray:
    """A gradient with shapes whose edges are smoothed."""
    ramp = Image.linear_gradient("L").resize((640, 480))
    image = Image.merge("RGB", (ramp, ramp.rotate(180), Image.new("L", ramp.size, 90)))
    pen = ImageDraw.Draw(image)
    for number in range(6):
        left = 100 * number
        pen.ellipse((left, 60 * number, left + 120, 60 * number + 120), fill=(40 * number, 255 - 40 * number, 200))
    return np.asarray(image.resize((160, 120), Image.Resampling.BOX))


def sky() -> np.ndarray:
    """A gradient of few colours that lie close together, with a little noise."""
    ramp = np.linspace(0, 24, 160)[None, :, None] + np.linspace(0, 12, 120)[:, None, None] + (90, 130, 200)
    return np.rint(ramp + np.random.default_rng(0).normal(0, 1.5, (120, 160, 3))).astype(np.uint8)


def shown(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Return the canvases that opaque frames leave on the screen, (h, w, 3) int."""
    canvas = np.zeros(frames[0].shape, int)
    canvases = []
    for frame in indexed(lambda: ((color, None) for color in frames)):
        height, width = frame.numbers.shape
        box = canvas[frame.top : frame.top + height, frame.left : frame.left + width]
        drawn = frame.numbers < len(frame.palette)
        box[drawn] = frame.palette[frame.numbers[drawn]]
        canvases.append(canvas.copy())
    return canvases


def settled(color: np.ndarray) -> np.ndarray:
    """Return a picture (h, w, 3) in the colours that k-means finds when it is let run on every pixel till the end."""
    palette = Image.fromarray(color).quantize(255, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    return np.asarray(Image.fromarray(color).quantize(palette=palette).convert("RGB"), int)


@pytest.mark.parametrize("make", [photograph, portrait, drawing, sky])
def test_colours_are_as_near_as_those_of_a_palette_that_took_its_time(make):
    """The mean squared error, dithering included, within 8 %; and as near in the mean of small areas."""
    color = make()
    ours, best = shown([color])[0] - color, settled(color) - color.astype(int)
    assert (ours**2).mean() <= 1.08 * (best**2).mean()

    def areas(error):
        return (error.reshape(30, 4, 40, 4, 3).mean(axis=(1, 3)) ** 2).mean()

    assert areas(ours) <= 1.15 * areas(best)


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (30, 120, 220)])
def test_a_background_keeps_its_colour(ground):
    """Nearly all of the picture: to be a level beside it shows on a page of that colour."""
    color = np.full((120, 160, 3), ground, np.uint8)
    noise = np.random.default_rng(0).integers(-3, 4, (40, 160, 3))
    color[:40] = (color[:40] + noise).clip(0, 255)  # what a network leaves around letters
    color[50:80, 40:80] = portrait()[50:80, 40:80]
    found = shown([color])[0]
    assert (found[80:] == ground).all()
    assert np.abs(found[:40] - color[:40].astype(int)).max() <= 24


def test_rare_colours_are_not_lost():
    """Two red pixels in a grey photograph of many stay red."""
    color = photograph().repeat(3, axis=0).repeat(3, axis=1)
    color = np.repeat(color[..., 1:2], 3, axis=2) + np.random.default_rng(0).integers(0, 3, color.shape, np.uint8)
    color[100, 50:52] = (250, 10, 10)
    assert np.abs(shown([color])[0][100, 50:52] - (250, 10, 10)).max() <= 40


def test_same_bytes_whatever_runs_beside():
    """Also from several threads at once."""
    frames = [Image.fromarray(make()) for make in (photograph, drawing, portrait)]

    def written(_):
        return gif_of(lambda: iter(frames), [10] * 3, loop=0)[0]

    with ThreadPoolExecutor(4) as pool:
        assert len({written(0), *pool.map(written, range(4))}) == 1


def test_what_changes_by_little_is_drawn():
    """A pixel that changes by 8 levels of 255 is not held back: it would be seen."""
    first = photograph()
    second = first.copy()
    second[40:80, 60:120] = np.clip(first[40:80, 60:120].astype(int) + 8, 0, 255)
    change = shown([first, second])
    inside = (change[1] - change[0])[40:80, 60:120].mean()
    asked = (second.astype(int) - first)[40:80, 60:120].mean()
    assert abs(inside - asked) < 1


def test_what_hardly_changes_is_held():
    """Noise of one level would make the dither of everything below it jump."""
    first = photograph()
    second = first ^ np.random.default_rng(0).integers(0, 2, first.shape, np.uint8)
    assert np.array_equal(*shown([first, second]))


def test_a_slow_fade_does_not_lag_behind():
    """One level a frame is held, but only until it adds up."""
    first = photograph() // 2
    frames = [first + np.uint8(number) for number in range(9)]
    for frame, canvas in zip(frames, shown(frames), strict=True):
        assert abs((canvas - frame).mean()) < 2.5
