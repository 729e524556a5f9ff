"""The import law: imports point down, the network knows no pipeline, one place prints, heavy packages load late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nlsr_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Floors from the ground up. A module may import from its own room, or from a lower floor; never from above.
FLOORS = [
    {
        "deepzoom",
        "errors",
        "files",
        "keywords",
        "names",
        "options",
        "sizes",
        "container",
        "limits",
        "version",
        "storing",
        "scratch",
        "shards",
        "workers",
    },
    {"nlsn", "images"},
    {"zoo", "isolation", "books"},
    {"upscaling"},
    {"batch"},
    {"engines"},
    {"evaluation"},
    {"training", "viewing"},
    {"api", "doctor"},
    {"interface"},
    {"serving"},
    {"console"},
    {"commands"},
    {"cli", "__main__", "__init__"},
]
ALLOWED_SIDEWAYS = {
    ("__main__", "cli"),
    ("deepzoom", "errors"),
    ("deepzoom", "files"),
    ("keywords", "errors"),
    ("keywords", "options"),
    ("keywords", "shards"),
    ("keywords", "sizes"),
    ("keywords", "workers"),
    ("options", "errors"),
    ("options", "shards"),
    ("options", "sizes"),
    ("shards", "errors"),
    ("sizes", "errors"),
    ("workers", "errors"),
    ("workers", "options"),
    ("names", "files"),
    ("scratch", "errors"),
    ("scratch", "files"),
    ("storing", "deepzoom"),
    ("storing", "errors"),
    ("storing", "files"),
    ("commands", "__init__"),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


NAMES = {name_of(path) for path in MODULES}


def room_of(module: str) -> str:
    """Return the first name below nlsr_cli: `nlsn` for `nlsr_cli.nlsn.config`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports_of(path: Path) -> set[str]:
    """Return the modules of this package that a file imports when it runs; type checking does not count."""
    found: set[str] = set()
    for node in _running_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = inner in NAMES or node.module == "nlsr_cli"
                found.add(inner if known else node.module)
    return {module for module in found if module.startswith("nlsr_cli")}


def _running_nodes(tree: ast.AST) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        nodes += [child, *_running_nodes(child)]
    return nodes


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    mine = room_of(name_of(path))
    for module in imports_of(path):
        theirs = room_of(module)
        if mine != theirs and (mine, theirs) not in ALLOWED_SIDEWAYS:
            assert floor_of(theirs) < floor_of(mine), f"{mine} must not import {module}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {name_of(path): imports_of(path) for path in MODULES}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail, module))
        if module not in done:
            for target in graph.get(module, ()):
                visit(target, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_console_prints(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.parent.name != "console":
        assert "print(" not in text
        assert "sys.stderr" not in text


@pytest.mark.parametrize("room", ["nlsn", "images"])
def test_parts_know_nothing_of_each_other(room: str) -> None:
    """The network knows no pictures; pictures know no torch."""
    foreign = {"nlsn": "PIL", "images": "torch"}[room]
    code = (
        f"import sys, nlsr_cli.{room} as room\n"
        f"for name in room.__all__: getattr(room, name)\n"
        f"assert {foreign!r} not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
