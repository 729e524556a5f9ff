"""Why CUDA is not used, judged from readings; and the readings themselves, of a driver that was built for the test."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.doctor import _version_or_hint, why_no_cuda
from nlsr_cli.upscaling.cuda import Build, Driver, Readings, read_build, read_card, read_driver
from tests.test_cli import run

CPU, NEW = Build("2.9.0+cpu", None, None), Build("2.9.0+cu128", "12.8", None)
GOOD = Driver((12, 4), 0, 1)


@pytest.mark.parametrize(
    ("readings", "trouble", "said"),
    [
        (Readings(NEW, GOOD, True, None), "", "used"),
        (
            Readings(NEW, GOOD, True, None),
            "CUDA error: out of memory",
            "the card is there, but fails: CUDA error: out of",
        ),
        (
            Readings(NEW, None, True, None),
            None,
            "an NVIDIA card but no driver; install it from https://www.nvidia.com/",
        ),
        (Readings(NEW, None, False, None), None, "there is no NVIDIA driver, and no NVIDIA card"),
        (Readings(CPU, None, None, None), None, "there is no NVIDIA driver"),
        (Readings(CPU, GOOD, True, None), None, "PyTorch 2.9.0+cpu is built for the CPU only; install one for CUDA: "),
        (
            Readings(CPU, Driver((11, 4), 0, 1), True, None),
            None,
            "torch==2.7.1 --index-url https://download.pytorch.org",
        ),
        (
            Readings(NEW, Driver((11, 4), 0, 1), True, None),
            None,
            "supports CUDA 11.4, and PyTorch 2.9.0+cu128 needs 12.8",
        ),
        (Readings(NEW, Driver((12, 4), 100, 0), True, ""), None, "CUDA_VISIBLE_DEVICES='' hides the cards"),
        (Readings(NEW, Driver((12, 4), 0, 0), True, "-1"), None, "show them again: unset CUDA_VISIBLE_DEVICES"),
        (Readings(NEW, Driver((12, 4), 100, 0), False, None), None, "the driver finds no card (error 100 of cuInit)"),
        (Readings(NEW, Driver((12, 4), 46, 0), True, None), None, "the card is busy or unavailable"),
        (Readings(NEW, Driver((12, 4), 803, 0), True, "0"), None, "does not match its kernel module"),
        (Readings(NEW, Driver((12, 4), 12345, 0), True, None), None, "the driver fails (error 12345 of cuInit)"),
        (Readings(NEW, GOOD, True, None), None, "the driver works, but PyTorch sees no card"),
        (Readings(Build("2.9.0+rocm6", None, "6.4"), None, None, None), None, "is built for ROCm"),
        (Readings(None, GOOD, True, None), None, "the driver works, but PyTorch sees no card"),
    ],
)
def test_each_cause_has_its_words(readings: Readings, trouble: str | None, said: str) -> None:
    found = why_no_cuda(readings, trouble)
    assert said in found
    assert found == "used" or found.startswith("not used: ")


def test_commands_name_this_python_and_packages_that_exist() -> None:
    command = why_no_cuda(Readings(CPU, GOOD, True, None), None).split("CUDA: ")[1]
    words = shlex.split(command)
    assert words[0] == sys.executable
    assert words[1:4] == ["-m", "pip", "install"]
    assert "torch" in words
    assert not any(word.startswith("nlsr") for word in words)


def test_a_missing_package_says_what_it_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    for package in ("imagecodecs", "pi-heif", "rawpy", "pyvips[binary]"):
        said = _version_or_hint(package)
        assert said.startswith("not installed; it adds ")
        assert said.endswith(f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(package)}")


def test_doctor_judges_this_machine() -> None:
    assert "cuda" in run("doctor").stdout
    build = read_build()
    assert build is not None
    import torch

    assert (build.version, build.cuda) == (torch.__version__, torch.version.cuda)


SOURCE = """
int cuInit(unsigned int flags) { return CODE; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
"""


@pytest.mark.parametrize(
    ("code", "version", "count", "expected"),
    [
        (0, 12040, 2, Driver((12, 4), 0, 2)),
        (100, 11040, 0, Driver((11, 4), 100, 0)),
        (46, 13000, 1, Driver((13, 0), 46, 0)),
    ],
)
def test_a_driver_is_read(code: int, version: int, count: int, expected: Driver, tmp_path: Path) -> None:
    """A library with the driver's three functions, loaded as the driver is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler (Debian: gcc)")
    (tmp_path / "cuda.c").write_text(SOURCE)
    library = tmp_path / "libcuda.so.1"
    values = [f"-DCODE={code}", f"-DVERSION={version}", f"-DCOUNT={count}"]
    subprocess.run([compiler, "-shared", "-fPIC", *values, "-o", library, tmp_path / "cuda.c"], check=True)
    assert read_driver(str(library)) == expected


def test_no_driver_and_none_that_is_one(tmp_path: Path) -> None:
    assert read_driver(str(tmp_path / "nothing.so")) is None
    (tmp_path / "text.so").write_text("no library")
    assert read_driver(str(tmp_path / "text.so")) is None


@pytest.mark.skipif(sys.platform != "linux", reason="cards are listed there")
def test_cards_are_found(tmp_path: Path) -> None:
    def card(name: str, maker: str, kind: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{maker}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")

    card("0000:00:1f.0", "0x8086", "0x060100")
    card("0000:01:00.1", "0x10de", "0x040300")  # the sound of a card that is hidden
    assert read_card(tmp_path) is False
    card("0000:01:00.0", "0x10de", "0x030000")
    assert read_card(tmp_path) is True
    assert read_card(tmp_path / "nowhere") is None
