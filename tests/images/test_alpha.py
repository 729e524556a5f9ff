"""Transparency: invisible colours never reach the edge, and a background shows through exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.images import bleed_colors, keep_flat, parse_background, resize_lanczos
from nlsr_cli.images.alpha import composite, straight


def disc(height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    """Return alpha (h, w): a soft disc on nothing."""
    rows, columns = np.mgrid[0:height, 0:width]
    distance = np.hypot(rows - height / 2, columns - width / 2)
    soft = np.clip((min(height, width) / 4 - distance) / 4 + 0.5, 0, 1)
    return (soft * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 9), (9, 1), (2, 2), (31, 47), (64, 64)])
def test_visible_pixels_are_untouched(size, channels, dtype):
    """Whatever is visible, be it ever so faint, stays exactly as it is, in any shape and depth."""
    dice = np.random.default_rng(1)
    color = dice.integers(0, np.iinfo(dtype).max, (*size, channels), dtype)
    alpha = np.where(dice.random(size) < 0.5, 0, dice.integers(1, np.iinfo(dtype).max, size)).astype(dtype)
    before = color.copy()
    bled = bleed_colors(color, alpha)
    assert (bled.dtype, bled.shape) == (color.dtype, color.shape)
    np.testing.assert_array_equal(bled[alpha > 0], color[alpha > 0])
    np.testing.assert_array_equal(color, before)


def test_one_visible_color_fills_everything():
    """Extrapolation of a constant is that constant, exactly: no darkening towards the far corner."""
    color = np.full((37, 53, 3), (0, 255, 17), np.uint8)
    alpha = disc(37, 53)
    color[alpha == 0] = (255, 0, 255)
    np.testing.assert_array_equal(bleed_colors(color, alpha), np.full((37, 53, 3), (0, 255, 17)))


def test_hidden_colors_have_no_influence():
    """Pictures that differ only where nobody can see bleed to the same colours."""
    dice = np.random.default_rng(2)
    alpha = disc(40, 40)
    color = dice.integers(0, 256, (40, 40, 3), np.uint8)
    other = np.where(alpha[..., None] > 0, color, dice.integers(0, 256, (40, 40, 3), np.uint8))
    np.testing.assert_array_equal(bleed_colors(color, alpha), bleed_colors(other, alpha))


def test_filled_colors_stay_between_the_visible_ones_and_are_smooth():
    """No overshoot, and no visible step where something was filled."""
    alpha = disc(64, 64)
    color = np.zeros((64, 64, 1), np.uint8)
    color[:, :32] = 100
    color[:, 32:] = 150
    bled = bleed_colors(color, alpha).astype(int)
    assert (bled.min(), bled.max()) == (100, 150)
    hidden = (alpha[:, 1:] == 0) & (alpha[:, :-1] == 0)
    assert np.abs(np.diff(bled[..., 0], axis=1))[hidden].max() <= 30


def test_nothing_to_do_returns_the_same_array():
    """Opaque and invisible pictures pass without work."""
    color = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert bleed_colors(color, np.full((2, 2), 255, np.uint8)) is color
    assert bleed_colors(color, np.zeros((2, 2), np.uint8)) is color


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_composite_is_exact_at_both_ends_and_rounds_between(dtype):
    """Opaque gives the picture, invisible the background, half the mean, without overflow at full values."""
    full = np.iinfo(dtype).max
    color = np.full((1, 3, 3), full, dtype)
    alpha = np.array([[0, full // 2 + 1, full]], dtype)
    laid = composite(color, alpha, (0, 0, 255))
    np.testing.assert_array_equal(laid[0, 0], (0, 0, full))
    np.testing.assert_array_equal(laid[0, 1], (full // 2 + 1, full // 2 + 1, full))
    np.testing.assert_array_equal(laid[0, 2], (full, full, full))


def test_composite_in_bands_is_the_same(monkeypatch):
    """Large pictures are worked on in rows; where the cuts fall must not matter."""
    dice = np.random.default_rng(3)
    color, alpha = dice.integers(0, 256, (50, 7, 3), np.uint8), dice.integers(0, 256, (50, 7), np.uint8)
    whole = composite(color, alpha, (10, 20, 30))
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 15)
    np.testing.assert_array_equal(composite(color, alpha, (10, 20, 30)), whole)


@pytest.mark.parametrize(
    ("text", "expected"), [("white", (255, 255, 255)), ("#102030", (16, 32, 48)), ("#fff", (255, 255, 255))]
)
def test_background_is_any_opaque_color(text, expected):
    """Names and hexadecimal numbers are understood."""
    assert parse_background(text) == expected


@pytest.mark.parametrize(("text", "words"), [("whitish", "is no colour|is not a colour"), ("#ff000080", "not opaque")])
def test_other_backgrounds_are_refused(text, words):
    """A typo is a usage error with a hint, not a traceback."""
    with pytest.raises(OptionError, match=words) as caught:
        parse_background(text)
    assert "#rrggbb" in caught.value.hint


def test_floats_are_bled_unrounded() -> None:
    color = np.full((6, 8, 3), 0.123, np.float32)
    alpha = np.zeros((6, 8), np.float32)
    alpha[:, :3] = 1
    color[:, 3:] = 7.5
    found = bleed_colors(color, alpha)
    np.testing.assert_allclose(found, 0.123, rtol=1e-5)
    assert found.dtype == np.float32


def test_a_mask_comes_out_without_ringing() -> None:
    """Lanczos rings on both sides of an edge: two pixels away from it nothing of that is left."""
    mask = np.zeros((20, 30), np.uint8)
    mask[:, 15:] = 255
    made = resize_lanczos(mask[:, :, None], 80, 120)[:, :, 0]
    assert not np.isin(made[:, 64:], 255).all(), "there is ringing to take away"
    keep_flat(made, mask)
    assert (made[:, :56] == 0).all()
    assert (made[:, 64:] == 255).all()
    assert 100 < made[0, 60] < 255, "the edge is left alone"


@pytest.mark.parametrize("wrap", ["", "x"])
def test_flat_is_judged_across_the_seam_of_a_texture(wrap: str) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[:, -1] = 255
    made = np.full((16, 16), 9, np.uint8)
    keep_flat(made, mask, wrap=wrap)
    assert (made[:, 0] == (9 if wrap else 0)).all()
    assert (made[:, 3:12] == 0).all()


def test_reduced_masks_look_as_far_as_a_pixel_stands_for() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 255
    made = np.full((10, 10), 9, np.uint8)
    keep_flat(made, mask)
    assert made[0].tolist() == [0, 0, 0, 0, 9, 9, 255, 255, 255, 255]


@pytest.mark.parametrize("text", ["rgb(255,0,0)", "rgb(100%,0%,50%)", "hsl(360,100%,50%)"])
def test_the_ends_of_ranges_are_colours(text):
    """255, 100 % and 360 are the largest values that there are."""
    assert parse_background(text)[0] == 255


@pytest.mark.parametrize("text", ["rgb(256,0,0)", "rgb(101%,0%,0%)", "hsl(361,100%,50%)"])
def test_values_beyond_their_range_are_no_colours(text):
    """Pillow makes some other colour of them."""
    with pytest.raises(OptionError, match="is too large"):
        parse_background(text)


def test_backgrounds_are_exact_in_every_depth():
    """Transparent is the background itself, and one level of 255 is a 255th of the way; halves are rounded up."""
    background = (10, 200, 255)
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        alpha = np.array([[0, white]], dtype)
        color = np.full((1, 2, 3), white, dtype)
        laid = composite(color, alpha, background)
        np.testing.assert_allclose(laid[0, 0], np.array(background) / 255 * white, rtol=1e-6)
        np.testing.assert_array_equal(laid[0, 1], [white] * 3)
    levels = np.arange(256, dtype=np.uint8)[None]
    laid = composite(np.full((1, 256, 3), 255, np.uint8), levels, (0, 1, 254))
    exact = (255.0 * levels[..., None] + np.array((0, 1, 254)) * (255.0 - levels[..., None])) / 255
    np.testing.assert_array_equal(laid, np.floor(exact + 0.5))


def test_an_alpha_that_is_full_is_no_alpha():
    """The background may be given with eight digits."""
    assert parse_background("#ff8000ff") == (255, 128, 0)
    with pytest.raises(OptionError, match="is not opaque"):
        parse_background("#ff8000fe")


def test_faint_colours_count_as_little_in_every_depth() -> None:
    """A hidden pixel takes its colour from what can be seen beside it, in a photograph of 8 bits as in floats."""
    dice = np.random.default_rng(4)
    color, alpha = dice.integers(0, 256, (40, 56, 3), np.uint8), disc(40, 56)
    floats = bleed_colors(color.astype(np.float32), (alpha / 255).astype(np.float32))
    for found in (bleed_colors(color, alpha), bleed_colors(color * np.uint16(257), alpha * np.uint16(257)) / 257):
        assert np.abs(found - floats).max() <= 0.51
    red, faint_green = (255, 0, 0), (0, 255, 0)
    row = bleed_colors(np.array([[red, faint_green, (0, 0, 255)]], np.uint8), np.array([[255, 1, 0]], np.uint8))
    assert row[0, 2, 0] > 200, "what is hidden is red as what is opaque, not green as what can hardly be seen"


def test_flat_is_the_same_in_every_direction_and_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask that is turned or mirrored comes out turned or mirrored, however few rows are worked on at once."""
    dice = np.random.default_rng(5)
    mask = (dice.random((12, 9)) < 0.5).repeat(4, 0).repeat(4, 1).astype(np.uint8) * 255
    ringing = dice.integers(1, 255, (108, 45), np.uint8)

    def kept(turn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        made = turn(ringing).copy()
        keep_flat(made, turn(mask))
        return made

    whole = kept(np.asarray)
    assert 0 < np.count_nonzero(whole == ringing) < ringing.size
    for turn in (np.transpose, np.flipud, np.fliplr):
        np.testing.assert_array_equal(kept(turn), turn(whole))
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 100)
    np.testing.assert_array_equal(kept(np.asarray), whole)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_what_alpha_was_multiplied_into_is_divided_by_it(
    dtype: type, white: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours are as bright as they were; invisible ones stay as they are, and none ends beyond white but in floats."""
    dice = np.random.default_rng(6)
    color = (dice.random((50, 7, 3)) * white).astype(dtype)
    alpha = (dice.random((50, 7)) * white).astype(dtype)
    alpha[::5], alpha[1], alpha[2] = 0, white, min(white, 1)
    found = straight(color, alpha)
    assert found.dtype == dtype
    visible = alpha > 0
    np.testing.assert_array_equal(found[~visible], color[~visible])
    exact = color[visible] * (white / alpha[visible].astype(np.float64))[:, None]
    if dtype == np.float32:
        np.testing.assert_allclose(found[visible], exact, rtol=1e-6)
        assert found.max() > 1
    else:
        assert np.abs(found[visible] - np.minimum(exact, white)).max() <= 0.5 + 1e-6
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 15)
    np.testing.assert_array_equal(straight(color, alpha), found)


def test_bleeding_does_not_follow_from_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large picture is bled a few rows at a time, at every level of its pyramid."""
    dice = np.random.default_rng(7)
    color = dice.integers(0, 256, (61, 45, 3), np.uint8)
    alpha = dice.integers(0, 256, (61, 45), np.uint8)
    alpha[10:50, 5:40] = 0
    whole = bleed_colors(color, alpha)
    monkeypatch.setattr("nlsr_cli.scratch.BAND", 200)
    np.testing.assert_array_equal(bleed_colors(color, alpha), whole)
