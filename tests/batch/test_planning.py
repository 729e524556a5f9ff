"""What is read and where it goes is decided before the first pixel, with every clash found."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from nlsr_cli.batch import claims as module
from nlsr_cli.batch.claims import EXISTS_HINT
from nlsr_cli.batch.planning import BatchPlan, kept_format, plan_batch
from nlsr_cli.batch.sink import StandardOutput
from nlsr_cli.batch.source import FileSource, StandardInput
from nlsr_cli.errors import DestinationClash, ImageReadError, ImageWriteError, MissingInput, OptionError
from nlsr_cli.images import Header, probe
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM, OutputOptions, UpscaleOptions
from nlsr_cli.shards import Shard
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim


def picture(path: Path, format_: str | None = None, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path, format_)
    return path


class Here(Decoder):
    """Reads headers in this process: to start another one for each plan takes longer than the plans."""

    def probe(self, source: Path | bytes, *, name: str | None = None, max_pixels: int) -> Header:
        return probe(source, name=name, max_pixels=max_pixels)


def plan(*inputs: str | Path, scale: int = 4, max_pixels: int = DEFAULT_MAX_PIXELS, **output: object) -> BatchPlan:
    aim = Aim(SizeOptions(scale=scale), (2, 3, 4))
    options = OutputOptions(**output)  # type: ignore[arg-type]
    return plan_batch(inputs, options, UpscaleOptions(max_pixels=max_pixels), aim=aim, decoder=Here())


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
    assert (job.sink.path, job.error) == (tmp_path / expected, None)


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
    assert (job.sink.path, job.format) == (tmp_path / expected, format_)


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
    planned = plan_batch([path], OutputOptions(suffix=suffix), aim=Aim(sizes, (2, 3, 4)), decoder=Here())
    (job,) = planned.jobs
    assert job.sink.path.name == expected
    assert job.route is not None
    assert job.route.stages == planned.scales == stages


def test_a_picture_too_small_for_its_size_fails_alone(tmp_path: Path) -> None:
    small, large = picture(tmp_path / "a.png", size=(10, 10)), picture(tmp_path / "b.png", size=(200, 90))
    aim = Aim(SizeOptions(long_side=400), (2, 3, 4))
    failed, fine = plan_batch([small, large], OutputOptions(), aim=aim, decoder=Here()).jobs
    assert isinstance(failed.error, ImageWriteError)
    assert "is 40.0 times as large, more than 16" in failed.error.message
    assert failed.sink.path == small
    assert (fine.error, fine.sink.path.name) == (None, "b_400x180.png")


def test_target_with_an_ending_is_a_file(tmp_path: Path) -> None:
    (job,) = plan(picture(tmp_path / "a.png"), target=tmp_path / "b.webp").jobs
    assert (job.sink.path, job.format) == (tmp_path / "b.webp", "WEBP")


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
        for existing in ("error", "skip", "overwrite", "resume"):
            (job,) = plan(path, existing=existing, **output).jobs
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
    assert (job.source, job.sink) == (StandardInput(), StandardOutput())
    (job,) = plan("-", target=tmp_path / "a.jpg").jobs
    assert (job.sink.path, job.format) == (tmp_path / "a.jpg", "JPEG")
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
    (job,) = plan(path, target=tmp_path / "b.dat", format="WEBP").jobs
    assert (job.sink.path.name, job.format) == ("b.dat", "WEBP")


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


def film(path: Path, frames: int = 3, format_: str = "GIF") -> Path:
    pictures = [Image.new("RGB", (6, 4), (80 * index, 0, 0)) for index in range(frames)]
    pictures[0].save(path, format_, save_all=True, append_images=pictures[1:])
    return path


def test_a_plan_reads_headers_by_itself(tmp_path: Path) -> None:
    """In a process of its own, which ends with the plan."""
    aim = Aim(SizeOptions(scale=2), (2, 3, 4))
    (job,) = plan_batch([picture(tmp_path / "a.png")], OutputOptions(), aim=aim).jobs
    assert job.header is not None
    assert (job.header.width, job.header.height, job.sink.path.name) == (6, 4, "a_x2.png")


def test_a_film_stays_one_and_its_frames_count(tmp_path: Path) -> None:
    """What is asked for as a still is a still; all frames of a film are held at once, so that all count."""
    source = film(tmp_path / "a.gif")
    (job,) = plan(source).jobs
    assert (job.sink.path.name, job.format, job.moves, job.error) == ("a_x4.gif", "GIF", True, None)
    (still,) = plan(source, format="JPEG").jobs
    assert (still.sink.path.name, still.moves, still.error) == ("a_x4.jpg", False, None)
    (large,) = plan(source, max_pixels=3 * 6 * 4 - 1).jobs
    assert isinstance(large.error, ImageReadError)
    assert str(source) in large.error.message
    assert plan(source, format="JPEG", max_pixels=3 * 6 * 4 - 1).jobs[0].error is None
    assert plan(picture(tmp_path / "b.jpg")).jobs[0].moves is False
    assert plan("-", target=STREAM).jobs[0].moves is False


def test_what_is_not_written_or_would_lose_its_colours_becomes_a_png() -> None:
    kept = {("HEIF", 1): "PNG", ("GIF", 1): "PNG", ("GIF", 2): "GIF", ("JPEG", 1): "JPEG", ("WEBP", 2): "WEBP"}
    assert {source: kept_format(*source)[0] for source in kept} == kept


def test_a_format_that_is_not_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown format 'PSD'"):
        plan(picture(tmp_path / "a.png"), format="PSD")


def test_the_networks_of_all_work_are_named_once(tmp_path: Path) -> None:
    """They are loaded before the first picture; those of pictures that fail or are there are not."""
    for name, size in (("a", (20, 20)), ("b", (30, 30)), ("c", (60, 60)), ("d", (4, 4))):
        picture(tmp_path / f"{name}.png", size=size)
    aim = Aim(SizeOptions(width=60), (2, 3, 4))
    planned = plan_batch([tmp_path], OutputOptions(), UpscaleOptions(max_pixels=2000), aim=aim, decoder=Here())
    assert planned.scales == (3, 2, 4)


def test_a_file_that_is_called_like_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text `-` and the constant are standard input; a path is a file, as `./-` is."""
    monkeypatch.chdir(tmp_path)
    picture(Path("-"), "PNG")
    assert plan(STREAM, target=STREAM).jobs[0].source == StandardInput()
    (job,) = plan(Path("-")).jobs
    assert job.source == FileSource(Path("-"))
    assert (job.header is not None, job.sink.path.name) == (True, "-_x4.png")


