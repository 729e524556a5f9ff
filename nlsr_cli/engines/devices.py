"""The workers of this machine: one process for each device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nlsr_cli.batch.fingerprint import Identity
from nlsr_cli.batch.provenance import Stamp
from nlsr_cli.engines.messages import Setup
from nlsr_cli.engines.parallel import ParallelEngine
from nlsr_cli.engines.pool import Place, Pool
from nlsr_cli.engines.processes import Process, share_of_threads
from nlsr_cli.errors import OptionError
from nlsr_cli.options import UpscaleOptions, counted

if TYPE_CHECKING:
    from nlsr_cli.batch.planning import BatchPlan
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.zoo import ModelSet


def parallel(
    plan: BatchPlan,
    keeper: Keeper,
    build: Callable[[UpscaleOptions], Enlarger],
    options: UpscaleOptions,
    models: ModelSet,
    devices: Sequence[str],
) -> ParallelEngine:
    """Return the engine that shares a plan among processes on this machine.

    Args:
        plan: the jobs.
        keeper: says what is done already, and enters what fails.
        build: makes an enlarger in a worker; it can be pickled.
        options: those of one worker, but for its device.
        models: those that there are.
        devices: one for each worker.

    Raises:
        OptionError: what is read or written is no file.
    """
    check_files(plan, "Omit --workers, and name one device.")
    share = share_of_threads(len(devices))

    def place(number: int, device: str) -> Place:
        own = replace(options, compute=replace(options.compute, device=device))
        hired = keeper.hired(Identity(own, models))
        setup = Setup(partial(build, own), plan.scales, hired, Stamp.wanted(own, models))
        return Place(f"worker {number} ({device})", lambda tell: Process(setup, tell, share))

    threads = counted(share, "thread")
    where = "cpu" if set(devices) == {"cpu"} else ", ".join(devices)
    return ParallelEngine(
        plan,
        lambda: Pool([place(number, device) for number, device in enumerate(devices, 1)]),
        keeper=keeper,
        about=f"{len(devices)} workers with {threads} each, {where}",
    )


def check_files(plan: BatchPlan, hint: str) -> None:
    """Refuse to share what one process alone can read or write; `hint` is the way out.

    Raises:
        OptionError: what is read or written is no file.
    """
    for job in plan.work:
        if not (job.sink.on_disk and job.source.ends):
            name = job.source.name if job.sink.on_disk else job.sink.name
            raise OptionError(f"workers take files, and {name} is none", hint)
