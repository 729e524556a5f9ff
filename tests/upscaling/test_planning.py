"""What is read and where it goes is decided before the first pixel, with every clash found."""

import os
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, MissingInput, OptionError
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM, OutputOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.cascade import Aim
from nlsr_cli.upscaling.planning import BatchPlan, plan_batch


def picture(path: Path, format_: str | None = None, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path, format_)
    return path


def plan(*inputs: str | Path, scale: int = 4, max_pixels: int = DEFAULT_MAX_PIXELS, **output: object) -> BatchPlan:
    aim = Aim(SizeOptions(scale=scale), (2, 3, 4))
    return plan_batch(inputs, OutputOptions(**output), aim=aim, max_pixels=max_pixels)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "format_", "expected"),
    [
        ("photo.png", None, "photo_x4.png"),
        ("photo.JPEG", None, "photo_x4.JPEG"),
        ("photo.tif", None, "photo_x4.tif"),
        ("photo.gif", "GIF", "photo_x4.png"),
        ("mislabelled.jpg", "PNG", "mislabelled_x4.png"),
        ("no-ending", "WEBP", "no-ending_x4.webp"),
        ("två  bilder 写真.png", None, "två  bilder 写真_x4.png"),
        ("dots.in.name.bmp", None, "dots.in.name_x4.bmp"),
    ],
)
def test_default_output_lies_beside_the_input(tmp_path: Path, name: str, format_: str | None, expected: str) -> None:
    (job,) = plan(picture(tmp_path / name, format_)).jobs
    assert (job.target, job.error) == (tmp_path / expected, None)


@pytest.mark.parametrize(
    ("output", "expected", "format_"),
    [
        ({"suffix": ""}, "out/a.png", "PNG"),
        ({"suffix": "-{scale}times"}, "out/a-4times.png", "PNG"),
        ({"format": "JPEG"}, "out/a_x4.jpg", "JPEG"),
    ],
)
def test_suffix_and_format_name_the_output(tmp_path: Path, output: dict[str, str], expected: str, format_: str) -> None:
    (job,) = plan(picture(tmp_path / "a.png"), target=tmp_path / "out", **output).jobs
    assert (job.target, job.format) == (tmp_path / expected, format_)


@pytest.mark.parametrize(
    ("sizes", "suffix", "expected", "stages"),
    [
        (SizeOptions(scale=2.5), None, "a_x2.5.png", (3,)),
        (SizeOptions(scale=10), None, "a_x10.png", (3, 4)),
        (SizeOptions(width=15), None, "a_15x10.png", (3,)),
        (SizeOptions(width=15), "-{width}-{height}-{scale}", "a-15-10-2.5.png", (3,)),
        (SizeOptions(short_side=2), None, "a_3x2.png", ()),
    ],
)
def test_sizes_name_the_output(
    tmp_path: Path, sizes: SizeOptions, suffix: str | None, expected: str, stages: tuple[int, ...]
) -> None:
    path = picture(tmp_path / "a.png")
    planned = plan_batch([path], OutputOptions(suffix=suffix), aim=Aim(sizes, (2, 3, 4)), max_pixels=DEFAULT_MAX_PIXELS)
    (job,) = planned.jobs
    assert job.target.name == expected
    assert job.route is not None
    assert job.route.stages == planned.scales == stages


def test_a_picture_too_small_for_its_size_fails_alone(tmp_path: Path) -> None:
    small, large = picture(tmp_path / "a.png", size=(10, 10)), picture(tmp_path / "b.png", size=(200, 90))
    aim = Aim(SizeOptions(long_side=400), (2, 3, 4))
    failed, fine = plan_batch([small, large], OutputOptions(), aim=aim, max_pixels=DEFAULT_MAX_PIXELS).jobs
    assert isinstance(failed.error, ImageWriteError)
    assert "is 40.0 times as large, more than 16" in failed.error.message
    assert (fine.error, fine.target.name) == (None, "b_400x180.png")


def test_target_with_an_ending_is_a_file(tmp_path: Path) -> None:
    (job,) = plan(picture(tmp_path / "a.png"), target=tmp_path / "b.webp").jobs
    assert (job.target, job.format) == (tmp_path / "b.webp", "WEBP")


def test_target_with_an_unknown_ending_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"unknown ending '\.pgn'") as caught:
        plan(picture(tmp_path / "a.png"), target=tmp_path / "b.pgn")
    assert ".png" in caught.value.hint


