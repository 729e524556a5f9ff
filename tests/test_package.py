"""What people install: the wheel carries the models, and enlarges a picture where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli import __version__
from tests.conftest import ASSETS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", folder, ROOT]
    subprocess.run(command, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_carries_models_licence_and_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for model in ("nlsn-lite-x2", "nlsn-lite-x4"):
        assert {f"nlsr_cli/weights/{model}/{n}" for n in ("config.json", "model.safetensors", "README.md")} <= names
    assert "nlsr_cli/py.typed" in names
    assert {f"nlsr_cli/viewing/page.{kind}" for kind in ("html", "css", "js")} <= names
    assert f"nlsr-{__version__}.dist-info/licenses/LICENSE" in names
    assert not any(name.startswith("tests/") for name in names)


def test_installed_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """A new environment holds the wheel; the heavy dependencies are lent by this one through a .pth file."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Path(purelib, "lent.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "a.png").write_bytes((ASSETS / "tower.jpg").read_bytes())
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    nlsr = python.with_name("nlsr")
    result = subprocess.run(
        [nlsr, "upscale", "a.png", "--scale", "2"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "a_x2.jpg") as image:
        assert image.size == (256, 192)
    where = subprocess.run([nlsr, "models", "path"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(tmp_path / "env"))


def test_version_is_the_changelogs() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_source_carries_the_documentation_and_the_wheel_does_not(wheel: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert pages | {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "Makefile"} <= names
    assert {"tests/test_docs.py", "weights/PHOTOGRAPHS.md", "nlsr_cli/__main__.py"} <= names
    with zipfile.ZipFile(wheel) as archive:
        assert not any("docs/" in name or "CONTRIBUTING" in name for name in archive.namelist())
