"""`python -m tests.tools.house`: the size of the house and what in it is long, as a report that nobody has to obey.

What is law (which room may import which) stands in `tests/test_imports.py`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "nlsr_cli"
LONG_FILE, LONG_FUNCTION = 320, 50  # lines
FORMATS = "PNG|JPEG|WEBP|TIFF|BMP|AVIF|GIF|HEIC|JXL|RAW|QOI"
ASKED = re.compile(rf'(==|!=) "({FORMATS})"|\bin \("({FORMATS})"|"({FORMATS})":')


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield all functions and methods."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def report() -> Iterator[str]:
    """Yield the lines of the report."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    found = [(path, node) for path, text in texts.items() for node in functions(ast.parse(text))]
    private = sum(node.name.startswith("_") and not node.name.startswith("__") for _, node in found)
    lengths = sorted(length(node) for _, node in found)
    lines, rooms = sum(text.count("\n") for text in texts.values()), {path.parent for path in texts}
    yield f"{lines} lines in {len(texts)} files of {len(rooms)} rooms"
    yield f"{len(found)} functions, {private / len(found):.0%} private, median of {lengths[len(lengths) // 2]} lines"
    asked = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path, text in texts.items()
        if path.parent.name != "formats"
        for number, line in enumerate(text.splitlines(), 1)
        if ASKED.search(line)
    ]
    yield f"{len(asked)} places outside of formats/ ask for a format by name: {', '.join(asked) or 'none'}"
    for path, text in texts.items():
        if (lines := text.count("\n")) > LONG_FILE:
            yield f"long file: {path.relative_to(PACKAGE)}, {lines} lines"
    for path, node in found:
        if length(node) > LONG_FUNCTION:
            yield f"long function: {path.relative_to(PACKAGE)}:{node.name}, {length(node)} lines"


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in report()))
