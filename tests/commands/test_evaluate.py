"""`nlsr evaluate` as people use it: the table, JSON, exit codes, and the same pixels as `nlsr upscale`."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from nlsr_cli.cli import app
from nlsr_cli.evaluation import score
from nlsr_cli.images import crop_to_multiple, read_picture, reduce_bicubic
from nlsr_cli.nlsn import NLSN
from tests.conftest import ASSETS, pixels, skip_where_ignored

NLSR = [sys.executable, "-m", "nlsr_cli"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with two true pictures in `hr` and their low resolution at 4x in `lr`."""
    for place in ("hr", "lr"):
        (tmp_path / place).mkdir()
    for name, top in (("one", 0), ("two", 90)):
        hr = pixels(ASSETS / "colosseum.png")[top : top + 66, :80]
        Image.fromarray(hr).save(tmp_path / "hr" / f"{name}.png")
        lr = reduce_bicubic(crop_to_multiple(hr, 4), 4)
        Image.fromarray(lr).save(tmp_path / "lr" / f"{name}x4.png")
    return tmp_path


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_table_with_means_and_the_protocol(data: Path) -> None:
    result = run("lite", data / "hr")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("nlsn-lite-x4, 4x on ")
    assert lines[1].startswith("PSNR and SSIM of 8-bit outputs, on the Y of BT.601 YCbCr as MATLAB computes it")
    assert "border of 4 pixels" in lines[1]
    assert lines[2].split() == ["picture", "size", "PSNR", "SSIM", "bicubic", "SSIM", "gain", "s/MP"]
    assert [line.split()[0] for line in lines[3:]] == ["one.png", "two.png", "mean", "smallest"]
    assert lines[3].split()[1] == "80×64"
    assert float(lines[5].split()[5]) > 0.5


def test_damage_is_described_on_the_command_line(data: Path) -> None:
    result = run("bicubic", data / "hr", "-s", 2, "--degrade", "jpeg:40")
    assert result.exit_code == 0, result.stderr
    assert "pictures damaged by jpeg:40" in result.stdout.splitlines()[0]
    told = objects(run("lite", data / "hr", "--degrade", "noise:20", "--json"))
    assert told[-1]["summary"]["degrade"] == "noise:20"
    assert told[-1]["summary"]["worst"]["name"] in {"one.png", "two.png"}
    assert told[0]["psnr_rgb"] < told[0]["psnr"]
    for bad, hint in (
        ("jpg:40", "Did you mean jpeg? Valid: reduce, blur, noise, jpeg, webp."),
        ("shift:3", "it is for training"),
        ("jpeg:80-40", "the lower end of a range first"),
    ):
        refused = run("lite", data / "hr", "--degrade", bad)
        assert refused.exit_code == 2
        assert hint in refused.stderr


def test_a_reduction_of_files_that_are_reduced_is_refused(data: Path) -> None:
    """It would be ignored. Hints leave it out, too."""
    refused = run("bicubic", data / "hr", "-s", 2, "--lr", data / "hr", "--degrade", "reduce/area")
    assert (refused.exit_code, "does nothing with --lr" in refused.stderr) == (2, True)
    refused = run("bicubic", data / "hr", "-s", 2, "--lr", data / "hr", "--degrade", "jpg:40")
    assert "Valid: blur, noise, jpeg, webp." in refused.stderr


def test_an_oracle_needs_someone_who_listens(data: Path, tmp_path: Path, tiny_network: Callable[..., NLSN]) -> None:
    """What was not trained on damaged pictures would be told in vain."""
    tiny_network(scale=4).save_pretrained(tmp_path / "deaf")
    for model in ("bicubic", tmp_path / "deaf"):
        refused = run(model, data / "hr", "-s", 4, "--degrade", "jpeg:40", "--oracle")
        assert (refused.exit_code, f"which {model} is not" in refused.stderr) == (2, True), refused.stderr
        assert "evaluate lite" in refused.stderr


