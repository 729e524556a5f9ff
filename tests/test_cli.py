"""The command line as people use it: exit codes, the exact words of errors, stdout for results, files on disk."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from nlsr_cli import __version__
from nlsr_cli.batch.ledger import LEDGER_NAME
from nlsr_cli.cli import app
from tests.conftest import ASSETS, pixels, skip_where_ignored

NLSR = [sys.executable, "-m", "nlsr_cli"]


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def names(folder: Path) -> list[str]:
    """Return what lies in a folder, but for the ledger of a call with folders or patterns."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER_NAME)


def test_one_picture(sample: Path) -> None:
    result = run("upscale", sample, "--scale", 4)
    assert result.exit_code == 0
    assert result.stdout == f"{sample.parent}/photo_x4.png\n"
    assert "nlsn-lite-x4 on cpu in" in result.stderr
    assert "photo.png: 48×40 → 192×160 in" in result.stderr
    assert names(sample.parent) == ["photo.png", "photo_x4.png"]
    assert pixels(sample.parent / "photo_x4.png").shape == (160, 192, 3)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["--scale", "2"], "photo_x2.png"),
        (["--model", "nlsn-lite-x2"], "photo_x2.png"),
        (["--model", "lite"], "photo_x4.png"),
        (["--format", "webp"], "photo_x4.webp"),
        (["--suffix", "_big"], "photo_big.png"),
        (["--tile", "32", "--overlap", "8", "--precision", "fp32", "--device", "cpu"], "photo_x4.png"),
        (["--tile", "0"], "photo_x4.png"),
    ],
)
def test_options_that_name_the_output(sample: Path, arguments: list[str], output: str) -> None:
    result = run("upscale", sample, *arguments)
    assert result.exit_code == 0, result.stderr
    assert names(sample.parent) == sorted(["photo.png", output])


@pytest.mark.parametrize(
    ("arguments", "name", "size", "stages"),
    [
        (["--scale", "2.5"], "photo_x2.5.png", (100, 120), [3]),
        (["--scale", "150%"], "photo_x1.5.png", (60, 72), [2]),
        (["--scale", "5"], "photo_x5.png", (200, 240), [2, 3]),
        (["--width", "100"], "photo_100x83.png", (83, 100), [3]),
        (["--height", "100", "--width", "100"], "photo_100x83.png", (83, 100), [3]),
        (["--height", "50", "--width", "100", "--fit", "cover"], "photo_100x83.png", (83, 100), [3]),
        (["--height", "50", "--width", "100", "--fit", "stretch"], "photo_100x50.png", (50, 100), [3]),
        (["--short-side", "80"], "photo_96x80.png", (80, 96), [2]),
        (["--long-side", "24"], "photo_24x20.png", (20, 24), []),
        (["--megapixels", "0.01"], "photo_110x91.png", (91, 110), [3]),
        (["--scale", "3", "--model", "nlsn-lite-x2"], "photo_x3.png", (120, 144), [2, 2]),
        (["--scale", "2", "--strength", "0"], "photo_x2.png", (80, 96), []),
        (["--scale", "2", "--strength", "0.5", "--wrap", "xy", "--alpha", "lanczos"], "photo_x2.png", (80, 96), [2]),
    ],
)
def test_any_size(sample: Path, arguments: list[str], name: str, size: tuple[int, int], stages: list[int]) -> None:
    output = sample.parent / name
    (planned, _), result = (
        map(json.loads, run("upscale", sample, *arguments, "--dry-run", "--json").stdout.splitlines()),
        run("upscale", sample, *arguments, "--json"),
    )
    assert result.exit_code == 0, result.stderr
    done = json.loads(result.stdout.splitlines()[0])
    for said in (planned, done):
        assert said["output"] == str(output)
        assert said["output_size"] == {"height": size[0], "width": size[1]}
        assert (said["stages"], said["tiles"]) == (stages, len(stages))
    assert pixels(output).shape == (*size, 3)


