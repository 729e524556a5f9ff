"""What a batch is said to take before it is begun: measured for large ones only, and refused where it cannot be had."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli import scratch
from nlsr_cli.api import build_enlarger, find_set
from nlsr_cli.batch import forecast
from nlsr_cli.batch.forecast import Forecaster, made_picture
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.cli import app
from nlsr_cli.errors import OptionError, ScratchFull
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import ComputeOptions, OutputOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.needs import Extent
from nlsr_cli.upscaling.route import Aim

CPU = ComputeOptions("cpu", "fp32")
Foresee = Callable[..., tuple[Forecaster, list[Job]]]


@pytest.fixture
def foresee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Foresee:
    """Return what foresees pictures of some sizes, (width, height), as if they were large."""
    monkeypatch.setattr(forecast, "LARGE", 1)
    monkeypatch.setattr(forecast, "_SIDE", 64)

    def foreseer(*sizes: tuple[int, int], name: str = "out.png", **asked: object) -> tuple[Forecaster, list[Job]]:
        for number, size in enumerate(sizes):
            Image.new("RGB", size, "teal").save(tmp_path / f"{number}.png")
        options = UpscaleOptions(**{"scale": 2, "compute": CPU, **asked})  # type: ignore[arg-type]
        models = find_set(options)
        aim = Aim(options.sizes or SizeOptions(), models.scales, bicubic=options.strength == 0)
        target = tmp_path / name if len(sizes) == 1 else None
        with Decoder() as decoder:
            inputs = [tmp_path / f"{number}.png" for number in range(len(sizes))]
            jobs = plan_batch(inputs, OutputOptions(target), options, aim=aim, decoder=decoder).jobs
            return Forecaster(list(jobs), lambda asked: build_enlarger(asked, models), decoder), list(jobs)

    return foreseer


def test_time_grows_with_the_picture(foresee: Foresee) -> None:
    """One start serves all pictures of a batch."""
    forecaster, jobs = foresee((64, 64), (64, 640))
    small, large = (forecaster.of(job) for job in jobs)
    assert small is not None
    assert large is not None
    assert 5 < (large.seconds or 0) / (small.seconds or 1) < 12
    assert large.output > small.output > 0
    assert large.memory > small.memory


def test_without_a_network_too(foresee: Foresee) -> None:
    forecaster, (job,) = foresee((64, 64), strength=0)
    found = forecaster.of(job)
    assert found is not None
    assert 0 < (found.seconds or 0) < 10


def test_little_work_needs_no_start(foresee: Foresee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "LARGE", 4097)
    forecaster, (job,) = foresee((64, 64))
    assert forecaster.of(job) is None


def test_a_disk_without_room_is_told_before_the_work(foresee: Foresee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "LEAST", 1)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10_000})())
    forecaster, (job,) = foresee((64, 64))
    with pytest.raises(ScratchFull, match="has no room for"):
        forecaster.of(job)


def test_memory_that_is_too_little_is_told_before_the_work(foresee: Foresee) -> None:
    """It counts for the processes, too: what is asked for them is in the hint, and is enough."""
    forecaster, (job,) = foresee((64, 64), max_memory=2**20)
    with pytest.raises(OptionError, match="more than --max-memory") as error:
        forecaster.of(job)
    enough = int(error.value.hint.split()[1]) * 2**20
    forecaster, (job,) = foresee((64, 64), max_memory=enough)
    found = forecaster.of(job)
    assert found is not None
    assert found.memory <= enough


def test_the_picture_of_a_start_is_like_a_photograph() -> None:
    """Its detail falls with its fineness: a PNG of it is neither that of noise nor that of a plain."""
    for extent in (Extent((96, 64), 3, np.dtype(np.uint8), alpha=True), Extent((64, 64), 1, np.dtype(np.float32))):
        picture = made_picture(extent, "PNG")
        assert Extent.of(picture) == extent
        assert 0.1 < picture.color.std() / (255 if extent.dtype == np.uint8 else 1) < 0.3


def test_the_command_says_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "LARGE", 1)
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "a.png")
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "b.png")
    arguments = ["upscale", str(tmp_path), "-s", "2", "--dry-run"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    first = result.stdout.splitlines()[1]
    assert first.startswith("  about ")
    assert "of memory" in first
    assert "of output" in first
    assert "all together about" in result.stderr
    listed = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout.splitlines()[0])
    assert listed["forecast"].keys() == {"seconds", "memory_bytes", "scratch_bytes", "output_bytes"}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.png", "b.png"]
