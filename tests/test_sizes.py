"""What may be asked of a size, and what follows for each picture: in whole pixels, with the aspect ratio kept."""

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions, factor_of, parse_scale


@pytest.mark.parametrize(
    ("text", "scale"), [("2", 2), ("2.5", 2.5), ("x3", 3), ("4x", 4), ("4.0", 4), ("150%", 1.5), (" X2.5 ", 2.5)]
)
def test_factors_as_people_write_them(text: str, scale: float) -> None:
    assert parse_scale(text) == scale
    assert isinstance(parse_scale(text), type(scale)), "names say x4, not x4.0"


@pytest.mark.parametrize("text", ["", "four", "x2x", "x150%", "-2", "1e1", "2,5", "nan", "²", "2..5", "9" * 5000])
def test_factors_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="--scale must be a positive number such as"):
        parse_scale(text)


@pytest.mark.parametrize(
    ("asked", "before", "after"),
    [
        ({"scale": 2.5}, (101, 40), (253, 100)),  # halves go up
        ({"scale": 1}, (7, 9), (7, 9)),
        ({"scale": 1.001}, (1, 1), (1, 1)),
        ({"width": 1000}, (333, 500), (666, 1000)),
        ({"height": 1000}, (333, 500), (1000, 1502)),
        ({"short_side": 1000}, (333, 500), (1000, 1502)),
        ({"short_side": 1000}, (500, 333), (1502, 1000)),
        ({"long_side": 1000}, (333, 500), (666, 1000)),
        ({"long_side": 1000}, (500, 333), (1000, 666)),
        ({"width": 10}, (1, 4000), (1, 10)),  # never without a pixel
        ({"width": 900, "height": 900}, (200, 300), (600, 900)),
        ({"width": 900, "height": 300}, (200, 300), (300, 450)),
        ({"width": 900, "height": 900, "fit": "cover"}, (200, 300), (900, 1350)),
        ({"width": 900, "height": 300, "fit": "cover"}, (200, 300), (600, 900)),
        ({"width": 900, "height": 300, "fit": "stretch"}, (200, 300), (300, 900)),
        ({"width": 900, "height": 600}, (200, 300), (600, 900)),
        ({"megapixels": 1}, (250, 1000), (500, 2000)),
        ({"megapixels": 12}, (3, 4), (3000, 4000)),
    ],
)
def test_sizes(asked: dict[str, float], before: tuple[int, int], after: tuple[int, int]) -> None:
    assert SizeOptions(**asked).target(*before) == after  # type: ignore[arg-type]


def test_a_whole_number_of_times_is_never_passed_by_rounding() -> None:
    """Or a picture that needs two times would run through a network for three."""
    for width in range(1, 300):
        for wanted in range(width, 4 * width + 1):
            exact = wanted / width
            found = factor_of((97, width), SizeOptions(width=wanted).target(97, width))
            assert found <= -(-exact // 1)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scale": 0.5}, "--scale must be from 1 to 16, not 0.5"),
        ({"scale": 16.01}, "--scale must be from 1 to 16, not 16.01"),
        ({"scale": float("nan")}, "--scale must be from 1 to 16, not nan"),
        ({"width": 0}, "--width must be from 1"),
        ({"long_side": -5}, "--long-side must be from 1"),
        ({"megapixels": 0}, "--megapixels must be above 0"),
        ({"megapixels": float("inf")}, "--megapixels must be above 0"),
        ({"fit": "crop"}, "unknown --fit 'crop'"),
        ({"scale": 2, "width": 100}, "--scale and --width cannot be combined"),
        ({"short_side": 5, "long_side": 6}, "--short-side and --long-side cannot be combined"),
        ({"width": 5, "height": 5, "megapixels": 1}, "--width and --height and --megapixels cannot be combined"),
        ({"width": 5, "fit": "cover"}, "--fit cover needs a box"),
    ],
)
def test_nonsense_and_contradictions_are_refused(asked: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        SizeOptions(**asked)  # type: ignore[arg-type]
    assert caught.value.message.startswith(message)


def test_options_know_both_and_refuse_both_at_once() -> None:
    assert UpscaleOptions(scale=2.5).sizes == SizeOptions(scale=2.5)
    assert UpscaleOptions(size=SizeOptions(width=10)).sizes == SizeOptions(width=10)
    assert not UpscaleOptions().sizes.given
    with pytest.raises(OptionError, match="--scale and --height cannot be combined"):
        UpscaleOptions(scale=2, size=SizeOptions(height=10))
    with pytest.raises(OptionError, match="no size was given"):
        SizeOptions().target(3, 4)


@pytest.mark.parametrize(("scale", "expected"), [(None, None), (3, 3), (3.0, 3)])
def test_one_network_has_a_scale_of_networks(scale: float | None, expected: int | None) -> None:
    assert UpscaleOptions(scale=scale).network_scale == expected
    with pytest.raises(OptionError, match=r"--scale must be 2, 3 or 4, not 2\.5"):
        _ = UpscaleOptions(scale=2.5).network_scale


@pytest.mark.parametrize(
    ("sizes", "suffix", "expected"),
    [
        (SizeOptions(scale=4), None, "_x4"),
        (SizeOptions(scale=2.5), None, "_x2.5"),
        (SizeOptions(width=2000), None, "_2000x1500"),
        (SizeOptions(width=2000), "-{width}by{height}", "-2000by1500"),
        (SizeOptions(width=2000), "@{scale}", "@3.333"),
        (SizeOptions(scale=2), "", ""),
    ],
)
def test_names_say_what_was_asked(sizes: SizeOptions, suffix: str | None, expected: str) -> None:
    assert OutputOptions(suffix=suffix).suffix_for(sizes, 10 / 3, (1500, 2000)) == expected
