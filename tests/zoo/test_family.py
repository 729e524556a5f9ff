"""Models by their scale: loaded once, and a caller's own networks among them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSN
from nlsr_cli.zoo import ModelSet, find_models
from nlsr_cli.zoo.checkpoint import save_model
from nlsr_cli.zoo.source import sha256_of


def test_a_network_is_loaded_once() -> None:
    models = find_models("lite")
    assert models.load(2) is models.load(2)
    assert models.load(2) is not find_models("lite").load(2)


def test_own_networks_have_the_hash_of_the_file_in_which_they_would_be_stored(
    tiny_network: Callable[..., NLSN], tmp_path: Path
) -> None:
    network = tiny_network(scale=3)
    models = ModelSet.own({3: network})
    assert (models.scales, models.default, models.load(3)) == ((3,), 3, network)
    save_model(network, tmp_path / "model", "card")
    assert models.weights_sha256(models.source(3)) == sha256_of(tmp_path / "model" / "model.safetensors")


def test_own_networks_lie_under_their_scales(tiny_network: Callable[..., NLSN]) -> None:
    for wrong in ({}, {4: tiny_network(scale=2)}):
        with pytest.raises(OptionError, match="each network under its own scale"):
            ModelSet.own(wrong)
