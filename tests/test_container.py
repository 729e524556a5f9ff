"""Limits of a container count: it sees all of the machine, and may not use it."""

import os
from pathlib import Path

import pytest

from nlsr_cli import container

OWN = pytest.mark.parametrize("own", ["0::/\n", "0::/user.slice/me\n", "1:cpu:/x\n0::/elsewhere\n"])


@pytest.fixture
def cgroup(own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of limits that count; "elsewhere" has none, so that those of the whole container do."""
    root = tmp_path / "cgroup"
    name = own.strip().rsplit(":", 1)[1].lstrip("/")
    folder = root / (name if name != "elsewhere" else "")
    folder.mkdir(parents=True)
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(container, "_CGROUPS", root)
    monkeypatch.setattr(container, "_OWN_CGROUP", tmp_path / "own")
    return folder


@OWN
@pytest.mark.parametrize(("limit", "left"), [("1000", 500), ("max", None), ("300", 0)])
def test_memory_that_is_left(cgroup: Path, limit: str, left: int | None) -> None:
    (cgroup / "memory.max").write_text(f"{limit}\n")
    (cgroup / "memory.current").write_text("600\n")
    (cgroup / "memory.stat").write_text("anon 10\ninactive_file 100\n")
    assert container.memory_left() == left


@OWN
@pytest.mark.parametrize(
    ("limit", "count"), [("max 100000", None), ("200000 100000", 2), ("250000 100000", 3), ("5000 100000", 1)]
)
def test_processors_that_are_granted(cgroup: Path, limit: str, count: int | None) -> None:
    (cgroup / "cpu.max").write_text(f"{limit}\n")
    assert container.processors() == count


def test_limits_of_outer_groups_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without limits of its own in a slice that has some, a container in a pod."""
    (tmp_path / "own").write_text("0::/slice/service\n")
    monkeypatch.setattr(container, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(container, "_OWN_CGROUP", tmp_path / "own")
    for place, limit, quota in (("slice", "1000", "100000"), ("slice/service", "max", "max")):
        folder = tmp_path / "cgroup" / place
        folder.mkdir(parents=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("600\n")
        (folder / "cpu.max").write_text(f"{quota} 100000\n")
    assert container.memory_left() == 400
    assert container.processors() == 1


@OWN
@pytest.mark.parametrize("text", ["", "x", "200000", "200000 0", "-1 100000", "1 2 3"])
def test_what_cannot_be_understood_is_no_limit(cgroup: Path, text: str) -> None:
    """It is read before any command runs, and must not keep one from running."""
    for name in ("cpu.max", "memory.max", "memory.stat"):
        (cgroup / name).write_text(text)
    container._OWN_CGROUP.write_bytes(container._OWN_CGROUP.read_bytes() + b"1:\xff:/\n")
    assert container.processors() is None
    assert container.memory_left() is None


@OWN
def test_without_files_there_is_no_limit(cgroup: Path) -> None:
    assert container.memory_left() is None
    assert container.processors() is None


V1 = "12:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize("inside", [True, False], ids=["the tree of the machine", "mounted as the root"])
@pytest.mark.parametrize("beside", ["", "0::/\n"], ids=["version 1", "both versions"])
def test_limits_of_version_1_count(inside: bool, beside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older hosts and some clusters have them: memory and processors lie in trees of their own."""
    (tmp_path / "own").write_text(V1 + beside)
    monkeypatch.setattr(container, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(container, "_OWN_CGROUP", tmp_path / "own")
    memory, cpu = (tmp_path / "cgroup" / name / ("docker/abc" if inside else "") for name in ("memory", "cpu"))
    for folder in (memory, cpu):
        folder.mkdir(parents=True)
    assert container.memory_left() is None
    assert container.processors() is None
    (memory / "memory.limit_in_bytes").write_text("1000\n")
    (memory / "memory.usage_in_bytes").write_text("600\n")
    (memory / "memory.stat").write_text("inactive_file 7\ntotal_inactive_file 100\n")
    (cpu / "cpu.cfs_quota_us").write_text("250000\n")
    (cpu / "cpu.cfs_period_us").write_text("100000\n")
    assert container.memory_left() == 500
    assert container.processors() == 3
    (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (cpu / "cpu.cfs_quota_us").write_text("-1\n")
    assert container.memory_left() is None
    assert container.processors() is None


def test_systems_without_groups_have_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_OWN_CGROUP", tmp_path / "missing")
    assert container.memory_left() is None
    assert container.processors() is None


@pytest.mark.parametrize(("told", "count"), [("3", 3), ("5,2", 5), ("", None), ("none", None), ("0", None)])
def test_threads_are_as_many_as_openmp_is_told(told: str, count: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds arithmetic to one thread means encoders too."""
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert container.threads() == (count or min(visible, container.processors() or visible))
