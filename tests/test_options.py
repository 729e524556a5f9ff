"""Options are checked when they are built, and say what would have been right."""

from dataclasses import FrozenInstanceError

import pytest

from nlsr_cli.errors import OptionError, nearest
from nlsr_cli.options import (
    ComputeOptions,
    EncodeOptions,
    OutputOptions,
    TileOptions,
    UpscaleOptions,
    parse_memory,
)


@pytest.mark.parametrize(("text", "size"), [("auto", None), ("AUTO", None), ("0", 0), ("64", 64)])
def test_tile_sizes(text: str, size: int | None) -> None:
    assert TileOptions.parse(text, 16).size == size


@pytest.mark.parametrize("text", ["", "-1", "1.5", "64px", "²"])
def test_tile_sizes_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="--tile must be"):
        TileOptions.parse(text, 0)


@pytest.mark.parametrize(
    "build",
    [
        lambda: TileOptions(-1),
        lambda: TileOptions(64, -1),
        lambda: TileOptions(64, 32),
        lambda: ComputeOptions("cuda:x"),
        lambda: ComputeOptions("CPU "),
        lambda: ComputeOptions(precision="int8"),
        lambda: EncodeOptions(0),
        lambda: OutputOptions(existing="ask"),
        lambda: OutputOptions(suffix="../up"),
        lambda: UpscaleOptions(max_pixels=0),
    ],
)
def test_nonsense_is_refused(build: object) -> None:
    with pytest.raises(OptionError):
        build()  # type: ignore[operator]


def test_options_cannot_be_changed_by_accident() -> None:
    with pytest.raises(FrozenInstanceError):
        TileOptions().size = 3  # type: ignore[misc]


def test_nearest_names_the_choices_and_a_guess() -> None:
    assert nearest("Lite", ["lite", "base"]) == "Did you mean lite? Valid: lite, base."
    assert nearest("zzz", ["lite", "base"]) == "Valid: lite, base."


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2G", 2**31), ("1.5GB", 3 * 2**29), ("800 MiB", 800 * 2**20), ("1000000", 10**6), ("64k", 2**16), ("1t", 2**40)],
)
def test_memory_is_read_as_people_write_it(text: str, expected: int) -> None:
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-1G", "1e9", "2 G B", "nan", "1.2.3G"])
def test_no_memory_is_told(text: str) -> None:
    with pytest.raises(OptionError, match="--max-memory must be an amount of memory"):
        parse_memory(text)


def test_memory_of_nothing_is_refused() -> None:
    with pytest.raises(OptionError, match="--max-memory must be positive"):
        UpscaleOptions(max_memory=0)
