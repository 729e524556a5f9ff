"""What is entered of a call: failures where they are looked for, and a shard's word before its first picture."""

import json
from pathlib import Path

import pytest

from nlsr_cli.batch.bookkeeping import Bookkeeping, Declaration
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.batch.ledgers import Ledgers, declared, name_of
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.sink import FileSink, StandardOutput
from nlsr_cli.batch.source import FileSource
from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.shards import Shard
from tests.batch.test_ledger import values

FIRST, SECOND = Shard(0, 2), Shard(1, 2)
MADE = {"options": {"strength": 1.0, "suffix": None}, "weights": {"2": "a" * 64}}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def job(folder: Path, name: str = "a.png", output: str | None = "out/a_x2.png") -> Job:
    source = folder / "in" / name
    return Job(FileSource(source), FileSink(folder / output if output else source))


def books(*jobs: Job, home: Path | None = None, enters: bool = True) -> Bookkeeping:
    return Bookkeeping(jobs, home=home, shard=FIRST, enters=enters)


@pytest.mark.parametrize(
    ("output", "home", "place", "origin"),
    [
        ("out/beach/a_x2.png", "out", "out/beach", "../../in/a.png"),
        (None, "out", "out", "../in/a.png"),
        (None, None, "in", "a.png"),
    ],
)
def test_a_failure_is_entered_where_the_output_was_to_go(
    tmp_path: Path, output: str | None, home: str | None, place: str, origin: str
) -> None:
    """Or, if not even its name is known, at the top of all outputs, or beside the input."""
    failed = job(tmp_path, output=output)
    error = ImageReadError(failed.source.path, "x" * 10_000, "look at it")
    (tmp_path / place).mkdir(parents=True)
    books(failed, home=home and tmp_path / home).fail(failed, error)
    (line,) = lines(tmp_path / place / name_of(FIRST))
    assert (line["state"], line["origin"], line["output"]) == ("failed", origin, output and "a_x2.png")
    assert line["source"] == str(tmp_path / "in" / "a.png")
    assert (line["error"]["type"], line["error"]["hint"]) == ("ImageReadError", "look at it")
    assert len(line["error"]["message"]) == 4096
    assert line["time"] > 1.7e9


def test_no_folder_is_made_for_a_failure_but_one_that_comes_is_told(tmp_path: Path) -> None:
    """A call that has written nothing leaves nothing behind."""
    out, failed = tmp_path / "out", job(tmp_path, "b.png", "out/beach/b_x2.png")
    kept = books(failed, job(tmp_path), home=out)
    kept.fail(failed, ImageReadError("b.png", "is broken"))
    assert not out.exists()
    out.mkdir()
    assert kept.enter(out, values(), "done") == ()
    done, line = lines(out / name_of(FIRST))
    assert (done["state"], line["state"], line["origin"]) == ("done", "failed", "../in/b.png")
    assert line["output"] == "beach/b_x2.png", "from the top, as its own folder is not there"
    assert line["time"] <= done["time"]
    kept.enter(out, values(), "done")
    assert len(lines(out / name_of(FIRST))) == 3, "once"


def test_a_failure_that_cannot_be_entered_is_no_failure_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    failed = job(tmp_path)
    books(failed).fail(failed, ImageReadError("a.png", "is broken"))
    assert (tmp_path / "out").read_bytes() == b"a file"


def test_only_jobs_of_the_call_with_a_place_on_the_disk_are_entered(tmp_path: Path) -> None:
    mine, streamed = job(tmp_path), Job(FileSource(tmp_path / "b.png"), StandardOutput())

    def outcome(name: str) -> Outcome:
        return Outcome(tmp_path / name, None, "failed", name=str(tmp_path / name))

    kept = books(mine, streamed)
    assert [kept.job_of(outcome(name)) for name in ("in/a.png", "b.png", "c.png")] == [mine, None, None]
    assert books(mine, enters=False).job_of(outcome("in/a.png")) is None


def test_what_failed_before_is_known_wherever_it_was_entered(tmp_path: Path) -> None:
    mine = job(tmp_path, output="out/beach/a_x2.png")
    (tmp_path / "out" / "beach").mkdir(parents=True)
    for output in (None, "out/beach/a_x2.png"):
        before = job(tmp_path, output=output)
        books(before, home=tmp_path / "out").fail(before, ImageReadError("a.png", "is broken"))
        assert books(mine, home=tmp_path / "out").failed_at(mine) > 1.7e9
    (tmp_path / "out" / name_of(FIRST)).unlink()
    assert books(mine).failed_at(mine) > 1.7e9
    assert books(job(tmp_path, "b.png")).failed_at(job(tmp_path, "b.png")) == 0


def declaration(folder: Path, shard: Shard, **changes: object) -> Declaration:
    return Declaration([folder], shard, {**MADE, **changes}, 5)


def test_shards_that_say_the_same_agree(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for shard in (FIRST, SECOND, FIRST):
        declaration(out, shard).check()
        declaration(out, shard).make(again=False)
    said = declared(out / name_of(FIRST))
    assert said is not None
    assert (said["shard"], said["pictures"], said["options"]) == ("0/2", 5, MADE["options"])
    assert len(lines(out / name_of(FIRST))) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"options": {"strength": 0.5, "suffix": None}}, r"other options \(--strength\)"),
        ({"options": {"strength": 1.0, "suffix": "-big"}}, r"other options \(--suffix\)"),
        ({"weights": {"2": "b" * 64}}, "another model"),
    ],
)
def test_a_shard_that_differs_is_refused_with_what_is_different(tmp_path: Path, changes: dict, told: str) -> None:
    declaration(tmp_path, FIRST).make(again=False)
    with pytest.raises(OptionError, match=f"--shard 0/2 was started in {tmp_path} with {told}\nhint: Give all shards"):
        declaration(tmp_path, SECOND, **changes).check()
    assert not (tmp_path / name_of(SECOND)).exists()
    declaration(tmp_path, FIRST, **changes).check()
    declaration(tmp_path, Shard(1, 3), **changes).check()


def test_of_two_that_begin_at_once_the_later_one_takes_its_word_back(tmp_path: Path) -> None:
    """Both have looked before either has said a word."""
    other = declaration(tmp_path, SECOND, weights={})
    other.check()
    declaration(tmp_path, FIRST).make(again=False)
    with pytest.raises(OptionError, match="another model"):
        other.make(again=False)
    declaration(tmp_path, FIRST).check()
    other.make(again=True)
    with pytest.raises(OptionError, match="another model"):
        declaration(tmp_path, FIRST).check()


def test_the_common_ledger_says_nothing_of_shards(tmp_path: Path) -> None:
    Ledgers(tmp_path, ()).add(values(state="shard", weights={}))
    declaration(tmp_path, FIRST).check()
    assert (tmp_path / LEDGER_NAME).exists()


def test_a_shard_that_cannot_say_its_word_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / name_of(FIRST)).mkdir()
    with pytest.raises(OptionError, match="the ledger of --shard 0/2 cannot be written in"):
        declaration(tmp_path, FIRST).make(again=False)
