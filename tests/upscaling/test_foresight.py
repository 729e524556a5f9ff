"""What torch will find is told without it, rightly, or not at all."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling import foresight
from nlsr_cli.upscaling.cuda import Build, Driver
from nlsr_cli.upscaling.device import place
from nlsr_cli.upscaling.foresight import foreseen


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:7", "mps"])
@pytest.mark.parametrize("precision", ["auto", "fp32", "fp16", "bf16"])
def test_it_agrees_with_torch_on_this_machine(device: str, precision: str) -> None:
    options = ComputeOptions(device, precision)
    expected = foreseen(options)
    try:
        placement = place(options)
    except OptionError:
        assert expected is None
    else:
        assert expected in (None, (placement.device.type, placement.precision))


def test_it_knows_the_usual_case() -> None:
    if sys.platform == "linux":
        assert foreseen(ComputeOptions("cpu")) is not None


CUDA, CPU = Build("2.9.0+cu128", "12.8", None), Build("2.9.0+cpu", None, None)


@pytest.mark.skipif(sys.platform == "darwin", reason="only torch can tell there")
@pytest.mark.parametrize(
    ("build", "driver", "options", "expected"),
    [
        (CUDA, Driver((12, 4), 0, 1), ComputeOptions(), ("cuda", "fp16")),
        (CUDA, Driver((12, 4), 0, 2), ComputeOptions("cuda:1", "fp32"), ("cuda", "fp32")),
        (CUDA, Driver((12, 4), 0, 1), ComputeOptions("cuda:1"), None),
        (CUDA, Driver((12, 4), 0, 1), ComputeOptions("cuda", "bf16"), None),
        (CUDA, Driver((11, 4), 0, 1), ComputeOptions(), ("cpu", "bf16")),
        (CUDA, None, ComputeOptions(), ("cpu", "bf16")),
        (CUDA, Driver((12, 4), 100, 0), ComputeOptions(), ("cpu", "bf16")),
        (CUDA, Driver((12, 4), 0, 1), ComputeOptions("cpu"), ("cpu", "bf16")),
        (CPU, Driver((12, 4), 0, 1), ComputeOptions(), ("cpu", "bf16")),
        (CPU, None, ComputeOptions("cuda"), None),
        (CPU, None, ComputeOptions("cpu", "fp16"), None),
        (Build("2.9.0+rocm6", None, "6.4"), None, ComputeOptions(), None),
        (None, None, ComputeOptions(), None),
    ],
)
def test_each_machine(
    build: Build | None,
    driver: Driver | None,
    options: ComputeOptions,
    expected: tuple[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "cpuinfo").write_text("flags : fpu avx512_bf16\n")
    monkeypatch.setattr(foresight, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(foresight, "read_build", lambda: build)
    monkeypatch.setattr(foresight, "read_driver", lambda: driver)
    assert foreseen(options) == expected


def test_a_processor_without_bf16_and_a_system_that_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(foresight, "read_build", lambda: CPU)
    monkeypatch.setattr(foresight.sys, "platform", "linux")
    monkeypatch.setattr(foresight, "CPUINFO", tmp_path / "cpuinfo")
    assert foreseen(ComputeOptions()) is None
    assert foreseen(ComputeOptions("cpu", "fp32")) == ("cpu", "fp32")
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2\n")
    assert foreseen(ComputeOptions()) == ("cpu", "fp32")
    assert foreseen(ComputeOptions("cpu", "bf16")) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only torch can tell elsewhere")
@pytest.mark.parametrize("again", [[], ["--skip-existing"]])
def test_nothing_to_do_loads_no_torch_in_any_process(sample: Path, again: list[str]) -> None:
    """By the list of modules of this process and of the one that decodes: 754 of them were torch's."""
    command = [sys.executable, "-m", "nlsr_cli", "upscale", sample.parent, "-o", sample.parent / "out", "-s", "2"]
    shutil.copy(sample, sample.with_name("b.png"))
    subprocess.run(command, check=True, capture_output=True)
    env = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1", "NLSR_DEBUG": "1"}  # with which both say what they load
    done = subprocess.run([*command, *again], env=env, check=True, capture_output=True, text=True)
    loaded = re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE)
    assert loaded.count("nlsr_cli.isolation.worker") == 1, "the other process is heard"
    assert "0 done, 2 skipped" in done.stderr
    assert not [name for name in loaded if name.partition(".")[0] == "torch"]
