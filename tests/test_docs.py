"""The documentation is true: its commands and its Python run, what is generated in it is up to date, its links lead
somewhere, and what it names exists.
"""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.errors import ExitCode
from tests import clusters
from tests.conftest import ASSETS
from tests.tools import strip
from tests.tools.reference import BLOCKS, README, ROOT, blocks, pages

PAGES = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages()}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# These need what a test run must not touch: the network, this very environment, a Docker. The gate runs make check and
# test, test_package.py builds and installs the wheel, `make installers` runs pipx and uv, and tools.docker_steps runs
# the Dockerfile. That what they name exists is tested here.
ELSEWHERE = ("make ", "python3 -m pip install", "pipx install", "uv tool install", "docker ", ".venv/bin/python -m ")
# What the pages describe and a change under way brings. The test fails as soon as one is there: take it out then.
FOREIGN = {
    "--array",
    "--build-arg",
    "--gpu",
    "--help",
    "--index-url",
    "--num-cpus",
    "--user",
}  # options of other programs, and that of every command
OTHERS = {"cat", "find"}  # programs of recipes
# Values of --json whose keys are names of what was there: endings of files, settings, packages, precisions.
OPEN = {"types", "provenance", "config", "init", "versions", "matmul_flops", "convolution_flops"}


def code(language: str) -> Iterator[tuple[str, str]]:
    """Yield page and text of each block of a language."""
    for page, text in PAGES.items():
        for found, block in FENCED.findall(text):
            if found == language:
                yield page, block


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return FENCED.sub("", PAGES[page])


COMMANDS = dict.fromkeys(
    line
    for page, block in code("sh")
    if page not in ("docs/recipes.md", "docs/serving.md")  # run in test_recipes.py and in serving/test_manual.py
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
)
RUNNABLE = [command for command in COMMANDS if not command.startswith(ELSEWHERE) and command != clusters.DOCUMENTED]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files that the documentation speaks of, as the current one."""
    for name in ("photo.jpg", "holiday/a.jpg", "holiday/beach/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ASSETS / "tower.jpg", tmp_path / name)
    shutil.copy(ASSETS / "colosseum.png", tmp_path / "logo.png")
    with Image.open(tmp_path / "logo.png") as logo:
        logo.convert("L").crop((0, 0, 40, 50)).save(
            tmp_path / "fax.tif", save_all=True, append_images=[logo.convert("1")]
        )
        for name, size in (("small", 40), ("small_x2", 80), ("truth", 80)):
            logo.convert("RGB").resize((size, size)).save(tmp_path / f"{name}.png")
    (tmp_path / "inbox").mkdir()
    with zipfile.ZipFile(tmp_path / "book.cbz", "w") as book:
        book.write(ASSETS / "tower.jpg", "001.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(command: str) -> tuple[int, str, str]:
    """Run a command line; return exit code, standard output and standard error.

    A plain one runs in this process, where torch is loaded already; what is for a shell runs in one.
    """
    words = shlex.split(command)
    if "--watch" in words:
        return watched(words)
    if words[0] == "nlsr" and not {"|", ">"} & set(words):
        result = CliRunner().invoke(app, words[1:])
        return result.exit_code, result.stdout, result.stderr
    line = re.sub(r"(^|\| )nlsr ", rf"\1{shlex.quote(sys.executable)} -m nlsr_cli ", command)
    done = subprocess.run(line, shell=True, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode()


def watched(words: list[str]) -> tuple[int, str, str]:
    """Run a command that ends only when it is told to, until it watches."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nlsr_cli", *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = ""
    while "watching" not in said and (line := process.stderr.readline()):  # type: ignore[union-attr]
        said += line
    process.terminate()
    out, err = process.communicate(timeout=60)
    return process.returncode, out, said + err


def programs(command: str) -> set[str]:
    """Return the programs that a command line starts, those behind pipes too."""
    return {part.split()[0] for part in re.split(r" (?:\||&&) ", command)}


