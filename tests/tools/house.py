"""`python -m tests.tools.house`: the size of the house, what in it is long, and how many of its files one small picture
goes through, as a report that nobody has to obey.

What is law (which room may import which) stands in `tests/test_imports.py`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import FrameType

from PIL import Image, features

PACKAGE = Path(__file__).parents[2] / "nlsr_cli"
LONG_FILE, LONG_FUNCTION = 320, 50  # lines
FORMATS = "PNG|JPEG|WEBP|TIFF|BMP|AVIF|GIF|HEIC|JXL|RAW|QOI|DZI"
ASKED = re.compile(rf'(==|!=) "({FORMATS})"|\bin \("({FORMATS})"|"({FORMATS})":')
WALKERS = {"jpeg.py": "walk", "png.py": "chunks", "riff.py": "chunks", "gif.py": "blocks", "tiff.py": "parse"}
WALKERS |= {"isobmff.py": "parse"}  # in containers/: each goes over a file, or over one picture in it


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


def ways() -> Iterator[str]:
    """Yield for small pictures which files of the package are entered, and how often their containers are walked."""
    from nlsr_cli.images import encode_picture, read_picture
    from nlsr_cli.options import EncodeOptions

    for name, data in samples():
        picture = read_picture(data)  # the first time loads plug-ins and fills tables
        files, walks = entered(lambda data=data: read_picture(data))
        told = ", ".join(f"{path}: {sum(of.values())} walks of {len(of)} places" for path, of in walks.items())
        yield f"{name}: read through {len(files)} files ({told})"
        if picture.metadata.format == "JPEG":
            files, _ = entered(lambda picture=picture: encode_picture(picture, format="JPEG", options=EncodeOptions()))
            yield f"{name}: written as a JPEG through {len(files)} files"


def samples() -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of small pictures: JPEGs without and with metadata, and other containers."""
    assets = Path(__file__).parents[1] / "assets"
    for name in ("tower.jpg", "cases/01b_ultrahdr_iso.jpg", "colosseum.png", "cases/05_geotiff.tif"):
        yield name, (assets / name).read_bytes()
    with Image.open(assets / "tower.jpg") as image:
        for fmt in ("WEBP", "GIF", *(["AVIF"] if features.check("avif") else [])):
            buffer = BytesIO()
            image.save(buffer, fmt)
            yield f"tower as {fmt}", buffer.getvalue()


def entered(call: Callable[[], object]) -> tuple[set[str], dict[str, Counter[tuple[int, int]]]]:
    """Return the files of the package whose code runs in a call, and for each walker how often it starts at a place,
    which is some bytes and an offset in them.
    """
    files: set[str] = set()
    walks: dict[str, Counter[tuple[int, int]]] = {}
    started: dict[FrameType, object] = {}  # keeps frames and bytes, lest another gets their number

    def watch(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event != "call" or PACKAGE not in path.parents or frame in started:  # a generator is called for each value
            return
        files.add(str(path))
        if path.parent.name == "containers" and WALKERS.get(path.name) == frame.f_code.co_name:
            started[frame] = data = frame.f_locals["data"]
            walks.setdefault(path.name, Counter())[id(data), frame.f_locals.get("at", 0)] += 1

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return files, walks


if __name__ == "__main__":
    if sys.argv[1:] == ["ways"]:
        sys.stdout.write("".join(f"{line}\n" for line in ways()))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in report()))
        sys.stdout.flush()
        # In a process of its own, where nothing else has been imported or run.
        subprocess.run([sys.executable, "-m", "tests.tools.house", "ways"], check=True)
