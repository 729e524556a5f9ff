"""Training beside other work: this process and its session give way to whatever else wants the processors. No torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nlsr_cli.errors import OptionError

LOWEST = 19  # of nice(1) and of autogroups
_AUTOGROUP = Path("/proc/self/autogroup")


def give_way() -> str:
    """Lower the priority of this thread and those that it will start, and of the session where the system groups by it.

    Linux shares processors among sessions first, so that a nice process in a session of its own gives way to nobody in
    another. Return what could not be lowered, in words, or nothing.

    Raises:
        OptionError: this system has no such priorities.
    """
    if sys.platform == "win32":
        raise OptionError("--background cannot lower the priority on Windows", "Start it with: start /low nlsr train")
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST)
    if not _AUTOGROUP.exists():
        return ""
    try:
        _AUTOGROUP.write_text(f"{LOWEST}\n")
    except OSError as exc:  # it may be changed ten times a second, and not at all from some containers
        return f"the priority of the session does not change: {exc.strerror or exc}"
    return ""
