"""What is done stays done: a folder is taken up again after any end, changes are seen, two at once do no harm."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.batch.ledger import LEDGER_NAME
from tests.conftest import ASSETS
from tests.test_cli import NLSR, names, run

OPTIONS = ("--scale", "2", "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Return a folder with twelve small pictures, some of them in a folder of their own."""
    folder = tmp_path / "holiday"
    (folder / "beach").mkdir(parents=True)
    with Image.open(ASSETS / "colosseum.png") as image:
        for index in range(12):
            place = folder / "beach" if index % 3 == 0 else folder
            image.crop((index, index, index + 40, index + 32)).save(place / f"{index:02}.png")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def statuses(*arguments: object) -> dict[str, tuple[str, str | None]]:
    """Return what became of each file: its status, and why it was skipped or what was told first."""
    lines = [json.loads(line) for line in run("upscale", *arguments, *OPTIONS, "--json").stdout.splitlines()[:-1]]
    return {
        Path(each["source"]).name: (each["status"], each["reason"] or (each["notes"] or [None])[0]) for each in lines
    }


def test_a_folder_is_done_once(sample: Path) -> None:
    for name in ("b.png", "c.png"):
        shutil.copy(sample, sample.with_name(name))
    out = sample.parent / "out"
    assert {status for status, _ in statuses(sample.parent, "-o", out).values()} == {"done"}
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(statuses(sample.parent, "-o", out).values()) == {("skipped", "done already")}
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (out / "b_x2.png").unlink()
    again = statuses(sample.parent, "-o", out)
    assert [again[name][0] for name in ("b.png", "c.png", "photo.png")] == ["done", "skipped", "skipped"]


def test_what_changed_is_made_again_and_said_why(sample: Path) -> None:
    folder = sample.parent
    statuses(folder)
    Image.new("RGB", (48, 40), "teal").save(sample)
    assert statuses(folder)["photo.png"] == ("done", "The output existed and is made again: its input has changed.")
    said = statuses(folder, "--overlap", "8")["photo.png"][1]
    assert said == "The output existed and is made again: other options (--overlap)."
    assert statuses(folder, "--overlap", "8")["photo.png"] == ("skipped", "done already")


@pytest.mark.parametrize(
    "option",
    [("--strength", "0.5"), ("--wrap", "xy"), ("--alpha", "lanczos"), ("--ensemble",), ("--tile", "40"), ("--strip",)],
    ids=lambda option: option[0],
)
def test_an_option_that_changes_the_picture_has_it_made_again(sample: Path, option: tuple[str, ...]) -> None:
    with Image.open(sample) as image:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(sample)
    statuses(sample.parent)
    before = (sample.parent / "photo_x2.png").read_bytes()
    said = statuses(sample.parent, *option)["photo.png"]
    assert said == ("done", f"The output existed and is made again: other options ({option[0]}).")
    assert (sample.parent / "photo_x2.png").read_bytes() != before
    assert statuses(sample.parent, *option)["photo.png"] == ("skipped", "done already")


@pytest.mark.parametrize("option", [("--floor", "1"), ("--max-pixels", "5000"), ("--offline",), ("--quality", "50")])
def test_an_option_that_changes_no_picture_leaves_it(sample: Path, option: tuple[str, ...]) -> None:
    statuses(sample.parent)
    assert statuses(sample.parent, *option)["photo.png"] == ("skipped", "done already")


