"""The words after `nlsr`: pictures without a command, words that are nearly right, and what is shown of results."""

import os
import subprocess
from pathlib import Path

import pytest

from nlsr_cli.cli import with_command
from nlsr_cli.commands.opening import place_of
from tests.test_cli import NLSR, names, run

COMMANDS = {"upscale", "train", "models"}
OWN = {"--help", "-h", "--version", "--install-completion"}


@pytest.fixture
def desk(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the sample as the current one."""
    monkeypatch.chdir(sample.parent)
    return sample.parent


@pytest.mark.parametrize(
    "words",
    [
        ["photo.png"],
        ["photo.png", "--scale", "2"],
        ["--scale", "2", "photo.png"],
        ["-s", "2", "--", "photo.png"],
        [".", "-r"],
        ["-r", "."],
        ["*.png"],
        ["-", "-o", "-"],
        ["-o", "out.png", "-"],
        ["nowhere.png"],
        ["./train"],
    ],
)
def test_pictures_and_their_options_need_no_command(words: list[str], desk: Path) -> None:
    assert with_command(words, COMMANDS, OWN) == ["upscale", *words]


@pytest.mark.parametrize(
    "words", [[], ["train"], ["train", "photo.png"], ["--help"], ["--version"], ["--verison"], ["trian"], ["-h"]]
)
def test_what_needs_none_stays(words: list[str], desk: Path) -> None:
    """A file that is called as a command means the command, and a folder of another name is a folder."""
    (desk / "train").write_bytes(b"")
    assert with_command(words, COMMANDS, OWN) == words


def test_nlsr_photo_enlarges_it(desk: Path) -> None:
    result = run("photo.png", "--scale", "2")
    assert (result.exit_code, result.stdout) == (0, "photo_x2.png\n")
    result = run("--scale", "3", "photo.png")
    assert (result.exit_code, result.stdout) == (0, "photo_x3.png\n")
    assert run("*_x2.png", "--dry-run").exit_code == 0
    assert run(".", "-r", "--dry-run").exit_code == 0
    assert run("-", "-o", "-", stdin=Path("photo.png").read_bytes()).stdout_bytes.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["foto.png"], "foto.png: does not exist", "Did you mean photo.png?"),
        (["upscael"], "no such command 'upscael', and no such file", "Did you mean upscale?"),
        (["nonsense"], "no such command 'nonsense', and no such file", "Try: "),
        (["--verison"], "no such option: --verison", "Did you mean --version?"),
        (["--sclae", "2", "photo.png"], "no such option: --sclae", "Did you mean --scale"),
        (["-i", "photo.png", "-o", "out.png"], "no such option: -i", "Write inputs without an option: nlsr upscale"),
        (["photo.png", "-n", "realesrgan-x4plus"], "no such option: -n", "Name a network, a folder or a file: --model"),
        (["photo.png", "--gpu", "0"], "no such option: --gpu", "Name a device: --device cuda"),
        (["photo.png", "--tta"], "no such option: --tta", "Eight passes are averaged with: --ensemble"),
        (["-v"], "no such option: -v", "The version: nlsr --version"),
        (
            ["--quiet", "upscale", "photo.png"],
            "options come after the command",
            "Write: nlsr upscale --quiet photo.png",
        ),
        (["photo.png", "--format", "jpge"], "unknown format 'jpge'", "Did you mean jpeg?"),
        (["photo.png", "--device", "cdua"], "unknown device 'cdua'", "Did you mean cuda?"),
        (["photo.png", "--model", "nlsn-light"], "unknown model 'nlsn-light'", "Did you mean nlsn-lite-x4?"),
        (["photo.png", "--fit", "covr"], "unknown --fit 'covr'", "Did you mean cover?"),
        (["photo.png", "--alpha", "lanczo"], "unknown --alpha 'lanczo'", "Did you mean lanczos?"),
        (["photo.png", "--wrap", "xyz"], "unknown --wrap 'xyz'", "Did you mean xy?"),
        (["photo.png", "--precision", "fp61"], "unknown precision 'fp61'", "Did you mean fp16?"),
        (["train", ".", "--out", "o", "--preset", "lit"], "unknown preset 'lit'", "Did you mean lite?"),
        (["train", ".", "--out", "o", "--loss", "l11"], "unknown loss 'l11'", "Did you mean l1?"),
        (["train", ".", "--out", "o", "--store", "flaot16"], "unknown storage 'flaot16'", "Did you mean float16?"),
        (["bench", "--case", "atention"], "unknown case 'atention'", "Did you mean attention?"),
    ],
)
def test_the_nearest_word_is_offered(words: list[str], error: str, hint: str, desk: Path) -> None:
    result = run(*words)
    first, second = result.stderr.splitlines()[:2]
    assert result.exit_code == 2, result.stderr
    assert first == f"error: {error}"
    assert second.startswith(f"hint: {hint}")


# ---- --open


def viewer(folder: Path, script: str) -> dict[str, str]:
    """Return an environment in which the system's viewer is a script; both names, for Linux and macOS."""
    folder.mkdir()
    for name in ("xdg-open", "open"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SEEN": str(folder / "seen")}


def shown(folder: Path, *words: object) -> str:
    """Return what the viewer was given."""
    env = viewer(folder, 'echo "$@" >> "$SEEN"')
    subprocess.run([*NLSR, *map(str, words)], env=env, check=True, capture_output=True)
    return (folder / "seen").read_text() if (folder / "seen").exists() else ""


@pytest.mark.skipif(os.name == "nt", reason="the viewer is a part of Windows")
def test_open_shows_the_result(sample: Path, tmp_path: Path) -> None:
    assert shown(tmp_path / "one", sample, "--open") == f"{sample.parent / 'photo_x4.png'}\n"
    (sample.parent / "b.png").write_bytes(sample.read_bytes())
    assert shown(tmp_path / "two", sample.parent, "-o", tmp_path / "out", "--open") == f"{tmp_path / 'out'}\n"
    assert shown(tmp_path / "again", sample.parent, "-o", tmp_path / "out", "--open"), "also what was done before"
    assert shown(tmp_path / "none", sample, "-s", "2") == ""


@pytest.mark.skipif(os.name == "nt", reason="the viewer is a part of Windows")
def test_a_viewer_that_fails_is_a_note(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = viewer(tmp_path / "bin", "exit 3")
    done = subprocess.run([*NLSR, sample, "--open"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "is not shown: " in done.stderr
    assert "ended with exit code 3" in done.stderr
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    result = run(sample, "--open", "--overwrite")
    assert result.exit_code == 0
    assert "is not shown: this system has no " in result.stderr


def test_open_needs_a_file(sample: Path) -> None:
    for words in (["-o", "-", "--open"], ["--dry-run", "--open"]):
        result = run(sample, *words)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: --open")
    assert names(sample.parent) == ["photo.png"]


def test_several_results_are_shown_as_their_folder(tmp_path: Path) -> None:
    assert place_of([tmp_path / "a" / "x.png", tmp_path / "a" / "y.png"]) == tmp_path / "a"
    assert place_of([tmp_path / "a" / "x.png", tmp_path / "b" / "c" / "y.png"]) == tmp_path
