"""`nlsr status` and `nlsr check`: what the ledgers of a folder say of its outputs, and whether it is true."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nlsr_cli.commands import looking_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.review import ReviewConsole

if TYPE_CHECKING:
    from nlsr_cli.batch.review import Decode


def status(folder: looking_choices.Outputs, as_json: looking_choices.JsonFindings = False) -> None:
    """Show what nlsr has done in a folder: done, failed, missing, changed.

    Outputs are looked at, not read; `nlsr check` reads them. Both merge the ledgers of all shards, and write nothing.

    Example: nlsr status enlarged
    """
    _report(folder, ReviewConsole(Speech(as_json=as_json)), hashes=False, pixels=False)


def check(
    folder: looking_choices.Outputs,
    pixels: looking_choices.Pixels = False,
    as_json: looking_choices.JsonFindings = False,
) -> None:
    """Check that the outputs in a folder are what nlsr wrote there, by the SHA-256 of each.

    What failed, is missing, has other bytes, or was made by another model or with other options than most is named, and
    the exit code is 3.

    Example: nlsr check enlarged
    """
    _report(folder, ReviewConsole(Speech(as_json=as_json)), hashes=True, pixels=pixels)


def _report(folder: str, console: ReviewConsole, *, hashes: bool, pixels: bool) -> None:
    """Print what there is to say of a folder, and end with the exit code that follows."""
    with console.guarded(), ExitStack() as closing:
        from nlsr_cli.batch.review import DONE, Review, exit_code_of

        review = Review(Path(folder))
        decode = _decoding(closing) if pixels else None
        count = len(review)
        found = review.findings(
            hashes=hashes, decode=decode, on_look=lambda done: console.show(f"looking at {done}/{count}", done / count)
        )
        for finding in found:
            if finding.status != DONE:
                console.finding(finding)
        counts = Counter(finding.status for finding in found)
        code = exit_code_of(counts)
        console.standing(review, counts, code)
    raise typer.Exit(int(code))


def _decoding(closing: ExitStack) -> Decode:
    from nlsr_cli.batch.soundness import check_pixels
    from nlsr_cli.isolation.decoder import Decoder

    decoder = closing.enter_context(Decoder())
    return lambda output, options: check_pixels(decoder, output, options)
