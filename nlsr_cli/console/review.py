"""What `nlsr status` and `nlsr check` print: a line for each picture with which something is wrong, then numbers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console, duration, printable

if TYPE_CHECKING:
    from nlsr_cli.batch.review import Finding, Review, Writer
    from nlsr_cli.errors import ExitCode


class ReviewConsole(Console):
    """Prints for `nlsr status` and `nlsr check`."""

    def finding(self, finding: Finding) -> None:
        """Print what became of one picture."""
        if self.speech.as_json:
            self.json_line(finding.as_json())
            return
        name = finding.source if finding.status == "failed" or finding.output is None else finding.output
        self.line(printable(f"{finding.status}: {name}: {finding.reason}"))

    def standing(self, review: Review, counts: Mapping[str, int], code: ExitCode) -> None:
        """Print who has written the ledgers and who is at work, and how many pictures there are of each kind."""
        from nlsr_cli.batch.review import DONE, WRONG

        numbers = {status: counts.get(status, 0) for status in (DONE, *WRONG)}
        if self.speech.as_json:
            ledgers = [writer.as_json() for writer in review.writers]
            more = {"working": review.working, "ledgers": ledgers, "exit_code": int(code)}
            self.json_line({"summary": {**numbers, **more}})
            return
        for writer in review.writers:
            if writer.shard is not None:
                self.note(f"shard {writer.shard}: {_progress(writer)}")
        for said in review.working:
            who = f"process {said['process']} on {said['host']}"
            self.note(f"{said['output']}: {who} began it {_ago(said['since'])}")
        self.line(", ".join(f"{count} {status}" for status, count in numbers.items() if count or status == DONE))


def _progress(writer: Writer) -> str:
    of = f" of {writer.pictures}" if writer.pictures is not None else ""
    failed = f", {writer.failed} failed" if writer.failed else ""
    return f"{writer.done}{of} done{failed}, last line {_ago(writer.last)}"


def _ago(moment: float) -> str:
    return f"{duration(max(0.0, time.time() - moment))} ago" if moment else "at an unknown time"
