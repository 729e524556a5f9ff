"""The README is true: every command in it runs, its Python runs, what is generated in it is up to date."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.zoo import EMBEDDED
from tests.conftest import ASSETS
from tests.reference import BLOCKS, README, generated

TEXT = README.read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]
# These need what a test run must not touch: the network, and this very environment. The gate runs make check and test,
# and the wheel is built and installed in test_package.py.
ELSEWHERE = ("git clone", "cd nlsr", "make ", "python3 -m pip install", "python3 -m venv")
RUNNABLE = [command for command in COMMANDS if not command.startswith(ELSEWHERE)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files that the README speaks of, as the current one."""
    for name in ("photo.jpg", "holiday/a.jpg", "holiday/beach/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ASSETS / "tower.jpg", tmp_path / name)
    shutil.copy(ASSETS / "colosseum.png", tmp_path / "logo.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands_to_run() -> None:
    assert len(RUNNABLE) >= 8
    assert all(command.split()[0] in ("nlsr", "cat") for command in RUNNABLE)


@pytest.mark.parametrize("command", RUNNABLE)
def test_command_runs(command: str, desk: Path) -> None:
    nlsr = f"{shlex.quote(sys.executable)} -m nlsr_cli"
    line = re.sub(r"(^|\| )nlsr ", rf"\1{nlsr} ", command)
    result = subprocess.run(line, shell=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_python_runs(code: str, desk: Path) -> None:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_generated_is_up_to_date(name: str) -> None:
    """The figures are those of the committed measurement, the reference is that of the command line."""
    assert generated(TEXT, name).strip() == BLOCKS[name]().strip()


def test_models_table_is_the_registrys() -> None:
    for model in EMBEDDED.values():
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{model.name}`"))
        assert f"{model.scale}x" in row
        assert f"{model.psnr:.2f}" in row
        assert f"{model.ssim:.4f}" in row


def test_pictures_and_links_into_the_project_exist() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT):
        assert (README.parent / target).exists(), target
