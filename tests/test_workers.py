"""What is asked of workers is refused with advice where it makes no sense, before anybody looks what is there."""

import re

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.keywords import workers_of
from nlsr_cli.workers import Workers


@pytest.mark.parametrize(
    ("device", "count", "expected"),
    [
        (None, None, Workers(("auto",))),
        ("cuda:0, cuda:2", None, Workers(("cuda:0", "cuda:2"))),
        ("cuda,cuda:1", 2, Workers(("cuda", "cuda:1"), 2)),
        ("cpu,cpu", None, Workers(("cpu", "cpu"))),
        ("cuda:all", None, Workers(("cuda:all",))),
        ("mps", 1, Workers(("mps",), 1)),
    ],
)
def test_devices_are_listed(device: str | None, count: int | None, expected: Workers) -> None:
    assert Workers.parse(device, count) == expected
    assert workers_of({"device": device, "workers": count}) == expected


@pytest.mark.parametrize(
    ("device", "count", "message"),
    [
        (None, 0, "--workers must be from 1 to 256, not 0"),
        (None, 257, "--workers must be from 1 to 256, not 257"),
        ("cpu,gpu", None, r"unknown device 'gpu'\nhint: Did you mean cuda\?"),
        ("cpu,", None, "unknown device ''"),
        ("cuda:0,cuda:0", None, "names cuda:0 twice"),
        ("cuda,cuda:0", None, "names cuda:0 twice"),
        ("cuda:0,cpu", None, "mixes kinds of devices"),
        ("cuda:all,cuda:1", None, "auto and cuda:all stand alone"),
        ("cpu,auto", None, "auto and cuda:all stand alone"),
        ("cpu,cpu", 3, "--workers 3, and --device names 2"),
        ("mps", 2, "a Mac has one GPU"),
        ("mps,mps", None, "names mps twice"),
    ],
)
def test_what_does_not_fit_is_refused(device: str | None, count: int | None, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        Workers.parse(device, count)
    assert caught.value.hint


def test_one_device_stands_for_all_where_only_its_kind_counts() -> None:
    assert Workers.parse("cuda:all", None).first == "cuda"
    assert Workers.parse("cuda:1,cuda:2", None).first == "cuda:1"


def test_a_number_is_a_whole_number() -> None:
    with pytest.raises(OptionError, match="--workers must be a whole number, not '2'"):
        workers_of({"workers": "2"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "spark"}, r"unknown engine 'spark'\nhint: .*local, ray"),
        ({"address": "auto"}, r"--address is that of a Ray cluster\nhint: Add --engine ray"),
        ({"engine": "ray", "address": "ray://head:10001"}, "--address must be auto or HOST:PORT"),
        ({"engine": "ray", "address": "head"}, "--address must be auto or HOST:PORT"),
        ({"engine": "ray", "device": "cuda:1"}, "--device cuda:1 names devices of this machine"),
        ({"engine": "ray", "device": "cpu,cpu"}, "--device cpu,cpu names devices of this machine"),
        ({"engine": "ray", "device": "mps"}, "--device mps names devices of this machine"),
    ],
)
def test_what_is_asked_of_a_cluster_makes_sense(settings: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        workers_of(settings)
    assert re.search(message, str(caught.value))


def test_a_cluster_has_an_address() -> None:
    for address in ("auto", "10.0.0.1:6379", "head.example:6379", "[fd00::1]:6379"):
        asked = workers_of({"engine": "ray", "address": address, "workers": 3})
        assert asked == Workers(("auto",), 3, "ray", address)
