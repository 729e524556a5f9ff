"""How long a fleet takes: formulas and simulation agree, and a simulation is what really happens."""

import random

import pytest

from nlsr_cli.batch import fleet
from nlsr_cli.batch.fleet import OVERHEAD, Fleet, estimate, sharded_expected, shared_bound

# Seconds of twelve photographs of one to twelve megapixels, as `nlsr upscale --json` told them.
MEASURED = [4.1, 4.3, 7.9, 3.8, 48.2, 12.5, 4.0, 21.7, 8.8, 4.4, 9.1, 30.3]


def test_one_machine_takes_the_sum() -> None:
    found = estimate(MEASURED, Fleet(1, 5.0, price=2.0))
    assert found.shared == found.sharded == pytest.approx(5 + sum(MEASURED) + 12 * OVERHEAD)
    assert found.machine_hours == pytest.approx(found.shared / 3600)
    assert found.cost == pytest.approx(2 * found.machine_hours)


def test_the_next_picture_goes_to_whoever_is_free() -> None:
    """By hand: 5, 3, 3 and 4 seconds on two machines end after 5, 3, 6 and 9."""
    assert fleet.shared_time([5, 3, 3, 4], 2) == 9
    assert fleet.shared_time([5, 3], 10) == 5


@pytest.mark.parametrize("machines", [2, 7, 40])
def test_the_bound_holds_and_is_near(machines: int) -> None:
    tasks = random.Random(1).choices(MEASURED, k=5000)
    taken, bound = fleet.shared_time(tasks, machines), shared_bound(sum(tasks), max(tasks), machines)
    assert taken <= bound < 1.06 * taken


@pytest.mark.parametrize("machines", [2, 10, 50])
def test_what_is_expected_of_shards_is_what_happens(machines: int) -> None:
    """The square root of twice the logarithm is what the largest of many normal numbers comes near from above."""
    tasks = random.Random(2).choices(MEASURED, k=50_000)
    mean, square = (sum(each**power for each in tasks) / len(tasks) for power in (1, 2))
    expected = sharded_expected(len(tasks), mean, square, machines)
    assert fleet.sharded_time(tasks, machines) == pytest.approx(expected, rel=0.03)


def test_many_are_computed_as_a_few_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = Fleet(20, 6.0)
    followed = estimate(MEASURED, machines, pictures=100_000)
    monkeypatch.setattr(fleet, "MOST_DRAWN", 1000)
    computed = estimate(MEASURED, machines, pictures=100_000)
    assert computed.shared == pytest.approx(followed.shared, rel=0.02)
    assert computed.sharded == pytest.approx(followed.sharded, rel=0.02)
    assert estimate(MEASURED, machines, pictures=10**9).shared == pytest.approx(6 + 1e9 / 20 * 13.266, rel=0.01)


def test_more_machines_than_pictures_wait_for_the_largest() -> None:
    assert estimate(MEASURED, Fleet(1000, 2.0)).shared == pytest.approx(2 + 48.2 + OVERHEAD)
