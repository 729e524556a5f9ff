"""What `nlsr plan` prints: the work, and a line for one machine and for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console, duration
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.batch.fleet import Estimate


class FleetConsole(Console):
    """Prints for `nlsr plan`."""

    def estimates(self, found: Sequence[Estimate]) -> None:
        """Print what one machine takes, and what all do."""
        first = found[0]
        if self.speech.as_json:
            for each in found:
                self.json_line(each.as_json())
            return
        self.note(
            f"{counted(first.pictures, 'picture')}: {duration(first.work)} of work for a machine like this one, "
            f"{duration(first.longest)} for the largest; {first.fleet.start_up:.1f} s to start"
        )
        for each in found:
            self.line(f"{counted(each.fleet.machines, 'machine')}: {_text(each)}")


def _text(found: Estimate) -> str:
    cost = "" if found.cost is None else f", {found.cost:,.2f} at {found.fleet.price:g} an hour"
    hours = f"{found.machine_hours:,.1f} machine hours{cost}"
    if found.fleet.machines == 1:
        return f"{duration(found.shared)}; {hours}"
    return f"{duration(found.shared)} if they share a folder, {duration(found.sharded)} with a shard each; {hours}"