def test_a_file_goes_to_standard_output_in_its_own_format(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.webp")
    for target in (STREAM, "-"):
        (job,) = plan(str(path), target=target).jobs
        assert (job.source, job.format, job.error) == (FileSource(path), "WEBP", None)
        assert job.sink == StandardOutput()
    assert plan(path, target="-", format="JPEG").jobs[0].format == "JPEG"


def test_standard_input_names_no_format_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="needs an output") as caught:
        plan(STREAM)
    assert caught.value.hint == "Add -o FILE, or -o - for standard output."
    assert plan("-", target=STREAM).jobs[0].format == ""
    assert plan("-", target=STREAM, format="WEBP").jobs[0].format == "WEBP"
    picture(tmp_path / "b.png")
    (job,) = plan("-", target=tmp_path / "b.png").jobs
    assert isinstance(job.error, DestinationClash), "what is there is kept here too"


@pytest.mark.parametrize(
    ("target", "single", "made"),
    [
        ("out", True, "out/a_x4.png"),
        ("out/", True, "out/a_x4.png"),
        ("there.png", True, "there.png/a_x4.png"),
        ("new.d/", True, "new.d/a_x4.png"),
        ("new.webp", True, "new.webp"),
        ("new.d", False, "new.d/a_x4.png"),
        ("there.png", False, "there.png/a_x4.png"),
    ],
)
def test_what_an_output_is_told_by_its_name_and_by_what_is_there(
    tmp_path: Path, target: str, single: bool, made: str
) -> None:
    (tmp_path / "there.png").mkdir()
    inputs = [picture(tmp_path / "a.png")] if single else [picture(tmp_path / "a.png"), picture(tmp_path / "b.png")]
    job = plan(*inputs, target=f"{tmp_path}/{target}").jobs[0]
    assert (job.sink.path, job.error) == (tmp_path / made, None)


