"""Everything that nlsr says. The only room that prints: results to stdout, talk to stderr.

The names are loaded when they are first used: the bar of this room is on the screen before anything else is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlsr_cli.console.printer import Console, Speech, printable, size_text

__all__ = ["Console", "Speech", "printable", "size_text"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nlsr_cli.console import printer

    return getattr(printer, name)
