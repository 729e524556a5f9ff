"""`nlsr plan`: how long many machines take for many pictures, and what that costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.commands import choices, looking_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.fleet import FleetConsole
from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM, OutputOptions

if TYPE_CHECKING:
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.options import UpscaleOptions

MOST_MACHINES, MOST_PICTURES = 1_000_000, 10**12


def plan(
    inputs: looking_choices.Sample,
    machines: looking_choices.Machines = 1,
    pictures: looking_choices.Pictures = None,
    price: looking_choices.Price = None,
    recursive: choices.UpscaleRecursive = False,
    scale: choices.UpscaleScale = None,
    model: choices.Model = None,
    device: choices.Device = "auto",
    precision: choices.UpscalePrecision = "auto",
    ensemble: choices.EvaluateEnsemble = False,
    max_pixels: choices.UpscaleMaxPixels = DEFAULT_MAX_PIXELS,
    offline: choices.Offline = False,
    as_json: looking_choices.PlanJson = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Estimate how long many machines like this one take for pictures, and what that costs.

    Nothing is enlarged but a made picture of the size of a tile, twice, and a tiny one: they tell the price of a pixel
    and of a start. The headers of the pictures tell the rest. With --pictures they are a sample of many more.

    Example: nlsr plan holiday --machines 10 --pictures 1000000 --price 0.35
    """
    console = FleetConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        _check(inputs, machines, pictures, price)
        from nlsr_cli.isolation.decoder import Decoder
        from nlsr_cli.keywords import options_of

        given = {"scale": scale, "model": model, "device": device, "precision": precision, "ensemble": ensemble}
        options = options_of({**given, "max_pixels": max_pixels, "offline": offline})
        with Decoder() as decoder:
            decoder.start()  # first, so that it loads while this process does
            console.show("measuring")
            seconds = _seconds(inputs, options, decoder, recursive=recursive, console=console)
        from nlsr_cli.batch.fleet import Fleet, estimate

        start_up = _start_up(options)
        counts = dict.fromkeys((1, machines))
        console.estimates([estimate(seconds, Fleet(count, start_up, price), pictures) for count in counts])


def _check(inputs: list[str], machines: int, pictures: int | None, price: float | None) -> None:
    """Refuse what makes no sense.

    Raises:
        OptionError: a number is out of its range, or a picture comes from a stream.
    """
    if STREAM in inputs:
        raise OptionError("nlsr plan looks at files, not streams", "Give the names of files or folders.")
    if not 1 <= machines <= MOST_MACHINES:
        raise OptionError(f"--machines must be from 1 to {MOST_MACHINES}, not {machines}")
    if pictures is not None and not 1 <= pictures <= MOST_PICTURES:
        raise OptionError(f"--pictures must be from 1 to {MOST_PICTURES}, not {pictures}")
    if price is not None and not 0 <= price <= 10**6:
        raise OptionError(f"--price must be from 0 to 1000000, not {price:g}")


def _seconds(
    inputs: list[str], options: UpscaleOptions, decoder: Decoder, *, recursive: bool, console: FleetConsole
) -> list[float]:
    """Return what each picture takes on this machine, and name those that will fail.

    Raises:
        NlsrError: none of them can be enlarged.
    """
    from nlsr_cli.api import build_enlarger, find_set, planned
    from nlsr_cli.batch.forecast import Forecaster

    with tempfile.TemporaryDirectory(prefix="nlsr-") as folder:
        target = OutputOptions(target=Path(folder) / "out", existing="overwrite", recursive=recursive)
        models = find_set(options)
        batch, _, _ = planned(inputs, target, options, models, decoder)
        for job in batch.jobs:
            if job.error is not None:
                console.error(job.error)
        forecaster = Forecaster(list(batch.work), lambda asked: build_enlarger(asked, models), decoder)
        found = [forecaster.seconds(job) for job in batch.work]
    known = [each for each in found if each is not None]
    if not known:
        raise NlsrError("no picture can be enlarged", "nlsr upscale --dry-run names the reason for each.")
    return known


def _start_up(options: UpscaleOptions) -> float:
    """Return the seconds from the start of nlsr until its first picture is there, a tiny one."""
    from nlsr_cli.images import Metadata, Picture, write_picture

    import numpy as np  # isort: skip

    with tempfile.TemporaryDirectory(prefix="nlsr-") as folder:
        tiny = Path(folder) / "tiny.png"
        write_picture(Picture(np.zeros((8, 8, 3), np.uint8), None, Metadata("PNG", "RGB")), tiny, overwrite=False)
        command = [sys.executable, "-m", "nlsr_cli", "upscale", str(tiny), "-q", "--scale", "2"]
        begun = time.monotonic()
        subprocess.run([*command, "-d", options.compute.device], check=True)  # noqa: S603 - this very program
        return time.monotonic() - begun
