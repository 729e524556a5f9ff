"""A small sample of every part of the suite runs with each change; `make torture` runs them at full counts."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.tools.torture.__main__ import PARTS, run_part


@pytest.mark.parametrize("part", PARTS)
def test_sample(part: str, tmp_path: Path) -> None:
    found = run_part(part, tmp_path, small=True)
    assert found.tried > 0
    assert not found.failures


@pytest.mark.parametrize("part", PARTS)
def test_a_program_that_does_nothing_passes_no_part(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that finds fault with nothing would say that all is well."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    try:
        found = run_part(part, tmp_path, small=True)
    except (ValueError, OSError):  # there is nothing to judge at all
        return
    assert found.failures
    assert not found.good
