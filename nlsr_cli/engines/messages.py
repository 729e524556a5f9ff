"""What goes between the process that shares out a batch and its workers: jobs one way, what became of them the other.

Never pixels. All of it can be pickled. Jobs go by numbers, as outcomes do not name theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nlsr_cli.batch.job import Job
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.batch.provenance import Stamp
    from nlsr_cli.batch.resume import Keeper
    from nlsr_cli.errors import NlsrError
    from nlsr_cli.upscaling.enlarger import Enlarger
    from nlsr_cli.upscaling.progress import Step


@dataclass(frozen=True)
class Setup:
    """What a worker is told before its first job: what makes its enlarger, which networks are loaded at once, who says
    what is done already and enters what is done, and what says in outputs how they were made. `weights` gives the
    SHA-256 of each network as the worker's own machine has it, where that may be another one.
    """

    enlarger: Callable[[], Enlarger]
    scales: tuple[int, ...]
    keeper: Keeper | None
    stamp: Stamp | None
    weights: Callable[[], tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Assignment:
    """A job for a worker; `again` where another one had it."""

    number: int
    job: Job
    again: bool = False


@dataclass(frozen=True)
class Ready:
    """A worker is there: on which device, with which precision for pictures of 8 bits, and of more; on which kind of
    processor, and with which weights where these were asked for.
    """

    process: int
    device: str
    precision: str
    deep_precision: str
    processor: str = ""
    weights: tuple[str, ...] = ()


@dataclass(frozen=True)
class Begun:
    """A picture is enlarged from now on, or the pages of a book are."""

    number: int


@dataclass(frozen=True)
class Advanced:
    """How far it is."""

    number: int
    step: Step


@dataclass(frozen=True)
class Finished:
    """What became of a job."""

    number: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """The device of a worker can do no more; the worker ends. What it had is to be done elsewhere."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """A worker cannot begin, and no other one could."""

    error: NlsrError


@dataclass(frozen=True)
class Stopped:
    """A worker was told to stop, and has; so many finished rows of the picture at hand are on the disk."""

    rows_kept: int


@dataclass(frozen=True)
class Ended:
    """A worker is gone, and why; whoever talks to it says so, once and last. `final` says that another one in its place
    would fare no better; `hint` is what helps where it was refused before it had begun anything.
    """

    reason: str
    final: bool = False
    hint: str = ""


Event: TypeAlias = Ready | Begun | Advanced | Finished | Lost | Refused | Stopped | Ended
Tell: TypeAlias = Callable[[Event], None]
