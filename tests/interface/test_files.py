"""Files from Python: with an options object or with the options of the command line, one and many."""

from pathlib import Path

import pytest

from nlsr_cli import OutputOptions, TileOptions, UpscaleOptions, load_model, upscale_file, upscale_files
from nlsr_cli.errors import DestinationClash, ImageReadError, OptionError, UnknownModel
from tests.conftest import pixels


def test_an_options_object_and_keywords_give_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    options = UpscaleOptions(tile=TileOptions(32, 8))
    outcome = upscale_file(sample, options=options, on_tile=lambda done, total: calls.append((done, total)))
    assert outcome.output == sample.with_name("photo_x4.png")
    assert outcome.output_size == pixels(outcome.output).shape[:2] == (160, 192)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    again = upscale_file(str(sample), tmp_path / "again.png", tile=32, overlap=8)
    assert again.output.read_bytes() == outcome.output.read_bytes()


def test_options_come_in_one_way(sample: Path) -> None:
    """An object and keywords for the pixels would contradict each other; what happens to files is no part of it."""
    with pytest.raises(OptionError, match="options and scale cannot be combined"):
        upscale_file(sample, options=UpscaleOptions(scale=2), scale=3)
    with pytest.raises(OptionError, match="options and model cannot be combined"):
        upscale_file(sample, options=UpscaleOptions(), model="lite")
    assert upscale_file(sample, options=UpscaleOptions(scale=2), suffix="_big").output == sample.with_name(
        "photo_big.png"
    )


def test_what_went_wrong_is_raised(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="does not exist"):
        upscale_file(tmp_path / "missing.png")
    with pytest.raises(UnknownModel):
        upscale_file(sample, options=UpscaleOptions(model="nothing"))
    with pytest.raises(OptionError, match="is a folder"):
        upscale_file(tmp_path)
    with pytest.raises(OptionError, match="recursive is an option for folders"):
        upscale_file(sample, recursive=True)  # type: ignore[call-arg]
    upscale_file(sample, tmp_path / "a.png")
    with pytest.raises(DestinationClash):
        upscale_file(sample, tmp_path / "a.png")
    assert upscale_file(sample, tmp_path / "a.png", overwrite=True).status == "done"


def test_each_outcome_comes_as_it_is_finished(sample: Path, tmp_path: Path) -> None:
    (sample.parent / "zzz.png").write_bytes(sample.read_bytes())
    outcomes = upscale_files([sample.parent], OutputOptions(target=tmp_path / "out"))
    assert next(outcomes).source == sample
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo_x4.png"]
    assert [outcome.status for outcome in outcomes] == ["done"]


def test_a_folder_with_keywords_is_what_the_command_line_makes_of_it(sample: Path, tmp_path: Path) -> None:
    """Subfolders are mirrored, and a second call keeps what is finished."""
    inner = sample.parent / "inner"
    inner.mkdir()
    (inner / "b.png").write_bytes(sample.read_bytes())

    def run() -> list[tuple[str, str]]:
        outcomes = upscale_files([sample.parent], tmp_path / "out", scale=2, recursive=True, format="webp")
        return sorted((outcome.output.name, outcome.status) for outcome in outcomes if outcome.output)

    assert run() == [("b_x2.webp", "done"), ("photo_x2.webp", "done")]
    assert run() == [("b_x2.webp", "skipped"), ("photo_x2.webp", "skipped")]
    assert (tmp_path / "out" / "inner" / "b_x2.webp").is_file()


def test_a_network_of_ones_own_for_many_files(sample: Path, tmp_path: Path) -> None:
    (outcome,) = upscale_files([sample], tmp_path / "a.png", model=load_model("lite", 2))
    assert outcome.output_size == (80, 96)


def test_a_wrong_option_is_told_before_anything_is_read(tmp_path: Path) -> None:
    for wrong in ({"quality": 200}, {"format": "pngg"}, {"suffix": 3}, {"sclae": 2}):
        with pytest.raises(OptionError):
            list(upscale_files([tmp_path / "missing.png"], **wrong))  # type: ignore[arg-type]
