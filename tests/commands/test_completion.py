"""What shells offer after TAB: asked of real shells, and answered without loading anything heavy."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.commands import completion
from nlsr_cli.evaluation.bench import CASES
from nlsr_cli.images.formats import WRITABLE
from nlsr_cli.nlsn.config import IMAGE_SKIPS
from nlsr_cli.nlsn.presets import PRESETS
from nlsr_cli.training.recipe import LOSSES

HEAVY = {"torch", "numpy", "PIL", "rich", "huggingface_hub", "safetensors", "pydantic"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home in which `nlsr` is a command, with nothing of the user's."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "nlsr"
    script.write_text(f"#!{sys.executable}\nfrom nlsr_cli.__main__ import main\nmain()\n")
    script.chmod(0o755)
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


def offered(line: str, folder: Path, **more: str) -> list[str]:
    """Return what bash is answered for a line with the cursor at its end."""
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_NLSR_COMPLETE": "complete_bash"}
    env = {**os.environ, **asked, **more}
    done = subprocess.run([folder / "bin" / "nlsr"], env=env, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nlsr up", ["upscale"]),
        ("nlsr models ver", ["verify"]),
        ("nlsr upscale --fo", ["--format"]),
        ("nlsr photo.jpg --fo", ["--format"]),
        ("nlsr upscale a.png --format j", ["jpeg", "jxl"]),
        ("nlsr upscale --fit ", ["contain", "cover", "stretch"]),
        ("nlsr upscale --wrap ", ["x", "y", "xy"]),
        ("nlsr upscale --precision ", ["auto", "fp32", "fp16", "bf16"]),
        ("nlsr upscale -s ", ["2", "3", "4", "8", "16"]),
        ("nlsr upscale --model nlsn", ["nlsn-lite-x2", "nlsn-lite-x3", "nlsn-lite-x4"]),
        ("nlsr evaluate b", ["bicubic"]),
        ("nlsr models info nlsn-lite-x4", ["nlsn-lite-x4"]),
        ("nlsr train --preset ", ["lite", "base", "full"]),
        ("nlsr bench --case a", ["attention"]),
        ("nlsr upscale --device c", ["cpu"]),
    ],
)
def test_values_are_offered(line: str, expected: list[str], home: Path) -> None:
    found = offered(line, home)
    assert [word for word in found if not word.startswith("cuda")] == expected


def test_models_of_the_cache_and_of_folders_are_offered(home: Path) -> None:
    for folder in (
        home / ".cache/huggingface/hub/models--someone--nlsn-x4/snapshots/abc",
        home / "trained" / "model",
    ):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"")
    assert offered("nlsr upscale --model someone", home) == ["someone/nlsn-x4"]
    assert offered("nlsr upscale --model trained/", home) == ["trained/model"]
    assert offered("nlsr upscale --model trained/model/", home) == ["trained/model/model.safetensors"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nothing_heavy_is_loaded(shell: str, home: Path) -> None:
    """By the list of modules: a shell waits for the answer at each press of the key."""
    asked = {
        "bash": {"COMP_WORDS": "nlsr upscale --model l", "COMP_CWORD": "3"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "nlsr upscale --"},
        "fish": {"_TYPER_COMPLETE_ARGS": "nlsr upscale --", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    env = {**os.environ, **asked, "_NLSR_COMPLETE": f"complete_{shell}", "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run([home / "bin" / "nlsr"], env=env, capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE))
    assert "typer" in loaded
    assert done.stdout.strip()
    assert not loaded & HEAVY


def test_bash_completes(home: Path) -> None:
    """As installed by `--install-completion`, by a real bash with its own words of the line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    subprocess.run([bash, "-c", "nlsr --install-completion; true"], check=True, capture_output=True, cwd=home)
    assert "nlsr.sh" in (home / ".bashrc").read_text()
    ask = (
        "source ~/.bashrc; COMP_WORDS=(nlsr upscale --fit c); COMP_CWORD=3; _nlsr_completion nlsr; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run([bash, "--norc", "-c", ask], capture_output=True, text=True, check=True, cwd=home)
    assert done.stdout.split() == ["contain", "cover"]


def test_zsh_completes(home: Path) -> None:
    """On a terminal of its own, as zsh answers to a key; the first one in a session only loads what answers."""
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("needs zsh (Debian: zsh)")
    from tests.console.screens import Recording, record

    subprocess.run([zsh, "-c", "nlsr --install-completion; true"], check=True, capture_output=True, cwd=home)
    rc = home / ".zshrc"
    rc.write_text(rc.read_text().replace("compinit\n", "compinit -u\n") + "\nPS1='ready> '\n")
    typed = [b"nlsr upscale --fit s\t", b"\x15nlsr upscale --fit s\t", b"\x15nlsr upscale -m nls\t"]
    typed.append(b"\x15exit\n")
    waiting = ["ready>", "nlsr upscale --fit s", "stretch", "-m nlsn-lite-x"]

    def type_(main: int, recording: Recording) -> bool:
        if typed and waiting[0] in recording.said:
            waiting.pop(0)
            os.write(main, typed.pop(0))
        return not typed

    recording = record([zsh, "-i"], meanwhile=type_, environment={"TERM": "xterm"}, seconds=60)
    assert "nlsr upscale --fit stretch" in recording.said
    assert "nlsr upscale -m nlsn-lite-x" in recording.said


def test_words_are_those_that_the_code_takes() -> None:
    """They are written down once more, because the code that takes them loads what a shell must not wait for."""
    assert set(completion.FORMATS) == {name.lower() for name in WRITABLE}
    assert tuple(CASES) == completion.CASES
    assert set(completion.PRESETS) == set(PRESETS)
    assert set(completion.LOSSES) == set(LOSSES)
    assert completion.IMAGE_SKIPS == IMAGE_SKIPS


def test_devices_are_those_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlsr_cli.upscaling import cuda

    monkeypatch.setattr(completion, "GPUS", tmp_path)
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cuda, "read_build", lambda: cuda.Build("2.9.0+cu126", "12.6", None))
    assert completion.devices("cuda") == ["cuda", "cuda:0", "cuda:1"]
    assert completion.many_devices("cuda:") == ["cuda:0", "cuda:1", "cuda:all"]
    monkeypatch.setattr(cuda, "read_build", lambda: cuda.Build("2.9.0+cpu", None, None))
    assert completion.devices("c") == ["cpu"]
    assert json.dumps(completion.devices("")).startswith('["auto", "cpu"')
