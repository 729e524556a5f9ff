"""The bar on real terminals: it is there at once, fits, and nothing of it remains on the screen."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.console.bar import kind_of
from tests.conftest import ASSETS
from tests.console.screens import BAR, NLSR, Recording, record, resize

TERMINAL = {"TERM": "xterm"}


@pytest.fixture
def long_name(tmp_path: Path) -> Path:
    """Return a folder with a photograph whose name is longer than a narrow terminal, and wide."""
    with Image.open(ASSETS / "colosseum.png") as image:
        image.convert("RGB").save(tmp_path / "写真 of the Colosseum in the evening sun, seen from the hill.png")
    return tmp_path


def told(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def words_of(screen: list[str]) -> str:
    """Return the text of a screen, where lines that are too long are folded."""
    return "".join(screen).replace(" ", "")


@pytest.mark.parametrize("columns", [40, 120])
def test_nothing_remains_of_the_bar(long_name: Path, columns: int) -> None:
    """And every frame fits into one line: a folded one could not be erased."""
    recording = record([*NLSR, "upscale", long_name, "--scale", "2", "--tile", "64"], columns=columns)
    assert recording.code == 0, recording.said
    frames = recording.frames()
    assert any("loading" in frame for frame in frames)
    assert any("tile" in frame or "%" in frame for frame in frames)
    assert max(len(frame) for frame in frames) < columns
    shown = recording.screen()
    assert not set("".join(shown)) & set(BAR), shown
    assert "loading" not in "".join(shown)
    assert "hill_x2.png" in words_of(shown)
    assert shown[0].startswith("nlsn-lite-x2 on cpu"), "nothing stands before the first line, not even an empty one"


def test_the_bar_is_there_before_torch(sample: Path) -> None:
    """By the order of the bytes: Python names each module on standard error when it has been loaded."""
    recording = record([*NLSR, "upscale", sample], environment={"PYTHONPROFILEIMPORTTIME": "1"}, columns=200)
    drawn = recording.said.index("loading")
    modules = {found[1]: found.start() for found in re.finditer(r"\| +([\w.]+)\r?\n", recording.said)}
    for late in ("typer", "nlsr_cli.cli", "numpy", "rich", "torch"):
        if late in modules:
            assert drawn < modules[late], late
    assert "torch" in modules


@pytest.mark.parametrize("moment", ["loading", " %"])
def test_ctrl_c_leaves_no_dead_bar(long_name: Path, moment: str) -> None:
    def interrupt(main: int, recording: Recording) -> bool:
        if moment in recording.said:
            os.write(main, b"\x03")
            return True
        return False

    command = [*NLSR, "upscale", long_name, "--tile", "32", "--overlap", "8"]
    recording = record(command, columns=40, meanwhile=interrupt)
    assert recording.code == 130, recording.said
    shown = recording.screen()
    assert not set("".join(shown)) & set(BAR), shown
    assert "loading" not in "".join(shown)
    if moment == " %":
        assert "interrupted:" in "".join(shown)


def test_a_window_may_become_narrower(long_name: Path) -> None:
    def narrow(main: int, recording: Recording) -> bool:
        if "loading" not in recording.said:
            return False
        resize(main, 40)
        return True

    recording = record([*NLSR, "upscale", long_name, "--scale", "2"], columns=120, meanwhile=narrow)
    assert recording.code == 0
    assert max(len(frame) for frame in recording.frames()[-5:]) < 40
    assert not set("".join(recording.screen())) & set(BAR)


def test_a_dumb_terminal_gets_lines(sample: Path) -> None:
    recording = record([*NLSR, "upscale", sample], environment={"TERM": "dumb"})
    assert recording.code == 0
    assert "\x1b[J" not in recording.said
    assert recording.screen()[0] == "loading"
    assert not set(recording.said) & set(BAR)
    assert not re.search(r"\r(?!\n)", recording.said), "nothing is drawn over"


def test_output_in_a_pipe_is_not_drawn_into(sample: Path) -> None:
    """Its reader may print to the same terminal, and nobody can make the bar give way to that."""
    recording = record([*NLSR, "upscale", sample], piped=True)
    assert recording.code == 0
    assert recording.piped.decode() == f"{sample.parent}/photo_x4.png\n"
    assert not set(recording.said) & set(BAR)
    assert "loading" in recording.said


def test_standard_error_in_a_pipe_is_silent_about_what_goes_on(sample: Path) -> None:
    done = subprocess.run([*NLSR, "upscale", sample, "--scale", "2"], capture_output=True, check=True)
    assert b"\x1b" not in done.stderr
    assert b"loading" not in done.stderr


def test_no_colour_and_no_bar_where_they_are_not_wanted(sample: Path) -> None:
    recording = record([*NLSR, "upscale", sample, "--scale", "2"], environment={"NO_COLOR": "1"})
    assert recording.code == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", recording.said)
    assert record([*NLSR, "upscale", sample, "--quiet", "--overwrite", "--scale", "2"]).said == ""


def test_an_error_takes_the_bar_away(sample: Path) -> None:
    recording = record([*NLSR, "upscale", sample, "--fit", "covr"])
    assert recording.screen() == [
        "error: unknown --fit 'covr'",
        "hint: Did you mean cover? Valid: contain, cover, stretch.",
    ]


def test_the_process_that_draws_ends_with_a_killed_one(sample: Path) -> None:
    """It is told by the end of its input, whatever has ended the other."""
    ticker = Path(sys.modules["nlsr_cli.console.bar"].__file__ or "").with_name("ticker.py")
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", ticker, "ascii", "loading"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, drawn = child.communicate(b"show\tphoto\t0.5\t3\ttile 1/2\nhide\n", timeout=10)
    assert child.returncode == 0
    assert drawn.endswith(b"\r\x1b[J"), drawn


@pytest.mark.parametrize(
    ("words", "environment", "piped", "kind"),
    [
        (["upscale", "a.png"], TERMINAL, False, "live"),
        (["upscale", "a.png"], TERMINAL, True, "lines"),
        (["upscale", "-", "-o", "-"], TERMINAL, True, "live"),
        (["upscale", "-", "--output=-"], TERMINAL, True, "live"),
        (["upscale", "a.png"], {"TERM": "dumb"}, False, "lines"),
        (["upscale", "a.png"], {}, False, "lines" if os.name != "nt" else "live"),
        (["upscale", "a.png", "-q"], TERMINAL, False, ""),
        (["upscale", "--help"], TERMINAL, False, ""),
        (["upscale", "a.png"], {**TERMINAL, "_NLSR_COMPLETE": "complete_bash"}, False, ""),
        (["--version"], TERMINAL, False, ""),
        (["inspect", "a.png"], TERMINAL, False, ""),
        (["*.png"], TERMINAL, False, "live"),
        (["--scale", "2", "a.png"], TERMINAL, False, "live"),
        (["nothing-of-that-name"], TERMINAL, False, ""),
        ([], TERMINAL, False, ""),
    ],
)
def test_who_gets_a_bar(words: list[str], environment: dict[str, str], piped: bool, kind: str) -> None:
    assert kind_of(words, environment, terminal=True, piped=piped) == kind
    assert kind_of(words, environment, terminal=False, piped=piped) == ""