def keys_of(value: object) -> set[str]:
    """Return the keys of all objects in a value of JSON, but for those that nobody can list."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_of(inner) for name, inner in value.items() if name not in OPEN))


def test_there_are_commands_to_run() -> None:
    assert len(RUNNABLE) >= 40
    assert set().union(*map(programs, RUNNABLE)) <= {"nlsr", *OTHERS}
    assert clusters.DOCUMENTED in COMMANDS, "which the tests of the cluster run"


@pytest.mark.parametrize("command", RUNNABLE)
def test_command_runs(command: str, desk: Path) -> None:
    """It ends well, and every key of its JSON is in the contract."""
    absent = [program for program in programs(command) - {"nlsr"} if shutil.which(program) is None]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}")
    if re.match(r"nlsr (status|check) enlarged", command):  # by the commands in front of it
        ran("nlsr upscale holiday -r -o enlarged --scale 2 --shard 0/1")
    exit_code, out, err = ran(command)
    assert exit_code == 0, err
    if "--json" in command:
        keys = set().union(*(keys_of(json.loads(line)) for line in out.splitlines()))
        assert keys
        assert not keys - set(re.findall(r"`(\w+)`", PAGES["docs/contract.md"]))


PYTHON = [(page, block) for page, block in code("python") if page != "docs/serving.md"]  # run in serving/test_manual.py


@pytest.mark.parametrize(("page", "block"), PYTHON)
def test_python_runs(page: str, block: str, desk: Path) -> None:
    exec(compile(block, page, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(ELSEWHERE)])
def test_what_runs_elsewhere_exists(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert {word for word in words[1:] if "=" not in word} <= targets()
        assert all(f"$({word.partition('=')[0]})" in makefile for word in words[1:] if "=" in word)
    elif words[1:3] == ["-m", "pytest"]:
        assert all((ROOT / word).exists() for word in words[3:] if not word.startswith("-"))
    elif "install" in words[:4]:  # with pip, pipx, uv
        assert extras(command) <= set(project()["optional-dependencies"])
    elif words[0] == "docker":
        assert (ROOT / "Dockerfile").exists()
        assert words[1] == "build" or words[words.index("nlsr") + 1] == "upscale"
    else:
        assert importlib.util.find_spec(words[2])


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def extras(requirement: str) -> set[str]:
    found = re.search(r"\[(.*?)\]", requirement)
    return set(found[1].split(",")) if found else set()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_generated_is_up_to_date(page: str) -> None:
    for name, text in blocks(PAGES[page]):
        assert text == BLOCKS[name]().strip(), name
    assert PAGES[page].count("written by `make docs` -->") == len(list(blocks(PAGES[page])))


def test_everything_that_can_be_generated_stands_somewhere() -> None:
    assert {name for text in PAGES.values() for name, _ in blocks(text)} == set(BLOCKS)


def anchors(page: str) -> set[str]:
    """Return the anchors of a page as GitHub makes them of its headings."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(str(place.resolve().relative_to(ROOT))), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = re.findall(r"\]\(([\w/]+\.md)", PAGES["README.md"])
    assert set(PAGES) - {"README.md"} <= set(linked)


def test_files_and_rooms_that_are_named_exist() -> None:
    named = {
        path for text in PAGES.values() for path in re.findall(r"\b(?:nlsr_cli|tests|weights)/[\w./-]*\w", text)
    } - {"tests.tools"}
    missing = {path for path in named if not (ROOT / path).exists()}
    rooms = {room for page in PAGES for room in re.findall(r"`((?:[a-z]+/)+)`", prose(page))}
    missing |= {room for room in rooms if not ((ROOT / "nlsr_cli" / room).is_dir() or (ROOT / room).is_dir())}
    assert missing <= {"model/"}  # the folder that a training run makes


def test_every_room_is_in_the_drawing() -> None:
    for folder in (ROOT / "nlsr_cli").iterdir():
        if (folder / "__init__.py").is_file():
            assert f"{folder.name}/" in PAGES["docs/architecture.md"], folder


def test_options_and_targets_that_are_named_exist() -> None:
    known = set(re.findall(r"--[a-z][a-z-]*", PAGES["docs/reference.md"])) | FOREIGN
    for page in PAGES:
        for span in re.findall(r"`([^`\n]+)`", prose(page)):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", span)) <= known, span
            if span.startswith("make "):
                assert span.split()[1] in targets(), span


def test_every_exit_code_is_in_the_contract() -> None:
    for exit_code in ExitCode:
        assert f"\n| {int(exit_code)} | " in PAGES["docs/contract.md"], exit_code


def test_the_readme_is_short_and_its_picture_small() -> None:
    assert len(PAGES["README.md"].splitlines()) <= 200
    assert strip.PICTURE.relative_to(README.parent).as_posix() in PAGES["README.md"]
    assert strip.PICTURE.stat().st_size <= strip.MOST_BYTES
