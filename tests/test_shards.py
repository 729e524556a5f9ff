"""A picture is in exactly one shard, and always in the same one."""

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.shards import Shard


@pytest.mark.parametrize("text", ["0/1", "0/2", "1/2", "7/8", " 7/8 ", "07/8"])
def test_a_shard_is_a_number_and_how_many_there_are(text: str) -> None:
    assert Shard.parse(text) == Shard(*map(int, text.split("/")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9/8", "--shard 9/8 is not one of 8\nhint: Shards count from 0, so the last of 8 is --shard 7/8"),
        ("8/8", "--shard 8/8 is not one of 8\nhint: Shards count from 0, so the last of 8 is --shard 7/8"),
        ("0/0", "--shard 0/0 has no parts\nhint: Shards count from 0. For two processes: --shard 0/2 and --shard 1/2"),
        ("-1/8", "--shard must be a number and how many there are, not '-1/8'\nhint: Shards count from 0."),
        ("3", "--shard must be a number and how many there are, not '3'"),
        ("/8", "--shard must be a number and how many there are, not '/8'"),
    ],
)
def test_any_other_is_refused_with_what_is_right(text: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        Shard.parse(text)
    assert str(caught.value).startswith(message)


def test_each_name_is_in_one_shard_and_the_shards_are_about_equal() -> None:
    names = [f"holiday/{number:04}.jpg" for number in range(4000)]
    sizes = [sum(Shard(number, 4).takes(name) for name in names) for number in range(4)]
    assert sum(sizes) == len(names)
    assert all(900 < size < 1100 for size in sizes)


def test_the_division_never_changes() -> None:
    """Or a job that is continued with another version of nlsr would do some pictures twice and others never."""
    taken = [number for number in range(12) if Shard(1, 3).takes(f"beach/{number}.png")]
    assert taken == [1, 4, 5, 10, 11]
    assert Shard(0, 1).takes("bytes that are no text: \udcff")
