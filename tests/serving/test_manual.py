"""What docs/serving.md tells people to type: servers start with it, and curl and Python get what they ask for."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.serving import refusals
from nlsr_cli.serving import server as server_module
from nlsr_cli.serving.asked import OPTIONS
from nlsr_cli.serving.settings import ServeOptions
from tests.serving.serving import Running, picture
from tests.tools.reference import ROOT

PAGE = (ROOT / "docs" / "serving.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
DEFAULT = "http://127.0.0.1:8000"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "photo.jpg").write_bytes(picture(form="JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_line_is_tested() -> None:
    assert {shlex.split(line)[0] for line in LINES} == {"nlsr", "curl", "docker"}


@pytest.mark.parametrize("line", [line for line in LINES if "nlsr serve" in line])
def test_a_server_starts_with_these_options(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ServeOptions] = []
    monkeypatch.setattr(server_module, "serve", lambda options, _: seen.append(options) or 0)
    words = shlex.split(line)
    result = CliRunner().invoke(app, words[words.index("serve") :])
    assert result.exit_code == 0, result.stderr
    assert len(seen) == 1


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("curl ")])
def test_curl_gets_what_it_asks_for(line: str, server: Running, desk: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    command = line.replace(DEFAULT, server.address)
    done = subprocess.run(shlex.split(command), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    if " -o " in line:
        with Image.open(desk / line.rpartition(" ")[2]) as image:
            assert image.size == (48, 40)
    else:
        assert done.stdout


def test_the_client_in_python_works(server: Running, desk: Path) -> None:
    (code,) = [block for language, block in BLOCKS if language == "python"]
    assert len(code.splitlines()) <= 13
    exec(code.replace(DEFAULT, server.address), {})
    with Image.open(desk / "larger.jpg") as image:
        assert image.size == (48, 40)


def test_options_and_statuses_are_all_there() -> None:
    for name in OPTIONS:
        assert f"`{name}`" in PAGE
    kinds = [each for each in vars(refusals).values() if isinstance(each, type) and issubclass(each, refusals.Refusal)]
    for kind in kinds:
        if kind is not refusals.Refusal:
            assert f"`{kind.__name__}`" in PAGE
            assert re.search(rf"^\| .*\b{kind.status}\b.* \|", PAGE, re.MULTILINE), kind
    assert {kind.status for kind in kinds} <= set(refusals.MEANINGS)


def test_addresses_are_all_there(server: Running) -> None:
    for path, methods in server.ask("GET", "/openapi.json").json["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path.replace('{id}', 'ID')}`" in PAGE, path