def test_a_folder_to_one_size_uses_what_each_picture_needs(sample: Path) -> None:
    with Image.open(sample) as image:
        image.resize((100, 80)).save(sample.parent / "large.png")
        image.resize((5, 4)).save(sample.parent / "tiny.png")
    result = run("upscale", sample.parent, "-o", sample.parent / "out", "--width", "96")
    assert result.exit_code == 3
    assert names(sample.parent / "out") == ["large_96x77.png", "photo_96x80.png"]
    assert "nlsn-lite-x2 on cpu in" in result.stderr, "that is all which is needed"
    assert "note: the picture is already larger: it is reduced by Lanczos interpolation" in result.stderr
    assert "tiny.png: 5×4 → 96×77 pixels is 19.2 times as large, more than 16" in result.stderr


def test_a_dry_run_counts_the_tiles_of_skipped_pictures_too(sample: Path) -> None:
    """Also where the models that they would need are needed by no other picture."""
    (sample.parent / "photo_100x83.png").write_bytes(sample.read_bytes())
    shape = ["--tile", "32", "--overlap", "8", "--wrap", "x"]
    arguments = [sample, "--width", "100", "--skip-existing", *shape, "--json"]
    said = json.loads(run("upscale", *arguments, "--dry-run").stdout.splitlines()[0])
    assert (said["status"], said["stages"], said["tiles"]) == ("would skip", [3], 6)
    (sample.parent / "photo_100x83.png").unlink()
    assert json.loads(run("upscale", *arguments).stdout.splitlines()[0])["tiles"] == 6


def test_a_picture_that_has_its_size_keeps_its_pixels(sample: Path) -> None:
    result = run("upscale", sample, "--scale", "1", "-o", sample.parent / "same.png")
    assert "note: the picture already has this size: it is written again and not enlarged" in result.stderr
    assert (pixels(sample.parent / "same.png") == pixels(sample)).all()
    assert "interpolation on cpu\n" in result.stderr


def test_the_size_that_is_there_hides_what_is_hidden(tmp_path: Path) -> None:
    """Colours of invisible pixels stay what they are where nothing is enlarged into them."""
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    picture[:10, :, 3], picture[10:, :, 3] = 0, 255
    Image.fromarray(picture).save(tmp_path / "logo.png")
    assert run("upscale", tmp_path / "logo.png", "--scale", "1").exit_code == 0
    assert (pixels(tmp_path / "logo_x1.png") == picture).all()


def test_a_stream_gets_its_size_too(sample: Path) -> None:
    result = run("upscale", "-", "-o", "-", "--width", "60", stdin=sample.read_bytes())
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert image.size == (60, 50)
    result = run("upscale", "-", "-o", sample.parent / "a.png", "--width", "9999", stdin=sample.read_bytes())
    assert result.exit_code == 1
    assert "times as large, more than 16" in result.stderr


