"""Limits of a container count: it sees all of the machine, and may not use it."""

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


@OWN
def test_without_files_there_is_no_limit(cgroup: Path) -> None:
    assert container.memory_left() is None
    assert container.processors() is None


def test_systems_without_groups_have_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_OWN_CGROUP", tmp_path / "missing")
    assert container.memory_left() is None
    assert container.processors() is None
