"""`python3 tests/tools/install.py VENV [--dev]`: install nlsr from this checkout into a virtual environment.

The Makefile runs it, with a Python that has nothing but its standard library. PyTorch comes from its index of CPU
builds where no NVIDIA driver is found: the build with CUDA, which pip takes otherwise, is ten times as large.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
OLDEST = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PIP = (  # for a Python without its own, as that of Debian without the package python3-venv
    "https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/"
    "pip-26.3-py3-none-any.whl",
    "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13",
)
PATIENCE = 15.0  # seconds for an index to answer

CPU_SIZE = "about 270 MB to download, 950 MB on disk"
CUDA_SIZE = "about 3 GB to download, 6 GB on disk"


def wanted_index(given: str | None) -> str:
    """Return the index for PyTorch: what is `given`, or that of CPU builds where only those run; "" is pip's own."""
    if given is not None:
        return given
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    return CPU_INDEX if platform.system() == "Linux" and not driver else ""


def reached(index: str) -> bool:
    """Tell whether an index answers."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=PATIENCE):
            return True
    except (urllib.error.URLError, OSError):
        return False


def make_environment(folder: Path) -> Path:
    """Make a virtual environment with pip in `folder` unless it is there, and return its Python."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = [python, "-m", "pip", "--version"]
    if not python.exists() or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        own = importlib.util.find_spec("ensurepip") is not None
        venv.create(folder, with_pip=own, clear=True, symlinks=os.name != "nt")
        if not own:
            _bootstrap(python)
    return python


def _bootstrap(python: Path) -> None:
    """Install pip from PyPI into an environment without it."""
    address, digest = PIP
    say("This Python has no ensurepip: pip comes from PyPI.")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, address.rpartition("/")[2])
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
                wheel.write_bytes(answer.read())
        except (urllib.error.URLError, OSError) as error:
            sys.exit(f"error: pip cannot be downloaded: {error}\nhint: Install python3-venv, then run make again.")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != digest:
            sys.exit(f"error: {address} is not the file that was published (SHA-256 differs)")
        subprocess.run([python, wheel / "pip", "install", "--quiet", "--no-index", wheel], check=True)


def install(python: Path, index: str, extras: str, *, dev: bool) -> None:
    """Install nlsr and what it needs, in the versions of constraints.txt, PyTorch first."""
    # The constraints reach the isolated build environment only through the variable, hence not through -c.
    # Compiled modules are a fifth of the size: Python writes those that it needs when it first imports them.
    options = [] if dev else ["--no-compile"]
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", *options]
    env = os.environ | {"PIP_CONSTRAINT": "constraints.txt"}
    if index:
        subprocess.run([*pip, "--index-url", index, "torch"], cwd=ROOT, env=env, check=True)
    subprocess.run([*pip, "--editable", f".[{extras}]"], cwd=ROOT, env=env, check=True)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> None:
    """Say what will be fetched, then fetch it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the virtual environment; made if it is missing")
    parser.add_argument("--dev", action="store_true", help="install what the tests need as well")
    parser.add_argument("--torch-index", metavar="URL", help='where PyTorch comes from; "" for pip\'s own index')
    given = parser.parse_args(words)
    if sys.version_info < OLDEST:
        version = ".".join(map(str, OLDEST))
        sys.exit(
            f"error: this is Python {platform.python_version()}; nlsr needs {version} or later\n"
            f"hint: make PYTHON=python{version} demo"
        )
    index = wanted_index(given.torch_index)
    size = CPU_SIZE if index == CPU_INDEX or platform.system() != "Linux" else CUDA_SIZE
    say(f"Installing nlsr into {given.folder}: PyTorch, NumPy, Pillow and some 30 small packages.")
    if index == CPU_INDEX:
        say("No NVIDIA driver was found: PyTorch is the CPU build. For the default build: make TORCH_INDEX= demo")
    say(f"That is {size}{', and the tools of the tests' if given.dev else ''}.")
    if index and not reached(index):
        say(
            f"{index} cannot be reached: pip takes PyTorch from its own index instead, perhaps with CUDA ({CUDA_SIZE})."
        )
        index = ""
    try:
        install(make_environment(given.folder), index, "dev" if given.dev else "heic", dev=given.dev)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"error: pip failed with exit code {error.returncode}; its message stands above\n"
            "hint: Check the network, then run the same make command again."
        )


if __name__ == "__main__":
    main()
