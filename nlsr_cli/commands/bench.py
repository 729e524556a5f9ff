"""`nlsr bench`: how fast and how small nlsr is on this machine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from nlsr_cli.console import Speech
from nlsr_cli.console.bench import BenchConsole
from nlsr_cli.options import ComputeOptions


def bench(
    case: Annotated[
        list[str] | None,
        typer.Option(help="attention, network, picture, sizes, threads or folder; repeatable. [default: all]"),
    ] = None,
    device: Annotated[str, typer.Option("--device", "-d", help="Device: auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="Precision, as in upscale: auto, fp32, fp16 or bf16.")] = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Use smaller pictures and less time; the figures are rough.")
    ] = False,
    pause: Annotated[
        list[str] | None,
        typer.Option(metavar="OUT", help="Folder of a training run to pause meanwhile; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but results and errors.")] = False,
) -> None:
    """Measure nlsr on this machine, beside the published computation in the same process.

    Times are medians of runs in turn. Memory is what is needed at most beside what is there before. The share is that
    of the machine's measured arithmetic, counted by the published formula.

    Example: nlsr bench --quick
    """
    console = BenchConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        from nlsr_cli.evaluation.bench import CASES, Bench, BenchOptions
        from nlsr_cli.training.pause import paused

        options = BenchOptions(ComputeOptions(device, precision), tuple(case or CASES), quick)
        with _killed_politely(), paused([Path(each) for each in pause or ()]):
            console.note("measuring the machine")
            measured = Bench(options)
            console.machine(measured.machine)
            results = []
            for result in measured.run():
                console.compared(result)
                results.append(result)
        console.comparisons(results)


@contextmanager
def _killed_politely() -> Iterator[None]:
    """Let a polite kill end the work as Ctrl-C does: what waits meanwhile must not wait for ever."""
    before: dict[int, Any] = {}
    ours = threading.current_thread() is threading.main_thread()  # signals come to no other
    for name in ("SIGTERM", "SIGHUP") if ours else ():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            before[number] = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
