"""Which device and precision torch will find, told without loading it, which takes seconds: some calls have no work."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling.cuda import Build, Driver, read_build, read_driver

CPUINFO = Path("/proc/cpuinfo")
_NATIVE_BF16_FLAGS = re.compile(r"\b(avx512_bf16|amx_bf16|bf16)\b")  # x86 and Arm names


def foreseen(options: ComputeOptions) -> tuple[str, str] | None:
    """Return the type of the device and the precision of 8-bit pictures; None where only torch can tell, or refuse."""
    build = read_build()
    if build is None or build.hip is not None or sys.platform == "darwin":
        return None
    driver = read_driver() if build.cuda is not None and options.device != "cpu" else None
    device = _device(options.device, build, driver)
    if device is None:
        return None
    if device == "cuda":
        precision = "fp16" if options.precision == "auto" else options.precision
        return (device, precision) if precision != "bf16" else None  # which older cards lack
    native = listed_bf16()
    if native is None and options.precision != "fp32":
        return None
    precision = ("bf16" if native else "fp32") if options.precision == "auto" else options.precision
    return (device, precision) if precision == "fp32" or (precision == "bf16" and native) else None


def _device(asked: str, build: Build, driver: Driver | None) -> str | None:
    """Return the type of the device that is asked for; None if it is not there."""
    usable = 0 if driver is None or build.cuda is None or is_too_old(build.cuda, driver) else driver.devices
    if asked == "auto":
        return "cuda" if usable else "cpu"
    kind, _, number = asked.partition(":")
    return asked if asked == "cpu" else kind if kind == "cuda" and int(number or 0) < usable else None


def is_too_old(cuda: str, driver: Driver) -> bool:
    """Tell whether a driver is too old for a build: since CUDA 11, all of one major version work together."""
    return driver.version is not None and driver.version[0] < int(cuda.partition(".")[0])


def listed_bf16() -> bool | None:
    """Tell whether the system lists bfloat16 among what this processor can do; None where it lists nothing."""
    try:
        return bool(_NATIVE_BF16_FLAGS.search(CPUINFO.read_text(errors="replace")))
    except OSError:
        return None
