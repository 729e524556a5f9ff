"""A watched folder gives each picture once, when it is whole, and never what nlsr wrote itself."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from nlsr_cli.batch.inputs import Sources
from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.batch.planning import BatchPlan, plan_batch
from nlsr_cli.batch.watching import Watch
from nlsr_cli.errors import DestinationClash, OptionError
from nlsr_cli.options import OutputOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim
from tests.batch.test_planning import picture


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def watch(inbox: Path, **output: object) -> Watch:
    return Watch([str(inbox)], OutputOptions(**{"target": inbox.parent / "out", **output}))  # type: ignore[arg-type]


def taken(watched: Watch) -> list[str]:
    return [path.name for path, _ in watched.look().files]


def test_what_is_there_at_the_start_is_taken_at_the_second_look_and_once(inbox: Path) -> None:
    picture(inbox / "a.png")
    watched = watch(inbox)
    assert [taken(watched) for _ in range(4)] == [[], ["a.png"], [], []]


def test_a_file_that_grows_is_waited_for(inbox: Path) -> None:
    watched = watch(inbox)
    whole = picture(inbox.parent / "whole.png").read_bytes()
    for length in range(0, len(whole) + 1, len(whole) // 4):
        (inbox / "a.png").write_bytes(whole[:length])
        assert taken(watched) == []
    (inbox / "a.png").write_bytes(whole)
    assert [taken(watched) for _ in range(3)] == [[], ["a.png"], []]


def test_an_empty_file_is_not_there_yet(inbox: Path) -> None:
    (inbox / "a.png").touch()
    watched = watch(inbox)
    assert [taken(watched) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize(
    "name", ["a.png.part", "a.png.crdownload", "a.png.TMP", "~a.png", "a.png~", ".a.png", "._a.png"]
)
def test_names_of_what_is_not_whole_are_passed_over_until_it_is_renamed(inbox: Path, name: str) -> None:
    picture(inbox / name, "PNG")
    watched = watch(inbox)
    assert [taken(watched) for _ in range(2)] == [[], []]
    (inbox / name).rename(inbox / "a.png")
    assert [taken(watched) for _ in range(3)] == [[], ["a.png"], []]


def test_what_changes_is_taken_again_and_what_goes_and_comes_back_too(inbox: Path) -> None:
    path = picture(inbox / "a.png")
    watched = watch(inbox)
    assert [taken(watched) for _ in range(2)] == [[], ["a.png"]]
    os.utime(path, ns=(1, 1))
    assert [taken(watched) for _ in range(3)] == [[], ["a.png"], []]
    path.rename(inbox.parent / "away.png")
    assert taken(watched) == []
    (inbox.parent / "away.png").rename(path)
    assert [taken(watched) for _ in range(3)] == [[], ["a.png"], []]


def test_subfolders_are_mirrored_where_that_is_asked(inbox: Path) -> None:
    picture(inbox / "sub" / "a.png")
    plain, deep = watch(inbox), watch(inbox, recursive=True)
    assert [taken(plain) for _ in range(2)] == [[], []]
    assert taken(deep) == []
    assert deep.look().files == [(inbox / "sub" / "a.png", inbox)]


def test_outputs_in_the_folder_that_is_watched_do_not_feed_it(inbox: Path) -> None:
    picture(inbox / "out" / "a_x2.png")
    picture(inbox / "elsewhere.png")
    watched = watch(inbox, target=inbox / "out", recursive=True)
    watched.remember(Outcome(inbox / "a.png", inbox / "elsewhere.png", "done"))
    assert [taken(watched) for _ in range(3)] == [[], [], []]
    (inbox / "elsewhere.png").unlink()
    picture(inbox / "new.png")  # a file system gives it the number of the one that was removed
    assert [taken(watched) for _ in range(2)] == [[], ["new.png"]]


def test_a_folder_that_goes_is_told_once_and_watched_again_when_it_is_back(inbox: Path) -> None:
    watched = watch(inbox)
    inbox.rename(inbox.parent / "unmounted")
    assert [watched.look().unreadable for _ in range(2)] == [[(inbox, "it is not there")], []]
    (inbox.parent / "unmounted").rename(inbox)
    picture(inbox / "a.png")
    assert [taken(watched) for _ in range(2)] == [[], ["a.png"]]


def test_what_was_made_of_one_picture_is_not_replaced_by_another(inbox: Path) -> None:
    """They come at different times, so that no plan sees both."""
    first, second = picture(inbox / "a.png"), picture(inbox / "a.jpg")
    watched = watch(inbox, format="WEBP")
    output = OutputOptions(inbox.parent / "out", "WEBP", existing="resume")

    def planned(path: Path) -> BatchPlan:
        sources = Sources([(path, inbox)], from_many=True)
        return watched.checked(plan_batch(sources, output, aim=Aim(SizeOptions(scale=2), (2,))))

    (job,) = planned(first).jobs
    assert job.error is None
    picture(job.sink.path.with_suffix(".png")).rename(job.sink.path)
    watched.remember(Outcome(first, job.sink.path, "done"))
    assert planned(first).jobs[0].error is None, "its own output may be made again"
    (clash,) = planned(second).jobs
    assert isinstance(clash.error, DestinationClash)
    assert f"was made of {first}" in clash.error.message
    first.unlink()
    assert planned(second).jobs == (replace(clash, error=None),), "nobody is there to miss it"


def test_what_cannot_be_watched_is_refused(inbox: Path) -> None:
    picture(inbox / "a.png")
    with pytest.raises(OptionError, match=r"--watch needs folders, and .*a\.png is not one"):
        watch(inbox / "a.png")
    with pytest.raises(OptionError, match="is the folder that is watched"):
        watch(inbox, target=inbox / ".." / "in")
    with pytest.raises(OptionError, match="--watch needs a folder for the outputs"):
        watch(inbox, target=None)
