"""What a simulated fault works with: a folder with pictures, the undisturbed result, and runs that are checked."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from tests.conftest import ASSETS
from tests.tools.torture.command import Run, nlsr
from tests.tools.torture.kills import contents, pictures
from tests.tools.torture.report import Result

NAMES = ("a.png", "b.png", "c.png")
SIZES = {"a.png": (40, 32), "b.png": (96, 80), "c.png": (32, 40)}  # (width, height)
# Puts a function before the work of a batch, when the plan is made: `meanwhile()` is what the fault defines.
MEANWHILE = """
from nlsr_cli.engines.local import LocalEngine
_run = LocalEngine.run
def _disturbed(self, **named):
    meanwhile()
    yield from _run(self, **named)
LocalEngine.run = _disturbed
"""
# Puts a function in place of the network: `broken(self, lr, sr)` returns what it gives instead of `sr`.
NETWORK = """
import torch
from nlsr_cli.nlsn import NLSN
_forward = NLSN.forward
def _broken(self, lr, *arguments, **named):
    return broken(self, lr, lambda: _forward(self, lr, *arguments, **named))
NLSN.forward = _broken
"""
# Lets a processor without bfloat16 compute in it all the same, slowly.
BF16 = """
import nlsr_cli.upscaling.device as _device
_device.cpu_has_native_bf16 = lambda: True
"""


class NotHere(Exception):
    """This machine, or this version, does not offer what a fault needs."""


@dataclass
class Bench:
    """One fault's own folder. `codes` are the exit codes of its runs."""

    name: str
    folder: Path
    found: Result
    codes: list[int] = field(default_factory=list)
    _mounts: list[Path] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """Return the folder with the inputs, which is made when it is first asked for."""
        place = self.folder / "in"
        if not place.is_dir():
            place.mkdir(parents=True)
            for name, (width, height) in SIZES.items():
                with Image.open(ASSETS / "colosseum.png") as image:
                    image.convert("RGB").crop((60, 60, 60 + width, 60 + height)).save(place / name)
        return place

    @property
    def out(self) -> Path:
        """Return the folder for outputs."""
        return self.folder / "out"

    def reference(self, *options: str) -> dict[str, bytes]:
        """Return the outputs of an undisturbed run with these options."""
        calm = self.folder / "-".join(("calm", *(option.strip("-") for option in options)))
        if not calm.is_dir():
            ended = nlsr("upscale", self.source, "-o", calm, "--scale", 2, *options)
            self.expect(ended.code == 0, f"the undisturbed run: {ended}")
        return pictures(contents(calm))

    def upscale(self, *options: object, prelude: str = "", source: object = None, **how: Any) -> Run:
        """Enlarge the inputs into `out`, twice as large."""
        given = ("upscale", source or self.source, "-o", self.out, "--scale", 2, "--json", *options)
        return self.seen(nlsr(*given, prelude=prelude, **how))

    def seen(self, ended: Run) -> Run:
        """Note the exit code of a run, which must have ended without a traceback."""
        self.codes.append(ended.code)
        self.expect(ended.clean, f"ended badly: {ended}")
        return ended

    def expect(self, condition: object, failure: str) -> bool:
        """Note a failure of this fault."""
        return self.found.expect(condition, f"{self.name}: {failure}")

    def expect_code(self, ended: Run, *codes: int) -> None:
        """Demand one of some exit codes."""
        self.expect(ended.code in codes, f"exit {ended.code} instead of {' or '.join(map(str, codes))}: {ended}")

    def expect_status(self, ended: Run, **wanted: str) -> None:
        """Demand what became of each file, by the stem of its name."""
        got = {Path(name).stem: outcome["status"] for name, outcome in ended.outcomes.items()}
        self.expect(got == wanted, f"{got} instead of {wanted}")

    def expect_said(self, ended: Run, *words: str) -> None:
        """Demand that one of these words was said."""
        told = (ended.stderr + ended.stdout).lower()
        self.expect(any(word.lower() in told for word in words), f"nothing said of {' or '.join(words)}: {ended}")

    def expect_whole(self, *options: str, missing: tuple[str, ...] = ()) -> None:
        """Demand that what has a final name is what an undisturbed run with these options gives, but for `missing`."""
        there, reference = contents(self.out), self.reference(*options)
        for name, data in pictures(there).items():
            self.expect(data == reference.get(name), f"{name} is not what an undisturbed run gives ({len(data)} bytes)")
        lost = sorted(set(reference) - set(there) - set(missing))
        self.expect(not lost, f"missing: {', '.join(lost)}")
        parts = [name for name in there if name.endswith(".part")]
        self.expect(not parts, f"left behind: {', '.join(parts)}")

    def expect_nothing(self) -> None:
        """Demand that nothing has a final name, and that nothing is left behind."""
        there = contents(self.out)
        left = [name for name in there if not Path(name).name.startswith(".") or name.endswith(".part")]
        self.expect(not left, f"written all the same: {', '.join(left)}")

    def mount(self, place: Path, options: str) -> Path:
        """Mount a file system in memory; what was mounted goes when the fault is over."""
        place.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "torture", str(place)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as exc:
            raise NotHere("no file system can be mounted here without being root") from exc
        self._mounts.append(place)
        return place

    def remount(self, place: Path, options: str) -> None:
        """Change the options of a mounted file system."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True, capture_output=True)

    def clean(self) -> None:
        """Unmount and remove everything."""
        for place in self._mounts:
            with suppress(subprocess.CalledProcessError):
                subprocess.run(["umount", str(place)], check=True, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
