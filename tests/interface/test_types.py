"""Editors know what comes back: mypy and pyright find nothing wrong with `typed.py` and the examples of the pages."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import code
from tests.tools.reference import ROOT

TYPED = Path(__file__).with_name("typed.py")
SETTINGS = {
    "typeCheckingMode": "standard",  # what most editors have
    "pythonVersion": "3.11",
    "extraPaths": [str(ROOT)],
    "enableTypeIgnoreComments": False,  # those are mypy's
    "reportUnnecessaryTypeIgnoreComment": "error",
}


@pytest.fixture
def examples(tmp_path: Path) -> list[Path]:
    """Return the Python of README and docs, a file for each block."""
    files = []
    for number, (page, block) in enumerate(code("python")):
        files.append(tmp_path / f"{Path(page).stem.lower()}_{number}.py")
        files[-1].write_text(block, encoding="utf-8")
    assert len(files) >= 5
    return files


def test_mypy(examples: list[Path]) -> None:
    """Strict, as for nlsr itself; `typed.py` is checked with that. The first run of a checkout takes a minute."""
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", *examples]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not importlib.util.find_spec("basedpyright"), reason="needs basedpyright, from the extra dev")
def test_pyright(examples: list[Path], tmp_path: Path) -> None:
    settings = {**SETTINGS, "include": [str(TYPED), *map(str, examples)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "-p", tmp_path, "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 errors, 0 warnings" in done.stdout
