"""A ledger loses no line, mixes none, believes no damaged one, and ends for nobody who made it up."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nlsr_cli.batch import ledger as module
from nlsr_cli.batch.ledger import LEDGER_NAME, MAX_LINE, Ledger, parse
from nlsr_cli.files import lock


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
    (tmp_path / LEDGER_NAME).write_bytes(b"x" * MAX_LINE + new)
    assert ledger(tmp_path).entries("a.png") == [], "the end of a line is no line"
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
    lines = [json.dumps(values(name, key="8" * 64)).encode() + b"\n" for name in ("a.png", "b.png")]
    (tmp_path / "new").write_bytes(b"".join(lines))
    (tmp_path / "new").replace(tmp_path / LEDGER_NAME)
    assert [each.key for each in book.entries("a.png")] == ["8" * 64], "between two looks, and longer"


def test_a_folder_in_its_place_is_told_and_not_written(tmp_path: Path) -> None:
    (tmp_path / LEDGER_NAME).mkdir()
    book = ledger(tmp_path)
    assert book.entries("a.png") == []
    assert book.trouble == "it is not a regular file"
    with pytest.raises(IsADirectoryError):
        book.add(values())


def test_links_and_pipes_in_its_place_are_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / LEDGER_NAME).symlink_to("precious")
    book = ledger(tmp_path)
    assert book.entries("a.png") == []
    assert book.trouble == os.strerror(errno.ELOOP)
    with pytest.raises(OSError, match="symbolic links"):
        book.add(values())
    assert (tmp_path / "precious").read_bytes() == b"mine"
    (tmp_path / LEDGER_NAME).unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / LEDGER_NAME)
        assert book.entries("a.png") == []
        assert book.trouble == "it is not a regular file"
        with pytest.raises(OSError, match="regular"):
            book.add(values())
        (tmp_path / LEDGER_NAME).unlink()
    assert book.entries("a.png") == []
    assert book.trouble == "", "what was in the way is gone"


def test_a_ledger_that_became_shorter_is_read_anew(tmp_path: Path) -> None:
    """As when an older copy was laid over it: what it held before is no longer said by anybody."""
    book = ledger(tmp_path, "a.png", "b.png")
    for name in ("a.png", "b.png"):
        book.add(values(name))
    assert len(book.entries("b.png")) == 1
    path = tmp_path / LEDGER_NAME
    first, _ = path.read_bytes().splitlines(keepends=True)
    os.truncate(path, len(first))
    assert [len(book.entries(name)) for name in ("a.png", "b.png")] == [1, 0]


def test_no_line_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a folder of thousands would take longer with each picture."""
    lines: list[bytes] = []
    monkeypatch.setattr(module, "parse", lambda line: lines.append(line) or parse(line))
    book = ledger(tmp_path)
    for key in range(3):
        book.add(values(key=str(key) * 64, sha256=str(key) * 64))
        assert [len(book.entries("a.png")) for _ in range(2)] == [key + 1] * 2
    assert len(lines) == 3


def test_of_one_output_the_last_eight_are_held(tmp_path: Path) -> None:
    """More than are begun and killed in a row; a picture that was made a thousand times takes no more room."""
    book = ledger(tmp_path)
    for number in range(20):
        book.add(values(sha256=f"{number:064}"))
    assert [int(each.sha256) for each in book.entries("a.png")] == list(range(19, 11, -1))


def test_a_ledger_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    """So that others of a group may go on in a folder that is shared."""
    (tmp_path / "any").touch()
    ledger(tmp_path).add(values())
    assert (tmp_path / LEDGER_NAME).stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_line_that_is_too_long_is_not_written(tmp_path: Path) -> None:
    """Nobody would read it."""
    book = ledger(tmp_path)
    room = MAX_LINE - len(json.dumps(values(origin=""), separators=(",", ":"))) - 1
    with pytest.raises(OSError, match="its line is too long"):
        book.add(values(origin="x" * (room + 1)))
    assert not (tmp_path / LEDGER_NAME).exists()
    book.add(values(origin="x" * room))
    assert len(book.entries("a.png")) == 1


def test_a_line_that_finds_no_room_is_told_and_costs_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes the first half of what is written."""
    book, write = ledger(tmp_path, "a.png", "b.png"), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            book.add(values())
    book.add(values("b.png"))
    assert [len(book.entries(name)) for name in ("a.png", "b.png")] == [0, 1]


def test_a_line_waits_for_that_of_another_process_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn line is told from one that is being written by nothing but the lock."""
    path, asked = tmp_path / LEDGER_NAME, threading.Event()

    def ask(descriptor: int, *, patience: float) -> bool | None:
        asked.set()
        return lock(descriptor, patience=patience)

    monkeypatch.setattr(module, "lock", ask)
    other = os.open(path, os.O_RDWR | os.O_CREAT)
    assert lock(other)
    adding = threading.Thread(target=ledger(tmp_path).add, args=(values(),))
    adding.start()
    assert asked.wait(10)
    time.sleep(0.1)
    assert path.read_bytes() == b""
    os.close(other)
    adding.join(60)
    assert len(path.read_bytes().splitlines()) == 1
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    other = os.open(path, os.O_RDWR)
    assert lock(other)
    ledger(tmp_path).add(values())
    os.close(other)
    assert len(path.read_bytes().splitlines()) == 2, "who keeps the lock stops nobody"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs a list of open files")
def test_no_file_stays_open(tmp_path: Path) -> None:
    """Or a folder of a thousand pictures would end with too many."""
    book = ledger(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    book.add(values())
    book.entries("a.png")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def add_many(folder: Path, name: str) -> None:
    book = ledger(folder, name)
    for number in range(100):
        book.add(values(name, sha256=f"{number:064}"))


def test_two_processes_at_once_mix_no_lines(tmp_path: Path) -> None:
    code = "import sys, pathlib, tests.batch.test_ledger as t; t.add_many(pathlib.Path(sys.argv[1]), sys.argv[2])"
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
