"""The schemas in docs/schema/ are the contract of `--json`: real output of every command satisfies them, each key is
required, and whatever later releases add is allowed.
"""

import copy
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from nlsr_cli.console.printer import JSON_SCHEMA
from tests.conftest import ASSETS
from tests.test_cli import run
from tests.tools.reference import ROOT
from tests.training.photographs import save_photographs

SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "docs" / "schema").glob("*.json"))}
FAST = ("-s", "2", "--device", "cpu")
TRAIN = (
    "photos",
    "-o",
    "run",
    "-s",
    "2",
    "--steps",
    "4",
    "--every",
    "2",
    "--patch",
    "8",
    "--batch",
    "1",
    "--device",
    "cpu",
)
COMMANDS = {  # command lines by the schema that they follow
    "upscale": (
        ("upscale", "photos", "gone.png", "broken.png", "book.cbz", "pages.tif", "-o", "out", *FAST),
        ("upscale", "tower", "-o", "out", *FAST, "--shard", "0/1"),
        ("upscale", "tower.jpg", "gone.png", "-o", "planned", *FAST, "--dry-run"),
    ),
    "status": (("status", "out"),),  # where the commands above have written
    "check": (("check", "out", "--pixels"),),
    "evaluate": (
        ("evaluate", "bicubic", "photos", "-s", "2"),
        ("evaluate", "lite", "tower", *FAST, "--degrade", "jpeg:50"),
    ),
    "train": (("train", *TRAIN), ("train", "--status", "run")),
    "compare": (
        ("compare", "tower.jpg", "tower.jpg"),
        ("compare", "tower.jpg", "tower.jpg", "--truth", "tower.jpg", "-o", "a.html"),
    ),
    "attention": (
        ("attention", "tower.jpg", "--at", "30,20", "-s", "2", "--precision", "fp32"),
        ("attention", "tower.jpg", "--at", "3,2", "-s", "4", "-o", "seen.png"),
    ),
    "inspect": (("inspect", "tower.jpg", "photos/photo001.png", "pages.tif", "broken.tif"),),
    "models": (("models", "list"), ("models", "info", "lite"), ("models", "verify", "nlsn-lite-x2")),
    "bench": (("bench", "--case", "attention", "--quick", "--device", "cpu"),),
    "doctor": (("doctor",),),
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Return what every command prints with `--json`, by its schema."""
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        save_photographs(Path("photos"))
        Path("tower").mkdir()
        for place in (".", "tower"):
            shutil.copy(ASSETS / "tower.jpg", place)
        with Image.open("tower.jpg") as image:
            image.crop((0, 0, 20, 16)).save("pages.tif", save_all=True, append_images=[image.crop((0, 0, 16, 16))])
        pages = Path("pages.tif").read_bytes()  # of which the second one has no width
        at = pages.rindex(b"\0\1\4\0\1\0\0\0\x10") + 8
        Path("broken.tif").write_bytes(pages[:at] + b"\0" + pages[at + 1 :])
        Path("broken.png").write_bytes((ASSETS / "colosseum.png").read_bytes()[:300])
        with zipfile.ZipFile("book.cbz", "w") as book:
            book.write("tower.jpg", "1.jpg")
            book.write("broken.png", "2.png")
        found: dict[str, list[Any]] = {}
        for name, lines in COMMANDS.items():
            for line in lines:
                result = run(*line, "--json")
                assert result.stdout, result.output
                found.setdefault(name, []).extend(map(json.loads, result.stdout.splitlines()))
    return found


def errors_in(name: str, value: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMAS[name]).iter_errors(value)]


def objects(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the objects in a value are."""
    if isinstance(value, dict):
        yield place
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from objects(each, (*place, key))


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def test_every_command_with_json_has_a_schema() -> None:
    assert set(SCHEMAS) == set(COMMANDS)
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
        assert schema["properties"]["schema"]["const"] == JSON_SCHEMA


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_printed_follows_the_schema(name: str, printed: dict[str, list[Any]]) -> None:
    assert [error for line in printed[name] for error in errors_in(name, line)] == []


def test_what_is_printed_is_of_every_kind(printed: dict[str, list[Any]]) -> None:
    """Or the schemas would be held against little."""
    statuses = {line["status"] for line in printed["upscale"] if "status" in line}
    assert statuses == {"done", "failed", "would write", "would fail"}
    assert any(line["pages"]["kept"] for line in printed["upscale"] if line.get("pages"))
    ledgers = printed["status"][-1]["summary"]["ledgers"]
    assert [ledger["shard"] for ledger in ledgers] == [None, "0/1"]
    assert {line["status"] for line in printed["check"] if "status" in line} >= {"failed", "damaged"}
    events = {line["event"] for line in printed["train"]}
    assert events >= {"prepared", "progressed", "validated", "finished", "status"}
    assert any("machine" in line for line in printed["bench"])
    assert any("check" in line for line in printed["models"])


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"doctor"}))
def test_additions_are_allowed_everywhere(name: str, printed: dict[str, list[Any]]) -> None:
    for line in printed[name]:
        for place in objects(line):
            if place and str(place[-1]) in ("types", "versions", "matmul_flops", "convolution_flops"):
                continue  # whose keys are names of what was there
            if "provenance" in place:
                continue
            grown = copy.deepcopy(line)
            at(grown, place)["added later"] = [{"anything": None}]
            assert errors_in(name, grown) == [], place
    assert errors_in("train", {"schema": 1, "event": "something new"}) == []


OPEN = {"types", "versions", "matmul_flops", "convolution_flops", "provenance", "config", "init"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"doctor"}))
def test_every_key_that_is_printed_is_required(name: str, printed: dict[str, list[Any]]) -> None:
    """A key that a release forgets breaks scripts, and this test."""
    for line in printed[name]:
        for place in objects(line):
            if OPEN & set(map(str, place)):
                continue
            for key in at(line, place):
                poorer = copy.deepcopy(line)
                del at(poorer, place)[key]
                assert errors_in(name, poorer), (*place, key)


@pytest.mark.parametrize("name", COMMANDS)
def test_other_versions_are_refused(name: str, printed: dict[str, list[Any]]) -> None:
    assert errors_in(name, {**printed[name][0], "schema": JSON_SCHEMA + 1})


def documented(schema: Any) -> Iterator[str]:
    """Yield the keys that a schema knows."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from documented(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from documented(each)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_names_every_key_of_the_schema(name: str) -> None:
    page = (ROOT / "docs" / "contract.md").read_text("utf-8")
    assert [key for key in documented(SCHEMAS[name]) if f"`{key}`" not in page] == []
