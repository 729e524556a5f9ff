"""What is generated in README.md and docs/, block by block: `python -m tests.tools.reference [--check]`."""

import difflib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nlsr_cli import errors
from nlsr_cli.cli import app
from tests.tools import figures, standing

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
# A generated block, from the comment in front of it to the one behind it. It may stand in any page, and in several.
MARKED = re.compile(r"<!-- ([\w-]+): written by `make docs` -->\n(.*?)<!-- end of \1 -->", re.DOTALL)


def _reference() -> str:
    """Return the reference as Markdown, from Typer's own generator; its page has a title already."""
    command = [sys.executable, "-m", "typer", "nlsr_cli.cli", "utils", "docs", "--name", "nlsr"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^# .*\n", "", text, count=1)
    # The generator knows only the name that every command line has.
    text = text.replace("* `--help`: ", f"* `{', '.join(app.info.context_settings['help_option_names'])}`: ")
    text = text.replace("```console\n$ ", "```text\n")  # a usage line is no command that a test could run
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip() + "\n"


def _errors() -> str:
    """Return the tree of errors as its module draws it."""
    tree = (errors.__doc__ or "").split("\n\n")[1]
    return f"```text\n{tree.strip()}\n```\n"


BLOCKS = {
    "errors": cache(_errors),
    "figures": cache(figures.generate),
    "models": cache(standing.models),
    "reference": cache(_reference),
    "rivals": cache(standing.full),
    "standing": cache(standing.short),
}


def pages() -> list[Path]:
    """Return all pages of documentation, README first."""
    return [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and content of the generated blocks in a text."""
    for match in MARKED.finditer(text):
        yield match[1], match[2].strip()


def written_again(text: str) -> str:
    """Return a text with its generated blocks as they are to be."""

    def block(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- {name}: written by `make docs` -->\n\n{BLOCKS[name]()}\n<!-- end of {name} -->"

    return MARKED.sub(block, text)


def main(arguments: list[str]) -> int:
    """Write what is generated into the pages, or with --check only compare."""
    stale = 0
    for page in pages():
        old = page.read_text(encoding="utf-8")
        new = written_again(old)
        if new == old:
            continue
        if "--check" not in arguments:
            page.write_text(new, encoding="utf-8")
            continue
        name = str(page.relative_to(ROOT))
        sys.stderr.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), name, "generated"))
        sys.stderr.write(f"{name} is out of date: run `make docs`.\n")
        stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
