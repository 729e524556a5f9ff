"""The folder of a run: nobody's work is overwritten, a state is whole or refused, one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import astuple, replace
from pathlib import Path

import pytest
import torch

from nlsr_cli.errors import OptionError, RunFolderError, TrainingDiverged
from nlsr_cli.files import lock, part_beside
from nlsr_cli.training.folder import RunFolder
from nlsr_cli.training.saved import FORMAT, Row, Saved
from nlsr_cli.training.status import Status, read_status

CHOICES = {"preset": "lite", "steps": 4, "rate": 0.001, "init": None}
ROW = Row(2, 1.25, 0.0123456789, 27.5, 0.5, 12.3456)


def saved(**changes: object) -> Saved:
    trainer = {"steps": 2, "weights": [torch.ones(2)], "optimizers": [{"state": {0: {"average": torch.zeros(2)}}}]}
    return Saved(**{"choices": CHOICES, "trainer": trainer, "rows": [ROW], **changes})  # type: ignore[arg-type]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "deep" / "run", resume=False)
    folder.save(saved(seconds=1.5, best={2: {"head": torch.arange(3.0)}}, best_row=0), "title")
    assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "curve.png", "log.csv", "state.pt"]
    assert (folder.path / "log.csv").read_text() == (
        "step,seconds,loss,psnr,rate,steps_per_second\n2,1.2,0.0123457,27.5000,0.5,12.35\n"
    )
    folder.close()
    again = RunFolder(folder.path, resume=True).load(CHOICES)
    assert (again.seconds, again.rows, again.best_row, again.last_step) == (1.5, [ROW], 0, 2)
    assert torch.equal(again.best[2]["head"], torch.arange(3.0))


@pytest.mark.parametrize("name", ["state.pt", "log.csv", "curve.png", "model"])
def test_a_folder_with_a_run_is_not_begun_again(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(OptionError, match=f"already holds {name} of a run") as caught:
        RunFolder(tmp_path, resume=False)
    assert ("--resume" in caught.value.hint) == (name == "state.pt")


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds no run to continue"):
        RunFolder(tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_a_folder_made_for_nothing_is_removed(tmp_path: Path) -> None:
    """A run that fails before its first step leaves no trace; a folder that was there stays."""
    RunFolder(tmp_path / "deep" / "run", resume=False).close()
    (tmp_path / "mine").mkdir()
    RunFolder(tmp_path / "mine", resume=False).close()
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"], "and its lock is gone"


def test_other_choices_are_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    with pytest.raises(OptionError, match=r"other options: steps was 4, not 8; rate was 0\.001, not 0\.5") as e:
        folder.load({**CHOICES, "steps": 8, "rate": 0.5})
    assert "budget" in e.value.hint


def test_damaged_states_are_refused_in_one_line(tmp_path: Path) -> None:
    """Truncated, exchanged, or of another program: one clear error, and nothing in it is executed."""
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    path = tmp_path / "state.pt"
    data = path.read_bytes()
    other = tmp_path / "other"
    torch.save({"format": FORMAT, "choices": CHOICES, "surprise": 1}, other)
    for bytes_ in (b"", data[: len(data) // 2], b"\x80\x04" + data, other.read_bytes()):
        path.write_bytes(bytes_)
        with pytest.raises(RunFolderError, match=r"state\.pt is damaged"):
            folder.load(CHOICES)
    torch.save({"format": 0}, path)
    with pytest.raises(RunFolderError, match="another version"):
        folder.load(CHOICES)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_states_that_are_not_finite_are_never_written(tmp_path: Path, value: float) -> None:
    """The last good one is what a diverged run is worth."""
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    before = (tmp_path / "state.pt").read_bytes()
    bad = saved()
    bad.trainer["optimizers"][0]["state"][0]["average"][1] = value
    with pytest.raises(TrainingDiverged):
        folder.save(bad, "")
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_full_disk_keeps_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunFolderError, match="cannot be written: No space left"):
        folder.save(saved(seconds=9.0), "")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_places_that_cannot_be_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="is not a folder"):
        RunFolder(tmp_path / "file", resume=False)
    for place in (tmp_path / "file" / "run", tmp_path / "deep" / ("a" * 300)):
        with pytest.raises(RunFolderError, match="cannot be written"):
            RunFolder(place, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """The second is refused while the first lives, and let in when it dies, however it does."""
    code = (
        "import sys, pathlib; from nlsr_cli.training.folder import RunFolder\n"
        "folder = RunFolder(pathlib.Path(sys.argv[1]), resume=False); sys.stdout.write('held'); sys.stdout.flush()\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.read(4) == b"held"
        with pytest.raises(RunFolderError, match="another process is training here"):
            RunFolder(tmp_path, resume=False)
        other.kill()
    RunFolder(tmp_path, resume=False).close()


def test_altered_bytes_are_noticed(tmp_path: Path) -> None:
    """A disk that changes one bit of a weight must not change the run in silence."""
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(best={2: {"head": torch.full((1000,), 0.123)}}), "")
    path = tmp_path / "state.pt"
    data = bytearray(path.read_bytes())
    data[data.index(torch.full((9,), 0.123).numpy().tobytes()) + 99] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunFolderError, match="damaged"):
        folder.load(CHOICES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
def test_a_state_that_is_no_file_is_damaged(tmp_path: Path) -> None:
    """And a pipe is not waited for."""
    folder = RunFolder(tmp_path, resume=False)
    (tmp_path / "state.pt").mkdir()
    with pytest.raises(RunFolderError, match="damaged"):
        folder.load(CHOICES)
    (tmp_path / "state.pt").rmdir()
    os.mkfifo(tmp_path / "state.pt")
    with pytest.raises(RunFolderError, match="damaged"):
        folder.load(CHOICES)


def test_parts_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    folder.close()
    folder.model.mkdir()
    for place in (tmp_path, folder.model):
        part_beside(place / "state.pt").touch()
    RunFolder(tmp_path, resume=True).close()
    assert not list(tmp_path.rglob("*.part"))


def test_the_state_is_the_last_to_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two files, a run does the step again and logs it; a log that lags would stay so."""
    names: list[str] = []
    monkeypatch.setattr("nlsr_cli.training.folder.replace_files", lambda files: names.extend(p.name for p in files))
    RunFolder(tmp_path, resume=False).save(saved(), "")
    assert names[-1] == "state.pt"


