"""What every engine can do: whoever runs a batch needs no more of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.planning import BatchPlan
    from nlsr_cli.batch.task import Task
    from nlsr_cli.engines.watcher import Watcher


class Engine(Protocol):
    """Runs a plan."""

    plan: BatchPlan
    shares: bool  # whether workers have several pictures at once

    @property
    def rows_kept(self) -> int:
        """Return how many finished rows of pictures that were being computed are on the disk."""
        ...

    def foresee(self, job: Job) -> Task:
        """Say what would become of a job by what is there now, and what would be wrong with it."""
        ...

    def where(self, depth: int, *, networks: bool) -> str:
        """Say where pictures of so many bits are enlarged, and how precisely if networks have a part in it."""
        ...

    def run(self, watcher: Watcher | None = None) -> Iterator[Outcome]:
        """Yield one outcome per job. What would fail for every file alike is raised."""
        ...

    def take_over(self, other: Engine) -> None:
        """Use what an engine that has run, with the same options, has loaded."""
        ...

    def close(self) -> None:
        """Let go of what is loaded."""
        ...
