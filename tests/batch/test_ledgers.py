"""All ledgers of a folder are read as one, in the order of time, and each process writes its own."""

import os
from pathlib import Path

import pytest

from nlsr_cli.batch import ledgers as module
from nlsr_cli.batch.ledger import FAILED, LEDGER_NAME
from nlsr_cli.batch.ledgers import SHARD, WITHDRAWN, Ledgers, declared, ledgers_in, name_of, shard_of
from nlsr_cli.shards import Shard
from tests.batch.test_ledger import values

FIRST, SECOND = Shard(0, 2), Shard(1, 2)


def ledgers(folder: Path, shard: Shard | None = None) -> Ledgers:
    return Ledgers(folder, {"a.png", "b.png"}, shard)


def test_each_shard_writes_a_file_of_its_own() -> None:
    assert [name_of(each) for each in (None, FIRST)] == [LEDGER_NAME, ".nlsr-ledger-0of2.jsonl"]
    assert [shard_of(name_of(each)) for each in (None, SECOND)] == [None, SECOND]
    assert [shard_of(f".nlsr-ledger-{each}.jsonl") for each in ("2of2", "0of0", "x", "0of2.jsonl")] == [None] * 4


def test_the_ledgers_of_a_folder_are_those_files(tmp_path: Path) -> None:
    for name in (
        "photo.png",
        ".nlsr-ledger-1of2.jsonl",
        LEDGER_NAME,
        ".nlsr-ledger-0of2.jsonl",
        ".nlsr-ledger-x.jsonl",
    ):
        (tmp_path / name).touch()
    assert ledgers_in(tmp_path) == [LEDGER_NAME, ".nlsr-ledger-0of2.jsonl", ".nlsr-ledger-1of2.jsonl"]
    assert ledgers_in(tmp_path / "gone") == []


def test_what_any_has_entered_counts_in_the_order_of_time(tmp_path: Path) -> None:
    for shard, times in ((FIRST, (1.5, 4)), (None, (3,)), (SECOND, (2,))):
        for time in times:
            ledgers(tmp_path, shard).add(values(sha256=f"{time:064}", time=time))
    assert [entry.time for entry in ledgers(tmp_path, SECOND).entries("a.png")] == [4, 3, 2, 1.5]
    ledgers(tmp_path).add(values(time="never"))
    assert ledgers(tmp_path).entries("a.png")[-1].time == 0, "of a line that does not say when"


def test_others_are_looked_for_once_unless_they_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of thousands a look takes milliseconds."""
    looks: list[Path] = []
    monkeypatch.setattr(module, "ledgers_in", lambda folder: looks.append(folder) or ledgers_in(folder))
    mine = ledgers(tmp_path, FIRST)
    mine.add(values())
    assert [len(mine.entries("a.png")) for _ in range(3)] == [1] * 3
    assert len(looks) == 1
    ledgers(tmp_path, SECOND).add(values("b.png"))
    os.utime(tmp_path, ns=(1, 1))  # as any new file does, however coarse the clock
    assert mine.entries("b.png") == []
    assert len(mine.entries("b.png", anew=True)) == 1
    assert len(mine.entries("b.png", anew=True)) == 1
    assert len(looks) == 2, "nothing was added since"


def test_a_folder_that_comes_later_is_looked_into(tmp_path: Path) -> None:
    mine = ledgers(tmp_path / "out", FIRST)
    assert mine.entries("a.png") == []
    (tmp_path / "out").mkdir()
    ledgers(tmp_path / "out", SECOND).add(values())
    assert len(mine.entries("a.png")) == 1


def test_what_failed_and_was_not_done_since_is_known_by_its_path(tmp_path: Path) -> None:
    for shard, time in ((FIRST, 5.0), (SECOND, 7.0)):
        ledgers(tmp_path, shard).add({"state": FAILED, "origin": "../in/a.png", "time": time})
    ledgers(tmp_path).add({"state": FAILED, "origin": "b.png", "time": 6.0})
    ledgers(tmp_path).add(values("b_x2.png", origin="b.png"))
    assert ledgers(tmp_path).failures() == {str(tmp_path.parent / "in" / "a.png"): 7.0}


def test_trouble_with_any_is_told(tmp_path: Path) -> None:
    (tmp_path / name_of(SECOND)).mkdir()
    mine = ledgers(tmp_path, FIRST)
    assert mine.entries("a.png") == []
    assert mine.trouble == "it is not a regular file"
    (tmp_path / name_of(SECOND)).rmdir()
    mine.entries("a.png")
    assert mine.trouble == ""


def test_what_a_shard_says_of_itself_is_what_it_said_last(tmp_path: Path) -> None:
    path, mine = tmp_path / name_of(FIRST), ledgers(tmp_path, FIRST)
    assert declared(path) is None
    mine.add(values())
    assert declared(path) is None
    for strength in (1, 2):
        mine.add({"state": SHARD, "options": {"strength": strength}})
    mine.add(values())
    said = declared(path)
    assert said is not None
    assert said["options"] == {"strength": 2}
    mine.add({"state": WITHDRAWN})
    assert declared(path) is None
