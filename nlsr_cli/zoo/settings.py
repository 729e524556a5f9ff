"""The environment variables of the Hub's client: what happens when one of them makes no sense to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO

from nlsr_cli.errors import DownloadFailed


@contextmanager
def usable_settings() -> Iterator[None]:
    """Guard the import of the Hub's client, which reads its environment variables there and then.

    Raises:
        DownloadFailed: one of them makes no sense to it.
    """
    try:
        with redirect_stdout(StringIO()):  # where the client prints a line about its failure; stdout is for results
            yield
    except ValueError as exc:
        named = " and ".join(_culprits(str(exc))) or "HF_ENDPOINT and the HF_HUB_ settings"
        raise DownloadFailed(f"the Hub client cannot start: {exc}", f"Check {named}.") from exc


def _culprits(complaint: str) -> list[str]:
    """Return the variables whose value the client quotes: it names the value, never the variable."""
    return sorted(
        name for name, value in os.environ.items() if name.startswith("HF_") and value and repr(value) in complaint
    )