def test_a_folder_or_several_files_need_a_folder(tmp_path: Path) -> None:
    """Also where the folder has one picture today: tomorrow it has two."""
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "file").write_bytes(b"mine")
    for target in ("b.png", "file"):
        with pytest.raises(OptionError, match="is a file, but there are several inputs") as caught:
            plan(tmp_path / "in", target=tmp_path / target)
        assert caught.value.hint == "Give a folder after -o."
    with pytest.raises(OptionError, match="exactly one"):
        plan(tmp_path / "in", target=STREAM)
    (job,) = plan(tmp_path / "in" / "a.png", target=tmp_path / "file", format="PNG", existing="overwrite").jobs
    assert (job.sink.path, job.error) == (tmp_path / "file", None)


def test_the_tree_of_a_folder_is_mirrored_and_never_left(tmp_path: Path) -> None:
    for name in ("in/a.png", "in/sub/b.png", "in/linked/c.png"):
        picture(tmp_path / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "linked").symlink_to(tmp_path / "elsewhere")
    jobs = {job.source.path.name: job for job in plan(tmp_path / "in", target=tmp_path / "out", recursive=True).jobs}
    assert jobs["a.png"].sink.path == tmp_path / "out" / "a_x4.png"
    assert jobs["b.png"].sink.path == tmp_path / "out" / "sub" / "b_x4.png"
    assert {job.sink.root for job in jobs.values()} == {tmp_path / "out"}
    assert [name for name, job in jobs.items() if job.error is not None] == ["c.png"]
    assert "leads out of" in str(jobs["c.png"].error)
    assert plan(tmp_path / "in" / "a.png").jobs[0].sink.root is None


def test_a_folder_that_cannot_be_read_is_told_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    blocked, fine = plan(tmp_path, recursive=True, target=tmp_path / "out").jobs
    assert blocked.source.path == tmp_path / "closed"
    assert isinstance(blocked.error, ImageReadError)
    assert "the folder cannot be read: Permission denied" in blocked.error.message
    assert fine.error is None


def test_a_folder_whose_pictures_are_passed_over_is_well_only_if_they_are_outputs(tmp_path: Path) -> None:
    (tmp_path / "@eaDir").mkdir()
    picture(tmp_path / "@eaDir" / "a.png")
    with pytest.raises(OptionError, match="no pictures found"):
        plan(tmp_path, recursive=True)


