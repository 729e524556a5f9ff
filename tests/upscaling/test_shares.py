"""Each worker gets a device that is there, and its share of the memory."""

import pytest
import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.limits import DECODER, MAIN
from nlsr_cli.options import UpscaleOptions
from nlsr_cli.upscaling import device, shares
from nlsr_cli.upscaling.shares import shared_out
from nlsr_cli.workers import Workers

GPUS = [torch.device("cuda", number) for number in range(3)]


def devices(asked: str, count: int | None = None) -> tuple[str, ...]:
    return shared_out(UpscaleOptions(), Workers.parse(asked, count))[1]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_devices", lambda: [*GPUS, torch.device("cpu")])
    monkeypatch.setattr(device, "supported_precisions", lambda _: ("fp32", "fp16"))
    monkeypatch.setattr(shares, "foreseen", lambda _: None)


@pytest.mark.usefixtures("gpus")
def test_gpus_are_shared_out() -> None:
    assert devices("cuda:all") == ("cuda:0", "cuda:1", "cuda:2")
    assert devices("cuda:all", 2) == devices("cuda", 2) == devices("auto", 2) == ("cuda:0", "cuda:1")
    assert devices("cuda:0,cuda:2") == ("cuda:0", "cuda:2")
    assert devices("cpu", 2) == ("cpu", "cpu")
    options, _ = shared_out(UpscaleOptions(), Workers.parse("cuda:1,cuda:2", None))
    assert options.compute.device == "cuda:1", "one stands for all where only their kind counts"


@pytest.mark.usefixtures("gpus")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(OptionError, match="--device cuda --workers 4: this machine has 3 GPUs"):
        devices("cuda", 4)
    with pytest.raises(OptionError, match="'cuda:7' is not available"):
        devices("cuda:0,cuda:7")


def test_without_gpus_the_processor_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_devices", lambda: [torch.device("cpu")])
    for known in (("cpu", "fp32"), None):
        monkeypatch.setattr(shares, "foreseen", lambda _, known=known: known)
        assert devices("auto", 3) == ("cpu", "cpu", "cpu")
    with pytest.raises(OptionError, match="--device cuda:all: this machine has 0 GPUs"):
        devices("cuda:all")


def test_max_memory_is_for_all_together() -> None:
    options, _ = shared_out(UpscaleOptions(max_memory=2**32), Workers.parse("cpu", 4))
    assert options.max_memory == 2**30
    alone, _ = shared_out(UpscaleOptions(max_memory=2**20), Workers.parse("cpu", 1))
    assert alone.max_memory == 2**20, "what one process can do with it, it says itself"
    least = MAIN + DECODER
    assert shared_out(UpscaleOptions(max_memory=2 * least), Workers.parse("cpu", 2))[0].max_memory == least
    with pytest.raises(OptionError, match="together, which leaves 559 MiB for each\nhint: Give more than 1120M"):
        shared_out(UpscaleOptions(max_memory=2 * least - 2), Workers.parse("cpu", 2))
