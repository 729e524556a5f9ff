"""One line of the bar: it fits any width, and leaves out what matters least."""

import pytest

from nlsr_cli.console.ticker import Status, cells, clock, frame, shortened

FULL = Status("3/12 IMG_2041.jpg", 0.345, 130.0, "tile 12/40")


def line(status: Status, width: int, *, plain: bool = False) -> str:
    return frame(status, tick=0, elapsed=7.2, width=width, plain=plain)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "⠋ 3/12 IMG_2041.jpg  ━━━━━━━━━━───────────────────  tile 12/40  34 %  2:10 left"),
        (50, "⠋ 3/12 IMG_2041.jpg  tile 12/40  34 %  2:10 left"),
        (40, "⠋ 3/12 IMG_2041.jpg  34 %  2:10 left"),
        (30, "⠋ 3/12 IMG_…  34 %  2:10 left"),
        (8, "⠋ 34 %"),
    ],
)
def test_what_has_no_room_is_left_out(width: int, shown: str) -> None:
    assert line(FULL, width) == shown


@pytest.mark.parametrize("label", ["loading", "3/12 " + "写真" * 40, "x" * 300, "e\u0301" * 60, ""])
@pytest.mark.parametrize("status", [(None, None, ""), (0.5, None, ""), (1.0, 0.0, "tile 1/1"), (0.2, 1e6, "a" * 90)])
def test_every_line_is_shorter_than_the_terminal(label: str, status: tuple[float | None, float | None, str]) -> None:
    for width in range(1, 130):
        for plain in (False, True):
            assert cells(line(Status(label, *status), width, plain=plain)) < max(width, 2)


def test_plain_terminals_get_ascii() -> None:
    assert line(FULL, 80, plain=True).isascii()


def test_a_status_survives_the_pipe() -> None:
    for status in (FULL, Status("loading")):
        again = Status.decoded(status.encoded())
        assert vars(again) == vars(status)


def test_time_goes_on_between_two_statuses() -> None:
    """A tile may take a minute: the share grows as the time left shrinks, and neither leaves its range."""
    later = Status("a", 0.5, 10.0).after(5.0)
    assert (later.share, later.left) == (0.75, 5.0)
    over = Status("a", 0.5, 10.0).after(50.0)
    assert (over.share, over.left) == (1.0, 0.0)
    assert vars(Status("a").after(3.0)) == vars(Status("a"))


def test_clocks_and_widths() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 60, 3600 * 3 + 300)] == ["0:00", "0:59", "1:00", "3:05:00"]
    assert (cells("ab"), cells("写"), cells("e\u0301")) == (2, 2, 1)
    assert shortened("abcdef", 4, "…") == "abc…"
    assert shortened("写真写真", 4, "…") == "写…"
    assert shortened("abc", 0, "…") == ""
