"""`nlsr bench`: how fast and how small nlsr is on this machine."""

from __future__ import annotations

from typing import Annotated

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

        options = BenchOptions(ComputeOptions(device, precision), tuple(case or CASES), quick)
        console.note("measuring the machine")
        measured = Bench(options)
        console.machine(measured.machine)
        results = []
        for result in measured.run():
            console.note(f"{result.case}: {result.comparison.name} in {result.comparison.precision}")
            results.append(result)
        console.comparisons(results)
