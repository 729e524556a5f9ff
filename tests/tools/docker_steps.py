"""`python -m tests.tools.docker_steps ROOT WORD...`: run the steps of the Dockerfile in a clean root, without Docker.

ROOT is a folder with a Debian and its Python, as `debootstrap --include=python3,python3-venv` makes it; it is changed.
Each RUN is a shell in a chroot, each COPY takes what .dockerignore lets through, and the entry point is then started as
the image's user with the words that follow. It needs the rights of root. All stages share one root, and its Python is
the one of the distribution, not that of the image named after FROM: this is the nearest thing to a build, and not one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile, as a name and what follows it."""
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    for line in filter(str.strip, lines):
        name, _, rest = line.strip().partition(" ")
        yield name, rest.strip()


def ignored(path: str, rules: str) -> bool:
    """Tell whether .dockerignore, of the form "nothing but these", keeps a path of the top folder away from a build."""
    return f"!{path}" not in rules.splitlines()


class Root:
    """A folder that stands for the file system of an image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        self.env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        self.directory = "/"
        self.user = "0:0"
        self.words: list[str] = []

    def step(self, name: str, rest: str) -> None:
        """Do what one instruction says."""
        match name:
            case "FROM" | "CMD" | "EXPOSE":  # all stages share one root, and the words are given
                pass
            case "ARG":
                key, _, default = rest.partition("=")
                self.env[key] = os.environ.get(key, default)
            case "ENV":
                pairs = (each.split("=", 1) for each in rest.split())
                self.env |= {key: value.replace("$PATH", self.env["PATH"]) for key, value in pairs}
            case "WORKDIR":
                self.directory = rest
                (self.folder / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(rest)
            case "RUN":
                subprocess.run(self.command(["sh", "-c", rest]), env=self.env, check=True)
            case "USER":
                self.user = rest
            case "ENTRYPOINT":
                self.words = json.loads(rest)
            case _:
                sys.exit(f"{name} is not known here")

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            return
        rules = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8")
        for source in sources:
            if ignored(source, rules):
                sys.exit(f"COPY {source}: .dockerignore keeps it away")
            inside = self.folder / self.directory.lstrip("/") / target
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, inside, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(CHECKOUT / source, inside)

    def command(self, words: list[str]) -> list[str]:
        """Return the words that run a command in the root, in its folder and as its user."""
        enter = ["chroot", f"--userspec={self.user}", str(self.folder), "sh", "-c", 'cd "$0" && exec "$@"']
        return [*enter, self.directory, *words]


def main() -> None:
    """Do all steps, then start the entry point."""
    root = Root(Path(sys.argv[1]))
    for name, rest in instructions((CHECKOUT / "Dockerfile").read_text(encoding="utf-8")):
        sys.stdout.write(f"{name} {rest}\n")
        sys.stdout.flush()
        root.step(name, rest)
    sys.exit(subprocess.run(root.command([*root.words, *sys.argv[2:]]), env=root.env, check=False).returncode)


if __name__ == "__main__":
    main()
