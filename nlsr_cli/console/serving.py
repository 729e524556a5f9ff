"""What `nlsr serve` prints: its address, and on stderr what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlsr_cli.console.bar import end
from nlsr_cli.console.printer import Console, duration, size_text
from nlsr_cli.errors import NlsrError
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.serving.job import Job


class ServingConsole(Console):
    """Prints for `nlsr serve`."""

    def ready(self, address: str, *, token: bool) -> None:
        """Print where the server is, once it answers there."""
        end()
        self.note(f"serving{' with a token' if token else ''}; Ctrl-C ends it")
        self.line(address)

    def job(self, job: Job) -> None:
        """Print what became of a picture."""
        if not self.speech.verbose:
            return
        if job.result is not None:
            sizes = f"{size_text((job.height, job.width))} → {size_text((job.result.height, job.result.width))}"
            self.note(f"{job.name}: {sizes} in {duration(job.result.seconds)}")
        elif job.error is not None:
            self.note(f"{job.error['error']['message']}")

    def trouble(self, error: Exception) -> None:
        """Print what nobody foresaw; the server goes on."""
        ours = error if isinstance(error, NlsrError) else NlsrError(f"unexpected {type(error).__name__}: {error}")
        if ours is not error:
            ours.__cause__ = error
        self.error(ours)

    def ended(self, lost: int) -> None:
        """Print that the server has ended, and what is lost with it."""
        self.note("stopped serving")
        if lost:
            self._say(f"{counted(lost, 'accepted picture')} not done and lost: --state DIR keeps them", "bold red")
