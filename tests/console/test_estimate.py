"""The time that is left is near the truth from a tenth of the work on, whatever the pictures are."""

import random

import pytest

from nlsr_cli.console.estimate import Cost, Estimate

PIXEL, FILE, WARM_UP = 7e-6, 0.3, 1.2  # seconds, of a made-up machine, slow at what a picture takes besides its pixels


def errors(
    pictures: list[list[float]], *, writing: float = 0.0, pixel: float = PIXEL, file: float = FILE, noise: float = 0.1
) -> float:
    """Return the largest relative error of the time left, from a tenth of the time on to nine tenths.

    Each picture is the work of its steps; times are those of the machine, with noise.
    """
    dice = random.Random(1)
    estimate = Estimate([Cost(sum(steps), writing) for steps in pictures])
    moments: list[tuple[float, float]] = []
    now, first = 0.0, True
    for number, steps in enumerate(pictures):
        estimate.start(number)
        done = 0.0
        for index, work in enumerate(steps):
            seconds = (work * pixel + (file if index == 0 else 0)) * dice.uniform(1 - noise, 1 + noise)
            seconds += WARM_UP if first else 0
            now, done, first = now + seconds, done + work, False
            estimate.step(done, sum(steps), seconds)
            if (left := estimate.left) is None:
                assert number == index == 0, "warming up hides what the first step took, and no other"
                continue
            moments.append((now, left))
    end = now + writing
    judged = [(now, left) for now, left in moments if 0.1 * end <= now <= 0.9 * end]
    assert judged
    return max(abs(left - (end - now)) / (end - now) for now, left in judged)


@pytest.mark.parametrize(
    "pictures",
    [
        [[330_000] * 40],
        [[330_000] * 12],
        [[12_000]] * 60,
        [[400_000] * 3] * 10 + [[12_000]] * 40,
        [[400_000] * 4, [12_000], [100_000], [400_000, 400_000]] * 8,
        [[20_000] * 4 + [330_000] * 30],
    ],
    ids=["large", "larger tiles", "small ones", "large before small", "mixed", "two stages"],
)
def test_the_time_left_is_within_30_percent(pictures: list[list[float]]) -> None:
    assert errors(pictures) < 0.3


def test_small_pictures_before_large_ones_tell_less() -> None:
    """Where all were small and alike, nothing tells what a pixel takes from what a picture takes but experience."""
    pictures: list[list[float]] = [[12_000]] * 40 + [[400_000] * 3] * 10
    assert errors(pictures, pixel=4e-6, file=0.12) < 0.3, "a machine like those it comes from"
    assert errors(pictures) < 0.6


def test_writing_a_large_picture_is_foreseen() -> None:
    """A third of the time: without it, the bar would stand at the end for as long as half of all tiles took."""
    assert errors([[330_000] * 12], writing=14.0) < 0.3


def test_what_needs_no_work_costs_nothing() -> None:
    estimate = Estimate([Cost(0)] * 500 + [Cost(100_000)] * 2)
    estimate.start(500)
    assert estimate.left is None, "nobody knows before the first step"
    estimate.step(100_000, 100_000, 5.0)
    assert estimate.left is not None
    assert estimate.left < 6


def test_a_first_step_that_warming_up_hides_tells_nothing() -> None:
    estimate = Estimate([Cost(100_000)] * 5)
    estimate.start(0)
    estimate.step(100_000, 100_000, 1.5)
    assert estimate.left is None
    estimate.start(1)
    estimate.step(100_000, 100_000, 0.5)
    assert estimate.left == pytest.approx(1.5, rel=0.3)


def test_what_is_unknown_costs_as_the_others_do() -> None:
    estimate = Estimate([Cost(100_000), None, None])
    assert estimate.left is None, "nobody knows before the first step"
    estimate.start(0)
    for step in range(1, 11):
        estimate.step(10_000 * step, 100_000, 1.0)
    assert estimate.left is not None
    assert estimate.left == pytest.approx(20, rel=0.3)


def test_a_picture_of_unknown_size_tells_it_when_it_is_read() -> None:
    estimate = Estimate([None])
    estimate.start(0)
    for step in range(1, 6):
        estimate.step(100 * step, 1000, 1.0)
    assert estimate.left == pytest.approx(5, rel=0.1)


def test_more_work_than_the_header_told() -> None:
    """Such as transparency that goes through the network too, or a picture that had to be made again."""
    estimate = Estimate([Cost(1000)])
    estimate.start(0)
    estimate.step(1000, 2000, 10.0)
    estimate.step(1500, 2000, 5.0)
    estimate.step(1750, 2000, 2.5)
    assert estimate.left == pytest.approx(2.5, rel=0.1)


def test_what_others_have_comes_last_and_what_they_did_is_not_to_come() -> None:
    """A process that meets another one goes on elsewhere; the time follows from what is left then."""
    estimate = Estimate([Cost(100_000)] * 5 + [Cost(300_000)])
    estimate.start(0)
    for step in range(1, 11):
        estimate.step(10_000 * step, 100_000, 1.0)
    estimate.reorder([5, 2])
    assert estimate.left == pytest.approx(40, rel=0.3), "what is at hand is done, as is what is not named"
    estimate.start(4)
    estimate.step(300_000, 300_000, 30.0)
    assert estimate.left == pytest.approx(10, rel=0.3)
    estimate.reorder([5])
    assert estimate.left == pytest.approx(10, rel=0.3)


def test_another_process_may_have_the_very_first_picture() -> None:
    estimate = Estimate([Cost(100_000), Cost(200_000)])
    estimate.reorder([1, 0])
    assert estimate.left is None
    estimate.start(0)
    for step in range(1, 11):
        estimate.step(20_000 * step, 200_000, 2.0)
    assert estimate.left == pytest.approx(10, rel=0.3)
