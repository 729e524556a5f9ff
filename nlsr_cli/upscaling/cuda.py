"""What there is for CUDA on this machine, read without torch: the build of PyTorch, the driver, the cards.

Readings only: what follows from them is judged elsewhere.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
_LIBRARY = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
_NVIDIA, _DISPLAY = "0x10de", "0x03"  # the maker and the class of a card, as Linux lists them


@dataclass(frozen=True)
class Build:
    """How PyTorch was built: its version, and the version of CUDA or ROCm that it was built for; None without."""

    version: str
    cuda: str | None
    hip: str | None


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver says: the CUDA `version` that it supports, its `code` (0 if it works) and its `devices`.

    `version` is (major, minor); None where it does not tell.
    """

    version: tuple[int, int] | None
    code: int
    devices: int


@dataclass(frozen=True)
class Readings:
    """All of it. `driver` is None without a driver, `card` None where nobody lists the cards; `visible` is the value of
    CUDA_VISIBLE_DEVICES, None if it is not set.
    """

    build: Build | None
    driver: Driver | None
    card: bool | None
    visible: str | None


def read_all(environment: Mapping[str, str] = os.environ) -> Readings:
    """Return what this machine has."""
    return Readings(read_build(), read_driver(), read_card(), environment.get(VISIBLE))


def read_build() -> Build | None:
    """Return how PyTorch was built, from its file of versions; None where that says nothing."""
    found = importlib.util.find_spec("torch")
    for folder in (found.submodule_search_locations or ()) if found else ():
        with suppress(OSError):
            text = Path(folder, "version.py").read_text(encoding="utf-8")
            values = dict(re.findall(r"^(\w+)(?::[^=\n]*)? *= *(.*)$", text, re.MULTILINE))
            if {"__version__", "cuda", "hip"} <= values.keys():
                version, cuda, hip = (values[name].strip().strip("'\"") for name in ("__version__", "cuda", "hip"))
                return Build(version, None if cuda == "None" else cuda, None if hip == "None" else hip)
    return None


def read_driver(library: str = _LIBRARY) -> Driver | None:
    """Return what the NVIDIA driver says; None without one."""
    try:
        cuda = ctypes.CDLL(library)
        version, devices = ctypes.c_int(0), ctypes.c_int(0)
        told = cuda.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value > 0
        code = int(cuda.cuInit(0))
        if code == 0:
            code = int(cuda.cuDeviceGetCount(ctypes.byref(devices)))
    except (OSError, AttributeError):
        return None
    supported = (version.value // 1000, version.value % 1000 // 10) if told else None
    return Driver(supported, code, devices.value if code == 0 else 0)


def read_card(listing: Path = Path("/sys/bus/pci/devices")) -> bool | None:
    """Tell whether a card of NVIDIA is plugged in; None where nobody lists them."""
    if sys.platform != "linux" or not listing.is_dir():
        return None
    for device in listing.iterdir():
        with suppress(OSError):
            maker, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
            if maker == _NVIDIA and kind.startswith(_DISPLAY):
                return True
    return False
