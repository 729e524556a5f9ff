"""The lists of the mutation tester name what is there: it cannot miss a module that was renamed or is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.mutants import ROOT, TARGETS, listed


@pytest.mark.parametrize("target", TARGETS)
def test_a_module_and_its_tests_are_there(target: str) -> None:
    tests = TARGETS[target]
    assert (ROOT / "nlsr_cli" / f"{target.replace('.', '/')}.py").is_file()
    assert all((ROOT / "tests" / each).is_file() for each in tests)
    assert len(set(tests)) == len(tests)
    own = "/".join(target.split(".")[:-1]) + f"/test_{target.rsplit('.', maxsplit=1)[-1]}.py"
    assert own in tests or not (ROOT / "tests" / own).exists()


@pytest.mark.parametrize(("folder", "sign"), [("images/metadata", ""), ("images/formats", "Rule | None")])
def test_all_that_decides_about_metadata_is_examined(folder: str, sign: str) -> None:
    """Of the formats, those which say what becomes of parts."""
    paths = (ROOT / "nlsr_cli" / folder).glob("*.py")
    names = {path.stem for path in paths if sign in path.read_text(encoding="utf-8")} - {"__init__"}
    assert len(names) > 5
    assert {f"{folder.replace('/', '.')}.{name}" for name in names} <= TARGETS.keys()


def test_equivalents_are_of_modules_that_are_examined_and_have_reasons() -> None:
    lines = (Path(__file__).parent / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    assert all(" # " in line and line.partition(" # ")[2] for line in lines if not line.startswith("#"))
    assert {name.partition(":")[0] for name in listed()} <= TARGETS.keys()
