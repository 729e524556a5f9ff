"""A network on a device: where it is when it runs."""

from collections.abc import Callable

import pytest
import torch

from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import TileOptions
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.stage import Stage


def test_a_network_that_two_stages_have_is_where_each_needs_it(
    tiny_network: Callable[..., NLSN], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One network in two enlargers, on a GPU and on the CPU: pictures were given to it where it was not.

    Nothing is moved here, as there may be no GPU; where it would be moved is noted.
    """
    model, cpu, gpu = tiny_network(), torch.device("cpu"), torch.device("cuda:0")
    moves: list[torch.device] = []

    def move(*given: torch.device, **_: object) -> NLSN:
        moves.extend(given)
        return model

    monkeypatch.setattr(model, "to", move)
    stages = {each: Stage(model, each, tile=TileOptions(), ensemble=False) for each in (cpu, gpu)}
    for device, stage in stages.items():
        moves.clear()
        stage.runner(Placement(device, "fp32"), stage.plan((8, 8), "fp32", None, None), (8, 8))
        assert moves == [device]
