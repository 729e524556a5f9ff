"""Processes that share only a folder: together they do each picture once, as one would, and say what they did."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from nlsr_cli import upscale_files
from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.zoo import resolve
from tests.conftest import ASSETS
from tests.test_cli import NLSR, run

FAST = ("--scale", "2", "--strength", "0", "--device", "cpu")
LEDGERS = [".nlsr-ledger-0of2.jsonl", ".nlsr-ledger-1of2.jsonl"]


@pytest.fixture
def holiday(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with eight small pictures, two of them in a folder inside."""
    monkeypatch.chdir(tmp_path)
    Path("holiday/beach").mkdir(parents=True)
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(8):
            place = "holiday/beach" if index % 4 == 0 else "holiday"
            image.crop((index, index, index + 12, index + 10)).save(f"{place}/{index}.png")
    return Path("holiday")


def contents(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))}


def shard(number: int, *options: str, count: int = 2) -> tuple[int, list[str], str]:
    """Run one shard; return the exit code, the pictures that it did, and what it said."""
    result = run("upscale", "holiday", "-r", "-o", "out", *FAST, "--shard", f"{number}/{count}", "--json", *options)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return (
        result.exit_code,
        [Path(each["source"]).name for each in lines if each.get("status") == "done"],
        result.stderr,
    )


def said(command: str, *options: str) -> tuple[int, dict[str, list[str]], dict[str, int]]:
    """Return the exit code of `nlsr status` or `nlsr check`, the names by what is wrong with them, and the sum."""
    result = run(command, "out", "--json", *options)
    *lines, last = [json.loads(line) for line in result.stdout.splitlines()]
    wrong: dict[str, list[str]] = {}
    for line in lines:
        wrong.setdefault(line["status"], []).append(Path(line["output"] or line["source"]).name)
    return result.exit_code, wrong, last["summary"]


def test_shards_do_each_picture_once_and_as_one_process_does(holiday: Path) -> None:
    run("upscale", "holiday", "-r", "-o", "undisturbed", *FAST)
    first, second = shard(0), shard(1)
    assert (first[0], second[0]) == (0, 0)
    assert sorted(first[1] + second[1]) == [f"{number}.png" for number in range(8)]
    assert contents("out") == contents("undisturbed")
    assert sorted(path.name for path in Path("out").glob(".nlsr-*")) == LEDGERS
    assert said("status")[:2] == said("check", "--pixels")[:2] == (0, {})
    assert said("check")[2]["done"] == 8
    assert shard(0)[1] == [], "what is done is done"
    everything = run("upscale", "holiday", "-r", "-o", "out", *FAST, "--json").stdout
    assert json.loads(everything.splitlines()[-1])["summary"]["skipped"] == 8, "for whoever does all, too"


def test_two_at_once(holiday: Path) -> None:
    """Real processes, which begin at the same time in a folder that is not there yet."""
    command = [*NLSR, "upscale", "holiday", "-r", "-o", "out", "--json", *FAST, "--shard"]
    both = [subprocess.Popen([*command, each], stdout=subprocess.PIPE) for each in ("0/2", "1/2")]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    lines = [json.loads(line) for out in told for line in out.splitlines()]
    done = [line["source"] for line in lines if line.get("status") == "done"]
    assert len(done) == len(set(done)) == 8


def test_more_shards_later_take_up_what_fewer_have_begun(holiday: Path) -> None:
    done = shard(0)[1]
    for number in range(3):
        done += shard(number, count=3)[1]
    assert sorted(done) == [f"{number}.png" for number in range(8)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--strength", "0.5"), "other options (--strength)"),
        (("--format", "webp", "--suffix", "-big"), "other options (--format, --suffix)"),
        (("--scale", "3"), "other options (--scale)"),
        (("--model", "model"), "another model"),
    ],
)
def test_a_shard_with_other_options_is_refused(holiday: Path, options: tuple[str, ...], told: str) -> None:
    if options[0] == "--model":
        another_model(Path("model"))
    shard(0)
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    code, done, message = shard(1, *options)
    assert (code, done) == (2, [])
    assert f"error: --shard 0/2 was started in out with {told}" in message
    assert "hint: Give all shards the same options" in message
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before
    assert shard(1, *options, "--dry-run")[0] == 2
    assert shard(1)[0] == 0, "what was refused leaves no trace"


