"""The door to packages that are optional: what each is for, whether it is there, and how it is installed.

imagecodecs (the extra `deep`) holds samples of more than 8 bits, in files and through profiles. It was chosen over
libvips for its colour transforms, which leave floating point unbounded where libvips ends at 16 bits, and over
tifffile, which fills a missing strip with zeros. It reads and writes JPEG XL, too. pi-heif (`heic`) decodes HEIC, and
rawpy (`raw`) develops the files of cameras. pyvips with libvips (`huge`) decodes large pictures a few rows at a time.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from nlsr_cli.errors import MissingExtra

IMAGECODECS, PI_HEIF, RAWPY, PYVIPS = "imagecodecs", "pi-heif", "rawpy", "pyvips[binary]"
MODULES = {IMAGECODECS: "imagecodecs", PI_HEIF: "pi_heif", RAWPY: "rawpy", PYVIPS: "pyvips"}


def available(package: str = IMAGECODECS) -> bool:
    """Say whether a package is installed, without loading it."""
    try:
        return importlib.util.find_spec(MODULES[package]) is not None
    except (ImportError, ValueError):
        return False


def missing(what: str, package: str = IMAGECODECS) -> MissingExtra:
    """Return the error that says what needs a package, with the command that installs it as its hint."""
    return MissingExtra(package, what)


def load(package: str, what: str) -> Any:  # noqa: ANN401 - a module, whose functions are typed where they are called
    """Return the module of a package.

    Raises:
        MissingExtra: it is not installed; the message says that `what` needs it.
    """
    try:
        return importlib.import_module(MODULES[package])
    except ImportError as exc:
        raise missing(what, package) from exc


def codecs() -> Any:  # noqa: ANN401
    """Return the imagecodecs module.

    Raises:
        MissingExtra: it is not installed.
    """
    return load(IMAGECODECS, "a picture of more than 8 bits per channel")
