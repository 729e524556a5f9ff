"""What ledgers say of a folder is told from what is there: by sizes, by bytes, and by what most was made with."""

import hashlib
import json
from pathlib import Path

import pytest

from nlsr_cli.batch.ledgers import Ledgers
from nlsr_cli.batch.review import Review, exit_code_of
from nlsr_cli.errors import ExitCode, ImageReadError, NlsrError, OptionError
from nlsr_cli.shards import Shard
from tests.batch.test_ledger import values

LITE, BASE = "a" * 64, "b" * 64


def enter(
    folder: Path,
    name: str,
    data: bytes | None = b"output",
    *,
    time: float = 1.0,
    state: str = "done",
    model: str = LITE,
    shard: Shard | None = None,
    **options: object,
) -> None:
    """Enter an output, and write it unless it is to be missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if data is not None:
        (folder / name).write_bytes(data)
    line = values(
        name,
        state=state,
        sha256=hashlib.sha256(data or b"output").hexdigest(),
        size=len(data or b"output"),
        source=f"in/{name}",
        origin=f"../in/{name}",
        models=[{"sha256": model}],
        options={"stages": [2], "height": 20, "width": 30, **options},
        time=time,
    )
    Ledgers(folder, (), shard).add(line)


def fail(folder: Path, name: str, *, time: float, output: str | None = None) -> None:
    line = {"state": "failed", "output": output, "source": f"in/{name}", "origin": f"../in/{name}", "time": time}
    Ledgers(folder, ()).add({**line, "error": {"message": f"in/{name}: is broken"}})


def found(folder: Path, *, hashes: bool = True, **more: object) -> dict[str, tuple[str, str]]:
    findings = Review(folder).findings(hashes=hashes, **more)  # type: ignore[arg-type]
    return {each.output.name if each.output else each.source: (each.status, each.reason) for each in findings}


def test_what_is_there_is_held_against_its_line(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png", "e.png"):
        enter(tmp_path / "beach" if name == "a.png" else tmp_path, name)
    (tmp_path / "b.png").unlink()
    (tmp_path / "c.png").write_bytes(b"Output")
    (tmp_path / "d.png").write_bytes(b"another size")
    (tmp_path / "e.png").rename(tmp_path / "elsewhere")
    (tmp_path / "e.png").symlink_to("elsewhere")
    changed = ("changed", "its bytes are not those that nlsr wrote")
    expected = {"a.png": ("done", ""), "b.png": ("missing", "it is not there"), "d.png": changed, "e.png": changed}
    assert found(tmp_path, hashes=False) == {**expected, "c.png": ("done", "")}
    assert found(tmp_path) == {**expected, "c.png": changed}


def test_a_line_before_the_name_counts_where_the_output_is_there(tmp_path: Path) -> None:
    """A process may be killed between the name and the last line."""
    enter(tmp_path, "a.png", state="begun")
    enter(tmp_path, "b.png", None, state="begun")
    assert found(tmp_path) == {"a.png": ("done", ""), "b.png": ("missing", "it was begun and never finished")}


def test_any_line_about_an_output_may_be_the_true_one(tmp_path: Path) -> None:
    enter(tmp_path, "a.png", b"first", time=2)
    enter(tmp_path, "a.png", b"second", time=3, shard=Shard(0, 2))
    (tmp_path / "a.png").write_bytes(b"first")
    assert found(tmp_path) == {"a.png": ("done", "")}


def test_what_failed_counts_until_it_is_done(tmp_path: Path) -> None:
    fail(tmp_path, "a.png", time=1)
    fail(tmp_path, "b.png", time=1)
    enter(tmp_path, "b.png", time=2, shard=Shard(0, 2))
    enter(tmp_path, "c.png", time=1)
    fail(tmp_path, "c.png", time=2, output="c.png")
    broken = ("failed", "is broken")
    assert found(tmp_path) == {"in/a.png": broken, "b.png": ("done", ""), "c.png": broken}


def test_another_model_than_most_is_told_and_of_as_many_the_latest_counts(tmp_path: Path) -> None:
    told = ("different", "made by another model than the others")
    enter(tmp_path, "a.png", time=2, model=BASE)
    enter(tmp_path, "b.png", time=1)
    assert found(tmp_path) == {"a.png": ("done", ""), "b.png": told}
    enter(tmp_path, "c.png", time=1)
    assert found(tmp_path) == {"a.png": told, "b.png": ("done", ""), "c.png": ("done", "")}
    enter(tmp_path, "d.png", model=BASE, stages=[3])
    enter(tmp_path, "e.png", model=BASE, stages=[3])
    assert found(tmp_path)["d.png"] == ("done", ""), "each scale has a model of its own"
    enter(tmp_path, "book.cbz", model=BASE, stages=None)
    assert found(tmp_path)["book.cbz"] == ("done", ""), "which goes through any, as its pages need"


def test_other_options_than_most_of_a_format_are_told(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        enter(tmp_path, name, strength=0.5 if name == "b.png" else 1.0, height=len(name))
    enter(tmp_path, "d.jpg", strength=1.0, encode={"quality": 80})
    assert found(tmp_path) == {
        "a.png": ("done", ""),
        "b.png": ("different", "made with other options than the others (--strength)"),
        "c.png": ("done", ""),
        "d.jpg": ("done", ""),
    }


def test_what_does_not_decode_is_told(tmp_path: Path) -> None:
    asked = []

    def decode(output: Path, options: object) -> None:
        asked.append((output.name, options["height"]))  # type: ignore[index]
        if output.name == "b.png":
            raise ImageReadError(output, "is damaged")

    for name in ("a.png", "b.png", "c.png"):
        enter(tmp_path, name)
    (tmp_path / "c.png").unlink()
    assert found(tmp_path, decode=decode)["b.png"] == ("damaged", "is damaged")
    assert asked == [("a.png", 20), ("b.png", 20)], "only what is as it was written"


def test_each_ledger_says_how_far_it_is(tmp_path: Path) -> None:
    first = Shard(0, 2)
    Ledgers(tmp_path, (), first).add({"state": "shard", "pictures": 7, "time": 1})
    for state in ("begun", "done"):
        enter(tmp_path, "a.png", state=state, shard=first, time=5)
    fail(tmp_path, "b.png", time=3)
    common, writer = Review(tmp_path).writers
    assert (writer.shard, writer.pictures, writer.done, writer.failed, writer.last) == (first, 7, 1, 0, 5)
    assert (common.shard, common.pictures, common.done, common.failed, common.last) == (None, None, 0, 1, 3)


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    enter(tmp_path, "a.png")
    with (tmp_path / ".nlsr-ledger.jsonl").open("ab") as file:
        for value in (1, {"state": "failed"}, {"state": "shard", "pictures": "many"}, {"state": "failed", "error": 1}):
            file.write(json.dumps(value).encode() + b"\n")
        file.write(b'{"torn')
    assert found(tmp_path)["a.png"] == ("done", "")
    assert Review(tmp_path).writers[0].pictures is None


def test_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    """In which the pages of a book lie."""
    enter(tmp_path / ".nlsr-0.pages", "00001")
    with pytest.raises(OptionError, match="has no ledger"):
        Review(tmp_path)


def test_a_ledger_that_cannot_be_read_is_no_good_news(tmp_path: Path) -> None:
    (tmp_path / ".nlsr-ledger.jsonl").mkdir()
    with pytest.raises(NlsrError, match="cannot be read: "):
        Review(tmp_path)


@pytest.mark.parametrize("status", ["failed", "missing", "changed", "different", "damaged"])
def test_anything_wrong_is_in_the_exit_code(status: str) -> None:
    assert exit_code_of({"done": 5, status: 1}) == ExitCode.PARTIAL
    assert exit_code_of({"done": 5, status: 0}) == ExitCode.OK
