"""`python -m tests.tools.messages`: every message that nlsr can say, each once, with its place, to be read aloud.

Found in the source: what errors are made of, and every other text of several words that is no docstring.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "nlsr_cli"
WORDS = 3  # fewer are a name or a unit
LETTERS = re.compile(r"[A-Za-z]{2,}")


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of all strings of a module but for docstrings; values in f-strings are shown as {}."""
    silent = {id(each) for node in ast.walk(tree) for each in _unspoken(node)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = (each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _unspoken(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is no text of its own: docstrings, and the pieces of f-strings."""
    if isinstance(node, ast.Expr):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (each for each in node.values if isinstance(each, ast.Constant))


def messages() -> dict[str, str]:
    """Return every message with the first place where it is said."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, text in sorted(texts(ast.parse(path.read_text(encoding="utf-8")))):
            said = " ".join(text.split())
            if " " in said and len(LETTERS.findall(said)) >= WORDS and not said.startswith(("http", "<", "--")):
                found.setdefault(said, f"{path.relative_to(PACKAGE)}:{line}")
    return found


def main() -> None:
    """Print a table, in the order of the messages."""
    rows = sorted(messages().items(), key=lambda row: row[0].lower())
    sys.stdout.write("| message | first said in |\n|---|---|\n")
    sys.stdout.writelines(f"| {said.replace('|', chr(92) + '|')} | {place} |\n" for said, place in rows)


if __name__ == "__main__":
    main()
