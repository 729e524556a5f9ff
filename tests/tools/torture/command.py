"""Running the real command line, as a process group of its own that can be killed, watched and limited."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.tools.torture.report import ROOT

UNFORESEEN = re.compile(r"unexpected [A-Z]\w+: ")  # how nlsr tells of an exception that nobody thought of
PATIENCE = 300.0  # seconds after which a run hangs


@dataclass(frozen=True)
class Run:
    """A run that ended: its exit code, negative for a signal, and what it said."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    hung: bool = False

    @property
    def clean(self) -> bool:
        """Tell whether the run ended by itself, without a traceback or an error that nobody thought of."""
        told = self.stdout + self.stderr
        return not self.hung and self.code >= 0 and "Traceback" not in told and not UNFORESEEN.search(told)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return what `--json` printed."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.startswith("{")]

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """Return what `--json` printed of each file, by its name."""
        return {Path(line["source"]).name: line for line in self.lines if "source" in line}

    def __str__(self) -> str:
        return f"exit {self.code}{' (hung)' if self.hung else ''} after {self.seconds:.1f} s: {self.stderr[-300:]!r}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without the user's settings, offline, which finds this checkout first."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "NLSR_"))}
    path = os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "COLUMNS": "200", **(extra or {})}


def start(
    *arguments: object,
    env: Mapping[str, str] | None = None,
    prelude: str = "",
    stdin: int | None = subprocess.DEVNULL,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """Start `nlsr` with these arguments; `prelude` is Python that runs in it first, to break something on purpose."""
    code = f"{prelude}\nfrom nlsr_cli.__main__ import main\nmain()"
    program = [sys.executable, "-c", code] if prelude else [sys.executable, "-m", "nlsr_cli"]
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment(env),
        start_new_session=True,  # a group of its own, as a terminal gives it
        cwd=cwd,
    )


def finish(process: subprocess.Popen[str], begun: float, patience: float = PATIENCE) -> Run:
    """Wait for a run that was started at `begun` (monotonic seconds); one that hangs is killed."""
    hung = False
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        hung = True
        kill_group(process)
        out, err = process.communicate()
    return Run(process.returncode, out, err, time.monotonic() - begun, hung)


def nlsr(*arguments: object, patience: float = PATIENCE, **how: Any) -> Run:
    """Run `nlsr` to its end."""
    begun = time.monotonic()
    return finish(start(*arguments, **how), begun, patience)


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a run, and what it started in its group: its decoder is in another one, and must notice by itself."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def helpers(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a run has started and those that these have, whatever group they are in: decoders."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, asked = [], [process.pid]
    while asked:
        asked = [child for parent in asked for child in children.get(parent, ())]
        found += asked
    return sorted(found)


def running(pids: Iterable[int]) -> list[int]:
    """Return those of some processes that still run."""
    found = []
    for pid in pids:
        with suppress(OSError, IndexError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, 0 where it is gone."""
    with suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process has spent, 0 where it is gone."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
