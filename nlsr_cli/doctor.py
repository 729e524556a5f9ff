"""What nlsr finds on this machine, for `nlsr doctor` and for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from nlsr_cli import __version__

_PACKAGES = ("torch", "numpy", "pillow", "safetensors", "huggingface-hub", "typer", "rich")
_VARIABLES = ("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "NLSR_DEBUG", "CUDA_VISIBLE_DEVICES")


def examine() -> dict[str, Any]:
    """Return names and values: versions, devices with their precisions, formats, models, folders, settings.

    Values are strings or lists of strings, so that they can be printed and written as JSON.
    """
    from nlsr_cli.images import native_formats
    from nlsr_cli.upscaling.device import describe_devices
    from nlsr_cli.zoo import EMBEDDED, weights_root
    from nlsr_cli.zoo.hub import cache_root

    formats = native_formats()
    facts: dict[str, Any] = {
        "nlsr": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    facts |= {package: importlib.metadata.version(package) for package in _PACKAGES}
    for device in describe_devices():
        precisions = ", ".join(f"{p} (auto)" if p == device.automatic else p for p in device.precisions)
        facts[f"device {device.name}"] = f"{device.description}; {precisions}"
    facts |= {
        "reads": list(formats.readable),
        "writes": list(formats.writable),
        "models": list(EMBEDDED),
        "weights": str(weights_root()),
        "hub cache": str(cache_root()),
    }
    facts |= {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    return facts
