"""The door to imagecodecs, which the extra `deep` brings: samples of more than 8 bits, in files and through profiles.

It was chosen over libvips for its colour transforms, which leave floating point unbounded where libvips ends at 16
bits, and over tifffile, which fills a missing strip with zeros. Pictures of 8 bits, and grey of 16, never come here.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from nlsr_cli.errors import MissingExtra

EXTRA, PACKAGE = "deep", "imagecodecs"


def available() -> bool:
    """Say whether the extra is installed, without loading it."""
    try:
        return importlib.util.find_spec(PACKAGE) is not None
    except (ImportError, ValueError):
        return False


def missing(what: str) -> MissingExtra:
    """Return the error that says what needs the extra, with the command that installs it as its hint."""
    return MissingExtra(EXTRA, what)


def codecs() -> Any:  # noqa: ANN401 - a module, whose functions are typed where they are called
    """Return the imagecodecs module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as exc:
        raise missing("a picture of more than 8 bits per channel") from exc
