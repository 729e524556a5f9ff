"""`python -m tests.tools.mutants [MODULE ...]`: change the code in small ways, and list what no test notices.

For the parts that guard the user's data. A changed module exists in the memory of one process only, which runs the
tests of that module until one fails; no file is touched. What was found is kept in build/mutants, and a later run goes
on where this one ended: all mutants of a module are tried again when it has changed, and survivors when its tests
have. Changes that make no difference are listed in equivalent.txt, with the reason; they are tried with --listed only.

POSIX only, because every mutant is a fork of one process that has loaded all packages of others. Tests run from the
fastest to the slowest, each within a time that follows from what it takes without a change. What a test starts as a
program of its own has the code as it is: a change is noticed only by tests that call it themselves.
"""

from __future__ import annotations

import argparse
import ast
import copy
import dataclasses
import gc
import hashlib
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import IO, Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "mutants"
EQUIVALENT = Path(__file__).parent / "equivalent.txt"

# Modules below nlsr_cli, and what of the tests is theirs: those of the module itself, which take little time. Tests of
# whole commands notice much too, but every survivor would wait for them, and what starts a program notices nothing.
# Of images.metadata: modules whose own tests tell all of them, and modules of which other tests tell more.
ALONE = (
    "calibration", "companions", "extended_xmp", "georeference", "gif_texts", "iptc", "photoshop", "png", "provenance",
    "statements", "thumbnail", "xmp_places",
)  # fmt: skip
TOGETHER = {
    "exif_places": ("exif_places", "calibration"),
    "geometry": ("geometry", "xmp_places"),
    "jpeg": ("extended_xmp", "statements", "keeping"),
    "keeping": ("keeping", "exif_tags", "thumbnail"),
    "exif_tags": ("exif_tags", "statements"),
    "rdf": ("rdf", "xmp"),
    "xmp": ("xmp", "keeping", "xmp_places"),
}
TARGETS = {
    "storing": ("test_storing.py", "test_deepzoom.py"),
    "deepzoom": ("test_deepzoom.py",),
    "images.alpha": ("images/test_alpha.py",),
    "upscaling.checks": ("upscaling/test_checks.py",),
    "batch.ledger": ("batch/test_ledger.py",),
    **{f"batch.{name}": (f"batch/test_{name}.py",) for name in ("bookkeeping", "ledgers", "review", "sharing")},
    "workers": ("test_workers.py",),
    "engines.pool": ("engines/test_pool.py",),
    "batch.division": ("batch/test_planning.py",),
    "batch.delivery": ("batch/test_delivery.py", "engines/test_local.py"),
    "batch.resume": ("batch/test_resume.py",),
    "batch.planning": ("batch/test_planning.py",),
    "batch.claims": ("batch/test_planning.py",),
    "batch.watching": ("batch/test_watching.py",),
    **{f"books.{name}": (f"books/test_{name}.py",) for name in ("archive", "binding", "comic_info")},
    **{f"images.metadata.{name}": (f"images/metadata/test_{name}.py",) for name in ALONE},
    **{
        f"images.metadata.{name}": tuple(f"images/metadata/test_{each}.py" for each in together)
        for name, together in TOGETHER.items()
    },
    "images.inspection": ("images/test_inspection.py", "images/jpegxl/test_jpegxl.py"),
    "images.formats.jpeg_parts": ("images/formats/test_jpeg_parts.py",),
    **{f"images.formats.{name}": ("images/formats/test_accounts.py",) for name in ("bmp", "gif", "png", "webp")},
    "images.formats.isobmff": ("images/containers/test_isobmff.py", "images/formats/test_heic.py"),
    "images.formats.jpegxl": ("images/jpegxl/test_jpegxl.py",),
    "images.containers.tiff_pages": ("images/containers/test_tiff_pages.py",),
    "images.encoding.tiff_binding": ("images/encoding/test_tiff_binding.py",),
    "images.formats.tiff_parts": ("images/containers/test_tiff_file.py", "images/containers/test_tiff.py"),
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
        case ast.Return(value=ast.Constant(value=None)):
            return
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


@dataclass
class Run:
    """A pytest plugin: the order and the times of tests, and which modules they load.

    Args:
        seconds: what each test took without a change; empty to find that out.
    """

    seconds: Mapping[str, float]
    took: dict[str, float] = dataclasses.field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items.sort(key=lambda item: self.seconds.get(item.nodeid, 0.0))
        _end_within(_patience(0))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        _end_within(_patience(self.seconds.get(nodeid, UNKNOWN)))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration

    def found(self) -> dict[str, Any]:
        """Return what later runs are to know."""
        packages = [name for name in sys.modules if name.partition(".")[0] not in ("nlsr_cli", "tests", "__main__")]
        return {"seconds": self.took, "packages": packages}


UNKNOWN = 120.0  # seconds that a test may take of which nothing is known


def _patience(seconds: float) -> float:
    """Return how long a change may make what takes this long: other work may slow it down too."""
    return 20 + 5 * seconds


def _end_within(seconds: float) -> None:
    """Have the system end this process unless it says so again in time, whatever it waits for."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def run_tests(tests: list[str], run: Run, prepare: Callable[[], None]) -> tuple[str, dict[str, Any]]:
    """Run tests in a fork; return "survived", "killed" or "hung", and what the run found if it came to its end."""
    with tempfile.TemporaryFile("w+") as note:
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                _run_here(tests, run, prepare, note)
            finally:
                os._exit(1)  # an error must not make a second parent of the fork
        try:
            _, status = os.waitpid(child, 0)
        finally:
            with suppress(ProcessLookupError):  # and what its tests have started and left behind
                os.killpg(child, signal.SIGKILL)
        note.seek(0)
        told = note.read()
    if status == 0:
        return "survived", json.loads(told)
    return "hung" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else "killed", {}


def _run_here(tests: list[str], run: Run, prepare: Callable[[], None], note: IO[str]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    import pytest

    _end_within(UNKNOWN)
    prepare()
    code = pytest.main(["-x", "-q", "-pno:cacheprovider", *tests], [run])
    json.dump(run.found(), note)
    note.flush()
    os._exit(int(code) != 0)


def load_packages(names: list[str]) -> None:
    """Load what the tests load, but for our own modules, once for all forks.

    Raises:
        SystemExit: there are threads now, of which a fork would have none.
    """
    for name in names:
        with suppress(ImportError):  # some are made by others when they are loaded, and have no place of their own
            importlib.import_module(name)
    gc.freeze()  # what is loaded stays: no fork looks through it for garbage
    tasks = Path("/proc/self/task")
    if threading.active_count() > 1 or (tasks.exists() and len(list(tasks.iterdir())) > 1):
        raise SystemExit("a package starts threads when it is loaded: forks would wait for them without end")


def examine(target: str, end: float, equivalent: set[str]) -> tuple[dict[str, str], int]:
    """Try the mutants of a module until the time is up; return what became of them, and how many are left.

    Those that are known to be equivalent are not tried: what became of them is "equivalent".
    """
    path = ROOT / "nlsr_cli" / f"{target.replace('.', '/')}.py"
    tests = [str(ROOT / "tests" / each) for each in TARGETS[target]]
    code, cases = (
        hashlib.sha256(b"".join(Path(each).read_bytes() for each in some)).hexdigest() for some in ([path], tests)
    )
    kept = RESULTS / f"{target}.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    found = known["found"] if known.get("code") == code else {}
    found = {name: verdict for name, verdict in found.items() if verdict != "equivalent"}
    if known.get("tests") != cases:  # other tests may notice what these did not
        found = {name: verdict for name, verdict in found.items() if verdict != "survived"}
    every = list(mutants(path, target))
    found |= {each.name: "equivalent" for each in every if each.name in equivalent}
    module, todo = f"nlsr_cli.{target}", [each for each in every if each.name not in found]
    if not todo or time.monotonic() > end:
        return found, len(todo)
    seconds = _unchanged(target, tests)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for done, mutant in enumerate(todo):
        if time.monotonic() > end:
            return found, len(todo) - done
        finder = Changed(module, mutant.code)
        verdict, _ = run_tests(tests, Run(seconds), lambda finder=finder: sys.meta_path.insert(0, finder))
        found[mutant.name] = verdict
        kept.write_text(json.dumps({"code": code, "tests": cases, "found": found}, indent=1))
        if verdict in ("survived", "hung"):
            sys.stdout.write(f"  line {mutant.line}, {verdict}: {mutant.name}\n")
            sys.stdout.flush()
    return found, 0


def _unchanged(target: str, tests: list[str]) -> dict[str, float]:
    """Return how long each test takes, once they have passed in their own order and from the fastest to the slowest."""
    seconds: dict[str, float] = {}
    for _ in range(2):
        verdict, told = run_tests(tests, Run(seconds), lambda: None)
        if verdict != "survived":
            raise SystemExit(f"{target}: its tests fail without any change")
        seconds = seconds or told["seconds"]
        load_packages(told["packages"])
    return seconds


def listed() -> list[str]:
    """Return the mutants that are listed as equivalent."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return [line.partition(" # ")[0] for line in lines if line and not line.startswith("#")]


def main() -> int:
    """Examine what was asked for; 1 where the survivors are not those that are listed as equivalent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"{', '.join(TARGETS)}; all if none is named")
    parser.add_argument("--listed", action="store_true", help="try those too that are listed as equivalent")
    parser.add_argument("--minutes", type=float, default=60, help="time that may be spent (60)")
    asked = parser.parse_args()
    if unknown := set(asked.modules) - set(TARGETS):
        parser.error(f"unknown module {', '.join(sorted(unknown))}")
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # before numpy starts any threads
    load_packages(["numpy", "PIL.Image", "pytest", "torch"])
    os.chdir(ROOT)
    end, bad = time.monotonic() + 60 * asked.minutes, 0
    equivalent = listed()
    for target in asked.modules or TARGETS:
        found, left = examine(target, end, set() if asked.listed else set(equivalent))
        counts = Counter(found.values())
        survivors = [name for name, verdict in found.items() if verdict == "survived" and name not in equivalent]
        harmless = counts["equivalent"] + counts["survived"] - len(survivors)
        sys.stdout.write(
            f"{target}: {len(found)} tried, {counts['killed']} killed, {counts['hung']} hung, {harmless} equivalent, "
            f"{len(survivors)} survivors, {left} not tried\n"
        )
        sys.stdout.writelines(f"  {name}\n" for name in survivors)
        there = {name for name, verdict in found.items() if verdict in ("survived", "equivalent")}
        stale = [] if left else [name for name in equivalent if name.startswith(f"{target}:") and name not in there]
        sys.stdout.writelines(f"  listed as equivalent, but does not survive: {name}\n" for name in stale)
        bad += len(survivors) + len(stale)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
