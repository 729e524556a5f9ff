"""What a batch says in the end: after Ctrl-C, what is true of the next call."""

import pytest

from nlsr_cli.batch.outcome import Report
from nlsr_cli.console.batch import BatchConsole


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
