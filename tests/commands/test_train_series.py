"""`nlsr train --series`: the same command goes on after any break, and one failed run does not stop the others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from nlsr_cli.cli import app
from nlsr_cli.errors import TrainingDiverged
from nlsr_cli.nlsn.presets import PRESETS
from nlsr_cli.training import photos as photos_module
from nlsr_cli.training.series import Given, read_series
from nlsr_cli.training.trainer import Trainer
from tests.training.photographs import save_photographs

COMMON = """
patch = 8
batch = 1
steps = 6
every = 3
"""
SERIES = f"""{COMMON}
[[run]]
out = "all"
scale = [2, 3]
name = "mine"

[[run]]
out = "x2"
scale = 2
init = "all"
attention-from = 0

[[run]]
out = "other"
scale = 3
seed = 1
"""


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin in a folder with photographs, with networks and threads for so little."""
    monkeypatch.chdir(tmp_path)
    save_photographs(Path("photos"))
    small = {"n_feats": 8, "n_resblocks": 1, "chunk_size": 16, "attention_at": (1,)}
    monkeypatch.setitem(PRESETS, "lite", {**PRESETS["lite"], **small})
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def invoke(text: str, *arguments: str) -> Result:
    Path("series.toml").write_text(text)
    settings = ("--series", "series.toml", "--out", "runs", "--device", "cpu", "--precision", "fp32")
    return CliRunner().invoke(app, ["train", "photos", *settings, *arguments])


def states(result: Result) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return [(Path(event["out"]).name, event["state"]) for event in events if event["event"] == "run"]


def weights(run: str) -> bytes:
    return (Path("runs") / run / "model.safetensors").read_bytes()


