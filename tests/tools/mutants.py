"""`python -m tests.tools.mutants [MODULE ...]`: change the code in small ways, and list what no test notices.

For the parts that guard the user's data. A changed module exists in the memory of one process only, which runs the
tests of that module until one fails; no file is touched. What was found is kept in build/mutants, and a later run goes
on where this one ended: all mutants of a module are tried again when it has changed, and survivors when
its tests have. Changes that make no
difference are listed in equivalent.txt, with the reason. POSIX only, because every mutant is a fork.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "mutants"
EQUIVALENT = Path(__file__).parent / "equivalent.txt"

# Modules below nlsr_cli, and what of the tests is theirs.
WORDS = ("images/words/test_metadata.py", "images/words/test_keeping.py", "images/words/test_xmp.py")
TARGETS = {
    "images.storing": ("images/test_storing.py",),
    "images.alpha": ("images/test_alpha.py",),
    "upscaling.guards": ("upscaling/test_guards.py",),
    "upscaling.ledger": ("upscaling/test_ledger.py", "test_cli_resume.py"),
    "upscaling.delivery": ("upscaling/test_batch.py", "test_cli_resume.py", "test_cli.py"),
    "upscaling.resume": ("upscaling/test_planning.py", "test_cli_resume.py"),
    "upscaling.planning": ("upscaling/test_planning.py",),
    **{f"images.words.{name}": (f"images/words/test_{name}.py", *WORDS) for name in ("metadata", "provenance", "tiff")},
    **{f"images.words.{name}": (f"images/words/test_{name}.py", *WORDS) for name in ("keeping", "thumbnail", "xmp")},
    **{f"images.words.{name}": WORDS for name in ("iptc", "jpeg", "png", "statements", "inspection")},
}

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
JOINED = {ast.And: ast.Or, ast.Or: ast.And}


@dataclass(frozen=True)
class Mutant:
    """One change of a module: what it is called, where it is, and the changed code."""

    name: str
    line: int
    code: CodeType


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node is replaced by, one at a time."""
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            changed.ops = [COMPARED[type(op)]()]
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            changed.op = COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            changed.op = JOINED[type(op)]()
        case ast.UnaryOp(op=ast.Not()):
            changed = changed.operand
        case ast.Constant(value=bool() as value):
            changed.value = not value
        case ast.Constant(value=int() | float() as value):
            changed.value = value + 1 if isinstance(value, int) else 2 * value + 1
        case ast.Expr(value=ast.Call()) | ast.Raise():
            changed = ast.copy_location(ast.Pass(), node)
        case ast.Return(value=ast.expr()):
            changed.value = ast.copy_location(ast.Constant(None), node)
        case _:
            return
    yield ast.fix_missing_locations(changed)


def places(tree: ast.AST, where: str = "") -> Iterator[tuple[str, ast.AST, str, int | None, ast.AST]]:
    """Yield each node that may be changed: the function it is in, its parent, and its place there."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                inner = f"{where}.{child.name}" if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else where
                yield inner.lstrip("."), tree, field, index, child
                yield from places(child, inner)


def mutants(path: Path, module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module; equal changes in one function are told apart by a number."""
    tree, seen = ast.parse(path.read_text(encoding="utf-8")), Counter[str]()
    for where, parent, field, index, node in list(places(tree)):
        for changed in changes(node):
            name = f"{module}:{where}: {_short(node)} -> {_short(changed)}"
            seen[name] += 1
            _put(parent, field, index, changed)
            number = f" ({seen[name]})" if seen[name] > 1 else ""
            yield Mutant(name + number, getattr(node, "lineno", 0), compile(tree, path, "exec"))
            _put(parent, field, index, node)


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from changed code."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._module, self._code = module, code

    def find_spec(self, fullname: str, path: object, target: object = None) -> object:
        return (
            importlib.util.spec_from_loader(fullname, self, origin=self._code.co_filename)
            if fullname == self._module
            else None
        )

    def exec_module(self, module: object) -> None:
        exec(self._code, module.__dict__)


def passed(module: str, code: CodeType | None, tests: list[str], patience: float) -> bool | None:
    """Run tests in a fork, with changed code; return whether they passed, or None where they hang."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        if code is not None:
            sys.meta_path.insert(0, Changed(module, code))
        import pytest

        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests])) != 0)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def examine(target: str, end: float) -> tuple[dict[str, str], int]:
    """Try the mutants of a module until the time is up; return what became of them, and how many are left."""
    path = ROOT / "nlsr_cli" / f"{target.replace('.', '/')}.py"
    tests = [str(ROOT / "tests" / each) for each in TARGETS[target] if (ROOT / "tests" / each).exists()]
    code, cases = (
        hashlib.sha256(b"".join(Path(each).read_bytes() for each in some)).hexdigest() for some in ([path], tests)
    )
    kept = RESULTS / f"{target}.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    found = known["found"] if known.get("code") == code else {}
    if known.get("tests") != cases:  # other tests may notice what these did not
        found = {name: verdict for name, verdict in found.items() if verdict != "survived"}
    module, todo = f"nlsr_cli.{target}", [each for each in mutants(path, target) if each.name not in found]
    if not todo or time.monotonic() > end:
        return found, len(todo)
    begun = time.monotonic()
    if not passed(module, None, tests, 600):
        raise SystemExit(f"{target}: its tests fail without any change")
    patience = 20 + 5 * (time.monotonic() - begun)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for done, mutant in enumerate(todo):
        if time.monotonic() > end:
            return found, len(todo) - done
        verdict = {True: "survived", False: "killed", None: "hung"}[passed(module, mutant.code, tests, patience)]
        found[mutant.name] = verdict
        kept.write_text(json.dumps({"code": code, "tests": cases, "found": found}, indent=1))
        if verdict == "survived":
            sys.stdout.write(f"  line {mutant.line}: {mutant.name}\n")
            sys.stdout.flush()
    return found, 0


def main() -> int:
    """Examine what was asked for; 1 where a mutant survived that is not listed as equivalent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"{', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--minutes", type=float, default=60, help="time that may be spent (60)")
    asked = parser.parse_args()
    if unknown := set(asked.modules) - set(TARGETS):
        parser.error(f"unknown module {', '.join(sorted(unknown))}")
    import numpy as np  # noqa: F401 - loaded once, and not by every fork
    import PIL.Image
    import pytest  # noqa: F401
    import torch

    PIL.Image.init()
    torch.set_num_threads(1)
    os.chdir(ROOT)
    end, bad = time.monotonic() + 60 * asked.minutes, 0
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    equivalent = {line.partition(" # ")[0] for line in lines if line and not line.startswith("#")}
    for target in asked.modules or TARGETS:
        found, left = examine(target, end)
        counts = Counter(found.values())
        survivors = [name for name, verdict in found.items() if verdict == "survived" and name not in equivalent]
        sys.stdout.write(
            f"{target}: {counts['killed'] + counts['hung']} of {len(found)} killed, {len(survivors)} survivors, "
            f"{counts['survived'] - len(survivors)} equivalent, {left} not tried\n"
        )
        sys.stdout.writelines(f"  {name}\n" for name in survivors)
        bad += len(survivors)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
