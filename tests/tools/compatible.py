"""The oldest and the newest of everything: `python -m tests.tools.compatible [--folder DIR] [PYTHON ...]`.

For each Python, which are those found unless some are named, it makes one environment with the newest release of every
dependency and one with the oldest that pyproject.toml promises and that has a wheel for it. In each it runs the tests
of the main job, formats, Hub and training, and enlarges the sample pictures. The table says what passed, and has a
digest of the enlarged files, which is the same wherever they are, byte for byte. Exit code 1 where something failed.

Environments are kept and brought up to date by the next run. uv resolves and installs; its settings hold, such as
UV_TORCH_BACKEND=cpu for PyTorch without CUDA, and UV_FIND_LINKS.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "tests" / "assets"
RESOLUTIONS = {"newest": "highest", "oldest": "lowest-direct"}
SHOWN = ("torch", "numpy", "pillow", "huggingface-hub", "typer")
# A few minutes: for each thing that a dependency does for us, the tests that use most of it.
TESTS = {
    "main job": ("tests/test_api.py", "tests/isolation/test_wire.py", "tests/isolation/test_worker.py"),
    "formats": ("tests/images/test_reading.py", "tests/images/test_writing.py", "tests/images/depth"),
    "Hub": ("tests/zoo/test_hub.py",),
    "training": (
        "tests/training/test_trainer.py",
        "tests/training/test_folder.py",
        "tests/training/test_run.py::test_the_model_is_sound_and_its_card_tells_all",
    ),
}


@dataclass(frozen=True)
class Ran:
    """What came of one environment: `passed` counts tests by group, as "12" or "11 of 12"."""

    python: str
    resolution: str
    versions: dict[str, str]
    passed: dict[str, str]
    digest: str
    good: bool


def main(arguments: Sequence[str]) -> int:
    """Print the table; return 1 where an environment cannot be made, or a test fails in one."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.compatible", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "compatible", help="where environments are kept"
    )
    parser.add_argument("--only", choices=RESOLUTIONS, help="one of the two")
    parser.add_argument("--jobs", default="2", help="processes that test side by side")
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="programs, instead of those found")
    options = parser.parse_args(arguments)
    pythons = dict(sorted(filter(None, map(examined, options.pythons or candidates()))))
    if not pythons:
        parser.error("no Python that nlsr runs with was found")
    uv = installed_uv(options.folder)
    ran = []
    for version, python in pythons.items():
        for resolution in [options.only] if options.only else RESOLUTIONS:
            folder = options.folder / f"{'.'.join(map(str, version[:2]))}-{resolution}"
            say(f"{folder.name}: {python}")
            ran.append(tried(uv, python, folder, resolution, options.jobs))
            say(table(ran[-1:]))
    say(table(ran))
    return 0 if all(each.good for each in ran) else 1


def candidates() -> Iterator[str]:
    """Yield programs that may be Pythons: this one, those on the path, and those of pyenv and uv."""
    yield sys.executable
    for minor in range(oldest_python()[1], 30):
        if found := shutil.which(f"python3.{minor}"):
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local" / "share" / "uv" / "python"))
    for folder in (pyenv / "versions", uv):
        yield from map(str, folder.glob("*/bin/python3"))


