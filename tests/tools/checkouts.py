"""`python -m tests.tools.checkouts record FILE --inputs DIR [--checkout DIR]`, then `compare FILE FILE`.

`record` gives the same inputs and command lines to the code of one checkout and writes down what came back: the bytes
of every output as a hash, what was printed on stdout and stderr, and exit codes. `compare` lists every difference.
The inputs are made once, into a folder that all records share: the matrix of formats, the assets of the tests, and
damaged files. What differs from run to run (seconds, free memory, temporary names) is masked before it is written down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.tools.torture.cells import cells
from tests.tools.torture.command import environment
from tests.tools.torture.fuzz_worker import picture_case
from tests.tools.torture.matrix import SCALE, TARGETS

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "tests" / "assets"
DAMAGED, SEED = 300, 17
PATIENCE = 3600.0
MASKED = (
    (re.compile(r"/tmp/nlsr-[\w-]+"), "TMP"),
    (re.compile(r'"(seconds\w*|memory_bytes)": [\d.e-]+'), r'"\1": 0'),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min)\b"), "0 s"),
    (re.compile(r"\b\d+(\.\d+)? [kMG]B( of memory)? (is|are) free"), "0 B free"),
)
# Command lines beside the matrix, in a folder with the assets: what is printed and how each ends.
COMMANDS = (
    "--help",
    "upscale --help",
    "evaluate --help",
    "models list",
    "models list --json",
    "models info lite",
    "models path nlsn-lite-x4",
    "upscale",
    "upscale absent.png",
    "upscale tower.jpg --scale 99",
    "upscale tower.jpg --format psd",
    "upscale tower.jpg --model nlsn-light",
    "upscale tower.jpg --dry-run",
    "upscale . --dry-run --json --recursive",
    "upscale . -r -o many --scale 2 --json",
    "upscale . -r -o many --scale 2 --json",
    "upscale tower.jpg -o tower.jpg",
    "upscale tower.jpg -o out.webp --lossless --strip --scale 2",
    "upscale tower.jpg -o boxed.png --width 300 --height 300 --fit cover",
    "upscale tower.jpg -o wrapped.png --scale 2 --wrap xy --tile 64 --ensemble",
    "upscale colosseum.png -o half.tif --scale 1.5 --precision fp32 --strength 0.5",
    "upscale colosseum.png -o grain.png --scale 3 --denoise 0.5 --deblock 1 --alpha lanczos",
    "upscale tower.jpg colosseum.png -o out.png",
    "upscale *.png -o patterned --format jpeg --quality 80",
    "upscale tower.jpg -o tower.jpg/under.png",
    "inspect tower.jpg colosseum.png",
    "inspect . --json",
    "evaluate lite set5 --scale 4 --json",
    "evaluate bicubic set5 --scale 2 --degrade jpeg:50 --json",
)
PIPES = ("upscale - -o - --scale 2", "upscale - -o - --format jpeg --scale 2 --json", "inspect - --json")


def inputs(folder: Path, every: int) -> None:
    """Write all inputs below a folder: `matrix`, `assets` and `damaged`."""
    for name in ("matrix", "damaged"):
        (folder / name).mkdir(parents=True)
    for cell in cells(every):
        (folder / "matrix" / cell.name).write_bytes(cell.data)
    for number in range(0, DAMAGED, every):
        name, _, data = picture_case(SEED, number)
        (folder / "damaged" / f"{number:03}{Path(name).suffix}").write_bytes(data)
    shutil.copytree(ASSETS, folder / "assets")


def record(checkout: Path, given: Path) -> dict[str, Any]:
    """Return what the code of a checkout makes of the inputs in the folder `given`, by what was asked."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="nlsr-") as work:
        desk = Path(work) / "desk"
        shutil.copytree(given, desk)
        for target in TARGETS:
            chosen = [] if target == "own" else ["--format", target]
            for kind in ("matrix", "damaged") if target == "own" else ("matrix",):
                line = ["upscale", kind, "-o", f"{kind}-{target}", "--scale", str(SCALE), "--json", *chosen]
                found |= _ran(checkout, desk, line, f"{kind} to {target}")
                found |= dict(_hashes(desk / f"{kind}-{target}", f"{kind} to {target}"))
        found |= _ran(checkout, desk, ["inspect", "matrix", "damaged", "--json"], "inspect")
        for number, command in enumerate(COMMANDS):
            found |= _ran(checkout, desk / "assets", command.split(), f"{number}: {command}")
        for number, command in enumerate(PIPES):
            piped = (desk / "assets" / "tower.jpg").read_bytes()
            found |= _ran(checkout, desk / "assets", command.split(), f"pipe {number}: {command}", piped)
        found |= dict(_hashes(desk / "assets", "assets"))
    return found


