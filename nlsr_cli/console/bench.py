"""What a bench says: the machine first, then a table for each case, or JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlsr_cli.evaluation.bench import Result
    from nlsr_cli.evaluation.machine import Machine
    from nlsr_cli.evaluation.measure import Measured


class BenchConsole(Console):
    """Prints for `nlsr bench`."""

    def machine(self, machine: Machine) -> None:
        """Print what the machine is and how fast it computes."""
        if self.speech.as_json:
            self.json_line({"machine": machine.as_json()})
            return
        rates = [
            f"{precision} {machine.matmul[precision] / 1e9:.0f} / {machine.convolution[precision] / 1e9:.0f} GFLOP/s"
            for precision in machine.matmul
        ]
        self.facts(
            (
                ("device", f"{machine.device}, {machine.processor}, {machine.threads} threads"),
                ("versions", ", ".join(f"{name} {version}" for name, version in machine.versions.items())),
                ("product / convolution", ", ".join(rates)),
                ("copy", f"{machine.copy / 1e9:.1f} GB/s"),
            )
        )

    def compared(self, result: Result) -> None:
        """Print a result as a line of JSON, so that what stops the bench costs the rest alone, or note it."""
        if self.speech.as_json:
            self.json_line(result.as_json())
        self.note(f"{result.case}: {result.comparison.name} in {result.comparison.precision}")

    def comparisons(self, results: Sequence[Result]) -> None:
        """Print all results as a table, where they were not printed as JSON."""
        if self.speech.as_json:
            return
        columns = ("what", "in", "seconds", "µs/pixel", "memory", "share", "against", "faster", "smaller", "differs")
        self.table(columns, [_row(result) for result in results])


def _row(result: Result) -> list[str]:
    found = result.comparison
    cells = [found.name, found.precision, _seconds(found.ours), f"{_micro(found.ours, found.pixels):.2f}"]
    cells += [_memory(found.ours), "-" if result.share is None else f"{result.share:.0%}"]
    if found.reference is not None:
        cells += [f"{found.against} {_seconds(found.reference)}", f"{found.speedup:.2f}x"]
        cells += ["-" if found.saving is None else f"{found.saving:.1f}x"]
        cells += ["-" if found.difference is None else f"{found.difference:.1e}"]
    return cells


def _seconds(measured: Measured) -> str:
    timing = measured.timing
    spread = (timing.high - timing.low) / 2 / timing.median
    return f"{timing.median:.3g} ±{spread:.0%}"


def _micro(measured: Measured, pixels: int) -> float:
    return measured.timing.median / pixels * 1e6


def _memory(measured: Measured) -> str:
    return "-" if measured.memory is None else f"{measured.memory / 2**20:.0f} MiB"
