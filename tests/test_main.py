"""What the command line sets before it loads the libraries, and what it leaves to the user."""

import gc
import os
import subprocess
import sys

import pytest

from nlsr_cli import __main__ as door


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    thresholds = gc.get_threshold()
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr(door, "processors", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    assert gc.get_threshold() == thresholds


def test_threads_that_wait_give_up_their_cores() -> None:
    """Two runs side by side on two cores took eight times as long with the default of GNU OpenMP."""
    door._prepare()
    assert os.environ["GOMP_SPINCOUNT"] == "1000"
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("granted", "threads"), [(1, "1"), (10**6, None)])
def test_a_container_has_as_many_threads_as_processors(
    granted: int, threads: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "processors", lambda: granted)
    monkeypatch.setattr(door, "_visible_processors", lambda: 64)
    door._prepare()
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_ctrl_c_before_a_command_begins_ends_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands are put together first, out of reach of what answers to it later: it ended with a traceback."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    codes: list[int] = []
    monkeypatch.setattr("nlsr_cli.cli.main", interrupted)
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    door.main()
    assert codes == [130]


def test_processors_are_those_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenMP heeds the affinity of a process; a number of threads would override that."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert door._visible_processors() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert door._visible_processors() == 1


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "processors", lambda: 1)
    monkeypatch.setattr(door, "_visible_processors", lambda: 64)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    door._prepare()
    assert "GOMP_SPINCOUNT" not in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.skipif(os.name == "nt", reason="descriptors are not inherited there")
def test_closed_standard_streams_are_no_place_for_files() -> None:
    """The next file to be opened would be number 2, and a library's warning would go into a picture."""
    code = "import os; from nlsr_cli.__main__ import _fill_standard_streams as fill; fill(); fill(); "
    code += "os._exit(os.open(os.devnull, os.O_RDONLY))"
    closed = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', sys.executable, "-c", code]
    assert subprocess.run(closed, check=False, timeout=60).returncode == 3
