"""What nlsr finds on this machine, for `nlsr doctor` and for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from nlsr_cli.errors import ModelError, install_command
from nlsr_cli.upscaling.cuda import VISIBLE, Build, Driver, Readings, read_all
from nlsr_cli.upscaling.foresight import is_too_old
from nlsr_cli.version import __version__

_PACKAGES = ("torch", "numpy", "pillow", "safetensors", "huggingface-hub", "typer", "rich")
_EXTRAS = {  # and what each brings
    "imagecodecs": "16-bit colour, floating point and JPEG XL",
    "pi-heif": "HEIC, the format of most phones",
    "rawpy": "raw files of cameras",
    "pyvips[binary]": "pictures of gigapixels, read a few rows at a time",
    "ray": "workers on the machines of a cluster",
}
_VARIABLES = ("HF_", "NLSR_", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")  # beginnings of names
_DRIVERS = "https://www.nvidia.com/drivers"
_WHEELS = "https://download.pytorch.org/whl/"
_WITH_CUDA = "cu126"  # of the builds that PyTorch offers, the one that most drivers and cards in use can run
_OLDEST_DRIVER = (12, 0)  # that runs it; for older ones
_OLD_BUILD = ("torch==2.7.1", "cu118")
_CODES = {  # of the driver's errors
    3: "the driver is not initialised",
    46: "the card is busy or unavailable: another program may have it for itself",
    100: "the driver finds no card",
    101: "the driver finds no such card",
    802: "the system is not ready yet: NVIDIA's fabric manager may not be running",
    803: "the driver's library does not match its kernel module: restart the machine",
    804: "this driver cannot run programs built for another version of CUDA on this card",
    999: "the driver fails: restart the machine, or install the driver again",
}


def examine() -> dict[str, Any]:
    """Return names and values: versions, devices with their precisions, formats, models, folders, settings.

    Values are strings or lists of strings, so that they can be printed and written as JSON.
    """
    from nlsr_cli.images import native_formats
    from nlsr_cli.upscaling.device import describe_devices, trouble_with_cuda
    from nlsr_cli.zoo import EMBEDDED, weights_root

    formats = native_formats()
    facts: dict[str, Any] = {
        "nlsr": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    facts |= {package: importlib.metadata.version(package) for package in _PACKAGES}
    facts |= {package.partition("[")[0]: _version_or_hint(package) for package in _EXTRAS}
    for device in describe_devices():
        precisions = ", ".join(f"{p} (auto)" if p == device.automatic else p for p in device.precisions)
        facts[f"device {device.name}"] = f"{device.description}; {precisions}"
    facts |= {
        "cuda": why_no_cuda(read_all(), trouble_with_cuda()),
        "reads": list(formats.readable),
        "writes": list(formats.writable),
        "models": list(EMBEDDED),
        "weights": str(weights_root()),
        "hub cache": _hub_cache(),
    }
    facts |= {name: text for name, text in sorted(os.environ.items()) if _may_be_told(name)}
    return facts


def why_no_cuda(readings: Readings, trouble: str | None) -> str:
    """Return why CUDA is not used, and what to do about it; or that it is.

    Args:
        readings: what this machine has.
        trouble: what torch says when it uses CUDA; "" if that works, None where torch sees no device.
    """
    if trouble == "":
        return "used"
    return f"not used: {f'the card is there, but fails: {trouble}' if trouble else _reason(readings)}"


def _reason(readings: Readings) -> str:
    build, driver = readings.build, readings.driver
    if build is not None and build.hip is not None:
        return f"PyTorch {build.version} is built for ROCm, and finds no card of AMD"
    if driver is None:
        return _without_driver(readings.card)
    if build is not None and build.cuda is None:
        command = _install(driver.version)
        return f"PyTorch {build.version} is built for the CPU only; install one for CUDA: {command}"
    return _of_driver(build, driver, readings.visible)


def _of_driver(build: Build | None, driver: Driver, visible: str | None) -> str:
    if visible is not None and driver.devices == 0 and driver.code in (0, 100, 101):
        return f"{VISIBLE}={visible!r} hides the cards; show them again: unset {VISIBLE}"
    if build is not None and build.cuda is not None and is_too_old(build.cuda, driver):
        return _too_old(build, driver)
    if driver.code:
        return f"{_CODES.get(driver.code, 'the driver fails')} (error {driver.code} of cuInit)"
    return "the driver works, but PyTorch sees no card"


def _without_driver(card: bool | None) -> str:
    if card:
        return f"there is an NVIDIA card but no driver; install it from {_DRIVERS}"
    return "there is no NVIDIA driver" + ("" if card is None else ", and no NVIDIA card")


def _too_old(build: Build, driver: Driver) -> str:
    supported = ".".join(map(str, driver.version or ()))
    return (
        f"the driver supports CUDA {supported}, and PyTorch {build.version} needs {build.cuda}; update the driver from "
        f"{_DRIVERS}, or install an older PyTorch: {_install(driver.version)}"
    )


def _install(supported: tuple[int, int] | None) -> str:
    """Return the command that installs a PyTorch that a driver can run."""
    old = supported is not None and supported < _OLDEST_DRIVER
    package, wheels = _OLD_BUILD if old else ("torch", _WITH_CUDA)
    return install_command("--force-reinstall", package, "--index-url", f"{_WHEELS}{wheels}")


def _version_or_hint(package: str) -> str:
    try:
        return importlib.metadata.version(package.partition("[")[0])
    except importlib.metadata.PackageNotFoundError:
        return f"not installed; it adds {_EXTRAS[package]}: {install_command(package)}"


def _may_be_told(name: str) -> bool:
    """Tell whether an environment variable matters and holds no secret: reports are posted in public."""
    return name.startswith(_VARIABLES) and "TOKEN" not in name


def _hub_cache() -> str:
    """Return the folder of the Hub's cache, or why the client cannot say it: a doctor must not die of the illness."""
    try:
        from nlsr_cli.zoo.hub import cache_root

        return str(cache_root())
    except ModelError as error:
        return f"unknown: {error.message}"
