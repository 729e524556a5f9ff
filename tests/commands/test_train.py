"""`nlsr train` on the command line: what it prints, leaves and returns, and that a signal loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from nlsr_cli import load_model
from nlsr_cli.cli import app
from nlsr_cli.console.training import duration
from nlsr_cli.training.trainer import Trainer
from nlsr_cli.zoo import EMBEDDED
from tests.conftest import pixels, skip_where_ignored
from tests.training.photographs import save_photographs

QUICK = ("--steps", "4", "--every", "2", "--patch", "8", "--batch", "1", "--device", "cpu", "--precision", "fp32")


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin in a folder with photographs; here and in what is started, one thread is faster for so little."""
    monkeypatch.chdir(tmp_path)
    save_photographs(Path("photos"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", *arguments])


def test_a_model_of_ones_own_is_trained_and_used() -> None:
    """From a folder of photographs to an enlarged picture, by the commands alone."""
    result = invoke("photos", "--out", "run", "--scale", "2", *QUICK)
    assert (result.exit_code, result.stdout) == (0, f"{Path('run', 'model')}\n")
    said = result.stderr.splitlines()
    assert said[0] == "3 photographs (0.01 megapixels), 1 held back for validation"
    assert said[1].startswith("own-lite-x2 on cpu in fp32; bicubic interpolation reaches ")
    assert [line.split(":")[0] for line in said[2:4]] == ["step 2 (50%)", "step 4 (100%)"]
    assert "validation" in said[2]
    assert "(best)" in said[2]
    assert said[4].startswith("4 steps in ")
    assert sorted(path.name for path in Path("run").iterdir()) == [
        ".lock", "curve.png", "log.csv", "model", "state.pt", "status.json"
    ]  # fmt: skip
    enlarged = CliRunner().invoke(app, ["upscale", "photos/photo001.png", "-m", "run/model", "-o", "large.png"])
    assert enlarged.exit_code == 0, enlarged.stderr
    assert pixels(Path("large.png")).shape == (144, 128, 3)
    by_run = CliRunner().invoke(app, ["upscale", "photos/photo001.png", "-m", "run", "-o", "again.png"])
    assert by_run.exit_code == 0, by_run.stderr
    assert Path("again.png").read_bytes() == Path("large.png").read_bytes()


def test_the_examples_of_a_card_work_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They mean the model of the card, whose default name no embedded model has."""
    assert invoke("photos", "--out", "run", "--scale", "2", *QUICK).exit_code == 0
    save_photographs(Path("run/model"))
    monkeypatch.chdir("run/model")
    Path("photo001.png").rename("picture.png")
    card = Path("README.md").read_text()
    assert "# own-lite-x2\n" in card
    assert "own-lite-x2" not in EMBEDDED
    words = re.search("^nlsr (upscale .*)$", card, re.MULTILINE)[1].split()  # type: ignore[index]
    shown = CliRunner().invoke(app, [*words, "-o", "card.png"])
    assert shown.exit_code == 0, shown.stderr
    named = CliRunner().invoke(app, ["upscale", "picture.png", "-m", "model.safetensors", "-o", "named.png"])
    assert named.exit_code == 0, named.stderr
    assert pixels(Path("card.png")).tolist() == pixels(Path("named.png")).tolist()
    made: dict[str, Any] = {}
    exec(card.split("```python\n")[1].split("```")[0], made)
    torch.testing.assert_close(
        made["model"].state_dict(), load_model("./model.safetensors").state_dict(), rtol=0, atol=0
    )


def test_json_has_one_object_per_event() -> None:
    (Path("photos") / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = invoke("photos", "-o", "run", "--scale", "2", "--json", "--quiet", *QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progressed"] == [
        "prepared", "validated", "validated", "finished"
    ]  # fmt: skip
    first, last = events[0], events[-1]
    assert (first["photographs"], first["validation"], first["precision"], first["init"]) == (3, 1, "fp32", None)
    assert "broken.png" in first["unreadable"][0]
    (model,) = last["models"]
    assert model["model"] == str(Path("run", "model"))
    validated = [event for event in events if event["event"] == "validated"]
    assert [event["step"] for event in validated] == [2, 4]
    assert model["psnr"] == pytest.approx(max(event["psnr"] for event in validated), abs=1e-3)


def test_quiet_says_nothing_and_verbose_names_files() -> None:
    (Path("photos") / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    quiet = invoke("photos", "--out", "a", "--quiet", *QUICK)
    assert (quiet.exit_code, quiet.output) == (0, "")
    told = invoke("photos", "--out", "b", *QUICK).stderr
    assert "skipped 1 file (unreadable): broken.png\n" in told
    assert str(Path("photos", "broken.png")) not in told
    assert str(Path("photos", "broken.png")) in invoke("photos", "--out", "c", "--verbose", *QUICK).stderr


def test_starting_from_another_scale_is_told() -> None:
    result = invoke("photos", "--out", "run", "--init", "nlsn-lite-x4", "--scale", "3", *QUICK)
    assert result.exit_code == 0, result.stderr
    assert "from nlsn-lite-x4: " in result.stderr
    assert "the tail is new (it enlarges 4x)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("photos", "--steps", "4", "--minutes", "1"), 2, "give either --steps or --minutes"),
        (("photos", "--preset", "large"), 2, "unknown preset 'large'"),
        (("photos", "--scale", "5"), 2, "scale must be one of"),
        (("photos", "--scale", "much"), 2, "--scale must be a whole number"),
        (("photos", "--precision", "fp16"), 2, "training in fp16 is not supported"),
        (("photos", "--device", "cuda:999"), 2, "is not available"),
        (("photos", "--rate", "-1"), 2, "--rate must be from 0 to 1"),
        (("photos", "--resume"), 2, "holds no run to continue"),
        (("photos", "--init", "nothing"), 2, "unknown model"),
        (("photos", "--init", "lite", "--preset", "base"), 1, "cannot be continued"),
        (("photos/photo001.png",), 2, "one photograph is not enough"),
        (("nowhere",), 2, "nowhere does not exist"),
        ((), 2, "no photographs are named"),
        (("photos", "--out", ""), 2, "--out is missing"),
    ],
)
def test_errors_are_one_line_and_one_hint(arguments: tuple[str, ...], code: int, message: str) -> None:
    """And leave no folder behind."""
    result = invoke("--patch", "8", "--out", "run", *arguments)
    assert result.exit_code == code
    lines = [line for line in result.stderr.splitlines() if not line.startswith("skipped")]
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert result.stdout == ""
    assert not Path("run").exists()


def test_a_run_is_not_overwritten_and_other_choices_are_named() -> None:
    assert invoke("photos", "--out", "run", *QUICK).exit_code == 0
    before = (Path("run") / "state.pt").read_bytes()
    again = invoke("photos", "--out", "run", *QUICK)
    assert again.exit_code == 2
    assert "already holds state.pt" in again.stderr
    other = invoke("photos", "--out", "run", "--resume", *QUICK, "--seed", "1")
    assert other.exit_code == 2
    assert "seed was 0, not 1" in other.stderr
    assert (Path("run") / "state.pt").read_bytes() == before
    assert invoke("photos", "--out", "run", "--resume", *QUICK).exit_code == 0, "a finished run is exported again"


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(number: signal.Signals) -> None:
    """Through the real command line: the log but for times and the model are those of an unbroken run."""
    skip_where_ignored(number.name)
    common = ["photos", "--scale", "2", *QUICK, "--steps", "30", "--every", "4"]
    command = [sys.executable, "-m", "nlsr_cli", "train", *common, "--json", "--out"]
    with subprocess.Popen([*command, "broken"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "validated":
                break
        time.sleep(0.05)
        process.send_signal(number)
        events = [json.loads(line) for line in process.stdout]
    assert process.returncode == 130
    assert events[-1]["event"] == "interrupted"
    assert 4 <= events[-1]["step"] < 30
    assert invoke(*common, "--out", "whole").exit_code == 0
    resumed = invoke(*common, "--out", "broken", "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert f"resuming after step {events[-1]['step']}" in resumed.stderr
    logs = []
    for run in ("whole", "broken"):
        rows = [line.split(",") for line in (Path(run) / "log.csv").read_text().splitlines()]
        logs.append([[row[0], *row[2:5]] for row in rows])
    assert logs[0] == logs[1]
    models = [Path(run, "model", "model.safetensors").read_bytes() for run in ("whole", "broken")]
    assert models[0] == models[1]


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
def test_a_running_run_is_paused_looked_at_and_stopped() -> None:
    """By a signal to the real process; it uses no processor meanwhile, and Ctrl-C ends it."""
    skip_where_ignored("SIGINT")
    command = [sys.executable, "-m", "nlsr_cli", "train", "photos", "--scale", "2", *QUICK, "--steps", "100000"]
    with started([*command, "--out", "run", "--json"]) as process:
        assert process.stdout is not None

        def until(event: str) -> dict[str, object]:
            for line in process.stdout or ():
                if (found := json.loads(line))["event"] == event:
                    return dict(found)
            raise AssertionError(event)

        until("validated")
        running = look("run")
        assert (running["state"], running["expected_end"] is not None) == ("running", True)
        assert 0 < running["share"] < 0.1
        assert running["patches_per_second"] == running["steps_per_second"]
        process.send_signal(signal.SIGUSR1)
        paused = until("paused")
        assert paused["file"] is None
        assert look("run") | {"state": "paused", "step": paused["step"], "expected_end": None} == look("run")
        before = processor_seconds(process.pid)
        time.sleep(1.5)
        assert processor_seconds(process.pid) - before < 0.1
        process.send_signal(signal.SIGUSR1)
        assert until("resumed")["step"] == paused["step"]
        process.send_signal(signal.SIGUSR1)
        last = until("paused")["step"]
        process.send_signal(signal.SIGINT)
        assert until("interrupted")["step"] == last
    assert process.returncode == 130
    assert look("run")["state"] == "interrupted"
    assert (Path("run") / "model" / "model.safetensors").is_file(), "what was exported on the way can be used"
    line = invoke("--status", "run").stdout
    assert re.fullmatch(
        rf"run: interrupted, step {last} \(\d+%\), [\d.e+]+ steps/s, [\d.e+]+ patches/s, "
        r"best [\d.]+ dB at step \d+, bicubic [\d.]+ dB\n",
        line,
    ), line


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed like that there")
def test_a_killed_run_is_seen_as_interrupted() -> None:
    command = [sys.executable, "-m", "nlsr_cli", "train", "photos", "--scale", "2", *QUICK, "--steps", "100000"]
    with started([*command, "--out", "run", "--json"]) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if json.loads(line)["event"] == "validated")
        process.send_signal(signal.SIGKILL)
    assert look("run")["state"] == "interrupted"
    assert "the run had not finished" in (Path("run") / "model" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--status", "none"), "none holds no run with a status"),
        (("--status", "run", "photos"), "photographs cannot be given with --status"),
        (("--status", "run", "--rate", "0.1"), "--rate cannot be given with --status"),
    ],
)
def test_mistakes_with_status_are_told(arguments: tuple[str, ...], message: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}\nhint: ")


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a process, and end it where the test fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def look(folder: str) -> dict[str, Any]:
    result = invoke("--status", folder, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has used, or 0 where the system has no /proc that tells."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_an_interruption_that_does_not_wait_keeps_what_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C once more, in the middle of a step."""
    original = Trainer.step

    def interrupted(self: Trainer, progress: float) -> None:
        if self.steps == 3:
            raise KeyboardInterrupt
        original(self, progress)

    monkeypatch.setattr(Trainer, "step", interrupted)
    result = invoke("photos", "--out", "run", *QUICK)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.endswith("interrupted\n")
    monkeypatch.setattr(Trainer, "step", original)
    assert "resuming after step 2" in invoke("photos", "--out", "run", "--resume", *QUICK).stderr


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (11_100, "3 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_measuring_on_what_is_learned_from_is_told() -> None:
    result = invoke("photos", "--out", "run", "--validation", "photos", *QUICK)
    assert "note: 4 of these pictures are also trained on, so their scores flatter the model\n" in result.stderr
    first = json.loads(invoke("photos", "-o", "b", "--validation", "photos", "--json", *QUICK).stdout.splitlines()[0])
    assert first["shared"] == 4


def test_halves_that_nothing_is_large_enough_for_are_told() -> None:
    result = invoke("photos", "--out", "run", "--scale", "2", *QUICK, "--patch", "20")
    assert "note: none is large enough for --halves: at half size a photograph must still hold a patch" in result.stderr
    result = invoke("photos", "--out", "other", "--scale", "2", *QUICK, "--patch", "20", "--halves", "0")
    assert "--halves" not in result.stderr