def test_runs_follow_each_other_and_read_the_photographs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model of the first is what the second begins with; a second call has nothing to do."""
    read: list[Path] = []
    original = photos_module.read_picture

    def counted(path: Path) -> object:
        read.append(path)
        return original(path)

    monkeypatch.setattr(photos_module, "read_picture", counted)
    result = invoke(SERIES, "--json")
    assert result.exit_code == 0, result.stderr
    assert states(result) == [("all", "begins"), ("x2", "begins"), ("other", "begins")]
    assert len(read) == len(set(read)) == 4
    card = Path("runs", "x2", "model", "README.md").read_text()
    assert f"Started from `{Path('runs', 'all', 'model-x2')}`: all " in card
    assert "# mine-x2" in Path("runs", "all", "model-x2", "README.md").read_text()
    again = invoke(SERIES, "--json")
    assert (again.exit_code, {state for _, state in states(again)}) == (0, {"finished before"})
    assert len(read) == 4


def test_a_broken_series_goes_on_as_if_nothing_had_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = invoke(SERIES)
    assert whole.exit_code == 0, whole.stderr
    expected = [weights(run) for run in ("all/model-x3", "x2/model", "other/model")]
    Path("runs").rename("whole")
    original = Trainer.step
    steps: list[int] = []

    def interrupted(self: Trainer, progress: float) -> None:
        steps.append(self.steps)
        if len(steps) in (5, 10):  # in the first run, and again in the second
            raise KeyboardInterrupt
        original(self, progress)

    monkeypatch.setattr(Trainer, "step", interrupted)
    assert invoke(SERIES).exit_code == 130
    second = invoke(SERIES, "--json")
    assert (second.exit_code, states(second)) == (130, [("all", "goes on"), ("x2", "begins")])
    last = invoke(SERIES, "--json")
    assert last.exit_code == 0, last.stderr
    assert ("all", "finished before") in states(last)
    assert [weights(run) for run in ("all/model-x3", "x2/model", "other/model")] == expected


def test_a_failed_run_stops_only_those_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Trainer.step

    def spoiled(self: Trainer, progress: float) -> None:
        if len(self.models) == 2 and self.steps == 4:
            raise TrainingDiverged(self.steps)
        original(self, progress)

    monkeypatch.setattr(Trainer, "step", spoiled)
    result = invoke(SERIES, "--json")
    assert result.exit_code == 3
    first = Path("runs", "all")
    assert states(result) == [
        ("all", "begins"), ("all", "failed"), ("x2", f"left out, as {first} failed"), ("other", "begins")
    ]  # fmt: skip
    assert "error: the training diverged before step 4" in result.stderr
    assert weights("other/model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("patch = 8", "patch = "), "series.toml is not valid TOML"),
        (("[[run]]", "[[runs]]"), "series.toml lists no runs"),
        (("seed = 1", "seeds = 1"), "run 3: unknown choice 'seeds'"),
        (("seed = 1", 'seed = "one"'), "run 3: seed must be a whole number, not 'one'"),
        (("seed = 1", "seed = true"), "run 3: seed must be a whole number, not True"),
        (("seed = 1", "rate = 2"), "run 3: --rate must be from 0 to 1"),
        (("seed = 1", "minutes = 1"), "run 3: give either --steps or --minutes"),
        (('out = "other"', 'out = "x2"'), f"run 3: {Path('runs', 'x2')} is also the folder of an earlier run"),
        (('out = "other"', ""), "run 3: the run has no folder"),
        (("scale = 3\nseed", "scale = 5\nseed"), "run 3: scale must be one of"),
        (("seed = 1", 'init = "nothing"'), f"run {Path('runs', 'other')}: unknown model 'nothing'"),
        (("seed = 1", 'validation = "none"'), f"run {Path('runs', 'other')}: none does not exist"),
    ],
)
def test_the_whole_file_is_looked_at_before_the_first_run(change: tuple[str, str], message: str) -> None:
    result = invoke(SERIES.replace(*change))
    assert result.exit_code == 2, result.stderr
    assert message in result.stderr.splitlines()[0]
    assert result.stderr.count("\n") <= 2
    assert not Path("runs").exists()


def test_a_changed_choice_of_a_begun_run_is_told_before_any_run() -> None:
    assert invoke(SERIES).exit_code == 0
    before = weights("other/model")
    result = invoke(SERIES.replace("steps = 6", "steps = 8"))
    assert result.exit_code == 2
    assert f"run {Path('runs', 'all')}: " in result.stderr
    assert "steps was 6, not 8" in result.stderr
    assert weights("other/model") == before


def test_options_that_a_series_states_are_refused() -> None:
    for arguments, name in ((("--rate", "0.1"), "--rate"), (("--resume",), "--resume"), (("--steps", "3"), "--steps")):
        result = invoke(SERIES, *arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {name} cannot be given with --series\n")


def test_a_budget_is_shared_in_proportion() -> None:
    text = SERIES.replace("steps = 6\nevery = 3", "minutes = 10").replace("seed = 1", "minutes = 30")
    Path("series.toml").write_text(text)
    plans = [entry.plan for entry in read_series(Path("series.toml"), Given(data=("photos",), minutes=5.0))]
    assert [plan.budget.minutes for plan in plans] == [1.0, 1.0, 3.0]


def test_a_model_is_continued_where_it_fits() -> None:
    """Its attention too; else the run begins from nothing, and joins attention when the series says."""
    text = COMMON + '[[run]]\nout = "first"\nscale = 2\n'
    assert invoke(text).exit_code == 0
    text += (
        '[[run]]\nout = "{}"\nscale = {}\ninit = "first"\ninit-if-fits = true\nattention-from = 0.5\npreset = "{}"\n'
    )
    fits = invoke(text.format("fits", 2, "lite"))
    assert fits.exit_code == 0, fits.stderr
    card = Path("runs", "fits", "model", "README.md").read_text()
    assert "Started from" in card
    assert "attention-from 0.0" in card
    PRESETS["base"], kept = {**PRESETS["lite"], "n_feats": 16}, PRESETS["base"]
    try:
        other = invoke(text.format("other", 2, "base"))
    finally:
        PRESETS["base"] = kept
    assert other.exit_code == 0, other.stderr
    assert f"note: {Path('runs', 'first')} does not fit this network, which starts from scratch\n" in other.stderr
    card = Path("runs", "other", "model", "README.md").read_text()
    assert "Started from" not in card
    assert "attention-from 0.5" in card
    assert "--init" not in card


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell of threads")
def test_in_the_background_every_thread_gives_way() -> None:
    """Of a real process, in a session of its own, whose group gives way too where the system has such."""
    code = (
        "import threading, pathlib; from nlsr_cli.training.background import give_way; assert give_way() == ''\n"
        "over = threading.Event(); thread = threading.Thread(target=over.wait); thread.start()\n"
        "stats = [path.read_text() for path in pathlib.Path('/proc/self/task').glob('*/stat')]\n"
        "print(*(stat.rsplit(')', 1)[1].split()[16] for stat in stats))\n"
        "group = pathlib.Path('/proc/self/autogroup'); print(group.read_text().split()[-1] if group.exists() else 19)\n"
        "over.set()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert process.stdout.split() == ["19", "19", "19"]


def test_the_background_is_asked_for_by_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what could not be lowered is told."""
    monkeypatch.setattr("nlsr_cli.training.background.give_way", lambda: "the session stays as it is")
    text = COMMON + '[[run]]\nout = "only"\nscale = 2\n'
    assert "the session stays as it is" not in invoke(text).stderr
    assert "note: the session stays as it is\n" in invoke(text, "--background").stderr
