"""What a batch says in the end: after Ctrl-C, what is true of the next call."""

from pathlib import Path

import pytest

from nlsr_cli.batch.job import Job
from nlsr_cli.batch.outcome import Report
from nlsr_cli.batch.sink import FileSink
from nlsr_cli.batch.source import FileSource
from nlsr_cli.batch.task import Task
from nlsr_cli.console.batch import BatchConsole, BatchProgress


@pytest.mark.parametrize(
    ("existing", "done", "rows", "hint"),
    [
        ("error", 0, 0, "Nothing was finished, so the same command starts again."),
        ("resume", 0, 0, "Nothing was finished, so the same command starts again."),
        ("error", 0, 3, "The same command continues from here."),
        ("resume", 0, 3, "The same command continues from here."),
        ("resume", 2, 0, "The same command continues from here."),
        ("skip", 2, 0, "The same command continues from here."),
        ("error", 2, 0, "The same command with --skip-existing continues from here."),
        ("overwrite", 2, 0, "The same command starts again; without --overwrite, a folder continues from here."),
    ],
)
def test_the_hint_after_ctrl_c_is_true(
    existing: str, done: int, rows: int, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    BatchConsole().report(Report(done=done, total=5, existing=existing, interrupted=True, rows_kept=rows))
    assert f"hint: {hint}" in capsys.readouterr().err


def test_pictures_are_counted_in_the_order_in_which_they_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which changes where another process has some of them."""
    jobs = [Job(FileSource(Path(f"{name}.png")), FileSink(Path(f"{name}_x4.png"))) for name in "abcd"]
    console, shown = BatchConsole(), []
    monkeypatch.setattr(console, "show", lambda label, *_: shown.append(label))
    progress = BatchProgress(console, jobs, "resume")
    progress.on_start(Task(jobs[0]))
    progress.on_order([jobs[3], jobs[1]])
    progress.on_start(Task(jobs[3]))
    progress.on_waiting(jobs[1])
    assert shown == ["1/4 a.png", "3/4 d.png", "4/4 another process has b.png"]