def test_quiet_says_nothing_at_all(sample: Path) -> None:
    result = run("upscale", sample, "--quiet")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["--scale", "0"], 2, "--scale must be from 1 to 16, not 0", ""),
        (["--scale", "four"], 2, "--scale must be a positive number such as 4, 2.5 or 150%, not 'four'", "--scale 4"),
        (["--scale", "1,5"], 2, "not '1,5'", "Write it with a decimal point: --scale 1.5"),
        (["--scale", "17"], 2, "--scale must be from 1 to 16, not 17", ""),
        (["--scale", "2", "--width", "99"], 2, "--scale and --width cannot be combined", "Give one of them"),
        (["--width", "0"], 2, "--width must be from 1 to 10000000 pixels, not 0", ""),
        (["--fit", "cover", "--width", "99"], 2, "--fit cover needs a box", "Give --width and --height"),
        (["--width", "4800"], 1, "48×40 → 4800×4000 pixels is 100.0 times as large, more than 16", "smaller size"),
        (["--strength", "1.5"], 2, "--strength must be from 0 to 1, not 1.5", ""),
        (["--wrap", "z"], 2, "unknown --wrap 'z'", "Valid: x, y, xy."),
        (["--alpha", "none"], 2, "unknown --alpha 'none'", "Valid: model, lanczos."),
        (["--suffix", "{x}"], 2, "--suffix '{x}' may contain no braces", ""),
        (["-o", "x.jpg", "-f", "png"], 2, "-o x.jpg is named as JPEG, but --format says PNG", ""),
        (["--model", "nlsn-lite-x8"], 2, "there is no 8x model in the family 'lite'", "It enlarges 2x, 3x or 4x."),
        (["--model", "nlsn-lit-x4"], 2, "unknown model 'nlsn-lit-x4'", "Did you mean nlsn-lite-x4?"),
        (["--device", "gpu"], 2, "unknown device 'gpu'", "Did you mean cuda?"),
        (["--device", "cuda:77"], 2, "device 'cuda:77' is not available", "Devices on this machine: cpu"),
        (["--precision", "fp61"], 2, "unknown precision 'fp61'", "Did you mean fp16?"),
        (["--precision", "fp16", "--device", "cpu"], 2, "cpu does not support the precision fp16", "It supports fp32"),
        (["--tile", "big"], 2, "--tile must be auto, 0 or a positive number of pixels, not 'big'", ""),
        (["--tile", "9" * 5000], 2, "--tile must be auto, 0 or a positive number", ""),
        (["--device", "cuda:99999999999999999999"], 2, "unknown device", "Valid:"),
        (["--overlap", "400"], 2, "--overlap 400 is too large for automatic tiles of 652", "at most 325 here."),
        (["-o", ""], 2, "the output must not be empty", ""),
        (["--tile", "32", "--overlap", "17"], 2, "--overlap 17 is too large for --tile 32", "at most 15 here."),
        (["--max-memory", "2"], 2, "--max-memory 2 is only 2 bytes", "Name a unit: 2G"),
        (["--scale", "32"], 2, "--scale must be from 1 to 16, not 32", "Run it twice: 16 times, then 2 times."),
        (["-m", "realesrgan-x4plus"], 2, "'realesrgan-x4plus' is no NLSN", "Omit --model"),
        (["-o", "film.mp4"], 2, "-o film.mp4: unknown ending '.mp4'", "Write pictures"),
        (["--format", "jpgg"], 2, "unknown format 'jpgg'", "Did you mean jpeg?"),
        (["--format", "heic"], 2, "nlsr reads 'heic' and does not write it", "--format png"),
        (["-o", "x.heic"], 2, "-o x.heic: nlsr reads this format and does not write it", ".png or .jpg"),
        (["--quality", "101"], 2, "--quality must be from 1 to 100, not 101", ""),
        (["--max-pixels", "0"], 2, "--max-pixels must be at least 1, not 0", ""),
        (["--max-pixels", "1919"], 1, "1919", "--max-pixels"),
        (["--overwrite", "--skip-existing"], 2, "--overwrite and --skip-existing cannot be combined", ""),
        (["-o", "-", "--json"], 2, "--json and -o - both need standard output", "Give a file after -o"),
        (["-o", "x.xyz"], 2, "unknown ending '.xyz'", ".png"),
        (["--background", "nocolour", "--format", "jpeg"], 2, "nocolour", ""),
    ],
)
def test_a_mistake_ends_in_one_line_and_one_hint(
    sample: Path, arguments: list[str], code: int, error: str, hint: str
) -> None:
    result = run("upscale", sample, *arguments)
    lines = result.stderr.splitlines()
    said = [line for line in lines if line.startswith(("error: ", "hint: "))]
    assert result.exit_code == code, result.stderr
    assert said[0].startswith("error: ")
    assert error in said[0]
    assert len(said) == (2 if len(said) > 1 else 1)
    assert hint in (said[1] if len(said) > 1 else "")
    assert result.stdout == ""
    assert names(sample.parent) == ["photo.png"]