def another_model(folder: Path) -> None:
    """Make a model of scale 2 with other weights than the embedded one."""
    source = resolve("nlsn-lite-x2", None)
    folder.mkdir()
    assert source.config is not None
    shutil.copy(source.config, folder / "config.json")
    tensors = load_file(source.weights)
    name = sorted(tensors)[0]
    save_file({**tensors, name: tensors[name] * 0.999}, folder / "model.safetensors")


def test_all_shards_may_make_all_again_with_other_options(holiday: Path) -> None:
    shard(0)
    shard(1)
    assert shard(0, "--strength", "0.5", "--overwrite")[0] == 0
    assert shard(0)[0] == 0, "the other one has not changed"
    assert shard(0, "--strength", "0.5", "--overwrite")[0] == 0
    assert shard(1, "--strength", "0.5")[0] == 0, "nor is that another one than the first is now"


def test_two_inputs_with_one_output_are_refused_in_whatever_shards_they_are(holiday: Path) -> None:
    for name in ("twice.png", "twice.bmp", "TWICE.tif"):
        Image.new("RGB", (4, 4)).save(holiday / name)
    failed = []
    for number in range(3):
        result = run("upscale", "holiday", "-o", "out", *FAST, "-f", "png", "--shard", f"{number}/3", "--json")
        lines = [json.loads(line) for line in result.stdout.splitlines()[:-1]]
        failed += [Path(line["source"]).name for line in lines if line["status"] == "failed"]
    assert sorted(failed) == ["twice.bmp", "twice.png"]


def test_no_shard_writes_over_an_input_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("a.png", "a-.png"):
        Image.new("RGB", (4, 4)).save(f"in/{name}")
    before = Path("in/a-.png").read_bytes()
    options = ("--overwrite", "--suffix", "-", *FAST)
    told = "".join(
        run("upscale", "in/a.png", "in/a-.png", *options, "--shard", f"{number}/2").stderr for number in (0, 1)
    )
    assert "the output of in/a.png would replace in/a-.png, which is also an input" in told
    assert Path("in/a-.png").read_bytes() == before


