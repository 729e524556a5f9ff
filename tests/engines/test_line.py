"""What others have comes last, once they have done it or died; and whoever meets another goes on elsewhere."""

from types import SimpleNamespace
from typing import Any

import pytest

from nlsr_cli.engines import line as module
from nlsr_cli.engines.line import Line


class Others:
    """A keeper that knows what other processes have."""

    def __init__(self, *taken: str) -> None:
        self.taken = set(taken)

    def is_taken(self, job: str) -> bool:
        return job in self.taken

    def claim(self, job: str) -> str | None:
        return None if job in self.taken else f"claim on {job}"


def line(jobs: str, others: Others | None) -> Any:
    return Line(list(jobs), others)  # type: ignore[arg-type]


def test_alone_the_order_is_as_given() -> None:
    for keeper in (None, Others()):
        mine = line("abc", keeper)
        assert [mine.peek(), mine.next(), mine.next(), mine.next(), mine.next(), mine.peek()] == [*"aabc", None, None]
        assert (list(mine.rest()), mine.left) == ([], [])


def test_what_others_have_is_passed_over_and_comes_last() -> None:
    others = Others("a", "c")
    mine = line("abcd", others)
    assert [mine.next(), mine.next(), mine.next()] == ["b", "d", None]
    assert mine.left == ["a", "c"]
    rest = mine.rest()
    assert next(rest) is None, "who waits is told first, so that what is done is told before the pause"
    others.taken = {"a"}
    assert next(rest) == ("c", "claim on c")
    others.taken = set()
    assert next(rest) == ("a", "claim on a")
    assert list(rest) == []


def test_pauses_grow_until_there_is_something_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=pauses.append))
    others = Others("a", "b")
    mine = line("ab", others)
    assert mine.next() is None
    rest = mine.rest()
    for _ in range(8):
        next(rest)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    others.taken = {"b"}
    assert next(rest) == ("a", "claim on a")
    next(rest)
    next(rest)
    assert pauses[-2:] == [1.0, 0.05]


def test_who_meets_another_reads_on_with_the_next_and_then_goes_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or both would want the same picture again and again."""
    monkeypatch.setattr(module, "random", SimpleNamespace(randrange=lambda count: count // 2))
    mine = line("abcdef", Others())
    assert (mine.next(), mine.peek()) == ("a", "b")
    mine.give_way("a")
    assert mine.left == [*"befcda"]
    mine = line("ab", Others())
    mine.give_way(mine.next())
    assert mine.left == ["b", "a"]
    mine.give_way(mine.next())
    assert (mine.next(), mine.left) == (None, ["a", "b"])
