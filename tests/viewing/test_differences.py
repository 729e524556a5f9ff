"""The largest differences are found where they are, apart from each other, in pictures of any size."""

import numpy as np
import pytest

from nlsr_cli import scratch
from nlsr_cli.viewing.differences import COUNT, SIDE, amplified, largest_differences


def test_the_worst_comes_first_and_none_overlaps() -> None:
    a = np.full((1000, 900, 3), 100, np.uint8)
    b = a.copy()
    b[700:760, 100:160] += 90
    b[10:40, 800:900] += 30
    first, second = largest_differences(a, b)
    assert first.top <= 700 < 760 <= first.top + SIDE
    assert first.left <= 100 < 160 <= first.left + SIDE
    assert first.levels == pytest.approx(90 * 60 * 60 / SIDE**2, abs=0.01)
    assert second.top <= 10
    assert second.left + SIDE == 900, "a crop ends with the picture"
    assert amplified(a, b).max() == 255


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (170, 159), (161, 500), (320, 320), (333, 777)])
def test_crops_lie_inside_and_apart(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the picture is worked on in many bands."""
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2))
    places = largest_differences(a, b)
    taken = np.zeros(size, int)
    for place in places:
        assert place.top >= 0 <= place.left
        assert (place.height, place.width) == (min(SIDE, size[0]), min(SIDE, size[1]))
        taken[place.top : place.top + place.height, place.left : place.left + place.width] += 1
    assert 1 <= len(places) <= COUNT
    assert taken.max() == 1
    monkeypatch.setattr(scratch, "BAND", 1)
    assert largest_differences(a, b) == places


def test_nothing_is_found_where_nothing_differs() -> None:
    a = np.full((200, 200, 3), 100, np.uint8)
    assert largest_differences(a, a) == ()
    almost = a.copy()
    almost[::3] += 1
    assert largest_differences(a, almost) == ()