def test_lite_is_better_than_interpolation_on_drawings_and_text() -> None:
    """By 2.72 dB on the mean; it was measured before a model was trained on drawings."""
    told = objects(run("lite", ASSETS / "drawings", "--scale", 4, "--precision", "fp32", "--json"))
    summary = told[-1]["summary"]
    assert (summary["done"], summary["failed"]) == (8, 0)
    assert summary["psnr"] - summary["bicubic"]["psnr"] > 2
    assert summary["ssim"] - summary["bicubic"]["ssim"] > 0.1


def test_made_and_given_low_resolution_score_alike(data: Path) -> None:
    made = objects(run("lite", data / "hr", "--json", "--precision", "fp32"))
    given = objects(run("lite", data / "hr", "--lr", data / "lr", "--json", "--precision", "fp32"))
    for first, second in zip(made, given, strict=True):
        for each in (first, second):
            each.pop("seconds", None)
            each.get("summary", {}).pop("seconds_per_output_megapixel", None)
        assert first == second
    assert made[2]["summary"].items() >= {"model": "nlsn-lite-x4", "scale": 4, "precision": "fp32", "done": 2}.items()


@pytest.mark.parametrize("options", [[], ["--tile", "12", "--overlap", "4"], ["--ensemble"]])
def test_it_scores_the_pixels_that_upscale_writes(data: Path, options: list[str]) -> None:
    shared = ["--device", "cpu", "--precision", "fp32", *options]
    out = data / "out"
    arguments = ["upscale", str(data / "lr"), "-o", str(out), "--suffix", "_big", *shared]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    result = objects(run("lite", data / "hr", "--lr", data / "lr", "--json", *shared))
    for found in result[:2]:
        truth = crop_to_multiple(read_picture(data / "hr" / found["name"]).color, 4)
        expected = score(pixels(out / f"{Path(found['name']).stem}x4_big.png"), truth, 4)
        assert found["psnr"] == pytest.approx(expected.psnr, abs=1e-4)
        assert found["ssim"] == pytest.approx(expected.ssim, abs=1e-6)
    assert result[2]["summary"]["ensemble"] is ("--ensemble" in options)


def test_bicubic_is_a_model_of_its_own(data: Path) -> None:
    bicubic = objects(run("bicubic", data / "hr", "--scale", "4", "--json"))
    lite = objects(run("lite", data / "hr", "--json"))
    assert [each["psnr"] for each in bicubic[:2]] == [each["bicubic"]["psnr"] for each in lite[:2]]
    assert bicubic[2]["summary"]["model"] == "bicubic"
    table = run("bicubic", data / "hr", "--scale", "3")
    assert table.exit_code == 0
    assert table.stdout.splitlines()[0] == "bicubic, 3x"
    assert table.stdout.splitlines()[2].split() == ["picture", "size", "PSNR", "SSIM", "s/MP"]