def test_several_inputs_cannot_share_one_file(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is a file, but there are several inputs"):
        plan(picture(tmp_path / "a.png"), picture(tmp_path / "b.png"), target=tmp_path / "c.png")


def test_clashes_fail_all_who_claim_the_same_output(tmp_path: Path) -> None:
    """a.jpg and a.png, and equal names in two folders: none may win in silence."""
    jpg, png, other = (picture(tmp_path / name) for name in ("a.jpg", "a.png", "x/a.png"))
    fine = picture(tmp_path / "b.png")
    jobs = plan(jpg, png, other, fine, target=tmp_path / "out", format="PNG").jobs
    assert [type(job.error) for job in jobs] == [DestinationClash] * 3 + [type(None)]
    assert str(jpg) in str(jobs[1].error)
    assert str(other) in str(jobs[0].error)


def test_an_input_is_never_its_own_output(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    link = tmp_path / "link.png"
    link.symlink_to(path)
    for output in ({"suffix": ""}, {"target": path}, {"target": link}, {"target": tmp_path, "suffix": ""}):
        (job,) = plan(path, existing="overwrite", **output).jobs
        assert isinstance(job.error, DestinationClash)
        assert "replace the input itself" in job.error.message


@pytest.mark.parametrize("existing", ["error", "skip", "overwrite"])
def test_existing_output(tmp_path: Path, existing: str) -> None:
    path = picture(tmp_path / "a.png")
    picture(tmp_path / "a_x4.png")
    (job,) = plan(path, existing=existing).jobs
    assert job.skip == (existing == "skip")
    assert isinstance(job.error, DestinationClash) == (existing == "error")


def test_unusable_places_are_known_at_once(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    (job,) = plan(path, target=tmp_path / "file" / "deep" / "b.png").jobs
    assert isinstance(job.error, ImageWriteError)
    (tmp_path / "a_x4.png").mkdir()
    (job,) = plan(path, existing="overwrite").jobs
    assert isinstance(job.error, DestinationClash)
    assert not (tmp_path / "deep").exists()


def test_unreadable_inputs_are_jobs_with_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    good = picture(tmp_path / "good.png")
    jobs = plan(tmp_path / "missing.png", tmp_path / "empty.png", good).jobs
    assert [type(job.error) for job in jobs] == [MissingInput, ImageReadError, type(None)]


def test_limits_are_checked_before_any_computing(tmp_path: Path) -> None:
    wide = picture(tmp_path / "wide.png", size=(20000, 2))
    (job,) = plan(wide, format="JPEG").jobs
    assert isinstance(job.error, ImageWriteError)
    assert "80000" in job.error.message
    (job,) = plan(wide, max_pixels=39999).jobs
    assert isinstance(job.error, ImageReadError)
    assert "--max-pixels" in job.error.hint


def test_streams(tmp_path: Path) -> None:
    (job,) = plan("-", target=STREAM).jobs
    assert (job.source, job.target) == (STREAM, STREAM)
    (job,) = plan("-", target=tmp_path / "a.jpg").jobs
    assert (job.target, job.format) == (tmp_path / "a.jpg", "JPEG")
    with pytest.raises(OptionError, match="needs an output"):
        plan("-")
    with pytest.raises(OptionError, match="cannot be mixed"):
        plan("-", "a.png", target=STREAM)
    with pytest.raises(OptionError, match="exactly one"):
        plan(picture(tmp_path / "a.png"), picture(tmp_path / "b.png"), target=STREAM)


def test_a_pipe_is_not_read_by_the_plan(tmp_path: Path) -> None:
    """As in `nlsr upscale <(djxl a.jxl -) -o a.png`: what the plan reads would be lost."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (job,) = plan(pipe, target=tmp_path / "a.png").jobs
    assert (job.header, job.error, job.format) == (None, None, "PNG")
    (job,) = plan(pipe).jobs
    assert "is a pipe" in str(job.error)
    picture(tmp_path / "b.png")
    assert [job.error is None for job in plan(tmp_path / "b.png", pipe).jobs] == [True, False], "it stops nobody else"


def test_ending_and_format_must_agree(tmp_path: Path) -> None:
    """PNG bytes under a .jpg name would mislead whoever opens the file."""
    path = picture(tmp_path / "a.png")
    with pytest.raises(OptionError, match="is named as JPEG, but --format says PNG"):
        plan(path, target=tmp_path / "b.jpg", format="PNG")
    (job,) = plan(path, target=tmp_path / "b.dat", format="PNG").jobs
    assert (job.target.name, job.format) == ("b.dat", "PNG")


def test_a_folder_without_pictures_of_its_own_is_an_error(tmp_path: Path) -> None:
    """A call that does nothing must not look like one that did all: somebody forgot -r."""
    (tmp_path / "notes.txt").write_text("none")
    picture(tmp_path / "album" / "a.png")
    with pytest.raises(OptionError, match=r"no pictures found, only notes\.txt, album") as error:
        plan(tmp_path)
    assert "with -r for their subfolders" in error.value.hint


def test_a_folder_of_finished_outputs_is_none(tmp_path: Path) -> None:
    """A second call has nothing left to do, and that is well."""
    for name in ("a.png", "a_x4.png"):
        picture(tmp_path / name)
    assert len(plan(tmp_path, existing="skip").work) == 0
