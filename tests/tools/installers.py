"""`python -m tests.tools.installers [NAME...]`: install the wheel with pip, pipx and uv, for a user who has nothing.

Each gets an empty home and a folder outside of the checkout, installs all dependencies anew, and enlarges a picture
there. What differs from machine to machine (where PyTorch comes from) is set by PIP_* and UV_* variables.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ("PATH", "LANG", "PIP_", "UV_", "SSL_", "HTTP", "http", "TORCH_INDEX")  # beginnings of names
OPTIONAL_INDEX = os.environ.get("TORCH_INDEX", "")  # with wheels of PyTorch for this machine


def _python(folder: Path, *packages: str) -> Path:
    """Make an environment with packages and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    if packages:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def with_pip(wheel: Path, home: Path, env: dict[str, str]) -> Path:
    """Install with pip and return the command."""
    python = _python(home / "environment")
    index = ["--extra-index-url", OPTIONAL_INDEX] if OPTIONAL_INDEX else []
    subprocess.run([python, "-m", "pip", "install", "--quiet", *index, wheel], env=env, check=True)
    return python.with_name("nlsr")


def with_pipx(wheel: Path, home: Path, env: dict[str, str]) -> Path:
    """Install with pipx and return the command."""
    python = _python(home / "pipx", "pipx")
    index = [f"--pip-args=--extra-index-url {OPTIONAL_INDEX}"] if OPTIONAL_INDEX else []
    subprocess.run([python, "-m", "pipx", "install", "--quiet", *index, wheel], env=env, check=True)
    return home / ".local" / "bin" / "nlsr"


def with_uv(wheel: Path, home: Path, env: dict[str, str]) -> Path:
    """Install with uv and return the command."""
    python = _python(home / "uv", "uv")
    index = ["--index", OPTIONAL_INDEX] if OPTIONAL_INDEX else []
    subprocess.run([python.with_name("uv"), "tool", "install", "--quiet", *index, wheel], env=env, check=True)
    return home / ".local" / "bin" / "nlsr"


INSTALLERS: dict[str, Callable[[Path, Path, dict[str, str]], Path]] = {
    "pip": with_pip,
    "pipx": with_pipx,
    "uv": with_uv,
}


def tried(name: str, wheel: Path, folder: Path) -> str:
    """Install with one of them, enlarge a picture, and return a line about it.

    Raises:
        subprocess.CalledProcessError: something failed; its output was printed.
    """
    home = folder / name
    home.mkdir()
    env = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    env |= {"HOME": str(home), "UV_PYTHON": sys.executable, "UV_CACHE_DIR": str(home / "cache")}
    start = time.monotonic()
    nlsr = INSTALLERS[name](wheel, home, env)
    installed = time.monotonic() - start
    shutil.copy(ROOT / "tests" / "assets" / "tower.jpg", home)
    subprocess.run([nlsr, "upscale", "tower.jpg", "--scale", "2", "--quiet"], cwd=home, env=env, check=True)
    subprocess.run([nlsr, "inspect", "tower_x2.jpg"], cwd=home, env=env, check=True, stdout=subprocess.DEVNULL)
    where = subprocess.run([nlsr, "models", "path"], cwd=home, env=env, check=True, capture_output=True, text=True)
    if not Path(where.stdout.strip()).is_relative_to(home):
        sys.exit(f"{name}: the models are those of another installation: {where.stdout}")
    return f"{name}: installed in {installed:.0f} s, tower_x2.jpg has {(home / 'tower_x2.jpg').stat().st_size} bytes"


def main() -> None:
    """Try those that are named, or all."""
    with tempfile.TemporaryDirectory(prefix="nlsr-") as work:
        folder = Path(work)
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", folder, ROOT]
        subprocess.run(command, check=True)
        (wheel,) = folder.glob("nlsr-*.whl")
        for name in sys.argv[1:] or INSTALLERS:
            sys.stdout.write(f"{tried(name, wheel, folder)}\n")
            sys.stdout.flush()
            shutil.rmtree(folder / name)


if __name__ == "__main__":
    main()
