"""What nlsr finds on this machine, for `nlsr doctor` and for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from nlsr_cli.errors import ModelError
from nlsr_cli.version import __version__

_PACKAGES = ("torch", "numpy", "pillow", "safetensors", "huggingface-hub", "typer", "rich")
_EXTRAS = ("imagecodecs", "pi-heif", "rawpy")
_VARIABLES = ("HF_", "NLSR_", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")  # beginnings of names


def examine() -> dict[str, Any]:
    """Return names and values: versions, devices with their precisions, formats, models, folders, settings.

    Values are strings or lists of strings, so that they can be printed and written as JSON.
    """
    from nlsr_cli.images import native_formats
    from nlsr_cli.upscaling.device import describe_devices
    from nlsr_cli.zoo import EMBEDDED, weights_root

    formats = native_formats()
    facts: dict[str, Any] = {
        "nlsr": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    facts |= {package: importlib.metadata.version(package) for package in _PACKAGES}
    facts |= {package: _version_or_hint(package) for package in _EXTRAS}
    for device in describe_devices():
        precisions = ", ".join(f"{p} (auto)" if p == device.automatic else p for p in device.precisions)
        facts[f"device {device.name}"] = f"{device.description}; {precisions}"
    facts |= {
        "reads": list(formats.readable),
        "writes": list(formats.writable),
        "models": list(EMBEDDED),
        "weights": str(weights_root()),
        "hub cache": _hub_cache(),
    }
    facts |= {name: text for name, text in sorted(os.environ.items()) if _may_be_told(name)}
    return facts


def _version_or_hint(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return f"not installed; install it with: pip install {package}"


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
