"""A ledger loses no line, mixes none, believes no damaged one, and ends for nobody who made it up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlsr_cli.upscaling import ledger as module
from nlsr_cli.upscaling.ledger import LEDGER_NAME, MAX_LINE, Ledger, parse


def values(output: str = "a.png", **changes: object) -> dict[str, object]:
    return {
        "state": "done",
        "output": output,
        "key": "1" * 64,
        "input_sha256": "2" * 64,
        "size": 3,
        "sha256": "4" * 64,
        "models": [{"name": "m", "revision": None, "sha256": "5" * 64}],
        "origin": "../a.png",
        **changes,
    }


def ledger(folder: Path, *names: str) -> Ledger:
    return Ledger(folder, set(names or ("a.png",)))


def test_what_is_added_is_found_by_others_who_look_later(tmp_path: Path) -> None:
    mine, theirs = ledger(tmp_path), ledger(tmp_path)
    assert theirs.entries("a.png") == []
    mine.add(values())
    mine.add(values("other.png"))
    (entry,) = theirs.entries("a.png")
    assert (entry.key, entry.content, entry.size, entry.sha256) == ("1" * 64, "2" * 64, 3, "4" * 64)
    assert (entry.weights, entry.origin) == (("5" * 64,), "../a.png")
    assert theirs.entries("other.png") == [], "only what the call is about is held"


def test_the_last_entry_comes_first_and_equal_bytes_count_once(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    for key, sha256 in (("1", "a"), ("2", "b"), ("3", "a")):
        book.add(values(key=key * 64, sha256=sha256 * 64))
    assert [(each.key[0], each.sha256[0]) for each in book.entries("a.png")] == [("3", "a"), ("2", "b")]


def test_a_line_is_on_the_disk_before_the_output_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut too, an output that is there has a line: what was added is forced out, whole."""
    path, synced, fsync = tmp_path / LEDGER_NAME, [], os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", record)
    book = ledger(tmp_path)
    for key in ("1", "2"):
        book.add(values(key=key * 64))
        assert synced[-1:] == [(path.stat().st_ino, path.read_bytes())]
    assert len(synced) == 2


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    """As a process leaves it that is killed while it writes."""
    book = ledger(tmp_path, "a.png", "b.png", "c.png")
    book.add(values("a.png"))
    path = tmp_path / LEDGER_NAME
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps(values("b.png")).encode()[:-5])
    assert book.entries("b.png") == []
    book.add(values("c.png"))
    for reader in (book, ledger(tmp_path, "a.png", "b.png", "c.png")):
        assert [len(reader.entries(name)) for name in ("a.png", "b.png", "c.png")] == [1, 0, 1]


def test_a_line_is_seen_once_it_has_an_end(tmp_path: Path) -> None:
    line = json.dumps(values()).encode() + b"\n"
    (tmp_path / LEDGER_NAME).write_bytes(line[:50])
    book = ledger(tmp_path)
    assert book.entries("a.png") == []
    (tmp_path / LEDGER_NAME).write_bytes(line)
    assert len(book.entries("a.png")) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"\0" * 100,
        b"[" * 50_000,
        b"null",
        b"\xff\xfe{}",
        json.dumps(values(size=-1)).encode(),
        json.dumps(values(size=True)).encode(),
        json.dumps(values(size=1e400)).encode(),
        json.dumps(values(sha256="")).encode(),
        json.dumps(values(key=["1"] * 64)).encode(),
        json.dumps(values(models=[{"sha256": 5}])).encode(),
        json.dumps(values(models="abc")).encode(),
        json.dumps({key: value for key, value in values().items() if key != "origin"}).encode(),
    ],
)
def test_damaged_and_invented_lines_are_nothing(tmp_path: Path, line: bytes) -> None:
    assert parse(line) is None
    (tmp_path / LEDGER_NAME).write_bytes(line + b"\n" + json.dumps(values()).encode() + b"\n")
    assert len(ledger(tmp_path).entries("a.png")) == 1


def test_a_huge_ledger_is_read_from_its_end_and_a_huge_line_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps(values("old.png")).encode() + b"\n"
    new = json.dumps(values()).encode() + b"\n"
    (tmp_path / LEDGER_NAME).write_bytes(line * 20 + b"x" * (2 * MAX_LINE + 7) + b"\n" + new)
    assert len(ledger(tmp_path).entries("a.png")) == 1
    monkeypatch.setattr(module, "MAX_READ", 3 * len(line))
    (tmp_path / LEDGER_NAME).write_bytes(line + json.dumps(values()).encode() + b"\n" + line * 20 + new)
    assert len(ledger(tmp_path, "a.png").entries("a.png")) == 1
    (tmp_path / LEDGER_NAME).write_bytes(new + line * 20)
    assert ledger(tmp_path, "a.png").entries("a.png") == []


def test_a_ledger_that_is_removed_or_replaced_is_read_anew(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.add(values())
    assert book.entries("a.png")
    (tmp_path / LEDGER_NAME).unlink()
    assert book.entries("a.png") == []
    (tmp_path / "new").write_bytes(json.dumps(values(key="9" * 64)).encode() + b"\n")
    (tmp_path / "new").replace(tmp_path / LEDGER_NAME)
    assert [each.key for each in book.entries("a.png")] == ["9" * 64]


def test_links_and_pipes_in_its_place_are_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / LEDGER_NAME).symlink_to("precious")
    book = ledger(tmp_path)
    assert book.entries("a.png") == []
    assert book.trouble
    with pytest.raises(OSError, match="symbolic links"):
        book.add(values())
    assert (tmp_path / "precious").read_bytes() == b"mine"
    (tmp_path / LEDGER_NAME).unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / LEDGER_NAME)
        assert book.entries("a.png") == []
        with pytest.raises(OSError, match="regular"):
            book.add(values())


def add_many(folder: Path, name: str) -> None:
    book = ledger(folder, name)
    for number in range(100):
        book.add(values(name, sha256=f"{number:064}"))


def test_two_processes_at_once_mix_no_lines(tmp_path: Path) -> None:
    code = "import sys, pathlib, tests.upscaling.test_ledger as t; t.add_many(pathlib.Path(sys.argv[1]), sys.argv[2])"
    # Never by a fork: this process has threads, whose locks the copy would wait for without end.
    both = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path, name], cwd=Path(__file__).parents[2])
        for name in ("a.png", "b.png")
    ]
    assert [each.wait(120) for each in both] == [0, 0]
    lines = (tmp_path / LEDGER_NAME).read_bytes().splitlines()
    found = [entry for line in lines if (entry := parse(line)) is not None]
    assert len(found) == len(lines) == 200
    for name in ("a.png", "b.png"):
        assert [int(entry.sha256) for entry in found if entry.output == name] == list(range(100))
