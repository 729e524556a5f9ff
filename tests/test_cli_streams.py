"""Standard streams and places that fail: closed, full, gone. One line each, and finished files stay."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import pixels
from tests.test_cli import names, run

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
UNIX = pytest.mark.skipif(os.name == "nt", reason="needs a Unix shell")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = command.replace("nlsr", f"{sys.executable} -m nlsr_cli")
    return subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)


@UNIX
def test_closed_standard_output_takes_no_results(sample: Path) -> None:
    result = shell("nlsr upscale photo.png >&-", sample.parent)
    assert result.returncode == 0, result.stderr
    assert pixels(sample.parent / "photo_x4.png").shape == (160, 192, 3)
    assert shell("nlsr upscale photo.png -o - >&-", sample.parent).returncode == 1


@UNIX
def test_closed_standard_error_and_input(sample: Path) -> None:
    assert shell("nlsr upscale photo.png 2>&-", sample.parent).returncode == 0
    result = shell("nlsr upscale - -o - <&-", sample.parent)
    assert (result.returncode, result.stdout) == (1, "")
    assert "error: standard input: is closed" in result.stderr


@FULL
@pytest.mark.parametrize("options", ["", "-o -", "--json"])
def test_full_standard_output_is_one_clear_line(sample: Path, options: str) -> None:
    result = shell(f"nlsr upscale photo.png {options} > /dev/full", sample.parent)
    assert result.returncode == 1
    assert "standard output" in result.stderr
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def nlsr(*arguments: object, folder: Path, **streams: object) -> subprocess.CompletedProcess[str]:
    """Run the command with streams of its own; what goes to none of them is returned."""
    command = [sys.executable, "-m", "nlsr_cli", *map(str, arguments)]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(command, cwd=folder, text=True, check=False, env={**os.environ}, **given)


@pytest.fixture
def unread() -> Iterator[int]:
    """Return a pipe whose reader has gone, as behind `| head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@UNIX
@pytest.mark.parametrize("arguments", ["--help", "--version", "models list", "doctor"])
def test_reader_that_goes_away_ends_as_by_its_signal(arguments: str, tmp_path: Path, unread: int) -> None:
    result = nlsr(*arguments.split(), folder=tmp_path, stdout=unread)
    assert (result.returncode, result.stderr) == (141, "")


@UNIX
@pytest.mark.parametrize("options", [["-o", "out"], ["-o", "out", "--json"]])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_work_is_lost_to_a_reader_that_goes_away(sample: Path, unread: int, stream: str, options: list[str]) -> None:
    """Both streams: the talk of a batch goes on for hours, and who follows it may stop."""
    sample.with_name("second.png").write_bytes(sample.read_bytes())
    result = nlsr("upscale", ".", "-s", 2, *options, folder=sample.parent, **{stream: unread})
    assert (result.returncode, names(sample.parent / "out")) == (141, ["photo_x2.png", "second_x2.png"])
    assert "Traceback" not in f"{result.stdout}{result.stderr}"


@UNIX
def test_a_picture_that_nobody_takes_is_told(sample: Path, unread: int) -> None:
    result = nlsr("upscale", sample, "-s", 2, "-o", "-", folder=sample.parent, stdout=unread)
    assert result.returncode == 141
    assert "error: standard output: cannot be written: Broken pipe" in result.stderr


@FULL
@pytest.mark.parametrize("arguments", ["--help", "models list", "doctor --json"])
def test_a_full_device_is_one_line(arguments: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = nlsr(*arguments.split(), folder=tmp_path, stdout=full)
    said = [line for line in result.stderr.splitlines() if not line.startswith("hint: ")]
    assert (result.returncode, said) == (1, ["error: standard output cannot be written: No space left on device"])


@FULL
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_work_is_lost_to_a_full_device(sample: Path, stream: str) -> None:
    sample.with_name("second.png").write_bytes(sample.read_bytes())
    with Path("/dev/full").open("w") as full:
        result = nlsr("upscale", ".", "-s", 2, "-o", "out", folder=sample.parent, **{stream: full})
    assert (result.returncode, names(sample.parent / "out")) == (1, ["photo_x2.png", "second_x2.png"])


ODD = "naïve → 日本.png"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "lite", ".", "-s", "2"], "PSNR"),
        (["upscale", ODD, "-s", "2", "-o", "out.png"], "out.png"),
        (["upscale", ODD, "-s", "2", "--json"], '"status": "done"'),
        (["inspect", ODD], "PNG"),
        (["upscale", "--help"], "Usage: "),
    ],
    ids=["evaluate", "upscale", "JSON", "inspect", "help"],
)
def test_no_work_is_lost_to_characters_that_cannot_be_shown(
    sample: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, arguments: list[str], said: str
) -> None:
    """A table with a Japanese name in a terminal of western Europe ended in a traceback, after the work."""
    sample.rename(sample.with_name(ODD))
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    result = nlsr(*arguments, folder=sample.parent, encoding=encoding, errors="replace")
    assert result.returncode == 0, result.stderr
    assert said in result.stdout
    assert "Traceback" not in result.stderr


@UNIX
def test_folder_that_is_gone(tmp_path: Path) -> None:
    result = shell("mkdir gone && cd gone && rmdir ../gone && nlsr upscale a.png", tmp_path)
    assert result.returncode == 1
    assert "hint: The current folder may be gone: change to another one." in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
def test_endless_input_is_refused_by_its_first_bytes(tmp_path: Path) -> None:
    result = shell("nlsr upscale - -o a.png < /dev/zero", tmp_path)
    assert result.returncode == 1
    assert "error: standard input: is not in a known picture format" in result.stderr


@UNIX
def test_reader_of_the_first_line_does_not_stop_the_batch(sample: Path) -> None:
    sample.with_name("second.png").write_bytes(sample.read_bytes())
    shell("nlsr upscale . -o out | head -1", sample.parent)
    assert names(sample.parent / "out") == ["photo_x4.png", "second_x4.png"]


def test_name_that_the_suffix_makes_too_long_fails_alone(sample: Path) -> None:
    long = sample.with_name("x" * 250 + ".png")
    long.write_bytes(sample.read_bytes())
    result = run("upscale", sample.parent)
    assert result.exit_code == 3
    assert "File name too long" in result.stderr
    assert "hint: Choose another name with -o or --suffix." in result.stderr
    assert "photo_x4.png" in names(sample.parent)


def test_no_output_replaces_another_input(sample: Path) -> None:
    other = sample.with_name("photo_x4.png")  # also by a hard link of another name
    other.write_bytes(sample.read_bytes())
    result = run("upscale", sample, other, "--overwrite")
    assert result.exit_code == 3
    assert f"the output of {sample} would replace {other}, which is also an input" in result.stderr
    assert other.read_bytes() == sample.read_bytes()


@UNIX
def test_devices_are_never_replaced(sample: Path, tmp_path: Path) -> None:
    """A rename over /dev/null, as root, would break the machine."""
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    result = run("upscale", sample, "-o", pipe, "--overwrite")
    assert result.exit_code == 1
    assert "a device or pipe already has this name" in result.stderr
    assert pipe.is_fifo()


def test_a_bug_ends_in_one_line_too(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("nlsr_cli.api.plan_files", broken)
    result = run("upscale", sample)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: unexpected ZeroDivisionError: oops",
        "hint: Please report it with what NLSR_DEBUG=1 shows.",
    ]