def test_bicubic_loads_no_network(data: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from nlsr_cli.cli import app\n"
        f"result = CliRunner().invoke(app, ['evaluate', 'bicubic', {str(data / 'hr')!r}, '--scale', '2'])\n"
        "assert result.exit_code == 0, result.output\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_bad_file_is_told_and_the_rest_is_scored(data: Path) -> None:
    (data / "hr" / "empty.png").write_bytes(b"")
    result = run("lite", data / "hr")
    assert result.exit_code == 3
    assert f"error: {data / 'hr' / 'empty.png'}: is empty" in result.stderr
    assert "2 scored, 1 failed" in result.stderr
    assert "mean" in result.stdout
    assert objects(run("lite", data / "hr", "--json"))[0]["error"]["type"] == "ImageReadError"


def test_a_missing_partner_is_told(data: Path) -> None:
    (data / "lr" / "onex4.png").rename(data / "lr" / "unox4.png")
    result = run("lite", data / "hr", "--lr", data / "lr")
    assert result.exit_code == 3
    assert f"error: {data / 'hr' / 'one.png'}: has no low-resolution partner in {data / 'lr'}" in result.stderr
    assert "hint: It must be named one or onex4, with any ending." in result.stderr
    assert "skipped 1 low-resolution picture (without a high-resolution partner): unox4.png" in result.stderr


def test_low_resolution_of_another_scale_is_told(data: Path) -> None:
    result = run("nlsn-lite-x2", data / "hr", "--lr", data / "lr")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "has no low-resolution partner" in result.stderr  # x4 in their names says it
    for path in (data / "lr").iterdir():
        path.rename(path.with_name(path.name.replace("x4", "")))
    result = run("nlsn-lite-x2", data / "hr", "--lr", data / "lr")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "80×66 is not 2 times its low resolution of 20×16" in result.stderr
    assert "hint: It seems to be reduced 4x." in result.stderr


def test_a_picture_too_small_for_ssim_has_a_dash(data: Path) -> None:
    Image.fromarray(pixels(ASSETS / "colosseum.png")[:16, :40]).save(data / "hr" / "tiny.png")
    result = run("lite", data / "hr")
    assert result.exit_code == 0
    assert "tiny.png: Fewer than 11×11 pixels, SSIM's window, lie inside the border: there is no SSIM." in result.stderr
    row = next(line for line in result.stdout.splitlines() if line.startswith("tiny.png"))
    assert row.split()[3] == "-"
    assert objects(run("lite", data / "hr", "--json"))[1]["ssim"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["nlsn-lit-x4", "hr"], 2, "unknown model 'nlsn-lit-x4'", "Did you mean nlsn-lite-x4?"),
        (["nlsn-lite-x8", "hr"], 2, "there is no 8x model in the family 'lite'", "2x, 3x or 4x"),
        (
            ["nlsn-lite-x2", "hr", "-s", "4"],
            2,
            "nlsn-lite-x2 enlarges 2x, but 4x was asked for",
            "Use --model nlsn-lite-x4",
        ),
        (["lite", "nowhere"], 2, "nowhere does not exist", "high-resolution"),
        (["lite", "empty"], 2, "no high-resolution pictures in 'empty'", "Give the folder"),
        (["lite", "hr", "--lr", "empty"], 2, "no low-resolution pictures in 'empty'", "Give the folder"),
        (["bicubic", "hr"], 2, "bicubic needs a scale", "Add --scale"),
        (["bicubic", "hr", "-s", "4", "--ensemble"], 2, "--ensemble needs a model", ""),
        (["lite", "hr", "--scale", "5"], 2, "--scale must be 2, 3 or 4, not 5", ""),
        (["lite", "hr", "--overlap", "400"], 2, "--overlap 400 is too large for automatic tiles", "at most 325"),
        (["lite", "hr", "--device", "gpu"], 2, "unknown device 'gpu'", "cuda"),
    ],
)
def test_a_mistake_ends_in_one_line_and_one_hint(
    data: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, error: str, hint: str
) -> None:
    (data / "empty").mkdir()
    monkeypatch.chdir(data)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.stderr
    said = result.stderr.splitlines()
    assert said[0].startswith("error: ")
    assert error in said[0]
    assert hint in "".join(said[1:])
    assert len(said) <= 2


def test_quiet_leaves_the_results(data: Path) -> None:
    (data / "hr" / "notes.txt").write_text("no picture")
    assert "skipped: 1 .txt" in run("lite", data / "hr").stderr
    result = run("lite", data / "hr", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "mean" in result.stdout


def test_identical_pictures_are_no_error(data: Path) -> None:
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(data / "hr" / "flat.png")
    result = run("bicubic", data / "hr", "-s", "4")
    assert result.exit_code == 0
    assert "inf" in result.stdout
    flat = objects(run("bicubic", data / "hr", "-s", "4", "--json"))[0]
    assert (flat["psnr"], flat["identical"]) == (None, True)


def test_ctrl_c_prints_what_was_done_and_exits_with_130(tmp_path: Path) -> None:
    skip_where_ignored("SIGINT")
    for index in range(60):
        Image.open(ASSETS / "colosseum.png").save(tmp_path / f"{index:02}.png")
    command = [*NLSR, "evaluate", "lite", tmp_path, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    summary = json.loads(rest.splitlines()[-1])["summary"]
    assert json.loads(first)["name"] == "00.png"
    assert summary["interrupted"] is True
    assert 0 < summary["done"] < 60
    assert "interrupted: " in said
    assert "Traceback" not in said


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from nlsr_cli.cli import app\n"
        "assert 'Score a model' in CliRunner().invoke(app, ['evaluate', '--help']).output\n"
        "assert not {'torch', 'numpy', 'PIL'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