def test_what_a_full_disk_does_not_take_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished rows stay, and the next call only writes them."""
    with Image.open(ASSETS / "colosseum.png") as image:
        image.convert("RGB").resize((230, 230)).save(tmp_path / "large.png")
    options = (*OPTIONS, "--tile", "48", "--overlap", "8")
    assert run("upscale", tmp_path / "large.png", "-o", tmp_path / "undisturbed.png", *options).exit_code == 0

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        result = run("upscale", tmp_path / "large.png", "-o", tmp_path / "out.png", *options)
    assert result.exit_code == 1
    assert "no space left on device" in result.stderr
    result = run("upscale", tmp_path / "large.png", "-o", tmp_path / "out.png", *options, "--json")
    assert result.exit_code == 0, result.stderr
    done = json.loads(result.stdout.splitlines()[-2])
    assert done["resumed_rows"] == 6, "all of them"
    assert (tmp_path / "out.png").read_bytes() == (tmp_path / "undisturbed.png").read_bytes()
    assert names(tmp_path) == ["large.png", "out.png", "undisturbed.png"]


def test_another_model_is_another_picture(sample: Path) -> None:
    statuses(sample.parent)
    model = sample.parent / "model"
    model.mkdir()
    from safetensors.torch import load_file, save_file

    from nlsr_cli.zoo import resolve

    source = resolve("nlsn-lite-x2", None)
    assert source.config is not None
    shutil.copy(source.config, model / "config.json")
    tensors = load_file(source.weights)
    name = sorted(tensors)[0]
    save_file({**tensors, name: tensors[name] * 0.999}, model / "model.safetensors")
    status, reason = statuses(sample.parent, "--model", model)["photo.png"]
    assert (status, reason) == ("done", "The output existed and is made again: another model.")


@pytest.mark.parametrize("meddle", ["edited", "foreign", "no ledger", "link"])
def test_what_nlsr_has_not_written_is_refused(sample: Path, meddle: str) -> None:
    """Not even where the ledger has an entry of that name."""
    folder, output = sample.parent, sample.parent / "photo_x2.png"
    if meddle != "foreign":
        statuses(folder)
    if meddle == "no ledger":
        (folder / LEDGER_NAME).unlink()
    elif meddle == "link":
        output.rename(folder.parent / "elsewhere")
        output.symlink_to(folder.parent / "elsewhere")
    else:
        output.write_bytes(b"mine")
    before = output.read_bytes()
    result = run("upscale", folder, *OPTIONS)
    assert result.exit_code == 1
    words = "is not in the ledger" if meddle in ("foreign", "no ledger") else "was changed since nlsr wrote it"
    assert words in result.stderr
    assert "hint: Add --overwrite to replace existing outputs, or --skip-existing to keep them." in result.stderr
    assert output.read_bytes() == before
    assert run("upscale", folder, *OPTIONS, "--overwrite").exit_code == 0
    assert set(statuses(folder).values()) == {("skipped", "done already")}


def test_single_files_have_no_ledger_unless_asked(sample: Path) -> None:
    assert run("upscale", sample, *OPTIONS).exit_code == 0
    assert not (sample.parent / LEDGER_NAME).exists()
    assert run("upscale", sample, *OPTIONS).exit_code == 1
    (sample.parent / "photo_x2.png").unlink()
    assert [run("upscale", sample, *OPTIONS, "--resume").exit_code for _ in range(2)] == [0, 0]
    assert (sample.parent / LEDGER_NAME).exists()
    assert run("upscale", sample.parent, *OPTIONS, "--no-resume").exit_code == 1


@pytest.mark.parametrize("other", [("--overwrite",), ("--skip-existing",), ("-o", "-")])
def test_resume_excludes_what_says_something_else(sample: Path, other: tuple[str, ...]) -> None:
    assert run("upscale", sample, "--resume", *other).exit_code == 2


def test_a_dry_run_foresees_it_and_writes_nothing(sample: Path) -> None:
    shutil.copy(sample, sample.with_name("b.png"))
    statuses(sample.parent)
    Image.new("RGB", (48, 40), "teal").save(sample)
    before = {path: path.read_bytes() for path in sample.parent.iterdir()}
    result = run("upscale", sample.parent, *OPTIONS, "--dry-run")
    assert "1 would be written, 1 would be skipped" in result.stderr
    assert {path: path.read_bytes() for path in sample.parent.iterdir()} == before


def test_outputs_in_a_folder_inside_are_no_inputs_of_a_later_call(sample: Path) -> None:
    """Whatever they are called: the ledger beside them knows."""
    inner = sample.parent / "made"
    assert set(statuses(sample.parent, "-o", inner, "--suffix", "-big").values()) == {("done", None)}
    assert list(statuses(sample.parent, "-r", "-o", sample.parent.parent / "other")) == ["photo.png"]
    assert list(statuses(inner, "-o", sample.parent.parent / "larger")) == ["photo-big.png"], "unless they are meant"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such end")
def test_killed_and_taken_up_again_and_again(holiday: Path, tmp_path: Path) -> None:
    """Nothing under a final name is ever a part, and in the end all is as if nothing had happened."""
    run("upscale", holiday, "-r", "-o", tmp_path / "undisturbed", *OPTIONS)
    expected = contents(tmp_path / "undisturbed")
    out = tmp_path / "out"
    command = [*NLSR, "upscale", str(holiday), "-r", "-o", str(out), "-q", *OPTIONS]
    moments = random.Random(0)
    for count in (1, 3, 6):
        with subprocess.Popen(command) as process:
            deadline = time.monotonic() + 60
            while len(contents(out)) < count and process.poll() is None and time.monotonic() < deadline:
                time.sleep(moments.random() / 200)
            process.kill()
        assert contents(out).items() <= expected.items()
    (out / ".nlsr-dead.part").write_bytes(b"left behind")
    assert subprocess.run(command, check=False).returncode == 0
    assert contents(out) == expected
    assert [path.name for path in out.rglob(".*")] == [LEDGER_NAME] * 2


def test_two_at_once_do_every_picture(holiday: Path, tmp_path: Path) -> None:
    run("upscale", holiday, "-r", "-o", tmp_path / "undisturbed", *OPTIONS)
    out = tmp_path / "out"
    command = [*NLSR, "upscale", str(holiday), "-r", "-o", str(out), "--json", *OPTIONS]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert contents(out) == contents(tmp_path / "undisturbed")
    done = [json.loads(line).get("status") == "done" for out, _ in told for line in out.splitlines()]
    assert sum(done) == 12, "each once"
    assert set(statuses(holiday, "-r", "-o", out).values()) == {("skipped", "done already")}


@pytest.mark.skipif(os.name == "nt", reason="needs a signal")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM if os.name == "nt" else signal.SIGKILL])
def test_rows_of_a_large_picture_survive(tmp_path: Path, end: signal.Signals) -> None:
    """Of a single file too, without any option."""
    if end == signal.SIGINT and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("it is ignored here")
    with Image.open(ASSETS / "colosseum.png") as image:
        image.convert("RGB").resize((230, 230)).save(tmp_path / "large.png")
    options = (*OPTIONS, "--tile", "48", "--overlap", "8")
    source = tmp_path / "large.png"
    assert run("upscale", source, "-o", tmp_path / "undisturbed.png", *options).exit_code == 0
    command = [*NLSR, "upscale", str(source), "-o", str(tmp_path / "out.png"), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob(".nlsr-*.rows/*.row"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.002)  # the last of them may not be whole yet
        process.send_signal(end)
        said = process.communicate()[1]
    assert not (tmp_path / "out.png").exists()
    if end == signal.SIGINT:
        assert "of tiles of the last picture" in said
        assert "hint: The same command continues from here." in said
    told = json.loads(run("upscale", source, "-o", tmp_path / "out.png", *options, "--json").stdout.splitlines()[0])
    assert told["resumed_rows"] >= 1
    assert (tmp_path / "out.png").read_bytes() == (tmp_path / "undisturbed.png").read_bytes()
    assert names(tmp_path) == ["large.png", "out.png", "undisturbed.png"]


def test_an_output_is_not_replaced_by_that_of_another_file(sample: Path) -> None:
    """Two calls of xargs, or of a loop, on a/photo.png and b/photo.png: the first output would be lost."""
    second = sample.parent / "b" / "photo.png"
    second.parent.mkdir()
    Image.new("RGB", (9, 9)).save(second)
    options = ("-o", sample.parent / "out/", "--resume", "-s", 2, "--strength", 0)
    assert run("upscale", sample, *options).exit_code == 0
    made = sample.parent / "out" / "photo_x2.png"
    before = made.read_bytes()
    result = run("upscale", second, *options)
    assert result.exit_code == 1
    assert f"error: {second}: its output {made} was made of {sample}" in result.stderr
    assert made.read_bytes() == before
    sample.unlink()
    assert run("upscale", second, *options).exit_code == 0, "nobody is there to miss it"
    assert made.read_bytes() != before