def test_usage_errors_exit_with_2(sample: Path) -> None:
    assert run("upscale").exit_code == 2
    assert run("upscale", sample, "--quality", "high").exit_code == 2
    assert run("upscal", sample).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["upscale", "--sclae", "4"], "no such option: --sclae", "Did you mean --scale or "),
        (["upscael"], "no such command 'upscael', and no such file", "Did you mean upscale?"),
        (["models", "lsit"], "no such command 'lsit'", "Did you mean list?"),
        (["upscale"], "missing argument 'INPUT'", "Try: "),
        (["upscale", "x.png", "--width", "wide"], "invalid value for '--width': it must be a whole number", "Try: "),
        (["upscale", "x.png", "--strength", "much"], "invalid value for '--strength': it must be a number", "Try: "),
        (["upscale", "-o"], "option '-o' requires an argument", "Try: "),
    ],
)
def test_wrong_words_are_an_error_and_a_hint_like_any_other(arguments: list[str], error: str, hint: str) -> None:
    done = subprocess.run([*NLSR, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert first == f"error: {error}"
    assert second.startswith(f"hint: {hint}")


def test_a_name_that_does_not_exist_is_guessed(sample: Path) -> None:
    result = run("upscale", sample.parent / "foto.png")
    assert result.exit_code == 2
    assert f"hint: Did you mean {sample}?" in result.stderr
    result = run("upscale", sample, sample.parent / "large.jpg")
    assert result.exit_code == 2
    assert f"hint: For the output, write: nlsr upscale {sample} -o {sample.parent / 'large.jpg'}" in result.stderr
    assert names(sample.parent) == ["photo.png"], "nothing was computed"


def test_an_output_named_as_an_input_is_noticed(sample: Path) -> None:
    """As `nlsr in out` is what other programs take, a second call would enlarge the result of the first."""
    large = sample.parent / "large.png"
    assert run("upscale", sample, "-o", large, "--scale", "2").exit_code == 0
    result = run("upscale", sample, large)
    assert result.exit_code == 2
    assert f"error: {large}: was made by nlsr, and is named as an input" in result.stderr
    assert f"hint: For the output, write: nlsr upscale {sample} -o {large} --overwrite" in result.stderr


def test_a_pattern_of_the_shell_does_not_enlarge_results(sample: Path) -> None:
    """`nlsr *.png` twice: what the first call made is no input of the second, unless it is named alone."""
    other = sample.with_name("other.png")
    other.write_bytes(sample.read_bytes())
    assert run("upscale", sample, other, "--scale", "2").exit_code == 0
    names_ = sorted(path for path in sample.parent.iterdir() if path.suffix == ".png")
    result = run("upscale", *names_, "--scale", "2", "--skip-existing")
    assert result.exit_code == 0, result.stderr
    assert names(sample.parent) == ["other.png", "other_x2.png", "photo.png", "photo_x2.png"]


def test_files_of_one_name_are_kept_apart_by_their_endings(sample: Path) -> None:
    with Image.open(sample) as image:
        image.convert("RGB").save(sample.with_suffix(".jpg"))
    clash = run("upscale", sample.parent, "-f", "webp", "--scale", "2")
    assert '--suffix "_{ext}_x{scale}"' in clash.stderr
    assert run("upscale", sample.parent, "-f", "webp", "--scale", "2", "--suffix", "_{ext}_x{scale}").exit_code == 0
    assert {"photo_png_x2.webp", "photo_jpg_x2.webp"} <= set(names(sample.parent))


def test_a_picture_is_cleaned_without_becoming_larger(sample: Path) -> None:
    """What is asked for is done: a network enlarges it, and the result is reduced."""
    result = run("upscale", sample, "-s", "1", "--deblock", "1", "-o", sample.parent / "clean.png", "--json")
    line = json.loads(result.stdout.splitlines()[0])
    assert line["stages"] == [2]
    assert line["input_size"] == line["output_size"]
    assert not any("not enlarged" in note for note in line["notes"])
    with Image.open(sample) as before, Image.open(sample.parent / "clean.png") as after:
        assert before.size == after.size
        assert before.convert("RGB").tobytes() != after.convert("RGB").tobytes()


def test_tiles_need_not_overlap(sample: Path) -> None:
    """Then there is no strip between two rows of tiles to keep for a run that goes on."""
    result = run("upscale", sample, "--tile", "8", "--overlap", "0", "--scale", "2")
    assert result.exit_code == 0, result.stderr


def test_what_is_printed_first_is_what_is_used(sample: Path) -> None:
    """The precision of pictures of 16 bits, and one of the models where the picture has not been read yet."""
    deep = sample.parent / "deep.png"
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(deep)
    assert "nlsn-lite-x2 on cpu in fp32\n" in run("upscale", deep, "--scale", "2").stderr
    result = run("upscale", "-", "-o", sample.parent / "a.png", stdin=sample.read_bytes())
    assert "nlsn-lite-x2 or nlsn-lite-x3 or nlsn-lite-x4 on cpu" in result.stderr


def test_standard_input_needs_the_name_of_a_file(sample: Path) -> None:
    result = run("upscale", "-", "-o", sample.parent / "new", stdin=sample.read_bytes())
    assert result.exit_code == 2
    assert f"-o {sample.parent / 'new'} has no ending that names a format" in result.stderr
    result = run("upscale", "-", "-f", "png", "-o", sample.parent, stdin=sample.read_bytes())
    assert result.exit_code == 1
    assert f"give the output one, such as -o {sample.parent / 'out.png'}" in result.stderr


def test_existing_outputs_are_kept_unless_told_otherwise(sample: Path) -> None:
    output = sample.parent / "photo_x4.png"
    output.write_text("precious")
    result = run("upscale", sample)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"error: {sample}: its output {output} exists already",
        "hint: Add --overwrite to replace existing outputs, or --skip-existing to keep them.",
    ]
    assert run("upscale", sample, "--skip-existing").exit_code == 0
    assert output.read_text() == "precious"
    assert run("upscale", sample, "--overwrite").exit_code == 0
    assert pixels(output).shape == (160, 192, 3)


def test_dry_run_prints_the_plan_and_touches_nothing(sample: Path) -> None:
    (sample.parent / "broken.png").write_bytes(b"")
    result = run("upscale", sample.parent, "-o", sample.parent / "out", "--dry-run")
    assert result.exit_code == 3
    target = sample.parent / "out" / "photo_x4.png"
    assert result.stdout == f"would be written: {sample} → {target}  PNG  48×40 → 192×160, tiles: 1\n"
    assert names(sample.parent) == ["broken.png", "photo.png"]
    *listed, last = map(json.loads, run("upscale", sample.parent, "--dry-run", "--json").stdout.splitlines())
    assert "1 would be written, 1 would fail" in result.stderr
    assert [line["status"] for line in listed] == ["would fail", "would write"]
    assert last["summary"].items() >= {"planned": 1, "done": 0, "failed": 1, "exit_code": 3}.items()


def test_notes_of_a_dry_run_are_true_before_the_work_and_after_it(sample: Path) -> None:
    """Also where the output's format changes the pixels by itself."""
    for asked, note in (
        (["--width", "48"], "the picture already has this size: it is written again and not enlarged"),
        (["--width", "24"], "the picture is already larger: it is reduced by Lanczos interpolation"),
    ):
        for dry in (["--dry-run"], []):
            result = run("upscale", sample, "-o", sample.with_suffix(".jpg"), *asked, *dry, "--overwrite")
            assert result.exit_code == 0, result.stderr
            assert f"note: {note}" in result.stderr


def test_inputs_that_do_not_exist_are_a_mistake_in_the_command(sample: Path) -> None:
    """Alone they end like an unknown option, for every command; beside others those others are done."""
    nowhere, nothing = sample.with_name("nowhere.png"), sample.with_name("nothing.png")
    wrong = sample.with_name("wrong.png")
    wrong.write_text("no picture")
    for command in (
        ["upscale", nowhere],
        ["upscale", nowhere, nothing, "--json"],
        ["upscale", nowhere, "--dry-run"],
        ["inspect", nowhere, nothing],
        ["evaluate", "lite", nowhere],
        ["train", nowhere, "--out", sample.parent / "run"],
        ["models", "convert", nowhere, sample.parent / "model"],
        ["models", "info", nowhere],
    ):
        result = run(*command)
        assert result.exit_code == 2, command
        assert nowhere.name in result.stderr
    assert run("upscale", nowhere, sample, "-s", "2").exit_code == 3
    assert run("inspect", nowhere, sample).exit_code == 3
    for command in ("upscale", "inspect"):
        assert run(command, nowhere, wrong).exit_code == 1


def test_dry_run_tells_what_the_machine_lacks(sample: Path) -> None:
    """A plan that the real call would refuse is none."""
    result = run("upscale", sample, "--dry-run", "--device", "cuda:99")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "device 'cuda:99' is not available" in result.stderr


def test_json_is_one_object_per_file_and_a_summary(sample: Path) -> None:
    (sample.parent / "broken.png").write_bytes(b"")
    result = run("upscale", sample.parent, "--json")
    first, second, last = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["status"], first["error"]["type"]) == ("failed", "ImageReadError")
    assert (second["status"], second["output_size"]) == ("done", {"height": 160, "width": 192})
    assert last["summary"].items() >= {"done": 1, "planned": 0, "failed": 1, "exit_code": 3}.items()
    assert result.exit_code == 3


