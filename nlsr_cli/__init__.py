"""Enlarge pictures with NLSN, the Non-Local Sparse Network, losing nothing on the way.

The public surface; each name is loaded when it is first used, so that importing nlsr_cli costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from nlsr_cli.version import __version__

if TYPE_CHECKING:
    from nlsr_cli.api import load_model
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.errors import NlsrError
    from nlsr_cli.images import Picture, read_picture, write_picture
    from nlsr_cli.interface.files import upscale_file, upscale_files
    from nlsr_cli.interface.upscaler import Upscaler, upscale
    from nlsr_cli.options import ComputeOptions, EncodeOptions, OutputOptions, TileOptions, UpscaleOptions
    from nlsr_cli.sizes import SizeOptions
    from nlsr_cli.upscaling.progress import Enlarged

_HOMES = {
    "ComputeOptions": "options",
    "EncodeOptions": "options",
    "Enlarged": "upscaling.progress",
    "NlsrError": "errors",
    "Outcome": "batch.outcome",
    "OutputOptions": "options",
    "Picture": "images",
    "SizeOptions": "sizes",
    "TileOptions": "options",
    "UpscaleOptions": "options",
    "Upscaler": "interface.upscaler",
    "load_model": "api",
    "read_picture": "images",
    "upscale": "interface.upscaler",
    "upscale_file": "interface.files",
    "upscale_files": "interface.files",
    "write_picture": "images",
}

__all__ = [
    "ComputeOptions",
    "EncodeOptions",
    "Enlarged",
    "NlsrError",
    "Outcome",
    "OutputOptions",
    "Picture",
    "SizeOptions",
    "TileOptions",
    "UpscaleOptions",
    "Upscaler",
    "__version__",
    "load_model",
    "read_picture",
    "upscale",
    "upscale_file",
    "upscale_files",
    "write_picture",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"nlsr_cli.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