def test_a_shard_without_a_picture_is_done(holiday: Path) -> None:
    told = [run("upscale", "holiday/1.png", "-o", "out/", *FAST, "--shard", f"{number}/2") for number in (0, 1)]
    assert [result.exit_code for result in told] == [0, 0]
    assert [f"none of 1 picture is in shard {number}/2" in result.stderr for number, result in enumerate(told)].count(
        True
    ) == 1
    assert [path.name for path in Path("out").iterdir()] == ["1_x2.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("holiday", "--shard", "9/8"), "--shard 9/8 is not one of 8"),
        (("-", "-o", "out.png", "--shard", "0/2"), "--shard divides files, and standard input ('-') is none"),
        (("holiday/1.png", "-o", "-", "--shard", "0/2"), "--shard needs files as outputs"),
    ],
)
def test_what_cannot_be_divided_is_refused(holiday: Path, words: tuple[str, ...], message: str) -> None:
    result = run("upscale", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("out").exists()


def test_shards_from_python(holiday: Path) -> None:
    done = [
        outcome.source.name
        for number in range(2)
        for outcome in upscale_files([holiday], "out", recursive=True, scale=2, strength=0.0, shard=f"{number}/2")
    ]
    assert sorted(done) == [f"{number}.png" for number in range(8)]


def test_status_tells_how_far_each_shard_is(holiday: Path) -> None:
    done = len(shard(0)[1])
    result = run("status", "out")
    assert (result.exit_code, result.stdout) == (0, f"{done} done\n")
    assert f"shard 0/2: {done} of {done} done, last line " in result.stderr


def test_what_failed_is_told_until_it_is_done(holiday: Path) -> None:
    (holiday / "2.png").write_bytes(b"not yet")
    Path("holiday/beach/4.png").write_bytes(Path("holiday/beach/4.png").read_bytes()[:-30])
    for number in (0, 1):
        shard(number)
    code, wrong, summary = said("status")
    assert (code, wrong, summary["done"], summary["failed"]) == (3, {"failed": ["2.png", "4_x2.png"]}, 6, 2)
    assert "failed: holiday/2.png: is not a picture" in run("check", "out").stdout
    for name in ("2.png", "beach/4.png"):
        shutil.copy(holiday / "1.png", holiday / name)
    for number in (0, 1):
        shard(number)
    assert said("status")[:2] == (0, {})


def test_what_was_away_for_once_is_not_told_for_ever(holiday: Path) -> None:
    """The file is as it was before, and so is its output."""
    shard(0)
    shard(1)
    whole = (holiday / "3.png").read_bytes()
    (holiday / "3.png").write_bytes(b"")
    for number in (0, 1):
        shard(number)
    assert said("status")[1] == {"failed": ["3.png"]}
    (holiday / "3.png").write_bytes(whole)
    run("upscale", "holiday", "-r", "-o", "out", *FAST, "--dry-run")
    assert said("status")[1] == {"failed": ["3.png"]}, "a dry run writes nothing"
    for number in (0, 1):
        assert shard(number)[1] == []
    assert said("status")[:2] == (0, {})


def test_check_finds_what_is_not_what_nlsr_wrote(holiday: Path) -> None:
    another_model(Path("model"))
    network = ("upscale", "holiday", "-o", "out", "--scale", "2", "--device", "cpu")
    assert run(*network).exit_code == 0
    data = bytearray(Path("out/1_x2.png").read_bytes())
    data[len(data) // 2] ^= 1
    Path("out/1_x2.png").write_bytes(data)
    Path("out/2_x2.png").unlink()
    Path("out/3_x2.png").unlink()
    assert (
        run("upscale", "holiday/3.png", "-o", "out/", "--model", "model", "--device", "cpu", "--resume").exit_code == 0
    )
    assert said("check")[:2] == (3, {"changed": ["1_x2.png"], "missing": ["2_x2.png"], "different": ["3_x2.png"]})
    assert said("status")[:2] == (3, {"missing": ["2_x2.png"], "different": ["3_x2.png"]}), "it reads no output"
    told = run("check", "out").stdout
    assert "different: out/3_x2.png: made by another model than the others\n" in told
    assert told.splitlines()[-1] == "3 done, 1 missing, 1 changed, 1 different"


def test_check_finds_an_output_that_does_not_decode(holiday: Path) -> None:
    """As after a fault of memory while it was written: the ledger has the hash of what is there."""
    run("upscale", "holiday", "-o", "out", *FAST)
    whole = Path("out/5_x2.png").read_bytes()
    place = whole.index(b"IDAT") + 10
    Path("out/5_x2.png").write_bytes(whole[:place] + bytes(20) + whole[place + 20 :])
    book = Path("out", LEDGER_NAME)
    digests = [hashlib.sha256(data).hexdigest() for data in (whole, Path("out/5_x2.png").read_bytes())]
    book.write_text(book.read_text().replace(*digests))
    assert said("check")[:2] == (0, {})
    assert said("check", "--pixels")[:2] == (3, {"damaged": ["5_x2.png"]})


@pytest.mark.parametrize("command", ["status", "check"])
def test_a_folder_without_a_ledger_is_an_error(holiday: Path, command: str) -> None:
    result = run(command, "holiday")
    assert result.exit_code == 2
    assert "error: holiday has no ledger\nhint: A folder gets one when nlsr enlarges folders" in result.stderr
    assert run(command, "gone").exit_code == 2
