"""Animations through network, batch and command line: every frame, each distinct one once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.batch.planning import plan_batch
from nlsr_cli.cli import app
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Animation, Metadata, Picture, read_any, read_picture
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, OutputOptions, TileOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.animation import content_code, frame_steps
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.progress import Step
from nlsr_cli.upscaling.route import Aim
from tests.images.films import GREEN, RED, apng, gif, gif_frame, webp

Maker = Callable[..., NLSN]
AIM = Aim(SizeOptions(scale=2), (2, 3, 4))


def frame(seed: int, *, alpha: bool = False) -> Picture:
    dice = np.random.default_rng(seed)
    layer = dice.integers(0, 256, (9, 12), np.uint8) if alpha else None
    return Picture(dice.integers(0, 256, (9, 12, 3), np.uint8), layer, Metadata("GIF", "P"))


@pytest.fixture
def enlarger(tiny_network: Maker) -> Enlarger:
    return Enlarger(tiny_network(), compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(8, 2), floor=0)


def finished(steps: Iterator[Step]) -> tuple[list[Step], object]:
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


def test_each_distinct_frame_is_computed_once(enlarger: Enlarger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal pixels, not the same object, decide; what comes out is what each picture alone gives."""
    calls = []
    monkeypatch.setattr(
        enlarger, "steps", lambda picture, **told: (calls.append(picture), Enlarger.steps(enlarger, picture, **told))[1]
    )
    one, two, same = frame(1), frame(2), frame(1)
    film = Animation((one, two, same, one), (10.0, 20.0, 30.0, 40.0), 3, ("a note",))
    told, enlarged = finished(frame_steps(enlarger, film))
    assert [id(picture) for picture in calls] == [id(one), id(two)]
    first, second, third, fourth = enlarged.animation.frames
    assert third is first is fourth
    np.testing.assert_array_equal(first.color, enlarger.upscale(one).picture.color)
    np.testing.assert_array_equal(second.color, enlarger.upscale(two).picture.color)
    assert (enlarged.animation.durations, enlarged.animation.loop) == (film.durations, 3)
    tiles = enlarger.upscale(one).tiles
    assert tiles > 1
    assert enlarged.tiles == 2 * tiles
    assert [(step.done, step.total) for step in told] == [(done, 2 * tiles) for done in range(1, 2 * tiles + 1)]
    assert told[-1].work == told[-1].total_work


def test_tiles_are_counted_over_frames_of_different_effort(enlarger: Enlarger) -> None:
    """A frame whose alpha moves takes twice the tiles; in the end all that were promised are done."""
    full = np.full((9, 12), 255, np.uint8)
    film = Animation((Picture(frame(1).color, full, Metadata("GIF", "P")), frame(2, alpha=True)), (10.0, 10.0), 0)
    told, _ = finished(frame_steps(enlarger, film))
    assert [step.done for step in told] == list(range(1, len(told) + 1))
    assert told[-1].done == told[-1].total
    assert told[-1].work == told[-1].total_work
    assert all(step.done <= step.total for step in told)


def test_codes_differ_with_anything_that_is_enlarged() -> None:
    """Colour, alpha, what lies outside of sRGB, shape and depth."""
    plain = frame(1)
    zero = np.zeros((9, 12), np.uint8)
    flat = Picture(plain.color.reshape(12, 9, 3), None, plain.metadata)
    others = [
        frame(2), frame(1, alpha=True), Picture(plain.color, zero, plain.metadata), flat,
        Picture(plain.color, None, plain.metadata, excess=np.zeros((9, 12, 3), np.int16)),
        Picture(plain.color.astype(np.uint16), None, plain.metadata),
    ]  # fmt: skip
    assert len({content_code(picture) for picture in (plain, *others)}) == 1 + len(others)
    assert content_code(frame(1)) == content_code(plain)


def run(*arguments: object) -> object:
    return CliRunner().invoke(app, ["upscale", *map(str, arguments), "--scale", "2"])


@pytest.fixture
def films(tmp_path: Path) -> dict[str, Path]:
    """Return a GIF, an APNG and a WebP of the same three frames, the last of which is the first again."""
    pixels = [np.full((6, 8, 4), (*color, 255), np.uint8) for color in (RED, GREEN, RED)]
    pixels[1][2:4, 2:6] = 0
    numbers = [
        [[0] * 8] * 6,
        [[9 if 2 <= x < 6 and 2 <= y < 4 else 1 for x in range(8)] for y in range(6)],
        [[0] * 8] * 6,
    ]
    contents = {
        "GIF": gif((6, 8), *[gif_frame(each, delay=7, disposal=2, key=9) for each in numbers], loop=2),
        "PNG": apng(None, [(each, {"num": 7, "den": 100}) for each in pixels], plays=3),
        "WEBP": webp((6, 8), [(Image.fromarray(each), {"duration": 70, "blend": False}) for each in pixels], loop=3),
    }
    paths = {fmt: tmp_path / f"a.{fmt.lower()}" for fmt in contents}
    for fmt, path in paths.items():
        path.write_bytes(contents[fmt])
    return paths


