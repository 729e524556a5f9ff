"""The door to the extra `serve`: Starlette routes, uvicorn speaks HTTP, python-multipart reads forms."""

from __future__ import annotations

import importlib.util

from nlsr_cli.errors import MissingExtra

PACKAGES = {"starlette": "starlette", "uvicorn": "uvicorn", "python-multipart": "python_multipart"}


def check() -> None:
    """Make sure that they are there, before anything is begun.

    Raises:
        MissingExtra: one is not installed; the hint installs all of them.
    """
    if any(importlib.util.find_spec(module) is None for module in PACKAGES.values()):
        raise MissingExtra(*_named())


def _named() -> tuple[str, str]:
    return " ".join(PACKAGES), "nlsr serve"
