"""The bar of a batch that workers share: what is done of all, who is at it, and a time that is true from the start."""

import pytest

from nlsr_cli.console.estimate import FILE_PIXELS, Cost
from nlsr_cli.console.shared import Works

SIZE = Cost(100 * FILE_PIXELS)


def test_what_is_left_takes_as_long_as_what_was_done() -> None:
    works = Works([SIZE] * 4)
    assert works.times(5.0) == (0.0, None), "nothing is begun"
    works.begin(10.0)
    works.begin(11.0)
    works.advance(0, 0.5)
    works.advance(1, 0.5)
    assert works.times(12.0) == (2.0, None), "libraries may still be warming up"
    assert works.times(20.0) == (10.0, pytest.approx(30.0))
    works.finish(0, worked=True)
    works.finish(1, worked=True)
    assert works.times(30.0) == (20.0, pytest.approx(20.0))


def test_a_picture_that_begins_anew_elsewhere_counts_for_less_again() -> None:
    works = Works([SIZE, SIZE])
    works.begin(0.0)
    works.advance(0, 0.9)
    works.advance(0, 0.1)
    works.advance(1, 0.4)
    assert works.times(10.0) == (10.0, pytest.approx(30.0))


def test_what_needs_no_work_says_nothing_of_the_others() -> None:
    """As of a folder of which most is done already."""
    works = Works([Cost(0), SIZE, SIZE, None])
    works.begin(0.0)
    works.finish(0, worked=False)
    works.finish(3, worked=False)
    works.advance(1, 0.5)
    assert works.times(10.0) == (10.0, pytest.approx(30.0))
    works.finish(1, worked=True)
    works.finish(2, worked=True)
    assert works.times(20.0) == (20.0, pytest.approx(0.0, abs=1e-9))