@pytest.mark.parametrize("target", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("source", ["GIF", "PNG", "WEBP"])
def test_films_from_format_to_format(films: dict[str, Path], source: str, target: str) -> None:
    """Frames, times, loops and holes arrive, by default in the format of the source."""
    out = films[source].with_name(f"out.{target.lower()}")
    options = ["-o", out] if source != target else []
    result = run(films[source], *options)
    assert result.exit_code == 0, result.stderr
    out = out if options else films[source].with_name(f"a_x2.{target.lower()}")
    read = read_any(out)
    assert (read.durations, read.loop, read.metadata.format) == ((70, 70, 70), 3, target)
    assert [picture.color.shape for picture in read.frames] == [(12, 16, 3)] * 3
    np.testing.assert_array_equal(read.frames[0].color, read.frames[2].color)
    assert read.frames[0].alpha.min() == 255
    assert read.frames[1].alpha[5:7, 7:9].max() < 32
    assert np.abs(read.frames[0].color[6, 8].astype(int) - RED).max() < 40
    assert ", 3 frames in" in result.stderr


def test_outcome_and_plan_tell_the_frames(films: dict[str, Path]) -> None:
    """In JSON and in words; of what becomes a still picture there is one frame, and the others are told."""
    planned = run(films["GIF"], films["PNG"], "--dry-run", "--json").stdout.splitlines()
    assert [json.loads(line)["frames"] for line in planned[:2]] == [3, 3]
    assert "frames: 3" in run(films["GIF"], "--dry-run").stdout
    (done, _) = map(json.loads, run(films["GIF"], "--json").stdout.splitlines())
    assert (done["frames"], done["output_size"], done["tiles"]) == (3, {"height": 12, "width": 16}, 2)
    assert Path(done["output"]).name == "a_x2.gif"
    assert json.loads(run(films["GIF"], "-f", "jpeg", "--dry-run", "--json").stdout.splitlines()[0])["frames"] == 1
    (still, _) = map(json.loads, run(films["GIF"], "-f", "jpeg", "--json").stdout.splitlines())
    assert still["frames"] == 1
    assert "Only the first of 3 frames is read." in still["notes"]


def test_still_gif_becomes_png_unless_asked(tmp_path: Path) -> None:
    """256 colours would lose what the network makes; who wants them says so."""
    (tmp_path / "a.gif").write_bytes(gif((2, 2), gif_frame([[0, 1], [2, 3]])))
    assert "A GIF of one frame becomes a PNG" in run(tmp_path / "a.gif").stderr
    assert (tmp_path / "a_x2.png").exists()
    assert run(tmp_path / "a.gif", "-f", "gif").exit_code == 0
    assert read_picture(tmp_path / "a_x2.gif").color.shape == (4, 4, 3)


def test_films_through_a_pipe(films: dict[str, Path]) -> None:
    """Nobody knows beforehand that standard input is a film."""
    arguments = ["upscale", "-", "-o", "-", "--scale", "2"]
    result = CliRunner().invoke(app, arguments, input=films["GIF"].read_bytes())
    assert result.exit_code == 0
    (films["GIF"].parent / "b").write_bytes(result.stdout_bytes)
    assert read_any(films["GIF"].parent / "b").durations == (70, 70, 70)


def test_a_film_that_is_too_large_is_refused_by_the_plan(tmp_path: Path) -> None:
    """Before anything is computed; its first frame alone is not too large."""
    path = tmp_path / "a.gif"
    path.write_bytes(gif((10, 10), *[gif_frame([[0]])] * 4))
    tight, enough = UpscaleOptions(max_pixels=399), UpscaleOptions(max_pixels=400)
    (job,) = plan_batch([path], OutputOptions(), tight, aim=AIM).jobs
    assert isinstance(job.error, ImageReadError)
    assert "4 frames of 10 × 10, 400 pixels in all; the limit is 399" in str(job.error)
    assert plan_batch([path], OutputOptions(), enough, aim=AIM).jobs[0].error is None
    assert plan_batch([path], OutputOptions(format="PNG"), tight, aim=AIM).jobs[0].error is not None
    assert plan_batch([path], OutputOptions(format="JPEG"), tight, aim=AIM).jobs[0].error is None


def test_same_film_same_bytes(films: dict[str, Path]) -> None:
    """Whatever the format."""
    for path in films.values():
        outputs = [path.with_name(f"{number}{path.suffix}") for number in (1, 2)]
        for output in outputs:
            assert run(path, "-o", output).exit_code == 0
        assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_a_cut_film_fails_and_the_others_are_done(films: dict[str, Path]) -> None:
    """With its name and why."""
    films["PNG"].write_bytes(films["PNG"].read_bytes()[:-40])
    result = run(films["PNG"].parent, "-o", films["PNG"].parent / "out")
    assert result.exit_code == 3
    assert f"{films['PNG']}: is truncated" in result.stderr
    assert sorted(path.name for path in (films["PNG"].parent / "out").glob("[!.]*")) == ["a_x2.gif", "a_x2.webp"]
