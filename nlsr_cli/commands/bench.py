"""`nlsr bench`: how fast and how small nlsr is on this machine."""

from __future__ import annotations

from pathlib import Path

from nlsr_cli.commands import choices, looking_choices
from nlsr_cli.commands.signals import killed_politely
from nlsr_cli.console import Speech
from nlsr_cli.console.bench import BenchConsole
from nlsr_cli.options import ComputeOptions


def bench(
    case: looking_choices.Cases = None,
    device: choices.Device = "auto",
    precision: looking_choices.BenchPrecision = "auto",
    quick: looking_choices.Quick = False,
    pause: looking_choices.Pause = None,
    as_json: choices.JsonLines = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Measure nlsr on this machine against the published computation in the same process.

    Times are medians of alternating runs. Memory is the peak beyond what was in use before. The share is the part of
    the machine's measured arithmetic rate that is reached, counted by the published formula.

    Example: nlsr bench --quick
    """
    console = BenchConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        from nlsr_cli.evaluation.bench import CASES, Bench, BenchOptions
        from nlsr_cli.training.pause import paused

        options = BenchOptions(ComputeOptions(device, precision), tuple(case or CASES), quick)
        with killed_politely(), paused([Path(each) for each in pause or ()]):
            console.note("measuring the machine")
            measured = Bench(options)
            console.machine(measured.machine)
            results = []
            for result in measured.run():
                console.compared(result)
                results.append(result)
        console.comparisons(results)
