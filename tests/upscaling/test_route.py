"""Which networks a picture runs through: the cheapest that reach its size, derived and not listed."""

import itertools
from math import prod

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSN
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim, Loaded, stages_for


@pytest.mark.parametrize(
    ("factor", "stages"),
    [
        (0.3, ()),
        (1, ()),
        (1.01, (2,)),
        (2, (2,)),
        (2.5, (3,)),
        (3, (3,)),
        (4, (4,)),
        (5, (2, 3)),
        (6, (2, 3)),
        (8, (2, 4)),
        (9, (3, 3)),
        (10, (3, 4)),
        (12, (3, 4)),
        (12.5, (4, 4)),
        (16, (4, 4)),
    ],
)
def test_a_family_goes_the_cheapest_way(factor: float, stages: tuple[int, ...]) -> None:
    assert stages_for(factor, (2, 3, 4)) == stages


@pytest.mark.parametrize(("scale", "factor", "times"), [(2, 16, 4), (2, 3, 2), (3, 16, 3), (4, 2, 1), (4, 5, 2)])
def test_a_single_model_is_repeated(scale: int, factor: float, times: int) -> None:
    assert stages_for(factor, (scale,)) == (scale,) * times


def test_no_other_way_gives_the_networks_fewer_pixels() -> None:
    """By trying all ways there are."""
    ways = [way for length in range(1, 5) for way in itertools.product((2, 3, 4), repeat=length)]

    def pixels(way: tuple[int, ...]) -> int:
        return sum(prod(way[:index]) ** 2 for index in range(len(way)))

    for tenths in range(11, 161):
        chosen = stages_for(tenths / 10, (2, 3, 4))
        enough = [way for way in ways if prod(way) >= tenths / 10]
        assert prod(chosen) >= tenths / 10
        assert pixels(chosen) == min(map(pixels, enough))


def test_routes() -> None:
    aim = Aim(SizeOptions(width=1000), (2, 3, 4))
    route = aim.route(100, 200)
    assert (route.size, route.stages, route.reached, route.before(1)) == ((500, 1000), (2, 3), (600, 1200), (200, 400))
    assert aim.route(500, 1000).notes == ("the picture already has this size: it is written again and not enlarged",)
    assert aim.route(700, 1400).notes == ("the picture is already larger: it is reduced by Lanczos interpolation",)
    with pytest.raises(OptionError, match=r"50×50 → 1000×1000 pixels is 20\.0 times as large, more than 16"):
        aim.route(50, 50)


def test_stretching_goes_by_the_side_that_grows_most() -> None:
    aim = Aim(SizeOptions(width=80, height=30, fit="stretch"), (2, 3, 4))
    assert aim.route(20, 20).stages == (4,)
    assert aim.route(20, 80).stages == (2,)


def test_networks_lie_under_their_own_scale(tiny_network: object) -> None:
    two: NLSN = tiny_network(scale=2)  # type: ignore[operator]
    assert Loaded({2: two}).scales == (2,)
    with pytest.raises(OptionError, match="each network under its own scale"):
        Loaded({4: two})
    with pytest.raises(OptionError, match="each network under its own scale"):
        Loaded({})


@pytest.mark.parametrize("scales", list(itertools.permutations((2, 3, 4))))
def test_of_two_ways_for_the_same_pixels_the_smaller_one_is_taken(scales: tuple[int, ...]) -> None:
    """Whatever the order is in which networks are listed: what is made only to be reduced again costs memory."""
    assert stages_for(2.5, scales) == (3,)
    assert stages_for(1.5, scales) == (2,)
    assert stages_for(5, scales) == (2, 3)
