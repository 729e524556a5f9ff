"""What is generated in README.md, the command reference and figures: `python -m tests.reference [--check]`."""

import difflib
import re
import subprocess
import sys
from pathlib import Path

from nlsr_cli.cli import app
from tests import figures

README = Path(__file__).parent.parent / "README.md"


def _reference() -> str:
    """Return the reference as Markdown, from Typer's own generator, two heading levels down."""
    command = [sys.executable, "-m", "typer", "nlsr_cli.cli", "utils", "docs", "--name", "nlsr"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^# .*\n", "", text, count=1)  # the title; README has its own
    text = re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)
    # The generator knows only the name that every command line has.
    text = text.replace("* `--help`: ", f"* `{', '.join(app.info.context_settings['help_option_names'])}`: ")
    text = text.replace("```console\n$ ", "```text\n")  # a usage line is no command that a test could run
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip() + "\n"


BLOCKS = {"figures": figures.generate, "reference": _reference}


def _marks(name: str) -> tuple[str, str]:
    """Return the lines before and behind a generated block."""
    return f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of {name} -->"


def generated(text: str, name: str) -> str:
    """Return the generated block of this name in a text."""
    begin, end = _marks(name)
    return text.partition(begin)[2].partition(end)[0]


def main(arguments: list[str]) -> int:
    """Write what is generated into README.md, or with --check only compare."""
    old = new = README.read_text(encoding="utf-8")
    for name, generate in BLOCKS.items():
        begin, end = _marks(name)
        head, _, rest = new.partition(begin)
        new = f"{head}{begin}\n{generate()}\n{end}{rest.partition(end)[2]}"
    if "--check" not in arguments:
        README.write_text(new, encoding="utf-8")
        return 0
    if new == old:
        return 0
    sys.stderr.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "README.md", "generated"))
    sys.stderr.write("README.md is out of date: run `make docs`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
