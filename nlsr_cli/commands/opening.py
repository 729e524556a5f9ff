"""Showing results: with the program that the system has for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MOMENT = 1.0  # seconds in which a viewer that does not work says so; one that works may stay for hours


def place_of(results: Sequence[Path]) -> Path:
    """Return what is shown of results: the only one, or the folder that holds them all."""
    if len(results) == 1:
        return results[0]
    return Path(os.path.commonpath([path.resolve().parent for path in results]))


def show(path: Path) -> str:
    """Show a file or a folder, and return what is wrong; "" if nothing is."""
    if sys.platform == "win32":
        try:
            os.startfile(path)  # noqa: S606 - the user asks for it
        except OSError as exc:
            return f"{path} cannot be shown: {exc.strerror}"
        return ""
    name = "open" if sys.platform == "darwin" else "xdg-open"
    viewer = shutil.which(name)
    if viewer is None:
        return f"{path} is not shown: this system has no {name}"
    try:
        shown = subprocess.Popen(  # noqa: S603 - the system's own program for it
            [viewer, str(path.resolve())],  # never an option, whatever the name
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        code = shown.wait(MOMENT)
    except subprocess.TimeoutExpired:  # it shows
        return ""
    except OSError as exc:
        return f"{path} is not shown: {name}: {exc.strerror}"
    return f"{path} is not shown: {name} ended with exit code {code}" if code else ""
