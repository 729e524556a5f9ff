"""How fast and how small nlsr is on this machine, beside the published computation in the same process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nlsr_cli.errors import UnknownChoice
from nlsr_cli.evaluation import cases
from nlsr_cli.evaluation.cases import Comparison, Stand
from nlsr_cli.evaluation.machine import Machine, examine_machine
from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling.device import place

CASES: dict[str, Callable[[Stand], Iterator[Comparison]]] = {
    "attention": cases.attention,
    "network": cases.network,
    "picture": cases.picture,
    "sizes": cases.sizes,
    "threads": cases.threads,
    "folder": cases.folder,
}


@dataclass(frozen=True)
class BenchOptions:
    """What is measured, and where. `quick` takes smaller and fewer pictures, and less time for each.

    Raises:
        OptionError: a case is unknown.
    """

    compute: ComputeOptions = field(default_factory=ComputeOptions)
    cases: tuple[str, ...] = tuple(CASES)
    quick: bool = False

    def __post_init__(self) -> None:
        for case in self.cases:
            if case not in CASES:
                raise UnknownChoice("case", case, CASES)


@dataclass(frozen=True)
class Result:
    """One comparison of a case, and the machine's rate that it is held against, in operations per second."""

    case: str
    comparison: Comparison
    rate: float

    @property
    def share(self) -> float | None:
        """Return the share of the machine's measured rate that the published arithmetic was done at."""
        found = self.comparison.rate
        return None if found is None else found / self.rate

    def as_json(self) -> dict[str, Any]:
        """Return plain values for one line of `--json`."""
        return {"case": self.case, **self.comparison.as_json(), "share_of_measured_rate": self.share}


class Bench:
    """A bench on one device.

    Raises:
        OptionError: this machine lacks the device, or the device lacks the precision.
    """

    def __init__(self, options: BenchOptions) -> None:
        self.options = options
        self._stand = Stand(place(options.compute), quick=options.quick)
        self.machine: Machine = examine_machine(self._stand.placement.device)

    def run(self) -> Iterator[Result]:
        """Yield the results as they come, case by case."""
        for name, case in CASES.items():
            if name in self.options.cases:
                for comparison in case(self._stand):
                    yield Result(name, comparison, self.machine.rate(comparison.precision))
