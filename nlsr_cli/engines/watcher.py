"""What an engine tells of a batch on its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.task import Task
    from nlsr_cli.upscaling.progress import OnTile, Step


class Watcher:
    """Wants to know nothing; who wants to know something overrides the method."""

    def on_loading(self) -> None:
        """Networks are being loaded."""

    def on_reading(self, job: Job) -> None:
        """A picture is being read, or looked for among what is done, and nothing else can be done meanwhile."""

    def on_order(self, jobs: Sequence[Job]) -> None:
        """What is left is done in this order from now on, because other processes have other pictures."""

    def on_waiting(self, job: Job) -> None:
        """Another process has a picture, and nothing else can be done meanwhile."""

    def on_start(self, task: Task) -> None:
        """A picture was read, and is enlarged from now on. Pictures before it are done, or had no work."""

    def on_step(self, step: Step) -> None:
        """A tile of that picture is done."""

    def on_writing(self, job: Job) -> None:
        """A picture is being written, and nothing else can be done meanwhile."""

    def on_begun(self, job: Job) -> None:
        """A worker enlarges a picture from now on, beside those that others have."""

    def on_advanced(self, job: Job, step: Step) -> None:
        """A worker is so far with its picture."""

    def on_finished(self, job: Job) -> None:
        """A picture that workers share is done, or needed no work, or failed."""

    def on_trouble(self, text: str) -> None:
        """Something happened to a worker."""


class TileCounter(Watcher):
    """Tells a function the numbers of tiles done and in all of each picture."""

    def __init__(self, on_tile: OnTile) -> None:
        self._on_tile = on_tile

    def on_step(self, step: Step) -> None:
        """Tell it."""
        self._on_tile(step.done, step.total)

    def on_advanced(self, job: Job, step: Step) -> None:
        """Tell it."""
        self._on_tile(step.done, step.total)