@pytest.mark.parametrize("name", ["log.csv", "model"])
def test_hints_do_not_lead_in_circles(tmp_path: Path, name: str) -> None:
    """Without its state a run can neither go on nor begin: another folder is the only way."""
    (tmp_path / name).touch()
    for resume in (False, True):
        with pytest.raises(OptionError) as caught:
            RunFolder(tmp_path, resume=resume)
        assert "another folder" in caught.value.hint
        assert "--resume" not in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": None},
        {"due": "soon"},
        {"trainer": []},
        {"origin": ("lite",)},
        {"best_row": 1},
        {"exported_row": "none"},
        {"rows": [Row(*"abcdef")]},  # type: ignore[arg-type]
    ],
)
def test_states_of_other_kinds_are_damaged(tmp_path: Path, change: dict[str, object]) -> None:
    """Whole files with the right names in them, which somebody else made."""
    folder = RunFolder(tmp_path, resume=False)
    values = {**vars(saved(**change)), "format": FORMAT}
    values["rows"] = [astuple(row) for row in values["rows"]]
    torch.save(values, tmp_path / "state.pt")
    with pytest.raises(RunFolderError, match="damaged"):
        folder.load(CHOICES)


STATUS = Status("paused", 3, 0.25, 4.0, 2.0, 16.0, 27.5, 2, 26.0, 12.0, 1_000.0)


def test_a_status_follows_the_process(tmp_path: Path) -> None:
    """Whatever it says, a run that nobody holds is interrupted or finished, and one that somebody holds goes on."""
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    for state, held, free in (
        ("running", "running", "interrupted"),
        ("paused", "paused", "interrupted"),
        ("interrupted", "running", "interrupted"),
        ("finished", "running", "finished"),
    ):
        folder.write_status(replace(STATUS, state=state))
        assert read_status(tmp_path).state == held
        folder.close()
        assert read_status(tmp_path) == replace(STATUS, state=free)
        folder = RunFolder(tmp_path, resume=True)
        assert read_status(tmp_path).state == "running", "what was killed in a pause does not pause now"
    assert read_status(tmp_path).end == 1_012.0


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", STATUS.encode().replace(b"27.5", b'"high"')])
def test_a_damaged_status_is_told_and_stops_nobody(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path, resume=False)
    folder.save(saved(), "")
    folder.close()
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"status\.json is damaged"):
        read_status(tmp_path)
    RunFolder(tmp_path, resume=True).close()


def test_the_state_of_the_format_before_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, resume=False)
    values = {**vars(saved()), "format": 2, "rows": [astuple(ROW)]}
    del values["exported_row"]
    torch.save(values, tmp_path / "state.pt")
    assert folder.load(CHOICES).exported_row == -1


def test_looking_does_not_keep_a_run_from_beginning(tmp_path: Path) -> None:
    """Whoever looks has the lock for a moment: a run that begins just then waits for it."""
    (tmp_path / ".lock").touch()
    with (tmp_path / ".lock").open() as file:
        assert lock(file.fileno(), shared=True)
        threading.Timer(0.1, file.close).start()
        RunFolder(tmp_path, resume=False).close()


def test_a_folder_of_other_things_is_no_place_for_a_run(tmp_path: Path) -> None:
    """State, log and curve among somebody's photographs would be taken for pictures, and be in the way."""
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(OptionError, match=r"holds other files, such as holiday\.jpg"):
        RunFolder(tmp_path, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_what_a_killed_run_left_is_no_other_thing(tmp_path: Path) -> None:
    for name in (".lock", ".nlsr-0123456789abcdef.part", "status.json", "pause"):
        (tmp_path / name).touch()
    RunFolder(tmp_path, resume=False).close()