def _ran(checkout: Path, desk: Path, words: Sequence[str], name: str, given: bytes = b"") -> dict[str, Any]:
    """Run one command line; `*` in its words stands for files of the desk."""
    line = [
        str(each) for word in words for each in (sorted(p.name for p in desk.glob(word)) if "*" in word else [word])
    ]
    env = environment() | {"PYTHONPATH": str(checkout), "TMPDIR": str(desk), "PYTHONDONTWRITEBYTECODE": "1"}
    program = [sys.executable, "-m", "nlsr_cli", *line]
    ended = subprocess.run(program, cwd=desk, env=env, input=given, capture_output=True, timeout=PATIENCE, check=False)
    binary = ended.stdout if b"\0" in ended.stdout else b""
    printed, said = (each.replace(str(checkout).encode(), b"CHECKOUT") for each in (ended.stdout, ended.stderr))
    told = {"stdout": hashlib.sha256(binary).hexdigest()} if binary else _lines("stdout", printed)
    return {
        f"{name}: {key}": value for key, value in {"exit": ended.returncode, **told, **_lines("stderr", said)}.items()
    }


def _lines(name: str, printed: bytes) -> dict[str, str]:
    """Return what was printed, masked: objects of JSON each by its source, and all other lines as one text."""
    told, rest = {}, []
    for line in printed.decode(errors="replace").splitlines():
        masked = line
        for pattern, instead in MASKED:
            masked = pattern.sub(instead, masked)
        source = json.loads(line).get("source") if line.startswith("{") else None
        if source is None:
            rest.append(masked)
        else:
            told[f"{name} of {Path(source).name}"] = masked
    return {**told, name: "\n".join(rest)}


def _hashes(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield the hash of each file below a folder. A ledger holds times: only its name counts."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            ledger = path.name.endswith(".jsonl")
            yield f"{name}: {path.relative_to(folder)}", "" if ledger else hashlib.sha256(path.read_bytes()).hexdigest()


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return a line for each thing that is not the same in both records."""
    lines = []
    for name in sorted(one.keys() | other.keys()):
        before, after = one.get(name, "(absent)"), other.get(name, "(absent)")
        if before != after:
            lines.append(f"{name}\n    before: {before}\n    after:  {after}")
    return lines


def main() -> None:
    """Record a checkout, or compare two records; exit 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="run all command lines with one checkout")
    recording.add_argument("file", type=Path)
    recording.add_argument("--checkout", type=Path, default=ROOT)
    recording.add_argument("--inputs", type=Path, required=True, help="folder of the inputs; made where it is missing")
    recording.add_argument("--every", type=int, default=1, help="make only each so-manieth input")
    comparing = verbs.add_parser("compare", help="list what differs between two records")
    comparing.add_argument("files", type=Path, nargs=2)
    arguments = parser.parse_args()
    if arguments.verb == "record":
        if not arguments.inputs.exists():
            inputs(arguments.inputs, arguments.every)
        found = record(arguments.checkout.resolve(), arguments.inputs)
        arguments.file.write_text(json.dumps(found, indent=0, ensure_ascii=False), encoding="utf-8")
        return
    lines = differences(*(json.loads(path.read_text(encoding="utf-8")) for path in arguments.files))
    sys.stdout.write("\n".join([*lines, f"{len(lines)} differences\n"]))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