def test_an_ensemble_gives_other_pixels_and_is_told(sample: Path) -> None:
    plain, mean = sample.parent / "plain.png", sample.parent / "mean.png"
    assert run("upscale", sample, "-o", plain).exit_code == 0
    result = run("upscale", sample, "-o", mean, "--ensemble", "--json", "--verbose")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[0])["ensemble"] is True
    assert "mean of 8 passes" in result.stderr
    difference = pixels(plain).astype(int) - pixels(mean)
    assert 0 < abs(difference).mean() < 4


def test_standard_input_to_standard_output(sample: Path) -> None:
    result = run("upscale", "-", "-o", "-", stdin=sample.read_bytes())
    assert result.exit_code == 0
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert (image.format, image.size) == ("PNG", (192, 160))
    result = run("upscale", sample, "-o", "-", "--format", "jpeg")
    assert result.stdout_bytes.startswith(b"\xff\xd8\xff")
    assert run("upscale", "-", "-o", "-", stdin=b"text").exit_code == 1


def test_same_bytes_alone_in_a_folder_in_another_order_and_twice(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        for name, asset in (("a.png", "colosseum.png"), ("b.jpg", "tower.jpg")):
            (tmp_path / place / name).write_bytes((ASSETS / asset).read_bytes())
    one = tmp_path / "one"
    assert run("upscale", one / "a.png", "-o", tmp_path / "alone").exit_code == 0
    assert run("upscale", one / "b.jpg", "-o", tmp_path / "alone").exit_code == 0
    assert run("upscale", one, "-o", tmp_path / "folder").exit_code == 0
    assert run("upscale", one / "b.jpg", one / "a.png", "-o", tmp_path / "order").exit_code == 0
    assert run("upscale", tmp_path / "two", "-o", tmp_path / "folder", "--overwrite").exit_code == 0
    for name in ("a_x4.png", "b_x4.jpg"):
        assert len({(tmp_path / place / name).read_bytes() for place in ("alone", "folder", "order")}) == 1


def test_ctrl_c_leaves_whole_files_only_and_exits_with_130(tmp_path: Path) -> None:
    skip_where_ignored("SIGINT")
    for index in range(40):
        (tmp_path / f"{index:02}.png").write_bytes((ASSETS / "colosseum.png").read_bytes())
    out = tmp_path / "out"
    process = subprocess.Popen([*NLSR, "upscale", tmp_path, "-o", out], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(out.glob("[0-9]*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert "hint: The same command continues from here." in said
    finished = [path for path in out.iterdir() if path.name != LEDGER_NAME]
    assert 0 < len(finished) < 40
    for path in finished:
        assert path.suffix == ".png"
        assert pixels(path).shape == (768, 768, 3)


def test_on_a_terminal_results_and_the_bar_do_not_share_a_line(sample: Path) -> None:
    """Both go to one screen: a path glued behind a bar can be neither read nor copied."""
    import pty

    (sample.parent / "second.png").write_bytes(sample.read_bytes())
    main, terminal = pty.openpty()
    command = [*NLSR, "upscale", sample.parent, "--tile", "32", "--overlap", "4"]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    ):
        os.close(terminal)
        said = b""
        try:
            while block := os.read(main, 4096):
                said += block
        except OSError:  # how Linux says that the other side is closed
            pass
    os.close(main)
    assert re.search(r"[12]/2 (photo|second).png", said.decode()), "there is a bar"
    # What stays on the screen: a line is rewritten from its start after a carriage return and "erase what follows".
    lines = [re.split(r"\x1b\[J|\r(?!\n)", line)[-1] for line in re.split(r"\r?\n", said.decode())]
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip() for line in lines]
    for name in ("photo_x4.png", "second_x4.png"):
        assert str(sample.parent / name) in shown


def test_standard_output_that_is_a_terminal_gets_no_picture(sample: Path) -> None:
    import pty

    main, terminal = pty.openpty()
    command = [*NLSR, "upscale", sample, "-o", "-"]
    result = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, text=True, check=False)
    os.close(terminal)
    os.close(main)
    assert result.returncode == 2
    assert result.stderr.startswith("error: a picture cannot be printed to a terminal")


def test_notes_tell_what_formats_change(tmp_path: Path) -> None:
    Image.new("P", (8, 8)).save(tmp_path / "a.gif")
    assert "note: A GIF of one frame becomes a PNG" in run("upscale", tmp_path / "a.gif").stderr
    said = run("upscale", tmp_path / "a.gif", "--lossless", "-f", "jpeg", "--overwrite").stderr
    assert "JPEG is always written with loss; --lossless has no effect." in said


def test_second_call_with_another_scale_leaves_the_outputs_of_the_first_alone(sample: Path) -> None:
    assert run("upscale", sample.parent).exit_code == 0
    result = run("upscale", sample.parent, "--scale", "2x")
    assert result.exit_code == 0
    assert "skipped 1 file (made by an earlier call): photo_x4.png" in result.stderr
    assert names(sample.parent) == ["photo.png", "photo_x2.png", "photo_x4.png"]


def test_the_same_advice_is_given_once(sample: Path) -> None:
    for name in ("b.png", "c.png"):
        (sample.parent / name).write_bytes(sample.read_bytes())
    assert run("upscale", sample.parent).exit_code == 0
    result = run("upscale", sample.parent, "--no-resume")
    assert (result.exit_code, result.stderr.count("error: "), result.stderr.count("hint: ")) == (1, 3, 1)


def test_a_file_called_dash_is_a_file(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the bare word means a stream; `./-` and what a folder holds are files."""
    monkeypatch.chdir(sample.parent)
    sample.rename("-")
    assert run("upscale", ".", "-o", "out").exit_code == 0
    assert run("upscale", "./-", "-o", "./-x.png").exit_code == 0
    assert names(Path("out")) == ["-_x4.png"]
    assert pixels(Path("-x.png")).shape == (160, 192, 3)


def test_a_slash_at_the_end_names_a_folder(sample: Path) -> None:
    out = sample.parent / "new.d"
    assert run("upscale", sample, "-o", f"{out}/", "--dry-run").exit_code == 0
    assert not out.exists(), "a plan makes nothing"
    assert run("upscale", sample, "-o", f"{out}/").exit_code == 0
    assert names(out) == ["photo_x4.png"]


def test_empty_input_is_not_the_current_folder(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.parent)
    assert run("upscale", "").exit_code == 2
    assert names(sample.parent) == ["photo.png"]


@pytest.mark.parametrize("kind", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_while_a_file_is_stored_leaves_no_part(tmp_path: Path, kind: str) -> None:
    """A closed terminal is as good as Ctrl-C: the temporary file must go."""
    skip_where_ignored(kind)
    for index in range(30):
        (tmp_path / f"{index:02}.png").write_bytes((ASSETS / "colosseum.png").read_bytes())
    out = tmp_path / "out"
    with subprocess.Popen([*NLSR, "upscale", tmp_path, "-o", out, "-q", "--scale", "2"]) as process:
        deadline = time.monotonic() + 60
        while not list(out.glob(".nlsr-*.part")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.0005)
        process.send_signal(getattr(signal, kind))
    assert process.returncode == 130
    assert list(out.glob(".nlsr-*.part")) == []


def test_debug_shows_the_traceback(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint stands there once: in the traceback, which ends in the text of the error, or on its own line."""
    monkeypatch.setenv("NLSR_DEBUG", "1")
    told = run("upscale", sample, "--model", "nlsn-lite-x8").stderr
    assert "Traceback (most recent call last)" in told
    assert told.count("hint: ") == 1
    monkeypatch.delenv("NLSR_DEBUG")
    told = run("upscale", sample, "--model", "nlsn-lite-x8").stderr
    assert "Traceback" not in told
    assert told.count("hint: ") == 1


def test_strange_names_are_printed_safely_and_kept_on_disk(tmp_path: Path) -> None:
    strange = os.fsdecode(b"b\xffd [red]\x1b[31m.png")
    path = tmp_path / strange
    path.write_bytes((ASSETS / "colosseum.png").read_bytes()[:100])
    result = subprocess.run([*NLSR, "upscale", path], capture_output=True, check=False)
    assert result.returncode == 1
    assert b"\x1b" not in result.stderr
    assert b"[red]" in result.stderr
    assert b"Traceback" not in result.stderr


def test_version_and_help_are_light() -> None:
    """No heavy package may be loaded to answer these: they must feel instant."""
    code = (
        "import sys\nfrom nlsr_cli.cli import app\n"
        "try: app({!r})\nexcept SystemExit: pass\n"
        "heavy = {{'torch', 'PIL', 'huggingface_hub', 'numpy', 'safetensors'}} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    for arguments in (["--version"], ["--help"], ["upscale", "--help"], ["models", "-h"]):
        result = subprocess.run(
            [sys.executable, "-c", code.format(arguments)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
    assert run("--version").stdout == f"nlsr {__version__}\n"


def test_models_commands(tmp_path: Path) -> None:
    listed = run("models", "list").stdout
    assert "nlsn-lite-x2" in listed
    assert "nlsn-lite-x4" in listed
    assert [json.loads(line)["scale"] for line in run("models", "list", "--json").stdout.splitlines()] == [2, 3, 4]
    info = json.loads(run("models", "info", "lite", "--scale", "2", "--json").stdout)
    assert (info["name"], info["config"]["n_feats"]) == ("nlsn-lite-x2", 32)
    assert "sha256" in run("models", "info", "nlsn-lite-x4").stdout
    assert Path(run("models", "path", "nlsn-lite-x2").stdout.strip(), "model.safetensors").is_file()
    verified = run("models", "verify")
    assert verified.exit_code == 0
    assert "FAIL" not in verified.stdout
    assert "nlsn-lite-x2" in run("models", "verify", "lite").stdout, "a family is all its members"
    assert "nlsn-lite-x2" not in run("models", "verify", "lite", "--scale", "4").stdout


def test_models_verify_notices_a_changed_byte(tmp_path: Path) -> None:
    folder = Path(run("models", "path", "nlsn-lite-x2").stdout.strip())
    data = bytearray((folder / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    data[-4:] = b"\x00\x00\xc0\x7f"  # a NaN
    (tmp_path / "model.safetensors").write_bytes(data)
    result = run("models", "verify", tmp_path)
    assert result.exit_code == 1
    assert "FAIL" in result.stdout


def test_hostile_pickle_is_refused_and_nothing_runs(sample: Path, tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.system, (f"touch {tmp_path}/owned",))

    checkpoint = tmp_path / "model_x4.pt"
    checkpoint.write_bytes(pickle.dumps(Evil()))
    for arguments in (["models", "convert", checkpoint, tmp_path / "out"], ["upscale", sample, "--model", checkpoint]):
        result = run(*arguments)
        assert result.exit_code in (1, 2)
        assert result.stderr.startswith("error: ")
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "out").exists()


def test_doctor() -> None:
    text = run("doctor").stdout
    for word in ("nlsr", "torch", "device cpu", "fp32", "weights", "hub cache", "PNG"):
        assert word in text
    facts = json.loads(run("doctor", "--json").stdout)
    assert facts["models"] == ["nlsn-lite-x2", "nlsn-lite-x3", "nlsn-lite-x4"]


PYRAMID_HINT = "hint: Write TIFF (--format tiff, or -o NAME.tif), or omit --pyramid.\n"


def test_a_pyramid_is_a_tiff_with_copies(sample: Path) -> None:
    result = run("upscale", sample, "--width", 600, "--strength", 0, "--format", "tiff", "--pyramid")
    assert result.exit_code == 0, result.stderr
    with Image.open(sample.parent / "photo_600x500.tif") as image:
        assert image.n_frames == 3
        image.seek(2)
        assert image.size == (150, 125)


@pytest.mark.parametrize("arguments", [["--format", "png"], ["-o", "a.png"]])
def test_a_pyramid_of_another_format_is_a_mistake_of_the_caller(sample: Path, arguments: list[str]) -> None:
    result = run("upscale", sample, *arguments, "--pyramid")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: --pyramid is for TIFF, and the output is written as PNG\n{PYRAMID_HINT}"


def test_a_pyramid_of_a_picture_that_stays_in_its_format_is_refused_before_it_is_computed(sample: Path) -> None:
    """In a folder of many formats the others are made."""
    result = run("upscale", sample, "--pyramid", "--dry-run")
    assert result.exit_code == 1
    reason = f"{sample.parent}/photo_x4.png: --pyramid is for TIFF, and the output is written as PNG"
    assert result.stderr == f"error: {reason}\n{PYRAMID_HINT}"
