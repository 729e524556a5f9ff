"""A small sample of every part of the suite runs with each change; `make torture` runs them at full counts."""

from pathlib import Path

import pytest

from tests.torture.__main__ import PARTS, run_part


@pytest.mark.parametrize("part", PARTS)
def test_sample(part: str, tmp_path: Path) -> None:
    found = run_part(part, tmp_path, small=True)
    assert found.tried > 0
    assert not found.failures
