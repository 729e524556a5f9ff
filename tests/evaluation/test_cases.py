"""The cases of a bench compare what they say they compare."""

from collections.abc import Callable, Iterator, Sequence

import pytest
import torch

from nlsr_cli.evaluation import cases
from nlsr_cli.evaluation.cases import Comparison, Stand
from nlsr_cli.evaluation.measure import Measured, Timing
from nlsr_cli.upscaling.device import Placement

_photograph = cases._photograph
CPU = Placement(torch.device("cpu"), "fp32")


def measured(seconds: float, memory: int | None = None) -> Measured:
    return Measured(Timing(seconds, seconds, seconds, 3), memory)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Return a stand that runs each computation once and has no time to lose."""

    def once(calls: Sequence[Callable[[], object]], device: torch.device, *, seconds: float) -> list[Measured]:
        for call in calls:
            call()
        return [measured(1.0 + index, 100) for index in range(len(calls))]

    monkeypatch.setattr(cases, "measure", once)
    monkeypatch.setattr(cases, "_SMALL", (20, 24))
    return Stand(CPU, quick=True)


@pytest.mark.parametrize(
    "case", [cases.attention, cases.sizes, cases.threads, cases.folder], ids=lambda case: case.__name__
)
def test_every_case_runs(
    case: Callable[[Stand], Iterator[Comparison]], stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)  # or there is nothing to compare on one core
    found = list(case(stand))
    assert found
    for comparison in found:
        assert comparison.pixels > 0
        assert comparison.as_json()["precision"] == "fp32"
        assert comparison.difference is None or comparison.difference < 1e-4


def test_ours_and_the_textbook_make_the_same_picture(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "_photograph", lambda height, width: _photograph(40, 44))
    for comparison in cases.picture(stand):
        assert comparison.difference is not None
        assert comparison.difference <= 1.01 / 255, "one level, where a value lies between two"


def test_figures_that_follow() -> None:
    comparison = Comparison("x", "fp32", 100, measured(0.5, 10), measured(2.0, 50), operations=3.0)
    assert (comparison.speedup, comparison.saving, comparison.rate) == (4.0, 5.0, 6.0)
    bare = Comparison("x", "fp32", 100, measured(0.5))
    assert (bare.speedup, bare.saving, bare.rate) == (None, None, None)


def test_precisions_are_those_of_users_and_float32() -> None:
    assert [each.precision for each in Stand(CPU).placements] == ["fp32"]
    assert [each.precision for each in Stand(Placement(CPU.device, "bf16")).placements] == ["bf16", "fp32"]


def test_photographs_have_detail_and_are_always_the_same() -> None:
    one, again, other = (_photograph(64, 80, seed) for seed in (1, 1, 2))
    assert one.shape == (64, 80, 3)
    assert one.std() > 20
    assert (one == again).all()
    assert (one != other).any()