def oldest_python() -> tuple[int, ...]:
    """Return the version of Python that pyproject.toml asks for."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    return tuple(map(int, re.findall(r"\d+", asked)))


def examined(python: str) -> tuple[tuple[int, int], str] | None:
    """Return the version and path of a Python that environments can be made with and nlsr runs on, or None."""
    code = "import sys, ensurepip; print(*sys.version_info[:2], sys.implementation.name, sys._base_executable)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    major, minor, name, path = done.stdout.split(maxsplit=3)
    version = int(major), int(minor)
    return (version, path.strip()) if name == "cpython" and version >= oldest_python() else None


def installed_uv(folder: Path) -> str:
    """Return the path of uv, installed into an environment of its own where there is none."""
    if found := shutil.which("uv"):
        return found
    own = folder / "uv"
    if not (own / "bin" / "uv").exists():
        subprocess.run([sys.executable, "-m", "venv", own], check=True)
        subprocess.run([own / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"], check=True)
    return str(own / "bin" / "uv")


def tried(uv: str, python: str, folder: Path, resolution: str, jobs: str) -> Ran:
    """Bring an environment up to date, and return what its tests and its pictures come to."""
    version = folder.name.partition("-")[0]
    try:
        install(uv, python, folder, RESOLUTIONS[resolution])
    except subprocess.CalledProcessError:
        return Ran(version, resolution, {}, {}, "cannot be installed", good=False)
    program = folder / "bin" / "python"
    passed, good = tested(program, folder, jobs)
    digest = enlarged(program, folder)
    return Ran(version, resolution, versions(uv, program), passed, digest or "fails", good=good and bool(digest))


def install(uv: str, python: str, folder: Path, resolution: str) -> None:
    """Make an environment with nlsr as people install it; wheels only, but for nlsr itself."""
    if not folder.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", python, folder], check=True)
    target = [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
    dependencies = ["--only-binary", ":all:", "--resolution", resolution, "--upgrade", "-r", "pyproject.toml"]
    subprocess.run([*target, *dependencies, "--extra", "dev"], cwd=ROOT, check=True)
    subprocess.run([*target, "--no-deps", "--editable", "."], cwd=ROOT, check=True)


def tested(program: Path, folder: Path, jobs: str) -> tuple[dict[str, str], bool]:
    """Run the tests, and return how many of each group passed, and whether all did."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    paths = [path for group in TESTS.values() for path in group]
    command = [program, "-m", "pytest", "-q", "-n", jobs, "-p", "no:cacheprovider", f"--junitxml={report}", *paths]
    done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
    if not report.exists():
        return {}, False
    cases = list(ElementTree.parse(report).iter("testcase"))
    return {name: counted(cases, group) for name, group in TESTS.items()}, done.returncode == 0


def counted(cases: Sequence[ElementTree.Element], group: Sequence[str]) -> str:
    """Return how many of the cases of a group passed; those that were skipped count for nothing."""
    roots = tuple(path.partition("::")[0].removesuffix(".py").replace("/", ".") for path in group)
    mine = [case for case in cases if case.get("classname", "").startswith(roots) and case.find("skipped") is None]
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in mine)
    return f"{len(mine) - bad} of {len(mine)}" if bad or not mine else str(len(mine))


def enlarged(program: Path, folder: Path) -> str:
    """Enlarge the sample pictures with the command; return the beginning of a digest of all outputs, or ""."""
    pictures = [ASSETS / "colosseum.png", ASSETS / "tower.jpg"]
    out = folder / "pictures"
    shutil.rmtree(out, ignore_errors=True)
    command = [program, "-m", "nlsr_cli", "upscale", *pictures, "--scale", "2", "--quiet", "-o", out]
    if subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=False).returncode != 0:
        return ""
    return sha256(b"".join(sha256(each.read_bytes()).digest() for each in sorted(out.glob("*_x2.*")))).hexdigest()[:16]


def versions(uv: str, program: Path) -> dict[str, str]:
    """Return the versions of what the table shows."""
    listed = subprocess.run(
        [uv, "pip", "freeze", "--python", program], capture_output=True, text=True, check=True
    ).stdout
    found = dict(line.split("==", 1) for line in listed.splitlines() if "==" in line)
    return {name: found.get(name, "") for name in SHOWN}


def environment() -> dict[str, str]:
    """Return the variables for what runs in an environment: nothing of another one."""
    return {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }


def table(ran: Sequence[Ran]) -> str:
    """Return one line for each environment, under a heading, in columns."""
    rows = [["Python", "resolved", *SHOWN, *TESTS, "pictures"]]
    for each in ran:
        cells = [*(each.versions.get(name, "-") for name in SHOWN), *(each.passed.get(name, "-") for name in TESTS)]
        rows.append([each.python, each.resolution, *cells, each.digest])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def say(text: str) -> None:
    """Print, before what a child prints next."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
