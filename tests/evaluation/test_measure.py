"""Times that can be compared, and memory that is really held."""

from pathlib import Path

import pytest
import torch

from nlsr_cli.evaluation import measure
from nlsr_cli.evaluation.measure import Timing, peak_memory, time_in_turn

CPU = torch.device("cpu")


def test_times_are_taken_in_turn() -> None:
    """A machine that slows down in the middle must slow down both."""
    calls: list[str] = []
    timings = time_in_turn([lambda: calls.append("a"), lambda: calls.append("b")], CPU, seconds=0)
    assert calls == ["a", "b"] * 4, "once before, three times measured"
    assert [timing.runs for timing in timings] == [3, 3]


def test_what_takes_very_long_is_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute of work is warm by itself; a bench of minutes must not become one of an hour."""
    monkeypatch.setattr(measure, "_LONG", 0.0)
    calls: list[str] = []
    (timing,) = time_in_turn([lambda: calls.append("a")], CPU, seconds=60)
    assert calls == ["a", "a"]
    assert timing.runs == 2


def test_median_and_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own: a busy machine sleeps as long as it likes."""
    seconds, now = iter([0.0, 30.0, 1.0, 10.0]), [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: now[0])

    def call() -> None:
        now[0] += next(seconds)

    (timing,) = time_in_turn([call], CPU, seconds=0)
    assert timing == Timing(median=10.0, low=1.0, high=30.0, runs=3)
    assert Timing(2.0, 1.0, 3.0, 5).as_json() == {"median": 2.0, "low": 1.0, "high": 3.0, "runs": 5}


@pytest.mark.skipif(not measure._KERNEL.exists(), reason="only Linux tells")
def test_peak_counts_what_was_held_and_let_go() -> None:
    """The most at any moment: two tensors of 40 MB at once, though nothing is left in the end."""

    def twice() -> None:
        first = torch.ones(10_000_000)
        (first + 1).sum()

    found = peak_memory(twice, CPU)
    assert found is not None
    assert 75e6 < found < 110e6


def test_no_figure_where_nobody_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measure, "_KERNEL", tmp_path / "missing")
    assert peak_memory(lambda: None, CPU) is None
    assert peak_memory(lambda: None, torch.device("mps")) is None