def test_a_disk_with_no_room_is_known_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = picture(tmp_path / "a.png", size=(100, 100))
    for free, fits in ((400 * 400, True), (400 * 400 - 1, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        (job,) = plan(source, format="BMP").jobs
        assert (job.error is None) == fits, job.error
    assert isinstance(job.error, ImageWriteError)
    assert "the disk has" in job.error.message


def test_a_name_that_is_too_long_fails_alone(tmp_path: Path) -> None:
    long, fine = picture(tmp_path / f"{'a' * 248}.png"), picture(tmp_path / "b.png")
    failed, other = plan(long, fine, suffix="_enlarged").jobs
    assert isinstance(failed.error, ImageWriteError)
    assert f"its output {failed.sink.path.name}: File name too long" in failed.error.message
    assert failed.error.hint == "Choose another name with -o or --suffix."
    assert other.error is None


@pytest.mark.parametrize("what", ["a folder", "a device or pipe"])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, what: str) -> None:
    target = tmp_path / "a_x4.png"
    if what == "a folder":
        target.mkdir()
    else:
        os.mkfifo(target)
    for existing in ("error", "skip", "overwrite", "resume"):
        (job,) = plan(picture(tmp_path / "a.png"), existing=existing).jobs
        assert isinstance(job.error, DestinationClash)
        assert f"{what} already has this name" in job.error.message
        assert job.error.hint == "Choose another name; standard output is -o -."


@pytest.mark.parametrize("dangling", [False, True])
def test_what_is_there_is_told_or_left_or_replaced_or_looked_into(tmp_path: Path, dangling: bool) -> None:
    """A link counts, wherever it leads: somebody has put it there."""
    path = picture(tmp_path / "a.png")
    if dangling:
        (tmp_path / "a_x4.png").symlink_to("nowhere")
    else:
        picture(tmp_path / "a_x4.png")
    jobs = {each: plan(path, existing=each).jobs[0] for each in ("error", "skip", "overwrite", "resume")}
    assert [each for each, job in jobs.items() if job.error is not None] == ["error"]
    assert [each for each, job in jobs.items() if job.skip] == ["skip"]
    assert f"its output {tmp_path / 'a_x4.png'} exists already" in str(jobs["error"].error)
    assert jobs["error"].error is not None
    assert jobs["error"].error.hint == EXISTS_HINT


def test_folders_that_nothing_can_be_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that are yet to be made, the nearest one that is there tells."""
    path = picture(tmp_path / "a.png")
    (tmp_path / "file").write_text("")
    (job,) = plan(path, target=tmp_path / "file" / "deep" / "b.png").jobs
    assert f"{tmp_path / 'file'}: is a file, not a folder" in str(job.error)
    asked: list[tuple[Path, int]] = []

    def closed(folder: Path, mode: int) -> bool:
        asked.append((Path(folder), mode))
        return not mode & os.W_OK

    monkeypatch.setattr(os, "access", closed)
    (job,) = plan(path, target=tmp_path / "new" / "deep" / "b.png").jobs
    assert isinstance(job.error, ImageWriteError)
    assert f"{tmp_path}: the folder is not writable" in str(job.error)
    assert job.error.hint == "Choose another place with -o."
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_what_is_done_may_lie_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To go on with an archive that is read-only now must not fail for what is there; to replace it must, at once."""
    path = picture(tmp_path / "a.png")
    picture(tmp_path / "a_x4.png")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert plan(path, existing="resume").jobs[0].error is None
    assert "the folder is not writable" in str(plan(path, existing="overwrite").jobs[0].error)


def test_an_output_is_no_other_input_either(tmp_path: Path) -> None:
    """Whichever of the two comes first; where it is kept, nothing is lost."""
    small, large = picture(tmp_path / "a.png"), picture(tmp_path / "a_x4.png")
    for inputs in ((small, large), (large, small)):
        jobs = {job.source.path: job for job in plan(*inputs, existing="overwrite").jobs}
        error = jobs[small].error
        assert isinstance(error, DestinationClash)
        assert f"the output of {small} would replace {large}, which is also an input" in error.message
        assert error.hint == "nlsr never overwrites an input: give another name with -o or --suffix."
        assert jobs[large].error is None
    jobs = {job.source.path: job for job in plan(small, large, existing="skip").jobs}
    assert (jobs[small].error, jobs[small].skip) == (None, True)


def test_several_with_one_output_are_named_up_to_three(tmp_path: Path) -> None:
    sources = [picture(tmp_path / str(index) / "a.png") for index in range(5)]
    for count in (2, 3, 4, 5):
        jobs = plan(*sources[:count], target=tmp_path / "out").jobs
        named = ", ".join(map(str, sources[: min(count, 3)]))
        more = f" and {count - 3} more" if count > 3 else ""
        for job, source in zip(jobs, sources, strict=False):
            assert isinstance(job.error, DestinationClash)
            assert job.error.message.endswith(f"{source} is one of several files with the same output: {named}{more}")
            assert job.error.hint == 'Keep them apart by their endings, with --suffix "_{ext}_x{scale}", or rename one.'
    assert plan(sources[0], target=tmp_path / "out").jobs[0].error is None


@pytest.mark.parametrize("there", [False, True])
def test_one_place_under_two_names_is_one(tmp_path: Path, there: bool) -> None:
    """A folder and a link to it, whether the output is there to be replaced or not."""
    one = picture(tmp_path / "album" / "a.png")
    (tmp_path / "link").symlink_to("album")
    if there:
        picture(tmp_path / "album" / "a_x4.png")
    other = tmp_path / "link" / "a.png"
    for job in plan(one, other, existing="overwrite").jobs:
        assert isinstance(job.error, DestinationClash)
        assert "are one file there)" in job.error.message


def test_names_that_a_file_system_takes_for_one_are_told_apart_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upper, lower = tmp_path / "out" / "A_x4.png", tmp_path / "out" / "a_x4.png"

    def one_spelling(outputs: Iterable[Path], inputs: Iterable[Path]) -> dict[Path, Path]:
        assert set(outputs) == {upper, lower, tmp_path / "out" / "b_x4.png"}
        assert set(inputs) == set(sources)
        return {upper: upper, lower: upper}

    sources = [picture(tmp_path / name) for name in ("1/A.png", "2/a.png", "b.png")]
    monkeypatch.setattr(module, "one_spelling", one_spelling)
    *clash, fine = plan(*sources, target=tmp_path / "out").jobs
    for job in clash:
        assert job.error is not None
        assert job.error.message.endswith(f"{sources[0]}, {sources[1]} ({upper} and {lower} are one file there)")
    assert fine.error is None


def test_what_fails_already_claims_no_place(tmp_path: Path) -> None:
    """A damaged a.jpg does not keep a.png from being enlarged; standard output is nobody's place."""
    (tmp_path / "a.jpg").write_bytes(b"damaged")
    fine = picture(tmp_path / "a.png")
    jobs = plan(tmp_path / "a.jpg", fine, target=tmp_path / "out", format="PNG").jobs
    assert [job.error is None for job in jobs] == [False, True]
    assert jobs[0].sink.path == tmp_path / "a.jpg"


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the pictures that a plan opens from now on."""
    names: list[str] = []

    def noted(self: Here, source: Path | bytes, *, name: str | None = None, max_pixels: int) -> Header:
        assert isinstance(source, Path)
        names.append(source.name)
        return probe(source, name=name, max_pixels=max_pixels)

    monkeypatch.setattr(Here, "probe", noted)
    return names


def test_a_shard_opens_its_own_pictures_and_the_rivals_of_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header says the format and the size, and so the name of the output; of others nobody needs to know it."""
    assert Shard(0, 2).takes("a.png")
    rivals = {"a.bmp", "A.gif"}
    for name in ("a.png", *rivals, *map("{}.png".format, range(12))):
        picture(tmp_path / name)
    names = opened(monkeypatch)
    jobs = plan(tmp_path, target=tmp_path / "out", format="PNG", shard=Shard(0, 2)).jobs
    own = {path.name for path in tmp_path.iterdir() if Shard(0, 2).takes(path.name)}
    assert {job.source.path.name for job in jobs} == own
    assert set(names) == own | rivals != {path.name for path in tmp_path.iterdir()}
    assert {job.source.path.name for job in jobs if job.error} == own & {"a.png", "a.bmp"}


def test_where_a_suffix_tells_sizes_any_two_may_have_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a1.png", size=(5, 4))
    picture(tmp_path / "a.png", size=(30, 4))
    names = opened(monkeypatch)
    options = {"target": f"{tmp_path}/out/", "suffix": "{width}", "existing": "overwrite"}
    both = [tmp_path / "a.png", tmp_path / "a1.png"]
    jobs = [job for number in (0, 1) for job in plan(*both, **options, shard=Shard(number, 2)).jobs]
    assert sorted(names) == ["a.png", "a.png", "a1.png", "a1.png"]
    assert sorted(job.source.path.name for job in jobs if job.error) == ["a.png", "a1.png"]


def test_the_place_in_the_tree_decides_about_the_shard(tmp_path: Path) -> None:
    """Wherever the tree lies on this machine, and however it was named."""
    for number in range(6):
        picture(tmp_path / "in" / "beach" / f"{number}.png")
    shard = Shard(1, 3)
    named = plan(tmp_path / "in", target=tmp_path / "out", recursive=True, shard=shard).jobs
    matched = plan(tmp_path / "in" / "**" / "*.png", target=tmp_path / "out", shard=shard).jobs
    moved = plan(shutil.move(tmp_path / "in", tmp_path / "moved"), target=tmp_path / "out", recursive=True, shard=shard)
    names = [[job.source.path.name for job in jobs] for jobs in (named, matched, moved.jobs)]
    assert names == [[name for name in map("{}.png".format, range(6)) if shard.takes(f"beach/{name}")]] * 3
