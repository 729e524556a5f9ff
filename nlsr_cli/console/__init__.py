"""Everything that nlsr says. The only room that prints: results to stdout, talk to stderr."""

from __future__ import annotations

from nlsr_cli.console.printer import Console, Speech, printable, size_text

__all__ = ["Console", "Speech", "printable", "size_text"]
