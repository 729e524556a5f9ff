"""The command reference in README.md, generated from the command line itself: `python -m tests.reference [--check]`."""

import difflib
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- reference: written by `make docs` -->\n", "<!-- end of reference -->"


def generate() -> str:
    """Return the reference as Markdown, from Typer's own generator, two heading levels down."""
    command = [sys.executable, "-m", "typer", "nlsr_cli.cli", "utils", "docs", "--name", "nlsr"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = re.sub(r"^# .*\n", "", text, count=1)  # the title; README has its own
    text = re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)
    text = text.replace("```console\n$ ", "```text\n")  # a usage line is no command that a test could run
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the reference into README.md, or with --check only compare."""
    old = README.read_text(encoding="utf-8")
    head, _, rest = old.partition(BEGIN)
    tail = rest.partition(END)[2]
    new = f"{head}{BEGIN}\n{generate()}\n{END}{tail}"
    if "--check" not in arguments:
        README.write_text(new, encoding="utf-8")
        return 0
    if new == old:
        return 0
    sys.stderr.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "README.md", "generated"))
    sys.stderr.write("The command reference is out of date: run `make docs`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
